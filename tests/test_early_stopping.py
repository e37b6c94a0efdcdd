"""The best epoch is kept; patience, the time limit and SIGTERM end a training with a model."""

import csv
import dataclasses
import json
import signal
import subprocess
import sys
import time

import numpy as np
from conftest import ROOT

from giraffe.ecg.records import scan
from giraffe.learning import training
from giraffe.learning.early_stopping import plan_epochs
from giraffe.learning.training_loop import TrainingRun
from giraffe.network.checkpoint import load_model
from giraffe.settings import Settings

LABEL_LINE = "# Labels: "


def test_training_keeps_the_best_epoch_and_writes_its_history(
    records_folder, tmp_path, smoke_settings
):
    settings = dataclasses.replace(
        smoke_settings, recipe=dataclasses.replace(smoke_settings.recipe, epochs=6, patience=2)
    )
    description = training.train(records_folder, tmp_path / "m", settings, verbose=False)
    with open(tmp_path / "m" / "history.csv") as file:
        rows = list(csv.DictReader(file))
    areas = [float(row["auroc"]) for row in rows]
    # The first of the highest; among equal ones that of the smallest loss.
    ranks = [(area, -float(row["validation_loss"])) for area, row in zip(areas, rows, strict=True)]
    best = ranks.index(max(ranks)) + 1
    assert description["weights_of_epochs"] == [best]
    assert len(rows) == min(6, best + 2)
    assert json.loads((tmp_path / "m/model.json").read_text())["validation"]["auroc"] == max(areas)


def test_where_the_auroc_is_undefined_the_validation_loss_decides(
    records_folder, tmp_path, smoke_settings, caplog
):
    records, _ = scan(records_folder)
    norm = [r for r in records if r.labels == ("NORM",)][:2]
    recipe = dataclasses.replace(smoke_settings.recipe, epochs=3, patience=5)
    settings = dataclasses.replace(smoke_settings, recipe=recipe)
    run = TrainingRun(records[:8], norm, settings, tmp_path, verbose=False)
    run.begin()
    run.fit(time.monotonic() + 600)
    assert caplog.text.count("the validation loss decides") == 1
    losses = [row["validation_loss"] for row in run.progress.history]
    assert run.progress.best_epoch == int(np.argmin(losses)) + 1


def test_without_validation_records_the_last_epoch_is_kept(
    records_folder, tmp_path, smoke_settings, caplog
):
    records, _ = scan(records_folder)
    recipe = dataclasses.replace(smoke_settings.recipe, epochs=2, patience=5)
    settings = dataclasses.replace(smoke_settings, recipe=recipe)
    run = TrainingRun(records[:8], [], settings, tmp_path, verbose=False)
    run.begin()
    run.fit(time.monotonic() + 600)
    assert caplog.text.count("the last epoch is kept") == 1
    assert run.progress.best_epoch == 2


def test_a_time_limit_ends_training_with_a_usable_model(records_folder, tmp_path, smoke_settings):
    settings = dataclasses.replace(smoke_settings, time_limit_hours=1e-6)
    training.train(records_folder, tmp_path / "m", settings, verbose=False)
    load_model(tmp_path / "m")


def test_the_time_limit_follows_the_number_of_records():
    assert Settings().limit_seconds(5000) == 20 * 3600
    assert Settings().limit_seconds(5001) == 150 * 3600


def test_no_more_epochs_are_planned_than_end_in_time(records_folder, tmp_path, smoke_settings):
    recipe = dataclasses.replace(smoke_settings.recipe, epochs=10)
    settings = dataclasses.replace(smoke_settings, recipe=recipe)
    records, _ = scan(records_folder)
    run = TrainingRun(records, [], settings, tmp_path / "run", verbose=False)
    run.begin()
    assert run.progress.planned == 10
    run.progress.epoch = 2
    run.progress.history = [{"seconds": 50.0}, {"seconds": 100.0}]  # the second was slower
    plan_epochs(run.progress, 1000)
    assert run.progress.planned == 10
    plan_epochs(run.progress, 350)
    assert run.progress.planned == 5  # three more of 1.1 * 100 s
    plan_epochs(run.progress, 1000)
    assert run.progress.planned == 5  # never more again
    run._save()
    again = TrainingRun(records, [], settings, tmp_path / "run", verbose=False)
    again.begin()
    assert again.progress.planned == 5


def test_sigterm_ends_training_with_a_usable_model(records_folder, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "giraffe", "train", str(records_folder), "-m", str(tmp_path / "m"),
         "--profile", "smoke", "--recipe", "2324", "--epochs", "100000"],
        cwd=ROOT, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for line in process.stderr:
        if "per epoch" in line:
            break
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0 and "Told to stop" in errors, errors
    load_model(tmp_path / "m")
