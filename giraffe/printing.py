"""Printing in bulk: a folder of records becomes a folder of image files, in parallel.

Each image is a function of (preset, seed, record) alone. Files are written whole or not at all and
an image that is already there is kept, so an interrupted run is continued by starting it again.
"""

import logging
from pathlib import Path

import cv2
import numpy as np
from joblib import Parallel, delayed
from tqdm import tqdm

from giraffe.ecg.hide import with_image_line
from giraffe.files import copy_with_times, write_atomically
from giraffe.printout.layout import MM_PER_INCH, PAPERS
from giraffe.printout.presets import print_in_memory
from giraffe.randomness import random_stream
from giraffe.records import RecordError, open_record, read_text, read_waveform, scan

log = logging.getLogger(__name__)

PAGE_SECONDS = 10.0
# Level 1 with the Sub filter's default strategy: the smallest and among the fastest on pages.
PNG_SETTINGS = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, 0]


def encode_png(pixels: np.ndarray) -> bytes:
    """A lossless PNG of an image of uint8, shape (height, width, 3), RGB."""
    done, encoded = cv2.imencode(".png", pixels[:, :, ::-1], PNG_SETTINGS)
    if not done:
        raise RuntimeError("PNG encoding failed")
    return encoded.tobytes()


def print_record(path: Path, output: Path, preset: str, dpi: int, seed: int) -> str | None:
    """Print one record and name its image in the header beside it.

    Parameters
    ----------
    path, output : Path
        Record to read and record to write, without extension; they may be the same.
    preset : str
    dpi : int
    seed : int

    Returns
    -------
    str or None
        Why the record cannot be printed, or None.
    """
    image = output.with_name(f"{output.name}-0.png")
    try:
        record = open_record(path)
        if not image.exists():
            waveform = read_waveform(record)
            width, height = (round(mm / MM_PER_INCH * dpi) for mm in PAPERS["letter"])
            rng = random_stream(seed, record.header.name, "print")
            pixels = print_in_memory(waveform, record.header, preset, rng, height, width)
            write_atomically(image, encode_png(pixels))
    except RecordError as error:
        return str(error)
    if path != output:
        for file in record.signals():
            copy_with_times(file, output.parent / file.name)
    header = read_text(path.with_name(path.name + ".hea"))
    write_atomically(output.with_name(output.name + ".hea"), with_image_line(header, [image.name]))
    return None


def print_folder(
    input_folder: str | Path,
    output_folder: str | Path,
    preset: str = "D1",
    dpi: int = 200,
    seed: int = 42,
    jobs: int = 1,
    verbose: bool = True,
) -> tuple[int, dict[str, str]]:
    """Print all records of a folder tree.

    Parameters
    ----------
    input_folder, output_folder : path
        May be the same; otherwise headers and signals are copied beside the images.
    preset : str
    dpi : int
    seed : int
    jobs : int
        Processes, or workers of whatever joblib backend is active.
    verbose : bool
        Whether to show a progress bar.

    Returns
    -------
    (int, dict of str to str)
        Number of records printed, and why the others could not be, by name.
    """
    input_folder, output_folder = Path(input_folder), Path(output_folder)
    records, problems = scan(input_folder)
    tasks = (
        delayed(print_record)(record.path, output_folder / record.name, preset, dpi, seed)
        for record in records
    )
    results = Parallel(n_jobs=jobs, return_as="generator")(tasks)
    bar = tqdm(results, total=len(records), desc="printing", unit="record", disable=not verbose)
    for record, problem in zip(records, bar, strict=True):
        if problem is not None:
            problems[record.name] = problem
    return len(records) - sum(record.name in problems for record in records), problems
