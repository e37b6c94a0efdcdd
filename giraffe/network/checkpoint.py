"""What a model folder holds: `model.json` and one `weights-K.pt` per network that sees pictures.

A model may also have networks that read the signals in them, `signals.pt`; what it says with their
help has a calibration and thresholds of its own.

Files are written whole or not at all, and reading them executes nothing: weights are plain
tensors (``weights_only=True``), everything else is JSON. `model.json` names each weights file's
digest, so a half-finished exchange of models is noticed. Weights may be in little room
(`giraffe.network.compact`); the network gets them as float32 all the same.
"""

import hashlib
import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torchvision

from giraffe.classes import CLASSES
from giraffe.errors import ModelError
from giraffe.files import json_text, write_atomically
from giraffe.network.architectures import Network
from giraffe.network.calibration import Calibration
from giraffe.network.compact import expand
from giraffe.network.signalnet import SignalNet, load_networks, save_networks
from giraffe.recipe import Recipe
from giraffe.tensors import first_line, load_tensors, save_tensors

FORMAT = 2
READS = (1, 2)  # 1: without kernels of 8 bits
DESCRIPTION = "model.json"
SIGNALS = "signals.pt"


@dataclass(frozen=True)
class SignalPart:
    """How a model uses the networks that read signals.

    Attributes
    ----------
    path : Path
        File of their weights.
    digest : str
    share : float
        Their weight in the mean of log-odds, beside the networks that see pictures.
    calibration : list of Calibration
    thresholds : list of float
        Of what both say together, by class.
    """

    path: Path
    digest: str
    share: float
    calibration: list[Calibration]
    thresholds: list[float]

    def as_dict(self) -> dict:
        """As a model's description has it."""
        return {
            "digest": self.digest,
            "share": self.share,
            "thresholds": list(self.thresholds),
            "calibration": [one.as_list() for one in self.calibration],
        }


def weights_name(k: int) -> str:
    """File name of the weights of network k."""
    return f"weights-{k}.pt"


def versions() -> dict[str, str]:
    """Versions that made a model."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
    }


def save_model(folder: Path, states: list[dict], description: dict) -> None:
    """Write a model: the weights first, the description last.

    Parameters
    ----------
    folder : Path
    states : list of dict
        ``state_dict`` of each network.
    description : dict
        What `load_model` needs and people like to know; must be JSON.
    """
    digests = []
    for k, state in enumerate(states):
        path = folder / weights_name(k)
        save_tensors(path, state)
        digests.append(_digest(path))
    content = {"format": FORMAT, "classes": list(CLASSES), "weights": digests, **description}
    write_atomically(folder / DESCRIPTION, json_text(content, indent=2), durable=True)


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_description(folder: str | Path) -> dict:
    """The description of a model folder, checked.

    Raises
    ------
    ModelError
        If there is none, or it is not one of ours.
    """
    path = Path(folder) / DESCRIPTION
    if not path.is_file():
        unfinished = (Path(folder) / "resume").is_dir()
        raise ModelError(
            f"{folder}: no finished model here"
            + ("; its training was interrupted: start the same command again" if unfinished else "")
            + ("" if unfinished else "; train one with `python train_model.py -d DATA -m MODEL`")
        )
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        made_with, classes = description["format"], tuple(description["classes"])
        recipe = dict(description["recipe"])
        recipe["size"] = tuple(recipe["size"])
        description["recipe"] = Recipe(**recipe)
        description["size"] = tuple(int(n) for n in description["size"])
        if not description["weights"]:
            raise ValueError("no weights")
        _thresholds(description)
        description["calibration"] = _calibration(description)
        signals = description.get("signals")
        if signals is not None:
            signals = SignalPart(
                Path(folder) / SIGNALS,
                str(signals["digest"]),
                float(signals["share"]),
                _calibration(signals),
                _thresholds(signals),
            )
        description["signals"] = signals
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path}: not a model's description ({error}); train it again") from error
    if made_with not in READS:
        raise ModelError(
            f"{path}: format {made_with}, this version reads {READS[-1]} and older; train the "
            "model again, or use the version of this project that made it"
        )
    if classes != CLASSES:
        raise ModelError(f"{path}: made for the classes {', '.join(classes)}; train it again")
    return description


def _thresholds(content: dict) -> list[float]:
    thresholds = [float(t) for t in content["thresholds"]]
    if len(thresholds) != len(CLASSES) or not all(0 < t < 1 for t in thresholds):
        raise ValueError("thresholds")
    return thresholds


def _calibration(content: dict) -> list[Calibration]:
    maps = content.get("calibration") or [["none", [1.0, 1.0, 0.0]]] * len(CLASSES)
    if len(maps) != len(CLASSES):
        raise ValueError("calibration")
    return [Calibration(str(family), (float(a), float(b), float(c))) for family, (a, b, c) in maps]


def load_signals(part: SignalPart) -> list[SignalNet]:
    """The networks that read signals for a model.

    Raises
    ------
    ModelError
        If their file is missing, broken, or not the one that the model was made with.
    """
    networks = load_networks(part.path)
    if _digest(part.path) != part.digest:
        raise ModelError(f"{part.path}: does not belong to {DESCRIPTION} beside it; copy both")
    return networks


def add_signals(folder: str | Path, networks: Sequence[SignalNet], share: float) -> None:
    """Give a model networks that read signals, not calibrated yet.

    Raises
    ------
    ModelError
        If the folder holds no model.
    """
    path = Path(folder) / SIGNALS
    thresholds = load_description(folder)["thresholds"]
    save_networks(path, networks)
    part = SignalPart(path, _digest(path), share, [Calibration()] * len(CLASSES), thresholds)
    _describe_signals(folder, part)


def adopt_signals(folder: str | Path, part: SignalPart) -> None:
    """Give a model another model's networks that read signals."""
    write_atomically(Path(folder) / SIGNALS, part.path.read_bytes(), durable=True)
    _describe_signals(folder, part)


def _describe_signals(folder: str | Path, part: SignalPart) -> None:
    path = Path(folder) / DESCRIPTION
    content = json.loads(path.read_text(encoding="utf-8")) | {"signals": part.as_dict()}
    write_atomically(path, json_text(content, indent=2), durable=True)


def load_model(folder: str | Path) -> tuple[list[Network], dict]:
    """Networks of a model folder, in evaluation mode, and its description.

    Raises
    ------
    ModelError
        If anything is missing, broken, or does not belong together.
    """
    folder = Path(folder)
    description = load_description(folder)
    networks = []
    for k, digest in enumerate(description["weights"]):
        path = folder / weights_name(k)
        state = load_tensors(path)
        if _digest(path) != digest:
            raise ModelError(
                f"{path}: does not belong to {DESCRIPTION} beside it (an exchange of models was "
                "interrupted); train the model again"
            )
        try:
            # On no device, so that a description of a giant network takes no memory.
            with torch.device("meta"):
                network = Network(description["recipe"], description["size"])
            network.load_state_dict(expand(state), assign=True)
        except (RuntimeError, TypeError, ValueError, LookupError, AttributeError) as error:
            raise ModelError(
                f"{path}: weights of another network ({first_line(error)}); train it again"
            ) from error
        for name, value in network.state_dict().items():
            if value.is_floating_point() and not torch.isfinite(value).all():
                raise ModelError(f"{path}: {name} holds values that are not finite; train it again")
        networks.append(network.float().eval())
    return networks, description
