"""Files of tensors: written whole or not at all, read without executing anything in them."""

from pathlib import Path

import torch

from giraffe.errors import ModelError
from giraffe.files import write_atomically


def save_tensors(path: Path, content: dict) -> None:
    """Write tensors and plain values so that they survive a crash at any moment."""
    try:
        write_atomically(path, lambda file: torch.save(content, file), durable=True)
    except RuntimeError as error:
        if isinstance(error.__context__, OSError):  # such as a full disk, which torch hides
            raise error.__context__ from None
        raise


def load_tensors(path: Path, remedy: str = "train the model again") -> dict:
    """Read what `save_tensors` wrote; a file with anything executable is refused.

    Errors end with the remedy.

    Raises
    ------
    ModelError
        If the file is missing, broken or not made of plain tensors.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ModelError(f"{path}: missing; {remedy}") from error
    except Exception as error:  # torch raises many kinds for broken and for forbidden content
        raise ModelError(
            f"{path}: not a file of weights that can be read safely ({first_line(error)}); {remedy}"
        ) from error


def first_line(error: Exception) -> str:
    """The first line of an error's message, not too long."""
    return str(error).partition("\n")[0][:200]
