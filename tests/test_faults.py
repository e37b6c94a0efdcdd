"""Work that is killed, disks that are full, folders that cannot be written: what stays."""

import contextlib
import logging
import random
import subprocess
from pathlib import Path

import numpy as np
import pytest
from chart_pages import HEADER as PAGE_HEADER
from chart_pages import wave
from PIL import Image

from benchmarks.damaged import check_record
from benchmarks.faults import Faults
from giraffe.__main__ import main
from giraffe.errors import ModelError
from giraffe.learning import training, training_loop
from giraffe.network.checkpoint import load_model
from giraffe.printout.presets import print_in_memory


@pytest.fixture(scope="module")
def faults(tmp_path_factory):
    return Faults(tmp_path_factory.mktemp("faults"), records=6)


@pytest.mark.parametrize("kind", ["training", "printing", "digitizing"])
def test_work_that_is_killed_leaves_nothing_half_and_loses_nothing(faults, kind):
    faults.once(kind, random.Random())


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int):
    """A file system of a few megabytes, where this user may mount one."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    with contextlib.suppress(OSError):
        if subprocess.run(command, capture_output=True).returncode == 0:
            try:
                yield folder
            finally:
                subprocess.run(["umount", str(folder)], check=True)
            return
    pytest.skip("no file system can be mounted here")


def test_on_a_disk_too_small_for_checkpoints_training_goes_on(
    records_folder, tmp_path, smoke_settings, caplog
):
    caplog.set_level(logging.WARNING)
    with small_disk(tmp_path / "disk", 45) as disk:  # weights take 16 MB, a checkpoint 48
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(training_loop, "EPOCH_CHECKPOINT_SECONDS", 0)
            training.train(records_folder, disk / "m", smoke_settings, verbose=False)
        assert "No checkpoint could be written" in caplog.text
        assert load_model(disk / "m")
        assert not list(disk.glob("m/**/.*"))  # no half-written file stays


def test_on_a_full_disk_the_end_is_a_clear_message_and_the_old_model_stays(
    records_folder, tmp_path, smoke_settings
):
    with small_disk(tmp_path / "disk", 25) as disk:
        training.train(records_folder, disk / "m", smoke_settings, verbose=False)
        before = (disk / "m" / "weights-0.pt").read_bytes()
        with pytest.raises(ModelError, match=r"could not be saved.*make room"):
            training.train(records_folder, disk / "m", smoke_settings, verbose=False)
        assert (disk / "m" / "weights-0.pt").read_bytes() == before
        assert load_model(disk / "m")


def test_printing_on_a_full_disk_leaves_whole_images_and_a_message(tmp_path, capsys):
    records = tmp_path / "records"
    main(["simulate", "-o", str(records), "-n", "6"])
    with small_disk(tmp_path / "disk", 1) as disk:
        command = ["print", "-i", str(records), "-o", str(disk / "out"), "--preset", "D1"]
        assert main([*command, "-r", "100", "--seed", "1"]) == 1
        assert "No space left" in capsys.readouterr().err
        for image in disk.glob("out/*.png"):
            Image.open(image).load()
        assert not list(disk.glob("out/.*"))


def test_digitizing_on_a_full_disk_leaves_whole_records_and_goes_on_where_there_is_room(
    tmp_path, capsys
):
    page = print_in_memory(wave(1), PAGE_HEADER, "D1", np.random.default_rng(1), None, 900)[0]
    pictures = tmp_path / "in"
    pictures.mkdir()
    for k in range(3):
        Image.fromarray(page).save(pictures / f"page{k}.png")
    with small_disk(tmp_path / "disk", 1) as disk:
        filler, out = disk / "filler", disk / "out"
        filler.write_bytes(bytes(700_000))  # room for a record with its table, not for three
        command = ["digitize", str(pictures), "-o", str(out), "--csv", "--overlay"]
        assert main(command) == 1
        assert "No space left" in capsys.readouterr().err
        assert not list(out.glob(".*"))
        for header in out.glob("*.hea"):
            check_record(header.with_suffix(""))
        before = {path: path.stat().st_mtime_ns for path in out.glob("*.hea")}
        filler.unlink()
        main(command)
        done = [path for path, time_ns in before.items() if path.stat().st_mtime_ns == time_ns]
        assert len(done) >= len(before) - 1  # the last one's files were not all there


def test_a_folder_that_cannot_be_written_is_named(records_folder, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    target = str(tmp_path / "file" / "model")
    assert main(["train", str(records_folder), "-m", target, "--profile", "smoke"]) == 1
    assert "file/model" in capsys.readouterr().err
