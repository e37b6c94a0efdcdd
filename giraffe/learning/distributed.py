"""Several processes that train one network: one per device, started by `torchrun`.

Every process sees the same records, split and order, takes its share of each batch, and adds its
gradients to the others'. A single process is a group of one, for which nothing here does anything.
"""

import contextlib
import os
from dataclasses import dataclass

import torch
import torch.distributed as dist


@dataclass(frozen=True)
class Group:
    """The processes that train together.

    Attributes
    ----------
    rank, size : int
        This process's number, from 0, and how many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes the files and speaks."""
        return self.rank == 0

    def sum(self, value: float) -> float:
        """Sum of a number over the processes."""
        if self.size == 1:
            return value
        total = torch.tensor([value], dtype=torch.float64, device=_device())
        dist.all_reduce(total)
        return float(total)

    def any(self, flag: bool) -> bool:
        """Whether a flag is set in any process."""
        return self.sum(float(flag)) > 0

    def add_gradients(self, parameters) -> None:
        """Replace each gradient by its sum over the processes."""
        if self.size == 1:
            return
        gradients = []
        for parameter in parameters:
            if not parameter.requires_grad:
                continue
            if parameter.grad is None:  # this process's share of the batch was empty
                parameter.grad = torch.zeros_like(parameter)
            gradients.append(parameter.grad)
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(flat)
        pieces = flat.split([gradient.numel() for gradient in gradients])
        for gradient, piece in zip(gradients, pieces, strict=True):
            gradient.copy_(piece.view_as(gradient))

    def average(self, tensors) -> None:
        """Replace tensors by their mean over the processes, in place."""
        if self.size > 1:
            for tensor in tensors:
                dist.all_reduce(tensor)
                tensor /= self.size

    def gather(self, value) -> list:
        """A value of every process, in the order of their ranks, known to all."""
        if self.size == 1:
            return [value]
        values = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def wait(self) -> None:
        """Go on when all processes have come here."""
        if self.size > 1:
            dist.barrier()


def _device() -> str:
    return "cuda" if dist.get_backend() == "nccl" else "cpu"


@contextlib.contextmanager
def join_group():
    """The group that `torchrun` started this process in, or a group of one."""
    if not dist.is_torchelastic_launched() or dist.is_initialized():
        yield current_group()
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield current_group()
    finally:
        dist.destroy_process_group()


def current_group() -> Group:
    """The group that this process has joined."""
    if not dist.is_initialized():
        return Group()
    return Group(dist.get_rank(), dist.get_world_size())
