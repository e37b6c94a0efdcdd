"""Headers and folders are read as written, whatever hand wrote them."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from giraffe.classes import CLASSES, decode, encode
from giraffe.ecg.records import (
    find_headers,
    group_identical,
    open_record,
    parse_header,
    read_waveform,
    scan,
)
from giraffe.errors import RecordError

SIGNAL = "a.dat 16 1000.0(0)/mV 16 0 5 7 0 AVR\n"


def test_leads_labels_images_and_comments_are_found():
    header = parse_header(
        f"a 1 500 5000 10:00:00 01/02/2003\n{SIGNAL}"
        "# Age: 61\n# Labels: norm,  old mi , Lyme\n#Labels: AFIB / AFL\n"
        "# Image: a-0.png, b c.png\n"
    )
    assert header.leads == ("aVR",)
    assert header.labels == ("NORM", "Old MI", "AFIB/AFL")
    assert header.unknown_labels == ("Lyme",)
    assert header.image_files == ("a-0.png", "b c.png")
    assert header.comments["Age"] == "61"
    assert (header.fs, header.num_samples, header.date) == (500, 5000, "01/02/2003")


def test_a_hidden_header_still_names_its_leads():
    header = parse_header("a 1 500 5000\na.dat 16 1000.0(0)/mV 16 0    V1\n")
    assert header.leads == ("V1",) and not header.has_labels


def test_files_outside_the_records_folder_are_not_followed():
    header = parse_header(
        "a 1 500 5000\n/etc/x.dat 16 1000/mV 16 0 0 0 0 I\n# Image: ../b.png, /c.png, .., d.png\n"
    )
    assert header.image_files == ("d.png",) and header.signal_files == ()


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_line_ends_and_encodings_do_not_matter(tmp_path, line_end, encoding):
    text = f"a 1 100 10\n{SIGNAL}# Name: Jürgen\n# Labels: NORM\n".replace("\n", line_end)
    (tmp_path / "a.hea").write_bytes(text.encode(encoding))
    record = open_record(tmp_path / "a")
    assert record.labels == ("NORM",) and record.header.comments["Name"] == "Jürgen"


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda b: b.decode("latin-1")))
def test_any_text_is_a_header_or_a_record_error(text):
    with contextlib.suppress(RecordError):
        parse_header(text)


@given(st.sets(st.sampled_from(CLASSES)))
def test_labels_survive_encoding(labels):
    assert set(decode(encode(labels))) == labels


def test_unknown_labels_cannot_be_encoded():
    with pytest.raises(ValueError, match="unknown class"):
        encode(["Lyme"])


def test_records_are_found_in_folders_and_bad_ones_are_explained(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x.hea").write_text("x 0 100 10\n")
    (tmp_path / "a.hea").write_text("")
    assert find_headers(tmp_path) == ["a", "b/x"]
    records, problems = scan(tmp_path)
    assert [record.name for record in records] == ["b/x"]
    assert "no record line" in problems["a"]
    with pytest.raises(RecordError, match="no such folder"):
        scan(tmp_path / "none")


def _write(folder, name, samples, unit="mV"):
    digital = np.asarray(samples, dtype="<i2")
    (folder / f"{name}.dat").write_bytes(digital.tobytes())
    (folder / f"{name}.hea").write_text(
        f"{name} 1 100 {len(digital)}\n{name}.dat 16 1000.0(0)/{unit} 16 0 0 0 0 I\n"
        "# Labels: NORM\n"
    )


def test_waveforms_come_in_millivolts(tmp_path):
    _write(tmp_path, "a", [1000, -500, -32768])
    _write(tmp_path, "b", [1000, -500, 0], unit="uV")
    _write(tmp_path, "c", [1, 2, 3], unit="mmHg")
    _write(tmp_path, "d", [-32768] * 3)
    millivolts, microvolts = (read_waveform(open_record(tmp_path / n)).signal[0] for n in "ab")
    np.testing.assert_allclose(millivolts, [1, -0.5, np.nan])
    np.testing.assert_allclose(microvolts[0], 1e-3)
    for name, reason in (("c", "unit 'mmHg'"), ("d", "no sample has a value")):
        with pytest.raises(RecordError, match=reason):
            read_waveform(open_record(tmp_path / name))


def test_records_with_the_same_bytes_are_one_group(tmp_path):
    _write(tmp_path, "a", range(3000))
    _write(tmp_path, "b", range(1, 3001))
    _write(tmp_path, "c", range(3000))
    _write(tmp_path, "d", [*range(2999), 0])  # alike in its first bytes and its size
    records, _ = scan(tmp_path)
    groups = group_identical(records)
    assert groups[0] == groups[2]
    assert len(set(groups)) == 3
