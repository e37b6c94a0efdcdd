"""Data preparation gives the organisers' results."""

import filecmp
import shutil
from pathlib import Path

import numpy as np
import pytest

from giraffe.__main__ import main
from giraffe.classes import CLASSES
from giraffe.ecg.ptbxl import labels_from_codes, make_header, read_labels


def _same_tree(ours: Path, theirs: Path, suffixes=None):
    def files(folder):
        return {
            p.relative_to(folder)
            for p in folder.rglob("*")
            if p.is_file() and (not suffixes or p.suffix in suffixes)
        }

    assert files(ours) == files(theirs)
    for name in files(theirs):
        assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name


def test_ptbxl_headers_are_the_organisers_byte_for_byte(shared, vectors, tmp_path):
    data = shared / "data" / "ptbxl_folds1-8"
    code = main(
        ["prepare-ptbxl", "-i", str(data / "records500"), "-o", str(tmp_path),
         "-pd", str(data / "ptbxl_database.csv"), "-pm", str(data / "scp_statements.csv"),
         "-sd", str(vectors / "prepare_ptbxl/12sl_statements.csv"),
         "-sm", str(data / "12slv23ToSNOMED.csv")]
    )  # fmt: skip
    assert code == 0
    _same_tree(tmp_path, vectors / "prepare_ptbxl" / "expected", {".hea"})
    name = "00000/00409_hr.dat"
    assert filecmp.cmp(tmp_path / name, data / "records500" / name, shallow=False)


def test_without_12sl_every_infarction_is_old(shared, caplog):
    data = shared / "data" / "ptbxl_folds1-8"
    table = read_labels(data / "ptbxl_database.csv", data / "scp_statements.csv")
    assert "12SL" in caplog.text
    labels = {label for row in table["labels"] for label in row}
    assert "Old MI" in labels and "Acute MI" not in labels


@pytest.mark.parametrize(
    "options, name",
    [
        (["-m"], "hidden_images"),
        (["-l", "-w"], "hidden_labels_waveforms"),
        ([], "hidden_bare"),
    ],
)
def test_hidden_versions_are_the_organisers_byte_for_byte(vectors, tmp_path, options, name):
    folder = vectors / "prepare_images_and_hide"
    main(["hide", "-i", str(folder / "images"), "-o", str(tmp_path), *options])
    _same_tree(tmp_path, folder / name)


def test_image_names_are_the_organisers_byte_for_byte(vectors, tmp_path):
    folder = vectors / "prepare_images_and_hide"
    main(["prepare-images", "-i", str(folder / "in"), "-o", str(tmp_path)])
    _same_tree(tmp_path, folder / "images")


HEADER = (
    "a 1 100 10 10:00:00 01/02/2003\n"
    "a.dat 16 1000.0(0)/mV 16 0 5 7 0 I\n"
    "# Age: 50\n# Labels: NORM\n# Image: a-0.png\n"
)


def test_hiding_in_place_deletes_the_signals_and_keeps_the_images(tmp_path):
    (tmp_path / "a.hea").write_text(HEADER)
    (tmp_path / "a.dat").write_bytes(b"0" * 20)
    (tmp_path / "a-0.png").write_bytes(b"image")
    main(["hide", "-i", str(tmp_path), "-o", str(tmp_path) + "/.", "-m"])
    assert (tmp_path / "a.hea").read_text() == (
        "a 1 100 10\na.dat 16 1000.0(0)/mV 16 0    I\n# Image: a-0.png\n"
    )
    assert not (tmp_path / "a.dat").exists()
    assert (tmp_path / "a-0.png").exists()


def test_copied_files_keep_their_times(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    (source / "a.hea").write_text(HEADER)
    (source / "a.dat").write_bytes(b"0" * 20)
    import os

    os.utime(source / "a.dat", (10**9, 10**9))
    main(["hide", "-i", str(source), "-o", str(tmp_path / "out"), "-w"])
    assert (tmp_path / "out" / "a.dat").stat().st_mtime == 10**9
    shutil.rmtree(source)


def test_images_are_ordered_by_number(tmp_path):
    (tmp_path / "a.hea").write_text(HEADER)
    for k in (10, 2, 1):
        (tmp_path / f"a-{k}.png").write_bytes(b"")
    main(["prepare-images", "-i", str(tmp_path), "-o", str(tmp_path)])
    assert (
        (tmp_path / "a.hea")
        .read_text()
        .endswith("# Labels: NORM\n# Image: a-1.png, a-2.png, a-10.png\n")
    )


def test_labels_follow_the_rules():
    superclass = {"NORM": "NORM", "IMI": "MI", "NDT": "STTC", "LVH": "HYP", "LAFB": "CD"}
    codes = {"IMI": 15.0, "SR": 0.0, "PVC": 100.0, "AFLT": 100.0, "LAFB": 0.0}
    assert labels_from_codes(codes, superclass, acute=False) == ["Old MI", "CD", "PVC", "AFIB/AFL"]
    assert labels_from_codes(codes, superclass, acute=True)[0] == "Acute MI"
    assert labels_from_codes({"PSVT": 1, "SBRAD": 1}, superclass, False) == ["TACHY", "BRADY"]


def test_age_starts_its_own_line_where_other_comments_stand():
    import pandas as pd

    row = pd.Series(
        {"recording_date": "1990-01-02 03:04:05", "age": 61.0, "sex": 0, "height": float("nan"),
         "weight": 70.5, "labels": ["NORM"]}
    )  # fmt: skip
    text = make_header(
        "a 1 100 10\na.dat 16 1000.0(0)/mV 16 0 5 7 0 I\n# Device: X\n# Age: 3\n", row
    )
    assert text.split("\n")[2:] == [
        "# Device: X", "# Age: 61", "# Sex: Male", "# Height: Unknown", "# Weight: 70.5",
        "# Labels: NORM", "",
    ]  # fmt: skip


def test_what_the_labels_cannot_tell_is_marked_and_left_out_of_loss_and_scores(tmp_path):
    import pandas as pd

    from giraffe.ecg.records import open_record

    row = pd.Series(
        {"recording_date": "1990-01-02 03:04:05", "age": 61.0, "sex": 0, "height": 1.0,
         "weight": 70.5, "labels": ["Old MI", "CD"]}
    )  # fmt: skip
    text = make_header("a 1 100 10\na.dat 16 1000.0(0)/mV 16 0 5 7 0 I\n", row, ["Acute MI"])
    (tmp_path / "a.hea").write_text(make_header(text, row, ["Acute MI"]))  # done twice: once there
    assert (tmp_path / "a.hea").read_text().count("Unknown") == 1
    record = open_record(tmp_path / "a")
    assert record.labels == ("Old MI", "CD")
    targets = dict(zip(CLASSES, record.targets(), strict=True))
    assert [name for name, value in targets.items() if value == 1] == ["Old MI", "CD"]
    assert [name for name, value in targets.items() if np.isnan(value)] == ["Acute MI"]


def test_summary_counts_both_sides_and_says_what_is_unusable(records_folder, tmp_path, capsys):
    for path in records_folder.iterdir():
        if path.suffix in (".hea", ".dat"):
            shutil.copy(path, tmp_path)
    (tmp_path / "broken.hea").write_text("broken")
    (tmp_path / "nolabel.hea").write_text("nolabel 0 100 10\n# Labels: \n")
    (tmp_path / "odd.hea").write_text("odd 0 100 10\n# Labels: Lyme, NORM\n")
    assert main(["summary", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    header, training, validation = (line.split() for line in text.splitlines()[:3])
    assert header[-1] == "Total"
    assert int(training[-1]) + int(validation[-1]) == 24
    assert "27 records, 24 usable" in text
    assert "no label (nolabel)" in text and "neither an image file nor a signal file (odd)" in text
    assert "is not a WFDB one (broken)" in text
    assert "Lyme (1)" in text
