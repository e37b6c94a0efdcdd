"""helper_code reads and writes headers as the Challenge's does."""

import json
import math

import numpy as np
import PIL.Image
import pytest

import helper_code

CALLS = {
    "get_variable(header, '# Age:')": lambda h: helper_code.get_variable(h, "# Age:"),
    "get_variables(header, '# Labels:')": lambda h: helper_code.get_variables(h, "# Labels:"),
}


def _check(call, expected, context):
    if "raises" in expected:
        with pytest.raises(Exception) as caught:
            call()
        assert caught.type.__name__ == expected["raises"], context
    else:
        result, wanted = call(), expected["returns"]
        if isinstance(wanted, float) and math.isnan(wanted):
            assert math.isnan(result), context
        elif isinstance(result, tuple):
            assert list(result) == wanted, context
        else:
            assert result == wanted and type(result) is type(wanted), context


def test_header_fields_are_the_organisers(vectors):
    cases = json.loads((vectors / "header_fields.json").read_text())
    for name, case in cases["headers"].items():
        for function, expected in case["functions"].items():
            call = CALLS.get(function) or getattr(helper_code, function)
            _check(lambda call=call, case=case: call(case["header"]), expected, (name, function))


def test_numbers_are_the_organisers(vectors):
    cases = json.loads((vectors / "header_fields.json").read_text())
    for function, values in cases["numbers"].items():
        for text, expected in values.items():
            call = getattr(helper_code, function)
            _check(lambda call=call, text=text: call(text), expected, (function, text))


HEADER = "a 2 100 4\na.dat 16 1000.0(0)/mV 16 0 0 0 0 I\na.dat 16 1000.0(0)/mV 16 0 0 0 0 II\n"


def test_signals_survive_saving_and_loading_with_nan_and_comments(tmp_path):
    record = str(tmp_path / "a")
    helper_code.save_header(record, HEADER)
    signal = np.array([[0.1, -0.2], [0.5, np.nan], [1.0, 0.0], [0.0, 2.0]])
    helper_code.save_signals(record, signal, comments=["# Age: 40", "# Labels: NORM"])
    loaded, fields = helper_code.load_signals(record)
    np.testing.assert_allclose(loaded, signal, atol=1e-9)
    assert fields["sig_name"] == ["I", "II"]
    assert helper_code.get_variable(helper_code.load_header(record), "# Age:") == ("40", True)
    assert helper_code.load_labels(record) == ["NORM"]


def test_a_wrong_channel_count_is_refused(tmp_path):
    helper_code.save_header(str(tmp_path / "a"), HEADER)
    with pytest.raises(ValueError):
        helper_code.save_signals(str(tmp_path / "a"), np.zeros((4, 3)))


def test_missing_signal_files_load_as_none(tmp_path):
    helper_code.save_header(str(tmp_path / "a"), HEADER)
    assert helper_code.load_signals(str(tmp_path / "a")) == (None, None)


def test_labels_are_appended_even_when_there_are_none(tmp_path):
    record = str(tmp_path / "a")
    helper_code.save_header(record, HEADER)
    helper_code.save_labels(record, ["NORM", "PVC"])
    assert helper_code.save_labels(record, []).endswith("# Labels: NORM, PVC\n# Labels: \n")
    assert helper_code.load_labels(record) == ["NORM", "PVC", ""]


def test_images_that_exist_are_loaded(tmp_path):
    record = str(tmp_path / "a")
    helper_code.save_header(record, HEADER + "# Image: a-0.png, a-1.png\n")
    PIL.Image.new("RGB", (3, 2)).save(tmp_path / "a-1.png")
    (image,) = helper_code.load_images(record)
    assert image.size == (3, 2)


def test_channels_are_matched_without_case_and_put_in_order():
    assert helper_code.normalize_names(["I", "aVR"], ["AVR", "x", "i"]) == ["aVR", "I"]
    signal = np.arange(6).reshape(2, 3)
    ordered = helper_code.reorder_signal(signal, ["a", "b", "c"], ["c", "d", "a"])
    assert ordered.tolist() == [[2, 0], [5, 3]]
    with pytest.raises(AssertionError):
        helper_code.reorder_signal(signal, ["a", "a", "c"], ["c"])


def test_confusion_matrices_count_as_documented():
    matrices = helper_code.compute_one_vs_rest_confusion_matrix(
        [[True], [True], [False], [False]], [[True], [False], [True], [True]], ["x"]
    )
    assert matrices.tolist() == [[[1, 2], [1, 0]]]
