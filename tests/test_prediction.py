"""`predict` takes records and loose images, and gives the entry's own answers."""

import csv
import shutil

import numpy as np
import pytest
from PIL import Image

from giraffe import training
from giraffe.__main__ import main
from giraffe.classes import CLASSES
from giraffe.classifier import Classifier


@pytest.fixture
def model(records_folder, tmp_path, smoke_settings):
    training.train(records_folder, tmp_path / "model", smoke_settings, verbose=False)
    return tmp_path / "model"


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
