"""Pictures of pages, damaged as files and as pictures, through `giraffe digitize`.

Each must end as a whole record, or as none with a reason; never with an error of Python's. Run by
`benchmarks.reliability`.
"""

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from benchmarks.fuzzing import mutate, report_fuzz
from giraffe.ecg.records import Header, Waveform
from giraffe.ecg.simulate import LEADS, simulate
from giraffe.printout.presets import print_in_memory

PAGES = (("D1", 700), ("color-scan-clean", 900), ("phone-clean", 900))
"""Presets, and px of the longer side: small, so that many can be tried."""


def _noise(pixels, rng):
    level = rng.uniform(5, 120)
    return np.clip(pixels + rng.normal(0, level, pixels.shape), 0, 255).astype(np.uint8)


def _cut(pixels, rng):
    height, width = pixels.shape[:2]
    top, left = (int(rng.integers(0, side - 1)) for side in (height, width))
    bottom, right = int(rng.integers(top + 1, height)), int(rng.integers(left + 1, width))
    return pixels[top:bottom, left:right]


def _covered(pixels, rng):
    covered = pixels.copy()
    for _ in range(rng.integers(1, 5)):
        (top, bottom), (left, right) = (
            sorted(rng.integers(0, side, 2)) for side in pixels.shape[:2]
        )
        covered[top:bottom, left:right] = rng.integers(0, 256, 3)
    return covered


def _squeezed(pixels, rng):
    size = [max(1, int(side * 10 ** rng.uniform(-2.5, 0.3))) for side in pixels.shape[1::-1]]
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def _turned(pixels, rng):
    size = pixels.shape[1::-1]
    turn = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), rng.uniform(-180, 180), 1.0)
    return cv2.warpAffine(pixels, turn, size, borderMode=cv2.BORDER_REFLECT)


def _doubled(pixels, rng):
    return np.concatenate([pixels, pixels[:: rng.choice([-1, 1])]], axis=int(rng.integers(2)))


def _sheared(pixels, rng):
    """Rows moved against each other, as in a transmission that was lost for a while."""
    moved = pixels.copy()
    for _ in range(rng.integers(1, 6)):
        first = rng.integers(len(moved))
        moved[first:] = np.roll(moved[first:], rng.integers(1, 300), axis=1)
    return moved


def _inverted(pixels, rng):
    return 255 - pixels


def _flat(pixels, rng):
    return np.full_like(pixels, rng.integers(0, 256, 3))


def _ruled(pixels, rng):
    ruled = np.full_like(pixels, 255)
    ruled[:: rng.integers(2, 40)] = rng.integers(0, 200, 3)
    ruled[:, :: rng.integers(2, 40)] = rng.integers(0, 200, 3)
    return ruled


PICTURES = (
    _noise, _cut, _covered, _squeezed, _turned, _doubled, _sheared, _inverted, _flat, _ruled,
)  # fmt: skip


class Damage:
    """One kind of damage, and pages to be damaged.

    Parameters
    ----------
    name : str
    damaged : callable
        Gives a file's content from one of the pages and a `random.Random`.
    pages : list of ndarray of uint8
    """

    def __init__(self, name: str, damaged, pages: list[np.ndarray]):
        self.name, self.damaged, self.pages = name, damaged, pages

    def run(self, folder: Path, rng: random.Random) -> str:
        """Digitize one damaged page, and check all that was written."""
        from giraffe.reading.digitizing import JOURNAL, TABLE, digitize_pictures

        suffix, content = self.damaged(rng.choice(self.pages), rng)
        (folder / "in").mkdir()
        (folder / "in" / f"page{suffix}").write_bytes(content)
        out = folder / "out"
        rows, problems = digitize_pictures([folder / "in"], out, as_csv=True, overlays=True)
        assert all(str(reason).strip() for reason in problems.values()), "no reason"
        assert rows or problems, "neither a row nor a reason"
        digitized = [row["record"] for row in rows if row["record"]]
        names = {JOURNAL, TABLE}
        for record in digitized:
            check_record(out / record)
            names |= {f"{record}{end}" for end in (".hea", ".dat", ".csv", "-overlay.jpg")}
        assert {path.name for path in out.iterdir()} == names, "files that belong to no record"
        return "read" if digitized else "refused"


def check_record(path: Path) -> None:
    """A record as `giraffe digitize` writes it: whole, and with something in it."""
    import wfdb

    record = wfdb.rdrecord(str(path))
    assert record.fs == 500 and set(record.units) == {"mV"}
    assert len(set(record.sig_name)) == record.n_sig, "a lead twice"
    assert np.isfinite(record.p_signal).any(), "a record of nothing"
    assert np.nanmax(np.abs(record.p_signal)) <= 32.767, "more mV than can be written"
    assert record.sig_len <= 60 * record.fs, "a page of more than a minute"


def _as_file(pixels: np.ndarray, rng: random.Random) -> tuple[str, bytes]:
    suffix = rng.choice((".png", ".jpg"))
    settings = [cv2.IMWRITE_JPEG_QUALITY, rng.choice((3, 30, 90))] if suffix == ".jpg" else []
    encoded = cv2.imencode(suffix, pixels[:, :, ::-1], settings)[1]
    return suffix, encoded.tobytes()


def _as_picture(change, pixels: np.ndarray, rng: random.Random) -> tuple[str, bytes]:
    numbers = np.random.default_rng(rng.randrange(2**32))
    return _as_file(np.ascontiguousarray(change(pixels, numbers)), rng)


def _mutated(pixels: np.ndarray, rng: random.Random) -> tuple[str, bytes]:
    suffix, content = _as_file(pixels, rng)
    return suffix, mutate(content, rng)


def _truncated(pixels: np.ndarray, rng: random.Random) -> tuple[str, bytes]:
    suffix, content = _as_file(pixels, rng)
    return suffix, content[: rng.randrange(len(content))]


def damages(folder: Path) -> Iterator[Damage]:
    """All kinds of damage."""
    leads = tuple(LEADS)
    pages = []
    for k, (preset, width) in enumerate(PAGES):
        waveform = Waveform(simulate(17, k).signal, 500.0, leads)
        header = Header("page", 500.0, 5000, leads, (), (), ("NORM",), True, (), {"Age": "60"})
        rng = np.random.default_rng(k)
        pages.append(print_in_memory(waveform, header, preset, rng, None, width)[0])
    yield Damage("bytes changed", _mutated, pages)
    yield Damage("cut off", _truncated, pages)
    for change in PICTURES:
        yield Damage(change.__name__.strip("_"), partial(_as_picture, change), pages)


def report_pictures(args) -> None:
    """Print a table of outcomes of damaged pictures; exit status 1 if any is not allowed."""
    report_fuzz(args, damages)
