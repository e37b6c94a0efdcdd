"""A trained model becomes the one that comes with the package: the same folder in little room."""

import json
from pathlib import Path

import torch

from giraffe.errors import ModelError
from giraffe.files import write_atomically
from giraffe.network.checkpoint import (
    DESCRIPTION,
    SIGNALS,
    load_description,
    load_model,
    load_signals,
    save_model,
    weights_name,
)
from giraffe.network.compact import compact, largest_change
from giraffe.recipe import SHIPPED

BESIDE = ("history.csv", "split.csv", "curves.png")
"""What a model folder holds besides the model, where it does."""


def mean_of(state: dict, other: dict, share: float) -> dict:
    """Weights between two networks' of one kind, statistics of batch normalisation included."""
    return {
        name: torch.lerp(other[name], value, share) if value.is_floating_point() else value
        for name, value in state.items()
    }


def _alike(states: list[dict], others: list[dict], model, other) -> list[tuple[dict, dict]]:
    shapes = [[{n: v.shape for n, v in one.items()} for one in part] for part in (states, others)]
    if shapes[0] != shapes[1]:
        raise ModelError(f"{model} and {other} are not networks of one kind")
    return list(zip(states, others, strict=True))


def ship(
    model: str | Path,
    folder: str | Path = SHIPPED,
    other: str | Path | None = None,
    share: float = 0.5,
) -> str:
    """Put a trained model, calibration and all, where the package finds its own.

    A model that was tuned on new data reads those better and others often worse than before; the
    mean of both models' weights keeps most of either (Wortsman et al., "Robust fine-tuning of
    zero-shot models", CVPR 2022). Its calibration and thresholds are neither's: calibrate it anew.

    Each file is whole or not there; a call that was interrupted is noticed when the model is read,
    and is started again. A model card in the folder stays.

    Parameters
    ----------
    model : path
        Model folder.
    folder : path
        Model folder to write; by default the package's own.
    other : path, optional
        The model that ``model`` was trained from, whose weights to take the mean with.
    share : float
        Of ``model`` in that mean.

    Returns
    -------
    str
        What was done, for people.

    Raises
    ------
    giraffe.errors.ModelError
        If a model cannot be used, or the two are not alike.
    """
    model, folder = Path(model), Path(folder)
    states = [network.state_dict() for network in load_model(model)[0]]
    if other is not None:
        others = [network.state_dict() for network in load_model(other)[0]]
        states = [mean_of(*pair, share) for pair in _alike(states, others, model, other)]
    description = json.loads((model / DESCRIPTION).read_text(encoding="utf-8"))
    for made_anew in ("format", "classes", "weights"):
        del description[made_anew]
    part = load_description(model)["signals"]
    if part is not None:
        load_signals(part)
        write_atomically(folder / SIGNALS, part.path.read_bytes())
    save_model(folder, [compact(state) for state in states], description)
    for name in BESIDE:
        if (model / name).is_file():
            write_atomically(folder / name, (model / name).read_bytes())
        else:
            (folder / name).unlink(missing_ok=True)
    for stale in set(folder.glob("weights-*.pt")) - {
        folder / weights_name(k) for k in range(len(states))
    }:
        stale.unlink()
    size = sum((folder / weights_name(k)).stat().st_size for k in range(len(states)))
    without = part is None and (folder / SIGNALS).exists()
    if without:
        (folder / SIGNALS).unlink()
    change = max(map(largest_change, states))
    return (
        f"{folder}: {size / 1e6:.1f} MB; rounding changed no kernel by more than {change:.2%} of "
        "its size.\n"
        + (f"{SIGNALS} of the model before is gone; this one reads pictures alone.\n" * without)
    )
