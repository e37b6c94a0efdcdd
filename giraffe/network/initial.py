"""Where a network's weights start: at random, from ImageNet, from the shipped model or another.

A model that answers the same question (the same classes, architecture and activation) gives its
last layer too; anything else only what sees pictures.
"""

from pathlib import Path
from typing import NamedTuple

import torch

from giraffe.network.architectures import LABELS, Network
from giraffe.network.checkpoint import DESCRIPTION, load_model
from giraffe.network.compact import expand
from giraffe.recipe import SHIPPED, Recipe
from giraffe.tensors import load_tensors

IMAGENET_FILE = "inception_v3_google-0cc3c7bd.pth"
"""Name under which torchvision keeps InceptionV3's ImageNet weights."""


class Start(NamedTuple):
    """Where a network starts.

    Attributes
    ----------
    said : str
        For people.
    model : dict or None
        Description of the model of which the network has everything, the last layer too.
    """

    said: str
    model: dict | None = None


def imagenet_path() -> Path:
    """Where torchvision keeps the ImageNet weights, whether they are there or not."""
    return Path(torch.hub.get_dir()) / "checkpoints" / IMAGENET_FILE


def model_folder(initial: str | Path) -> Path:
    """The folder or file of weights that ``initial`` names."""
    return SHIPPED if str(initial) == "shipped" else Path(initial)


def load_initial(network: Network, recipe: Recipe) -> Start:
    """Give a network the weights that its recipe starts from.

    Parameters
    ----------
    network : Network
        Changed in place.
    recipe : Recipe

    Returns
    -------
    Start
        Absent weights are said and replaced by random ones.

    Raises
    ------
    giraffe.errors.ModelError
        If there are weights that cannot be used.
    """
    if recipe.initial == "random":
        return Start("random weights")
    if recipe.initial == "imagenet":
        path = imagenet_path()
        if recipe.architecture != "inception":
            return Start("random weights (there are no ImageNet weights of this architecture)")
        if not path.is_file():
            return Start(f"random weights (ImageNet weights not on disk: {path.name})")
    else:
        path = model_folder(recipe.initial)
        if (path / DESCRIPTION).is_file():
            return _from_model(network, recipe, path)
        path = path / "weights-0.pt" if path.is_dir() else path
        if not path.is_file():
            return Start(f"random weights (no such file: {path})")
    fitting = _fitting(network, expand(load_tensors(path)))
    if not fitting:
        return Start(f"random weights ({path} holds no layer that fits)")
    return Start(f"weights of {path.name} ({_layers(network, fitting)}; a fresh last layer)")


def _from_model(network: Network, recipe: Recipe, folder: Path) -> Start:
    """Start from the first network of a model folder, whose classes are known to be ours."""
    networks, description = load_model(folder)
    state, theirs = networks[0].state_dict(), description["recipe"]
    name = "the shipped model" if folder == SHIPPED else folder.name
    fitting = _fitting(network, state)
    if not fitting:
        return Start(f"random weights ({name} holds no layer that fits)")
    said = f"weights of {name} ({_layers(network, fitting)}"
    labels = {key: value for key, value in state.items() if key.startswith(LABELS)}
    last = network.last.weight.shape == networks[0].last.weight.shape
    if last and (theirs.architecture, theirs.activation) == (
        recipe.architecture,
        recipe.activation,
    ):
        network.load_state_dict(labels, strict=False)
        return Start(f"{said} and the last)", description)
    return Start(f"{said}; a fresh last layer)")


def _fitting(network: Network, state: dict) -> list[str]:
    """Names of the layers of the body that a ``state_dict`` holds; the network gets them."""
    # Our own files hold body, last layer and head; torchvision's hold what we call the body.
    state = {name.removeprefix("body."): value for name, value in state.items()}
    own = network.body.state_dict()
    fitting = {
        name: value.to(own[name].dtype)
        for name, value in state.items()
        if name in own and value.shape == own[name].shape
    }
    network.body.load_state_dict(fitting, strict=False)
    return list(fitting)


def _layers(network: Network, fitting: list[str]) -> str:
    return f"{len(fitting)} of {len(network.body.state_dict())} layers"
