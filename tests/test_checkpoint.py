"""Model folders: what is read of them, and what is refused."""

import json

import numpy as np
import pytest
import torch

from giraffe.errors import ModelError
from giraffe.learning import training
from giraffe.network.architectures import Network
from giraffe.network.checkpoint import load_model, save_model
from giraffe.network.classifier import Classifier
from giraffe.recipe import RECIPES

LABEL_LINE = "# Labels: "


class Executes:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


def test_model_folders_that_cannot_be_used_say_what_to_do(records_folder, tmp_path, smoke_settings):
    import pickle

    with pytest.raises(ModelError, match="train one with"):
        load_model(tmp_path)
    model = tmp_path / "m"
    training.train(records_folder, model, smoke_settings, verbose=False)
    good = (model / "weights-0.pt").read_bytes()

    (model / "weights-0.pt").write_bytes(good[: len(good) // 2])
    with pytest.raises(ModelError, match="train the model again"):
        load_model(model)
    trap = tmp_path / "trap"
    (model / "weights-0.pt").write_bytes(pickle.dumps(Executes(str(trap))))
    with pytest.raises(ModelError, match="read safely"):
        load_model(model)
    assert not trap.exists()

    (model / "weights-0.pt").write_bytes(good)
    description = json.loads((model / "model.json").read_text())
    for change, words in (
        ({"format": 99}, "format 99"),
        ({"classes": ["NORM"]}, "made for the classes NORM"),
        ({"thresholds": [2.0] * 11}, "not a model's description"),
        ({"weights": ["0" * 64]}, "does not belong"),
    ):
        (model / "model.json").write_text(json.dumps({**description, **change}))
        with pytest.raises(ModelError, match=words):
            load_model(model)


def test_weights_that_are_not_finite_are_refused(tmp_path, smoke_settings):
    recipe = smoke_settings.recipe
    network = Network(recipe, (16, 16))
    with torch.no_grad():
        network.last.bias[3] = torch.nan
    description = {"recipe": recipe.as_dict(), "size": [16, 16], "thresholds": [0.5] * 11}
    save_model(tmp_path, [network.state_dict()], description)
    with pytest.raises(ModelError, match=r"last\.bias holds values that are not finite"):
        load_model(tmp_path)


def test_folded_batch_norm_gives_the_same_probabilities(tmp_path):
    from giraffe.network.checkpoint import save_model

    torch.manual_seed(0)
    recipe = RECIPES["2322"]
    network = Network(recipe, (96, 192))
    network.train()
    images = torch.randint(0, 256, (4, 3, 96, 192), dtype=torch.uint8)
    network(images)
    network.eval()
    with torch.inference_mode():
        expected = network.probabilities(images).numpy()
    save_model(
        tmp_path, [network.state_dict()],
        {"recipe": recipe.as_dict(), "size": [96, 192], "thresholds": [0.5] * 11},
    )  # fmt: skip
    classifier = Classifier(tmp_path)
    ours = classifier.probabilities(list(images.permute(0, 2, 3, 1).numpy()))
    np.testing.assert_allclose(ours, expected, atol=1e-4)
