"""How well charts are read: real pictures, a hospital's pages, our own pages, and none at all.

    python -m benchmarks.charts real [FOLDER] -o OUT    real pictures, lying on each of four sides
    python -m benchmarks.charts edan [FOLDER] -o OUT    469 real pages, as they are and changed
    python -m benchmarks.charts own -o OUT              own pages that no training shows
    python -m benchmarks.charts none -o OUT             pictures without a chart
    python -m benchmarks.charts speed -o OUT            core-seconds by size, beside the network's

Each writes its table into OUT as well as single results. `none` also counts what the other three
left in OUT as refused wrongly, so it comes after them.
"""

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from joblib import Parallel, delayed
from tqdm import tqdm

from benchmarks.chart_truth import (
    SEED,
    Known,
    changed,
    edan_page,
    judged,
    marked_cells,
    own_page,
)
from giraffe.chart.chart import turn_pixels
from giraffe.chart.reader import Finding, find_chart
from giraffe.chart.reading import read_chart
from giraffe.device import autocast
from giraffe.judging.metrics import auroc_per_class
from giraffe.network.classifier import Classifier
from giraffe.pictures import read_picture
from giraffe.printout.others import TRAINING_KINDS, UNSEEN_KINDS, label_of, other_picture
from giraffe.randomness import random_stream

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
TURNS = (0, 90, 180, 270)  # degrees clockwise
WRONG = 0.03  # corner error from which on a chart counts as not found
FINE = 100  # dpi from which on names, grid and pulses are judged
WIDTHS = (600, 1100, 2200, 3300, 6000)  # px at which the time is taken; 2200 x 1700 is the issue's


def table(head: Sequence[str], rows: Iterable[Sequence]) -> str:
    """Columns under their heads, the first to the left and the others to the right."""
    lines = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
        for line in lines
    )


def say(output: Path, name: str, text: str) -> None:
    """Print a table and keep it."""
    print(text)
    (output / f"{name}.txt").write_text(text + "\n")


def share(right: Iterable) -> str:
    """So many of so many, and per cent."""
    right = list(right)
    return f"{sum(right)}/{len(right)} {100 * np.mean(right):.1f} %" if right else "-"


def write_csv(path: Path, rows: list[dict]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def found_row(name: str, turned: int, finding: Finding) -> dict:
    """A line of check_charts.py's table, with further columns.

    The picture was turned clockwise by `turned` before the reader saw it; its corners are in shares
    of what it saw, the first one the upper left of the chart that is read upright. That is what
    check_charts.py means by its column of that name.
    """
    chart = finding.chart
    corners = [""] * 8 if chart is None else np.round(chart.corners.ravel(), 5).tolist()
    names = [f"{axis}{k}" for k in (1, 2, 3, 4) for axis in "xy"]
    row = {"picture": name, "turned": turned, **dict(zip(names, corners, strict=True))}
    across, down = (chart and chart.px_per_mm) or ("", "")
    return row | {
        "lies": "" if chart is None else (360 - chart.turned) % 360,
        "said": finding.kind, "certainty": round(finding.certainty, 4),
        "layout": "" if chart is None else chart.layout,
        "speed": chart and chart.speed, "gain": chart and chart.gain,
        "px/mm across": across, "px/mm down": down,
    }  # fmt: skip


def check(found: Path, rows: list[dict], marks: Path) -> dict[str, str]:
    """What check_charts.py says of a table of found charts: the faults of those that fail."""
    write_csv(found, rows)
    command = [sys.executable, str(SHARED / "tools/check_charts.py"), str(found), str(marks)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found.with_suffix(".txt").write_text(text)
    return dict(line.rsplit(": ", 1) for line in text.splitlines()[:-1])


def certainty_of_failures(failed: Sequence[bool], certainty: Sequence[float]) -> str:
    """Whether failures stand among the least certain."""
    failed, certainty = np.array(failed, bool), np.array(certainty, float)
    if not failed.any() or failed.all():
        return f"{failed.sum()} of {len(failed)} failed"
    area = auroc_per_class(failed[:, None], -certainty[:, None])[0]
    below = np.sort(certainty)[failed.sum() - 1]
    least = (certainty[failed] <= below).sum()
    middle = [np.median(certainty[part]) for part in (~failed, failed)]
    return (
        f"certainty: median {middle[0]:.2f} of good ones, {middle[1]:.2f} of {failed.sum()} failed;"
        f" AUROC of failing by certainty {area:.3f}; {least} of the failed among the least certain"
        f" {failed.sum()}"
    )


def real(folder: Path, output: Path, number: int | None) -> None:
    """Real scans, photographs and screens, turned by each multiple of 90 degrees."""
    lines = (folder / "marks.jsonl").read_text().splitlines()
    marks = [mark for mark in map(json.loads, lines) if mark["usable"]][:number]
    (output / "real_marks.jsonl").write_text("".join(json.dumps(m) + "\n" for m in marks))
    summary, details = [], []
    for turned in TURNS:
        rows, findings = [], {}
        for mark in tqdm(marks, desc=f"turned by {turned}"):
            pixels = turn_pixels(read_picture(folder / mark["name"]), turned)
            findings[mark["name"]] = finding = read_chart(pixels)
            rows.append(found_row(mark["name"], turned, finding))
        faults = check(output / f"found_{turned}.csv", rows, output / "real_marks.jsonl")
        failed = [Path(mark["name"]).stem in faults for mark in marks]
        charts = [findings[mark["name"]].chart for mark in marks]
        known = [(mark, chart) for mark, chart in zip(marks, charts, strict=True) if chart]
        layouts = [c.layout == m["layout"].removeprefix("other: ") for m, c in known]
        cells = np.sum([marked_cells(m, c, turned) for m, c in known] or [(0, 0)], axis=0)
        scales = [
            [getattr(c, ours) == m[theirs] for m, c in known if m[theirs]]
            for ours, theirs in (("speed", "speed_mm_s"), ("gain", "gain_mm_mv"))
        ]
        summary.append([turned, share(not bad for bad in failed),
                        share(bool(c and (c.turned + turned) % 360 == 0) for c in charts),
                        share(layouts), f"{cells[0]}/{cells[1]}", *map(share, scales)])  # fmt: skip
        certainty = [row["certainty"] for row in rows]
        details.append(f"turned by {turned}: {certainty_of_failures(failed, certainty)}")
        for mark, row, bad in zip(marks, rows, failed, strict=True):
            if bad:
                why = faults[Path(mark["name"]).stem]
                details.append(f"  {mark['name']}: {why} ({row['said']}, {row['certainty']})")
    head = ("turned", "found", "upright", "layout", "cells", "speed", "gain")
    say(output, "real", "\n".join([table(head, summary), *details]))


def unpacked(folder: Path) -> list[Path]:
    """The EDAN pages in a folder; they are unpacked into it if there are none."""
    pages = sorted(folder.rglob("*.jpg"))
    if not pages:
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(SHARED / "data/edan_pages.tar.xz") as archive:
            archive.extractall(folder, filter="data")
        pages = sorted(folder.rglob("*.jpg"))
    return pages


def edan(folder: Path, output: Path, number: int | None, jobs: int) -> None:
    """Pages of a hospital's electrocardiograph, as they are and changed."""
    paths = unpacked(folder)
    if number:
        paths = paths[:: max(len(paths) // number, 1)][:number]
    work = Parallel(jobs, return_as="generator")(delayed(_read_edan)(path) for path in paths)
    both = list(tqdm(work, total=len(paths), desc="EDAN pages"))
    text = []
    for k, way in enumerate(("as they are", "changed")):
        found, rows, marks = zip(*(pair[k] for pair in both), strict=True)
        path = output / f"edan_marks_{k}.jsonl"
        path.write_text("".join(json.dumps(mark) + "\n" for mark in marks))
        faults = check(output / f"edan_found_{k}.csv", list(found), path)
        write_csv(output / f"edan_{k}.csv", list(rows))
        failed = [Path(row["picture"]).stem in faults for row in rows]
        text.append(f"{way}: {share(not bad for bad in failed)} found")
        text.append(quality(rows))
        text.append(certainty_of_failures(failed, [row["certainty"] for row in rows]))
        text += [f"  {name}: {why}" for name, why in faults.items()] + [""]
    say(output, "edan", "\n".join(text[:-1]))


def _read_edan(path: Path) -> list[tuple[dict, dict, dict]]:
    """A page as it is and changed: the line for check_charts.py, our judgement, the mark."""
    one_core()
    known = edan_page(path)
    rng = random_stream(SEED, "EDAN", path.name)
    pages = [(known, 0), (changed(known, rng), int(rng.choice(TURNS)))]
    results = []
    for page, turn in pages:
        finding = read_chart(turn_pixels(page.pixels, turn))
        row = found_row(path.name, turn, finding)
        results.append((row, judged(page, turn, finding), page.mark(path.name)))
    return results


def quality(rows: Sequence[dict]) -> str:
    """Tables of judged pages by their kind, and certainty against error."""
    kinds = dict.fromkeys(row["kind"] for row in rows)
    groups = [(kind, [row for row in rows if row["kind"] == kind]) for kind in kinds]
    head = ("kind", "pages", "refused", "median", "95 %", "99 %", "upright", "layout", "leads",
            "grid", "px/mm", "speed", "gain")  # fmt: skip
    lines = []
    for kind, group in [*groups, ("all", list(rows))]:
        errors = np.array([row["error"] for row in group])
        marks = np.quantile(errors, (0.5, 0.95, 0.99), method="higher")
        fine = [row for row in group if row["dpi"] >= FINE]
        grid = [row for row in fine if row["grid"]]
        scaled = [row for row in fine if row["scaled"]]
        names, right = (sum(row[key] for row in fine) for key in ("names", "names right"))
        lines.append([
            kind, len(group), sum(row["said"] != "chart" for row in group),
            *(f"{100 * mark:.2f}" for mark in marks), percent(row["upright"] for row in group),
            percent(row["layout"] == row["layout found"] for row in group),
            f"{100 * right / names:.1f}" if names else "-",
            percent(row["grid"] == np.isfinite(row["px/mm off"]) for row in fine),
            percent(row["px/mm off"] < 0.01 for row in grid),
            percent(row["speed"] == row["speed found"] for row in scaled),
            percent(row["gain"] == row["gain found"] for row in scaled),
        ])  # fmt: skip
    bad = [not row["error"] <= WRONG for row in rows]
    said = certainty_of_failures(bad, [row["certainty"] for row in rows])
    note = (
        f"(corner errors and all shares in %; from {FINE} dpi on: leads where their names are\n"
        "seen, whether a grid is seen, px/mm where there is one, speed and gain with a pulse too)"
    )
    certain = f"corner error above {100 * WRONG:.0f} %: {said}"
    return "\n".join([table(head, lines), note, certain])


def percent(right: Iterable) -> str:
    right = list(right)
    return f"{100 * np.mean(right):.1f}" if right else "-"


def own(output: Path, number: int | None, jobs: int) -> None:
    """Own pages that no training shows, upright and turned."""
    number = number or 300
    work = Parallel(jobs, return_as="generator")(delayed(_read_own)(k) for k in range(number))
    rows = [row for pair in tqdm(work, total=number, desc="own pages") for row in pair]
    write_csv(output / "own.csv", rows)
    parts = {"upright": rows[::2], "turned": rows[1::2]}
    text = [f"{way}\n{quality(part)}" for way, part in parts.items()]
    by_layout = [{**row, "kind": row["layout"]} for row in sorted(rows, key=lambda r: r["layout"])]
    text.append(f"by layout, upright and turned\n{quality(by_layout)}")
    say(output, "own", "\n\n".join(text))


def _read_own(k: int) -> list[dict]:
    one_core()
    known = own_page(k)
    quarter = int(random_stream(SEED, "quarter", k).choice(TURNS[1:]))
    return [
        judged(known, turn, read_chart(turn_pixels(known.pixels, turn))) for turn in (0, quarter)
    ]


def none(output: Path, each: int, jobs: int) -> None:
    """Pictures without a chart, and what was refused wrongly by the other commands."""
    tasks = [(kind, k) for kind in (*UNSEEN_KINDS, *TRAINING_KINDS) for k in range(each)]
    work = Parallel(jobs, return_as="generator")(delayed(_read_other)(*task) for task in tasks)
    rows = list(tqdm(work, total=len(tasks), desc="pictures without a chart"))
    write_csv(output / "none.csv", rows)
    lines = []
    groups = {kind: (kind,) for kind in (*UNSEEN_KINDS, *TRAINING_KINDS)}
    groups |= {"all unseen": UNSEEN_KINDS, "all of training": TRAINING_KINDS}
    groups["all"] = (*UNSEEN_KINDS, *TRAINING_KINDS)
    for name, kinds in groups.items():
        part = [row for row in rows if row["kind"] in kinds]
        refused = share(row["said"] != "chart" for row in part)
        named = share(row["said"] == label_of(row["kind"]) for row in part)
        sure = f"{max(row['certainty'] for row in part):.2f}"
        lines.append([name, "unseen" if name in UNSEEN_KINDS else "", refused, named, sure])
    head = ("kind", "", "refused", "said what it is", "most certain")
    text = [table(head, lines), "", "refused wrongly:"]
    for name, files in (
        ("real pictures", [f"found_{turn}.csv" for turn in TURNS]),
        ("EDAN pages", ["edan_found_0.csv", "edan_found_1.csv"]),
        ("own pages", ["own.csv"]),
    ):
        for file in files:
            if (output / file).exists():
                with (output / file).open(newline="") as handle:
                    said = share(row["said"] != "chart" for row in csv.DictReader(handle))
                text.append(f"  {name}, {file}: {said}")
            else:
                text.append(f"  {name}: {file} is not there yet")
    say(output, "none", "\n".join(text))


def _read_other(kind: str, k: int) -> dict:
    one_core()
    pixels = other_picture(kind, random_stream(SEED, "other", kind, k))
    finding = find_chart(pixels)
    size = f"{pixels.shape[1]} x {pixels.shape[0]}"
    return {"kind": kind, "number": k, "size": size, "said": finding.kind,
            "certainty": round(finding.certainty, 4)}  # fmt: skip


def one_core() -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def speed(output: Path, number: int | None) -> None:
    """Seconds of one core, beyond decoding, by the picture's size."""
    one_core()
    pages = [own_page(k) for k in range(number or 15)]
    quarters = (90, 180, 270)
    ways = {"corners": find_chart, "whole chart": read_chart}
    lines = []
    for width in WIDTHS:
        height = round(width * 1700 / 2200)
        times: dict[str, list[float]] = {name: [] for name in (*ways, "turned")}
        for k, page in enumerate(pages):
            pixels = _resized(page, height, width)
            for name, read in ways.items():
                times[name].append(core_seconds(partial(read, pixels)))
            turned = turn_pixels(pixels, quarters[k % 3])
            times["turned"].append(core_seconds(partial(read_chart, turned)))
        lines.append([f"{width} x {height}", *map(milliseconds, times.values())])
    classifier = Classifier(device=torch.device("cpu"), signals=False)
    size = tuple(classifier.description["size"])
    image = torch.zeros((1, 3, *size), dtype=torch.uint8)

    def classify():
        with torch.inference_mode(), autocast(classifier.device, classifier.precision):
            classifier.networks[0](image)

    network = milliseconds([core_seconds(classify) for _ in range(5)])
    head = ("picture", "corners", "whole chart", "whole chart, turned")
    text = [
        table(head, lines),
        "(ms of one core beyond decoding: median, 90th percentile)",
        f"the classifier's network, one image of {size[0]} x {size[1]}, "
        f"{classifier.precision}: {network}",
    ]
    say(output, "speed", "\n".join(text))


def _resized(page: Known, height: int, width: int) -> np.ndarray:
    shrinks = page.pixels.shape[1] > width
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(page.pixels, (width, height), interpolation=method)


def core_seconds(work: Callable) -> float:
    """Of the second of two calls; another process on the same core does not count."""
    work()
    start = time.process_time()
    work()
    return time.process_time() - start


def milliseconds(values: Sequence[float]) -> str:
    return f"{1000 * statistics.median(values):.0f}, {1000 * np.quantile(values, 0.9):.0f}"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["real", "edan", "own", "none", "speed"])
    parser.add_argument("folder", nargs="?", type=Path, help="of pictures: for real and edan")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to write")
    parser.add_argument("-n", "--number", type=int, help="pictures or pages, at most")
    parser.add_argument("--each", type=int, default=10, help="none: pictures of each kind")
    parser.add_argument("--jobs", type=int, default=1, help="processes that read pages")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    if args.what == "real":
        real(args.folder or SHARED / "data/real_pictures", args.output, args.number)
    elif args.what == "edan":
        edan(args.folder or ROOT / "runs/edan", args.output, args.number, args.jobs)
    elif args.what == "own":
        own(args.output, args.number, args.jobs)
    elif args.what == "none":
        none(args.output, args.each, args.jobs)
    else:
        speed(args.output, args.number)


if __name__ == "__main__":
    main()
