"""Training curves: what a model's `history.csv` says, drawn."""

import csv
import math
from pathlib import Path

from giraffe.errors import ModelError
from giraffe.files import write_atomically

LOSSES, SCORES = ("training_loss", "validation_loss"), ("auroc", "f")
"""Columns of the history that are drawn."""
LABELS = {
    "training_loss": "training loss", "validation_loss": "validation loss",
    "auroc": "macro AUROC", "f": "macro F",
}  # fmt: skip


def read_history(folder: Path) -> list[dict]:
    """Epochs of a model folder's ``history.csv``; numbers as float, what is missing as None.

    Raises
    ------
    ModelError
        If there is none, or it is not one.
    """
    path = folder / "history.csv"
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = [
                {column: _number(row.get(column)) for column in ("epoch", *LOSSES, *SCORES)}
                | {"network": row.get("network") or "0"}
                for row in csv.DictReader(file)
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise ModelError(f"{path}: the training's history cannot be read ({reason})") from error
    rows = [row for row in rows if row["epoch"] is not None]
    if not rows:
        raise ModelError(f"{path}: holds no epoch")
    return rows


def draw_history(figure, history: list[dict], colours=("C0", "C1")) -> None:
    """Loss, AUROC and F over the epochs, on a figure; a line for each network.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    history : list of dict
        Rows of ``history.csv``, of one network or of several.
    colours : (colour, colour)
        Of the lines of a panel.
    """
    panels = figure.subplots(1, 2)
    networks = list(dict.fromkeys(row.get("network") for row in history))
    for axes, columns in zip(panels, (LOSSES, SCORES), strict=True):
        for column, colour in zip(columns, colours, strict=True):
            for network in networks:
                rows = [row for row in history if row.get("network") == network]
                values = [row[column] if row[column] is not None else math.nan for row in rows]
                label = LABELS[column] if network == networks[0] else None
                epochs = [row["epoch"] for row in rows]
                axes.plot(epochs, values, color=colour, marker=".", label=label)
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend()
        axes.grid(alpha=0.3)
    panels[0].set_yscale("log")  # the GEV's validation loss can leap over many decades
    panels[1].set_ylim(0, 1)
    panels[1].set_title("validation", fontsize="medium")


def plot_history(history: list[dict], path: Path) -> None:
    """Loss, AUROC and F over the epochs, as a PNG file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    draw_history(figure, history)
    write_atomically(path, lambda file: figure.savefig(file, format="png", dpi=110))


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None
