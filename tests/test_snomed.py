"""SNOMED CT codes become the Challenge's labels, and nothing is claimed that they do not say."""

import contextlib
import csv
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from foreign_records import write
from hypothesis import given
from hypothesis import strategies as st

from giraffe.classes import CLASSES
from giraffe.commands.snomed import add
from giraffe.ecg import snomed
from giraffe.ecg.records import open_record, parse_header
from giraffe.ecg.snomed import (
    codes_in,
    database_of,
    labels_from_codes,
    mapping_tables,
    moment_of,
    prepare,
    read_table,
)
from giraffe.errors import RecordError


def test_what_cannot_be_used_is_named_and_the_rest_goes_on(tmp_path):
    names = ("E00001", "E00002", "E00003", "E00004", "E00005", "E00006", "E00007")
    for name in names:
        write(tmp_path / "in" / "g1", name)
    folder = tmp_path / "in" / "g1"
    (folder / "E00002.mat").unlink()
    (folder / "E00003.mat").write_bytes((folder / "E00001.mat").read_bytes()[:1000])
    (folder / "E00004.mat").write_bytes(b"MATLAB 5.0 MAT-file" + bytes(9000))
    (folder / "E00005.hea").write_text("E00005 twelve 500 5000\n")
    (folder / "E00006.hea").write_text("E00006 1 500 5\nE00006.mat 16+24 1000/mV 16 0 0 0 0 ABP\n")
    (folder / "E00007.hea").write_text("E00007 1 500 5\n../E00007.mat 16 1000/mV 16 0 0 0 0 I\n")
    done = prepare(tmp_path / "in", tmp_path / "out")
    assert done.written == 1 and list(done.problems) == [f"g1/{name}" for name in names[1:]]
    faults = (
        "signal file E00002.mat missing",
        "signal file E00003.mat has 1000 bytes where the header needs 2424",
        "signal file E00004.mat is written for MATLAB 5",
        "not a WFDB one",
        "none of its leads",
        "not beside the header",
    )
    for fault, (name, problem) in zip(faults, done.problems.items(), strict=True):
        assert fault in problem and Path(name).name in problem
    assert sorted(p.name for p in (tmp_path / "out").rglob("*.*")) == ["E00001.hea", "E00001.mat"]


def test_the_input_is_never_written_to(tmp_path):
    write(tmp_path, "E00001")
    for output in (tmp_path, tmp_path / "out" / "put"):
        with pytest.raises(RecordError, match="lies in the input"):
            prepare(tmp_path, output)
    with pytest.raises(RecordError, match="no such folder"):
        prepare(tmp_path / "none", tmp_path / "out")


def test_counts_name_classes_unmapped_codes_and_missing_diagnoses(tmp_path):
    write(tmp_path / "in", "E00001", "426783006,1234567")
    write(tmp_path / "in", "E00002", "1234567, 164889003,RBBB")
    for name, dx in (("E00003", None), ("E00004", ""), ("E00005", "Unknown")):
        write(tmp_path / "in", name, dx)
    done = prepare(tmp_path / "in", tmp_path / "out")
    assert done.undiagnosed == 3 and done.labelled == 1
    assert done.unmapped == {"1234567": 2, "RBBB": 1}
    assert done.labels == {"AFIB/AFL": 1} and done.unknown["NORM"] == 4
    text = str(done)
    assert "1234567 (2), RBBB (1)" in text and "3 without a diagnosis" in text
    assert np.isnan(open_record(tmp_path / "out" / "E00003").targets()).all()


def test_the_command_prepares_and_reports(tmp_path, capsys):
    import argparse

    write(tmp_path / "in", "JS00001", "426177001")
    (tmp_path / "in" / "bad.hea").write_text("")
    parser = argparse.ArgumentParser()
    add(parser.add_subparsers())
    args = ["prepare-snomed", "-i", str(tmp_path / "in"), "-o", str(tmp_path / "out")]
    parsed = parser.parse_args(args)
    assert parsed.run(parsed) == 0
    shown = capsys.readouterr()
    assert "1 records prepared (Chapman-Shaoxing 1): 1 with a label" in shown.out
    assert "no record line (bad)" in shown.err
    parsed = parser.parse_args([*args, "--database", "CPSC"])
    assert parsed.run(parsed) == 0
    assert (
        "Unknown: NORM, Acute MI, Old MI, HYP, TACHY" in (tmp_path / "out/JS00001.hea").read_text()
    )
    with pytest.raises(SystemExit):
        parser.parse_args([*args, "--database", "MIT"])


# What codes mean


def test_the_table_is_sound():
    with open(snomed.TABLE, newline="", encoding="utf-8") as file:
        codes = [row["code"] for row in csv.DictReader(file)]
    table = read_table()
    assert len(codes) == len(table) == len({meaning.name for meaning in table.values()})
    others = {code: m for facts in snomed.DATABASES.values() for code, m in facts.otherwise.items()}
    assert set(others) <= set(table)
    for code, meaning in [*table.items(), *others.items()]:
        assert code.isdecimal() and meaning.present | meaning.open <= set(CLASSES)
        assert not meaning.present & meaning.open and "NORM" not in meaning.present
    assert all(set(facts.silent) <= set(CLASSES) for facts in snomed.DATABASES.values())


SCORED = """
164889003 164890007 6374002 426627000 733534002 713427006 270492004 713426002 39732003 445118002
164909002 251146004 698252002 426783006 284470004 10370003 365413008 427172004 164947007 111975006
164917005 47665007 59118001 427393009 426177001 427084000 63593006 164934002 59931005 17338001
"""


def test_the_codes_that_were_scored_in_2021_are_all_known():
    assert set(SCORED.split()) <= set(read_table()) and len(SCORED.split()) == 30


@pytest.mark.parametrize(
    "codes, database, labels, unknown",
    [
        ("426783006", "CPSC", "NORM", ""),
        ("426783006 427393009", "Ningbo", "", "NORM"),
        ("426783006 284470004", "Chapman-Shaoxing", "PAC", "NORM"),
        ("426783006 59118001", "other", "CD", ""),
        ("426783006 713426002", "other", "CD", "NORM"),
        ("164889003 164890007", "other", "AFIB/AFL", ""),
        ("164884008", "CPSC", "PVC", "NORM, Acute MI, Old MI, HYP, TACHY, BRADY"),
        ("164865005", "other", "", "Acute MI, Old MI"),
        ("164865005 57054005", "other", "Acute MI", "Old MI"),
        ("54329005", "PTB-XL", "Old MI", "Acute MI"),
        ("164867002 429622005", "CPSC-Extra", "Old MI, STTC", ""),
        ("429622005", "CPSC", "STTC", "Acute MI, Old MI, HYP, TACHY, BRADY"),
        ("429622005", "PTB-XL", "", "NORM, Acute MI, STTC"),
        ("164861001 429622005", "PTB-XL", "STTC", "Acute MI"),
        ("164931005", "other", "STTC", "Acute MI"),
        ("370365005", "other", "STTC, HYP", ""),
        ("55827005", "Ningbo", "", "NORM, HYP"),
        ("426177001 426761007", "Georgia", "TACHY, BRADY", "Acute MI, Old MI"),
        ("63593006", "other", "PAC", "NORM"),
        ("63593006", "PTB-XL", "", "NORM, Acute MI, PAC"),
        ("10370003", "other", "", ""),
        ("1 426783006", "other", "", "NORM"),
        ("", "CPSC", "", ", ".join(CLASSES)),
    ],
)
def test_codes_become_labels_and_what_they_leave_open(codes, database, labels, unknown):
    found = labels_from_codes(codes.split(), database)
    assert tuple(", ".join(names) for names in found) == (labels, unknown)


def test_databases_are_told_by_the_names_of_their_records():
    names = {
        "A0001": "CPSC", "Q3581": "CPSC-Extra", "I0074": "INCART", "S0549": "PTB",
        "s0010_re": "PTB", "HR21837": "PTB-XL", "E10344": "Georgia", "JS00001": "Chapman-Shaoxing",
        "JS10646": "Chapman-Shaoxing", "JS10647": "Ningbo", "JS45551": "Ningbo", "A00001": "other",
        "00001_hr": "other", "": "other",
    }  # fmt: skip
    assert {name: database_of(name) for name in names} == names


@given(st.lists(st.sampled_from([*read_table(), "7"])), st.sampled_from([*snomed.DATABASES, "x"]))
def test_any_codes_give_labels_that_hold_together(codes, database):
    labels, unknown = labels_from_codes(codes, database)
    assert not set(labels) & set(unknown) and (codes or unknown == list(CLASSES))
    assert ("NORM" in labels) == (set(codes) == {"426783006"})
    assert labels_from_codes(reversed(codes), database) == (labels, unknown)


@given(
    st.lists(st.sampled_from(sorted(read_table())), unique=True),
    st.sampled_from([",", ", ", " ; "]),
    st.sampled_from(["#Dx: {}", "# Dx: {}", "#dx : {} ", "# Age: 3\n# Dx:{}\n# Rx: Unknown"]),
)
def test_lines_of_diagnoses_are_read_however_they_are_written(codes, comma, line):
    assert codes_in(line.format(comma.join(codes))) == codes


@given(st.text(max_size=200))
def test_any_header_is_prepared_or_refused(text):
    codes_in(text)
    with contextlib.suppress(RecordError):
        header = parse_header(text)
        moment_of(header)
        written = snomed.labelled_header(text, header, ["CD"], ["NORM"])
        assert parse_header(written).labels == ("CD",)


@given(st.lists(st.text("0123456789:.-/MayJn ", max_size=12), max_size=3))
def test_any_date_is_understood_or_left_out(parts):
    text = f"E1 1 500 9 {' '.join(parts)}\nE1.mat 16+24 1000/mV 16 0 0 0 0 I\n#Age: 5\n"
    header = parse_header(text)
    written = parse_header(snomed.labelled_header(text, header, [], []))
    assert (written.leads, written.num_samples, written.comments["Age"]) == (("I",), 9, "5")
    assert not written.date or moment_of(written)


def test_the_documents_show_the_mapping_of_the_code():
    assert mapping_tables() in (ROOT / "docs" / "databases.md").read_text()
