"""The weights that the entry ships: many simulated patients, few real ones, easy images first.

A simulated patient is drawn anew in every epoch and every page is printed anew, so no image is ever
seen twice. Beside the labels the network learns what `giraffe.learning.teacher` knows of a page:
which lead lies where, how its trace runs, what is measured on it (`giraffe.learning.measured`). The
layers that tell the measurements are left behind when the model is saved.
"""

import contextlib
import dataclasses
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from giraffe.ecg.ptbxl import patients_and_folds
from giraffe.ecg.records import Record
from giraffe.judging.conditions import printed_records
from giraffe.learning.early_stopping import stop_on_sigterm
from giraffe.learning.measured import MeasuredRecord, Patients, with_numbers
from giraffe.learning.split import patient_groups, stratified_split
from giraffe.learning.teacher import Numbers
from giraffe.learning.trained import Trained, describe_model, save_trained
from giraffe.learning.training_log import log_to
from giraffe.learning.training_loop import TrainingRun
from giraffe.network.architectures import TRAINING_ONLY
from giraffe.network.checkpoint import load_model
from giraffe.printout.presets import PRESETS
from giraffe.recipe import Profile, Recipe
from giraffe.settings import Settings

log = logging.getLogger(__name__)

VALIDATION_SEED = 10_000  # added to a run's seed: patients that no epoch draws
VALIDATION_PATIENTS = 100
LAST_PATIENTS = 10  # times as many validate the last stage where it decides on the thresholds
SPLIT_SEED = 3  # whatever a run's seed: it may start from weights that another run trained
LATER_RATE = 0.7  # factor on the learning rate from stage to stage


@dataclass(frozen=True)
class Stage:
    """A part of pretraining with images of one kind.

    Attributes
    ----------
    preset : str
        Printouts to learn from: clean ones are learned from soonest.
    height, width : int
        In px.
    images : int
        That are trained on.
    """

    preset: str
    height: int
    width: int
    images: int

    @property
    def cost(self) -> float:
        """In proportion to its time."""
        return self.images * self.height * self.width


DEFAULT_STAGES = (
    Stage("D1", 128, 256, 4000),
    Stage("giraffe", 128, 256, 6000),
    Stage("giraffe", 192, 384, 10000),
    Stage("giraffe", 256, 512, 8000),
    Stage("giraffe", 384, 768, 1500),
    Stage("giraffe", 512, 1024, 3000),
)


def parse_stages(text: str) -> tuple[Stage, ...]:
    """Stages such as ``D1:192x384:8000,giraffe:512x1024:1200``: printouts, size, images.

    Raises
    ------
    ValueError
        If the text is not of that form.
    """
    stages = []
    for part in text.split(","):
        try:
            preset, size, images = part.split(":")
            height, width = (int(side) for side in size.split("x"))
            stages.append(Stage(preset, height, width, int(images)))
        except ValueError:
            form = "PRESET:HEIGHTxWIDTH:IMAGES"
            raise ValueError(f"stage {part!r} is not of the form {form}") from None
        if preset not in PRESETS:
            raise ValueError(f"unknown preset {preset!r}; there are: {', '.join(PRESETS)}")
    return tuple(stages)


def pretrain(
    folders: Sequence[str | Path],
    model_folder: str | Path,
    settings: Settings,
    stages: Sequence[Stage] = DEFAULT_STAGES,
    databases: Sequence[str | Path] = (),
    folds: Sequence[int] = (),
    simulated: int = 2000,
    repeats: int = 2,
    initial: str | Path | None = None,
    choosing: Collection[str] = (),
    soft: Mapping[str, np.ndarray] | None = None,
    varied: bool = True,
    verbose: bool = True,
) -> dict:
    """Make the weights that the entry ships; an interrupted call continues.

    Parameters
    ----------
    folders : sequence of path
        Real records with labels and waveforms; may be none.
    model_folder : path
        A model there is replaced when all stages are done, not before.
    settings : Settings
        Recipe, batch and workers; each stage has a size and a number of epochs of its own.
    stages : sequence of Stage
    databases : sequence of path
        PTB-XL's ``ptbxl_database.csv``, or parts of it: keep a patient's records on one side of
        the split.
    folds : sequence of int
        The PTB-XL records to use at all; none: all.
    simulated : int
        Simulated patients in an epoch.
    repeats : int
        How often an epoch holds each real record, printed anew each time.
    initial : path, optional
        Model folder whose weights to start from.
    choosing : collection of str
        Names of the real records that validate, see `giraffe.ecg.ptbxl.choosing_records`; by
        default a part of them is drawn.
    soft : mapping of str to ndarray of float, shape (11,), optional
        What the networks that read signals say of training records, by name; their labels are
        mixed with it (`giraffe.learning.soft_labels`).
    varied : bool
        Whether each epoch draws other gains, paces and noise for a real record
        (`giraffe.ecg.variation`).
    verbose : bool

    Returns
    -------
    dict
        The model's description.
    """
    started = time.monotonic()
    model_folder = Path(model_folder)
    folder = model_folder / "resume"
    folder.mkdir(parents=True, exist_ok=True)
    # The last stage's answer to SIGTERM holds until the model is saved.
    with log_to(folder / "train.log"), contextlib.ExitStack() as answer:
        source = Numbers.of_seed(settings.seed)
        training, validation = real_records(folders, databases, folds, choosing)
        log.info("%d real training and %d validation records.", len(training), len(validation))
        parts = {
            "training": [record.name for record in training],
            "validation": [record.name for record in validation],
        }
        training = with_numbers(training, source, soft, settings.seed if varied else None)
        validation = with_numbers(validation, source)
        places = Patients.of(source, settings.seed, simulated)
        places += [copy for record in training for copy in _copies(record, repeats)]
        deadline = started + settings.limit_seconds(10**6)
        weights, seconds = None, 0.0
        history: list[dict] = []
        if initial is not None:
            weights = load_model(initial)[0][0].state_dict()
        before = 0 if initial is None else 1  # stages that the weights have behind them
        for k, stage in enumerate(stages):
            own = dataclasses.replace(
                settings,
                recipe=_recipe(settings.recipe, stage, before + k),
                profile=_profile(settings, stage, len(places)),
            )
            answer.close()
            log.info("Stage %d of %d.", k + 1, len(stages))
            # Where records were chosen for it, `giraffe.judging.calibrating` sets thresholds later.
            last = k == len(stages) - 1 and not choosing
            patients = VALIDATION_PATIENTS * (LAST_PATIENTS if last else 1)
            unseen = Patients.of(source, settings.seed + VALIDATION_SEED, patients)
            stage_folder = folder / f"stage-{k}"
            run = TrainingRun(places, [*validation, *unseen], own, stage_folder, verbose)
            answer.enter_context(stop_on_sigterm(run))
            run.begin(weights)
            now = time.monotonic()
            share = stage.cost / sum(later.cost for later in stages[k:])
            run.fit(now + (deadline - now) * share)
            trained = run.finish(keep_checkpoint=True)
            history += [
                {**row, "epoch": len(history) + n, "preset": stage.preset, "height": stage.height}
                for n, row in enumerate(trained.history, start=1)
            ]
            seconds += trained.facts["training_seconds"]
            weights = trained.weights
            if run.stop_requested:
                break
        facts = {
            **trained.facts,
            "initial": "random weights" if initial is None else f"weights of {Path(initial).name}",
            "training_seconds": seconds,
            "stages": [dataclasses.asdict(stage) for stage in stages],
        }
        shipped = Trained(
            half_precision(trained.weights),
            trained.epoch,
            history,
            trained.targets,
            trained.probabilities,
            parts,
            facts,
        )
        recipe = dataclasses.replace(settings.recipe, initial="random")
        final = dataclasses.replace(own, recipe=recipe)
        description = describe_model(final, [shipped])
        save_trained(folder, model_folder, [shipped], description)
    return description


def real_records(
    folders, databases, folds, choosing: Collection[str] = ()
) -> tuple[list[Record], list[Record]]:
    """Real records for training and for validation, no patient on both sides.

    Every run divides the same records in the same way, so none validates on records on which the
    weights that it starts from were trained.
    """
    records = [record for folder in folders for record in printed_records(folder)]
    patient, fold = patients_and_folds(*databases)
    if folds:
        records = [record for record in records if fold.get(record.path.name) in folds]
    if choosing:
        chosen = [record.path.name in choosing for record in records]
        apart = [[r for r, yes in zip(records, chosen, strict=True) if yes == k] for k in (0, 1)]
        return apart[0], apart[1]
    if not records:
        return [], []
    targets = np.stack([record.targets() for record in records])
    sides = stratified_split(targets, patient_groups(records, patient), SPLIT_SEED)
    training, validation = ([records[i] for i in side] for side in sides)
    return training, validation


def _copies(record: MeasuredRecord, repeats: int):
    """A record several times in an epoch: other names draw other printouts."""
    for n in range(repeats):
        header = dataclasses.replace(record.header, name=f"{record.header.name} {n}")
        yield dataclasses.replace(record, header=header)


def _recipe(recipe: Recipe, stage: Stage, k: int) -> Recipe:
    return dataclasses.replace(
        recipe,
        preset=stage.preset,
        images="printed",
        initial="random",
        patience=0,
        epochs=10**6,
        schedule="onecycle" if k == 0 else "cosine",
        learning_rate=recipe.learning_rate * LATER_RATE**k,
    )


def _profile(settings: Settings, stage: Stage, records: int) -> Profile:
    height, width = settings.recipe.size
    if stage.height * width != stage.width * height:
        raise ValueError(f"a stage of {stage.height}x{stage.width} has not the recipe's proportion")
    return dataclasses.replace(
        settings.profile,
        name=f"{stage.height}x{stage.width}",
        scale=stage.height / height,
        epochs=max(round(stage.images / records), 1),
        records=None,
    )


def half_precision(weights: dict) -> dict:
    """Kernels and matrices in float16; statistics, scales and biases stay float32.

    What was needed for training alone is left out.
    """
    return {
        name: value.half() if value.is_floating_point() and value.dim() > 1 else value
        for name, value in weights.items()
        if not name.startswith(TRAINING_ONLY)
    }
