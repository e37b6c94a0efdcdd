"""What to train, by name: the paper's six configurations and ours; and at which scale.

A recipe owns the science, a profile the scale: the same recipe trains as a test in seconds and as
the Challenge's entry in hours.
"""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

SHIPPED = Path(__file__).with_name("shipped")
"""Folder of the model that comes with the package."""


@dataclass(frozen=True)
class Recipe:
    """How a model is made.

    Attributes
    ----------
    name : str
    architecture : str
        ``inception`` (InceptionV3) or ``vanilla`` (the organisers' example CNN).
    activation : str
        ``gev`` or ``sigmoid``.
    weighted : bool
        Whether classes are weighted by λ (paper, "Loss weighting").
    preset : str
        Printouts that waveforms become where there is no image file.
    images : str
        ``files``: image files where a record has them; ``printed``: always from the waveform;
        ``both``: a coin per record and epoch. The other source serves where one is missing.
    initial : str
        Where weights start: ``random``, ``imagenet`` (if torchvision has its file), ``shipped``
        (the package's own model), another model's folder, or a file of weights, whose last layer
        is made afresh.
    size : (int, int)
        Input height and width at scale 1.
    optimizer : str
        ``adamw`` or ``adam``.
    learning_rate, weight_decay : float
    tuning : float
        Factor on the learning rate where the last layer too is a model's; see
        `giraffe.network.initial`.
    step_epochs : int
        The learning rate falls tenfold after each so many epochs; 0: never.
    schedule : str
        ``constant``; ``cosine``: falls along half a cosine after a short rise; ``onecycle``: rises
        for three tenths of the time, then falls.
    epochs : int
        Most epochs.
    patience : int
        Epochs without a better validation score before training stops; 0: trains all epochs and
        keeps the last.
    batch : int or None
        Batch size of the recipe; None leaves it to the profile.
    drop_last : bool
        Whether an incomplete last batch is dropped.
    clip_norm : float or None
        Largest norm of the gradient.
    flips : bool
        Random horizontal flips in training.
    stratified : bool
        Whether the split keeps the proportions of the label combinations.
    all_images : bool
        Whether all images of a record are used or the first alone.
    label_smoothing : float
        Targets lie so far inside [0, 1].
    mixup : float
        Parameter of the Beta distribution by which two images and their labels are mixed; 0: none.
    auxiliary : float
        Weight of the auxiliary head's loss, for inputs of at least 299 px; 0: no such head.
    measurements : float
        Weight of the loss of measurements (rate, intervals, voltages) beside the labels, where
        records know theirs; see `giraffe.learning.pretrain`.
    frozen : str
        The last of InceptionV3's modules that keeps the weights it starts from, and all before it
        do; empty: all learn.
    average : float
        Decay of the exponential moving average of the weights, which then is the model; 0: none.
    straightened : bool
        Whether the network sees the chart alone, cut out of the picture and laid flat.
    views : int
        Slightly different crops over which probabilities are averaged when the model runs.
    ensemble : int
        Networks, each validated on another part of the records; 1: a single one.
    thresholds : str
        ``half``; ``tuned``: per class, for the F-measure on the validation records.
    labels : str
        ``most_probable``: if none passes its threshold, the class nearest to passing;
        ``within_0.1``: then every class within 0.1 of the most probable.
    """

    name: str
    architecture: str = "inception"
    activation: str = "gev"
    weighted: bool = True
    preset: str = "D1"
    images: str = "files"
    initial: str = "imagenet"
    size: tuple[int, int] = (512, 1024)
    optimizer: str = "adamw"
    learning_rate: float = 3e-4
    weight_decay: float = 1e-4
    tuning: float = 0.3
    step_epochs: int = 0
    schedule: str = "constant"
    epochs: int = 30
    patience: int = 10
    batch: int | None = None
    drop_last: bool = False
    clip_norm: float | None = None
    flips: bool = False
    stratified: bool = True
    all_images: bool = True
    label_smoothing: float = 0.0
    mixup: float = 0.0
    auxiliary: float = 0.0
    measurements: float = 0.0
    frozen: str = ""
    average: float = 0.0
    straightened: bool = False
    views: int = 1
    ensemble: int = 1
    thresholds: str = "half"
    labels: str = "most_probable"

    def as_dict(self) -> dict:
        """For the model's description and for noticing a change."""
        return asdict(self)


# Paper, "Model and training": the vanilla baseline.
_VANILLA: dict[str, Any] = {
    "architecture": "vanilla",
    "activation": "sigmoid",
    "initial": "random",
    "size": (425, 550),
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "step_epochs": 7,
    "epochs": 10,
    "patience": 0,
    "batch": 4,
    "drop_last": True,
    "clip_norm": 10.0,
    "flips": True,
    "stratified": False,
    "all_images": False,
    "labels": "within_0.1",
}

RECIPES = {
    recipe.name: recipe
    for recipe in (
        # Paper, Table 4, by the number of the submission.
        Recipe("2322", preset="D3"),
        Recipe("2234", preset="D3", activation="sigmoid"),
        Recipe("2321", preset="D1"),
        Recipe("2324", preset="D1", weighted=False, **_VANILLA),
        Recipe("2163", preset="D2", activation="sigmoid", weighted=False),
        # The paper's text says D2 and "no other modifications", its table D3 and weighted.
        Recipe("2323", preset="D3", weighted=True, **_VANILLA),
        # Ours: the paper's network and head, and what docs/results.md shows to help.
        Recipe(
            "giraffe",
            preset="giraffe",
            images="both",
            initial="shipped",
            schedule="onecycle",
            learning_rate=1e-3,
            average=0.99,
            straightened=True,
            thresholds="tuned",
        ),
    )
}
DEFAULT_RECIPE = "giraffe"


@dataclass(frozen=True)
class Profile:
    """At which scale to train.

    Attributes
    ----------
    name : str
    batch, workers : int
        Records per step and loader processes.
    scale : float
        Factor on a recipe's input size.
    epochs : int or None
        Cap on the epochs.
    records : int or None
        Cap on the records.
    """

    name: str
    batch: int
    workers: int
    scale: float = 1.0
    epochs: int | None = None
    records: int | None = None

    def input_size(self, recipe: Recipe) -> tuple[int, int]:
        """Height and width of the network's input in px."""
        return round(recipe.size[0] * self.scale), round(recipe.size[1] * self.scale)


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("scoring", batch=8, workers=1),
        Profile("paper", batch=48, workers=8),
        Profile("demo", batch=8, workers=1, scale=0.5, epochs=12, records=80),
        Profile("smoke", batch=4, workers=0, scale=0.1875, epochs=1),
    )
}
DEFAULT_PROFILE = "scoring"


def learning_rate(recipe: Recipe, epoch: int, share: float) -> float:
    """Learning rate at some point of the training.

    Parameters
    ----------
    recipe : Recipe
    epoch : int
        Counted from 1.
    share : float
        Of all planned steps that lie behind, in [0, 1].
    """
    rate = recipe.learning_rate
    if recipe.step_epochs:
        rate *= 0.1 ** ((epoch - 1) // recipe.step_epochs)
    if recipe.schedule == "constant":
        return rate
    try:
        rise = {"cosine": 0.03, "onecycle": 0.3}[recipe.schedule]
    except KeyError:
        raise ValueError(f"unknown schedule {recipe.schedule!r}") from None
    share = min(max(share, 0.0), 1.0)
    if share < rise:
        return rate * (0.04 + 0.96 * share / rise)
    return rate * max(0.5 * (1 + math.cos(math.pi * (share - rise) / (1 - rise))), 1e-3)


def find(table: dict, name: str, kind: str):
    """Entry of `RECIPES` or `PROFILES` by name.

    Raises
    ------
    ValueError
        With the names there are.
    """
    if name not in table:
        raise ValueError(f"unknown {kind} {name!r}; there are: {', '.join(table)}")
    return table[name]
