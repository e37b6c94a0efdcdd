"""Records of other databases are read, printed and trained with, whatever their quirks."""

from pathlib import Path

import numpy as np
import pytest
from foreign_records import EIGHT, STYLES, write

from giraffe.classes import CLASSES
from giraffe.ecg.records import open_record, read_waveform, usable_for_training
from giraffe.ecg.snomed import prepare
from giraffe.ecg.waveform import LEADS, usual_leads
from giraffe.printout.kit import KitOptions
from giraffe.printout.printing import PrintJob, print_folder


@pytest.fixture(scope="module")
def databases(tmp_path_factory) -> tuple[Path, dict[str, np.ndarray]]:
    """A folder of records of all databases, and their signals in mV."""
    folder = tmp_path_factory.mktemp("databases")
    return folder, {name: write(folder / "g1", name, **style) for name, style in STYLES.items()}


def test_records_of_every_database_are_read_as_they_come(databases):
    folder, truth = databases
    for name, millivolts in truth.items():
        waveform = open_record(folder / "g1" / name).waveform()
        assert waveform.leads == LEADS, name
        assert waveform.fs == STYLES[name].get("fs", 500)
        np.testing.assert_allclose(waveform.signal, millivolts, atol=1e-6, err_msg=name)


def test_every_database_prepared_gets_its_labels_and_plain_headers(databases, tmp_path):
    folder = databases[0]
    before = {path: path.read_bytes() for path in folder.rglob("*.*")}
    done = prepare(folder, tmp_path)
    assert done.written == done.labelled + 2 == len(STYLES) and not done.problems
    assert {path: path.read_bytes() for path in folder.rglob("*.*")} == before
    lines = {name: (tmp_path / "g1" / f"{name}.hea").read_text().split("\n") for name in STYLES}
    assert lines["A0001"][0] == "A0001 12 500 7500 11:39:16 05/02/2020 "
    assert lines["Q0001"][0] == "Q0001 12 500 4000 22:33:44 05/09/2020 "
    assert lines["S0001"][-9:] == [
        "#Dx: 164865005", "#Rx: Unknown", "# Age: Unknown", "# Sex: Female", "# Height: Unknown",
        "# Weight: Unknown", "# Labels: ", "# Unknown: Acute MI, Old MI, STTC, PAC, PVC, BRADY", "",
    ]  # fmt: skip
    labels = {name: open_record(tmp_path / "g1" / name).labels for name in STYLES}
    assert labels == {
        "A0001": ("CD",),
        "Q0001": ("Old MI", "BRADY"),
        "I0001": ("PVC",),
        "S0001": (),
        "HR00001": (),
        "E00001": ("NORM",),
        "JS00001": ("STTC", "CD", "AFIB/AFL"),
        "JS20000": ("TACHY",),
    }


def test_prepared_records_are_read_by_wfdb_itself(databases, tmp_path):
    import wfdb

    folder, truth = databases
    prepare(folder, tmp_path)
    for name, millivolts in truth.items():
        read = wfdb.rdrecord(str(tmp_path / "g1" / name))
        rows = [read.sig_name.index(n) for n in STYLES[name].get("leads", LEADS)]
        known = [LEADS.index({x.upper(): x for x in LEADS}[read.sig_name[r].upper()]) for r in rows]
        scale = 1000 if read.units[0] == "uV" else 1
        np.testing.assert_allclose(read.p_signal.T[rows], scale * millivolts[known], atol=1e-6)


def test_every_database_is_printed_as_it_comes(databases, tmp_path):
    folder, truth = databases
    for preset in (None, "giraffe"):
        options = KitOptions(resolution=50, max_num_images=1, print_header=True)
        printed, problems = print_folder(
            folder, tmp_path / str(preset), PrintJob(preset, options), verbose=False
        )
        assert printed == len(truth) and not problems
        for name in truth:
            assert (tmp_path / str(preset) / "g1" / f"{name}-0.png").stat().st_size > 1000


@pytest.mark.parametrize("preset", ["D1", "giraffe"])
def test_every_database_is_printed_in_memory_for_training(databases, tmp_path, preset):
    from giraffe.learning.data import PrintoutDataset, Source

    prepare(databases[0], tmp_path)
    usable, problems = usable_for_training([open_record(tmp_path / "g1" / name) for name in STYLES])
    assert set(problems.values()) == {"no label"} and len(usable) == len(STYLES) - 2
    dataset = PrintoutDataset(usable, Source(96, 192, "printed", preset))
    for k, record in enumerate(usable):
        image, targets, *_, problem = dataset[k, 0]
        assert problem is None and image.float().std() > 1
        marked = record.header.comments.get("Unknown", "")
        assert {c for c, t in zip(CLASSES, targets.numpy(), strict=True) if np.isnan(t)} == {
            name for name in marked.split(", ") if name
        }


def test_eight_leads_make_the_same_page_as_twelve(tmp_path):
    job = PrintJob(None, KitOptions(resolution=50))
    for leads in (LEADS, EIGHT, (*EIGHT[::-1], "III")):
        folder = tmp_path / str(len(leads))
        write(folder, "E00002", seconds=10, leads=leads)
        print_folder(folder, tmp_path / f"p{len(leads)}", job, verbose=False)
    pages = {(tmp_path / f"p{n}" / "E00002-0.png").read_bytes() for n in (12, 8, 9)}
    assert len(pages) == 1


def test_without_the_independent_leads_nothing_is_computed():
    signal = np.ones((3, 4), np.float32)
    kept, leads = usual_leads(signal, ("I", "II", "V2"))
    assert kept is signal and leads == ("I", "II", "V2")


def test_masked_copies_of_eight_and_fifteen_leads_are_whole(databases, tmp_path):
    options = KitOptions(resolution=50, max_num_images=1, mask_unplotted_samples=True)
    print_folder(databases[0], tmp_path, PrintJob(None, options), verbose=False)
    for name in STYLES:
        masked = read_waveform(open_record(tmp_path / "g1" / name))
        assert masked.leads == LEADS and masked.fs == STYLES[name].get("fs", 500)
        shown = min(10, STYLES[name]["seconds"])
        rhythm = np.isfinite(masked.signal[1]).mean() * STYLES[name]["seconds"]
        assert rhythm == pytest.approx(shown, abs=0.1), name
        assert np.isnan(masked.signal[0]).any()


@pytest.mark.parametrize(
    "line, date",
    [
        ("{name} {leads} {fs} {samples} 05-May-2020 14:50:55", "14:50:55 05/05/2020"),
        ("{name} {leads} {fs} {samples} 14:50:55 5-may-2020", "14:50:55 05/05/2020"),
        ("{name}.mat {leads} {fs} {samples} 14:50 05/05/2020", "14:50:00 05/05/2020"),
        ("{name}.mat  {leads} {fs} {samples} 05/05/2020 14:50:55.5", "14:50:55 05/05/2020"),
        ("{name} {leads} {fs}/360(0) {samples} 14:50:55 2020-05-05", "14:50:55 05/05/2020"),
        ("{name} {leads} {fs} {samples} 14:50:55 45-May-2020", ""),
        ("{name} {leads} {fs} {samples} 99:99:99 05/05/2020", ""),
        ("{name} {leads} {fs} {samples} yesterday", ""),
        ("{name} {leads} {fs} {samples}", ""),
    ],
)
@pytest.mark.parametrize("gain", ["1/\u00b5V", "1/\u03bcV", "1/uV", "1000", "1000(0)/mV"])
def test_record_lines_and_units_of_any_hand_are_understood(tmp_path, line, date, gain):
    truth = write(tmp_path / "in", "E00001", line=line, gain=gain)
    assert prepare(tmp_path / "in", tmp_path / "out").written == 1
    for folder in ("in", "out"):
        record = open_record(tmp_path / folder / "E00001")
        assert record.header.name == "E00001"
        np.testing.assert_allclose(record.waveform().signal, truth, atol=1e-6)
    first = (tmp_path / "out" / "E00001.hea").read_text().split("\n")[0]
    assert first.split(" ", 4)[4:] == ([f"{date} "] if date else [])
