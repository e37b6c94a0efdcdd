"""`predict` takes records and loose images, and gives the entry's own answers."""

import csv
import dataclasses
import shutil

import numpy as np
import pytest
import torch
from chart_pages import HEADER, wave
from PIL import Image

from giraffe.__main__ import main
from giraffe.chart.chart import Chart
from giraffe.chart.geometry import WHOLE
from giraffe.chart.lighting import lay_flat
from giraffe.chart.reader import Finding
from giraffe.classes import CLASSES
from giraffe.network import classifier as classifier_room
from giraffe.network.architectures import Network
from giraffe.network.checkpoint import save_model
from giraffe.network.classifier import Classifier
from giraffe.printout.others import other_picture
from giraffe.printout.presets import print_in_memory
from giraffe.recipe import RECIPES
from team_code import load_models, run_models


@pytest.fixture
def model(smoke_model):
    return smoke_model


def _rows(path):
    with open(path, newline="") as file:
        return {row["record"]: row for row in csv.DictReader(file)}


def test_records_get_the_labels_and_probabilities_of_the_entry(
    model, records_folder, tmp_path, capsys
):
    assert main(["predict", str(records_folder), "-m", str(model), "-o", str(tmp_path / "o")]) == 0
    assert "24 classified" in capsys.readouterr().out
    labels, p = _rows(tmp_path / "o/labels.csv"), _rows(tmp_path / "o/probabilities.csv")
    classifier = Classifier(model)
    for name in ("sim0005_000000", "sim0005_000017"):
        alone = classifier.record_probabilities(records_folder / name)
        np.testing.assert_allclose([float(p[name][c]) for c in CLASSES], alone, atol=1e-4)
        assert labels[name]["labels"] == ", ".join(classifier.labels(alone[None])[0])


def test_loose_images_need_no_header_and_broken_ones_are_named(
    model, records_folder, tmp_path, capsys
):
    folder = tmp_path / "images"
    folder.mkdir()
    shutil.copy(records_folder / "sim0005_000000-0.png", folder / "page.png")
    (folder / "broken.jpg").write_bytes(b"no image")
    single = records_folder / "sim0005_000001-0.png"
    code = main(["predict", str(folder), str(single), "-m", str(model), "-o", str(tmp_path / "o")])
    assert code == 0
    assert "broken.jpg" in capsys.readouterr().err
    assert set(_rows(tmp_path / "o/labels.csv")) == {"page.png", "sim0005_000001-0.png"}


def test_pdf_pages_and_heic_photographs_are_read(model, records_folder, tmp_path):
    import pillow_heif

    pages = [Image.open(records_folder / f"sim0005_{k:06d}-0.png").convert("RGB") for k in (0, 1)]
    folder = tmp_path / "images"
    folder.mkdir()
    pages[0].save(folder / "both.pdf", save_all=True, append_images=pages[1:], resolution=150)
    pages[0].save(folder / "one.pdf", resolution=150)
    pillow_heif.from_pillow(pages[0]).save(folder / "photo.heic", quality=95)
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 no document")
    assert main(["predict", str(folder), "-m", str(model), "-o", str(tmp_path / "o")]) == 0
    p = _rows(tmp_path / "o/probabilities.csv")
    assert set(p) == {"both.pdf", "one.pdf", "photo.heic"}
    values = {name: np.array([float(row[c]) for c in CLASSES]) for name, row in p.items()}
    plain = Classifier(model).probabilities(pages)
    np.testing.assert_allclose(values["one.pdf"], plain[0], atol=0.05)
    np.testing.assert_allclose(values["photo.heic"], plain[0], atol=0.05)
    np.testing.assert_allclose(values["both.pdf"], plain.mean(axis=0), atol=0.05)


def test_a_path_that_does_not_exist_is_an_error(model, tmp_path, capsys):
    code = main(["predict", str(tmp_path / "x"), "-m", str(model), "-o", str(tmp_path / "o")])
    assert code == 1 and "no such file or folder" in capsys.readouterr().err


# Networks that see charts laid flat


@pytest.fixture(scope="module")
def chart_model(tmp_path_factory):
    """A model that reads charts; nobody taught it anything."""
    torch.manual_seed(1)
    recipe = dataclasses.replace(RECIPES["2324"], straightened=True, all_images=True)
    folder = tmp_path_factory.mktemp("chart_model")
    description = {"recipe": recipe.as_dict(), "size": [80, 160], "thresholds": [0.5] * 11}
    save_model(folder, [Network(recipe, (80, 160)).state_dict()], description)
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A printout, a blank page and a letter."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(4)
    chart = print_in_memory(wave(1), HEADER, "D1", rng, None, 900)[0]
    blank = np.full((600, 800, 3), 244, np.uint8)
    letter = other_picture("letter", np.random.default_rng(0), 900)
    for name, pixels in (("chart", chart), ("blank", blank), ("letter", letter)):
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder


def test_blank_pages_and_letters_get_no_labels_unless_the_whole_picture_is_asked_for(
    chart_model, pictures, tmp_path, capsys
):
    command = ["predict", str(pictures), "-m", str(chart_model), "-o", str(tmp_path / "o")]
    assert main(command) == 0
    said = capsys.readouterr()
    assert "1 classified" in said.out and "2 records: no chart found; --whole" in said.err
    assert "blank.png" in said.err and "letter.png" in said.err
    alone = _rows(tmp_path / "o/probabilities.csv")
    assert set(_rows(tmp_path / "o/labels.csv")) == set(alone) == {"chart.png"}
    assert main([*command, "--whole"]) == 0
    assert "3 classified" in capsys.readouterr().out
    every = _rows(tmp_path / "o/probabilities.csv")
    assert set(every) == {"chart.png", "blank.png", "letter.png"}
    assert all(row["labels"] for row in _rows(tmp_path / "o/labels.csv").values())
    for name in CLASSES:
        assert float(every["chart.png"][name]) == pytest.approx(float(alone["chart.png"][name]))


def test_where_no_chart_is_found_anywhere_the_command_fails(
    chart_model, pictures, tmp_path, capsys
):
    blank = str(pictures / "blank.png")
    assert main(["predict", blank, "-m", str(chart_model), "-o", str(tmp_path / "o")]) == 1
    assert "no chart found" in capsys.readouterr().err
    assert _rows(tmp_path / "o/labels.csv") == _rows(tmp_path / "o/probabilities.csv") == {}


def test_the_challenge_entry_answers_where_there_is_no_chart(chart_model, pictures, tmp_path):
    digitization, classification = load_models(str(chart_model), False)
    for name in ("blank", "letter"):
        shutil.copy(pictures / f"{name}.png", tmp_path)
        (tmp_path / f"{name}.hea").write_text(f"{name} 0 500 5000\n# Image: {name}.png\n")
        _, labels = run_models(str(tmp_path / name), digitization, classification, False)
        assert labels and set(labels) <= set(CLASSES)
        pixels = np.asarray(Image.open(pictures / f"{name}.png"))
        seen = lay_flat(pixels, None, 80, 160)
        plain = classification.probabilities([seen], [None])
        assert np.allclose(
            classification.record_probabilities(tmp_path / name), plain[0], atol=0.05
        )


@pytest.fixture
def reader(monkeypatch):
    """In place of the reader: colourful pictures are charts, dark ones strips, others nothing."""

    def find(pictures):
        found = []
        for pixels in pictures:
            if np.ptp(pixels.mean(axis=(0, 1))) > 20:
                corners = 0.5 + (WHOLE - 0.5) * 0.8
                found.append(Finding(Chart(corners, 0, 0.9, None), "chart", 0.9))
            else:
                found.append(Finding(None, "strip" if pixels.mean() < 60 else "none", 0.1))
        return found

    monkeypatch.setattr(classifier_room, "find_charts", find)


def _picture(colour, seed=0) -> Image.Image:
    noise = np.random.default_rng(seed).normal(colour, 15, (240, 320, 3))
    return Image.fromarray(noise.clip(0, 255).astype(np.uint8))


CHART, STRIP, NOTHING = (220, 120, 120), (20, 20, 20), (200, 200, 200)


def test_of_several_pictures_of_a_record_those_with_a_chart_are_read(chart_model, reader, tmp_path):
    _picture(NOTHING).save(tmp_path / "r-0.png")
    _picture(CHART, 1).save(tmp_path / "r-1.png")
    (tmp_path / "r.hea").write_text("r 0 500 5000\n# Image: r-0.png, r-1.png\n")
    pages = [_picture(NOTHING), _picture(CHART, 1)]
    pages[0].save(tmp_path / "both.pdf", save_all=True, append_images=pages[1:], resolution=200)
    assert main(["predict", str(tmp_path), "-m", str(chart_model), "-o", str(tmp_path / "o")]) == 0
    p = _rows(tmp_path / "o/probabilities.csv")
    assert set(p) == {"r", "both.pdf"}
    alone = Classifier(chart_model).probabilities([_picture(CHART, 1)])[0]
    np.testing.assert_allclose([float(p["r"][c]) for c in CLASSES], alone, atol=1e-4)
    np.testing.assert_allclose([float(p["both.pdf"][c]) for c in CLASSES], alone, atol=0.05)


def test_a_strip_of_one_lead_is_said_to_be_one(chart_model, reader, tmp_path, capsys):
    _picture(STRIP).save(tmp_path / "strip.png")
    _picture(CHART).save(tmp_path / "chart.png")
    assert main(["predict", str(tmp_path), "-m", str(chart_model), "-o", str(tmp_path / "o")]) == 0
    said = capsys.readouterr()
    assert "strip.png" in said.err and "a strip of one lead" in said.err
    assert set(_rows(tmp_path / "o/labels.csv")) == {"chart.png"}


def test_charts_that_were_found_before_are_not_looked_for_again(chart_model, reader, monkeypatch):
    classifier = Classifier(chart_model)
    pictures = [_picture(CHART), _picture(NOTHING)]
    findings = classifier.find(pictures)
    expected = classifier.probabilities(pictures)
    monkeypatch.setattr(classifier_room, "find_charts", None)
    np.testing.assert_array_equal(classifier.probabilities(pictures, findings), expected)
    assert findings[0].chart is not None and findings[1].chart is None
    whole = lay_flat(np.asarray(pictures[1]), None, 80, 160)
    np.testing.assert_allclose(classifier.probabilities([whole], [None])[0], expected[1], atol=0.05)


def test_networks_that_see_whole_pictures_look_for_no_chart(model, reader, monkeypatch):
    monkeypatch.setattr(classifier_room, "find_charts", None)
    classifier = Classifier(model)
    assert classifier.find([_picture(NOTHING)] * 2) == [None, None]
    assert classifier.probabilities([_picture(NOTHING)]).shape == (1, len(CLASSES))
