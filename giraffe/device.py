"""The device to compute on, and the precision in which it is fastest."""

import contextlib
import time

import torch


def best_device() -> torch.device:
    """The CUDA GPU, Apple's GPU, or the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def choose_precision(device: torch.device) -> torch.dtype:
    """bfloat16 where the hardware computes in it, float16 on older GPUs, else float32.

    A T4 claims bfloat16 and emulates it, so GPUs are judged by their compute capability; CPUs
    without the instructions for it are many times slower in bfloat16, so a CPU is timed.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability() >= (8, 0) else torch.float16
    if device.type == "cpu" and _bfloat16_is_faster():
        return torch.bfloat16
    return torch.float32


def _bfloat16_is_faster() -> bool:
    state = torch.random.get_rng_state()
    layer = torch.nn.Conv2d(64, 64, 3).to(memory_format=torch.channels_last)
    x = torch.zeros(1, 64, 48, 48).to(memory_format=torch.channels_last)
    seconds = {}
    with torch.inference_mode():
        for enabled in (False, True):
            runs = []
            for _ in range(4):
                start = time.perf_counter()
                with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
                    layer(x)
                runs.append(time.perf_counter() - start)
            seconds[enabled] = min(runs)
    torch.random.set_rng_state(state)
    return seconds[True] < 0.8 * seconds[False]


def autocast(device: torch.device, precision: torch.dtype):
    """Context in which the network computes in a precision."""
    if precision == torch.float32:
        return contextlib.nullcontext()
    return torch.autocast(device.type, precision)


def describe(device: torch.device, precision: torch.dtype) -> str:
    """Device and precision for people."""
    name = {
        "cuda": lambda: torch.cuda.get_device_name(),
        "mps": lambda: "Apple GPU",
        "cpu": lambda: f"CPU, {torch.get_num_threads()} threads",
    }[device.type]()
    return f"{name}, {str(precision).removeprefix('torch.')}"
