"""The wheel: everything that reading a picture needs, and nothing of the Challenge's scripts."""

import os
import subprocess
import sys
import tomllib
import zipfile

import numpy as np
import pytest
from chart_pages import HEADER, wave
from conftest import ROOT
from PIL import Image

from giraffe.printout.presets import print_in_memory

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def run(*command, cwd, **env):
    result = subprocess.run(
        list(map(str, command)), cwd=cwd, env={**os.environ, **env}, capture_output=True,
        text=True, timeout=300,
    )  # fmt: skip
    assert result.returncode == 0, f"{command} ended with {result.returncode}:\n{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("hatchling", reason="hatchling, which builds the wheel, is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The wheel in an empty folder, without its dependencies."""
    target = tmp_path_factory.mktemp("target")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-compile", "--no-index"]
    run(*pip, "--target", target, wheel, cwd=target)
    return target


def test_the_wheel_holds_the_package_with_its_data_and_no_scripts_of_the_challenge(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    tops = {name.split("/")[0] for name in names}
    assert tops == {"giraffe", f"giraffe-{wheel.name.split('-')[1]}.dist-info"}
    for path in (ROOT / "giraffe").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert str(path.relative_to(ROOT)) in names, path


def test_the_installed_program_reads_a_picture_from_another_folder(installed, tmp_path):
    rng = np.random.default_rng(2)
    pixels = print_in_memory(wave(1), HEADER, "color-scan-clean", rng, None, 1600)[0]
    Image.fromarray(pixels).save(tmp_path / "page.png")
    program = installed / "bin" / "giraffe"
    said = run(sys.executable, program, "--help", cwd=tmp_path, PYTHONPATH=str(installed))
    assert "giraffe COMMAND" in said and "  read " in said
    text = run(sys.executable, program, "read", "page.png", "-q", cwd=tmp_path,
               PYTHONPATH=str(installed))  # fmt: skip
    assert text.startswith("page.png\n") and ", threshold 0." in text and "chart " in text
    code = "import giraffe; print(giraffe.__file__)"
    where = run(sys.executable, "-c", code, cwd=tmp_path, PYTHONPATH=str(installed))
    assert where.startswith(str(installed))


def test_what_the_lock_pins_lies_in_the_ranges_of_the_package():
    from packaging.requirements import Requirement

    pinned = {}
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        one = Requirement(line)
        if one.marker is None or one.marker.evaluate({"python_full_version": "3.11.7"}):
            pinned[one.name] = next(iter(one.specifier)).version
    for text in PROJECT["dependencies"]:
        one = Requirement(text)
        assert one.specifier.contains(pinned[one.name.lower()]), text
    allowed = Requirement(f"python{PROJECT['requires-python']}").specifier
    assert [f"3.{k}" for k in range(9, 16) if f"3.{k}.1" in allowed] == ["3.11", "3.12", "3.13"]
