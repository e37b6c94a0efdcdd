"""The training loop: one folder of records becomes one model folder.

Everything that happens before the end happens in ``MODEL/resume/``: the checkpoint, the best
weights so far and the log. When training ends, the model is moved into place and that folder goes,
so a model that was there before is replaced by a finished one or not at all. The same command,
started again after an interruption, continues; on a CPU with the same number of threads it ends
with exactly the weights of an uninterrupted run.
"""

import contextlib
import csv
import dataclasses
import hashlib
import io
import json
import logging
import math
import os
import shutil
import signal
import threading
import time
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from giraffe.checkpoint import (
    DESCRIPTION,
    load_tensors,
    save_model,
    save_tensors,
    versions,
    weights_name,
)
from giraffe.classes import CLASSES, encode
from giraffe.classifier import decide
from giraffe.data import EpochSampler, PrintoutDataset, Source, make_loader
from giraffe.device import autocast, best_device, choose_precision, describe
from giraffe.errors import ModelError
from giraffe.files import write_atomically
from giraffe.metrics import auroc_per_class, f_per_class, macro
from giraffe.network import Network, load_initial
from giraffe.randomness import random_stream
from giraffe.report import plot_history
from giraffe.settings import Settings
from giraffe.split import find_training_records, split_records

log = logging.getLogger(__name__)

CHECKPOINT_SECONDS = 300  # between checkpoints inside an epoch
EPOCH_CHECKPOINT_SECONDS = 10  # epochs shorter than this share a checkpoint
SETTLE_BATCHES = 25  # whose statistics batch normalisation takes before each validation
THRESHOLD = 0.5
RESERVE_SECONDS = 60  # kept of the time limit for saving


def class_weights(targets: np.ndarray) -> np.ndarray:
    """λ_i = total_samples / (num_classes · count_i) (paper, "Loss weighting").

    Parameters
    ----------
    targets : ndarray, shape (records, classes)
        Multi-hot labels of the training records.

    Returns
    -------
    ndarray of float32, shape (classes,)
        0 for a class without a record, which the paper leaves open.
    """
    counts = np.asarray(targets).sum(axis=0)
    total, num_classes = targets.shape
    return np.where(counts > 0, total / (num_classes * np.maximum(counts, 1)), 0).astype(np.float32)


@dataclasses.dataclass
class Progress:
    """Where training stands; all of it is in the checkpoint.

    Attributes
    ----------
    epoch, batches : int
        Epochs completed, and batches completed of the next one.
    loss_sum, loss_count : float
        Of the epoch under way.
    best_epoch : int
        0 until there is one.
    best_score : float
        Higher is better.
    history : list of dict
        One row per epoch.
    elapsed : float
        Training time so far in s, over all interruptions.
    """

    epoch: int = 0
    batches: int = 0
    loss_sum: float = 0.0
    loss_count: int = 0
    best_epoch: int = 0
    best_score: float = -math.inf
    history: list[dict] = dataclasses.field(default_factory=list)
    elapsed: float = 0.0


def train(
    data_folder: str | Path,
    model_folder: str | Path,
    settings: Settings,
    verbose: bool = True,
    device: torch.device | None = None,
) -> dict:
    """Train a model.

    Parameters
    ----------
    data_folder, model_folder : path
    settings : Settings
    verbose : bool
        Whether to show a progress bar.
    device : torch.device, optional
        The best there is by default.

    Returns
    -------
    dict
        The model's description.

    Raises
    ------
    RecordError
        If the folder holds no record that can be trained on.
    """
    started = time.monotonic()
    profile = settings.profile
    records = find_training_records(data_folder)
    if profile.records and len(records) > profile.records:
        log.info(
            "The %s profile uses %d of %d records.", profile.name, profile.records, len(records)
        )
        order = random_stream(settings.seed, "cap").permutation(len(records))
        records = [records[i] for i in sorted(order[: profile.records])]
    training, validation = split_records(records, settings)

    model_folder = Path(model_folder)
    folder = model_folder / "resume"
    folder.mkdir(parents=True, exist_ok=True)
    run = TrainingRun(training, validation, settings, folder, verbose, device)
    with _log_to(folder / "train.log"), _stop_on_sigterm(run):
        run.begin()
        run.fit(started + settings.limit_seconds(len(records)))
        description = run.finish()
    _move_into_place(folder, model_folder, len(description["weights_of_epochs"]))
    log.info("Model saved in %s.", model_folder)
    return description


class TrainingRun:
    """One network being trained.

    Parameters
    ----------
    training, validation : list of Record
    settings : Settings
    folder : Path
        For the checkpoint and the best weights.
    verbose : bool
    device : torch.device, optional
    """

    def __init__(self, training, validation, settings, folder, verbose=True, device=None):
        self.settings, self.recipe, self.profile = settings, settings.recipe, settings.profile
        self.training, self.validation = training, validation
        self.folder, self.verbose = Path(folder), verbose
        self.device = device or best_device()
        self.precision = choose_precision(self.device)
        self.batch = self.recipe.batch or self.profile.batch
        self.epochs = min(self.recipe.epochs, self.profile.epochs or self.recipe.epochs)
        self.size = self.profile.input_size(self.recipe)
        self.stop_requested = False
        self.progress = Progress()
        self.best: dict | None = None
        self.fingerprint = self._fingerprint()
        self.saved = time.monotonic()
        self.unreadable: dict[str, str] = {}

        source = Source(
            *self.size,
            images=self.recipe.images,
            preset=self.recipe.preset,
            all_images=self.recipe.all_images,
            seed=settings.seed,
        )
        self.train_data = PrintoutDataset(training, source, flips=self.recipe.flips)
        self.validation_data = PrintoutDataset(validation, source)
        self.sampler = EpochSampler(len(training), settings.seed)

        targets = np.stack([encode(record.labels) for record in training])
        self.counts = targets.sum(axis=0).astype(int)
        weights = class_weights(targets) if self.recipe.weighted else np.ones(len(CLASSES))
        self.class_weights = torch.tensor(weights, dtype=torch.float32, device=self.device)

    # Before the first step

    def begin(self) -> None:
        """Build network and optimizer, continue from a checkpoint, say what will be done."""
        torch.manual_seed(self.settings.seed)
        if self.device.type == "cuda":
            torch.set_float32_matmul_precision("high")  # TF32 where the GPU has it
        self.network = Network(self.recipe, self.size)
        self.initial = load_initial(self.network, self.recipe)
        self.network.to(self.device, memory_format=torch.channels_last)
        optimizer = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}[self.recipe.optimizer]
        self.optimizer = optimizer(
            self.network.parameter_groups(self.recipe.weight_decay),
            lr=self.recipe.learning_rate,
            fused=self.device.type in ("cuda", "cpu"),
        )
        # float16 loses small gradients unless the loss is scaled up.
        self.scaler = torch.amp.GradScaler(
            self.device.type, enabled=self.precision == torch.float16
        )
        continued = self._restore()
        self._announce(continued)

    def _announce(self, continued: bool) -> None:
        height, width = self.size
        log.info(
            "Recipe %s, profile %s: %s with %s head, %d x %d px, batch %d, %s, %s.",
            self.recipe.name,
            self.profile.name,
            {"inception": "InceptionV3", "vanilla": "vanilla CNN"}[self.recipe.architecture],
            {"gev": "GEV", "sigmoid": "sigmoid"}[self.recipe.activation],
            height,
            width,
            self.batch,
            self.initial,
            describe(self.device, self.precision),
        )
        log.info(
            "%d training and %d validation records; training labels: %s.",
            len(self.training),
            len(self.validation),
            ", ".join(f"{name} {count}" for name, count in zip(CLASSES, self.counts, strict=True)),
        )
        absent = [name for name, count in zip(CLASSES, self.counts, strict=True) if count == 0]
        if absent:
            log.warning(
                "No training record has %s%s.",
                ", ".join(absent),
                "; weight 0 in the loss" if self.recipe.weighted else "",
            )
        if not self.validation:
            log.warning("No validation records: the last epoch is kept.")
        if self.profile.name == "scoring" and self.device.type == "cpu":
            log.warning(
                "The scoring profile is made for a GPU; on a CPU GIRAFFE_PROFILE=demo trains "
                "a smaller model in minutes."
            )
        if continued:
            log.info("Continuing in epoch %d of at most %d.", self.progress.epoch + 1, self.epochs)
        seconds = self._seconds_per_image()
        epoch = seconds * (len(self.training) + len(self.validation) / 3)
        remaining = self.epochs - self.progress.epoch
        log.info(
            "About %.3g s per training image here, %s per epoch, %s for %d epochs "
            "(printing and reading of images not counted).",
            seconds,
            _duration(epoch),
            _duration(epoch * remaining),
            remaining,
        )

    def _seconds_per_image(self) -> float:
        """Time one step on blank images without changing anything."""
        count = min(2, len(self.training))
        states = torch.random.get_rng_state(), _clone(self.network.state_dict())
        images = torch.zeros(count, 3, *self.size, dtype=torch.uint8, device=self.device)
        targets = torch.zeros(count, len(CLASSES), device=self.device)
        self.network.train()
        times = []
        for _ in range(2):
            start = time.perf_counter()
            loss, _ = self._loss(images, targets)
            loss.backward()
            if self.device.type == "cuda":
                torch.cuda.synchronize()
            times.append(time.perf_counter() - start)
        self.optimizer.zero_grad(set_to_none=True)
        torch.random.set_rng_state(states[0])
        self.network.load_state_dict(states[1])
        return min(times) / count

    # The loop

    def fit(self, deadline: float) -> None:
        """Train until the last epoch, until patience or time runs out, or until told to stop.

        Parameters
        ----------
        deadline : float
            On `time.monotonic`'s clock; includes the time before interruptions.
        """
        deadline -= self.progress.elapsed + RESERVE_SECONDS
        longest_epoch = max((row["seconds"] for row in self.progress.history), default=0.0)
        while self.progress.epoch < self.epochs and not self._out_of_patience():
            start = time.monotonic()
            if start + longest_epoch > deadline and self.progress.best_epoch:
                log.warning("The time limit leaves no room for another epoch.")
                break
            if not self._train_epoch(deadline):
                break
            row = self._end_epoch(time.monotonic() - start)
            longest_epoch = max(longest_epoch, 1.1 * row["seconds"])
            if time.monotonic() - self.saved >= EPOCH_CHECKPOINT_SECONDS:
                self._save()
        if self.stop_requested:
            log.warning("Told to stop: ending with the best epoch so far.")

    def _out_of_patience(self) -> bool:
        waited = self.progress.epoch - self.progress.best_epoch
        done = bool(self.recipe.patience) and waited >= self.recipe.patience
        if done:
            log.info("No better epoch in %d; stopping early.", waited)
        return done

    def _train_epoch(self, deadline: float) -> bool:
        """Train one epoch, or what is left of it; False if it had to be cut short."""
        progress, recipe = self.progress, self.recipe
        epoch = progress.epoch + 1
        decay = 0.1 ** ((epoch - 1) // recipe.step_epochs) if recipe.step_epochs else 1.0
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.learning_rate * decay
        self.train_data.epoch = self.sampler.epoch = epoch
        self.sampler.skip = progress.batches * self.batch
        loader = self._loader(self.train_data, self.sampler, recipe.drop_last)
        self.network.train()
        bar = tqdm(
            total=len(self.training),
            initial=min(self.sampler.skip, len(self.training)),
            desc=f"epoch {epoch}/{self.epochs}",
            unit="image",
            disable=not self.verbose,
            leave=False,
        )
        with bar:
            for batch in loader:
                self._note_problems(batch, self.training)
                # Batch normalisation over one small image is undefined; a lone last image waits
                # for the next epoch's order.
                if len(batch) > 1 or len(self.training) == 1:
                    self._step(batch)
                progress.batches += 1
                bar.update(len(batch) + len(batch.problems))
                bar.set_postfix(loss=f"{progress.loss_sum / max(progress.loss_count, 1):.4f}")
                now = time.monotonic()
                if self.stop_requested or (now > deadline and math.isfinite(deadline)):
                    if not self.stop_requested:
                        log.warning("The time limit ends training inside epoch %d.", epoch)
                    return False
                if now - self.saved > CHECKPOINT_SECONDS:
                    self._save()
        return True

    def _loader(self, dataset, sampler=None, drop_last=False):
        drop_last = drop_last and len(dataset) >= self.batch
        return make_loader(
            dataset,
            self.batch,
            self.profile.workers,
            sampler,
            drop_last,
            pin=self.device.type == "cuda",
        )

    def _loss(self, images, targets):
        """Mean weighted cross-entropy over all entries, and the outputs."""
        with autocast(self.device, self.precision):
            outputs = self.network(images)
        losses = self.network.head.cross_entropy(outputs, targets) * self.class_weights
        return losses.mean(), outputs

    def _step(self, batch) -> None:
        images = batch.images.to(self.device, memory_format=torch.channels_last, non_blocking=True)
        targets = batch.targets.to(self.device, non_blocking=True)
        loss, _ = self._loss(images, targets)
        self.scaler.scale(loss).backward()
        if self.recipe.clip_norm is not None:
            self.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.progress.loss_sum += float(loss.detach()) * len(batch)
        self.progress.loss_count += len(batch)

    def _note_problems(self, batch, records) -> None:
        for index, problem in batch.problems:
            if records[index].name not in self.unreadable:
                self.unreadable[records[index].name] = problem
                log.warning("%s; skipped.", problem)

    @torch.no_grad()
    def _settle_batch_norm(self, most: int = SETTLE_BATCHES) -> None:
        """Take batch normalisation's statistics anew, from training batches and today's weights.

        Running averages lag behind the weights, and over InceptionV3's 94 normalisations the error
        grows until a network that has fitted its images answers nonsense in evaluation mode
        ("precise BN": Wu and Johnson, "Rethinking 'Batch' in BatchNorm", arXiv:2105.07576, 2021).
        """
        norms = [m for m in self.network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
        if not norms:
            return
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain mean over all batches
        self.network.train()
        self.sampler.skip = 0
        for count, batch in enumerate(self._loader(self.train_data, self.sampler), start=1):
            if len(batch) > 1 or len(self.training) == 1:
                images = batch.images.to(self.device, memory_format=torch.channels_last)
                with autocast(self.device, self.precision):
                    self.network(images)
            if count == most:
                break

    @torch.inference_mode()
    def evaluate(self, dataset: PrintoutDataset):
        """Targets, probabilities and mean loss over a data set; unreadable records are left out."""
        self.network.eval()
        targets, probabilities, losses = [], [], []
        for batch in self._loader(dataset):
            self._note_problems(batch, dataset.records)
            if not len(batch):
                continue
            images = batch.images.to(self.device, memory_format=torch.channels_last)
            loss, outputs = self._loss(images, batch.targets.to(self.device))
            targets.append(batch.targets.numpy())
            probabilities.append(self.network.head(outputs).float().cpu().numpy())
            losses.append((float(loss), len(batch)))
        if not targets:
            return np.empty((0, len(CLASSES))), np.empty((0, len(CLASSES))), math.nan
        mean = sum(loss * n for loss, n in losses) / sum(n for _, n in losses)
        return np.concatenate(targets), np.concatenate(probabilities), mean

    def _end_epoch(self, seconds: float) -> dict:
        """Validate, keep the epoch if it is the best, and write a line of history."""
        progress = self.progress
        start = time.monotonic()
        self._settle_batch_norm()
        targets, probabilities, loss = self.evaluate(self.validation_data)
        areas = auroc_per_class(targets, probabilities)
        chosen = decide(probabilities, [THRESHOLD] * len(CLASSES), self.recipe.labels)
        f = f_per_class(targets, chosen) if len(targets) else np.full(len(CLASSES), np.nan)
        progress.epoch += 1
        auroc = macro(areas)
        if math.isfinite(auroc):
            score = auroc
        elif len(targets):
            score = -loss
            if progress.epoch == 1:
                log.warning("The validation AUROC is undefined: the validation loss decides.")
        else:
            score = math.inf  # no validation: every epoch replaces the one before
        better = score > progress.best_score or not self.recipe.patience or math.isinf(score)
        if better:
            progress.best_epoch, progress.best_score = progress.epoch, score
        row = {
            "epoch": progress.epoch,
            "training_loss": progress.loss_sum / max(progress.loss_count, 1),
            "validation_loss": loss,
            "auroc": auroc,
            "f": macro(f),
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            "images": progress.loss_count,
            "seconds": seconds + time.monotonic() - start,
        }
        row |= {f"auroc {name}": area for name, area in zip(CLASSES, areas, strict=True)}
        progress.history.append(row)
        progress.elapsed += row["seconds"]
        progress.batches, progress.loss_sum, progress.loss_count = 0, 0.0, 0
        if better:
            self.best = _clone(self.network.state_dict())
        log.info(
            "Epoch %d: loss %.4f, validation loss %.4f, AUROC %.3f, F %.3f, %s%s",
            row["epoch"],
            row["training_loss"],
            row["validation_loss"],
            row["auroc"],
            row["f"],
            _duration(row["seconds"]),
            ", best so far" if better else "",
        )
        return row

    # Checkpoints

    def _fingerprint(self) -> str:
        """Digest of everything that the weights depend on."""
        facts = {
            "recipe": self.recipe.as_dict(),
            "profile": dataclasses.asdict(self.profile),
            "seed": self.settings.seed,
            "torch": torch.__version__,
            "records": [
                [
                    [r.name, r.labels, [p.stat().st_size for p in r.signals() + r.images()]]
                    for r in part
                ]
                for part in (self.training, self.validation)
            ],
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def _best_path(self) -> Path:
        return self.folder / f"best-{self.progress.best_epoch}.pt"

    def _save(self) -> None:
        # The best weights first, under their epoch's name: whichever checkpoint a crash leaves
        # behind finds the weights that it speaks of.
        if self.best is not None and not self._best_path().exists():
            save_tensors(self._best_path(), self.best)
        save_tensors(
            self.folder / "checkpoint.pt",
            {
                "fingerprint": self.fingerprint,
                "progress": dataclasses.asdict(self.progress),
                "network": self.network.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "scaler": self.scaler.state_dict(),
                "random": torch.random.get_rng_state(),
                "device_random": _device_random(self.device),
                "threads": torch.get_num_threads(),
                "precision": str(self.precision),
                "initial": self.initial,
            },
        )
        for path in self.folder.glob("best-*.pt"):
            if path != self._best_path():
                path.unlink()
        self.saved = time.monotonic()

    def _restore(self) -> bool:
        """Continue from the checkpoint if there is one of this very run."""
        path = self.folder / "checkpoint.pt"
        if not path.exists():
            return False
        try:
            saved = load_tensors(path)
            if saved["fingerprint"] != self.fingerprint:
                log.warning("Recipe, data or version changed since %s: starting afresh.", path)
                return False
            self.network.load_state_dict(saved["network"])
            self.optimizer.load_state_dict(saved["optimizer"])
            self.scaler.load_state_dict(saved["scaler"])
            progress = Progress(**saved["progress"])
            if progress.best_epoch:
                self.best = load_tensors(self.folder / f"best-{progress.best_epoch}.pt")
            self.progress = progress
        except (ModelError, KeyError, TypeError, RuntimeError) as error:
            log.warning("%s cannot be used (%s): starting afresh.", path, error)
            return False
        torch.random.set_rng_state(saved["random"])
        if saved["device_random"] is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(saved["device_random"])
        if saved["threads"] != torch.get_num_threads():
            log.warning(
                "Continued with %d threads instead of %d: weights may differ in their last bits.",
                torch.get_num_threads(),
                saved["threads"],
            )
        self.initial = saved["initial"]
        return True

    # The end

    def finish(self) -> dict:
        """Write the model of the best epoch into the run's folder.

        Returns
        -------
        dict
            The model's description.
        """
        progress = self.progress
        if self.best is None:  # stopped inside the first epoch: what there is beats nothing
            self._settle_batch_norm(most=4)
        best = self.best or _clone(self.network.state_dict())
        rows = [row for row in progress.history if row["epoch"] == progress.best_epoch]
        scores = {key: rows[0][key] for key in ("auroc", "f", "validation_loss")} if rows else {}
        if self.unreadable:
            log.warning("%d records had no readable image.", len(self.unreadable))
        description = {
            "recipe": self.recipe.as_dict(),
            "profile": dataclasses.asdict(self.profile),
            "size": list(self.size),
            "thresholds": [THRESHOLD] * len(CLASSES),
            "seed": self.settings.seed,
            "initial": self.initial,
            "records": {"training": len(self.training), "validation": len(self.validation)},
            "training_labels": dict(zip(CLASSES, self.counts.tolist(), strict=True)),
            "weights_of_epochs": [progress.best_epoch],
            "epochs_trained": progress.epoch,
            "validation": scores,
            "training_seconds": progress.elapsed,
            "device": describe(self.device, self.precision),
            "versions": versions(),
        }
        save_model(self.folder, [best], description)
        write_atomically(self.folder / "history.csv", _csv(progress.history))
        parts = (("training", self.training), ("validation", self.validation))
        rows = [{"record": r.name, "part": part} for part, records in parts for r in records]
        write_atomically(self.folder / "split.csv", _csv(rows))
        plot_history(progress.history, self.folder / "curves.png")
        log.info(
            "Best epoch %d of %d: validation AUROC %.3f, F %.3f.",
            progress.best_epoch,
            progress.epoch,
            scores.get("auroc", math.nan),
            scores.get("f", math.nan),
        )
        return description


def _clone(state: dict) -> dict:
    return {name: value.detach().cpu().clone() for name, value in state.items()}


def _device_random(device: torch.device):
    return torch.cuda.get_rng_state() if device.type == "cuda" else None


def _csv(rows: list[dict]) -> str:
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue()


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _move_into_place(folder: Path, model_folder: Path, networks: int) -> None:
    """Exchange the finished model for the one in the model folder, its description last."""
    for name in [
        *map(weights_name, range(networks)),
        "history.csv",
        "split.csv",
        "curves.png",
        "train.log",
        DESCRIPTION,
    ]:
        os.replace(folder / name, model_folder / name)
    for stale in model_folder.glob("weights-*.pt"):
        if int(stale.stem.split("-")[1]) >= networks:
            stale.unlink()
    shutil.rmtree(folder)


@contextlib.contextmanager
def _log_to(path: Path):
    """Also write this package's log to a file."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    handler.setLevel(logging.INFO)
    package = logging.getLogger("giraffe")
    level = package.level
    package.addHandler(handler)
    if not package.isEnabledFor(logging.INFO):
        # The file gets every line even where the screen shows warnings only.
        for other in logging.getLogger().handlers:
            other.setLevel(max(other.level, logging.WARNING))
        package.setLevel(logging.INFO)
    try:
        yield
    finally:
        package.removeHandler(handler)
        package.setLevel(level)
        handler.close()


@contextlib.contextmanager
def _stop_on_sigterm(run: TrainingRun):
    """SIGTERM ends training after the current step, with the best model so far saved."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def request(signum, frame):
        run.stop_requested = True

    previous = signal.signal(signal.SIGTERM, request)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
