"""The training loop: one network learns from records, and its best epoch is kept.

`TrainingRun.fit` is the loop. What ends it early is in `giraffe.learning.early_stopping`, a step in
`giraffe.learning.learner`, what is saved of an interrupted run in `giraffe.learning.resume`; on a
CPU with the same number of threads a run that was interrupted ends with exactly the weights of one
that was not.
"""

import logging
import math
import time
from pathlib import Path

import numpy as np
import torch

from giraffe.classes import CLASSES
from giraffe.device import best_device, describe
from giraffe.errors import ModelError
from giraffe.judging.metrics import auroc_per_class, chance, f_per_class, macro
from giraffe.learning.cache import ImageCache, default_folder
from giraffe.learning.data import PrintoutDataset, Source
from giraffe.learning.distributed import current_group
from giraffe.learning.early_stopping import note_if_best, out_of_patience, plan_epochs
from giraffe.learning.feed import EpochBatches, Feed
from giraffe.learning.learner import Learner, class_weights, copy_state
from giraffe.learning.resume import Progress, fingerprint, load_progress, save_progress
from giraffe.learning.trained import THRESHOLD, Trained
from giraffe.learning.training_log import announce, duration, outlook
from giraffe.network.classifier import decide
from giraffe.progress import progress_bar
from giraffe.randomness import random_stream
from giraffe.recipe import learning_rate

log = logging.getLogger(__name__)

CHECKPOINT_SECONDS = 300  # between checkpoints inside an epoch
EPOCH_CHECKPOINT_SECONDS = 10  # epochs shorter than this share a checkpoint
SETTLE_BATCHES = 25  # whose statistics batch normalisation takes before each validation
RESERVE_SECONDS = 60  # kept of the time limit for saving
EVIDENCE_RECORDS = 100  # by which is judged whether a model to start from knows these labels
LEAST_EVIDENCE = 10  # records, below which nothing can be told


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
    group : Group, optional
        The processes that train together.
    """

    def __init__(
        self, training, validation, settings, folder, verbose=True, device=None, group=None
    ):
        self.group = group or current_group()
        self.settings, self.recipe, self.profile = settings, settings.recipe, settings.profile
        self.training, self.validation = training, validation
        self.folder, self.verbose = Path(folder), verbose and self.group.leads
        self.folder.mkdir(parents=True, exist_ok=True)
        self.device = device or best_device()
        self.batch = self.recipe.batch or self.profile.batch
        self.epochs = min(self.recipe.epochs, self.profile.epochs or self.recipe.epochs)
        self.size = self.profile.input_size(self.recipe)
        self.stop_requested = False
        self.progress = Progress()
        self.best: dict | None = None
        self.fingerprint = fingerprint(settings, training, validation, self.group.size)
        self.saved = time.monotonic()

        height, width = self.size
        source = Source(
            height,
            width,
            images=self.recipe.images,
            preset=self.recipe.preset,
            all_images=self.recipe.all_images,
            seed=settings.seed,
            cache=self._cache(),
            straightened=self.recipe.straightened,
        )
        share = {"rank": self.group.rank, "ranks": self.group.size}
        on_gpu, workers = self.device.type == "cuda", self.profile.workers
        self.training_feed = Feed(
            PrintoutDataset(training, source, flips=self.recipe.flips),
            EpochBatches(len(training), self.batch, settings.seed, self.recipe.drop_last, **share),
            workers,
            on_gpu,
        )
        self.validation_feed = Feed(
            PrintoutDataset(validation, source),
            EpochBatches(len(validation), self.batch, **share),
            workers,
            on_gpu,
            stay=False,
        )

        targets = np.stack([record.targets() for record in training])
        self.counts = np.nansum(targets, axis=0).astype(int)
        weighted = self.recipe.weighted
        self.class_weights = class_weights(targets) if weighted else np.ones(len(CLASSES))

    def _cache(self) -> ImageCache | None:
        """Where decoded images are kept; none where all are printed from waveforms."""
        if self.recipe.images == "printed" or not any(record.images() for record in self.training):
            return None
        cache = ImageCache(self.settings.cache_folder or default_folder())
        if self.group.leads:
            cache.remove_stale()
        return cache

    # Before the first step

    def begin(self, initial: dict | None = None) -> None:
        """Build network and optimizer, continue from a checkpoint, say what will be done.

        Parameters
        ----------
        initial : dict, optional
            ``state_dict`` to start from, instead of what the recipe says.
        """
        self.learner = Learner(
            self.recipe,
            self.size,
            self.class_weights,
            self.settings.seed,
            self.device,
            self.group,
            len(self.training[0].measured()),
            len(self.training[0].cells(None, *self.size)),
        )
        if initial is not None:
            self.learner.load_weights(initial)
        self.learner.micro_batch = self.settings.micro_batch or self.learner.micro_batch
        continued = self._restore()
        if not self.progress.planned:
            self.progress.planned = self.epochs
        announce(self, continued)

    # The loop

    def fit(self, deadline: float) -> None:
        """Train until the last epoch, until patience or time runs out, or until told to stop.

        Parameters
        ----------
        deadline : float
            On `time.monotonic`'s clock; includes the time before interruptions.
        """
        deadline -= self.progress.elapsed + RESERVE_SECONDS
        progress, patience = self.progress, self.recipe.patience
        if self.learner.start is not None and not progress.epoch and not progress.batches:
            self._judge_start()
        while progress.epoch < progress.planned and not out_of_patience(progress, patience):
            start = time.monotonic()
            if not self._train_epoch(deadline):
                break
            self._end_epoch(time.monotonic() - start)
            plan_epochs(progress, min(self.group.gather(deadline - time.monotonic())))
            if self.group.any(time.monotonic() - self.saved >= EPOCH_CHECKPOINT_SECONDS):
                self._save()
        if self.stop_requested:
            log.warning("Told to stop: ending with the best epoch so far.")

    def _train_epoch(self, deadline: float) -> bool:
        """Train one epoch, or what is left of it; False if it had to be cut short."""
        progress = self.progress
        epoch = progress.epoch + 1
        self.training_feed.batches.epoch = epoch
        self.training_feed.batches.skip = progress.batches
        self.learner.network.train()
        bar = progress_bar(
            total=len(self.training),
            initial=min(progress.batches * self.batch, len(self.training)),
            desc=f"epoch {epoch}/{progress.planned}",
            unit="image",
            shown=self.verbose,
            leave=False,
        )
        began = time.monotonic(), bar.n
        with bar:
            steps = max(len(self.training_feed.batches) + progress.batches, 1)
            for batch in self.training_feed:
                share = (progress.epoch + progress.batches / steps) / max(progress.planned, 1)
                self.learner.set_learning_rate(learning_rate(self.recipe, epoch, share))
                loss_sum, count = self.learner.step(batch, lone=len(self.training) == 1)
                progress.loss_sum += loss_sum
                progress.loss_count += count
                progress.batches += 1
                bar.update(min(self.batch, len(self.training) - bar.n))
                bar.set_postfix_str(outlook(progress, bar, began), refresh=False)
                now = time.monotonic()
                late = math.isfinite(deadline) and now > deadline
                if self.group.any(self.stop_requested or late):
                    if not self.stop_requested:
                        log.warning("The time limit ends training inside epoch %d.", epoch)
                    return False
                if self.group.any(now - self.saved > CHECKPOINT_SECONDS):
                    self._save()
        return True

    def _settle(self, most: int = SETTLE_BATCHES) -> None:
        self.training_feed.batches.skip = 0
        batches = self.training_feed
        self.learner.settle_batch_norm(batches, most, lone=len(self.training) == 1)

    def _judge_start(self) -> None:
        """Validate the weights that it starts from; labels that they do not know are forgotten.

        Weights that are no better on this folder than chance, because its labels are others' or
        its pictures unlike any that they have seen, would only stand in the way: of learning, and
        of seeing that there is nothing to learn.
        """
        start = time.monotonic()
        targets, probabilities, loss = self.learner.validate(self.validation_feed)
        judged = [(targets, probabilities)]
        if len(targets) < EVIDENCE_RECORDS:
            judged.append(self._read_training(EVIDENCE_RECORDS - len(targets)))
        all_targets, all_probabilities = (
            np.concatenate(parts) for parts in zip(*judged, strict=True)
        )
        by_chance = chance(all_targets, all_probabilities, self.settings.seed)
        log.info(
            "On %d of these records the weights to start from have AUROC %.3f.",
            len(all_targets),
            macro(auroc_per_class(all_targets, all_probabilities)),
        )
        # The fewer the records, the less they can tell, and the more a model is worth.
        if len(all_targets) >= LEAST_EVIDENCE and by_chance > 1 / len(all_targets):
            log.warning("That is no better than chance: the last layer is made afresh.")
            self.learner.forget_labels()
        elif self.recipe.patience and len(targets):
            candidate = self._keep(targets, probabilities)
            self._enter(candidate, loss, time.monotonic() - start)

    def _read_training(self, number: int):
        """Targets and probabilities of some training records, seen as validation sees them."""
        order = random_stream(self.settings.seed, "evidence").permutation(len(self.training))
        records = [self.training[i] for i in order[:number]]
        validating = self.validation_feed
        share = {"rank": self.group.rank, "ranks": self.group.size}
        feed = Feed(
            PrintoutDataset(records, validating.dataset.source),
            EpochBatches(len(records), self.batch, **share),
            self.profile.workers,
            self.device.type == "cuda",
            stay=False,
        )
        targets, probabilities, _ = self.learner.validate(feed)
        feed.close()
        return targets, probabilities

    def _end_epoch(self, seconds: float) -> dict:
        """Validate, keep the epoch if it is the best, and write a line of history."""
        start = time.monotonic()
        with self.learner.final_weights():
            self._settle()
            targets, probabilities, loss = self.learner.validate(self.validation_feed)
            candidate = self._keep(targets, probabilities)
        self.progress.epoch += 1
        return self._enter(candidate, loss, seconds + time.monotonic() - start)

    def _enter(self, candidate: dict, loss: float, seconds: float) -> dict:
        """Keep an epoch if it is the best, and write its line of history."""
        progress = self.progress
        targets, probabilities = candidate["targets"].numpy(), candidate["probabilities"].numpy()
        areas = auroc_per_class(targets, probabilities)
        chosen = decide(probabilities, [THRESHOLD] * len(CLASSES), self.recipe.labels)
        f = f_per_class(targets, chosen) if len(targets) else np.full(len(CLASSES), np.nan)
        auroc = macro(areas)
        better = note_if_best(progress, auroc, loss, len(targets) > 0, self.recipe.patience)
        row = {
            "epoch": progress.epoch,
            "training_loss": progress.loss_sum / progress.loss_count
            if progress.loss_count
            else math.nan,
            "validation_loss": loss,
            "auroc": auroc,
            "f": macro(f),
            "learning_rate": self.learner.optimizer.param_groups[0]["lr"],
            "images": progress.loss_count,
            "seconds": seconds,
        }
        row |= {f"auroc {name}": float(a) for name, a in zip(CLASSES, areas, strict=True)}
        progress.history.append(row)
        progress.elapsed += row["seconds"]
        progress.batches, progress.loss_sum, progress.loss_count = 0, 0.0, 0
        if better:
            self.best = candidate
        log.info(
            "Epoch %d: loss %.4f, validation loss %.4f, AUROC %.3f, F %.3f, %s%s",
            row["epoch"],
            row["training_loss"],
            row["validation_loss"],
            row["auroc"],
            row["f"],
            duration(row["seconds"]),
            ", best so far" if better else "",
        )
        return row

    # Checkpoints

    def _save(self) -> None:
        content = self.learner.state()
        content |= {"fingerprint": self.fingerprint, "threads": torch.get_num_threads()}
        if self.group.leads:
            try:
                save_progress(self.folder, content, self.progress, self.best)
            except OSError as error:
                log.warning("No checkpoint could be written (%s); training goes on.", error)
        self.group.wait()
        self.saved = time.monotonic()

    def _restore(self) -> bool:
        """Continue from the checkpoint if there is one of this very run."""
        found = load_progress(self.folder, self.fingerprint)
        if found is None:
            return False
        saved, progress, best = found
        try:
            self.learner.load_state(saved)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ModelError(
                f"{self.folder}: its checkpoint cannot be used ({error}); remove the folder"
            ) from error
        self.progress, self.best = progress, best
        if saved["threads"] != torch.get_num_threads():
            log.warning(
                "Continued with %d threads instead of %d: weights may differ in their last bits.",
                torch.get_num_threads(),
                saved["threads"],
            )
        return True

    # The end

    def finish(self, keep_checkpoint: bool = False) -> Trained:
        """The network of the best epoch; it stays in the run's folder until the model is whole.

        Parameters
        ----------
        keep_checkpoint : bool
            Whether others are to be trained before that: if one of them is interrupted, this one
            is done.
        """
        progress = self.progress
        if self.best is None:  # stopped inside the first epoch: what there is beats nothing
            with self.learner.final_weights():
                self._settle(most=4)
                self.best = self._keep(np.empty((0, len(CLASSES))), np.empty((0, len(CLASSES))))
        feeds = self.training_feed, self.validation_feed
        unreadable = {name for feed in feeds for name in feed.unreadable}
        for feed in feeds:
            feed.close()
        rows = [row for row in progress.history if row["epoch"] == progress.best_epoch]
        scores = {key: rows[0][key] for key in ("auroc", "f", "validation_loss")} if rows else {}
        if unreadable:
            log.warning("%d records had no readable image.", len(unreadable))
        log.info(
            "Best epoch %d of %d: validation AUROC %.3f, F %.3f.",
            progress.best_epoch or 0,
            progress.epoch,
            scores.get("auroc", math.nan),
            scores.get("f", math.nan),
        )
        if keep_checkpoint:
            progress.planned = progress.epoch
            self._save()
        facts = {
            "initial": self.learner.initial,
            "records": {"training": len(self.training), "validation": len(self.validation)},
            "training_labels": dict(zip(CLASSES, self.counts.tolist(), strict=True)),
            "epochs_trained": progress.epoch,
            "best_epoch": progress.best_epoch or 0,
            "validation": scores,
            "training_seconds": progress.elapsed,
            "device": describe(self.device, self.learner.precision),
        }
        return Trained(
            self.best["weights"],
            progress.best_epoch or 0,
            progress.history,
            self.best["targets"].numpy(),
            self.best["probabilities"].numpy(),
            {
                "training": [record.name for record in self.training],
                "validation": [record.name for record in self.validation],
            },
            facts,
            self.learner.start,
        )

    def _keep(self, targets, probabilities) -> dict:
        """What is kept of the best epoch."""
        return {
            "weights": copy_state(self.learner.network),
            "targets": torch.from_numpy(np.asarray(targets, dtype=np.float32)),
            "probabilities": torch.from_numpy(np.asarray(probabilities, dtype=np.float32)),
        }
