"""The device to compute on, and the precision in which it is fastest."""

import contextlib
from typing import TypeVar

import torch

Network = TypeVar("Network", bound=torch.nn.Module)


def best_device() -> torch.device:
    """The CUDA GPU, Apple's GPU, or the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def choose_precision(device: torch.device) -> torch.dtype:
    """bfloat16 where the hardware computes in it, float16 on older GPUs, else float32.

    A T4 claims bfloat16 and emulates it, so GPUs are judged by their compute capability. A CPU
    needs instructions for it, AVX512-BF16 or AMX: 2.5 times as fast as float32 with them, 13 times
    slower without (measured on two machines). Timing would decide alike on an idle machine, but on
    a busy one two runs of the same model decided differently and gave different labels.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability() >= (8, 0) else torch.float16
    if device.type == "cpu" and _cpu_computes_bfloat16():
        return torch.bfloat16
    return torch.float32


def choose_batch(device: torch.device, precision: torch.dtype) -> int:
    """Images that go through a network at once where nothing is learned: see docs/training.md."""
    return 1 if device.type == "cpu" and precision == torch.float32 else 8


def _cpu_computes_bfloat16() -> bool:
    # Both need AVX512; ATEN_CPU_CAPABILITY=avx2 takes it from PyTorch, not from the processor.
    if "AVX512" not in torch.backends.cpu.get_cpu_capability():
        return False
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, bool)() for name in checks)


def autocast(device: torch.device, precision: torch.dtype):
    """Context in which the network computes in a precision."""
    if precision == torch.float32:
        return contextlib.nullcontext()
    return torch.autocast(device.type, precision)


def channels_last(network: Network, device: torch.device | None = None) -> Network:
    """A network on a device, its weights in the order in which convolutions are fastest."""
    moved = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return moved  # PyTorch documents `memory_format`, and its overloads forget it


def describe(device: torch.device, precision: torch.dtype) -> str:
    """Device and precision for people."""
    name = {
        "cuda": lambda: torch.cuda.get_device_name(),
        "mps": lambda: "Apple GPU",
        "cpu": lambda: f"CPU, {torch.get_num_threads()} threads",
    }[device.type]()
    return f"{name}, {str(precision).removeprefix('torch.')}"
