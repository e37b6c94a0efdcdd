"""The scorer gives the Challenge's scores."""

import json
import math

import numpy as np
import pytest
from conftest import ROOT, run_script
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

import helper_code
from giraffe.ecg import scoring
from giraffe.ecg.scoring import _peak_of_correlation, convert_signal, fft_correlate

SETS = ("evaluate_missing_outputs", "evaluate_all_scores")
OWN = ROOT / "tests" / "vectors"


def _tables_agree(ours: str, theirs: str):
    for row, expected in zip(ours.splitlines(), theirs.splitlines(), strict=True):
        cells, wanted = row.split("\t"), expected.split("\t")
        assert len(cells) == len(wanted)
        for cell, want in zip(cells, wanted, strict=True):
            if cell != want:
                assert float(cell) == pytest.approx(float(want), rel=1e-9)


@pytest.mark.parametrize("name", SETS)
def test_printed_scores_are_the_organisers_byte_for_byte(vectors, name):
    folder = vectors / name
    for case in json.loads((folder / "expected.json").read_text()).values():
        folders = ("-d", folder / "reference", "-o", folder / "outputs")
        result = run_script("evaluate_model.py", *folders, *case["flags"])
        if case["official_code_crashes"]:
            lines = result.stdout.splitlines()
            assert lines[0].startswith("SNR: ") and lines[5].startswith("F-measure: ")
        else:
            assert result.stdout == case["stdout"]


@pytest.mark.parametrize("name", SETS)
def test_score_files_are_the_organisers(vectors, tmp_path, name):
    folder = vectors / name
    run_script(
        "evaluate_model.py", "-d", folder / "reference", "-o", folder / "outputs",
        "-s", tmp_path / "s", "-ta", tmp_path / "ta", "-tb", tmp_path / "tb",
    )  # fmt: skip
    assert (tmp_path / "s").read_bytes() == (folder / "scores.txt").read_bytes()
    _tables_agree((tmp_path / "ta").read_text(), (folder / "total_snr.tsv").read_text())
    _tables_agree((tmp_path / "tb").read_text(), (folder / "total_f_measure.tsv").read_text())


def test_own_vectors_score_as_the_plain_definitions_say(tmp_path):
    expected = json.loads((OWN / "expected.json").read_text())
    result = run_script(
        "evaluate_model.py", OWN / "reference", OWN / "outputs", tmp_path / "scores.csv",
        "-ta", tmp_path / "ta", "-tb", tmp_path / "tb",
    )  # fmt: skip
    assert result.stdout == ""
    snr = [value for row in expected["snr"].values() for value in row.values()]
    f = expected["f"].values()
    assert (tmp_path / "scores.csv").read_text() == (
        f"SNR: {np.mean(snr):.3f}\nF-measure: {sum(f) / len(f):.3f}\n"
    )
    rows = [line.split("\t") for line in (tmp_path / "ta").read_text().splitlines()]
    assert rows[0] == ["Record", "I", "II", "V1"]
    for name, *cells in rows[1:]:
        assert [float(c) for c in cells] == pytest.approx(list(expected["snr"][name].values()))
    for line in (tmp_path / "tb").read_text().splitlines():
        name, value = line.split("\t")
        assert float(value) == pytest.approx(expected["f"][name])


def test_a_negative_shift_keeps_the_organisers_oddity():
    x = np.exp(-0.5 * ((np.arange(100) - 60) / 2.0) ** 2)
    early = np.roll(x, -10)
    shifted, offset, _ = scoring.align_signals(x, early, 256)
    assert offset == -10
    assert len(shifted) == 20
    assert np.isnan(shifted[:10]).all()
    assert shifted[10:] == pytest.approx(early[:10])


def test_missing_and_perfect_estimates_score_zero_and_nan():
    x = np.sin(np.arange(50.0))
    assert scoring.compute_snr(x, np.full(50, np.nan))[0] == 0
    assert math.isnan(scoring.compute_snr(x, x)[0])
    assert math.isnan(scoring.compute_snr(np.full(50, np.nan), x)[0])


def test_an_empty_label_counts_as_a_class_as_it_does_for_the_organisers():
    macro, _, classes = helper_code.compute_f_measure([["NORM", ""]], [["NORM"]])
    assert classes == ["", "NORM"]
    assert macro == pytest.approx(0.5)


def test_no_reference_records_is_an_error(tmp_path):
    result = run_script("evaluate_model.py", tmp_path, tmp_path, check=False)
    assert result.returncode != 0
    assert "FileNotFoundError: No records found." in result.stderr


def test_a_disagreeing_sampling_frequency_names_the_record(tmp_path):
    import shutil

    shutil.copytree(OWN, tmp_path / "v")
    header = tmp_path / "v" / "outputs" / "synthetic1.hea"
    header.write_text(header.read_text().replace(" 3 100 ", " 3 200 "))
    result = run_script(
        "evaluate_model.py", tmp_path / "v/reference", tmp_path / "v/outputs", check=False
    )
    assert "AssertionError" in result.stderr and "synthetic1" in result.stderr


@settings(max_examples=60)
@given(
    levels=st.lists(st.integers(-3, 3), min_size=1, max_size=40),
    noise=st.lists(st.integers(-1, 1), min_size=40, max_size=40),
    shift=st.integers(-5, 5),
)
def test_the_fast_peak_is_the_first_of_the_full_correlation(levels, noise, shift):
    # Few levels and short signals: ties and near ties are common.
    x = np.array(levels, dtype=float)
    y = np.roll(x, shift) + np.array(noise[: len(x)])
    low, high = min(x.min(), y.min()), max(x.max(), y.max())
    images = [convert_signal(v, 16, low, high, len(x)) for v in (x, y)]
    for sigma in (0.0, 0.5):
        a, b = (gaussian_filter(image, sigma) if sigma else image for image in images)
        full = fft_correlate(a, b)
        peak = _peak_of_correlation(*images, sigma)
        assert peak == np.unravel_index(full.argmax(), full.shape)


def test_several_processes_score_alike(tmp_path, monkeypatch):
    import evaluate_model

    monkeypatch.setattr(evaluate_model, "MANY_RECORDS", 1)
    folders = [str(OWN / name) for name in ("reference", "outputs")]
    records = evaluate_model.find_records(folders[0])
    one, two = (
        evaluate_model.evaluate_signals(*folders, records, False, True, jobs) for jobs in (1, 2)
    )
    np.testing.assert_equal(one, two)
