"""Ways to say where in a flattened chart a label came from, to be compared by `explaining`.

Each gives, for one picture and one label, heat of shape (rows, columns) of `GRID`: how much speaks
for the label at each place. References that ask no network: chance, and the ink.
"""

import itertools

import cv2
import numpy as np
import torch

from giraffe.device import autocast
from giraffe.reading.explaining import LAYERS, SMOOTH, features_and_slopes, to_input

GRID = (128, 256)  # places at which heat is compared: a quarter of the network's input
STRETCHES = 20  # of time in which a chart is occluded: 0.5 s at 25 mm/s
CLOSING = 15  # px; wider than a trace, however steep
DARK = 140  # grey level below which a px of an evenly lit chart is ink


def erased(flat: np.ndarray) -> np.ndarray:
    """A flattened chart without its ink: what is dark and thin becomes the paper around it."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (CLOSING, CLOSING))
    return cv2.morphologyEx(flat, cv2.MORPH_CLOSE, kernel)


def to_batch(pages: list[np.ndarray]) -> torch.Tensor:
    """Pages as the network takes them, shape (pages, 3, height, width)."""
    return torch.from_numpy(np.stack(pages)).permute(0, 3, 1, 2)


def features_of(classifier, network, pages: list[np.ndarray]) -> torch.Tensor:
    """What the last layer sees of pages, shape (pages, features)."""
    kept = []
    hook = network.last.register_forward_pre_hook(lambda _, inputs: kept.append(inputs[0]))
    try:
        for page in pages:  # one at a time: a batch is no faster on one core
            with torch.inference_mode(), autocast(classifier.device, classifier.precision):
                network(to_batch([page]))
    finally:
        hook.remove()
    return torch.cat(kept)


def by_features(classifier, network, flat, label: int) -> dict[str, np.ndarray]:
    """Heat of the methods that look at features; `docs/explaining.md` has their papers."""
    layers = LAYERS["inception"]
    found = features_and_slopes(network, classifier, flat, [label], layers)

    def placed(cells, name, smooth=0.0):
        cells, (step, first) = cells[0].numpy(), layers[name]
        if smooth:
            cells = cv2.GaussianBlur(cells, (0, 0), smooth * flat.shape[0] / step)
        values = to_input(np.maximum(cells, 0), step, first, *flat.shape[:2])
        return cv2.resize(values, GRID[::-1], interpolation=cv2.INTER_AREA)

    heat = {}
    for name, (values, slopes) in found.items():
        short = name.removeprefix("Mixed_")
        weights = slopes.mean(dim=(2, 3), keepdim=True)
        heat[f"Grad-CAM {short}"] = placed((weights * values).sum(1), name)
        if short != "7c":  # HiResCAM is Grad-CAM there, just before the mean over the page
            heat[f"LayerCAM {short}"] = placed((slopes.clamp(min=0) * values).sum(1), name)
            heat[f"HiResCAM {short}"] = placed((slopes * values).sum(1), name)
    heat["HiResCAM 6e and 7c"] = np.sqrt(heat["HiResCAM 6e"] * heat["Grad-CAM 7c"])
    both = [placed((v * s).sum(1), name, SMOOTH) for name, (v, s) in found.items()]
    heat["the same, smoothed"] = np.sqrt(both[0] * both[1])
    return heat


def occluded(flat, boxes) -> list[np.ndarray]:
    """The page, and it without its ink in each box and in each of the `STRETCHES` of all rows."""
    blank, pages = erased(flat), [flat]
    height, width = flat.shape[:2]
    for left, top, right, bottom in [*boxes, *stretches()]:
        page = flat.copy()
        part = (slice(round(max(top, 0) * height), round(bottom * height)),
                slice(round(max(left, 0) * width), round(right * width)))  # fmt: skip
        page[part] = blank[part]
        pages.append(page)
    return pages


def stretches() -> list[tuple[float, float, float, float]]:
    """Left, upper, right and lower border of each, in shares of the page."""
    edges = np.linspace(0, 1, STRETCHES + 1)
    return [(a, 0.0, b, 1.0) for a, b in itertools.pairwise(edges)]


def by_occlusion(outputs: np.ndarray, boxes) -> np.ndarray:
    """Heat from a label's outputs for `occluded` pages: of its lead times that of its stretch."""
    falls = np.maximum(outputs[0] - outputs[1:], 0)
    leads, beats = np.zeros(GRID), np.zeros(GRID)
    for (left, top, right, bottom), fall in zip([*boxes, *stretches()], falls, strict=True):
        heat = leads if (top, bottom) != (0.0, 1.0) else beats
        part = (slice(round(max(top, 0) * GRID[0]), round(bottom * GRID[0])),
                slice(round(max(left, 0) * GRID[1]), round(right * GRID[1])))  # fmt: skip
        heat[part] += fall / max((bottom - top) * (right - left), 1e-6)
    return leads / max(leads.sum(), 1e-9) * beats / max(beats.sum(), 1e-9)


def references(flat) -> dict[str, np.ndarray]:
    """Chance, and the ink."""
    ink = (cv2.cvtColor(flat, cv2.COLOR_RGB2GRAY) < DARK).astype(float)
    ink = cv2.resize(ink, GRID[::-1], interpolation=cv2.INTER_AREA)
    return {"at random": np.random.default_rng(1).random(GRID), "the ink": ink}
