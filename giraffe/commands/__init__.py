"""The commands of `giraffe`, one file for each group; each has ``add``, which makes its parsers."""
