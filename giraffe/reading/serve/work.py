"""From the bytes of a file to readings: all the work behind the page, in a thread of its own."""

from dataclasses import dataclass, field

import numpy as np

from giraffe.errors import ImageError, LargeImageError
from giraffe.network.classifier import Classifier
from giraffe.pictures import read_content
from giraffe.reading import explaining
from giraffe.reading.explaining import COVER, HOT, LEAST, OUTLINED, WARM
from giraffe.reading.read import Reading, read_picture
from giraffe.reading.serve.refusals import no_page, not_a_picture, too_large

HEAT_PX = 600  # of the longer side: heat is blurred by nature
MOST_PAGES = 12  # of a PDF; `giraffe read` takes any number


@dataclass(frozen=True)
class Page:
    """One picture of a file, and what was read of it.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
    reading : Reading
    heat : dict of str to ndarray of uint8, shape (rows, columns, 4)
        Where a label came from, by its name: transparent colours to be laid over the picture.
    """

    pixels: np.ndarray
    reading: Reading
    heat: dict[str, np.ndarray] = field(default_factory=dict)


class Reader:
    """Reads what was sent, one file at a time.

    Parameters
    ----------
    classifier : Classifier
    """

    def __init__(self, classifier: Classifier):
        self.classifier = classifier

    def read(
        self,
        content: bytes,
        name: str,
        whole: bool = False,
        only: int | None = None,
        heat: bool = False,
    ) -> list[Page]:
        """Read a file.

        Parameters
        ----------
        content : bytes
        name : str
        whole : bool
            Whether pictures without a chart are classified as a whole.
        only : int, optional
            Number of the one page, from 1, that is wanted.
        heat : bool
            Whether it is wanted where labels came from.

        Raises
        ------
        giraffe.reading.serve.refusals.Refusal
            If it is no picture, too large, or has no such page.
        """
        try:
            pictures = read_content(content, name, MOST_PAGES)
        except LargeImageError as error:
            raise too_large(f"{error}. giraffe read on the command line may take it.") from error
        except ImageError as error:
            raise not_a_picture(name) from error
        if only is not None and not 1 <= only <= len(pictures):
            raise no_page(only, len(pictures))
        pages = []
        for k, pixels in enumerate(pictures, start=1):
            if only in (None, k):
                shown = name if len(pictures) == 1 else f"{name}#{k}"
                pages.append(self._page(pixels, shown, whole, heat))
        return pages

    def _page(self, pixels: np.ndarray, name: str, whole: bool, heat: bool) -> Page:
        reading = read_picture(pixels, self.classifier, name, whole)
        if not heat or not reading.labels:
            return Page(pixels, reading)
        factor = min(HEAT_PX / max(pixels.shape[:2]), 1)
        shape = tuple(max(round(side * factor), 1) for side in pixels.shape[:2])
        names = [label.name for label in reading.labels]
        found = explaining.heat(pixels, reading.finding, self.classifier, names, shape)
        return Page(pixels, reading, {name: coloured(values) for name, values in found.items()})


def coloured(values: np.ndarray) -> np.ndarray:
    """Heat as a picture to be laid over another, as `giraffe.reading.explaining.overlay` has it.

    Parameters
    ----------
    values : ndarray of float32, shape (height, width)
        From 0 to 1.

    Returns
    -------
    ndarray of uint8, shape (height, width, 4)
        RGB, and how much of it covers what lies below.
    """
    values = values[:, :, None]
    warm, hot = np.array(WARM, np.float32), np.array(HOT, np.float32)
    share = COVER * np.clip((values - LEAST) / (OUTLINED - LEAST), 0, 1)
    return np.dstack([warm + values * (hot - warm), 255 * share]).round().astype(np.uint8)
