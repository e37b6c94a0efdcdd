"""Every batch reaches the network, whatever becomes of the processes that load."""

import dataclasses
import logging
import os
import signal
import time

import numpy as np
import pytest
import torch

from giraffe.ecg.records import scan
from giraffe.learning import feed, training
from giraffe.learning.data import PrintoutDataset, Source
from giraffe.learning.early_stopping import stop_on_sigterm
from giraffe.learning.feed import EpochBatches, make_loader
from giraffe.learning.learner import Learner
from giraffe.learning.trained import describe_model, write_model
from giraffe.learning.training_loop import TrainingRun
from giraffe.network.checkpoint import load_model


def test_a_dead_worker_costs_nothing_but_time(records_folder, tmp_path, smoke_settings, caplog):
    profile = dataclasses.replace(smoke_settings.profile, workers=1)
    settings = dataclasses.replace(smoke_settings, profile=profile)
    training.train(records_folder, tmp_path / "whole", settings, verbose=False)
    get, owner, mark = PrintoutDataset.__getitem__, os.getpid(), tmp_path / "died"

    def dying(self, key):
        if os.getpid() != owner and key[0] == 3 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return get(self, key)

    with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(PrintoutDataset, "__getitem__", dying)
        training.train(records_folder, tmp_path / "m", settings, verbose=False)
    assert mark.exists() and "A process that loads images died" in caplog.text
    one, other = (load_model(tmp_path / name)[0][0].state_dict() for name in ("whole", "m"))
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_batches_reach_the_network_without_shared_memory(records_folder, monkeypatch):
    records = scan(records_folder)[0][:4]
    dataset = PrintoutDataset(records, Source(24, 48, preset="D1"))
    through_memory = list(make_loader(dataset, EpochBatches(4, 2), workers=1))
    monkeypatch.setattr(feed, "_free_shared_memory", lambda: 0)
    loader = make_loader(dataset, EpochBatches(4, 2), workers=1)
    through_pipe = list(loader)
    assert loader.collate_fn is feed.collate_as_arrays
    for one, other in zip(through_memory, through_pipe, strict=True):
        assert isinstance(other.images, np.ndarray)
        assert torch.equal(one.images, other.as_tensors().images)
        assert torch.equal(one.targets, other.as_tensors().targets)


class BreakingLoader:
    """A loader that loses its workers after one batch."""

    num_workers = 1

    def __init__(self, loader, error):
        self.loader, self.error = loader, error

    def __iter__(self):
        yield next(iter(self.loader))
        raise self.error


GONE = [
    RuntimeError("DataLoader worker (pid(s) 7) exited unexpectedly"),
    RuntimeError("Pin memory thread exited unexpectedly"),
    ConnectionResetError(104, "Connection reset by peer"),
    ConnectionRefusedError(111, "Connection refused"),
    BrokenPipeError(32, "Broken pipe"),
    FileNotFoundError(2, "No such file or directory"),
    EOFError(),
]


@pytest.mark.parametrize("error", GONE, ids=lambda error: str(error) or type(error).__name__)
def test_however_a_dead_worker_shows_every_record_is_seen(records_folder, error, caplog):
    records = scan(records_folder)[0][:6]
    batches = EpochBatches(6, 2)
    source = feed.Feed(PrintoutDataset(records, Source(24, 48)), batches, workers=0)
    source._loader = BreakingLoader(source._loader, error)
    assert [list(batch.indices) for batch in source] == [[0, 1], [2, 3], [4, 5]]
    assert "A process that loads images died" in caplog.text


OTHERS = [
    OSError(24, "Too many open files"),
    RuntimeError("boom"),
    EOFError("Caught EOFError in DataLoader worker process 0."),
]


@pytest.mark.parametrize("error", OTHERS, ids=str)
def test_an_error_of_the_data_is_not_taken_for_a_dead_worker(records_folder, error):
    records = scan(records_folder)[0][:6]
    source = feed.Feed(PrintoutDataset(records, Source(24, 48)), EpochBatches(6, 2), workers=0)
    source._loader = BreakingLoader(source._loader, error)
    with pytest.raises(type(error)):
        list(source)


def test_sigterm_that_reaches_the_workers_too_ends_with_a_usable_model(
    records_folder, tmp_path, smoke_settings, monkeypatch
):
    profile = dataclasses.replace(smoke_settings.profile, workers=1)
    settings = dataclasses.replace(smoke_settings, profile=profile)
    records = scan(records_folder)[0]
    run = TrainingRun(records[:20], records[20:], settings, tmp_path, verbose=False)
    step, steps = Learner.step, []

    def stopped(self, batch, lone=False):
        steps.append(1)
        if len(steps) == 2:

            def reset(timeout=None):  # while a batch is awaited, its worker is ended by it as well
                os.kill(os.getpid(), signal.SIGTERM)
                raise ConnectionResetError(104, "Connection reset by peer")

            run.training_feed._loader._iterator._data_queue.get = reset
        return step(self, batch, lone)

    monkeypatch.setattr(Learner, "step", stopped)
    run.begin()
    with stop_on_sigterm(run):
        run.fit(time.monotonic() + 600)
        trained = run.finish()
    assert len(steps) == 3 and run.stop_requested
    write_model(tmp_path / "m", [trained], describe_model(settings, [trained]))
    load_model(tmp_path / "m")
