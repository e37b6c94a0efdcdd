"""The batches that a network is fed with: their order, the processes that load them, their way.

A pass ends with every record seen, even if a process that loads images dies in the middle of it.
"""

import copy
import logging
import shutil
import signal
import threading
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader

from giraffe.learning.data import PrintoutDataset
from giraffe.randomness import random_stream

log = logging.getLogger(__name__)

PREFETCH = 4  # batches that each worker keeps ready
SHARED_MEMORY = "/dev/shm"


@dataclass
class Batch:
    """Usable items of a batch, and what was wrong with the others.

    Attributes
    ----------
    images : Tensor of uint8, shape (batch, 3, height, width), in channels-last memory
    targets : Tensor of float32, shape (batch, 11)
    measured : Tensor of float32, shape (batch, measurements)
    cells : Tensor of float32, shape (batch, numbers, rows, columns)
    indices : Tensor of int64, shape (batch,)
    problems : list of (int, str)
    """

    images: torch.Tensor
    targets: torch.Tensor
    measured: torch.Tensor
    cells: torch.Tensor
    indices: torch.Tensor
    problems: list[tuple[int, str]]

    def __len__(self) -> int:
        return len(self.indices)

    @classmethod
    def of(cls, parts, problems: list[tuple[int, str]]) -> "Batch":
        """A batch of what `tensors` gives."""
        images, targets, measured, cells, indices = parts
        return cls(images, targets, measured, cells, indices, problems)

    def tensors(self) -> tuple[torch.Tensor, ...]:
        """All parts but the problems."""
        return self.images, self.targets, self.measured, self.cells, self.indices

    def as_arrays(self) -> "Batch":
        """The same as NumPy arrays, which travel through a pipe and need no shared memory."""
        return Batch.of((part.numpy() for part in self.tensors()), self.problems)

    def as_tensors(self) -> "Batch":
        """What `as_arrays` gave, as it was."""
        return Batch.of(map(torch.as_tensor, self.tensors()), self.problems)

    def pin_memory(self) -> "Batch":
        """The same in memory from which a GPU copies while it computes."""
        parts = (torch.as_tensor(part).pin_memory() for part in self.tensors())
        return Batch.of(parts, self.problems)

    def pieces(self, most: int) -> list["Batch"]:
        """The items in pieces of at most so many, of nearly equal size."""
        number = -(-len(self) // most)
        if number == 0:
            return []
        split = (part.tensor_split(number) for part in self.tensors())
        return [Batch.of(parts, []) for parts in zip(*split, strict=True)]


def collate(items) -> Batch:
    """A batch of the items that could be read."""
    usable = [item for item in items if item[0] is not None]
    problems = [(item[-2], item[-1]) for item in items if item[0] is None]
    if not usable:
        nothing = torch.empty(0, 3, 1, 1, dtype=torch.uint8)
        none = torch.empty(0, 0)
        return Batch(nothing, none, none, none, torch.empty(0, dtype=torch.int64), problems)
    *parts, indices, _ = zip(*usable, strict=True)
    stacked = [torch.stack(part) for part in parts]
    return Batch.of([*stacked, torch.tensor(indices)], problems)


def collate_as_arrays(items) -> Batch:
    """The same where shared memory is too small; `Batch.as_tensors` turns it back."""
    return collate(items).as_arrays()


class EpochBatches(torch.utils.data.Sampler):
    """Batches of a data set's keys, in an order drawn from (seed, epoch).

    Parameters
    ----------
    size, batch : int
        Number of records, and of records per batch.
    seed : int or None
        None: from first to last, for validation.
    drop_last : bool
        Whether an incomplete last batch is dropped, unless it is the only one.
    rank, ranks : int
        This process's share of each batch, of how many.

    Attributes
    ----------
    epoch, skip : int
        Which epoch, and how many of its batches an interrupted run has seen.
    """

    def __init__(self, size, batch, seed=None, drop_last=False, rank=0, ranks=1):
        self.size, self.batch, self.seed = size, batch, seed
        self.drop_last = drop_last and size >= batch
        self.rank, self.ranks = rank, ranks
        self.epoch = self.skip = 0

    def __len__(self) -> int:
        whole = self.size // self.batch if self.drop_last else -(-self.size // self.batch)
        return max(whole - self.skip, 0)

    def __iter__(self):
        order = np.arange(self.size)
        if self.seed is not None:
            order = random_stream(self.seed, "order", self.epoch).permutation(self.size)
        for k in range(self.skip, self.skip + len(self)):
            batch = order[k * self.batch : (k + 1) * self.batch]
            epoch = None if self.seed is None else self.epoch
            yield [(index, epoch) for index in batch[self.rank :: self.ranks].tolist()]


def make_loader(dataset, batches: EpochBatches, workers: int, pin: bool = False, stay: bool = True):
    """The batches of a data set, loaded by so many worker processes.

    Parameters
    ----------
    dataset : PrintoutDataset
    batches : EpochBatches
    workers : int
        0: loaded in this process.
    pin : bool
        Whether a GPU is to copy from where the batches lie.
    stay : bool
        Whether the workers wait for the next epoch.

    Returns
    -------
    torch.utils.data.DataLoader
        Of `Batch`.
    """
    if workers:
        # OpenCV's threads do not survive the fork: a worker that finds them used before would wait
        # for them for ever. They would also take the cores on which the network computes.
        cv2.setNumThreads(1)
    # Containers often have 64 MB of shared memory: a handful of batches of full-size images. A
    # worker that finds it full is killed by the system.
    image = 3 * dataset.source.height * dataset.source.width
    needed = 2 * PREFETCH * workers * image * batches.batch  # of two loaders
    return DataLoader(
        dataset,
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=collate if _free_shared_memory() > needed else collate_as_arrays,
        pin_memory=pin,
        prefetch_factor=PREFETCH if workers else None,
        persistent_workers=workers > 0 and stay,
    )


def _free_shared_memory() -> float:
    """Bytes that processes may still share; infinity where that is no folder."""
    try:
        return shutil.disk_usage(SHARED_MEMORY).free
    except OSError:
        return float("inf")


class Feed:
    """The batches of a data set, pass after pass.

    Parameters
    ----------
    dataset : PrintoutDataset
    batches : EpochBatches
    workers : int
        Processes that load; 0: this one.
    pin, stay : bool
        See `make_loader`.

    Attributes
    ----------
    unreadable : dict of str to str
        Why a record could not be used, by its name.
    """

    def __init__(
        self,
        dataset: PrintoutDataset,
        batches: EpochBatches,
        workers: int,
        pin: bool = False,
        stay: bool = True,
    ):
        self.dataset, self.batches = dataset, batches
        self.unreadable: dict[str, str] = {}
        self._settings = workers, pin, stay
        self._loader = make_loader(dataset, batches, *self._settings)

    def __iter__(self):
        """Batches of a pass; what cannot be read is said once.

        If a worker dies (killed, or out of memory), this process goes on alone with what is left
        of the pass, and the next one has new workers.
        """
        loader, batches, done = self._loader, self.batches, 0
        while True:
            try:
                iterator = iter(loader)
                _let_workers_die_quietly()
                for batch in iterator:
                    self._note(batch.problems)
                    done += 1
                    yield batch.as_tensors()
                return
            except (RuntimeError, OSError, EOFError) as error:
                if loader.num_workers == 0 or not _tells_of_a_dead_worker(error):
                    raise
                log.warning(
                    "A process that loads images died (%s); this one loads them until the epoch "
                    "ends.",
                    str(error).splitlines()[0] if str(error) else type(error).__name__,
                )
            self._loader = make_loader(self.dataset, self.batches, *self._settings)
            batches = copy.copy(batches)
            batches.skip += done
            loader = make_loader(self.dataset, batches, workers=0)

    def _note(self, problems: list[tuple[int, str]]) -> None:
        for index, problem in problems:
            name = self.dataset.records[index].name
            if name not in self.unreadable:
                self.unreadable[name] = problem
                log.warning("%s; skipped.", problem)

    def close(self) -> None:
        """End the processes that load."""
        self._loader = None


def _tells_of_a_dead_worker(error: Exception) -> bool:
    """Whether an error means that a worker is gone, and not that the data set raised it there.

    PyTorch says so in words once the process has ended. While it is ending, as all do together
    where SIGTERM reaches the whole process group, a batch cannot be fetched from it any more: its
    socket refuses, breaks off or is not there; for a GPU, a thread fetches it and is lost by that.
    """
    if isinstance(error, RuntimeError):
        return any(words in str(error) for words in ("DataLoader worker", "Pin memory thread"))
    if "in DataLoader worker" in str(error):  # "Caught OSError in DataLoader worker process 0."
        return False
    return isinstance(error, ConnectionError | FileNotFoundError | EOFError)


def _let_workers_die_quietly() -> None:
    """Take back PyTorch's signal handler, which would raise an error in the middle of a step.

    A dead worker is noticed all the same when its next batch is awaited.
    """
    if hasattr(signal, "SIGCHLD") and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
