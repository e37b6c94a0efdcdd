"""Training of the ink network on printed pages of which every trace is known."""

from pathlib import Path

import cv2
import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import Dataset

from giraffe.chart.flat import POINTS_PER_PX, lay_rows
from giraffe.chart.ink import InkNetwork, place_maps, places_of
from giraffe.chart.ink_pages import NOTHING, InkPage, ink_pages, row_truth
from giraffe.chart.known import known_chart
from giraffe.chart.lessons import teach
from giraffe.chart.views import relit
from giraffe.randomness import random_stream

LEARNING_RATE = 4e-3
RISE = 0.1  # share of the steps in which the learning rate rises
WRONG = (0.0, 0.006)  # shares of the chart's sides by which it may be held wrongly
PART_PX = 448  # width of the parts of rows that are learned
HEIGHTS_PX = (192, 224, 288)  # of the parts
ROWS = 6  # parts of a page at a time
PAGES = 3  # in a batch
STEEP_PX, STEEPEST = 6.0, 3.0  # change of height per point that doubles a point's weight; most
AVERAGED = 0.997  # share of the averaged weights that a step leaves as they were


class Parts(Dataset):
    """Parts of rows; a key is (page, epoch, height)."""

    def __init__(self, pages: list[InkPage], seed: int):
        self.pages, self.seed = pages, seed

    def __len__(self) -> int:
        return len(self.pages)

    def __getitem__(self, key):
        index, epoch, height = key
        rng = random_stream(self.seed, "ink", index, epoch)
        cv2.setNumThreads(1)
        cv2.setRNGSeed(int(rng.integers(2**31)))
        page = self.pages[index]
        pixels = np.ascontiguousarray(page.pixels())
        chart = known_chart(page.placement, pixels.shape[:2], rng, rng.uniform(*WRONG))
        flat = lay_rows(pixels, chart, lambda row: relit(row, rng))
        return [self._part(page, flat, row, height, rng) for row in self._rows(flat, rng)]

    def _rows(self, flat, rng) -> list[int]:
        return [int(row) for row in rng.permutation(np.resize(np.arange(len(flat.pixels)), ROWS))]

    def _part(self, page, flat, row: int, height: int, rng):
        truth = row_truth(page, flat, row)
        down, along = places_of(flat, row)
        pixels = flat.pixels[row]
        rows, columns = pixels.shape[:2]
        if rows < height:
            below = height - rows
            pixels = cv2.copyMakeBorder(pixels, 0, below, 0, 0, cv2.BORDER_REPLICATE)
            step = down[1] - down[0]
            down = np.append(down, down[-1] + step * np.arange(1, below // 2 + 1))
        # Ends of rows and what stands beside them are learned more often than their share.
        left = int(np.clip(rng.integers(-PART_PX // 2, columns - PART_PX // 2), 0,
                           columns - PART_PX)) // 2 * 2  # fmt: skip
        top = int(rng.integers(0, (pixels.shape[0] - height) // 2 + 1)) * 2
        part = np.ascontiguousarray(pixels[top : top + height, left : left + PART_PX])
        first, number = round(left * POINTS_PER_PX), round(PART_PX * POINTS_PER_PX)
        truth = truth[first : first + number]
        moved = truth - top
        outside = (moved < 0.5) | (moved > height - 0.5)
        truth = np.where(np.isnan(truth), np.nan, np.where(outside, NOTHING, moved))
        where = slice(left // 2, (left + PART_PX) // 2)
        places = place_maps(down[top // 2 : (top + height) // 2], along[:, where])
        return (
            torch.from_numpy(part).permute(2, 0, 1),
            torch.from_numpy(places.astype(np.float32)),
            torch.from_numpy(truth.astype(np.float32)),
        )


def gather(items):
    """A batch of parts: pixels, places, truth."""
    parts = [part for item in items for part in item]
    return [torch.stack(column) for column in zip(*parts, strict=True)]


def keys_of(number: int, epoch: int, seed: int) -> list[list[tuple]]:
    """Batches of keys: pages in random order, all parts of a batch of one height."""
    rng = random_stream(seed, "ink order", epoch)
    order = rng.permutation(number)
    batches = []
    for k in range(0, number - PAGES + 1, PAGES):
        height = int(rng.choice(HEIGHTS_PX))
        batches.append([(int(index), epoch, height) for index in order[k : k + PAGES]])
    return batches


def ink_loss(network: InkNetwork, batch) -> tuple[torch.Tensor, dict]:
    """Loss of a batch of parts, and figures about it.

    A height between the middles of two pixels is shared between them; steep parts of the trace,
    where most of a QRS complex lies, weigh more.
    """
    pixels, places, truth = batch
    pixels, places = (
        part.contiguous(memory_format=torch.channels_last) for part in (pixels, places)
    )
    found = functional.log_softmax(network(pixels, places).float(), dim=1)
    last = found.shape[1] - 1
    known, printed = torch.isfinite(truth), truth >= 0
    height = torch.where(printed, truth - 0.5, torch.zeros_like(truth)).nan_to_num(0.0)
    below = height.floor().long().clamp(0, last - 2)
    share = (height - below).clamp(0, 1)
    at = [found.gather(1, (below + k)[:, None])[:, 0] for k in (0, 1)]
    cross = -(1 - share) * at[0] - share * at[1]
    # What a shared height costs at least is no fault.
    cross = cross - torch.special.entr(share) - torch.special.entr(1 - share)
    loss = torch.where(printed, cross, -found[:, last])
    step = (height[:, 1:] - height[:, :-1]).abs()
    step = functional.pad(step, (0, 1)) + functional.pad(step, (1, 0))
    weight = known * torch.where(printed, (1 + step / (2 * STEEP_PX)).clamp(max=STEEPEST), 1.0)
    total = (loss * weight).sum() / weight.sum()
    with torch.no_grad():
        best = found[:, :last].argmax(dim=1)
        near = (best - height).abs() <= 1.5
        said = found[:, last].exp() < 0.5
        parts = {
            "loss": total,
            "near": near[known & printed].float().mean(),
            "missed": (~said)[known & printed].float().mean(),
            "invented": said[known & ~printed].float().mean().nan_to_num(0.0),
        }
    return total, parts


def learn_ink(
    output: str | Path,
    folder: str | Path,
    number: int,
    epochs: int,
    seed: int = 0,
    jobs: int = -1,
    initial: str | Path | None = None,
    learning_rate: float = LEARNING_RATE,
    records=(),
    verbose: bool = True,
) -> None:
    """Train the ink network and keep its weights, as it goes on.

    Parameters
    ----------
    output : path
        File of weights in float16.
    folder : path
        Where printed pages are kept; those of the same seed are printed once.
    number : int
        Printed pages.
    epochs : int
        How often each is seen.
    seed : int
    jobs : int
        Processes that print; -1: one per core.
    initial : path, optional
        Weights to start from.
    learning_rate : float
        The highest.
    records : sequence of path
        Records with waveforms, of which some pages are printed; the others are of simulated
        patients.
    verbose : bool

    Raises
    ------
    ValueError
        If there are too few pages or epochs.
    """
    if number < PAGES or epochs < 1:
        raise ValueError(f"at least {PAGES} pages and one epoch are needed")
    torch.manual_seed(seed)
    pages = list(ink_pages(Path(folder), seed, number, records, jobs, verbose))
    keys = [batch for epoch in range(epochs) for batch in keys_of(number, epoch, seed)]
    teach(
        InkNetwork(), Parts(pages, seed), keys, gather, ink_loss, output, learning_rate, RISE,
        initial, AVERAGED, verbose,
    )  # fmt: skip
