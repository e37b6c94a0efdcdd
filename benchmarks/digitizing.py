"""How well signals are read out of pictures.

    python -m benchmarks.digitizing conditions [RECORDS] -o OUT   D1 and the eight conditions
    python -m benchmarks.digitizing edan [FOLDER] -o OUT          real pages: checks, rate
    python -m benchmarks.digitizing real [FOLDER] -o OUT          real pictures, with overlays
    python -m benchmarks.digitizing speed -o OUT                  core-seconds and memory

Each writes its table into OUT as well as single results.
"""

import argparse
import csv
import resource
import time
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
from joblib import Parallel, delayed

from benchmarks.charts import ROOT, SHARED, one_core, say, table, unpacked, write_csv
from benchmarks.digitizing_scores import score_channel
from giraffe.chart.agreement import einthoven
from giraffe.chart.digitizer import Digitizer, strip_differences
from giraffe.ecg.intervals import measure_parts
from giraffe.ecg.records import open_record, read_waveform
from giraffe.pictures import read_picture, write_picture
from giraffe.printout.kit import D1, kit_image
from giraffe.printout.presets import CONDITIONS, scene_image
from giraffe.printout.printing import encode_png
from giraffe.printout.render import sample_range
from giraffe.progress import progress_bar
from giraffe.randomness import random_stream
from giraffe.reading.digitizing import overlay, row_of, write_record

SEED = 42  # of `print`
DPI = 200
FS = 500.0
CROPPED = "D1-cropped"
"""A D1 page cut to its rows and made 2000 x 960 px, as programs export charts."""
CROPPED_PX, CROPPED_MM = (2000, 960), (6.0, 14.0)  # size; what stays beside and above the rows
PRESETS = ("D1", CROPPED, *CONDITIONS)
RATE_BAR = 3.0  # per minute


def printed(path: Path, preset: str):
    """A page as `print --preset PRESET -r 200` makes it, and what is on it.

    Returns
    -------
    pixels : ndarray of uint8, shape (height, width, 3)
    reference : ndarray, shape (leads, samples)
        In mV; NaN where nothing is printed.
    leads : tuple of str
    """
    record = open_record(path)
    waveform = read_waveform(record)
    rng = random_stream(SEED, record.header.name, 0)
    if preset in ("D1", CROPPED):
        image, drawn = kit_image(waveform, record.header, D1, rng), waveform
    else:
        image = scene_image(waveform, record.header, preset, rng, DPI)
        drawn = image.scene.waveform
    reference = np.full(waveform.signal.shape, np.nan)
    for strip in image.page.strips:
        if strip.lead in waveform.leads:
            first, last = sample_range(strip, waveform)
            samples = drawn.signal[drawn.leads.index(strip.lead), first:last]
            reference[waveform.leads.index(strip.lead), first:last] = samples
    return (cropped(image) if preset == CROPPED else image.pixels), reference, waveform.leads


def cropped(image) -> np.ndarray:
    """A page without all that is not rows of leads, in another proportion."""
    page, (beside, above) = image.page, CROPPED_MM
    ends = [strip.x + (strip.stop - strip.start) * page.speed for strip in page.strips]
    levels = [strip.baseline for strip in page.strips]
    corners = [
        (min(strip.x for strip in page.strips) - beside, min(levels) - above),
        (max(ends) + beside, max(levels) + above),
    ]
    (left, top), (right, bottom) = np.rint(image.to_pixels(corners)).astype(int).clip(0)
    return cv2.resize(
        image.pixels[top:bottom, left:right], CROPPED_PX, interpolation=cv2.INTER_AREA
    )


def score_page(path: Path, preset: str) -> list[dict]:
    """Scores of all channels of one page."""
    one_core()
    pixels, reference, leads = printed(path, preset)
    start = time.process_time()
    reading = Digitizer().read(pixels, FS)
    seconds = time.process_time() - start
    rows = []
    for lead, truth in zip(leads, reference, strict=True):
        found = reading.digitized.lead(lead) if reading.digitized else np.full(len(truth), np.nan)
        rows.append({"preset": preset, "record": path.name, "lead": lead,
                     **asdict(score_channel(truth, found, FS)), "seconds": seconds,
                     "chart": reading.finding.kind})  # fmt: skip
    return rows


def conditions(records: Path, names: list[str], presets, output: Path, jobs: int) -> None:
    """Signal scores of D1 and the eight conditions."""
    paths = {path.stem: path.with_suffix("") for path in records.rglob("*.hea")}
    tasks = [(paths[name], preset) for preset in presets for name in names]
    work = Parallel(jobs, return_as="generator")(delayed(score_page)(*task) for task in tasks)
    rows = [row for page in progress_bar(work, total=len(tasks), desc="pages") for row in page]
    write_csv(output / "conditions.csv", rows)
    lines = []
    for preset in presets:
        part = [row for row in rows if row["preset"] == preset]
        values = {key: np.array([row[key] for row in part], float) for key in part[0]
                  if key not in ("preset", "record", "lead", "chart")}  # fmt: skip
        shift, gain = values["shift"], values["gain"]
        lines.append([
            preset, len({row["record"] for row in part}), f"{np.nanmean(values['snr']):.1f}",
            f"{np.nanmedian(values['snr']):.1f}", f"{np.nanmean(values['official']):.1f}",
            f"{np.nanmedian(shift):.1f}", f"{np.nanmedian(np.abs(shift)):.1f}",
            f"{100 * (np.nanmedian(gain) - 1):+.1f}",
            f"{100 * np.nanmedian(np.abs(gain - 1)):.1f}",
            f"{100 * np.nanmean(values['read']):.1f}",
            f"{100 * values['invented'].sum() / values['unprinted'].sum():.2f}",
            f"{np.median(values['seconds']):.2f}",
        ])  # fmt: skip
    head = ("pages", "n", "SNR", "median", "evaluate_model", "shift ms", "|shift|", "gain %",
            "|gain| %", "read %", "invented %", "s")  # fmt: skip
    say(output, "conditions", table(head, lines))


def checks(name: str, pixels: np.ndarray) -> tuple[dict, object]:
    """What can be said of a real picture without a reference."""
    reading = Digitizer().read(pixels, FS)
    row = {"picture": name, "said": reading.finding.kind, "reason": reading.reason,
           "rate": np.nan, "einthoven": np.nan, "strip": np.nan, "read": np.nan,
           "doubts": "; ".join(reading.doubts)}  # fmt: skip
    digitized = reading.digitized
    if digitized is None:
        return row, reading
    leads = {lead: digitized.lead(lead) for lead in digitized.leads}
    strips = list(strip_differences(digitized).values())
    row |= {
        "rate": measure_parts(leads, FS).rate,
        "einthoven": einthoven(leads, FS),
        "strip": np.mean(strips) if strips else np.nan,
        "read": np.mean([digitized.share_read(lead) for lead in leads]),
    }
    return row, reading


def _read_real(path: Path, shown: Path | None) -> dict:
    one_core()
    pixels = read_picture(path)
    row, reading = checks(path.name, pixels)
    if shown is not None and reading.digitized is not None:
        write_picture(shown / f"{path.stem}.jpg", overlay(pixels, reading.digitized))
    return row


def summary(rows: list[dict]) -> list[str]:
    """Lines about checks without references."""
    text = [f"{sum(row['reason'] == '' for row in rows)} of {len(rows)} digitized"]
    for key, what in (
        ("einthoven", "I + III - II, share of power"),
        ("strip", "strip against its column, share of power"),
        ("read", "share of the printed time that was read"),
    ):
        values = np.array([row[key] for row in rows], float)
        values = values[np.isfinite(values)]
        if len(values):
            marks = ", ".join(f"{np.quantile(values, q):.3f}" for q in (0.5, 0.75, 0.95))
            text.append(f"{what}: median, 75 %, 95 %: {marks} (of {len(values)})")
    return text


def real(folder: Path, output: Path, number: int | None, jobs: int) -> None:
    """Real pictures: checks, and overlays to look at."""
    paths = [p for p in sorted(folder.iterdir()) if p.suffix in (".png", ".jpg", ".jpeg")][:number]
    work = Parallel(jobs, return_as="generator")(delayed(_read_real)(p, output) for p in paths)
    rows = list(progress_bar(work, total=len(paths), desc="real pictures"))
    write_csv(output / "real.csv", rows)
    text = summary(rows)
    text += [f"  {row['picture']}: {row['reason'] or row['doubts']}" for row in rows
             if row["reason"] or row["doubts"]]  # fmt: skip
    say(output, "real", "\n".join(text))


def edan(folder: Path, output: Path, number: int | None, rates: Path | None, jobs: int) -> None:
    """Pages of a hospital's electrocardiograph: checks, and the rate that is printed on them."""
    paths = unpacked(folder)
    if number:
        paths = paths[:: max(len(paths) // number, 1)][:number]
    work = Parallel(jobs, return_as="generator")(delayed(_read_real)(p, None) for p in paths)
    rows = list(progress_bar(work, total=len(paths), desc="EDAN pages"))
    text = summary(rows)
    if rates is not None:
        with rates.open(newline="") as file:
            known = {line["picture"]: float(line["rate"]) for line in csv.DictReader(file)}
        off = {row["picture"]: row["rate"] - known[row["picture"]] for row in rows
               if row["picture"] in known}  # fmt: skip
        near = sum(abs(value) <= RATE_BAR for value in off.values())
        text.append(f"rate within {RATE_BAR:g}/min of the printed one: {near} of {len(off)}")
        text += [f"  {name}: {value:+.0f}" for name, value in off.items()
                 if not abs(value) <= RATE_BAR]  # fmt: skip
    write_csv(output / "edan.csv", rows)
    say(output, "edan", "\n".join(text))


def speed(records: Path, names: list[str], output: Path, number: int) -> None:
    """Core-seconds of a picture with reading and writing, and memory over many."""
    one_core()
    paths = {path.stem: path.with_suffix("") for path in records.rglob("*.hea")}
    folder = output / "speed"
    folder.mkdir(exist_ok=True)
    files = []
    for name in names[:3]:
        for preset in ("D1", "color-scan-clean", "phone-clean"):
            file = folder / f"{name}-{preset}.png"
            file.write_bytes(encode_png(printed(paths[name], preset)[0]))
            files.append(file)
    digitizer = Digitizer()
    seconds, memory = [], []
    for k in range(number):
        file = files[k % len(files)]
        start = time.process_time()
        pixels = read_picture(file)
        reading = digitizer.read(pixels, FS)
        if reading.digitized is not None:
            write_record(folder / file.stem, reading.digitized, file.name)
        row_of(file.name, file.stem, reading)
        seconds.append(time.process_time() - start)
        memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    early = memory[min(len(files) * 2, number - 1)]
    say(output, "speed", "\n".join([
        f"core-seconds a picture: median {np.median(seconds[1:]):.2f}, "
        f"90 % {np.quantile(seconds[1:], 0.9):.2f}",
        f"memory: {early:.0f} MB after {min(len(files) * 2, number - 1)} pictures, "
        f"{memory[-1]:.0f} MB after {number}",
    ]))  # fmt: skip


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["conditions", "edan", "real", "speed"])
    parser.add_argument("folder", nargs="?", type=Path, help="of records or pictures")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to write")
    parser.add_argument("-n", "--number", type=int, help="records or pictures, at most")
    parser.add_argument("--names", type=Path, default=ROOT / "runs/choosing.txt",
                        help="the records' names, one a line")  # fmt: skip
    parser.add_argument("--presets", nargs="+", default=PRESETS, choices=PRESETS)
    parser.add_argument("--rates", type=Path, help="edan: table of the rates that are printed")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    args.output.mkdir(parents=True, exist_ok=True)
    records = args.folder or ROOT / "runs/fold10_prepared"
    if args.what in ("conditions", "speed"):
        names = args.names.read_text().split()
    if args.what == "conditions":
        conditions(records, names[: args.number or 100], args.presets, args.output, args.jobs)
    elif args.what == "speed":
        speed(records, names, args.output, args.number or 1000)
    elif args.what == "edan":
        edan(args.folder or ROOT / "runs/edan", args.output, args.number, args.rates, args.jobs)
    else:
        real(args.folder or SHARED / "data/real_pictures", args.output, args.number, args.jobs)


if __name__ == "__main__":
    main()
