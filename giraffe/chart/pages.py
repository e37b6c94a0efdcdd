"""Printed pages to learn from: pictures of simulated patients' charts, and pictures without one."""

import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from joblib import Parallel, delayed

from giraffe.ecg.records import LEADS, Header, Waveform
from giraffe.ecg.simulate import simulate
from giraffe.pictures import decode
from giraffe.printout.placement import Placement
from giraffe.printout.presets import print_in_memory
from giraffe.progress import progress_bar
from giraffe.randomness import random_stream

PRESETS = (("giraffe", 0.88), ("D1", 0.04), ("D2", 0.04), ("D3", 0.04))
WITHOUT = 0.2  # share of pictures without a chart
STRIPS = 0.15  # share of these that are strips of one lead
LONGEST = (1100, 1700)  # px of the longer side of a printed page
CHUNK = 40  # pages that a process prints at a time
COMMENTS = {"Age": "61", "Sex": "Female", "Height": "168", "Weight": "70"}


@dataclass(frozen=True)
class Printed:
    """A picture to learn from: its file's bytes, and where the page lies, if there is a chart."""

    encoded: bytes
    placement: Placement | None
    kind: str
    aspect: float

    def pixels(self, reduced: bool) -> np.ndarray:
        """RGB pixels; `reduced`: at half the size."""
        flag = cv2.IMREAD_REDUCED_COLOR_2 if reduced else cv2.IMREAD_COLOR
        return decode(self.encoded, flag)[:, :, ::-1]


def printed_page(seed: int, k: int, preset: str | None = None) -> Printed:
    """A page of a simulated patient."""
    rng = random_stream(seed, "page", k)
    names, shares = [name for name, _ in PRESETS], [share for _, share in PRESETS]
    preset = preset or str(rng.choice(names, p=shares))
    wave = Waveform(simulate(seed, k).signal, 500.0, LEADS)
    header = Header(
        f"{seed} {k}", 500.0, wave.signal.shape[1], LEADS, (), (), (), True, (), COMMENTS
    )
    longest = int(rng.integers(*LONGEST))
    pixels, placement = print_in_memory(wave, header, preset, rng, None, longest)
    return _kept(pixels, placement, "chart", rng)


def other_page(seed: int, k: int) -> Printed:
    """A picture without a chart of twelve leads."""
    from giraffe.printout.others import TRAINING_KINDS, label_of, other_picture

    rng = random_stream(seed, "other", k)
    kind = str(rng.choice(list(TRAINING_KINDS)))
    kind = "one_strip" if rng.random() < STRIPS else kind
    return _kept(other_picture(kind, rng), None, label_of(kind), rng)


def _kept(pixels, placement, kind: str, rng) -> Printed:
    quality = int(rng.integers(85, 96))
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    encoded = cv2.imencode(".jpg", np.ascontiguousarray(pixels[:, :, ::-1]), options)[1].tobytes()
    return Printed(encoded, placement, kind, pixels.shape[1] / pixels.shape[0])


def _print_chunk(folder: Path, seed: int, first: int, last: int) -> Path:
    cv2.setNumThreads(1)
    path = folder / f"{seed}-{first}-{last}.pages"
    if not path.exists():
        found = []
        for k in range(first, last):
            without = random_stream(seed, "without", k).random() < WITHOUT
            found.append(other_page(seed, k) if without else printed_page(seed, k))
        temporary = path.with_suffix(".part")
        temporary.write_bytes(pickle.dumps(found))
        temporary.rename(path)
    return path


def pages(folder: Path, seed: int, number: int, jobs: int = -1, verbose=True) -> Iterator[Printed]:
    """So many pictures, printed by several processes and kept in a folder of this run's own."""
    folder.mkdir(parents=True, exist_ok=True)
    bounds = [(k, min(k + CHUNK, number)) for k in range(0, number, CHUNK)]
    work = Parallel(jobs, return_as="generator")(
        delayed(_print_chunk)(folder, seed, first, last) for first, last in bounds
    )
    for path in progress_bar(work, total=len(bounds), desc="printing", unit="chunk", shown=verbose):
        yield from pickle.loads(path.read_bytes())
