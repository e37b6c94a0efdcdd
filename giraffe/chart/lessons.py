"""The training loop that the reader's and the digitizer's networks share."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from giraffe.chart.evidence import CPU, load_weights
from giraffe.device import autocast, channels_last, choose_precision
from giraffe.progress import progress_bar
from giraffe.tensors import save_tensors

log = logging.getLogger(__name__)

WEIGHT_DECAY, CLIP = 1e-2, 2.0
SAID_EVERY = 50  # steps
REMEMBERED = 0.98  # share of a figure that is said which a step leaves as it was


class Average:
    """Weights of a network, averaged over its steps.

    Parameters
    ----------
    network : torch.nn.Module
    share : float
        Of the averaged weights that a step leaves as they were; less in the first steps.
    """

    def __init__(self, network: nn.Module, share: float):
        self.network, self.share, self.steps = network, share, 0
        self.state = {name: value.clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def take(self) -> None:
        """Take a step's weights in."""
        self.steps += 1
        keep = min(self.share, (self.steps + 1) / (self.steps + 20))
        for name, value in self.network.state_dict().items():
            if value.is_floating_point():
                self.state[name].lerp_(value, 1 - keep)
            else:
                self.state[name].copy_(value)


def teach(
    network: nn.Module,
    views: Dataset,
    keys: Sequence,
    gather: Callable,
    loss_of: Callable,
    output: str | Path,
    learning_rate: float,
    rise: float,
    initial: str | Path | None = None,
    averaged: float | None = None,
    verbose: bool = True,
) -> None:
    """Train a network, a step for each batch of keys, and keep its weights as it goes on.

    Parameters
    ----------
    network : torch.nn.Module
    views : torch.utils.data.Dataset
    keys : sequence of list
        The keys of each batch.
    gather : callable
        Puts items of a batch together.
    loss_of : callable
        Gives the loss of (network, batch), and figures about it.
    output : path
        File of weights in float16.
    learning_rate : float
        The highest.
    rise : float
        Share of the steps in which the learning rate rises.
    initial : path, optional
        Weights to start from.
    averaged : float, optional
        Keep weights that are averaged over the steps; see `Average`.
    verbose : bool
    """
    if initial is not None:
        load_weights(network, Path(initial))
    network = channels_last(network)
    loader = DataLoader(
        views, batch_sampler=keys, collate_fn=gather, num_workers=1, prefetch_factor=4
    )
    optimizer = torch.optim.AdamW(network.parameters(), learning_rate, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, learning_rate, total_steps=len(keys), pct_start=rise
    )
    network.train()
    average = None if averaged is None else Average(network, averaged)
    running: dict[str, float] = {}
    for step, batch in enumerate(progress_bar(loader, unit="step", shown=verbose), start=1):
        with autocast(CPU, choose_precision(CPU)):
            loss, parts = loss_of(network, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        schedule.step()
        if average is not None:
            average.take()
        for part, value in parts.items():
            latest = float(value.detach())
            running[part] = REMEMBERED * running.get(part, latest) + (1 - REMEMBERED) * latest
        if step % SAID_EVERY == 0 or step == len(keys):
            said = ", ".join(f"{part} {value:.4f}" for part, value in running.items())
            log.info("Step %d of %d: %s.", step, len(keys), said)
            state = network.state_dict() if average is None else average.state
            kept = {name: v.half() if v.dim() > 1 else v for name, v in state.items()}
            save_tensors(Path(output), kept)
