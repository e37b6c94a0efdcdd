"""Records to tensors: image files are read, waveforms are printed, both become uint8 arrays."""

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image, ImageOps
from torch.utils.data import Dataset

from giraffe.cache import ImageCache
from giraffe.chartfinder import find_charts
from giraffe.errors import ImageError, RecordError
from giraffe.printout.capture import Placement
from giraffe.printout.presets import print_in_memory
from giraffe.randomness import random_stream
from giraffe.records import Record
from giraffe.straighten import MARGIN, apart, frame_size, lay_flat, loosen

log = logging.getLogger(__name__)

MAX_PIXELS = 120_000_000
"""Larger images are refused: a decoded one of this size takes 360 MB."""
PDF_DPI = 150
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


def read_image(path: Path, height: int, width: int) -> np.ndarray:
    """An image file at the network's size.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)

    Raises
    ------
    ImageError
        If the file is missing, no image, broken or too large.
    """
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
                return resize(to_rgb(image.reduce(factor)), height, width)
            return resize(to_rgb(image), height, width)
    except ImageError:
        raise
    except Exception as error:  # decoders raise whatever a broken file leads them to
        raise ImageError(f"{path}: not a readable image ({error})") from error


def read_pdf(path: Path, height: int, width: int) -> list[np.ndarray]:
    """The pages of a PDF file at the network's size.

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
                pages.append(resize(to_rgb(image), height, width))
            return pages
    except (PdfiumError, OSError) as error:
        raise ImageError(f"{path}: not a readable PDF ({error})") from error


def _check_size(path: Path, width: float, height: float) -> None:
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{path}: {width:.0f} x {height:.0f} px are more than the "
            f"{MAX_PIXELS // 10**6} million that are read"
        )


@dataclass(frozen=True)
class Source:
    """Where a data set's images come from.

    Attributes
    ----------
    height, width : int
        Input size in px.
    images : str
        ``files``, ``printed`` or ``both``; see `giraffe.recipe.Recipe`.
    preset : str
        Printouts that waveforms become.
    all_images : bool
        Whether any image of a record may be used, or the first alone.
    seed : int
    cache : ImageCache or None
        Where decoded image files are kept.
    straightened : bool
        Whether the network sees the chart alone, laid flat.
    """

    height: int
    width: int
    images: str = "files"
    preset: str = "D1"
    all_images: bool = True
    seed: int = 0
    cache: ImageCache | None = None
    straightened: bool = False

    @property
    def frame(self) -> tuple[int, int]:
        """Height and width in px at which pictures are taken."""
        size = self.height, self.width
        return frame_size(*size) if self.straightened else size


def read_cached(path: Path, source: Source) -> np.ndarray:
    """An image file at the size at which pictures are taken, decoded once.

    Returns and errors are those of `read_image`.
    """
    height, width = source.frame
    if source.cache is None:
        return read_image(path, height, width)
    try:
        key = source.cache.key(path, height, width)
    except OSError as error:
        raise ImageError(f"{path}: not a readable image ({error})") from error
    pixels = source.cache.get(key, height, width)
    if pixels is None:
        pixels = read_image(path, height, width)
        source.cache.put(key, pixels)
    return pixels


def load(record: Record, source: Source, epoch: int | None) -> tuple[np.ndarray, Placement | None]:
    """One image of a record.

    Parameters
    ----------
    record : Record
    source : Source
    epoch : int or None
        Training epoch, for which the random choices are drawn; None for validation, which sees
        the same image each time.

    Returns
    -------
    pixels : ndarray of uint8, shape (height, width, 3)
    placement : Placement or None
        Where the page lies in it, if it was printed here and that is known.

    Raises
    ------
    ImageError, RecordError
        If neither a file nor the waveform gives an image.
    """
    rng = random_stream(source.seed, record.header.name, "validation" if epoch is None else epoch)
    files = record.images() if source.images != "printed" else []
    if source.images == "both" and record.has_waveform() and epoch is not None:
        files = files if rng.random() < 0.5 else []
    problem = None
    if files:
        if not source.all_images or epoch is None:
            order = range(1 if not source.all_images else len(files))
        else:
            order = rng.permutation(len(files))
        for i in order:
            try:
                return _as_seen(read_cached(files[i], source), None, source, None)
            except ImageError as error:
                problem = error
    if problem is not None and not record.has_waveform():
        raise problem
    if record.has_waveform():
        printed = print_in_memory(
            record.waveform(), record.header, source.preset, rng, *source.frame
        )
        # Validation sees charts where the finder finds them, as whoever uses the model does.
        return _as_seen(*printed, source, rng if epoch is not None else None)
    for path in record.images():  # printed images are wanted, but there is no waveform
        return _as_seen(read_cached(path, source), None, source, None)
    raise RecordError(f"{record.path}: neither an image file nor a signal file")


def _as_seen(pixels: np.ndarray, placement: Placement | None, source: Source, rng):
    """A picture as the network sees it, and where the page then lies.

    With ``rng``, the chart is cut out of a page whose place is known, not quite exactly; without,
    it is found.
    """
    if not source.straightened:
        return pixels, placement
    if placement is None or rng is None:
        chart = find_charts([pixels])[0]
    else:
        chart = loosen(placement.chart_corners(), rng)
    if placement is not None:
        placement = placement.seen_through(apart(chart, MARGIN))
    return lay_flat(pixels, chart, source.height, source.width), placement


class PrintoutDataset(Dataset):
    """Images and labels of records.

    A key is a record's position and the epoch, None for validation. An item is
    ``(image, targets, measured, cells, index, problem)``: uint8 of shape (3, height, width);
    float32 of shapes (11,), (measurements,) and (numbers, rows, columns) with NaN where unknown;
    the record's position, and None. Where the record cannot be used, ``image`` is None and
    ``problem`` says why.
    """

    def __init__(self, records: list[Record], source: Source, flips: bool = False):
        self.records = records
        self.source = source
        self.flips = flips

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, key: tuple[int, int | None]):
        index, epoch = key
        record = self.records[index].at(epoch)
        targets = torch.from_numpy(record.targets())
        try:
            pixels, placement = load(record, self.source, epoch)
        except (ImageError, RecordError) as error:
            return None, targets, torch.empty(0), torch.empty(0), index, str(error)
        if self.flips and epoch is not None:
            rng = random_stream(self.source.seed, record.header.name, epoch, "flip")
            if rng.random() < 0.5:
                pixels = pixels[:, ::-1]
        image = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)
        measured = torch.from_numpy(record.measured())
        cells = torch.from_numpy(record.cells(placement, *pixels.shape[:2]))
        return image, targets, measured, cells, index, None
