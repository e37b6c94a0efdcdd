"""What `giraffe digitize` writes, and what it does where it cannot write or has nothing to read."""

from types import SimpleNamespace

import numpy as np
from PIL import Image

from giraffe.__main__ import main
from giraffe.reading import digitizing


def test_a_journal_cut_off_on_a_full_disk_loses_its_last_line_alone(tmp_path, monkeypatch):
    journal = tmp_path / digitizing.JOURNAL
    journal.write_bytes(b'{"name": "a"}\n[]\n{"name": "b"}\n{"name": "\xc3')
    monkeypatch.setattr("pathlib.Path.write_text", None)  # there is no room to write it anew
    assert list(digitizing._journal(journal)) == ["a", "b"]
    assert journal.read_bytes() == b'{"name": "a"}\n[]\n{"name": "b"}\n'


def test_what_the_format_cannot_hold_is_missing_and_never_wraps_round():
    signal = np.array([0.5, 32.767, 32.7676, -32.767, -32.768, -70.0, np.nan])
    digitized = SimpleNamespace(leads=("II",), lead=lambda name: signal, fs=500.0)
    samples = np.frombuffer(digitizing.record_files("r", digitized, "p.png")["r.dat"], "<i2")
    missing = digitizing.INVALID
    assert samples.tolist() == [500, 32767, missing, -32767, missing, missing, missing]


def test_digitizing_nothing_is_refused_and_writes_nothing(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    assert main(["digitize", str(tmp_path / "in"), "-o", str(tmp_path / "out")]) == 1
    assert "no picture in" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_written_is_named(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    Image.new("RGB", (30, 20)).save(tmp_path / "a.png")
    command = ["digitize", str(tmp_path / "a.png"), "-o", str(tmp_path / "file" / "out")]
    assert main(command) == 1
    assert "file" in capsys.readouterr().err
