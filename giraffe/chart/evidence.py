"""Evidence of a chart: a small fully convolutional network that marks what it sees, with its place.

For every 16 px of a picture it names the coordinates in the chart, u from 0 where the rows begin
to 1 where they end and v from 0 at the chart's upper border to 1 at its lower one, and how sure it
is of each; for every 4 px how likely a row's zero line, a beginning, an end or a change of leads
lies there; and for the whole picture what kind of picture it is. Up is where the view's upper side
is: whether a chart stands on its head is another question (`giraffe.chart.upright`). What it marks
is only evidence: `giraffe.chart.fit` fits a geometry to it.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from giraffe.device import Network, autocast, channels_last, choose_precision
from giraffe.errors import ModelError
from giraffe.tensors import first_line, load_tensors

CPU = torch.device("cpu")
WEIGHTS = Path(__file__).with_name("evidence.pt")
REMEDY = "install the package again, or make weights with `python -m giraffe chart-reader`"
STEP, COARSE = 4, 16  # px between the places of the fine and of the coarse maps
MULTIPLE = 32  # sides of a view in px are multiples of this
FINE = ("row", "begin", "end", "change")
"""Fine maps: a row's zero line; where a row begins and ends; where one lead follows another."""
KINDS = ("level", "sideways", "strip", "none")
"""Kinds of pictures: a chart whose rows are level, be they upright or upside down; one that lies on
its side; a strip of one lead; no chart at all."""
NARROWEST = 0.004  # least spread of a coordinate that is believed
CHANNELS = (16, 32, 56, 88, 128)  # after 2, 4, 8, 16, 32 px


@dataclass(frozen=True)
class Evidence:
    """What the network saw in one view.

    Attributes
    ----------
    kinds : ndarray, shape (4,)
        Probabilities of `KINDS`.
    fast : float
        Probability that the paper ran at 50 mm/s instead of 25, where it is a chart.
    u, v : ndarray, shape (rows, columns)
        Coordinates in the chart at every `COARSE` px.
    u_spread, v_spread : ndarray, shape (rows, columns)
        Mean absolute error that is expected of them.
    inside : ndarray, shape (rows, columns)
        Probability that the place lies in the chart.
    fine : ndarray, shape (4, rows, columns)
        Probabilities of `FINE` at every `STEP` px; shape (0,) where they were not wanted.
    """

    kinds: np.ndarray
    fast: float
    u: np.ndarray
    v: np.ndarray
    u_spread: np.ndarray
    v_spread: np.ndarray
    inside: np.ndarray
    fine: np.ndarray


def layer(
    before: int, after: int, stride: int = 1, kernel: int = 3, spacing: int = 1
) -> nn.Sequential:
    """A convolution with batch normalisation and ReLU; `spacing` parts what it looks at."""
    return nn.Sequential(
        nn.Conv2d(before, after, kernel, stride, kernel // 2 * spacing, spacing, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )


class EvidenceNetwork(nn.Module):
    """Views of pictures to evidence: a U-shaped network with the whole view's mean at its foot."""

    def __init__(self):
        super().__init__()
        a, b, c, d, e = CHANNELS
        self.down4 = nn.Sequential(layer(3, a, 2), layer(a, b, 2), layer(b, b))
        self.down8 = nn.Sequential(layer(b, c, 2), layer(c, c))
        self.down16 = nn.Sequential(layer(c, d, 2), layer(d, d), layer(d, d))
        self.down32 = nn.Sequential(layer(d, e, 2), layer(e, e), layer(e, e))
        self.whole = nn.Sequential(nn.Linear(2 * e, e), nn.ReLU(inplace=True), nn.Linear(e, e))
        self.kinds = nn.Linear(e, len(KINDS) + 1)
        self.foot = nn.Sequential(layer(e, e), layer(e, d, kernel=1))
        self.up16 = nn.Sequential(layer(d, d), layer(d, d))
        self.coarse = nn.Conv2d(d, 5, 1)
        self.narrow16 = layer(d, c, kernel=1)
        self.up8 = layer(c, c)
        self.narrow8 = layer(c, b, kernel=1)
        self.up4 = layer(b, b)
        self.fine = nn.Conv2d(b, len(FINE), 1)

    def forward(self, views: torch.Tensor, fine: bool = True):
        """Logits of kinds and of fast paper, coarse maps, and, if wanted, logits of fine maps.

        Parameters
        ----------
        views : Tensor of uint8, shape (batch, 3, height, width)
            Sides are multiples of `MULTIPLE`.
        fine : bool

        Returns
        -------
        kinds : Tensor, shape (batch, 5)
        coarse : Tensor, shape (batch, 5, height / 16, width / 16)
            u, v, the logarithms of their spreads, and the logit of being inside.
        fine : Tensor, shape (batch, 4, height / 4, width / 4), or None
        """
        at4 = self.down4((views.float() - 127.5) / 127.5)
        at8 = self.down8(at4)
        at16 = self.down16(at8)
        at32 = self.down32(at16)
        pooled = torch.cat([at32.mean(dim=(2, 3)), at32.amax(dim=(2, 3))], dim=1)
        whole = self.whole(pooled)
        at32 = self.foot(at32 + whole[:, :, None, None])
        at16 = self.up16(at16 + functional.interpolate(at32, scale_factor=2.0))
        coarse = self.coarse(at16)
        kinds = self.kinds(functional.relu(whole))
        if not fine:
            return kinds, coarse, None
        at8 = self.up8(at8 + functional.interpolate(self.narrow16(at16), scale_factor=2.0))
        at4 = self.up4(at4 + functional.interpolate(self.narrow8(at8), scale_factor=2.0))
        return kinds, coarse, self.fine(at4)


def as_batch(views: Sequence[np.ndarray]) -> torch.Tensor:
    """Views of one size, uint8 of shape (height, width, 3), as the network takes them."""
    batch = torch.from_numpy(np.stack(views)).permute(0, 3, 1, 2)
    return batch.contiguous(memory_format=torch.channels_last)


def fold_batch_norm(network: nn.Module) -> None:
    """Merge each batch normalisation into the convolution before it, in place."""
    for module in network.modules():
        if isinstance(module, nn.Sequential) and len(module) == 3:
            convolution, norm = module[0], module[1]
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                module[0] = fuse_conv_bn_eval(convolution, norm)
                module[1] = nn.Identity()


@torch.inference_mode()
def look(
    views: Sequence[np.ndarray], fine: bool, network: EvidenceNetwork | None = None
) -> list[Evidence]:
    """Evidence in views of one size.

    Parameters
    ----------
    views : sequence of ndarray of uint8, shape (height, width, 3)
        Sides are multiples of `MULTIPLE`.
    fine : bool
        Whether the fine maps are wanted.
    network : EvidenceNetwork, optional
        In evaluation mode; the package's own by default.

    Returns
    -------
    list of Evidence
    """
    network = network or package_network()
    with autocast(CPU, choose_precision(CPU)):
        kinds, coarse, marks = network(as_batch(views), fine)
    fast = torch.sigmoid(kinds[:, -1].float()).numpy()
    kinds = torch.softmax(kinds[:, :-1].float(), dim=1).numpy()
    coarse = coarse.float()
    spread = coarse[:, 2:4].clamp(-9, 3).exp().numpy()
    inside = torch.sigmoid(coarse[:, 4]).numpy()
    places = coarse[:, :2].numpy()
    spread = np.maximum(spread, NARROWEST)
    unwanted = np.empty((len(kinds), 0), np.float32)
    marks = unwanted if marks is None else torch.sigmoid(marks.float()).numpy()
    return [
        Evidence(
            kinds[k],
            float(fast[k]),
            places[k, 0],
            places[k, 1],
            spread[k, 0],
            spread[k, 1],
            inside[k],
            marks[k],
        )
        for k in range(len(kinds))
    ]


@functools.cache
def package_network() -> EvidenceNetwork:
    """The network that the package brings, ready to look.

    Errors are those of `load_weights`.
    """
    return ready(EvidenceNetwork(), WEIGHTS)


def load_weights(network: nn.Module, path: Path) -> None:
    """Give one of the reader's networks the weights of a file.

    Raises
    ------
    giraffe.errors.ModelError
        If they are missing, broken, or another network's.
    """
    state = load_tensors(path, REMEDY)
    try:
        network.load_state_dict(state)
    except (RuntimeError, AttributeError, TypeError) as error:
        raise ModelError(
            f"{path}: weights of another network ({first_line(error)}); {REMEDY}"
        ) from error


def ready(network: Network, path: Path) -> Network:
    """The network with the weights of a file, in evaluation mode and made fast.

    Errors are those of `load_weights`.
    """
    load_weights(network, path)
    network = channels_last(network.float().eval())
    fold_batch_norm(network)
    return network
