"""A network that learns: optimizer steps, batch normalisation's statistics, validation.

What the paper leaves to the framework is here: precision, gradient scaling and accumulation, memory
that runs out, and the shares of several processes. Which batches, for how long and what becomes of
the weights is `training`'s business.
"""

import contextlib
import logging
import math
import time
from collections.abc import Iterable

import numpy as np
import torch

from giraffe.classes import CLASSES
from giraffe.device import autocast, channels_last, choose_precision
from giraffe.errors import ModelError
from giraffe.learning.distributed import Group
from giraffe.learning.feed import Batch
from giraffe.network.architectures import LABELS, TRAINING_ONLY, Network
from giraffe.network.initial import load_initial
from giraffe.recipe import Recipe

log = logging.getLogger(__name__)


def class_weights(targets: np.ndarray) -> np.ndarray:
    """λ_i = total_samples / (num_classes · count_i) (paper, "Loss weighting").

    Parameters
    ----------
    targets : ndarray, shape (records, classes)
        Labels of the training records; NaN unknown.

    Returns
    -------
    ndarray of float32, shape (classes,)
        0 for a class without a record, which the paper leaves open.
    """
    counts = np.nansum(targets, axis=0)
    total, num_classes = targets.shape
    return np.where(counts > 0, total / (num_classes * np.maximum(counts, 1)), 0).astype(np.float32)


class Learner:
    """One network and its optimizer on one device, alone or in a group of processes.

    Parameters
    ----------
    recipe : Recipe
    size : (int, int)
        Input height and width in px.
    weights : array_like, shape (classes,)
        Of the classes in the loss.
    seed : int
        Of initial weights and dropout.
    device : torch.device
    group : Group
        The processes that train together.
    measurements : int
        Numbers that are predicted beside the labels.
    cells : int
        Numbers that are predicted in each cell of a picture.

    Attributes
    ----------
    network : Network
    micro_batch : int
        Most images that go through the network at once; halved when memory runs out.
    initial : str
        Where the weights started, for people.
    start : dict or None
        Description of the model from which all of them came, the last layer's too.
    """

    def __init__(
        self,
        recipe: Recipe,
        size,
        weights,
        seed: int,
        device,
        group: Group,
        measurements: int = 0,
        cells: int = 0,
    ):
        self.recipe, self.size, self.device, self.group = recipe, size, device, group
        self.precision = choose_precision(device)
        self.micro_batch = 2**30
        torch.manual_seed(seed)
        if device.type == "cuda":
            torch.set_float32_matmul_precision("high")  # TF32 where the GPU has it
        self.network = Network(recipe, size, measurements, cells)
        self._fresh = {
            name: value.clone()
            for name, value in self.network.state_dict().items()
            if name.startswith(LABELS)
        }
        self.initial, self.start = load_initial(self.network, recipe)
        channels_last(self.network, device)
        self.class_weights = torch.as_tensor(weights, dtype=torch.float32, device=device)
        optimizer = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}[recipe.optimizer]
        self.optimizer = optimizer(
            self.network.parameter_groups(recipe.weight_decay),
            lr=recipe.learning_rate,
            fused=device.type in ("cuda", "cpu"),
        )
        # float16 loses small gradients unless the loss is scaled up.
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.precision == torch.float16)
        self.averaged: list[torch.Tensor] = []
        self.steps = 0
        self._average_anew()
        # Same weights everywhere; from here on each process draws its own dropout.
        torch.manual_seed(seed + group.rank)

    def load_weights(self, state: dict) -> None:
        """Start from a network's ``state_dict``, before the first step.

        Raises
        ------
        ModelError
            If it is another network's; what only training needs may be missing.
        """
        missing, unexpected = self.network.load_state_dict(state, strict=False)
        if unexpected or any(not name.startswith(TRAINING_ONLY) for name in missing):
            raise ModelError("the weights to start from are another network's")
        self.initial, self.start = "given weights", None
        self._average_anew()

    def forget_labels(self) -> None:
        """Make the last layer and the head afresh, before the first step."""
        self.network.load_state_dict(self._fresh, strict=False)
        self.initial, self.start = f"{self.initial}, the last made afresh", None
        self._average_anew()

    def _average_anew(self) -> None:
        if self.recipe.average:
            self.averaged = [p.detach().clone() for p in self.network.parameters()]

    def set_learning_rate(self, rate: float) -> None:
        """Change the optimizer's learning rate; a model that only needs tuning gets less."""
        rate *= 1.0 if self.start is None else self.recipe.tuning
        for parameters in self.optimizer.param_groups:
            parameters["lr"] = rate

    def loss(self, images, targets, measured=None, cells=None):
        """Mean weighted cross-entropy, 0 where a label is unknown, and the network's outputs.

        The losses of the auxiliary head, of measurements, shape (batch, measurements), and of what
        is read in cells, shape (batch, numbers, rows, columns), both with NaN where unknown, are
        added in training by the recipe's weights.
        """
        with autocast(self.device, self.precision):
            outputs = self.network.outputs(images)
        loss = self._cross_entropy(outputs.labels, targets)
        if outputs.auxiliary is not None:
            loss = loss + self.recipe.auxiliary * self._cross_entropy(outputs.auxiliary, targets)
        for found, truth in ((outputs.measured, measured), (outputs.cells, cells)):
            if found is not None and truth is not None:
                loss = loss + self.recipe.measurements * _distance(found, truth)
        return loss, outputs.labels

    def _cross_entropy(self, outputs, targets):
        known = targets.isfinite()
        losses = self.network.head.cross_entropy(outputs, torch.where(known, targets, 0.0))
        return torch.where(known, losses * self.class_weights, 0.0).mean()

    def _training_loss(self, images, targets, measured, cells):
        """The loss of images and labels that may be smoothed and mixed."""
        recipe = self.recipe
        if recipe.label_smoothing:
            targets = targets + recipe.label_smoothing * (0.5 - targets)
        if recipe.mixup:
            # Zhang et al., "mixup", ICLR 2018.
            share = float(torch.distributions.Beta(recipe.mixup, recipe.mixup).sample())
            other = torch.randperm(len(images))
            images = share * images.float() + (1 - share) * images[other].float()
            targets = share * targets + (1 - share) * targets[other]
            measured = share * measured + (1 - share) * measured[other]
            cells = share * cells + (1 - share) * cells[other]
        return self.loss(images, targets, measured, cells)[0]

    def step(self, batch: Batch, lone: bool = False) -> tuple[float, int]:
        """One step of the optimizer, in as many pieces as memory demands.

        Parameters
        ----------
        batch : Batch
            This process's share; may be empty.
        lone : bool
            Whether a batch of one image counts. Batch normalisation over one small image is
            undefined, so it is skipped otherwise.

        Returns
        -------
        loss_sum : float
            Sum of the images' losses over all processes.
        count : int
            Number of images over all processes; 0 if there was no step.
        """
        total = int(self.group.sum(len(batch)))
        if total == 0 or (total == 1 and not lone):
            return 0.0, 0
        while True:
            failed, loss_sum = False, 0.0
            try:
                loss_sum = self._accumulate(batch, total)
            except torch.OutOfMemoryError:
                failed = True
            if not self.group.any(failed):
                break
            self._halve(-(-total // self.group.size))
        self.group.add_gradients(self.network.parameters())
        if self.recipe.clip_norm is not None:
            self.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self._average()
        return self.group.sum(loss_sum), total

    @torch.no_grad()
    def _average(self) -> None:
        """Let the moving average of the weights follow; it hurries while it is young."""
        self.steps += 1
        if self.averaged:
            decay = min(self.recipe.average, (1 + self.steps) / (10 + self.steps))
            torch._foreach_lerp_(self.averaged, list(self.network.parameters()), 1 - decay)

    @contextlib.contextmanager
    def final_weights(self):
        """Inside, the network has the weights that it would be saved with."""
        parameters = list(self.network.parameters())
        kept = [p.detach().clone() for p in parameters] if self.averaged else []
        with torch.no_grad():
            for parameter, value in zip(parameters, self.averaged, strict=False):
                parameter.copy_(value)
        try:
            yield
        finally:
            with torch.no_grad():
                for parameter, value in zip(parameters, kept, strict=False):
                    parameter.copy_(value)

    def _accumulate(self, batch, total: int) -> float:
        """Add the gradients of this process's images; returns the sum of their losses."""
        loss_sum = 0.0
        for piece in batch.pieces(self.micro_batch):
            loss = self._training_loss(*self._to_device(piece))
            self.scaler.scale(loss * (len(piece) / total)).backward()
            loss_sum += float(loss.detach()) * len(piece)
        return loss_sum

    def _to_device(self, batch):
        images = batch.images.to(self.device, memory_format=torch.channels_last, non_blocking=True)
        others = (batch.targets, batch.measured, batch.cells)
        return images, *(part.to(self.device, non_blocking=True) for part in others)

    def _halve(self, images: int) -> None:
        """After the device ran out of memory with so many images: smaller pieces, same step."""
        self.optimizer.zero_grad(set_to_none=True)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        tried = min(self.micro_batch, images)
        if tried == 1:
            raise torch.OutOfMemoryError("out of memory with a single image")
        self.micro_batch = -(-tried // 2)
        log.warning(
            "Out of memory: from here on %d images at a time, with gradients accumulated.",
            self.micro_batch,
        )

    @torch.no_grad()
    def settle_batch_norm(self, batches: Iterable[Batch], most: int, lone: bool = False) -> None:
        """Take batch normalisation's statistics anew, from training batches and today's weights.

        Running averages lag behind the weights, and over InceptionV3's 94 normalisations the error
        grows until a network that has fitted its images answers nonsense in evaluation mode
        ("precise BN": Wu and Johnson, "Rethinking 'Batch' in BatchNorm", arXiv:2105.07576, 2021).

        Parameters
        ----------
        batches : iterable of Batch
        most : int
            So many of them are used.
        lone : bool
            Whether a piece of one image counts.
        """
        self.network.train()
        norms = [
            m for m in self.network.modules() if isinstance(m, torch.nn.BatchNorm2d) and m.training
        ]
        if not norms:
            return
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain mean over all batches
        for count, batch in enumerate(batches, start=1):
            for piece in batch.pieces(self.micro_batch):
                if len(piece) > 1 or lone:
                    with autocast(self.device, self.precision):
                        self.network(self._to_device(piece)[0])
            if count == most:
                break
        self.group.average([x for norm in norms for x in (norm.running_mean, norm.running_var)])

    @torch.inference_mode()
    def validate(self, batches: Iterable[Batch]):
        """Targets and probabilities, each of shape (records, classes), and the mean loss."""
        self.network.eval()
        found = []
        for batch in batches:
            for piece in batch.pieces(self.micro_batch):
                loss, outputs = self.loss(*self._to_device(piece)[:2])
                probabilities = self.network.head(outputs).float().cpu().numpy()
                found.append((piece.targets.numpy(), probabilities, float(loss)))
        found = [row for rows in self.group.gather(found) for row in rows]
        if not found:
            return np.empty((0, len(CLASSES))), np.empty((0, len(CLASSES))), math.nan
        targets, probabilities, losses = zip(*found, strict=True)
        mean = float(np.average(losses, weights=[len(part) for part in targets]))
        return np.concatenate(targets), np.concatenate(probabilities), mean

    def seconds_per_image(self, images: int = 2) -> float:
        """Time of one training image, measured on blank ones without changing anything."""
        before = torch.random.get_rng_state(), copy_state(self.network)
        blank = torch.zeros(images, 3, *self.size, dtype=torch.uint8, device=self.device)
        blank = blank.contiguous(memory_format=torch.channels_last)
        targets = torch.zeros(images, len(CLASSES), device=self.device)
        self.network.train()
        times = []
        for _ in range(2):
            start = time.perf_counter()
            loss, _ = self.loss(blank, targets)
            loss.backward()
            if self.device.type == "cuda":
                torch.cuda.synchronize()
            times.append(time.perf_counter() - start)
        self.optimizer.zero_grad(set_to_none=True)
        torch.random.set_rng_state(before[0])
        self.network.load_state_dict(before[1])
        return min(times) / images

    def state(self) -> dict:
        """Everything that the next step depends on, of all processes."""
        cuda = self.device.type == "cuda"
        chance = [torch.random.get_rng_state(), torch.cuda.get_rng_state() if cuda else None]
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "random": self.group.gather(chance),
            "micro_batch": self.micro_batch,
            "precision": str(self.precision),
            "initial": self.initial,
            "tuned": self.start is not None,
            "averaged": self.averaged,
            "steps": self.steps,
        }

    def load_state(self, state: dict) -> None:
        """Continue from what `state` gave.

        Raises
        ------
        KeyError, TypeError, ValueError, RuntimeError
            If it is not this learner's.
        """
        if state["precision"] != str(self.precision):
            log.warning("Continued in %s after %s.", self.precision, state["precision"])
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self.micro_batch, self.initial = int(state["micro_batch"]), state["initial"]
        self.start = self.start if state["tuned"] else None
        self.averaged = [value.to(self.device) for value in state["averaged"]]
        self.steps = int(state["steps"])
        own, of_device = state["random"][self.group.rank]
        torch.random.set_rng_state(own)
        if of_device is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(of_device)


def _distance(found, truth):
    """Mean smooth distance of what is known (not NaN); 0 where nothing is."""
    known = truth.isfinite()
    distance = torch.nn.functional.smooth_l1_loss(
        found, torch.where(known, truth, 0.0), reduction="none"
    )
    return torch.where(known, distance, 0.0).sum() / known.sum().clamp(min=1)


def copy_state(network: torch.nn.Module) -> dict:
    """A network's ``state_dict``, copied to the CPU."""
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
