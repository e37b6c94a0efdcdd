"""Attacks on everything that comes in, and faults at random moments.

`python -m benchmarks.reliability fuzz -n 10000`: mutated headers, signals, images, model folders
and checkpoints; only the documented errors may come out.
`python -m benchmarks.reliability faults -n 50`: kill -9 while training, printing and running.
`python -m benchmarks.reliability load -n 22000`: finding and splitting a large folder.
"""

import argparse
import collections
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from giraffe.__main__ import main as program

ROOT = Path(__file__).resolve().parents[1]
SLOW_SECONDS = 5.0  # of the processor; a case that takes longer counts as hanging

# What headers, JSON and image files are made of: mutations that reach deeper than noise.
TOKENS = (
    b"# Labels: ", b"# Image: ", b"NORM, ", b"\r\n", b"\n", b"\0", b"\xff", b"../", b"/", b"-1",
    b"0", b"1e999", b"nan", b"99999999999999999999", b"\xef\xbb\xbf", b" 16 1000.0(0)/mV ",
    b"null", b"[]", b"{}", b"true", b"IHDR", b"IDAT", b"\xff\xd8", b"\xff\xda", b"\x00\x00\xff\xff",
)  # fmt: skip


def mutate(content: bytes, rng: random.Random) -> bytes:
    """A file with some of its bytes changed, lost, doubled, moved or replaced by tokens."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(len(data) + 1)
        size = min(rng.choice((1, 2, 4, 16, 256)), len(data))
        kind = rng.randrange(7)
        if kind == 0 and data:
            data[min(at, len(data) - 1)] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at : at + size] = rng.randbytes(size)
        elif kind == 2:
            del data[at : at + size]
        elif kind == 3:
            data[at:at] = data[at : at + size] * rng.choice((1, 2, 50))
        elif kind == 4:
            data[at : at + rng.choice((0, size))] = rng.choice(TOKENS)
        elif kind == 5:
            del data[at:]
        else:
            other = rng.randrange(len(data) + 1)
            data[at : at + size] = data[other : other + size]
    return bytes(data)


class Target:
    """Something that reads files: whole files, and what reading mutated ones may raise."""

    def __init__(self, name: str, files: dict[str, bytes], read: Callable, allowed: tuple):
        self.name, self.files, self.read, self.allowed = name, files, read, allowed

    def run(self, folder: Path, rng: random.Random) -> str:
        """Mutate one file, read, and say what happened."""
        victim = rng.choice(sorted(self.files))
        for name, content in self.files.items():
            (folder / name).write_bytes(mutate(content, rng) if name == victim else content)
        try:
            self.read(folder)
            return "read"
        except self.allowed as error:
            if not str(error).strip():
                raise AssertionError("an error without a message") from error
            return "refused"


def targets(folder: Path) -> Iterator[Target]:
    """Everything that reads what others wrote."""
    import torch
    from PIL import Image

    from giraffe.ecg.records import open_record, read_waveform
    from giraffe.ecg.simulate import write_record
    from giraffe.errors import ImageError, ModelError, RecordError
    from giraffe.learning.resume import Progress, load_progress, save_progress
    from giraffe.network.architectures import Network
    from giraffe.network.checkpoint import load_model, save_model
    from giraffe.pictures import read_image, read_pdf
    from giraffe.recipe import RECIPES

    write_record(folder, 1, 0)
    header, signal_file = next(folder.glob("*.hea")), next(folder.glob("*.dat"))
    text = header.read_bytes() + b"# Image: a-0.png, a-1.png\n"

    def read_header(place):
        record = open_record(place / header.stem)
        record.targets(), record.images(), record.signals()

    yield Target("header", {header.name: text}, read_header, (RecordError,))
    yield Target(
        "signals",
        {header.name: text, signal_file.name: signal_file.read_bytes()},
        lambda place: read_waveform(open_record(place / header.stem)),
        (RecordError,),
    )

    pixels = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    for kind in ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF"):
        name = f"image.{kind.lower()}"
        Image.fromarray(pixels).save(folder / name)

        def look(place, name=name):
            assert read_image(place / name, 32, 64).shape == (32, 64, 3)

        yield Target(kind, {name: (folder / name).read_bytes()}, look, (ImageError,))
    Image.fromarray(pixels).save(folder / "image.pdf")

    def look_at_pages(place):
        assert all(max(page.shape) <= 64 for page in read_pdf(place / "image.pdf", 64))

    page = {"image.pdf": (folder / "image.pdf").read_bytes()}
    yield Target("PDF", page, look_at_pages, (ImageError,))

    recipe, size = RECIPES["2324"], (16, 16)
    network = Network(recipe, size)
    description = {"recipe": recipe.as_dict(), "size": list(size), "thresholds": [0.5] * 11}
    save_model(folder, [network.state_dict()], description)
    model = {name: (folder / name).read_bytes() for name in ("model.json", "weights-0.pt")}

    def load_with_right_digest(place):
        # A forger would also write the digest of what he put there.
        import hashlib

        try:
            content = json.loads((place / "model.json").read_bytes())
            digest = hashlib.sha256((place / "weights-0.pt").read_bytes()).hexdigest()
            content["weights"] = [digest]
            (place / "model.json").write_text(json.dumps(content))
        except (ValueError, TypeError):
            pass
        load_model(place)

    yield Target("model folder", model, load_model, (ModelError,))
    yield Target("forged model folder", model, load_with_right_digest, (ModelError,))

    state = {"network": network.state_dict(), "fingerprint": "f", "tensor": torch.zeros(3)}
    save_progress(folder, state, Progress(epoch=1, best_epoch=1), {"weights": {}})
    names = ("checkpoint.pt", "best-1.pt")
    checkpoint = {name: (folder / name).read_bytes() for name in names}
    yield Target("checkpoint", checkpoint, lambda place: load_progress(place, "f"), ())


def fuzz(cases: int, seed: int = 0, keep: Path | None = None) -> dict[str, collections.Counter]:
    """So many cases over all targets.

    Parameters
    ----------
    cases : int
    seed : int
        Case k of a seed is always the same.
    keep : path, optional
        Gets the files of cases that did what they must not.

    Returns
    -------
    dict of str to Counter
        By target, how many were ``read``, ``refused``, or ended otherwise.
    """
    import logging

    logging.disable(logging.CRITICAL)  # thousands of warnings
    found: dict[str, collections.Counter] = {}
    with tempfile.TemporaryDirectory() as whole, tempfile.TemporaryDirectory() as place:
        known = list(targets(Path(whole)))
        for k in range(cases):
            target = known[k % len(known)]
            rng = random.Random(f"{seed} {k}")
            start = time.process_time()
            try:
                outcome = target.run(Path(place), rng)
            except Exception as error:
                outcome = f"{type(error).__name__}: {str(error)[:100]}"
            seconds = time.process_time() - start
            if seconds > SLOW_SECONDS:
                outcome = f"took {seconds:.0f} s"
            if outcome not in ("read", "refused") and keep is not None:
                shutil.copytree(place, keep / f"{target.name}-{seed}-{k}", dirs_exist_ok=True)
            found.setdefault(target.name, collections.Counter())[outcome] += 1
            for file in Path(place).iterdir():
                file.unlink()
    logging.disable(logging.NOTSET)
    return found


def report_fuzz(args) -> None:
    """Print a table of outcomes; exit status 1 if any is not allowed."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.monotonic()
    found = fuzz(args.number, args.seed, args.keep)
    bad = 0
    for name, counts in found.items():
        print(f"{name:20} " + ", ".join(f"{key} {n}" for key, n in counts.most_common()))
        bad += sum(n for key, n in counts.items() if key not in ("read", "refused"))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"{args.number} cases in {time.monotonic() - start:.0f} s, {bad} not as documented; "
        f"peak memory {before // 1024} -> {after // 1024} MB"
    )
    sys.exit(1 if bad else 0)


# Faults


def start(*command, **environment) -> subprocess.Popen:
    """A command in a process group of its own."""
    env = {**os.environ, "GIRAFFE_RECIPE": "2324", "GIRAFFE_PROFILE": "smoke", **environment}
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        cwd=ROOT, env=env, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def kill_after(process: subprocess.Popen, seconds: float) -> bool:
    """Kill a process and its children after a while; False if it had ended by itself."""
    try:
        process.communicate(timeout=seconds)
        return False
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True


def finish(*command, **environment) -> None:
    """Run a command to its end; an error is one of ours."""
    process = start(*command, **environment)
    output, _ = process.communicate(timeout=600)
    if process.returncode:
        raise AssertionError(f"{command} ended with {process.returncode}:\n{output}")


def call(*command) -> None:
    """Run a command of the program in this process, which spares the start of one."""
    if program([*map(str, command), "--quiet"]):
        raise AssertionError(f"{command} failed")


class Faults:
    """Work that is killed, and what must hold afterwards.

    Parameters
    ----------
    folder : Path
        To work in.
    records : int
        Size of the data set.
    """

    def __init__(self, folder: Path, records: int = 12):
        self.folder, self.data, self.hidden = folder, folder / "data", folder / "hidden"
        call("simulate", "-o", self.data, "-n", records)
        self.waveforms = folder / "waveforms"
        shutil.copytree(self.data, self.waveforms)
        call("print", "-i", self.data, "-o", self.data, "-r", 50)
        call("hide", "-i", self.data, "-o", self.hidden, "-m")
        self.model = folder / "model"
        self.train_command = ("train_model.py", self.data, self.model)
        self.seconds = {"training": -time.monotonic()}
        finish(*self.train_command)
        self.seconds["training"] += time.monotonic()
        self.whole = {p.name: p.read_bytes() for p in self.model.glob("weights-*.pt")}

    def once(self, kind: str, rng: random.Random) -> str:
        """One kill at a random moment, then the checks; the outcome in a word."""
        run = getattr(self, kind)
        if kind not in self.seconds:
            begin = time.monotonic()
            run(None)
            self.seconds[kind] = time.monotonic() - begin
        return "killed" if run(rng.uniform(0.2, 1.0) * self.seconds[kind]) else "had ended"

    def training(self, seconds: float | None) -> bool:
        """The model there stays usable; the same command again gives the same weights."""
        from giraffe.network.checkpoint import load_model

        killed = seconds is not None and kill_after(start(*self.train_command), seconds)
        load_model(self.model)  # the finished one of before, or the new one
        finish(*self.train_command)
        load_model(self.model)
        now = {p.name: p.read_bytes() for p in self.model.glob("weights-*.pt")}
        assert now == self.whole, "other weights after an interruption"
        assert not (self.model / "resume").exists()
        return killed

    def printing(self, seconds: float | None) -> bool:
        """No half-written image; what was finished is not printed again."""
        from PIL import Image

        out = self.folder / "printed"
        shutil.rmtree(out, ignore_errors=True)
        command = ("-m", "giraffe", "print", "-i", self.waveforms, "-o", out, "--preset", "D1",
                   "--seed", 1, "--jobs", 2)  # fmt: skip
        killed = seconds is not None and kill_after(start(*command), seconds)
        before = {}
        for image in out.glob("*.png"):
            Image.open(image).load()
            before[image] = image.stat().st_mtime_ns
        named = [p for p in out.glob("*.hea") if "# Image:" in p.read_text()]
        finish(*command)
        assert len(list(out.glob("*.png"))) == len(list(self.waveforms.glob("*.hea")))
        for header in named:
            image = out / f"{header.stem}-0.png"
            assert image.stat().st_mtime_ns == before[image], f"{image} was printed twice"
        return killed

    def running(self, seconds: float | None) -> bool:
        """Headers of outputs are whole, with or without labels."""
        out = self.folder / "outputs"
        shutil.rmtree(out, ignore_errors=True)
        command = ("run_model.py", self.model, self.hidden, out)
        killed = seconds is not None and kill_after(start(*command), seconds)
        for header in out.rglob("*.hea"):
            text, source = header.read_text(), (self.hidden / header.name).read_text()
            assert text.startswith(source), f"{header} is half a header"
            assert text == source or text.endswith("\n"), f"{header} has half a line of labels"
        shutil.rmtree(out, ignore_errors=True)
        finish(*command)
        assert all("# Labels:" in path.read_text() for path in out.rglob("*.hea"))
        return killed

    def simulating(self, seconds: float | None) -> bool:
        """A header means a whole record, and the set is the same in the end."""
        out = self.folder / "simulated"
        shutil.rmtree(out, ignore_errors=True)
        command = ("-m", "giraffe", "simulate", "-o", out, "-n", 60, "--jobs", 2)
        killed = seconds is not None and kill_after(start(*command), seconds)
        for header in out.glob("*.hea"):
            assert header.with_suffix(".dat").stat().st_size == 12 * 5000 * 2
        finish(*command)
        assert len(list(out.glob("*.hea"))) == 60
        return killed


KINDS = ("training", "printing", "running", "simulating")


def report_faults(args) -> None:
    """So many kills, in turn over the kinds of work."""
    rng = random.Random(args.seed)
    counts: collections.Counter = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        faults = Faults(Path(folder))
        for k in range(args.number):
            kind = KINDS[k % len(KINDS)]
            counts[f"{kind}: {faults.once(kind, rng)}"] += 1
            print(f"{k + 1}/{args.number} {dict(counts)}", flush=True)
    print(f"{args.number} faults, nothing lost: {dict(counts)}")


# Load


def make_large_folder(folder: Path, number: int) -> None:
    """Headers of so many records with links to a few images."""
    from giraffe.ecg.simulate import draw_labels

    finish("-m", "giraffe", "simulate", "-o", folder / "few", "-n", 20)
    finish("-m", "giraffe", "print", "-i", folder / "few", "-o", folder / "few", "-r", 50)
    images = sorted((folder / "few").glob("*.png"))
    text = next((folder / "few").glob("*.hea")).read_text().split("# Labels:")[0]
    (folder / "many").mkdir()
    for k in range(number):
        name = f"r{k:06d}"
        labels = ", ".join(draw_labels(np.random.default_rng(k), prevalence="ptbxl"))
        first = text.split("\n", 1)[0].split(" ", 1)[1]
        rest = text.split("\n", 1)[1]
        (folder / "many" / f"{name}.hea").write_text(
            f"{name} {first}\n{rest}# Labels: {labels}\n# Image: {name}-0.png\n"
        )
        image = folder / "many" / f"{name}-0.png"
        # A byte after the end makes each a file of its own, as in a real data set.
        image.write_bytes(images[k % len(images)].read_bytes() + k.to_bytes(4, "big"))


def report_load(args) -> None:
    """Time and memory until training could begin, without the network."""
    with tempfile.TemporaryDirectory() as folder:
        make_large_folder(Path(folder), args.number)
        code = (
            "import resource, sys, time\n"
            "start = time.monotonic()\n"
            "from giraffe.settings import Settings\n"
            "from giraffe.learning.split import find_training_records, split_records\n"
            "records = find_training_records(sys.argv[1])\n"
            "training, validation = split_records(records, Settings())\n"
            "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
            "print(f'{len(training)} + {len(validation)} records found and split in '"
            "f'{time.monotonic() - start:.1f} s, peak {peak:.0f} MB')\n"
        )
        process = start("-c", code, Path(folder) / "many")
        print(process.communicate()[0], end="")


def report_running(args) -> None:
    """Memory of the entry over so many records, every hundred of them."""
    from giraffe.network.classifier import Classifier

    with tempfile.TemporaryDirectory() as folder:
        make_large_folder(Path(folder), min(args.number, 100))
        data = Path(folder) / "many"
        finish("train_model.py", data, Path(folder) / "model")
        classifier = Classifier(Path(folder) / "model")
        names = sorted(path.with_suffix("") for path in data.glob("*.hea"))
        for k in range(args.number):
            assert classifier.classify_record(names[k % len(names)])
            if (k + 1) % 100 == 0:
                pages = int(Path("/proc/self/statm").read_text().split()[1])
                print(f"{k + 1} records: {pages * os.sysconf('SC_PAGESIZE') >> 20} MB", flush=True)


def main() -> None:
    """Parse arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, run, number in (
        ("fuzz", report_fuzz, 10_000),
        ("faults", report_faults, 50),
        ("load", report_load, 22_000),
        ("running", report_running, 1000),
    ):
        p = commands.add_parser(name, help=run.__doc__)
        p.add_argument("-n", "--number", type=int, default=number)
        p.add_argument("--seed", type=int, default=0)
        p.add_argument("--keep", type=Path, help="folder for cases that fail (fuzz)")
        p.set_defaults(run=run)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
