"""Training of the reader's two networks, on printed pages of which every point is known."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn import functional

from giraffe.chart.evidence import FINE, EvidenceNetwork
from giraffe.chart.lessons import teach
from giraffe.chart.letters import LettersNetwork
from giraffe.chart.pages import pages
from giraffe.chart.views import (
    LettersViews,
    Views,
    chart_keys,
    collate,
    collate_letters,
    epoch_keys,
)

LEARNING_RATE = 3e-3
RISE, RISE_AGAIN = 0.1, 0.03  # shares of the steps in which it rises; again: from weights
MARK_WEIGHT = 12.0  # of a mark's middle against an empty place
MARKS = 8.0  # weight of the fine maps' loss
KINDS_WEIGHT = 3.0
BETA = 0.5  # power of its spread by which a place counts
BETA_SCALE = 0.02**BETA  # so that places of a usual spread count as they would
NAME_WEIGHT, PULSE_WEIGHT = 60.0, 60.0  # of a place with a name or a pulse against an empty one


def look_loss(network: EvidenceNetwork, batch) -> tuple[torch.Tensor, dict]:
    """Loss of one look at a batch, and its parts."""
    images, coarse, fine, kinds, fast = batch
    images = images.contiguous(memory_format=torch.channels_last)
    named, places, marks = network(images)
    named, places, marks = named.float(), places.float(), marks.float()
    parts = {"kinds": functional.cross_entropy(named[:, :-1], kinds, label_smoothing=0.02)}
    paced = torch.isfinite(fast)
    pace = functional.binary_cross_entropy_with_logits(named[:, -1][paced], fast[paced].float())
    parts["fast"] = pace if paced.any() else named.new_zeros(())
    log_spread = places[:, 2:4].clamp(-6, 2)
    away = (places[:, :2] - coarse[:, :2]).abs()
    laplace = away * torch.exp(-log_spread) + log_spread
    # Places that are known exactly would drown all others: Seitzer et al., ICLR 2022.
    laplace = laplace * torch.exp(BETA * log_spread).detach() / BETA_SCALE
    mask = coarse[:, 2:3]
    parts["places"] = (laplace * mask).sum() / (2 * mask.sum()).clamp(min=1)
    parts["away"] = (away * mask).sum().detach() / (2 * mask.sum()).clamp(min=1)
    parts["inside"] = functional.binary_cross_entropy_with_logits(places[:, 4], coarse[:, 3])
    weight = 1 + fine * MARK_WEIGHT
    cross = functional.binary_cross_entropy_with_logits(marks, fine, reduction="none")
    floor = functional.binary_cross_entropy(fine.clamp(1e-6, 1 - 1e-6), fine, reduction="none")
    parts["marks"] = (len(FINE) * (cross - floor) * weight).mean()
    total = KINDS_WEIGHT * parts["kinds"] + parts["fast"] + parts["places"] + parts["inside"]
    total = total + MARKS * parts["marks"]
    return total, parts


def letters_loss(network: LettersNetwork, batch) -> tuple[torch.Tensor, dict]:
    """Loss of a batch of parts of charts, and its parts."""
    images, names, pulses = batch
    found = network(images.contiguous(memory_format=torch.channels_last)).float()
    weight = torch.full((found.shape[1] - 1,), NAME_WEIGHT)
    weight[0] = 1.0
    parts = {"names": functional.cross_entropy(found[:, :-1], names, weight)}
    known = torch.isfinite(pulses)
    target = torch.nan_to_num(pulses)
    cross = functional.binary_cross_entropy_with_logits(found[:, -1], target, reduction="none")
    weight = known * (1 + (PULSE_WEIGHT - 1) * target)
    parts["pulses"] = (cross * weight).sum() / weight.sum()
    with torch.no_grad():
        named = names > 0
        right = found[:, :-1].argmax(dim=1) == names
        parts["right"] = right[named].float().mean() if named.any() else found.new_ones(())
    return parts["names"] + parts["pulses"], parts


def evidence_loss(network: EvidenceNetwork, looks) -> tuple[torch.Tensor, dict]:
    """Loss of both looks at a batch of pictures, and its parts."""
    total, said = torch.zeros(()), dict[str, torch.Tensor]()
    for name, batch in zip(("whole", "near"), looks, strict=True):
        loss, parts = look_loss(network, batch)
        total = total + loss
        said |= {f"{name} {part}": value for part, value in parts.items()}
    return total, said


NETWORKS: dict[str, tuple[Callable, ...]] = {
    "evidence": (EvidenceNetwork, Views, epoch_keys, collate, evidence_loss),
    "letters": (LettersNetwork, LettersViews, chart_keys, collate_letters, letters_loss),
}
"""By name: the network, its views, their batches, how these are put together, and the loss."""


def learn(
    name: str,
    output: str | Path,
    folder: str | Path,
    number: int,
    epochs: int,
    seed: int = 0,
    jobs: int = -1,
    initial: str | Path | None = None,
    learning_rate: float = LEARNING_RATE,
    verbose: bool = True,
) -> None:
    """Train one of the reader's networks and keep its weights, as it goes on.

    Parameters
    ----------
    name : str
        A key of `NETWORKS`.
    output : path
        File of weights in float16.
    folder : path
        Where printed pages are kept; those of the same seed are printed once.
    number : int
        Printed pages and other pictures.
    epochs : int
        How often each is seen.
    seed : int
    jobs : int
        Processes that print; -1: one per core.
    initial : path, optional
        Weights to start from.
    learning_rate : float
        The highest.
    verbose : bool

    Raises
    ------
    ValueError
        If there are too few pages or epochs.
    """
    if number < 16 or epochs < 1:
        raise ValueError("at least 16 pages and one epoch are needed")
    torch.manual_seed(seed)
    pictures = list(pages(Path(folder), seed, number, jobs, verbose))
    kind, views, keys_of, gather, loss_of = NETWORKS[name]
    network, rise = kind(), RISE if initial is None else RISE_AGAIN
    keys = [batch for epoch in range(epochs) for batch in keys_of(pictures, epoch, seed)]
    teach(
        network, views(pictures, seed), keys, gather, loss_of, output, learning_rate, rise, initial,
        verbose=verbose,
    )  # fmt: skip
