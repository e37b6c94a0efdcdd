"""Fixtures: the shared materials where they are there, and small records of our own."""

import contextlib
import dataclasses
import io
import logging
import os
import runpy
import shutil
import subprocess
import sys
import traceback
from pathlib import Path

if os.environ.get("PYTEST_XDIST_WORKER"):  # before anything imports torch or NumPy
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the other cores have workers of their own

import pytest
from hypothesis import HealthCheck, settings

# Machines are shared and noisy: how long an example takes says nothing about the code.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# Whole files, or tests of one, that take more than some two seconds of a core: marked `slow`, which
# `make test-fast` leaves out. `pytest --durations=30` finds new ones.
SLOW = {
    "test_chart_reader.py",
    "test_chart_school.py",
    "test_charts_command.py",
    "test_digitizing.py",
    "test_entry.py",
    "test_explaining.py",
    "test_faults.py",
    "test_initial.py",
    "test_model.py",
    "test_package.py",
    "test_pretrain.py",
    "test_reproduce.py",
    "test_resume.py",
    "test_serve_browser.py",
    "test_simulate.py",
    "test_calibration.py::test_cross_fitted_figures_are_better_than_uncalibrated_ones_and_are_said",
    "test_calibration.py::test_rare_and_unknown_classes_are_judged_by_simulated_patients",
    "test_compact.py::test_the_command_ships_into_another_folder",
    "test_early_stopping.py::test_sigterm_ends_training_with_a_usable_model",
    "test_early_stopping.py::test_training_keeps_the_best_epoch_and_writes_its_history",
    "test_feed.py::test_a_dead_worker_costs_nothing_but_time",
    "test_learner.py::test_torchrun_trains_a_model_with_the_entrys_own_script",
    "test_learner.py::test_two_processes_step_like_one_with_accumulated_pieces",
    "test_presets.py::test_a_dask_cluster_prints_the_same_images",
    "test_presets.py::test_every_option_has_an_effect",
    "test_presets.py::test_memory_and_file_show_the_network_alike",
    "test_presets.py::test_random_presets_depend_on_seed_and_record_alone",
    "test_printout.py::test_pictures_depend_on_neither_processes_nor_company",
    "test_printout.py::test_the_ink_lies_on_the_signal_of_fifty_real_records",
    "test_printout.py::test_the_ink_of_every_column_lies_on_the_signal",
    "test_reading.py::test_reading_gives_the_probabilities_of_predict",
    "test_reliability.py::test_changed_training_data_are_survived_or_refused",
    "test_reliability.py::test_damaged_pictures_are_digitized_or_refused_with_a_reason",
    "test_reliability.py::test_mutated_files_give_documented_errors_alone",
    "test_reliability.py::test_nothing_reaches_for_the_network_and_logs_know_no_patient",
    "test_scorer.py::test_printed_scores_are_the_organisers_byte_for_byte",
    "test_serve.py::test_the_api_keeps_to_its_description_whatever_it_is_asked",
    "test_signals.py::test_it_learns_alike_from_the_same_seed_and_better_with_time",
    "test_signals.py::test_networks_on_signals_say_what_they_think_of_training_records_alone",
    "test_training.py::test_true_labels_are_learnt_and_shuffled_ones_score_worse",
}

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
sys.path.insert(0, str(ROOT))


LONGEST = (
    "test_faults.py", "test_entry.py", "test_reliability.py", "test_model.py", "test_training.py",
    "test_simulate.py", "test_pretrain.py", "test_serve_browser.py", "test_digitizing.py",
)  # fmt: skip
"""Files that begin first, so that the processes of a parallel run end together."""


def pytest_collection_modifyitems(items):
    """Order the files, and mark the tests that are named in `SLOW`."""
    rank = {name: k for k, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))
    for item in items:
        file = item.path.name
        if SLOW & {file, f"{file}::{item.originalname}"}:
            item.add_marker("slow")


@pytest.fixture(scope="session", autouse=True)
def no_fsync():
    """Nothing here pulls the plug, and waiting for the disk is most of a small training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Decoded images are kept in a folder of the test session."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIRAFFE_CACHE_DIR", str(folder))
        patch.setattr("giraffe.learning.training_loop.default_folder", lambda: folder)
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared materials; without them the test is skipped, or fails where CI demands them."""
    if not SHARED.is_dir():
        reason = f"the shared materials are not at {SHARED}"
        if os.environ.get("GIRAFFE_REQUIRE_SHARED"):
            pytest.fail(reason)
        pytest.skip(reason)
    return SHARED


@pytest.fixture(scope="session")
def vectors(shared) -> Path:
    return shared / "data" / "vectors"


@pytest.fixture(scope="session")
def records_folder(tmp_path_factory) -> Path:
    """Twenty-four simulated records of NORM, Old MI and TACHY with small images."""
    from giraffe.ecg.simulate import write_record
    from giraffe.printout.kit import KitOptions
    from giraffe.printout.printing import PrintJob, print_folder

    folder = tmp_path_factory.mktemp("records")
    for k in range(24):
        write_record(folder, 5, k, ("NORM", "Old MI", "TACHY"))
    job = PrintJob(options=KitOptions(resolution=50, print_header=True))
    print_folder(folder, folder, job, verbose=False)
    return folder


@pytest.fixture(scope="session")
def smoke_settings():
    """Settings of the smallest run; vanilla, because it takes milliseconds per step."""
    from giraffe.recipe import PROFILES, RECIPES
    from giraffe.settings import Settings

    recipe = dataclasses.replace(RECIPES["2324"], epochs=2)
    profile = dataclasses.replace(PROFILES["smoke"], epochs=None)
    return Settings(recipe=recipe, profile=profile, seed=3)


@pytest.fixture(scope="session")
def smoke_model(records_folder, smoke_settings, tmp_path_factory) -> Path:
    """A model of `smoke_settings`, trained on `records_folder`; only to be read."""
    from giraffe.learning.training import train

    folder = tmp_path_factory.mktemp("smoke") / "model"
    train(records_folder, folder, smoke_settings, verbose=False)
    return folder


@pytest.fixture(scope="session")
def few_records(records_folder, tmp_path_factory) -> Path:
    """The first six of `records_folder`, where learning is not what counts."""
    return copy_records(records_folder, tmp_path_factory.mktemp("few") / "records", 6)


def copy_records(folder: Path, target: Path, number: int | None = None) -> Path:
    """A folder's first records, or all, in a folder that a test may change."""
    target.mkdir()
    for header in sorted(folder.glob("*.hea"))[:number]:
        for path in folder.glob(f"{header.stem}*"):
            shutil.copy(path, target)
    return target


def run_python(*args, cwd=ROOT, env=None, check=True):
    """Run Python in a process of its own, as a user does."""
    result = subprocess.run(
        [sys.executable, *map(str, args)],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=300,
    )
    if check and result.returncode:
        raise AssertionError(f"{args} ended with {result.returncode}:\n{result.stderr}")
    return result


def run_script(name, *args, env=None, check=True):
    """Run a script of the root in this process, as `run_python` does in one of its own.

    For what the script does and says; importing torch again would take longer than most of it.
    """
    out, err = io.StringIO(), io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    root.handlers = []  # the script logs to what it takes for standard error
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", [name, *map(str, args)])
        for key, value in (env or {}).items():
            patch.setenv(key, value)
        code = 0
        try:
            runpy.run_path(str(ROOT / name), run_name="__main__")
        except SystemExit as end:
            code = end.code or 0
        except Exception:
            traceback.print_exc()
            code = 1
        finally:
            root.handlers = handlers
            root.setLevel(level)
    if check and code:
        raise AssertionError(f"{name} {args} ended with {code}:\n{err.getvalue()}")
    return subprocess.CompletedProcess([name, *args], code, out.getvalue(), err.getvalue())
