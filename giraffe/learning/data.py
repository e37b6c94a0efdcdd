"""Records to tensors: image files are read, waveforms are printed, both become uint8 arrays."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from giraffe.chart.geometry import apart, loosen
from giraffe.chart.lighting import MARGIN, cut_out, even_light, frame_size
from giraffe.chart.reader import find_chart, reader_version
from giraffe.ecg.records import Record
from giraffe.errors import ImageError, RecordError
from giraffe.learning.cache import ImageCache
from giraffe.pictures import read_image, read_picture
from giraffe.printout.capture import Placement
from giraffe.printout.presets import print_in_memory
from giraffe.randomness import random_stream

log = logging.getLogger(__name__)


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
    def frame(self) -> tuple[int | None, int]:
        """Height and width in px at which pictures are printed; see `print_in_memory`."""
        return frame_size(self.height, self.width, self.straightened)


def read_cached(path: Path, source: Source) -> np.ndarray:
    """An image file at the network's size, or its chart; read, and found, once.

    Where no chart is found, it is the whole picture. Returns and errors are those of `read_image`.
    """
    height, width = source.height, source.width
    view = f"chart {reader_version()}" if source.straightened else ""

    def read():
        if not source.straightened:
            return read_image(path, height, width)
        picture = read_picture(path)
        chart = find_chart(picture).chart
        return cut_out(picture, None if chart is None else chart.corners, height, width)

    if source.cache is None:
        return read()
    try:
        key = source.cache.key(path, height, width, view)
    except OSError as error:
        raise ImageError(f"{path}: not a readable image ({error})") from error
    pixels = source.cache.get(key, height, width)
    if pixels is None:
        pixels = read()
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
                return _file_as_seen(files[i], source), None
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
        return _file_as_seen(path, source), None
    raise RecordError(f"{record.path}: neither an image file nor a signal file")


def _file_as_seen(path: Path, source: Source) -> np.ndarray:
    pixels = read_cached(path, source)
    return even_light(pixels) if source.straightened else pixels


def _as_seen(pixels: np.ndarray, placement: Placement, source: Source, rng):
    """A printed page as the network sees it, and where it then lies.

    With ``rng``, the chart is cut out where it is known to lie, not quite exactly; without, where
    it is found.
    """
    if not source.straightened:
        return pixels, placement
    if rng is not None:
        corners = loosen(placement.chart_corners(), rng)
    else:
        chart = find_chart(pixels).chart
        corners = None if chart is None else chart.corners
    if corners is not None:
        placement = placement.seen_through(apart(corners, MARGIN))
    return even_light(cut_out(pixels, corners, source.height, source.width)), placement


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
