"""What can go wrong with what comes in; each message names the file and what is wrong with it."""


class RecordError(ValueError):
    """A record that cannot be used."""


class ImageError(ValueError):
    """An image that cannot be used."""


class LargeImageError(ImageError):
    """An image of more pixels or pages than are read."""


class ModelError(ValueError):
    """A model folder that cannot be used; the message says what to do."""
