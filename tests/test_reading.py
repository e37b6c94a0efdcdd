"""`read`: what a person is told of a picture, in words and in files."""

import csv
import json
import logging
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from chart_pages import HEADER, wave
from PIL import Image

from giraffe.__main__ import main
from giraffe.chart.chart import turn_pixels, turn_points
from giraffe.chart.digitizer import PictureSignals
from giraffe.chart.known import known_chart
from giraffe.chart.reader import Finding
from giraffe.classes import CLASSES, MEANINGS
from giraffe.network import classifier as classifier_room
from giraffe.network.classifier import decide
from giraffe.pictures import read_file, resize
from giraffe.printout.presets import print_in_memory
from giraffe.reading import read as room
from giraffe.reading.read import COLUMNS, annotated, read_picture
from giraffe.reading.serve.words import sentence

THRESHOLDS = np.linspace(0.3, 0.5, len(CLASSES))


@pytest.fixture(scope="module")
def page():
    """A page as a scanner sees it, and the chart in it."""
    rng = np.random.default_rng(2)
    pixels, placement = print_in_memory(wave(1), HEADER, "color-scan-clean", rng, None, 1100)
    return pixels, known_chart(placement, pixels.shape[:2])


@pytest.fixture
def reader(page, monkeypatch):
    """In place of the chart reader: knows the page, upright and upside down, and nothing else."""
    pixels, chart = page

    def read(picture):
        for degrees in (0, 180):
            known = turn_pixels(pixels, -degrees)
            if np.abs(known.astype(int) - resize(picture, *known.shape[:2])).mean() < 12:
                corners = turn_points(chart.corners, -degrees)
                found = replace(chart, corners=corners, turned=degrees, certainty=0.9)
                return Finding(found, "chart", 0.9)
        return Finding(None, "strip" if picture[0, 0, 0] < 100 else "none", 0.1)

    monkeypatch.setattr(room, "read_chart", read)
    monkeypatch.setattr(classifier_room, "find_charts", lambda pictures: list(map(read, pictures)))
    return read


def classifier(straightened=True, **probabilities):
    """In place of a model: gives these probabilities to every picture."""
    p = np.array([[probabilities.get(name.replace(" ", "_"), 0.01) for name in CLASSES]])

    def labels(p):
        chosen = decide(p, THRESHOLDS)
        return [[name for name, yes in zip(CLASSES, row, strict=True) if yes] for row in chosen]

    return SimpleNamespace(
        straightened=straightened, thresholds=THRESHOLDS, labels=labels,
        probabilities=lambda images, findings, traces: p, digitizer=None,
    )  # fmt: skip


BLANK = np.full((300, 400, 3), 250, np.uint8)


def test_labels_come_in_words_with_probability_and_threshold(page, reader):
    reading = read_picture(page[0], classifier(STTC=0.9, CD=0.6), "page")
    assert [label.name for label in reading.given] == ["STTC", "CD"]
    text = "\n".join(reading.lines())
    assert "ST/T change (STTC)" in text and "0.90, threshold 0.36" in text
    assert "conduction disturbance (CD)" in text and "0.60, threshold 0.38" in text
    assert {label.name: label.meaning for label in reading.labels} == MEANINGS


def test_rate_and_intervals_are_those_of_the_traces(page, reader):
    reading = read_picture(page[0], classifier(NORM=0.9))
    assert reading.signals is not None and set(HEADER.leads) == set(reading.signals.leads)
    measured = reading.measurements
    assert 40 < measured["rate"] < 140
    assert f"rate {measured['rate']:.0f} /min" in "\n".join(reading.lines())


def test_what_was_assumed_is_said(page, reader, monkeypatch):
    chart = page[1]
    cells = tuple(replace(cell, named=cell.lead != "V3") for cell in chart.cells)
    notes = ("no pulse was measured: 10 mm/mV are assumed",)
    doubtful = replace(chart, cells=cells, notes=notes, certainty=0.3, gain=None)
    monkeypatch.setattr(room, "read_chart", lambda pixels: Finding(doubtful, "chart", 0.3))
    said = read_picture(page[0], classifier(NORM=0.32)).uncertain
    assert "whether the chart was found right (certainty 0.30)" in said
    assert "names not read, taken from the layout: V3" in said
    assert notes[0] in said
    assert "close to the threshold: NORM" in said


def test_a_picture_upside_down_is_said_to_be(page, reader):
    upright = read_picture(page[0], classifier(NORM=0.9)).uncertain
    turned = read_picture(turn_pixels(page[0], 180), classifier(NORM=0.9)).uncertain
    assert "the picture seems to lie upside down" in turned
    assert "the picture seems to lie upside down" not in upright


def test_a_guess_is_said_to_be_one(page, reader):
    reading = read_picture(page[0], classifier(NORM=0.2))
    assert [label.name for label in reading.given] == ["NORM"]
    assert "no finding reaches its threshold: the nearest is named" in reading.uncertain


def test_a_label_above_its_threshold_that_is_not_given_is_said_with_its_reason(page, reader):
    reading = read_picture(page[0], classifier(NORM=0.5, HYP=0.9))
    assert [label.name for label in reading.given] == ["HYP"]
    text = "\n".join(reading.lines())
    (line,) = [line for line in reading.lines() if line.startswith("left out")]
    assert "NORM excludes HYP" in line and "0.50, threshold 0.30" in line
    assert "NORM" not in text.split("below threshold")[1].split("\n")[0]
    assert reading.as_dict()["left_out"] == {"NORM": "HYP"}
    (norm,) = (label for label in reading.labels if label.name == "NORM")
    assert "left out, although 0.50 reaches 0.30: it excludes HYP" in sentence(norm)


def test_a_rate_that_contradicts_the_label_is_said(page, reader, monkeypatch):
    monkeypatch.setattr(room, "measured", lambda signals: {"rate": 81.0})
    said = read_picture(page[0], classifier(BRADY=0.9)).uncertain
    assert "BRADY does not agree with the measured rate of 81 /min" in said
    assert not any("rate" in one for one in read_picture(page[0], classifier(CD=0.9)).uncertain)


def test_where_there_is_no_chart_nothing_is_labelled_unless_asked_for(reader):
    reading = read_picture(BLANK, classifier(NORM=0.9))
    assert reading.labels == () and reading.measurements == {} and reading.signals is None
    assert "no chart found; --whole reads the whole picture" in reading.uncertain
    whole = read_picture(BLANK, classifier(NORM=0.9), whole=True)
    assert [label.name for label in whole.given] == ["NORM"]
    assert "no chart found; the whole picture was read" in whole.uncertain
    strip = read_picture(np.zeros_like(BLANK), classifier(NORM=0.9))
    assert any("a strip of one lead" in one for one in strip.uncertain)


def test_networks_that_see_whole_pictures_label_pictures_without_a_chart(reader):
    assert read_picture(BLANK, classifier(straightened=False, NORM=0.9)).given


def test_the_annotated_picture_shows_the_picture_below_the_text(page, reader):
    pixels = page[0]
    seen = annotated(pixels, read_picture(pixels, classifier(NORM=0.9)))
    height, width = resize(pixels, *pixels.shape[:2]).shape[:2]
    assert seen.dtype == np.uint8 and abs(seen.shape[1] - width) <= 400
    assert seen.shape[0] > seen.shape[1] * height / width
    assert (seen[:40] < 100).any()


# The command


@pytest.fixture
def shipped(monkeypatch):
    """In place of model and digitizer: the same answer always, and which model was asked for."""
    asked = []

    def make(folder):
        asked.append(str(folder))
        return classifier(STTC=0.9)

    def follow(pixels, finding):
        return PictureSignals(finding, None, "no trace could be followed")

    monkeypatch.setattr(classifier_room, "Classifier", make)
    monkeypatch.setattr(room, "Digitizer", lambda: SimpleNamespace(read=follow))
    return asked


@pytest.fixture
def folder(page, tmp_path):
    """A page, a PDF of two, a blank one and a file that is none."""
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    image = Image.fromarray(page[0])
    image.save(folder / "page.png")
    image.save(folder / "more" / "page.jpg", quality=95)
    image.save(folder / "two.pdf", save_all=True, append_images=[image], resolution=200)
    Image.fromarray(BLANK).save(folder / "blank.png")
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


def test_pictures_folders_and_pdfs_are_read_with_the_shipped_model(
    reader, shipped, folder, capsys, caplog, monkeypatch
):
    # Libraries that other tests of this process start may have silenced loggers.
    monkeypatch.setattr(logging.getLogger("giraffe.commands.read"), "disabled", False)
    caplog.set_level(logging.INFO, logger="giraffe.commands.read")
    assert main(["read", str(folder)]) == 0
    said = capsys.readouterr()
    assert [path.endswith("shipped") for path in shipped] == [True]
    for name in ("page.png", "more/page.jpg", "two.pdf#1", "two.pdf#2", "blank.png"):
        assert f"{folder}/{name}\n" in said.out
    assert said.out.count("ST/T change (STTC)") == 4
    assert said.out.count("no chart found") == 1
    assert "broken.jpg" in said.err and "Not a medical device" in caplog.text
    assert sorted(path.name for path in folder.iterdir()) == [
        "blank.png", "broken.jpg", "more", "page.png", "two.pdf",
    ]  # fmt: skip


def test_what_is_asked_for_is_written_and_said(reader, shipped, folder, tmp_path, capsys):
    out, table, text = tmp_path / "out", tmp_path / "deep" / "r.csv", tmp_path / "r.json"
    options = ["-o", str(out), "--csv", str(table), "--json", str(text)]
    assert main(["read", str(folder), *options]) == 0
    said = capsys.readouterr().out
    written = {path.name for path in out.iterdir()}
    assert written == {"page.jpg", "page-2.jpg", "two-1.jpg", "two-2.jpg", "blank.jpg"}
    for name in written:
        assert f"{out / name}\n" in said
        assert read_file(out / name)[0].shape[2] == 3
    with open(table, newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(COLUMNS) and len(rows) == 5
    entries = json.loads(text.read_text())
    assert [one["picture"] for one in entries] == [row["picture"] for row in rows]
    for one, row in zip(entries, rows, strict=True):
        assert ", ".join(one["labels"]) == row["labels"]
        if "blank" in one["picture"]:
            assert one["chart"] is None and one["probabilities"] == {} and row["STTC"] == ""
        else:
            assert list(one["probabilities"]) == list(one["thresholds"]) == list(CLASSES)
            assert one["probabilities"]["STTC"] == float(row["STTC"]) == 0.9
            assert len(one["chart"]["leads"]) >= 12


def test_json_can_take_the_place_of_the_text(reader, shipped, folder, capsys):
    assert main(["read", str(folder / "page.png"), "--json", "-", "--quiet"]) == 0
    said = capsys.readouterr()
    assert [one["labels"] for one in json.loads(said.out)] == [["STTC"]]
    assert said.err == ""


def test_pictures_are_never_written_over(reader, shipped, folder, capsys):
    before = (folder / "page.png").read_bytes()
    assert main(["read", str(folder / "page.png"), "-o", str(folder)]) == 1
    assert "give -o a folder of its own" in capsys.readouterr().err
    assert (folder / "page.png").read_bytes() == before


def test_where_nothing_could_be_labelled_the_command_fails(reader, shipped, folder, capsys):
    assert main(["read", str(folder / "blank.png")]) == 1
    assert "no chart found" in capsys.readouterr().out
    assert main(["read", str(folder / "broken.jpg")]) == 1
    assert "broken.jpg" in capsys.readouterr().err
    assert main(["read", str(folder / "nowhere.jpg")]) == 1
    assert "no such file or folder" in capsys.readouterr().err
    (folder / "empty").mkdir()
    assert main(["read", str(folder / "empty")]) == 1
    assert "no picture in" in capsys.readouterr().err


def test_reading_gives_the_probabilities_of_predict(page, reader, folder, tmp_path):
    from giraffe.network.classifier import Classifier

    path = folder / "page.png"
    assert main(["predict", str(path), "-o", str(tmp_path / "p")]) == 0
    with open(tmp_path / "p" / "probabilities.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    reading = read_picture(read_file(path)[0], Classifier())
    for label in reading.labels:
        assert label.probability == pytest.approx(float(row[label.name]), abs=2e-3)
