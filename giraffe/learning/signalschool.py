"""Training of the network that reads signals, `giraffe.network.signalnet`, on `hearts`."""

import copy
import logging
import time

import numpy as np
import torch
from torch.nn import functional

from giraffe.device import autocast, best_device, choose_precision
from giraffe.learning.hearts import Hearts, vary
from giraffe.learning.split import stratified_folds
from giraffe.network.signalnet import SignalNet, probabilities
from giraffe.randomness import random_stream

log = logging.getLogger(__name__)

BATCH, LEARNING_RATE, WEIGHT_DECAY = 128, 3e-3, 3e-2
LEAST = 32  # hearts
EPOCHS, SIMULATED, SIMULATED_SEED = 80, 12000, 90210
MEMORY = 0.998  # of the running mean of the weights, per step


def loss_of(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy over all known entries; 0 if none is known."""
    known = torch.isfinite(targets)
    each = functional.binary_cross_entropy_with_logits(
        logits.float(), targets.nan_to_num(), reduction="none"
    )
    return (each * known).sum() / known.sum().clamp(min=1)


def learn(
    hearts: Hearts,
    epochs: int,
    seed: int = 0,
    simulated: Hearts | None = None,
    share: float = 0.3,
    batch: int = BATCH,
) -> SignalNet:
    """Train a network.

    Parameters
    ----------
    hearts : Hearts
        Real ones; an epoch shows each once.
    epochs : int
    seed : int
    simulated : Hearts, optional
        A pool of simulated patients, from which each epoch draws.
    share : float
        Of simulated patients among all that an epoch shows.
    batch : int
        Hearts in a step.

    Returns
    -------
    SignalNet
        With the running mean of its weights: the last steps' chance is averaged out, so no epoch
        has to be chosen.

    Raises
    ------
    ValueError
        If there are too few hearts, or no epoch.
    """
    drawn = 0 if not simulated else round(len(hearts) * share / (1 - share))
    if len(hearts) + drawn < LEAST or epochs < 1:
        raise ValueError(f"at least {LEAST} hearts and one epoch are needed")
    batch = min(batch, len(hearts) + drawn)
    steps = (len(hearts) + drawn) // batch
    torch.manual_seed(seed)
    device = best_device() if torch.cuda.is_available() else torch.device("cpu")
    precision = choose_precision(device)
    if precision == torch.float16:  # which would need its gradients scaled
        precision = torch.float32
    network = SignalNet().to(device)
    mean = copy.deepcopy(network)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=epochs * steps
    )
    pool = hearts if not simulated else hearts.with_others(simulated)
    signals, targets = (torch.from_numpy(part).to(device) for part in (pool.signals, pool.targets))
    started = time.monotonic()
    step = 0
    for epoch in range(1, epochs + 1):
        rng = random_stream(seed, "hearts", epoch)
        others = len(hearts) + rng.integers(0, max(len(pool) - len(hearts), 1), drawn)
        order = rng.permutation(np.concatenate([np.arange(len(hearts)), others]))
        network.train()
        losses = []
        for chosen in np.split(order[: steps * batch], steps):
            positions = torch.from_numpy(chosen).to(device)
            with autocast(device, precision):
                logits = network(vary(signals[positions], rng))
            loss = loss_of(logits, targets[positions])
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            schedule.step()
            step += 1
            _follow(mean, network, min(MEMORY, step / (step + 10)))
            losses.append(loss.detach())
        log.info(
            "Epoch %d of %d: loss %.4f, %.0f s.",
            epoch, epochs, float(sum(losses)) / steps, time.monotonic() - started,
        )  # fmt: skip
    return mean.eval()


@torch.no_grad()
def _follow(mean: SignalNet, network: SignalNet, memory: float) -> None:
    """Draw the mean towards the network, BatchNorm's statistics as well."""
    for old, new in zip(mean.state_dict().values(), network.state_dict().values(), strict=True):
        if old.is_floating_point():
            old.lerp_(new, 1 - memory)
        else:
            old.copy_(new)


def learn_by_folds(
    hearts: Hearts,
    groups,
    epochs: int,
    folds: int = 3,
    seed: int = 0,
    simulated: Hearts | None = None,
) -> tuple[list[SignalNet], np.ndarray]:
    """Networks that each left out a part of the hearts, and what they say of the parts left out.

    A network knows by heart what it trained on, so a record's soft label comes from the network
    that has not seen its patient.

    Parameters
    ----------
    hearts : Hearts
    groups : array_like, shape (records,)
        Equal numbers for records of one patient: `giraffe.learning.split.patient_groups`.
    epochs, folds, seed : int
    simulated : Hearts, optional
        See `learn`.

    Returns
    -------
    networks : list of SignalNet
        For records that none of them trained on; see `giraffe.network.signalnet.probabilities`.
    soft : ndarray of float, shape (records, 11)
    """
    known = np.nan_to_num(hearts.targets)
    fold = stratified_folds(known, groups, seed, folds)
    networks, soft = [], np.zeros(hearts.targets.shape)
    for k in range(folds):
        log.info("Network %d of %d.", k + 1, folds)
        networks.append(learn(hearts[fold != k], epochs, seed + k, simulated))
        soft[fold == k] = probabilities(networks[-1:], hearts.signals[fold == k])
    return networks, soft
