"""Training: one folder of records becomes one model folder.

The loop itself is in `giraffe.learning.training_loop`. Everything that happens before the end
happens in ``MODEL/resume/``: the checkpoint, the best weights so far and the log. When training
ends, the model is moved into place and that folder goes, so a model that was there before is
replaced by a finished one or not at all. The same command, started again after an interruption,
continues.
"""

import contextlib
import logging
import time
from pathlib import Path

import torch

from giraffe.learning.distributed import join_group
from giraffe.learning.early_stopping import stop_on_sigterm
from giraffe.learning.signal_readers import keep_signal_readers
from giraffe.learning.split import find_training_records, split_records
from giraffe.learning.trained import Trained, describe_model, save_trained
from giraffe.learning.training_log import log_to
from giraffe.learning.training_loop import TrainingRun
from giraffe.network.checkpoint import SIGNALS
from giraffe.randomness import random_stream
from giraffe.settings import Settings

log = logging.getLogger(__name__)


def train(
    data_folder: str | Path,
    model_folder: str | Path,
    settings: Settings,
    verbose: bool = True,
    device: torch.device | None = None,
) -> dict:
    """Train a model.

    Parameters
    ----------
    data_folder, model_folder : path
    settings : Settings
    verbose : bool
        Whether to show a progress bar.
    device : torch.device, optional
        The best there is by default.

    Returns
    -------
    dict
        The model's description.

    Raises
    ------
    RecordError
        If the folder holds no record that can be trained on.
    """
    started = time.monotonic()
    with join_group() as group:
        if not group.leads:
            logging.getLogger("giraffe").setLevel(logging.ERROR)
        return _train(data_folder, Path(model_folder), settings, verbose, device, group, started)


def _train(data_folder, model_folder, settings, verbose, device, group, started) -> dict:
    profile = settings.profile
    records = find_training_records(data_folder)
    if profile.records and len(records) > profile.records:
        log.info(
            "The %s profile uses %d of %d records.", profile.name, profile.records, len(records)
        )
        order = random_stream(settings.seed, "cap").permutation(len(records))
        records = [records[i] for i in sorted(order[: profile.records])]
    folder = model_folder / "resume"
    folder.mkdir(parents=True, exist_ok=True)
    log_file = log_to(folder / "train.log") if group.leads else contextlib.nullcontext()
    deadline = started + settings.limit_seconds(len(records))
    networks = settings.recipe.ensemble
    trained: list[Trained] = []
    # The last network's answer to SIGTERM holds until the model is saved.
    with log_file, contextlib.ExitStack() as answer:
        for k in range(networks):
            answer.close()
            if networks > 1:
                log.info("Network %d of %d.", k + 1, networks)
            training, validation = split_records(records, settings, k)
            part = folder / f"network-{k}"
            run = TrainingRun(training, validation, settings, part, verbose, device, group)
            answer.enter_context(stop_on_sigterm(run))
            run.begin()
            now = time.monotonic()
            run.fit(now + (deadline - now) / (networks - k))
            trained.append(run.finish(keep_checkpoint=networks > 1))
            if run.stop_requested:
                break
        description = describe_model(settings, trained)
        if group.leads:
            save_trained(folder, model_folder, trained, description)
            part = (trained[0].start or {}).get("signals")
            tuned = "signals" not in description and networks == 1 and not run.stop_requested
            if part is not None and tuned:
                part = keep_signal_readers(model_folder, part, validation, deadline)
                description |= {} if part is None else {"signals": part.as_dict()}
            if "signals" not in description:  # those of a model that was there before
                (model_folder / SIGNALS).unlink(missing_ok=True)
    group.wait()
    return description
