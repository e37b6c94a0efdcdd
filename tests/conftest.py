"""Fixtures: the shared materials where they are there, and small records of our own."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Machines are shared and noisy: how long an example takes says nothing about the code.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
sys.path.insert(0, str(ROOT))


@pytest.fixture(autouse=True)
def no_fsync(monkeypatch):
    """Nothing here pulls the plug, and waiting for the disk is most of a small training."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path_factory):
    """Decoded images are kept in a folder of the test session."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("GIRAFFE_CACHE_DIR", str(folder))
    monkeypatch.setattr("giraffe.training.default_folder", lambda: folder)


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
    from giraffe.printing import PrintJob, print_folder
    from giraffe.printout.kit import KitOptions

    folder = tmp_path_factory.mktemp("records")
    for k in range(24):
        write_record(folder, 5, k, ("NORM", "Old MI", "TACHY"))
    job = PrintJob(options=KitOptions(resolution=50, print_header=True))
    print_folder(folder, folder, job, verbose=False)
    return folder


@pytest.fixture
def smoke_settings():
    """Settings of the smallest run; vanilla, because it takes milliseconds per step."""
    from giraffe.recipe import PROFILES, RECIPES
    from giraffe.settings import Settings

    recipe = dataclasses.replace(RECIPES["2324"], epochs=2)
    profile = dataclasses.replace(PROFILES["smoke"], epochs=None)
    return Settings(recipe=recipe, profile=profile, seed=3)


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
