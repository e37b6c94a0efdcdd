"""A trained model becomes the one that comes with the package: the same folder in little room."""

import json
from pathlib import Path

from giraffe.checkpoint import DESCRIPTION, load_model, save_model, weights_name
from giraffe.compact import compact, largest_change
from giraffe.files import write_atomically
from giraffe.recipe import SHIPPED

BESIDE = ("history.csv", "split.csv", "curves.png")
"""What a model folder holds besides the model, where it does."""


def ship(model: str | Path, folder: str | Path = SHIPPED) -> str:
    """Put a trained model, calibration and all, where the package finds its own.

    Each file is whole or not there; a call that was interrupted is noticed when the model is read,
    and is started again. A model card in the folder stays.

    Parameters
    ----------
    model : path
        Model folder.
    folder : path
        Model folder to write; by default the package's own.

    Returns
    -------
    str
        What was done, for people.

    Raises
    ------
    giraffe.errors.ModelError
        If the model cannot be used.
    """
    model, folder = Path(model), Path(folder)
    states = [network.state_dict() for network in load_model(model)[0]]
    description = json.loads((model / DESCRIPTION).read_text(encoding="utf-8"))
    for made_anew in ("format", "classes", "weights"):
        del description[made_anew]
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
    change = max(map(largest_change, states))
    return (
        f"{folder}: {size / 1e6:.1f} MB; rounding changed no kernel by more than {change:.2%} of "
        "its size.\n"
    )
