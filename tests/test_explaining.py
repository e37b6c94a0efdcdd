"""`explain` shows where in a picture a label came from."""

import dataclasses
import json
import os
import types

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from giraffe.__main__ import main
from giraffe.chart.chart import Chart
from giraffe.chart.geometry import WHOLE, apart, between, transform
from giraffe.chart.lighting import MARGIN
from giraffe.chart.reader import Finding
from giraffe.classes import CLASSES
from giraffe.network.architectures import Network
from giraffe.network.checkpoint import save_model
from giraffe.reading import read as reading_room
from giraffe.reading.explaining import (
    LAYERS,
    captioned,
    features_and_slopes,
    heat,
    overlay,
    to_input,
    to_picture,
)
from giraffe.reading.read import Label, Reading
from giraffe.recipe import RECIPES

SIZE = (80, 160)  # px that the small network sees
RECIPE = dataclasses.replace(RECIPES["2324"], straightened=True, all_images=True)
PVC, CD = CLASSES.index("PVC"), CLASSES.index("CD")
SLANTED = np.array([[0.2, 0.15], [0.85, 0.25], [0.8, 0.8], [0.15, 0.7]])
LOWER_RIGHT, UPPER_LEFT = (0.875, 0.75), (0.125, 0.25)  # shares of what the network sees


def identity(network: torch.nn.Module, darkness: bool) -> None:
    """Make every convolution hand on the mean of its inputs at its middle; or how dark it is."""
    first = True
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.weight.data.zero_()
            middle = tuple(side // 2 for side in module.kernel_size)
            sign = -1 if first and darkness else 1
            module.weight.data[:, :, *middle] = sign / module.in_channels
            if module.bias is not None:
                module.bias.data.zero_()
            first = False


def corner_network() -> Network:
    """PVC where the lower right corner of the chart is dark; CD where the upper left one is."""
    network = Network(RECIPE, SIZE)
    identity(network, darkness=True)
    rows, columns = SIZE[0] // 8, SIZE[1] // 8
    hidden, cells = network.body[10], torch.zeros(2, 64, rows, columns)
    cells[0, 0, rows // 2 :, columns // 2 :] = 1
    cells[1, 0, : rows // 2, : columns // 2] = 1
    hidden.weight.data.zero_()
    hidden.bias.data.zero_()
    hidden.weight.data[:2] = cells.flatten(1)
    network.last.weight.data.zero_()
    network.last.bias.data.fill_(-2.0)
    network.last.weight.data[PVC, 0] = network.last.weight.data[CD, 1] = 1
    return network.eval()


@pytest.fixture(scope="module")
def classifier():
    return types.SimpleNamespace(
        networks=[corner_network()], description={"recipe": RECIPE}, height=SIZE[0],
        width=SIZE[1], straightened=True, device=torch.device("cpu"), precision=torch.float32,
    )  # fmt: skip


def in_picture(corners, share) -> np.ndarray:
    """A place of what the network sees, in shares of the picture."""
    return transform(between(WHOLE, apart(corners, MARGIN)), [share])[0]


def blotted(corners, shape=(300, 400)) -> np.ndarray:
    """White paper with a dark blot in both corners of a chart."""
    pixels = np.full((*shape, 3), 240, np.uint8)
    for share in (LOWER_RIGHT, UPPER_LEFT):
        x, y = in_picture(corners, share) * shape[::-1]
        cv2.circle(pixels, (round(x), round(y)), 8, (20, 20, 20), -1)
    return pixels


def finding_of(corners) -> Finding:
    return Finding(Chart(corners, 0, 0.9, None), "chart", 0.9)


@pytest.mark.parametrize("turns", range(4))
def test_heat_lies_in_the_picture_where_what_decides_lies_however_the_page_is_turned(
    classifier, turns
):
    corners = np.roll(SLANTED, turns, axis=0)
    pixels = blotted(corners)
    found = heat(pixels, finding_of(corners), classifier, ["PVC", "CD"])
    for name, share in (("PVC", LOWER_RIGHT), ("CD", UPPER_LEFT)):
        values = found[name]
        assert values.shape == pixels.shape[:2] and values.dtype == np.float32
        assert values.min() >= 0 and 0.8 < values.max() <= 1
        y, x = (np.average(axis, weights=values) for axis in np.mgrid[:300, :400])
        expected = in_picture(corners, share) * (400, 300)
        np.testing.assert_allclose((x, y), expected, atol=10)


def test_heat_moves_when_what_decided_is_gone(classifier):
    pixels = blotted(SLANTED)
    x, y = in_picture(SLANTED, LOWER_RIGHT) * (400, 300)
    cv2.circle(pixels, (round(x), round(y)), 12, (240, 240, 240), -1)
    found = heat(pixels, finding_of(SLANTED), classifier, ["PVC", "CD"])
    assert not found["PVC"].any() and found["CD"].any()


def test_a_picture_without_a_chart_is_explained_as_a_whole(classifier):
    pixels = blotted(WHOLE)
    found = heat(pixels, Finding(None, "none", 0.1), classifier, ["PVC"])["PVC"]
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert row > 150 and column > 200


def test_a_chart_is_laid_back_where_it_was_cut_out():
    corners = np.roll(SLANTED, 1, axis=0)
    whole = to_picture(np.ones((50, 100), np.float32), corners, (300, 400))
    outline = np.rint(apart(corners, MARGIN) * (400, 300)).astype(np.int32)
    expected = cv2.fillConvexPoly(np.zeros((300, 400), np.float32), outline, 1)
    assert np.abs(whole - expected).mean() < 0.01


def test_cells_of_features_lie_where_the_network_looks():
    recipe = RECIPES["2322"]
    size = (200, 280)
    network = Network(recipe, size)
    identity(network, darkness=False)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_parameters()
            module.reset_running_stats()
    torch.nn.init.ones_(network.last.weight)
    like = types.SimpleNamespace(device=torch.device("cpu"), precision=torch.float32)
    layers = LAYERS["inception"]
    for name, cell in (("Mixed_6e", (4, 9)), ("Mixed_7c", (1, 3))):
        step, first = layers[name]
        row, column = (first + step * k for k in cell)
        flat = np.full((*size, 3), 127, np.uint8)
        flat[row, column] = 255
        values = features_and_slopes(network.eval(), like, flat, [0], layers)[name][0][0].sum(0)
        assert np.unravel_index(int(values.argmax()), values.shape) == cell
        laid = to_input(values.numpy(), step, first, *size)
        assert np.unravel_index(laid.argmax(), laid.shape) == (row, column)


def test_the_overlay_colours_hot_places_and_leaves_cold_ones():
    pixels = np.full((300, 2000, 3), 200, np.uint8)
    values = np.zeros((300, 2000), np.float32)
    values[100:200, 1500:1700] = 1
    shown = overlay(pixels, values)
    assert shown.shape == (210, 1400, 3)
    red, _, blue = shown[105, 1120].astype(int)
    assert red > blue + 80 and (shown[105, 300] == 200).all()
    label = Label("PVC", "premature ventricular complex", 0.71, 0.4, True)
    above = captioned(shown, label)
    assert above.shape[0] > 210 and (above[-210:] == shown).all() and above[:-210].min() < 60


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    description = {"recipe": RECIPE.as_dict(), "size": list(SIZE), "thresholds": [0.5] * 11}
    save_model(folder, [corner_network().state_dict()], description)
    return folder


@pytest.fixture
def pictures(monkeypatch, tmp_path):
    """A picture with a chart and one without, and a reader that knows which is which."""

    def read(pixels, classifier, name="", whole=False):
        there = pixels[0, 0, 0] > 200
        finding = finding_of(SLANTED) if there else Finding(None, "none", 0.1)
        labels = tuple(
            Label(label, label, 0.9 if label == "PVC" else 0.2, 0.5, label == "PVC")
            for label in CLASSES
        )
        doubts = () if there else ("no chart found; --whole reads the whole picture",)
        return Reading(name, finding, labels if there or whole else (), None, {}, doubts)

    monkeypatch.setattr(reading_room, "read_picture", read)
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.fromarray(blotted(SLANTED)).save(folder / "page.png")
    Image.fromarray(np.full((200, 300, 3), 120, np.uint8)).save(folder / "wall.png")
    return folder


def run(model, *arguments) -> int:
    return main(["explain", *map(str, arguments), "-m", str(model)])


def test_the_command_writes_a_picture_for_each_label_given_or_asked(
    model, pictures, tmp_path, capsys
):
    out = tmp_path / "out"
    assert run(model, pictures / "page.png", "-o", out) == 0
    assert "PVC (PVC) 0.90" in capsys.readouterr().out
    assert [path.name for path in out.iterdir()] == ["page-PVC.jpg"]
    shown = np.asarray(Image.open(out / "page-PVC.jpg")).astype(int)[-300:]
    column, row = np.rint(in_picture(SLANTED, LOWER_RIGHT) * (400, 300)).astype(int)
    assert (shown[row - 12 : row + 12, column - 12 : column + 12, 0] > 200).any()
    reddish = (shown[..., 0] - shown[..., 2] > 60).nonzero()
    assert np.hypot(reddish[0] - row, reddish[1] - column).max() < 60
    target = tmp_path / "all.json"
    arguments = ("--labels", "afib/afl, cd", "--json", target)
    assert run(model, pictures / "page.png", "-o", out, *arguments) == 0
    names = {"page-PVC.jpg", "page-AFIB-AFL.jpg", "page-CD.jpg"}
    assert {path.name for path in out.iterdir()} == names
    rows = json.loads(target.read_text())
    assert [(row["label"], row["given"]) for row in rows] == [("CD", False), ("AFIB/AFL", False)]


def test_pictures_of_one_name_do_not_overwrite_each_other(model, pictures, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "page.png").write_bytes((pictures / "page.png").read_bytes())
    assert run(model, pictures / "page.png", other, "-o", tmp_path / "out") == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"page-PVC.jpg", "page-2-PVC.jpg"}


def test_a_picture_without_a_chart_is_named_and_explained_only_as_a_whole(
    model, pictures, tmp_path, capsys
):
    assert run(model, pictures / "wall.png", "-o", tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert "wall.png" in said and "no chart found; --whole" in said
    assert not (tmp_path / "out").exists()
    assert run(model, pictures, "-o", tmp_path / "out") == 0
    assert "wall.png" in capsys.readouterr().err
    assert run(model, pictures / "wall.png", "-o", tmp_path / "out", "--whole") == 0
    assert (tmp_path / "out/wall-PVC.jpg").exists()


def test_an_unknown_label_is_refused_with_those_that_there_are(model, pictures, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        run(model, pictures / "page.png", "-o", tmp_path / "out", "--labels", "PVC,flu")
    said = capsys.readouterr().err
    assert ended.value.code == 2 and "no such label: flu" in said and "AFIB/AFL" in said


def test_pictures_are_written_whole_or_not_at_all(model, pictures, tmp_path, monkeypatch, capsys):
    def refuse(source, target):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", refuse)
    assert run(model, pictures / "page.png", "-o", tmp_path / "out") == 1
    assert "disk full" in capsys.readouterr().err
    assert not list((tmp_path / "out").iterdir())


def test_pictures_are_not_written_among_those_to_explain(model, pictures, capsys):
    assert run(model, pictures, "-o", pictures) == 1
    assert "a folder of its own" in capsys.readouterr().err
