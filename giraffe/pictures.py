"""Pictures from files: images of any kind and pages of PDF, upright, as RGB pixels."""

import threading
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from giraffe.errors import ImageError

MAX_PIXELS = 120_000_000
"""Larger images are refused: a decoded one of this size takes 360 MB."""
LONGEST = 2600
"""Pictures are shrunk to so many px of their longer side: 9 px/mm on a page of A4."""
PDF_DPI = 200
_PDFIUM = threading.Lock()  # PDFium knows one thread only


def to_rgb(image: Image.Image) -> np.ndarray:
    """Pixels of a PIL image of any mode, upright, on white where it is transparent.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    image = ImageOps.exif_transpose(image) if image.getexif().get(0x0112, 1) != 1 else image
    if image.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        values = np.nan_to_num(np.asarray(image, dtype=np.float32))
        # What white is, is not said: the least of the usual depths that holds all values.
        depths = [top for top in (1, 255, 4095, 65535) if image.mode == "F" or top > 1]
        white = next((top for top in depths if values.max() <= top), depths[-1])
        grey = np.clip(values * (255 / white), 0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return np.asarray(image.convert("RGB"))


def resize(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Pixels at the network's size, averaged where they shrink."""
    if pixels.shape[:2] == (height, width):
        return np.ascontiguousarray(pixels)
    shrinks = pixels.shape[0] >= height and pixels.shape[1] >= width
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(pixels, (width, height), interpolation=method)


def read_picture(path: Path, longest: int = LONGEST) -> np.ndarray:
    """An image file in its own proportions.

    Parameters
    ----------
    path : Path
    longest : int
        A longer side of more px is shrunk to this.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)

    Raises
    ------
    ImageError
        If the file is missing, no image, broken or too large.
    """
    return _read(path, lambda image: shrunk(to_rgb(image), longest), longest, longest)


def read_image(path: Path, height: int, width: int) -> np.ndarray:
    """An image file squeezed to a size.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)

    Raises
    ------
    ImageError
        If the file is missing, no image, broken or too large.
    """
    return _read(path, lambda image: resize(to_rgb(image), height, width), height, width)


def _read(path: Path, as_wanted, height: int, width: int) -> np.ndarray:
    """What is wanted of an image file, decoded no larger than that needs."""
    if path.suffix.lower() in (".heic", ".heif"):
        from pillow_heif import register_heif_opener

        register_heif_opener()
    try:
        with Image.open(path) as image:
            _check_size(path, image.width, image.height)
            # JPEG can be decoded at a fraction of its size; never below what is needed.
            image.draft("RGB", (2 * width, 2 * height))
            # Giant images shrink before they are copied; also never below twice what is needed.
            factor = min(image.width // (2 * width), image.height // (2 * height))
            if factor > 1 and image.mode in ("L", "LA", "RGB", "RGBA", "CMYK"):
                return as_wanted(image.reduce(factor))
            return as_wanted(image)
    except ImageError:
        raise
    except Exception as error:  # decoders raise whatever a broken file leads them to
        raise ImageError(f"{path}: not a readable image ({error})") from error


def shrunk(pixels: np.ndarray, longest: int) -> np.ndarray:
    """A picture whose longer side has at most so many px."""
    factor = longest / max(pixels.shape[:2])
    if factor >= 1:
        return np.ascontiguousarray(pixels)
    size = [max(round(side * factor), 1) for side in pixels.shape[1::-1]]
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def thinned(pixels: np.ndarray, longest: int) -> np.ndarray:
    """A picture shrunk by a whole number until its longer side is below twice so many px.

    Much faster than `shrunk`; what does not fill a whole px at the right and lower border, less
    than a thousandth of a picture, is left out.
    """
    step = max(pixels.shape[:2]) // longest
    if step < 2 or min(pixels.shape[:2]) < step:
        return np.ascontiguousarray(pixels)
    rows, columns = pixels.shape[0] // step, pixels.shape[1] // step
    whole = pixels[: rows * step, : columns * step]
    return cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA)


def read_pdf(path: Path, longest: int = LONGEST) -> list[np.ndarray]:
    """The pages of a PDF file.

    Returns
    -------
    list of ndarray of uint8, shape (height, width, 3)

    Raises
    ------
    ImageError
        If the file is missing, no PDF, broken, or has a page that is too large.
    """
    from pypdfium2 import PdfDocument, PdfiumError

    try:
        with _PDFIUM, PdfDocument(path) as document:
            pages = []
            for page in document:
                scale = PDF_DPI / 72
                _check_size(path, *(side * scale for side in page.get_size()))
                image = page.render(scale=scale).to_pil()
                pages.append(shrunk(to_rgb(image), longest))
            return pages
    except (PdfiumError, OSError) as error:
        raise ImageError(f"{path}: not a readable PDF ({error})") from error


def _check_size(path: Path, width: float, height: float) -> None:
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{path}: {width:.0f} x {height:.0f} px are more than the "
            f"{MAX_PIXELS // 10**6} million that are read"
        )


def read_file(path: Path, longest: int = LONGEST) -> list[np.ndarray]:
    """The pictures of a file: one of an image, one for each page of a PDF.

    Returns and errors are those of `read_picture` and `read_pdf`.
    """
    if path.suffix.lower() == ".pdf":
        return read_pdf(path, longest)
    return [read_picture(path, longest)]
