"""`compare`: what several models said of records, beside the truth."""

import re
import shutil

import numpy as np
import pytest
from conftest import copy_records

from giraffe.__main__ import main
from giraffe.classes import CLASSES
from giraffe.ecg.records import open_record, scan
from giraffe.errors import RecordError
from giraffe.files import csv_text
from giraffe.judging.comparing import compare, examples_sheet
from giraffe.network.classifier import Classifier


@pytest.fixture
def tables(records_folder, tmp_path):
    """Folders as `predict` writes them: one that is right, one that answers NORM or nothing."""
    records = scan(records_folder)[0]
    right = [(record.name, ", ".join(record.labels)) for record in records]
    poor = [(name, "NORM" if k else "") for k, (name, _) in enumerate(right)]
    for name, rows in (("right", right), ("poor", poor)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "labels.csv").write_text(csv_text(("record", "labels"), rows))
    return tmp_path


def test_every_model_has_a_column(records_folder, tables, capsys):
    outputs = [str(tables / name) for name in ("poor", "right")]
    assert main(["compare", str(records_folder), *outputs, "-o", str(tables / "out")]) == 0
    head, *rows = capsys.readouterr().out.splitlines()[:-1]
    assert head.split("  ")[-3:] == ["F, poor", "F, right", "F, NORM always"]
    assert rows[-1].split()[0] == "macro" and rows[-1].split()[3] == "1.000"
    assert float(rows[-1].split()[2]) < 0.4
    assert (tables / "out" / "scores.txt").read_text().splitlines() == [head, *rows]
    assert (tables / "out" / "examples.png").exists()


def test_an_image_that_cannot_be_read_is_not_among_the_examples(few_records, tmp_path):
    data = copy_records(few_records, tmp_path / "data")
    names = [record.name for record in scan(data)[0]]
    answers = np.zeros((len(names), len(CLASSES)))
    whole = examples_sheet(data, names, answers, answers)
    for name in names[:2]:
        open_record(data / name).images()[0].write_bytes(b"no image")
    left = examples_sheet(data, names, answers, answers)
    assert left.shape[0] < whole.shape[0] and left.shape[1] == whole.shape[1]


def test_the_tables_of_predict_and_the_headers_of_the_entry_count_alike(records_folder, tables):
    headers = tables / "headers"
    headers.mkdir()
    for path in records_folder.glob("*.hea"):
        shutil.copy(path, headers)
    by_table = compare(records_folder, tables / "right")
    by_header = compare(records_folder, headers)
    assert by_table[0] == by_header[0]
    assert (by_table[2] == by_header[2]).all() and (by_table[1] == by_table[2]).all()


def test_a_model_reads_at_another_scale_and_says_which_it_cannot():
    small, usual = (Classifier(scale=scale, signals=False) for scale in (0.5, 1.0))
    assert small.frame[1] < usual.frame[1]
    for scale in (0.1, 9):
        with pytest.raises(ValueError, match="75 to 2048 px"):
            Classifier(scale=scale)


def test_outputs_that_are_not_there_are_no_wrong_answers(records_folder, tmp_path):
    with pytest.raises(RecordError, match="no such folder"):
        compare(records_folder, tmp_path / "nowhere")


def test_compare_writes_scores_and_examples_of_outputs(records_folder, tmp_path, capsys):
    """What the Challenge's scripts write beside the truth: outputs that are right, and one not."""
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    for path in records_folder.glob("*.hea"):
        shutil.copy(path, outputs)
    (outputs / "sim0005_000001.hea").unlink()
    records = scan(records_folder)[0]
    missing = next(record for record in records if record.name == "sim0005_000001")
    out = tmp_path / "comparison"
    assert main(["compare", str(records_folder), str(outputs), "-o", str(out)]) == 0
    said = capsys.readouterr().out
    lines = (out / "scores.txt").read_text()
    assert lines in said and (out / "examples.png").stat().st_size > 1000
    for line in lines.splitlines()[1:-1]:
        name, n, f = re.match(r"(\S+(?: MI)?) +(\d+) +([\d.]+)", line).groups()
        n, lost = int(n), name in missing.labels
        assert float(f) == pytest.approx(2 * (n - lost) / (2 * n - lost), abs=1e-3)
    model = tmp_path / "model"
    model.mkdir()
    (model / "split.csv").write_text("record,part\nsim0005_000001,training\n")
    assert (
        main(["compare", str(records_folder), str(outputs), "-o", str(out), "-m", str(model)]) == 0
    )
    assert re.search(r"macro +1 +0\.000", capsys.readouterr().out)
