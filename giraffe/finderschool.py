"""Training of the chart finder: printed pages of which it is known where their charts lie.

Each page is printed once and seen several times, turned, tilted, moved and zoomed anew: where a
chart lies has little to do with what is drawn on it, so few pages are enough.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from joblib import Parallel, delayed
from tqdm import tqdm

from giraffe.chartfinder import (
    PICTURE,
    ROOM,
    ChartFinder,
    as_batch,
    find_charts,
    view,
)
from giraffe.checkpoint import save_tensors
from giraffe.ecg.simulate import simulate
from giraffe.printout.capture import WHOLE_FRAME
from giraffe.printout.presets import print_in_memory
from giraffe.randomness import random_stream
from giraffe.records import LEADS, Header, Waveform
from giraffe.straighten import apart, inside, side_lengths

log = logging.getLogger(__name__)

PRESETS = (("giraffe", 0.84), ("D1", 0.08), ("D2", 0.04), ("D3", 0.04))
VALIDATION = 400  # pages, but not more than are learned from
LEARNING_RATE, WEIGHT_DECAY, BATCH = 2e-3, 1e-2, 32
TURN, MOVE, SLANT = 4.0, 0.05, 0.025  # standard deviations: degrees; shares of the frame
ZOOM = (0.7, 1.25)
WRONG = (0.003, 0.05)  # shares of the chart's sides
COMMENTS = {"Age": "61", "Sex": "Female", "Height": "168", "Weight": "70"}


def printed_page(seed: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """A page of a simulated patient and the corners of its chart.

    Returns
    -------
    pixels : ndarray of uint8, shape (*PICTURE, 3)
    corners : ndarray, shape (4, 2)
        In shares of the picture.
    """
    rng = random_stream(seed, "page", k)
    names, shares = zip(*PRESETS, strict=True)
    preset = str(rng.choice(names, p=shares))
    wave = Waveform(simulate(seed, k).signal, 500.0, LEADS)
    header = Header(
        f"{seed} {k}", 500.0, wave.signal.shape[1], LEADS, (), (), (), True, (), COMMENTS
    )
    pixels, placement = print_in_memory(wave, header, preset, rng, *PICTURE)
    return pixels, placement.chart_corners()


def seen(pixels, corners, window, rng) -> tuple[np.ndarray, np.ndarray]:
    """A part of a page's picture as the finder sees it, and the chart's corners in it.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (*PICTURE, 3)
    corners : ndarray, shape (4, 2)
    window : function of corners and rng
        `held` or `nearby`.
    rng : numpy.random.Generator
    """
    cut = window(corners, rng)
    return view(pixels, cut), inside(corners, cut)


def held(corners: np.ndarray, rng) -> np.ndarray:
    """A window on the picture as if the camera had been held otherwise."""
    angle, zoom = np.deg2rad(rng.normal(0, TURN)), rng.uniform(*ZOOM)
    frame = (np.array(WHOLE_FRAME) - 0.5) * (2, 1)  # with square pixels
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    window = (frame @ turn / zoom) / (2, 1) + 0.5
    return window + rng.normal(0, MOVE, 2) + rng.normal(0, SLANT, (4, 2))


def nearby(corners: np.ndarray, rng) -> np.ndarray:
    """A window around a chart that was found more or less exactly."""
    wrong = rng.uniform(*WRONG)
    found = corners + side_lengths(corners) * rng.normal(0, wrong, (4, 2))
    return apart(found, ROOM)


def _print_pages(seed: int, numbers: list[int]):
    cv2.setNumThreads(1)
    return [printed_page(seed, k) for k in numbers]


def pages(seed: int, number: int, jobs: int = -1, verbose: bool = True) -> Iterator:
    """So many printed pages, made by several processes."""
    chunks = [list(range(k, min(k + 50, number))) for k in range(0, number, 50)]
    work = Parallel(jobs, return_as="generator")(delayed(_print_pages)(seed, c) for c in chunks)
    for chunk in tqdm(work, total=len(chunks), desc="printing", disable=not verbose):
        yield from chunk


def error(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Mean distance of corners, shape (n, 4, 2), in shares of the chart's sides; shape (n,)."""
    return (np.abs(found - truth) / side_lengths(truth)[:, None]).mean(axis=(1, 2))


def learn(
    output: str | Path,
    number: int,
    epochs: int,
    seed: int = 0,
    jobs: int = -1,
    verbose: bool = True,
) -> float:
    """Train a chart finder and keep its weights.

    Parameters
    ----------
    output : path
        File of weights in float16.
    number : int
        Printed pages.
    epochs : int
        How often each is seen.
    seed : int
    jobs : int
        Processes that print; -1: one per core.
    verbose : bool

    Returns
    -------
    float
        Median error on pages that were not learned from; see `error`.

    Raises
    ------
    ValueError
        If there are too few pages or epochs.
    """
    if number < BATCH or epochs < 1:
        raise ValueError(f"at least {BATCH} pages and one epoch are needed")
    torch.manual_seed(seed)
    finder = ChartFinder()
    held_out = min(VALIDATION, number)
    known = list(pages(seed, number + held_out, jobs, verbose))
    test, known = known[:held_out], known[held_out:]
    optimizer = torch.optim.AdamW(finder.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    steps = epochs * (len(known) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    truth = np.stack([corners for _, corners in test])
    median = np.nan
    for epoch in range(1, epochs + 1):
        finder.train()
        order = random_stream(seed, "order", epoch).permutation(len(known))
        losses = []
        batches = [order[k : k + BATCH] for k in range(0, len(order) - BATCH + 1, BATCH)]
        for batch in tqdm(batches, desc=f"epoch {epoch}", leave=False, disable=not verbose):
            rng = random_stream(seed, "move", epoch, int(batch[0]))
            losses.append(_step(finder, optimizer, [known[i] for i in batch], rng))
            schedule.step()
        finder.eval()
        found = np.stack(find_charts([pixels for pixels, _ in test], finder))
        errors = error(found, truth)
        median = float(np.median(errors))
        log.info(
            "Epoch %d of %d: loss %.4f; error on other pages %.4f of a side, 95th percentile %.4f, "
            "largest %.4f.",
            epoch, epochs, np.mean(losses), median, np.quantile(errors, 0.95), errors.max(),
        )  # fmt: skip
    state = finder.state_dict().items()
    save_tensors(Path(output), {n: v.half() if v.dim() > 1 else v for n, v in state})
    return median


def _step(finder: ChartFinder, optimizer, known: list, rng) -> float:
    """One step over pages as a camera sees them and, close by, as the finder's next look does."""
    views = [seen(*one, window, rng) for window in (held, nearby) for one in known]
    pictures, corners = zip(*views, strict=True)
    target = torch.from_numpy(np.stack(corners)).float()
    loss = torch.nn.functional.smooth_l1_loss(finder(as_batch(pictures)), target, beta=0.02)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(finder.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return float(loss.detach())
