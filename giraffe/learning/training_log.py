"""What a training says: what it will do, the time that is left, and the file that keeps it all."""

import contextlib
import logging
import time
from pathlib import Path

from giraffe.classes import CLASSES
from giraffe.device import describe
from giraffe.learning.resume import Progress

log = logging.getLogger(__name__)


@contextlib.contextmanager
def log_to(path: Path):
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


def announce(run, continued: bool) -> None:
    """Say what will be trained on what, and how long it will take.

    Parameters
    ----------
    run : giraffe.learning.training_loop.TrainingRun
        Before its first step.
    continued : bool
        Whether it goes on where an interrupted one was.
    """
    recipe, profile, learner = run.recipe, run.profile, run.learner
    height, width = run.size
    log.info(
        "Recipe %s, profile %s: %s with %s head, %d x %d px, batch %d, %s, %s.",
        recipe.name,
        profile.name,
        {"inception": "InceptionV3", "vanilla": "vanilla CNN"}[recipe.architecture],
        {"gev": "GEV", "sigmoid": "sigmoid"}[recipe.activation],
        height,
        width,
        run.batch,
        learner.initial,
        describe(run.device, learner.precision)
        + (f", {run.group.size} processes" if run.group.size > 1 else ""),
    )
    log.info(
        "%d training and %d validation records; training labels: %s.",
        len(run.training),
        len(run.validation),
        ", ".join(f"{name} {count}" for name, count in zip(CLASSES, run.counts, strict=True)),
    )
    absent = [name for name, count in zip(CLASSES, run.counts, strict=True) if count == 0]
    if absent:
        log.warning(
            "No training record has %s%s.",
            ", ".join(absent),
            "; weight 0 in the loss" if recipe.weighted else "",
        )
    if not run.validation:
        log.warning("No validation records: the last epoch is kept.")
    if profile.name == "scoring" and run.device.type == "cpu":
        log.warning(
            "The scoring profile is made for a GPU; on a CPU GIRAFFE_PROFILE=demo trains "
            "a smaller model in minutes."
        )
    if continued:
        log.info("Continuing in epoch %d of at most %d.", run.progress.epoch + 1, run.epochs)
    seconds = learner.seconds_per_image(min(2, len(run.training)))
    images = len(run.training) + len(run.validation) / 3
    epoch = seconds * images / run.group.size
    remaining = run.epochs - run.progress.epoch
    log.info(
        "About %.3g s per training image here, %s per epoch, %s for %d epochs "
        "(printing and reading of images not counted).",
        seconds,
        duration(epoch),
        duration(epoch * remaining),
        remaining,
    )


def outlook(progress: Progress, bar, began: tuple[float, int]) -> str:
    """Loss, the last validation's scores, and the time left, for the progress bar.

    Parameters
    ----------
    progress : Progress
    bar : tqdm
        Of the epoch's images.
    began : (float, int)
        When this part of the epoch began, on `time.monotonic`'s clock, and with which image.
    """
    start, first = began
    text = f"loss {progress.loss_sum / max(progress.loss_count, 1):.4f}"
    if progress.history:
        last = progress.history[-1]
        text += f", AUROC {last['auroc']:.3f}, F {last['f']:.3f}"
    if progress.epoch:
        epoch = max(row["seconds"] for row in progress.history)
    else:
        epoch = (time.monotonic() - start) / max(bar.n - first, 1) * bar.total
    share = 1 - bar.n / max(bar.total, 1)
    left = epoch * (progress.planned - progress.epoch - 1 + share)
    return f"{text}, {duration(left)} left"


def duration(seconds: float) -> str:
    """Some time for people: ``80 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
