"""Weights in little room: what is kept, what it costs, and how a model is shipped."""

import json

import numpy as np
import pytest
import torch
from conftest import ROOT, run_python

from giraffe.classes import CLASSES
from giraffe.errors import ModelError
from giraffe.learning.pretrain import half_precision
from giraffe.network.architectures import Network
from giraffe.network.checkpoint import load_model, save_model
from giraffe.network.classifier import Classifier
from giraffe.network.compact import SCALE, compact, expand, largest_change
from giraffe.network.shipping import ship
from giraffe.recipe import RECIPES

RECIPE = RECIPES["2324"]
SIZE = (32, 48)


def description(**more):
    return {
        "recipe": RECIPE.as_dict(), "size": list(SIZE), "thresholds": [0.5] * len(CLASSES), **more,
    }  # fmt: skip


@pytest.fixture
def network():
    torch.manual_seed(3)
    return Network(RECIPE, SIZE).eval()


def test_kernels_take_a_byte_and_come_back_within_half_a_step(network):
    state = network.state_dict()
    small = compact(state)
    back = expand(small)
    assert set(back) == set(state)
    for name, value in state.items():
        if value.dim() < 2 or name.startswith(("last.", "head.")):
            assert small[name].dtype == torch.float32 and torch.equal(back[name], value)
        else:
            scale = small[name + SCALE]
            assert small[name].dtype == torch.int8 and scale.dtype == torch.float16
            assert scale.shape == value.shape[:1]
            steps = (back[name] - value).abs().flatten(1).amax(1) / scale.float()
            # The largest weight of a channel may lie a little beyond the rounded scale's end.
            assert steps.max() <= 0.5 + 127 / 2**11
    assert 0 < largest_change(state) < 0.01


def test_weights_in_little_room_lose_nothing_more_when_made_small_again(network):
    small = compact(network.state_dict())
    again = compact(expand(small))
    assert all(torch.equal(small[name], again[name]) for name in small)


def test_a_kernel_that_8_bits_would_spoil_stays_float16():
    torch.manual_seed(0)
    spoilt = torch.randn(4, 500, 2, 2)
    spoilt[:, 0, 0, 0] = 100.0  # beside it all others of the channel have three values
    tiny = torch.randn(4, 8) * 1e-9  # float16 has no such scales
    with_empty = torch.randn(4, 8)
    with_empty[2] = 0
    small = compact({"a": spoilt, "b": tiny, "c": with_empty})
    assert small["a"].dtype == torch.float16 and small["b"].dtype == torch.float16
    assert small["c"].dtype == torch.int8 and not expand(small)["c"][2].any()


def test_what_only_training_needs_is_left_out():
    state = Network(RECIPES["giraffe"], (96, 192), measurements=5, cells=7).state_dict()
    small = compact(state)
    assert not any(name.startswith(("measured.", "cells.")) for name in small)


def test_scales_that_do_not_belong_are_an_error_that_names_the_file(network, tmp_path):
    small = compact(network.state_dict())
    name = "body.0.weight"
    for wrong in (
        {**small, name + SCALE: small[name + SCALE][:-1]},
        {key: value for key, value in small.items() if key != name},
        {**small, name: small[name].float()},
    ):
        save_model(tmp_path, [wrong], description())
        with pytest.raises(ModelError, match=r"weights-0\.pt"):
            load_model(tmp_path)


def test_models_of_float32_and_float16_still_load(network, tmp_path):
    for kind, state in (("32", network.state_dict()), ("16", half_precision(network.state_dict()))):
        save_model(tmp_path / kind, [state], description())
        path = tmp_path / kind / "model.json"
        content = json.loads(path.read_text())
        path.write_text(json.dumps({**content, "format": 1}))
        loaded = load_model(tmp_path / kind)[0][0].state_dict()
        assert all(value.dtype != torch.float16 for value in loaded.values())
        assert all(torch.equal(loaded[name], state[name].float()) for name in state)


def test_shipping_keeps_calibration_thresholds_and_card_and_nearly_all_probabilities(
    network, tmp_path
):
    model, shipped = tmp_path / "model", tmp_path / "shipped"
    calibration = [["shift", [1.0, 1.0, 0.5]]] * len(CLASSES)
    thresholds = np.linspace(0.2, 0.6, len(CLASSES)).tolist()
    save_model(
        model, [network.state_dict()] * 2,
        description(calibration=calibration, thresholds=thresholds, seed=7),
    )  # fmt: skip
    (model / "split.csv").write_text("record,part\n")
    shipped.mkdir()
    for name in ("README.md", "history.csv", "weights-5.pt"):
        (shipped / name).write_text("of before")
    said = ship(model, shipped)
    assert "MB" in said and "%" in said
    assert {path.name for path in shipped.iterdir()} == {
        "README.md", "model.json", "weights-0.pt", "weights-1.pt", "split.csv",
    }  # fmt: skip
    before, after = Classifier(model), Classifier(shipped)
    for key in ("recipe", "size", "thresholds", "calibration", "seed"):
        assert before.description[key] == after.description[key]
    rng = np.random.default_rng(0)
    pictures = list(rng.integers(0, 256, (4, *SIZE, 3), dtype=np.uint8))
    p, q = before.probabilities(pictures), after.probabilities(pictures)
    assert 0 < np.abs(p - q).max() < 0.01
    ratio = (shipped / "weights-0.pt").stat().st_size / (model / "weights-0.pt").stat().st_size
    assert ratio < 0.4
    with pytest.raises(ModelError):
        ship(tmp_path / "none", shipped)
    np.testing.assert_array_equal(Classifier(shipped).probabilities(pictures), q)


def test_the_command_ships_into_another_folder(network, tmp_path):
    save_model(tmp_path / "model", [network.state_dict()], description())
    done = run_python("-m", "giraffe", "ship", tmp_path / "model", "-o", tmp_path / "shipped")
    assert "MB" in done.stdout
    load_model(tmp_path / "shipped")
    assert not (ROOT / "giraffe" / "shipped" / "weights-1.pt").exists()
