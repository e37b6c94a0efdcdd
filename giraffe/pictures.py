"""Pictures from files, images of any kind and pages of PDF, as upright RGB pixels; and to files."""

import io
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from giraffe.errors import ImageError, LargeImageError
from giraffe.files import write_atomically

MAX_PIXELS = 120_000_000
"""Larger images are refused: a decoded one of this size takes 360 MB."""
LONGEST = 2600
"""Pictures are shrunk to so many px of their longer side: 9 px/mm on a page of A4."""
PDF_DPI = 200
SENT = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "HEIF")
"""Kinds of pictures that are taken from strangers: some of Pillow's others start programs."""
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


def _read(
    path: Path, as_wanted, height: int, width: int, content: bytes | None = None
) -> np.ndarray:
    """What is wanted of an image file, decoded no larger than that needs."""
    if path.suffix.lower() in (".heic", ".heif") or content is not None:
        from pillow_heif import register_heif_opener

        register_heif_opener()
    try:
        opened = path if content is None else io.BytesIO(content)
        with Image.open(opened, formats=None if content is None else SENT) as image:
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
    except Image.DecompressionBombError as error:  # Pillow's own limit comes before ours
        raise LargeImageError(f"{path}: not a readable image ({error})") from error
    except UnidentifiedImageError as error:
        raise ImageError(f"{path}: not a readable image (of no known kind)") from error
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


def read_pdf(
    path: Path, longest: int = LONGEST, content: bytes | None = None, most_pages: int | None = None
) -> list[np.ndarray]:
    """The pages of a PDF file.

    Parameters
    ----------
    path : Path
    longest : int
        A longer side of more px is shrunk to this.
    content : bytes, optional
        What the file would hold, where it is on no disk.
    most_pages : int, optional
        A file of more pages is refused.

    Returns
    -------
    list of ndarray of uint8, shape (height, width, 3)

    Raises
    ------
    ImageError
        If the file is missing, no PDF, broken, too long, or has a page that is too large.
    """
    from pypdfium2 import PdfDocument, PdfiumError

    try:
        with _PDFIUM, PdfDocument(path if content is None else content) as document:
            if most_pages is not None and len(document) > most_pages:
                raise LargeImageError(f"{path}: {len(document)} pages are more than {most_pages}")
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
        raise LargeImageError(
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


def read_files(
    paths: Iterable[Path], problems: dict[str, str]
) -> Iterator[tuple[Path, str, np.ndarray]]:
    """Every picture of some files, in order.

    Parameters
    ----------
    paths : iterable of Path
    problems : dict of str to str
        Gets the reason of every file that cannot be read, by its path.

    Yields
    ------
    Path, str, ndarray of uint8
        The file; what to call the picture: the file's path, with ``#`` and its number where the
        file has several; its pixels, shape (height, width, 3).
    """
    for path in paths:
        try:
            pictures = read_file(path)
        except ImageError as error:
            problems[str(path)] = str(error)
            continue
        for k, pixels in enumerate(pictures, start=1):
            yield path, str(path) if len(pictures) == 1 else f"{path}#{k}", pixels


def decode(encoded, flag: int = cv2.IMREAD_COLOR) -> np.ndarray:
    """A picture that this program encoded, as OpenCV has it: BGR, or what its flag says.

    Raises
    ------
    ValueError
        If it is broken.
    """
    pixels = cv2.imdecode(np.frombuffer(encoded, np.uint8), flag)
    if pixels is None:
        raise ValueError("a picture cannot be decoded: it is broken")
    return pixels


def read_content(content: bytes, name: str, most_pages: int) -> list[np.ndarray]:
    """The pictures of a file that somebody sent, whose kind is told by how it begins.

    Parameters
    ----------
    content : bytes
    name : str
        Of the file, for messages.
    most_pages : int
        See `read_pdf`.

    Returns and errors are those of `read_file`.
    """
    if b"%PDF-" in content[:1024]:
        return read_pdf(Path(name), content=content, most_pages=most_pages)
    path, longest = Path(name), LONGEST
    return [_read(path, lambda image: shrunk(to_rgb(image), longest), longest, longest, content)]


def check_picture_name(path: str | Path) -> None:
    """See that a file's name says a kind of picture that can be written, or none.

    Raises
    ------
    ValueError
        If it says another kind of file.
    """
    path = Path(path)
    if path.suffix and not cv2.haveImageWriter(path.name):
        raise ValueError(f"{path}: no kind of picture that can be written; .png and .jpg can")


def write_picture(path: str | Path, pixels: np.ndarray) -> None:
    """Write pixels, shape (height, width, 3), as the kind of picture that the file's name says.

    Raises
    ------
    ValueError
        As `check_picture_name`.
    """
    path = Path(path)
    check_picture_name(path)
    settings = [cv2.IMWRITE_JPEG_QUALITY, 80] if path.suffix in (".jpg", ".jpeg") else []
    encoded = cv2.imencode(path.suffix or ".png", pixels[:, :, ::-1], settings)[1]
    write_atomically(path, encoded.tobytes())
