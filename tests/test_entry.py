"""The entry as organisers and researchers start it: processes, folders, files."""

import ast
import json
import shutil

import numpy as np
import pytest
from conftest import ROOT, copy_records, run_python, run_script

from giraffe.__main__ import main
from giraffe.classes import CLASSES
from giraffe.recipe import DEFAULT_RECIPE

SMOKE = {"GIRAFFE_PROFILE": "smoke"}


@pytest.fixture(scope="module")
def trained(records_folder, tmp_path_factory):
    """A model of the default recipe, trained by the command."""
    model = tmp_path_factory.mktemp("entry") / "model"
    result = run_python("train_model.py", "-d", records_folder, "-m", model, "-v", env=SMOKE)
    return model, result


@pytest.fixture(scope="module")
def hidden(few_records, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hidden")
    main(["hide", "-i", str(few_records), "-o", str(folder), "-m"])
    return folder


def test_training_says_what_it_will_do_and_leaves_only_the_model(trained):
    model, result = trained
    for words in (
        f"Recipe {DEFAULT_RECIPE}, profile smoke",
        "96 x 192",
        "weights of the shipped model",
        "per epoch",
    ):
        assert words in result.stderr
    files = {path.name for path in model.iterdir()}
    assert files - {"signals.pt"} == {
        "model.json",
        "weights-0.pt",
        "history.csv",
        "split.csv",
        "curves.png",
        "train.log",
    }
    description = json.loads((model / "model.json").read_text())
    assert ("signals" in description) == ("signals.pt" in files)
    assert description["classes"] == list(CLASSES)
    assert description["recipe"]["name"] == DEFAULT_RECIPE


def test_hidden_records_get_labels_and_evaluation_scores_them(
    trained, hidden, few_records, tmp_path
):
    outputs = tmp_path / "outputs"
    result = run_python(
        "run_model.py", "-d", hidden, "-m", trained[0], "-o", outputs, "-v"
    )  # fmt: skip
    lines = result.stdout.splitlines()
    assert lines[0] == "Loading the Challenge model..."
    assert lines[1] == "Finding the Challenge data..."
    assert lines[2] == "Running the Challenge model(s) on the Challenge data..."
    assert lines[3] == "- 1/6: sim0005_000000..."
    assert lines[-1] == "Done."
    header = (outputs / "sim0005_000000.hea").read_text()
    # The signals' lines describe what was digitized: with initial value, checksum and block size.
    before, after = (hidden / "sim0005_000000.hea").read_text().splitlines(), header.splitlines()
    assert [*after[:1], *after[13:-1]] == [*before[:1], *before[13:]]
    for given, written in zip(before[1:13], after[1:13], strict=True):
        assert written.split()[:5] == given.split()[:5] and written.split()[-1] == given.split()[-1]
    assert header.count("# Labels: ") == 1
    scores = run_script("evaluate_model.py", few_records, outputs).stdout
    assert scores.startswith("SNR: ") and "\nF-measure: " in scores
    assert np.isfinite(float(scores.split()[1]))
    assert 0 <= float(scores.splitlines()[1].split()[1]) <= 1


def test_folders_without_flags_mean_the_same(trained, hidden, tmp_path):
    data = copy_records(hidden, tmp_path / "data", 2)
    run_script("run_model.py", trained[0], data, tmp_path / "a")
    run_script("run_model.py", "-d", data, "-m", trained[0], "-o", tmp_path / "b")
    assert (tmp_path / "a" / "sim0005_000001.hea").exists()
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


@pytest.mark.parametrize(
    "script, args",
    [
        ("train_model.py", ["data"]),
        ("train_model.py", ["-d", "data", "model"]),
        ("run_model.py", ["a", "b", "c", "d"]),
        ("run_model.py", ["-m", "model"]),
        ("evaluate_model.py", ["-d", "a", "-o", "b", "c"]),
    ],
)
def test_mixed_or_missing_folders_show_the_usage(script, args):
    result = run_script(script, *args, check=False)
    assert result.returncode == 2
    assert "usage:" in result.stderr and "error:" in result.stderr


def test_no_data_is_an_error_and_makes_no_output_folder(trained, tmp_path):
    (tmp_path / "empty").mkdir()
    result = run_script(
        "run_model.py", trained[0], tmp_path / "empty", tmp_path / "out", check=False
    )
    assert "Exception: No data were provided." in result.stderr
    assert not (tmp_path / "out").exists()


def test_an_unreadable_image_costs_its_record_alone(trained, hidden, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(hidden, data)
    (data / "sim0005_000001-0.png").write_bytes(b"no image")
    (data / "sim0005_000002-0.png").unlink()
    result = run_script("run_model.py", trained[0], data, tmp_path / "out")
    assert "sim0005_000001-0.png: not a readable image" in result.stderr
    assert "sim0005_000002: no image file" in result.stderr
    outputs = sorted((tmp_path / "out").glob("*.hea"))
    assert len(outputs) == 6
    assert ["# Labels:" in path.read_text() for path in outputs].count(True) == 4


def test_labels_that_leak_are_noticed_once(trained, few_records, tmp_path):
    result = run_script("run_model.py", trained[0], few_records, tmp_path / "out")
    assert result.stderr.count("already has labels") == 1


def test_a_failing_record_ends_the_run_unless_failures_are_allowed(trained, hidden, tmp_path):
    copy = tmp_path / "entry"
    copy.mkdir()
    for name in ("run_model.py", "helper_code.py"):
        shutil.copy(ROOT / name, copy)
    (copy / "giraffe").symlink_to(ROOT / "giraffe")
    (copy / "team_code.py").write_text(
        "def load_models(folder, verbose):\n    return None, None\n"
        "def run_models(record, a, b, verbose):\n    raise RuntimeError('boom')\n"
    )
    failed = run_python("run_model.py", "m", hidden, tmp_path / "o1", cwd=copy, check=False)
    assert failed.returncode != 0 and "boom" in failed.stderr
    allowed = run_python("run_model.py", "-d", hidden, "-m", "m", "-o", tmp_path / "o2", "-f", "-v",
                         cwd=copy)  # fmt: skip
    assert allowed.stdout.count("... failed.") == 6
    assert len(list((tmp_path / "o2").glob("*.hea"))) == 6


def test_the_entry_works_with_the_organisers_scripts_in_place_of_ours(
    few_records, hidden, tmp_path
):
    entry = tmp_path / "challenge"
    entry.mkdir()
    shutil.copytree(ROOT / "giraffe", entry / "giraffe")
    shutil.copy(ROOT / "team_code.py", entry)
    for path in (ROOT / "tests" / "stand_ins").glob("*.py"):
        shutil.copy(path, entry)
    model, outputs = tmp_path / "model", tmp_path / "outputs"
    env = {**SMOKE, "GIRAFFE_RECIPE": "2324"}
    run_python("train_model.py", "-d", few_records, "-m", model, "-v", cwd=entry, env=env)
    data = copy_records(hidden, tmp_path / "data", 3)
    run_python("run_model.py", "-d", data, "-m", model, "-o", outputs, "-v", cwd=entry)
    assert all("# Labels: " in path.read_text() for path in outputs.glob("*.hea"))
    assert len(list(outputs.glob("*.hea"))) == 3


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_without_a_model_is_an_error_that_names_it(there, hidden, tmp_path):
    model = tmp_path / "empty"
    if there:
        model.mkdir()
    result = run_script("run_model.py", model, hidden, tmp_path / "out", check=False)
    assert result.returncode != 0
    assert f"{model}: no finished model here" in result.stderr


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module, alias.name) for alias in node.names)


def test_the_package_imports_none_of_the_challenge_scripts():
    scripts = {"helper_code", "team_code", "train_model", "run_model", "evaluate_model"}
    for path in (ROOT / "giraffe").rglob("*.py"):
        assert not scripts & {module for module, _ in _imports(path)}, path


def test_the_stand_ins_have_every_name_of_the_contract_that_our_helper_has():
    import helper_code

    tree = ast.parse((ROOT / "tests" / "stand_ins" / "helper_code.py").read_text())
    names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} | {
        n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)
    }
    public = {
        name for name, value in vars(helper_code).items()
        if not name.startswith("_") and (callable(value) or name.startswith("substring"))
    }  # fmt: skip
    assert public <= names
