"""What to train, by name: the paper's six configurations and ours; and at which scale.

A recipe owns the science, a profile the scale: the same recipe trains as a test in seconds and as
the Challenge's entry in hours.
"""

from dataclasses import asdict, dataclass


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
        Where weights start: ``random``, ``imagenet`` (if torchvision's file is on disk) or a path.
    size : (int, int)
        Input height and width at scale 1.
    optimizer : str
        ``adamw`` or ``adam``.
    learning_rate, weight_decay : float
    step_epochs : int
        The learning rate falls tenfold after each so many epochs; 0: never.
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
    step_epochs: int = 0
    epochs: int = 30
    patience: int = 10
    batch: int | None = None
    drop_last: bool = False
    clip_norm: float | None = None
    flips: bool = False
    stratified: bool = True
    all_images: bool = True
    labels: str = "most_probable"

    def as_dict(self) -> dict:
        """For the model's description and for noticing a change."""
        return asdict(self)


# Paper, "Model and training": the vanilla baseline.
_VANILLA = {
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
    )
}
DEFAULT_RECIPE = "2322"


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
