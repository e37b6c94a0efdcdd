"""What an interrupted training needs to go on: its progress, saved so that no crash can spoil it.

A folder holds ``checkpoint.pt`` and the best epoch's weights under that epoch's number, so that
whichever checkpoint a crash leaves behind finds the weights that it speaks of.
"""

import dataclasses
import hashlib
import json
import logging
import math
from pathlib import Path

import torch

from giraffe.errors import ModelError
from giraffe.settings import Settings
from giraffe.tensors import load_tensors, save_tensors

log = logging.getLogger(__name__)


@dataclasses.dataclass
class Progress:
    """Where training stands.

    Attributes
    ----------
    epoch, batches : int
        Epochs completed, and batches completed of the next one.
    planned : int
        Epochs that the recipe and the time limit allow; 0 before the first step.
    loss_sum, loss_count : float
        Of the epoch under way.
    best_epoch : int or None
        0: the weights that it started from; None until there is one.
    best_score : float
        Higher is better.
    best_loss : float
        Validation loss of the best epoch, which decides between equal scores.
    history : list of dict
        One row per epoch.
    elapsed : float
        Training time so far in s, over all interruptions.
    """

    epoch: int = 0
    batches: int = 0
    planned: int = 0
    loss_sum: float = 0.0
    loss_count: int = 0
    best_epoch: int | None = None
    best_score: float = -math.inf
    best_loss: float = math.inf
    history: list[dict] = dataclasses.field(default_factory=list)
    elapsed: float = 0.0


def fingerprint(settings: Settings, training, validation, processes: int) -> str:
    """Digest of everything that the weights depend on."""
    facts = {
        "recipe": settings.recipe.as_dict(),
        "profile": dataclasses.asdict(settings.profile),
        "seed": settings.seed,
        "processes": processes,
        "torch": torch.__version__,
        "records": [
            [[r.name, r.labels, [p.stat().st_size for p in r.signals() + r.images()]] for r in part]
            for part in (training, validation)
        ],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def save_progress(folder: Path, content: dict, progress: Progress, best: dict | None) -> None:
    """Write a checkpoint.

    Parameters
    ----------
    folder : Path
    content : dict
        Tensors and plain values besides the progress.
    progress : Progress
    best : dict or None
        ``state_dict`` of the best epoch.
    """
    kept = folder / f"best-{progress.best_epoch}.pt"
    # Through JSON, because NumPy's numbers in it could be written but not safely read again.
    plain = json.loads(json.dumps(dataclasses.asdict(progress)))
    new = best is not None and not kept.exists()
    try:
        if new and best is not None:
            save_tensors(kept, best)
        save_tensors(folder / "checkpoint.pt", {"progress": plain, **content})
    except OSError:
        if new:  # no checkpoint speaks of it
            kept.unlink(missing_ok=True)
        raise
    for path in folder.glob("best-*.pt"):
        if path != kept:
            path.unlink()


def load_progress(folder: Path, own: str) -> tuple[dict, Progress, dict | None] | None:
    """The checkpoint of a folder, or None if there is none of this very run.

    Parameters
    ----------
    folder : Path
    own : str
        The run's `fingerprint`.

    Returns
    -------
    (dict, Progress, dict or None) or None
        As given to `save_progress`.
    """
    path = folder / "checkpoint.pt"
    if not path.exists():
        return None
    try:
        content = load_tensors(path)
        if content["fingerprint"] != own:
            log.warning("Recipe, data or version changed since %s: starting afresh.", path)
            return None
        progress = Progress(**content.pop("progress"))
        best = None
        if progress.best_epoch is not None:
            best = load_tensors(folder / f"best-{progress.best_epoch}.pt")
    except (ModelError, KeyError, TypeError) as error:
        log.warning("%s cannot be used (%s): starting afresh.", path, error)
        return None
    return content, progress, best
