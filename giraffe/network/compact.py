"""Weights in half the room of float16: kernels as 8-bit numbers, each output channel with a scale.

Rounding to 8 bits changes a kernel by less than a hundredth of its size. Clipping the largest
weights of a channel for a finer scale gained nothing on the shipped network (0.79 % against 0.80 %
for its worst kernel), so the scale is simply the largest weight's.
"""

from collections.abc import Mapping

import torch

from giraffe.network.architectures import LABELS, TRAINING_ONLY

SCALE = ":scale"
"""Added to a kernel's name, it names the scales of its output channels."""
LARGEST = 127  # of a signed 8-bit number; -128 has no counterpart
TOLERANCE = 0.02  # relative change above which a kernel stays float16
EXACT = LABELS  # 0.1 MB that decide on every score


def compact(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A network's ``state_dict`` in little room; `expand` reads it.

    Parameters
    ----------
    weights : mapping of str to Tensor
        Of float16 or float32, all finite.

    Returns
    -------
    dict of str to Tensor
        Kernels and matrices as int8, with the scale of each output channel as float16 under the
        same name and `SCALE`; kernels that this would change too much as float16; all else as
        float32. What was needed for training alone is left out.
    """
    found = {}
    for name, value in weights.items():
        if name.startswith(TRAINING_ONLY):
            continue
        if not value.is_floating_point():
            found[name] = value
        elif value.dim() < 2 or name.startswith(EXACT):
            found[name] = value.float()
        else:
            rounded, scale = _rounded(value.float())
            if _relative_change(value.float(), _spread(rounded, scale)) <= TOLERANCE:
                found[name], found[name + SCALE] = rounded, scale
            else:
                found[name] = value.half()
    return found


def expand(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What `compact` was given, kernels as float32; other weights pass unchanged.

    Raises
    ------
    RuntimeError
        If a scale does not belong to its kernel.
    """
    found = {}
    for name, value in weights.items():
        if name.endswith(SCALE):
            if name.removesuffix(SCALE) not in weights:
                raise RuntimeError(f"{name} without its kernel")
            continue
        scale = weights.get(name + SCALE)
        if scale is None:
            found[name] = value
            continue
        if value.dtype != torch.int8 or scale.shape != value.shape[:1]:
            raise RuntimeError(f"{name}: its scales do not belong to it")
        found[name] = _spread(value, scale)
    return found


def largest_change(weights: Mapping[str, torch.Tensor]) -> float:
    """Relative change of the kernel that `compact` changes most, in root mean square."""
    small = expand(compact(weights))
    return max(
        (
            _relative_change(weights[name].float(), value.float())
            for name, value in small.items()
            if value.is_floating_point()
        ),
        default=0.0,
    )


def _rounded(kernel: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A kernel as int8 and the float16 scale of each output channel."""
    largest = kernel.abs().flatten(1).amax(dim=1)
    # Rounded to float16 before it divides, so that its own rounding costs nothing. A channel that
    # float16 cannot scale becomes 0, which is right for an empty one alone.
    scale = (largest / LARGEST).half()
    steps = torch.where(scale > 0, scale.float(), torch.inf)
    rounded = (kernel / _per_channel(steps, kernel)).round().clamp(-LARGEST, LARGEST)
    return rounded.to(torch.int8), scale


def _spread(rounded: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    return rounded.float() * _per_channel(scale.float(), rounded)


def _per_channel(values: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    return values.reshape(-1, *(1,) * (kernel.dim() - 1))


def _relative_change(before: torch.Tensor, after: torch.Tensor) -> float:
    return float((after - before).norm() / before.norm().clamp(min=1e-30))
