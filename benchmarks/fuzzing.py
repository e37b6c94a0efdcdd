"""Mutated files for everything that reads what others wrote: headers, signals, images, models.

Only the documented errors may come out, and nothing may hang. Run by `benchmarks.reliability`.
"""

import collections
import json
import random
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

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


def fuzz(
    cases: int,
    seed: int = 0,
    keep: Path | None = None,
    made: Callable[[Path], Iterable] = targets,
) -> dict[str, collections.Counter]:
    """So many cases over all targets.

    Parameters
    ----------
    cases : int
    seed : int
        Case k of a seed is always the same.
    keep : path, optional
        Gets the files of cases that did what they must not.
    made : callable
        Makes the targets, in a folder for what they need.

    Returns
    -------
    dict of str to Counter
        By target, how many were ``read``, ``refused``, or ended otherwise.
    """
    import logging

    logging.disable(logging.CRITICAL)  # thousands of warnings
    found: dict[str, collections.Counter] = {}
    with tempfile.TemporaryDirectory() as whole, tempfile.TemporaryDirectory() as place:
        known = list(made(Path(whole)))
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
            for path in Path(place).iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    logging.disable(logging.NOTSET)
    return found


def report_fuzz(args, made: Callable[[Path], Iterable] = targets) -> None:
    """Print a table of outcomes; exit status 1 if any is not allowed."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.monotonic()
    found = fuzz(args.number, args.seed, args.keep, made)
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
