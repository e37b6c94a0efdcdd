"""Where in a picture a label came from: heat, mapped back through the chart's geometry.

The heat is HiResCAM (Draelos and Carin, arXiv:2011.08891): features times the slopes of the label's
output along them, summed over the channels, of which only what speaks for the label is kept. It
is taken at two depths, where features are fine and where they decide, and their geometric mean is
hot where both are. `docs/explaining.md` says what it was chosen from and by which tests.
"""

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
import torch

from giraffe.chart.geometry import WHOLE, apart, between
from giraffe.chart.lighting import MARGIN, lay_flat
from giraffe.chart.reader import Finding
from giraffe.classes import CLASSES
from giraffe.device import autocast
from giraffe.network.architectures import Network
from giraffe.network.classifier import Classifier
from giraffe.pictures import resize, shrunk
from giraffe.reading.read import Label

LAYERS: dict[str, dict[str, tuple[float, float]]] = {
    "inception": {"Mixed_6e": (16, 21), "Mixed_7c": (32, 37)},
    "vanilla": {"8": (8, 3.5)},
}
"""Depths at which features are looked at: distance of neighbouring cells, and centre of the first,
in px of the input. InceptionV3's convolutions and poolings of 3 px without padding shift it by 1 px
of what they see, at 1, 2, 4 and 8 px of the input for each: 1 + 2 + 2 + 4 + 4 + 8 = 21 at 6e."""
SMOOTH = 12 / 512  # of the input's height: standard deviation over which evidence is averaged

SHOWN_PX = 1400  # of the longer side of a picture with its heat
WARM, HOT = (255, 205, 40), (215, 10, 10)  # colours of little and of most heat
COVER = 0.65  # share of the colour where it is hottest
LEAST, OUTLINED = 0.08, 0.5  # of the most heat: nothing is drawn below; an outline
LINE_PX, LETTER_PX = 30, 12  # of the text above a picture
PAPER, INK = 255, (0, 0, 0)


def heat(
    pixels: np.ndarray,
    finding: Finding | None,
    classifier: Classifier,
    names: Sequence[str],
    shape: tuple[int, int] | None = None,
) -> dict[str, np.ndarray]:
    """How much speaks for labels at each place of a picture.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
    finding : Finding or None
        What `giraffe.chart.reader.find_chart` or `read_chart` says of the picture. Without a chart
        the whole picture is explained, as the classifier then reads it.
    classifier : Classifier
    names : sequence of str
        Some of `giraffe.classes.CLASSES`.
    shape : (int, int), optional
        Height and width in px at which the heat is wanted; the picture's own by default.

    Returns
    -------
    dict of str to ndarray of float32, shape `shape`
        By label. 1 at the hottest place, 0 beside the chart; 0 everywhere if nothing speaks for it.
    """
    chart = finding.chart if finding is not None and classifier.straightened else None
    corners = None if chart is None else chart.corners
    size = classifier.height, classifier.width
    if classifier.straightened:
        flat = lay_flat(pixels, corners, *size)
    else:
        flat = resize(pixels, *size)
    found = heat_of_input(flat, classifier, [CLASSES.index(name) for name in names])
    return {
        name: to_picture(values, corners, shape or pixels.shape[:2])
        for name, values in zip(names, found, strict=True)
    }


def heat_of_input(flat: np.ndarray, classifier: Classifier, labels: Sequence[int]) -> np.ndarray:
    """How much speaks for labels at each place of the networks' input.

    Parameters
    ----------
    flat : ndarray of uint8, shape (height, width, 3)
        A chart laid flat, of the classifier's size.
    classifier : Classifier
    labels : sequence of int
        Positions in `CLASSES`.

    Returns
    -------
    ndarray of float32, shape (labels, height, width)
        From 0 to 1; see `heat`.
    """
    layers = LAYERS[classifier.description["recipe"].architecture]
    total: dict[str, torch.Tensor] = {}
    for network in classifier.networks:
        found = features_and_slopes(network, classifier, flat, labels, layers)
        for name, (values, slopes) in found.items():
            total[name] = total.get(name, 0) + (values * slopes).sum(1)
    product = np.ones((len(labels), *flat.shape[:2]), np.float32)
    for name, (step, first) in layers.items():
        for k, cells in enumerate(total[name].cpu().numpy()):
            cells = cv2.GaussianBlur(cells, (0, 0), SMOOTH * flat.shape[0] / step)
            product[k] *= to_input(np.maximum(cells, 0), step, first, *flat.shape[:2])
    product **= 1 / len(layers)
    most = product.max(axis=(1, 2), keepdims=True)
    return product / np.where(most > 0, most, 1)


def features_and_slopes(
    network: Network,
    classifier: Classifier,
    flat: np.ndarray,
    labels: Sequence[int],
    layers: Iterable[str],
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Features of some layers, and the slopes of labels' outputs along them.

    Parameters
    ----------
    network : Network
        One of the classifier's, or changed from it.
    classifier : Classifier
        Tells device and precision.
    flat : ndarray of uint8, shape (height, width, 3)
    labels : sequence of int
    layers : iterable of str
        Names of modules of the network's body, the first that the picture passes first.

    Returns
    -------
    dict of str to (Tensor, Tensor) of float32
        Features, shape (1, channels, rows, columns), and slopes, shape (labels, channels, rows,
        columns).
    """
    kept: dict[str, torch.Tensor] = {}

    def keep(name: str):
        def hook(module, inputs, output):
            # From the first of the layers on, slopes are wanted; before it nothing is remembered.
            kept[name] = output if output.requires_grad else output.detach().requires_grad_()
            return kept[name]

        return hook

    network.requires_grad_(False)
    modules = dict(network.body.named_children())
    hooks = [modules[name].register_forward_hook(keep(name)) for name in layers]
    batch = torch.from_numpy(flat[None]).permute(0, 3, 1, 2).to(classifier.device)
    try:
        with torch.enable_grad(), autocast(classifier.device, classifier.precision):
            outputs = network(batch)[0]
        slopes = [
            torch.autograd.grad(outputs[k], list(kept.values()), retain_graph=True) for k in labels
        ]
    finally:
        for hook in hooks:
            hook.remove()
    return {
        name: (kept[name].detach().float(), torch.cat([one[i] for one in slopes]).float())
        for i, name in enumerate(kept)
    }


def to_input(cells: np.ndarray, step: float, first: float, height: int, width: int) -> np.ndarray:
    """Values of cells at the pixels of the network's input.

    Parameters
    ----------
    cells : ndarray of float32, shape (rows, columns)
    step, first : float
        Distance of neighbouring cells and centre of the first in px; see `LAYERS`.
    height, width : int
        Of the input in px.

    Returns
    -------
    ndarray of float32, shape (height, width)
    """
    to_cells = np.array([[1 / step, 0, -first / step], [0, 1 / step, -first / step]])
    return cv2.warpAffine(
        cells, to_cells, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip


def to_picture(values: np.ndarray, corners, shape: tuple[int, int]) -> np.ndarray:
    """Values on a chart laid flat, at the pixels of the picture from which it was cut.

    Parameters
    ----------
    values : ndarray of float32, shape (height, width)
    corners : array_like, shape (4, 2), or None
        As `giraffe.chart.lighting.cut_out` was given them.
    shape : (int, int)
        Height and width of the picture in px.

    Returns
    -------
    ndarray of float32, shape `shape`
        0 beside what was cut out.
    """
    if corners is None:
        return cv2.resize(values, shape[::-1], interpolation=cv2.INTER_LINEAR)
    flat = WHOLE * values.shape[::-1] - 0.5
    picture = apart(np.asarray(corners, float), MARGIN) * shape[::-1] - 0.5
    return cv2.warpPerspective(values, between(flat, picture), shape[::-1])


def overlay(pixels: np.ndarray, values: np.ndarray, longest: int = SHOWN_PX) -> np.ndarray:
    """A picture with heat drawn on it.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
    values : ndarray of float32, shape (height, width)
        Of `heat`.
    longest : int
        Px of the longer side to which a larger picture is shrunk.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        Little heat is yellow and most is red, with an outline where it is half of the most.
    """
    shown = shrunk(pixels, longest)
    size = shown.shape[1::-1]
    values = cv2.resize(values, size, interpolation=cv2.INTER_AREA)[:, :, None]
    colour = np.array(WARM, np.float32) + values * (np.array(HOT, np.float32) - WARM)
    share = COVER * np.clip((values - LEAST) / (OUTLINED - LEAST), 0, 1)
    drawn = (shown * (1 - share) + colour * share).astype(np.uint8)
    hot = (values[:, :, 0] >= OUTLINED).astype(np.uint8)
    outlines = cv2.findContours(hot, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    return cv2.drawContours(drawn, outlines, -1, HOT, max(round(max(size) / 1000), 1), cv2.LINE_AA)


def captioned(shown: np.ndarray, label: Label, empty: bool = False) -> np.ndarray:
    """An overlay below a line that names its label, with the probability and the threshold.

    Parameters
    ----------
    shown : ndarray of uint8, shape (height, width, 3)
    label : Label
    empty : bool
        Whether there is no heat, which the line then says.

    Returns
    -------
    ndarray of uint8, shape (height + `LINE_PX`, width, 3)
    """
    text = f"{label.name} {label.probability:.2f} (threshold {label.threshold:.2f})"
    text += f"  {label.meaning}" + ("" if label.given else ", not given")
    text += ": nothing speaks for it" if empty else ""
    line = np.full((LINE_PX, shown.shape[1], 3), PAPER, np.uint8)
    scale = 0.65 * min(shown.shape[1] / (LETTER_PX * len(text)), 1)
    cv2.putText(line, text, (LETTER_PX // 2, LINE_PX - 10), cv2.FONT_HERSHEY_SIMPLEX, scale, INK,
                1, cv2.LINE_AA)  # fmt: skip
    return np.vstack([line, shown])
