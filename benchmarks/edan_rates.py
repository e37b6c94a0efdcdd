"""The heart rates that stand in the last line of the EDAN pages, read by templates.

    python -m benchmarks.edan_rates [FOLDER] -o rates.csv

The device's software prints every page alike, so its digits are compared with those of a few pages
whose rates were read by eye.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from benchmarks.charts import ROOT, unpacked
from giraffe.files import csv_text, write_atomically
from giraffe.progress import progress_bar

LINE = slice(-48, -12)  # rows of px from below that hold the last line
AFTER_HEART = slice(566, 606)  # columns behind the heart, before the software's name
DARK = 110
SIZE = (12, 18)  # width and height of templates in px
LEAST = 0.9  # correlation with a template; digits that touch have less and are left out
BY_EYE = {
    "HB10": "85", "HB204": "118", "HB93": "98", "MI191": "57", "MI85": "55", "Normal203": "90",
    "Normal66": "81", "PMI163": "100", "HB106": "123", "HB129": "114", "HB14": "116",
    "HB183": "73", "HB168": "94", "HB115": "112",
}  # fmt: skip


def glyphs(page: np.ndarray) -> list[np.ndarray]:
    """Digits behind the heart, each brought to `SIZE`, without their mean and of length 1."""
    line = page[LINE, AFTER_HEART]
    ink = line < DARK
    columns = np.concatenate([[False], ink.any(axis=0), [False]])
    edges = np.flatnonzero(np.diff(columns.astype(int)))
    found = []
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        rows = np.flatnonzero(ink[:, first:last].any(axis=1))
        if rows[-1] - rows[0] < 8:
            continue
        # On one pen's width, so that a 1 stays narrow.
        box = np.full((rows[-1] - rows[0] + 1, max(last - first, 12)), 255, np.uint8)
        box[:, (box.shape[1] - last + first) // 2 :][:, : last - first] = line[
            rows[0] : rows[-1] + 1, first:last
        ]
        small = cv2.resize(box, SIZE, interpolation=cv2.INTER_AREA).astype(float)
        small -= small.mean()
        found.append(small / np.linalg.norm(small))
    return found


def templates(pages: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A mean glyph for each digit, of the pages of `BY_EYE`."""
    seen: dict[str, list] = {}
    for name, digits in BY_EYE.items():
        found = glyphs(pages[name])
        if len(found) != len(digits):
            raise ValueError(f"{name}: {len(found)} digits instead of {digits}")
        for digit, glyph in zip(digits, found, strict=True):
            seen.setdefault(digit, []).append(glyph)
    return {digit: np.mean(many, axis=0) for digit, many in seen.items()}


def rate_of(page: np.ndarray, known: dict[str, np.ndarray]) -> int | None:
    """The printed rate per minute; None where a digit is none of the known ones."""
    digits = ""
    for glyph in glyphs(page):
        fits = {digit: float((glyph * template).sum()) for digit, template in known.items()}
        best = max(fits, key=fits.get)
        if fits[best] < LEAST:
            return None
        digits += best
    return int(digits) if digits else None


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "runs/edan")
    parser.add_argument("-o", "--output", type=Path, required=True, help="table to write")
    args = parser.parse_args()
    paths = unpacked(args.folder)
    pages = {path.stem: cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in progress_bar(paths)}
    known = templates(pages)
    rates = {path.name: rate_of(pages[path.stem], known) for path in paths}
    rows = [(name, rate) for name, rate in rates.items() if rate is not None]
    write_atomically(args.output, csv_text(("picture", "rate"), rows))
    print(f"{len(rows)} of {len(paths)} rates read.")


if __name__ == "__main__":
    main()
