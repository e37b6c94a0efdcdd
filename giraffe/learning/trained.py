"""What training gives: one or several networks become a model folder."""

import dataclasses
import logging
import math
import os
import shutil
from pathlib import Path

import numpy as np

from giraffe.classes import CLASSES
from giraffe.errors import ModelError
from giraffe.files import csv_text, write_atomically
from giraffe.judging.metrics import auroc_per_class, f_per_class, macro, tune_thresholds
from giraffe.learning.curves import plot_history
from giraffe.network.calibration import calibrate, uncalibrated
from giraffe.network.checkpoint import DESCRIPTION, SIGNALS, save_model, versions, weights_name
from giraffe.network.classifier import decide
from giraffe.settings import Settings

log = logging.getLogger(__name__)

THRESHOLD = 0.5


@dataclasses.dataclass(frozen=True)
class Trained:
    """What training a network gives.

    Attributes
    ----------
    weights : dict
        ``state_dict`` of the best epoch.
    epoch : int
        The best one; 0 if the weights it started from were better than all, or there was none.
    history : list of dict
    targets, probabilities : ndarray, shape (records, classes)
        Of the validation records in the best epoch.
    parts : dict of str to list of str
        Names of the training and of the validation records.
    facts : dict
        For the model's description.
    start : dict or None
        Description of the model that it started from, last layer and all.
    """

    weights: dict
    epoch: int
    history: list[dict]
    targets: np.ndarray
    probabilities: np.ndarray
    parts: dict[str, list[str]]
    facts: dict
    start: dict | None = None


def describe_model(settings: Settings, trained: list[Trained]) -> dict:
    """A model's description: all that running it takes, and what people like to know."""
    recipe = settings.recipe
    thresholds = np.full(len(CLASSES), THRESHOLD)
    targets = np.concatenate([one.targets for one in trained])
    probabilities = np.concatenate([one.probabilities for one in trained])
    start = trained[0].start or {}
    inherited = {}
    if start and not any(one.epoch for one in trained):  # the very weights that it started from
        probabilities = calibrate(probabilities, start["calibration"])
        inherited = {"calibration": [one.as_list() for one in start["calibration"]]}
        if start.get("signals") is not None:
            inherited["signals"] = start["signals"].as_dict()
    if recipe.thresholds == "tuned":
        usual = start.get("thresholds", thresholds)
        if start and "calibration" not in inherited:  # which those were made for
            usual = uncalibrated(usual, start["calibration"])
        thresholds = tune_thresholds(targets, probabilities, usual=usual)
    thresholds = thresholds.tolist()
    first = trained[0].facts
    return {
        "recipe": recipe.as_dict(),
        "profile": dataclasses.asdict(settings.profile),
        "size": list(settings.profile.input_size(recipe)),
        "thresholds": thresholds,
        **inherited,
        "seed": settings.seed,
        "weights_of_epochs": [one.epoch for one in trained],
        "networks": [one.facts for one in trained],
        "validation": {
            "records": len(targets),
            "auroc": macro(auroc_per_class(targets, probabilities)),
            "f": macro(f_per_class(targets, decide(probabilities, thresholds, recipe.labels)))
            if len(targets)
            else math.nan,
            "classes": [c for c, n in zip(CLASSES, np.nansum(targets, axis=0), strict=True) if n],
        },
        "training_seconds": sum(one.facts["training_seconds"] for one in trained),
        "device": first["device"],
        "versions": versions(),
    }


def write_model(folder: Path, trained: list[Trained], description: dict) -> None:
    """Write a model folder: weights, description, history, split and curves."""
    start = trained[0].start
    (folder / SIGNALS).unlink(missing_ok=True)  # of a call that was interrupted
    if start is not None and "signals" in description:
        write_atomically(folder / SIGNALS, start["signals"].path.read_bytes())
    save_model(folder, [one.weights for one in trained], description)
    several = len(trained) > 1

    def rows(of_one):
        for k, one in enumerate(trained):
            for row in of_one(one):
                yield {"network": k, **row} if several else row

    def split(one):
        for part, names in one.parts.items():
            yield from ({"record": name, "part": part} for name in names)

    write_atomically(folder / "history.csv", _csv(list(rows(lambda one: one.history))))
    write_atomically(folder / "split.csv", _csv(list(rows(split))))
    plot_history(trained[0].history, folder / "curves.png")


def save_trained(
    folder: Path, model_folder: Path, trained: list[Trained], description: dict
) -> None:
    """Write a finished model and exchange it for the one in the model folder.

    Parameters
    ----------
    folder : Path
        Where training happened; it goes.
    model_folder : Path
    trained : list of Trained
    description : dict

    Raises
    ------
    ModelError
        If there is no room for it; a model that was there stays as it was.
    """
    try:
        try:
            write_model(folder, trained, description)
        except OSError:  # the disk may be full of checkpoints, which are done with
            for part in folder.iterdir():
                if part.is_dir():
                    shutil.rmtree(part, ignore_errors=True)
            write_model(folder, trained, description)
        move_into_place(folder, model_folder, len(trained))
    except OSError as error:
        raise ModelError(
            f"{model_folder}: the trained model could not be saved ({error}); make room or choose "
            "another folder, and start the same command again"
        ) from error
    log.info("Model saved in %s.", model_folder)


def move_into_place(folder: Path, model_folder: Path, networks: int) -> None:
    """Exchange the finished model for the one in the model folder, its description last."""
    for name in [
        *map(weights_name, range(networks)),
        *([SIGNALS] if (folder / SIGNALS).exists() else []),
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


def _csv(rows: list[dict]) -> str:
    return csv_text(rows[0], (row.values() for row in rows)) if rows else ""
