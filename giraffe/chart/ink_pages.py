"""Printed pages on which the ink network learns: pictures, and the traces that are in them."""

import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from joblib import Parallel, delayed

from giraffe.chart.flat import POINTS_PER_PX, FlatRows
from giraffe.chart.pages import COMMENTS
from giraffe.chart.truth import row_ends
from giraffe.ecg.records import LEADS, Header, Waveform, open_record, read_waveform
from giraffe.ecg.simulate import simulate
from giraffe.pictures import decode
from giraffe.printout.placement import Placement
from giraffe.printout.presets import KITS, SCENES, capture_scene, draw_scene, print_in_memory
from giraffe.printout.render import strip_pixels
from giraffe.progress import progress_bar
from giraffe.randomness import random_stream

PRESETS = (("giraffe", 0.90), ("D1", 0.04), ("D2", 0.03), ("D3", 0.03))
LONGEST = (1300, 2500)  # px of the longer side of a page
REAL = 0.5  # share of pages of real records, where there are any
CHUNK = 10  # pages that a process prints at a time
UNTAUGHT = np.nan  # where one lead changes to the next
NOTHING = -1.0  # height where no trace is seen


@dataclass(frozen=True)
class InkPage:
    """A printed page with all that is drawn on it.

    Attributes
    ----------
    encoded : bytes
        JPEG file.
    placement : Placement
    waveform : Waveform
        What is drawn.
    """

    encoded: bytes
    placement: Placement
    waveform: Waveform

    def pixels(self) -> np.ndarray:
        """RGB pixels."""
        return decode(self.encoded)[:, :, ::-1]


def ink_page(seed: int, k: int, records=()) -> InkPage:
    """Page k of a seed, of a simulated patient or of one of some records with waveforms."""
    rng = random_stream(seed, "ink page", k)
    names, shares = [name for name, _ in PRESETS], [share for _, share in PRESETS]
    preset = str(rng.choice(names, p=shares))
    if records and rng.random() < REAL:
        wave = read_waveform(open_record(records[rng.integers(len(records))]))
    else:
        wave = Waveform(simulate(seed, k).signal, 500.0, LEADS)
    header = Header(
        f"{seed} {k}", wave.fs, wave.signal.shape[1], wave.leads, (), (), (), True, (), COMMENTS
    )
    longest = int(rng.integers(*LONGEST))
    if preset in KITS:
        height = round(longest * 8.5 / 11)
        pixels, placement = print_in_memory(wave, header, preset, rng, height, longest)
    else:
        scene = draw_scene(wave, header, SCENES[preset], rng)
        aspect = scene.placement.frame.aspect
        height, width = (round(longest * side / max(1.0, aspect)) for side in (1.0, aspect))
        pixels, placement, wave = (
            capture_scene(scene, height, width),
            scene.placement,
            scene.waveform,
        )
    options = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(88, 98))]
    encoded = cv2.imencode(".jpg", np.ascontiguousarray(pixels[:, :, ::-1]), options)[1]
    return InkPage(encoded.tobytes(), placement, wave)


def _print_chunk(folder: Path, seed: int, first: int, last: int, records) -> Path:
    cv2.setNumThreads(1)
    path = folder / f"{seed}-{first}-{last}.inkpages"
    if not path.exists():
        found = [ink_page(seed, k, records) for k in range(first, last)]
        temporary = path.with_suffix(".part")
        temporary.write_bytes(pickle.dumps(found))
        temporary.rename(path)
    return path


def ink_pages(
    folder: Path, seed: int, number: int, records=(), jobs: int = -1, verbose: bool = True
) -> Iterator[InkPage]:
    """So many pages, printed by several processes and kept in a folder of this run's own."""
    folder.mkdir(parents=True, exist_ok=True)
    bounds = [(k, min(k + CHUNK, number)) for k in range(0, number, CHUNK)]
    work = Parallel(jobs, return_as="generator")(
        delayed(_print_chunk)(folder, seed, first, last, records) for first, last in bounds
    )
    for path in progress_bar(work, total=len(bounds), desc="printing", shown=verbose):
        yield from pickle.loads(path.read_bytes())


def row_truth(page: InkPage, flat: FlatRows, row: int) -> np.ndarray:
    """Height of a row's trace at every point of its flat picture.

    Returns
    -------
    ndarray, shape (points,)
        In px from the upper border; `NOTHING` where nothing is printed or seen, `UNTAUGHT` at the
        changes of leads.
    """
    layout = page.placement.page
    level = row_ends(layout)[row][0]
    point = (np.arange(flat.points) + 0.5) / POINTS_PER_PX
    heights, starts = np.full(flat.points, NOTHING), []
    strips = sorted((s for s in layout.strips if s.baseline == level), key=lambda s: s.x)
    for strip in strips:
        mm = np.stack(strip_pixels(layout, strip, page.waveform, 1.0, 1.0), axis=1)
        seen = page.placement.to_frame(np.nan_to_num(mm))
        hidden = np.isnan(mm[:, 1]) | (seen < 0).any(axis=1) | (seen > 1).any(axis=1)
        x, y = flat.from_picture(row, seen).T
        y[hidden] = np.nan
        inside = (point >= x[0]) & (point <= x[-1])
        heights[inside] = np.interp(point[inside], x, y)
        starts.append(x[0])
    seen = (heights > 0) & (heights < flat.pixels.shape[1])
    heights[~seen] = NOTHING
    for start in starts[1:]:
        heights[np.abs(point - start) < 1.0] = UNTAUGHT
    return heights
