"""`charts`: pictures and folders of them become a table and a sheet."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from chart_pages import HEADER, TURNS, wave
from PIL import Image

from giraffe import progress as progress_room
from giraffe.__main__ import main
from giraffe.chart import sheet as room
from giraffe.chart.chart import Chart, turn_pixels, turn_points
from giraffe.chart.known import known_chart
from giraffe.chart.reader import Finding
from giraffe.chart.sheet import COLUMNS, overlay, sheet, table_row
from giraffe.pictures import resize
from giraffe.printout.others import other_picture
from giraffe.printout.presets import print_in_memory
from giraffe.progress import progress_bar


@pytest.fixture(scope="module")
def page():
    """A photograph of a page, and the chart in it."""
    pixels, placement = print_in_memory(
        wave(3), HEADER, "phone-clean", np.random.default_rng(2), None, 640
    )
    return pixels, known_chart(placement, pixels.shape[:2]), placement


def turned_chart(chart: Chart, degrees: int) -> Chart:
    """The chart in its picture that lies on another side and must be turned by so much."""
    return Chart(
        turn_points(chart.corners, -degrees), degrees, chart.certainty, chart.rows, chart.fast,
        chart.cells, chart.layout, chart.size_mm, chart.px_per_mm, chart.pulses, chart.speed,
        chart.gain, chart.notes,
    )  # fmt: skip


@pytest.fixture
def reading(page, monkeypatch):
    """In place of the reader: knows the photograph on all four sides, and nothing else."""
    pixels, chart, _ = page

    def read(picture):
        for degrees in TURNS:
            known = turn_pixels(pixels, -degrees)
            seen = resize(picture, *known.shape[:2])
            if np.abs(known.astype(int) - seen).mean() < 12:
                return Finding(turned_chart(chart, degrees), "chart", 0.9)
        strip = picture[0, 0, 0] < 100
        return Finding(None, "strip" if strip else "none", 0.04)

    monkeypatch.setattr(room, "read_chart", read)


def write(path, pixels):
    Image.fromarray(pixels).save(path)
    return path


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_files_and_folders_become_a_table_and_a_sheet(page, reading, tmp_path, capsys):
    folder = tmp_path / "pictures" / "deep"
    folder.mkdir(parents=True)
    write(folder / "a.png", page[0])
    write(folder.parent / "b.png", turn_pixels(page[0], 90))
    write(folder.parent / "blank.png", np.full((300, 400, 3), 255, np.uint8))
    write(folder.parent / "strip.png", np.full((300, 400, 3), 20, np.uint8))
    (folder.parent / "broken.jpg").write_bytes(b"no picture")
    (folder.parent / "notes.txt").write_text("no picture either")
    loose = write(tmp_path / "loose.jpg", page[0])
    out, found = tmp_path / "out" / "sheet.jpg", tmp_path / "out" / "found.csv"
    command = ["charts", str(folder.parent), str(loose), "-o", str(out), "--csv", str(found)]
    assert main(command) == 0
    said = capsys.readouterr()
    assert "3 charts found in 5 pictures" in said.out
    assert "broken.jpg" in said.err and "notes.txt" not in said.err
    rows = table(found)
    assert list(rows[0]) == list(COLUMNS)
    assert [row["picture"] for row in rows] == [
        *(str(folder.parent / name) for name in ("b.png", "blank.png", "deep/a.png", "strip.png")),
        str(loose),
    ]
    by_name = {Path(row["picture"]).name: row for row in rows}
    assert by_name["a.png"]["turned"] == "0" and by_name["b.png"]["turned"] == "270"
    assert by_name["a.png"]["leads"].startswith("I aVR V1 V4 / II aVL V2 V5")
    assert by_name["a.png"]["kind"] == "chart" and by_name["a.png"]["certainty"] == "1.000"
    for name, kind in (("blank.png", "none"), ("strip.png", "strip")):
        row = by_name[name]
        assert row["kind"] == kind and row["certainty"] == "0.040"
        assert not any(row[column] for column in ("turned", "x1", "y4", "layout", "leads"))
    shown = cv2.imread(str(out))
    assert shown.shape[1] > shown.shape[0] > 600 and shown.std() > 20


def test_the_table_is_what_the_check_of_real_pictures_expects(page, reading, shared, tmp_path):
    pixels, _, placement = page
    marks = tmp_path / "marks.jsonl"
    printed = placement.page
    lines, files = [], []
    for degrees in TURNS:
        name = f"turned_{degrees}.png"
        files.append(str(write(tmp_path / name, turn_pixels(pixels, -degrees))))
        rows = []
        for level in sorted({strip.baseline for strip in printed.strips}):
            own = [strip for strip in printed.strips if strip.baseline == level]
            ends = [(min(s.x for s in own), level), (max(map(printed.strip_end, own)), level)]
            left, right = 100 * turn_points(placement.to_frame(ends), -degrees)
            rows.append({"left": list(left), "right": list(right)})
        mark = {"name": name, "usable": True, "rows": rows, "layout": printed.layout}
        lines.append(json.dumps(mark))
    marks.write_text("\n".join(lines))
    found = tmp_path / "found.csv"
    assert main(["charts", *files, "--csv", str(found)]) == 0
    assert [row["turned"] for row in table(found)] == [str(degrees) for degrees in TURNS]
    command = [sys.executable, str(shared / "tools" / "check_charts.py"), str(found), str(marks)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "4 of 4 charts found" in result.stdout, result.stdout


def test_every_page_of_a_pdf_is_a_picture_of_its_own(page, reading, tmp_path):
    blank = Image.new("RGB", page[0].shape[1::-1], "white")
    first = Image.fromarray(page[0])
    first.save(tmp_path / "both.pdf", save_all=True, append_images=[blank], resolution=200)
    assert main(["charts", str(tmp_path / "both.pdf"), "--csv", str(tmp_path / "f.csv")]) == 0
    rows = table(tmp_path / "f.csv")
    assert [(row["picture"], row["kind"]) for row in rows] == [
        (f"{tmp_path}/both.pdf#1", "chart"), (f"{tmp_path}/both.pdf#2", "none"),
    ]  # fmt: skip


def test_files_of_one_name_in_different_folders_are_told_apart(page, reading, tmp_path, capsys):
    for name in ("ward", "clinic"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "broken.png").write_bytes(b"no picture")
        write(tmp_path / name / "a.png", page[0])
    assert main(["charts", str(tmp_path), "--csv", str(tmp_path / "f.csv")]) == 0
    said = capsys.readouterr()
    assert "2 charts found in 2 pictures" in said.out and "2 pictures: not a read" in said.err
    for name in ("ward", "clinic"):
        assert str(tmp_path / name / "broken.png") in said.err
    rows = table(tmp_path / "f.csv")
    assert {row["picture"] for row in rows} == {f"{tmp_path}/{n}/a.png" for n in ("ward", "clinic")}


def test_the_bar_counts_every_file_those_that_cannot_be_read_too(tmp_path, reading, monkeypatch):
    bars = []

    def bar(items, **options):
        bars.append(progress_bar(items, **options))
        return bars[-1]

    monkeypatch.setattr(room, "progress_bar", bar)
    monkeypatch.setattr(progress_room.log, "level", progress_room.logging.INFO)
    for k in range(room.FEW):
        (tmp_path / f"{k}.png").write_bytes(b"no picture")
    problems = {}
    assert list(room.read_charts(sorted(tmp_path.iterdir()), problems)) == []
    assert bars[0].n == bars[0].total == len(problems) == room.FEW


@pytest.mark.parametrize("option", ["-o", "--evidence"])
def test_a_kind_of_picture_that_cannot_be_written_is_refused_at_once(
    page, reading, tmp_path, option, capsys
):
    picture = write(tmp_path / "a.png", page[0])
    assert main(["charts", str(picture), option, str(tmp_path / "sheet.xyz")]) == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("Error: ") and ".png and .jpg can" in said.err


def test_the_command_fails_where_nothing_could_be_read(tmp_path, reading, capsys):
    (tmp_path / "photo.jpg").write_bytes(b"no picture")
    assert main(["charts", str(tmp_path), "-o", str(tmp_path / "s.png")]) == 1
    assert "photo.jpg" in capsys.readouterr().err
    assert not (tmp_path / "s.png").exists()
    assert main(["charts", str(tmp_path / "none"), "--csv", str(tmp_path / "f.csv")]) == 1
    assert "no such file or folder" in capsys.readouterr().err
    empty = tmp_path / "empty"
    empty.mkdir()
    assert main(["charts", str(empty), "--csv", str(tmp_path / "f.csv")]) == 1
    assert "no picture in" in capsys.readouterr().err


def test_a_sheet_draws_rows_and_names_onto_every_picture(page):
    pixels, chart, _ = page
    other = other_picture("letter", np.random.default_rng(1), 500)
    none = Finding(None, "none", 0.0)
    read = [("one.png", pixels, Finding(chart, "chart", 0.9)), ("two.png", other, none)]
    before = [shown.copy() for _, shown, _ in read]
    made = sheet(read)
    assert made.dtype == np.uint8 and made.ndim == 3 and made.std() > 20
    assert all((a == b).all() for a, (_, b, _) in zip(before, read, strict=True))
    drawn = overlay(pixels, read[0][2], *pixels.shape[:2])
    changed = (drawn != pixels).any(axis=2)
    assert 0.002 < changed.mean() < 0.2
    # Along each row there is a line.
    for level in chart.rows.levels:
        x, y = (chart.to_picture(np.linspace(0.02, 0.98, 50), level) * pixels.shape[1::-1]).T
        near = [changed[int(b) - 2 : int(b) + 3, int(a)].any() for a, b in zip(x, y, strict=True)]
        assert np.mean(near) > 0.9


def test_leads_that_were_not_read_stand_in_brackets(page):
    chart = page[1]
    row = dict(zip(COLUMNS, table_row("x.png", Finding(chart, "chart", 0.9)), strict=True))
    assert "(" not in row["leads"] and row["layout"] == chart.layout
    unread = tuple(
        type(cell)(cell.lead, cell.row, cell.column, cell.start, cell.stop) for cell in chart.cells
    )
    hidden = Chart(chart.corners, 0, 1.0, chart.rows, cells=unread, notes=("a", "b"))
    row = dict(zip(COLUMNS, table_row("x.png", Finding(hidden, "chart", 0.9)), strict=True))
    assert row["leads"].startswith("(I) (aVR) (V1) (V4) / (II)") and row["notes"] == "a; b"
    assert not row["speed_mm_s"] and not row["px_per_mm_x"]
