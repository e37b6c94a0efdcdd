"""Which epoch is the best, and what ends a training early: patience, the time limit, SIGTERM."""

import contextlib
import logging
import math
import signal
import threading

from giraffe.learning.resume import Progress

log = logging.getLogger(__name__)


def note_if_best(
    progress: Progress, auroc: float, loss: float, validated: bool, patience: int
) -> bool:
    """Note the epoch that has ended if it is the best so far.

    Parameters
    ----------
    progress : Progress
        Its best epoch is changed in place.
    auroc, loss : float
        Of the validation; the AUROC is NaN where it is undefined.
    validated : bool
        Whether there are validation records.
    patience : int
        0: every epoch replaces the one before.
    """
    if math.isfinite(auroc):
        score = auroc
    elif validated:
        score = -loss
        if not progress.history:
            log.warning("The validation AUROC is undefined: the validation loss decides.")
    else:
        score = math.inf  # no validation: every epoch replaces the one before
    # Among equal scores, frequent where few records validate, the smaller loss decides.
    better = (score, -loss) > (progress.best_score, -progress.best_loss)
    better |= not patience or math.isinf(score)
    if better:
        progress.best_epoch, progress.best_score = progress.epoch, score
        progress.best_loss = loss
    return better


def out_of_patience(progress: Progress, patience: int) -> bool:
    """Whether so many epochs have passed since the best one; 0: never."""
    waited = progress.epoch - (progress.best_epoch or 0)
    done = bool(patience) and waited >= patience
    if done:
        log.info("No better epoch in %d; stopping early.", waited)
    return done


def plan_epochs(progress: Progress, left: float) -> None:
    """Plan no more epochs than will end in time, judged by the longest so far.

    Parameters
    ----------
    progress : Progress
        Its plan is shortened in place, and never made longer.
    left : float
        Time in s.
    """
    longest = 1.1 * max(row["seconds"] for row in progress.history)
    possible = progress.epoch + max(int(left / longest), 0) if math.isfinite(left) else 10**9
    if possible < progress.planned:
        log.warning(
            "The time limit leaves room for %d epochs instead of %d.", possible, progress.planned
        )
        progress.planned = possible


@contextlib.contextmanager
def stop_on_sigterm(run):
    """SIGTERM ends training after the current step, with the best model so far saved.

    Parameters
    ----------
    run : giraffe.learning.training_loop.TrainingRun
        Its ``stop_requested`` becomes True.
    """
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
