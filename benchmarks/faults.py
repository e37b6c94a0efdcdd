"""Work that is killed at random moments, and what must hold afterwards.

Run by `benchmarks.reliability`.
"""

import collections
import functools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from giraffe.__main__ import main as program

DIGITIZED = 4  # pages at most: each takes a second
ROOT = Path(__file__).resolve().parents[1]


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
        self.seconds: dict[str, float] = {}

    @functools.cached_property
    def whole(self) -> dict[str, bytes]:
        """Weights of a training that nobody disturbed, by their files' names."""
        begin = time.monotonic()
        finish(*self.train_command)
        self.seconds["training"] = time.monotonic() - begin
        return self._weights()

    def _weights(self) -> dict[str, bytes]:
        return {p.name: p.read_bytes() for p in self.model.glob("weights-*.pt")}

    def once(self, kind: str, rng: random.Random) -> str:
        """One kill at a random moment, then the checks; the outcome in a word."""
        run = getattr(self, kind)
        if kind in ("training", "running"):
            assert self.whole
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
        assert self._weights() == self.whole, "other weights after an interruption"
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
        """Headers of outputs are whole, with or without signals and labels."""
        out = self.folder / "outputs"
        shutil.rmtree(out, ignore_errors=True)
        command = ("run_model.py", self.model, self.hidden, out)
        killed = seconds is not None and kill_after(start(*command), seconds)
        for header in out.rglob("*.hea"):
            _check_output(header, self.hidden / header.name)
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

    def digitizing(self, seconds: float | None) -> bool:
        """Records are whole, finished ones stay, and all is there in the end as if at once."""
        import wfdb

        from giraffe.reading.digitizing import JOURNAL, TABLE

        pages, out = self.folder / "pages", self.folder / "digitized"
        if not pages.exists():
            call("print", "-i", self.waveforms, "-o", pages, "--preset", "D1", "-r", 80)
            for page in sorted(pages.glob("*.png"))[DIGITIZED:]:
                page.unlink()
        shutil.rmtree(out, ignore_errors=True)
        command = ("-m", "giraffe", "digitize", pages, "-o", out, "--csv", "--overlay")
        killed = seconds is not None and kill_after(start(*command), seconds)
        whole = set()
        for header in out.glob("*.hea"):
            assert wfdb.rdsamp(str(header.with_suffix("")))[0].shape[1] == 12
            whole.add(header.stem)
        lines = (out / JOURNAL).read_text().splitlines() if (out / JOURNAL).exists() else []
        done = {entry["name"]: entry for entry in map(json.loads, lines[:-1])}
        times = {name: (out / f"{name}.hea").stat().st_mtime_ns for name in done}
        assert done.keys() <= whole
        finish(*command)
        for name, time_ns in times.items():
            assert (out / f"{name}.hea").stat().st_mtime_ns == time_ns, f"{name} was read twice"
        files = {p.name: p.read_bytes() for p in out.iterdir() if p.name != JOURNAL}
        assert TABLE in files and not any(name.startswith(".") for name in files)
        first = self.__dict__.setdefault("digitized", files)
        assert files == first, "other signals after an interruption"
        return killed


def _check_output(header: Path, source: Path) -> None:
    """What `run_model.py` left is the source, or the source with signals, and then labels."""
    import wfdb

    from giraffe.classes import CLASSES

    text, hidden = header.read_text(), source.read_text()
    body, mark, labels = text.partition("# Labels:")
    if mark:
        assert labels.endswith("\n"), f"{header} has half a line of labels"
        assert {name.strip() for name in labels.split(",")} <= set(CLASSES)
    if body == hidden:
        return
    found, meant = (wfdb.rdheader(str(path.with_suffix(""))) for path in (header, source))
    assert (found.sig_name, found.fs, found.sig_len) == (meant.sig_name, meant.fs, meant.sig_len)
    assert all(f"#{line}" in body.replace("# ", "#") for line in meant.comments)
    if mark:  # labels come after signals
        signals = wfdb.rdsamp(str(header.with_suffix("")))[0]
        assert np.isfinite(signals).any(), f"{header}: no signals"


KINDS = ("training", "printing", "running", "simulating", "digitizing")


def report_faults(args) -> None:
    """So many kills, in turn over the kinds of work."""
    rng = random.Random(args.seed)
    counts: collections.Counter = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        faults = Faults(Path(folder), args.records)
        for k in range(args.number):
            kind = args.kinds[k % len(args.kinds)]
            counts[f"{kind}: {faults.once(kind, rng)}"] += 1
            print(f"{k + 1}/{args.number} {dict(counts)}", flush=True)
    print(f"{args.number} faults, nothing lost: {dict(counts)}")
