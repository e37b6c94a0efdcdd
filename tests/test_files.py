"""Files for other programs: what JSON cannot say is null."""

import json
import math

import pytest

from giraffe.files import json_text, numbers


def strict(text):
    """What a parser makes of JSON that knows its standard."""

    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_have_are_null_however_deep_they_lie(odd):
    value = {"f": odd, "per class": {"NORM": [0.5, (odd, 1)], "CD": "nan"}, "records": 3}
    text = json_text(value, indent=1)
    assert text.endswith("}\n")
    assert strict(text) == {
        "f": None, "per class": {"NORM": [0.5, [None, 1]], "CD": "nan"}, "records": 3,
    }  # fmt: skip


def test_scores_come_back_as_numbers():
    value = {"f": 0.25, "auroc": {"NORM": math.nan, "CD": [0.1, math.nan]}}
    back = numbers(strict(json_text(value)))
    assert back["f"] == 0.25 and math.isnan(back["auroc"]["NORM"])
    assert back["auroc"]["CD"][0] == 0.1 and math.isnan(back["auroc"]["CD"][1])
