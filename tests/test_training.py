"""Training learns from the data it is given, and survives interruptions and bad data."""

import dataclasses
import shutil
import time

import numpy as np
import pytest
import torch
from conftest import copy_records
from hypothesis import given
from hypothesis import strategies as st

from giraffe.classes import CLASSES, encode, exclude
from giraffe.ecg.records import scan
from giraffe.errors import RecordError
from giraffe.judging.metrics import f_per_class, macro
from giraffe.learning import training
from giraffe.learning.pretrain import half_precision
from giraffe.learning.split import split_records
from giraffe.learning.trained import describe_model, write_model
from giraffe.learning.training_loop import TrainingRun
from giraffe.network.architectures import Network
from giraffe.network.classifier import Classifier, decide
from giraffe.network.initial import load_initial
from giraffe.recipe import DEFAULT_RECIPE, PROFILES, RECIPES
from giraffe.settings import Settings

LABEL_LINE = "# Labels: "


def _fit(folder, model, recipe, epochs, seed):
    """Train on all records, without validation, and score the same records."""
    recipe = dataclasses.replace(recipe, epochs=epochs, patience=0)
    # All records in one step, at the smallest size that InceptionV3 takes.
    profile = dataclasses.replace(PROFILES["smoke"], epochs=None, batch=8, scale=0.15)
    settings = Settings(recipe, profile, seed)
    records, _ = scan(folder)
    model.mkdir(parents=True)
    run = TrainingRun(records, [], settings, model, verbose=False)
    run.begin()
    run.fit(time.monotonic() + 3600)
    trained = [run.finish()]
    write_model(model, trained, describe_model(settings, trained))
    return Classifier(model)


def _f_of_true_and_shuffled(records_folder, tmp_path, recipe, epochs, seed, number=8):
    folder = copy_records(records_folder, tmp_path / "true", number)
    records, _ = scan(folder)
    truth = np.stack([encode(record.labels) for record in records])
    scores = {}
    for kind in ("true", "shuffled"):
        if kind == "shuffled":
            order = np.random.default_rng(seed).permutation(len(records))
            headers = [folder / f"{record.name}.hea" for record in records]
            lines = [f"{LABEL_LINE}{', '.join(record.labels)}" for record in records]
            for i, header in enumerate(headers):
                header.write_text(header.read_text().replace(lines[i], lines[order[i]]))
        classifier = _fit(folder, tmp_path / kind / "model", recipe, epochs, seed)
        p = np.stack([classifier.record_probabilities(folder / r.name) for r in records])
        chosen = decide(p, classifier.thresholds, recipe.labels)
        scores[kind] = macro(f_per_class(truth, chosen))
    return scores


def _gap(records_folder, tmp_path, recipe, epochs):
    gaps = []
    for seed in range(3):
        folder = tmp_path / str(seed)
        folder.mkdir()
        scores = _f_of_true_and_shuffled(records_folder, folder, recipe, epochs, seed)
        gaps.append(scores["true"] - scores["shuffled"])
    return float(np.mean(gaps))


def test_true_labels_are_learnt_and_shuffled_ones_score_worse(records_folder, tmp_path):
    assert _gap(records_folder, tmp_path, RECIPES["2322"], epochs=18) >= 0.3


def test_a_record_whose_image_cannot_be_read_is_skipped_and_named(
    records_folder, tmp_path, smoke_settings, caplog
):
    folder = copy_records(records_folder, tmp_path / "data", 8)
    broken = sorted(folder.glob("*.hea"))[0].stem
    (folder / f"{broken}-0.png").write_bytes(b"broken")
    (folder / f"{broken}.dat").unlink()
    training.train(folder, tmp_path / "m", smoke_settings, verbose=False)
    assert f"{broken}-0.png: not a readable image" in caplog.text
    assert "1 records had no readable image" in caplog.text


def test_without_images_the_waveform_is_printed(records_folder, tmp_path, smoke_settings):
    folder = copy_records(records_folder, tmp_path / "data", 8)
    for path in folder.glob("*.png"):
        path.unlink()
    training.train(folder, tmp_path / "m", smoke_settings, verbose=False)
    assert (tmp_path / "m" / "model.json").exists()


def test_nothing_to_train_on_is_an_error_that_says_why(tmp_path, smoke_settings):
    with pytest.raises(RecordError, match="no records"):
        training.train(tmp_path, tmp_path / "m", smoke_settings)
    (tmp_path / "a.hea").write_text("a 0 100 10\n")
    with pytest.raises(RecordError, match=r"none of its 1 records.*\n1 record: no label \(a\)"):
        training.train(tmp_path, tmp_path / "m", smoke_settings)


def test_identical_records_stay_on_one_side_of_the_split(records_folder, tmp_path):
    folder = copy_records(records_folder, tmp_path / "data")
    for header in list(folder.glob("*.hea")):
        for path in list(folder.glob(f"{header.stem}*")):
            shutil.copy(path, folder / path.name.replace(header.stem, header.stem + "copy"))
    records, _ = scan(folder)
    for seed in range(3):
        parts = split_records(records, Settings(seed=seed))
        names = [{record.name.removesuffix("copy") for record in part} for part in parts]
        assert not names[0] & names[1]


def test_the_vanilla_recipe_is_the_papers():
    recipe = RECIPES["2324"]
    network = Network(recipe, PROFILES["scoring"].input_size(recipe))
    sizes = [tuple(p.shape) for n, p in network.named_parameters() if n.endswith("weight")]
    assert sizes == [
        (16, 3, 3, 3), (32, 16, 3, 3), (64, 32, 3, 3), (512, 64 * 53 * 68), (11, 512),
    ]  # fmt: skip
    assert (recipe.optimizer, recipe.learning_rate, recipe.batch) == ("adam", 1e-3, 4)
    p = np.zeros((2, 11))
    p[0, :3] = 0.45, 0.36, 0.2
    p[1, 4:6] = 0.6, 0.55
    chosen = decide(p, [0.5] * 11, recipe.labels)
    assert np.flatnonzero(chosen[0]).tolist() == [0, 1]
    assert np.flatnonzero(chosen[1]).tolist() == [4, 5]


def test_if_no_class_passes_the_nearest_to_passing_is_given():
    p = np.full((1, 11), 0.1)
    p[0, 3] = 0.3
    assert np.flatnonzero(decide(p, [0.5] * 11)[0]).tolist() == [3]
    thresholds = [0.5] * 11
    thresholds[7] = 0.12
    assert np.flatnonzero(decide(p, thresholds)[0]).tolist() == [7]


@given(st.lists(st.floats(0, 1), min_size=11, max_size=11), st.floats(0.05, 0.95))
def test_labels_that_exclude_each_other_are_never_given_together(p, threshold):
    p, thresholds = np.array([p]), np.full(11, threshold)
    chosen, passed = decide(p, thresholds)[0], p[0] >= thresholds
    # So no record is left without a label; of ratios that are equal the later class stays.
    assert p[0][chosen].max() >= p.max() * (1 - 1e-12)
    named = [name for name, yes in zip(CLASSES, chosen, strict=True) if yes]
    assert not any(exclude(one, other) for one in named for other in named)
    likelihood = dict(zip(CLASSES, p[0], strict=True))
    for k in np.flatnonzero(passed & ~chosen):  # what is left out contradicts something likelier
        against = [one for one in named if exclude(CLASSES[k], one)]
        assert any(likelihood[one] >= p[0, k] for one in against)
    if not passed.any():
        assert chosen.sum() == 1


def test_of_excluding_labels_the_one_further_above_its_threshold_stays():
    def labels(**ratios):
        p = np.array([[0.4 * ratios.get(name.replace(" ", "_"), 0.5) for name in CLASSES]])
        return [name for name, yes in zip(CLASSES, decide(p, [0.4] * 11)[0], strict=True) if yes]

    assert labels(NORM=2.0, STTC=1.5, HYP=1.2, CD=1.1) == ["NORM", "CD"]
    # What NORM itself would exclude stays where NORM goes.
    assert labels(NORM=1.5, STTC=2.0, HYP=1.2) == ["STTC", "HYP"]
    assert labels(NORM=2.0, Old_MI=1.1, TACHY=1.2, BRADY=1.3) == ["NORM", "BRADY"]
    assert labels(NORM=1.5, STTC=1.5) == ["STTC"]  # a finding, where they are alike
    every = np.full((1, 11), 0.9)
    assert decide(every, [0.5] * 11, "within_0.1").all()  # the paper's rule stays as it is


def test_imagenet_weights_are_used_where_they_lie_on_disk(tmp_path, monkeypatch):
    import torchvision

    torch.manual_seed(1)
    stand_in = torchvision.models.inception_v3(init_weights=False)
    path = tmp_path / "checkpoints" / "inception_v3_google-0cc3c7bd.pth"
    path.parent.mkdir()
    torch.save(stand_in.state_dict(), path)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    network = Network(RECIPES["2322"], (96, 192))
    assert path.name in load_initial(network, RECIPES["2322"]).said
    name = "Mixed_7c.branch_pool.conv.weight"
    assert torch.equal(network.body.state_dict()[name], stand_in.state_dict()[name])
    assert network.body.transform_input is False
    path.unlink()
    said = load_initial(network, RECIPES["2322"]).said
    assert "random weights (ImageNet weights not on disk" in said


def test_weights_of_a_file_are_used_with_a_fresh_last_layer(tmp_path):
    trained = Network(RECIPES["2324"], (80, 103))
    torch.save(trained.state_dict(), tmp_path / "w.pt")
    recipe = dataclasses.replace(RECIPES["2324"], initial=str(tmp_path / "w.pt"))
    network = Network(recipe, (80, 103))
    assert "weights of w.pt" in load_initial(network, recipe).said
    assert torch.equal(network.body[0].weight, trained.body[0].weight)
    assert not torch.equal(network.last.weight, trained.last.weight)
    (tmp_path / "model").mkdir()
    torch.save(half_precision(trained.state_dict()), tmp_path / "model" / "weights-0.pt")
    recipe = dataclasses.replace(recipe, initial=str(tmp_path / "model"))
    assert "weights of weights-0.pt" in load_initial(network, recipe).said
    assert torch.equal(network.body[0].weight, trained.body[0].weight.half().float())
    absent = dataclasses.replace(recipe, initial=str(tmp_path / "none.pt"))
    assert "random weights (no such file" in load_initial(network, absent).said


def test_the_scoring_profile_on_a_cpu_names_demo(records_folder, tmp_path, smoke_settings, caplog):
    profile = dataclasses.replace(PROFILES["scoring"], scale=0.1875, workers=0)
    settings = dataclasses.replace(smoke_settings, profile=profile)
    records, _ = scan(records_folder)
    run = TrainingRun(
        records[:4], [], settings, tmp_path, verbose=False, device=torch.device("cpu")
    )
    run.begin()
    assert "GIRAFFE_PROFILE=demo" in caplog.text


def test_several_images_of_a_record_are_averaged(records_folder, tmp_path, smoke_settings):
    recipe = dataclasses.replace(smoke_settings.recipe, all_images=True)
    settings = dataclasses.replace(smoke_settings, recipe=recipe)
    training.train(records_folder, tmp_path / "m", settings, verbose=False)
    classifier = Classifier(tmp_path / "m")
    names = ["sim0005_000000", "sim0005_000001"]
    single = [classifier.record_probabilities(records_folder / name) for name in names]
    (tmp_path / "both.hea").write_text(
        f"both 0 500 5000\n# Image: {names[0]}-0.png, {names[1]}-0.png\n"
    )
    for name in names:
        shutil.copy(records_folder / f"{name}-0.png", tmp_path)
    both = classifier.record_probabilities(tmp_path / "both")
    np.testing.assert_allclose(both, np.mean(single, axis=0), atol=1e-6)


def test_environment_variables_are_checked():
    assert Settings.from_environment({}).recipe.name == DEFAULT_RECIPE
    started = Settings.from_environment({"GIRAFFE_INITIAL": "model"}).recipe
    assert (started.name, started.initial) == (DEFAULT_RECIPE, "model")
    chosen = Settings.from_environment({"GIRAFFE_RECIPE": "2324", "GIRAFFE_SEED": "7"})
    assert chosen.recipe.architecture == "vanilla" and chosen.seed == 7
    for name in ("RECIPE", "PROFILE", "SEED", "TIME_LIMIT_HOURS"):
        with pytest.raises(ValueError, match=f"GIRAFFE_{name}"):
            Settings.from_environment({f"GIRAFFE_{name}": "x"})


def test_the_order_of_classes_is_the_challenges():
    assert CLASSES[:3] == ("NORM", "Acute MI", "Old MI") and len(CLASSES) == 11
