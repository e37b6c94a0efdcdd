"""Whatever comes in: strange headers and images, broken models, full disks, dying processes."""

import contextlib
import dataclasses
import io
import json
import logging
import os
import random
import signal
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT, run_python
from PIL import Image

from benchmarks.reliability import Faults, fuzz
from giraffe import feed, training
from giraffe.__main__ import main
from giraffe.checkpoint import load_model
from giraffe.classifier import Classifier
from giraffe.data import PrintoutDataset, Source
from giraffe.errors import ImageError, ModelError, RecordError
from giraffe.feed import EpochBatches, make_loader
from giraffe.pictures import (
    LONGEST,
    read_file,
    read_image,
    read_pdf,
    read_picture,
    resize,
    thinned,
)
from giraffe.records import open_record, scan
from giraffe.stress import judge, trials

HEADER = (
    "r 2 500 5000\nr.dat 16 1000.0(0)/mV 16 0 5 7 0 I\nr.dat 16 1000.0(0)/mV 16 0 5 7 0 II\n"
    "# Age: 61\n# Labels: NORM, PVC\n# Image: r-0.png\n"
)


@pytest.fixture(scope="module")
def model(records_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "m"
    env = {"GIRAFFE_RECIPE": "2324", "GIRAFFE_PROFILE": "smoke"}
    run_python("train_model.py", records_folder, folder, env=env)
    return folder


# Headers


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\n\n", b"\x00\x01\x02\xff", b"# Labels: NORM\n", b"r\n", b"r x 500\n",
        HEADER[:20].encode(), HEADER.replace("r 2 ", "r 12 ").encode(),
        b"r -1 500 5000\n", b"r 1e9 500 5000\n", b"r 2 nan 5000\n", b"r 2 -500 5000\n",
        b"r 2 500 99999999999999999999999e999\n",
    ],
)  # fmt: skip
def test_a_header_that_is_none_is_refused_by_name(tmp_path, content):
    (tmp_path / "r.hea").write_bytes(content)
    with pytest.raises(RecordError, match=r"r\.hea"):
        open_record(tmp_path / "r")


@pytest.mark.parametrize(
    ("change", "labels"),
    [
        (lambda t: t.replace("\n", "\r\n"), ("NORM", "PVC")),
        (lambda t: "\ufeff" + t, ("NORM", "PVC")),
        (lambda t: t.replace("# Age: 61", "# Name: Jürgen"), ("NORM", "PVC")),
        (lambda t: t.replace("# Labels: NORM, PVC\n", ""), ()),
        (lambda t: t + "# Labels: PVC, TACHY\n", ("NORM", "PVC", "TACHY")),
        (lambda t: t.replace("NORM, PVC", "norm ,  pvc,, afib/afl "), ("NORM", "PVC", "AFIB/AFL")),
        (lambda t: t.replace("NORM, PVC", "Lyme, acute  mi"), ("Acute MI",)),
        (lambda t: t + "# x: y\n" * 10_000, ("NORM", "PVC")),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_odd_headers_are_understood(tmp_path, change, labels, encoding):
    text = change(HEADER)
    if encoding == "latin-1" and "\ufeff" in text:
        pytest.skip("Latin-1 has no byte-order mark")
    (tmp_path / "r.hea").write_bytes(text.encode(encoding))
    record = open_record(tmp_path / "r")
    assert record.labels == labels
    assert record.header.leads == ("I", "II")


def test_names_of_images_never_lead_outside_the_folder(tmp_path):
    inside = tmp_path / "in"
    inside.mkdir()
    names = ["a b.png", "plain.png", "../out.png", str(tmp_path / "out.png"), "sub/deep.png", ".."]
    for name in ("in/a b.png", "in/plain.png", "out.png"):
        (tmp_path / name).write_bytes(b"x")
    (inside / "sub").mkdir()
    (inside / "sub" / "deep.png").write_bytes(b"x")
    listed = ", ".join([*names, "plain.png", "plain.png"])
    (inside / "r.hea").write_text(HEADER.replace("r-0.png", listed))
    assert [p.name for p in open_record(inside / "r").images()] == ["a b.png", "plain.png"]


@pytest.mark.parametrize(
    "text",
    [
        HEADER.replace("r.dat", "r" * 300 + ".dat"),  # found by fuzzing: a name too long to exist
        HEADER.replace("r.dat", "missing.dat"),
        HEADER.replace(" II\n", "\n"),  # found by fuzzing: a lead without a name
        HEADER.replace("16 1000", "99 1000"),
        HEADER.replace("5000", "123456789012345"),
    ],
)
def test_signals_that_cannot_be_read_are_a_record_error(tmp_path, text):
    (tmp_path / "r.hea").write_text(text)
    (tmp_path / "r.dat").write_bytes(bytes(400))
    with pytest.raises(RecordError, match=r"/r[.:]"):
        open_record(tmp_path / "r").waveform()


# Images


def _encoded(kind: str, mode: str, size=(64, 40)) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 4), dtype=np.uint8)
    rgba = Image.fromarray(pixels)
    image = rgba.convert("L").convert(mode) if mode in ("I;16", "F", "I") else rgba.convert(mode)
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        *(("PNG", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
        *(("TIFF", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK")),
        *(("TIFF", mode) for mode in ("I;16", "I", "F")),
        *(("JPEG", mode) for mode in ("L", "RGB", "CMYK")),
        *(("BMP", mode) for mode in ("1", "L", "P", "RGB")),
        *(("WEBP", mode) for mode in ("RGB", "RGBA")),
        *(("GIF", mode) for mode in ("L", "P")),
    ],
)
def test_every_kind_of_picture_is_read_whatever_its_name_says(tmp_path, kind, mode):
    path = tmp_path / "picture.png"
    path.write_bytes(_encoded(kind, mode))
    pixels = read_image(path, 20, 32)
    assert pixels.shape == (20, 32, 3) and pixels.dtype == np.uint8
    assert pixels.std() > 5  # it is the noise that was written, neither black nor white


@pytest.mark.parametrize("size", [(1, 1), (30, 20_000), (20_000, 30), (2, 1)])
def test_extreme_shapes_are_read(tmp_path, size):
    Image.new("L", size, 77).save(tmp_path / "a.png")
    assert (read_image(tmp_path / "a.png", 24, 48) == 77).all()


def test_a_photograph_is_turned_as_its_camera_says_and_the_first_frame_counts(tmp_path):
    image = Image.new("RGB", (60, 40), "white")
    image.paste("black", (0, 0, 30, 40))  # left half
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned clockwise: left becomes top
    image.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    pixels = read_image(tmp_path / "turned.jpg", 60, 40)
    assert pixels[:25].mean() < 30 and pixels[35:].mean() > 225
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert read_image(tmp_path / "moving.gif", 8, 8)[0, 0, 0] > 200


def test_a_giant_image_shrinks_to_what_the_plain_way_gives(tmp_path):
    rng = np.random.default_rng(0)
    pixels = np.kron(rng.integers(0, 256, (48, 96, 3)), np.ones((40, 40, 1))).astype(np.uint8)
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[0x0112] = 3  # upside down
    image.save(tmp_path / "a.png", exif=exif)
    shrunk = read_image(tmp_path / "a.png", 48, 96)
    plain = resize(pixels[::-1, ::-1], 48, 96)
    assert np.abs(shrunk.astype(int) - plain).mean() < 1


@pytest.mark.parametrize("size", [(300, 200), (1, 1), (2600, 1000), (7000, 900), (30, 20_000)])
def test_pictures_keep_their_proportions_and_large_ones_are_shrunk(tmp_path, size):
    Image.new("L", size, 77).save(tmp_path / "a.png")
    pixels = read_picture(tmp_path / "a.png")
    factor = min(1.0, LONGEST / max(size))
    expected = [max(round(side * factor), 1) for side in size[::-1]]
    assert np.abs(np.subtract(pixels.shape[:2], expected)).max() <= 1 and (pixels == 77).all()
    if factor == 1:
        assert pixels.shape[1::-1] == size
    thin = thinned(pixels, 400)
    assert (thin == 77).all() and max(thin.shape[:2]) < max(800, 400 * max(pixels.shape[:2]))


def test_pages_of_a_pdf_keep_their_proportions_and_giant_ones_are_refused(tmp_path):
    upright, lying = (Image.new("L", size, 120) for size in ((210, 297), (297, 210)))
    upright.save(tmp_path / "a.pdf", save_all=True, append_images=[lying], resolution=25.4)
    pages = read_pdf(tmp_path / "a.pdf", 1000)
    assert [page.shape[0] / page.shape[1] for page in pages] == pytest.approx(
        [297 / 210, 210 / 297], abs=0.01
    )
    assert all(max(page.shape) == 1000 and np.abs(page[20:-20] - 120.0).max() < 3 for page in pages)
    assert [page.shape for page in read_file(tmp_path / "a.pdf", 1000)] == [p.shape for p in pages]
    upright.save(tmp_path / "giant.pdf", resolution=2)  # 3.7 m high
    with pytest.raises(ImageError, match="more than the 120 million"):
        read_pdf(tmp_path / "giant.pdf")


def _png_claiming(width: int, height: int) -> bytes:
    """A PNG whose header announces a size that its data do not have."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content).to_bytes(4, "big")
        return len(content).to_bytes(4, "big") + kind + content + checksum

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 0, 0, 0, 0])
    rows = zlib.compress(bytes(10_000_000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a readable image"),
        (b"no image", "not a readable image"),
        (_encoded("PNG", "RGB")[:300], "not a readable image"),
        (_encoded("JPEG", "RGB")[:100], "not a readable image"),
        (_png_claiming(13_000, 13_000), "more than the 120 million"),
        (_png_claiming(2**31 - 1, 2**31 - 1), "million|not a readable"),
    ],
)
def test_what_is_no_picture_or_a_bomb_is_refused_with_its_name(tmp_path, content, reason):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ImageError, match=reason) as caught:
        read_image(tmp_path / "a.png", 20, 32)
    assert "a.png" in str(caught.value)


def test_a_record_of_many_images_is_read_in_small_batches(model, tmp_path):
    names = [f"r-{k}.png" for k in range(21)]
    for k, name in enumerate(names):
        Image.new("RGB", (30, 20), (12 * k, 0, 0)).save(tmp_path / name)
    (tmp_path / "r.hea").write_text(HEADER.replace("r-0.png", ", ".join(names)))
    classifier = Classifier(model)
    classifier.description["recipe"] = dataclasses.replace(
        classifier.description["recipe"], all_images=True
    )
    sizes, real = [], classifier.probabilities

    def counted(images, *more, **options):
        sizes.append(len(images))
        return real(images, *more, **options)

    classifier.probabilities = counted
    p = classifier.record_probabilities(tmp_path / "r")
    assert max(sizes) <= 8 and sum(sizes) == 21
    alone = [real([np.asarray(Image.open(tmp_path / name))])[0] for name in names]
    np.testing.assert_allclose(p, np.mean(alone, axis=0), atol=2e-3)


def test_pictures_that_no_class_fits_are_answered_with_a_warning(model, tmp_path, caplog):
    Image.new("RGB", (300, 200), "white").save(tmp_path / "blank.png")
    classifier = Classifier(model)
    p = classifier.probabilities([np.full((300, 200, 3), 255, np.uint8)])[0]
    description = json.loads((model / "model.json").read_text())
    strict = tmp_path / "strict"
    strict.mkdir()
    (strict / "weights-0.pt").write_bytes((model / "weights-0.pt").read_bytes())
    description["thresholds"] = [float(min(0.999, q + 0.01)) for q in p]
    (strict / "model.json").write_text(json.dumps(description))
    out = tmp_path / "out"
    main(["predict", str(tmp_path / "blank.png"), "-m", str(strict), "-o", str(out)])
    assert "Low confidence in 1 of 1" in caplog.text and "blank.png" in caplog.text
    assert len((out / "labels.csv").read_text().splitlines()) == 2


# Fuzzing


@pytest.mark.parametrize(
    "change",
    [  # all found by fuzzing
        lambda d: d["recipe"].update(architecture="vanilillia"),
        lambda d: d["recipe"].update(activation="sigmtcd"),
        lambda d: d.update(size=[80]),
        lambda d: d.update(size=[2**40, 2**40]),
        lambda d: d.update(size=[-3, 0]),
    ],
)
def test_a_description_of_an_impossible_network_is_refused(model, tmp_path, change):
    description = json.loads((model / "model.json").read_text())
    change(description)
    (tmp_path / "model.json").write_text(json.dumps(description))
    (tmp_path / "weights-0.pt").write_bytes((model / "weights-0.pt").read_bytes())
    with pytest.raises(ModelError, match="train it again"):
        load_model(tmp_path)


def test_mutated_files_give_documented_errors_alone(tmp_path):
    found = fuzz(360, seed=random.randrange(10**6), keep=tmp_path / "kept")
    bad = {name: counts for name, counts in found.items() if set(counts) - {"read", "refused"}}
    assert not bad, f"{bad}; kept in {tmp_path / 'kept'}"
    assert all(counts["refused"] for name, counts in found.items() if name != "checkpoint")


# Trials of the organisers


def test_changed_training_data_are_survived_or_refused(records_folder, tmp_path, smoke_settings):
    recipe = dataclasses.replace(smoke_settings.recipe, epochs=1)
    settings = dataclasses.replace(smoke_settings, recipe=recipe)
    known = {trial.name: trial for trial in trials(("NORM", "Old MI", "TACHY"))}
    for name in ("missing values", "unphysiological values", "without NORM", "only NORM",
                 "one record", "an empty folder", "all records unusable"):  # fmt: skip
        passed, how = judge(known[name], records_folder, tmp_path / "trial", settings)
        assert passed, f"{name}: {how}"


@pytest.mark.slow
def test_all_trials_of_the_organisers_pass(tmp_path):
    command = ["stress", "-o", str(tmp_path), "--recipe", "2322", "--profile", "smoke"]
    assert main(command) == 0
    assert "**NO**" not in (tmp_path / "stress.md").read_text()


# Faults


@pytest.mark.parametrize("kind", ["training", "printing"])
def test_work_that_is_killed_leaves_nothing_half_and_loses_nothing(tmp_path, kind):
    faults = Faults(tmp_path, records=6)
    faults.once(kind, random.Random())


def test_a_dead_worker_costs_nothing_but_time(records_folder, tmp_path, smoke_settings, caplog):
    profile = dataclasses.replace(smoke_settings.profile, workers=1)
    settings = dataclasses.replace(smoke_settings, profile=profile)
    training.train(records_folder, tmp_path / "whole", settings, verbose=False)
    get, owner, mark = PrintoutDataset.__getitem__, os.getpid(), tmp_path / "died"

    def dying(self, key):
        if os.getpid() != owner and key[0] == 3 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return get(self, key)

    with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(PrintoutDataset, "__getitem__", dying)
        training.train(records_folder, tmp_path / "m", settings, verbose=False)
    assert mark.exists() and "A process that loads images died" in caplog.text
    one, other = (load_model(tmp_path / name)[0][0].state_dict() for name in ("whole", "m"))
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_batches_reach_the_network_without_shared_memory(records_folder, monkeypatch):
    records = scan(records_folder)[0][:4]
    dataset = PrintoutDataset(records, Source(24, 48, preset="D1"))
    through_memory = list(make_loader(dataset, EpochBatches(4, 2), workers=1))
    monkeypatch.setattr(feed, "_free_shared_memory", lambda: 0)
    loader = make_loader(dataset, EpochBatches(4, 2), workers=1)
    through_pipe = list(loader)
    assert loader.collate_fn is feed.collate_as_arrays
    for one, other in zip(through_memory, through_pipe, strict=True):
        assert isinstance(other.images, np.ndarray)
        assert torch.equal(one.images, other.as_tensors().images)
        assert torch.equal(one.targets, other.as_tensors().targets)


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
            patch.setattr(training, "EPOCH_CHECKPOINT_SECONDS", 0)
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


def test_a_folder_that_cannot_be_written_is_named(records_folder, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    target = str(tmp_path / "file" / "model")
    assert main(["train", str(records_folder), "-m", target, "--profile", "smoke"]) == 1
    assert "file/model" in capsys.readouterr().err


# Supply and secrecy

NO_NETWORK = """
import socket
real = socket.socket.connect
def connect(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1"):
        raise SystemExit(f"tried to reach {address}")
    return real(self, address)
def resolve(host, *args, **kwargs):
    if host not in ("localhost", "127.0.0.1", "::1", None):
        raise SystemExit(f"tried to find {host}")
    return find(host, *args, **kwargs)
find, socket.getaddrinfo, socket.socket.connect = socket.getaddrinfo, resolve, connect
"""


def test_nothing_reaches_for_the_network_and_logs_know_no_patient(records_folder, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(NO_NETWORK)
    env = {"GIRAFFE_PROFILE": "smoke", "GIRAFFE_RECIPE": "2324", "PYTHONPATH": str(tmp_path)}
    probe = "import socket; socket.create_connection(('192.0.2.1', 80))"
    assert "tried to" in run_python("-c", probe, env=env, check=False).stderr
    records, hidden = tmp_path / "data", tmp_path / "hidden"
    records.mkdir()
    for path in records_folder.iterdir():
        content = path.read_bytes()
        if path.suffix == ".hea":
            content += b"# Name: Zebulon Quux\n# Address: 4711 Nowhere\n"
        (records / path.name).write_bytes(content)
    main(["hide", "-i", str(records), "-o", str(hidden), "-m"])
    model, out = tmp_path / "m", tmp_path / "out"
    said = [
        run_python("train_model.py", "-d", records, "-m", model, "-v", env=env),
        run_python("run_model.py", "-d", hidden, "-m", model, "-o", out, "-v", env=env),
        run_python("evaluate_model.py", "-d", records, "-o", out, env=env),
    ]
    text = "".join(result.stdout + result.stderr for result in said)
    text += (model / "train.log").read_text() + (model / "model.json").read_text()
    assert "F-measure" in text
    ages = {record.header.comments["Age"] for record in scan(records)[0]}
    assert ages and "Zebulon" not in text and "4711" not in text and "Age" not in text


def test_every_requirement_is_pinned():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    names = [line for line in lines if line and not line.startswith((" ", "#", "-"))]
    assert names and all("==" in line for line in names)
