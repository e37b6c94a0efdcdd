"""The entry's own default: which recipe an organiser gets the better model from.

    python -m benchmarks.defaults runs/fold10_prepared --choosing runs/choosing.txt -o runs/defaults

320 records of the folder that are not among the choosing ones are printed as image files, as the
organisers' are, and each candidate trains on them with `train_model.py`, configured by nothing but
the environment: the paper's recipe 2322 from random weights, and `giraffe` from the shipped model.
The choosing records, which trained neither, are then read in all eight capture conditions. (The
shipped model's own thresholds may have been chosen on them; those of the two candidates are made
by their training.) What is finished is kept, so an interrupted call continues.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from giraffe.files import copy_with_times, markdown_table, write_atomically
from giraffe.judging.conditions import printed_records, score_conditions
from giraffe.network.checkpoint import DESCRIPTION
from giraffe.printout.presets import CONDITIONS, KITS
from giraffe.printout.printing import PrintJob, print_folder
from giraffe.randomness import random_stream
from giraffe.recipe import SHIPPED

ROOT = Path(__file__).resolve().parents[1]
CANDIDATES = {"2322": "random", "giraffe": "shipped"}
"""Recipes, and where they start."""
SEED = 42


def gather(data: Path, choosing: set[str], number: int, preset: str, target: Path) -> None:
    """Print so many records that do not choose, drawn from all of them, into a folder."""
    records = [record for record in printed_records(data) if record.path.name not in choosing]
    order = random_stream(SEED, "defaults").permutation(len(records))[:number]
    waveforms = target.with_name(target.name + "_signals")
    for record in (records[i] for i in order):
        for path in [record.path.with_suffix(".hea"), *record.signals()]:
            copy_with_times(path, waveforms / path.name)
    print_folder(waveforms, target, PrintJob(options=KITS[preset], seed=SEED))


def train(recipe: str, data: Path, model: Path, profile: str, cap: int | None) -> float:
    """Train a candidate in a process of its own; minutes that it took."""
    note = model / "minutes.txt"
    if (model / DESCRIPTION).exists() and note.exists():
        return float(note.read_text())
    settings = {
        "GIRAFFE_RECIPE": recipe,
        "GIRAFFE_INITIAL": CANDIDATES[recipe],
        "GIRAFFE_PROFILE": profile,
        "GIRAFFE_SEED": str(SEED),
    }
    command = ["train_model.py", "-d", data, "-m", model, "-v"]
    if cap is not None:  # which the environment cannot say
        command = ["-m", "giraffe", "train", data, "-m", model, "--records", cap]
    start = time.monotonic()
    subprocess.run(
        [sys.executable, *map(str, command)], cwd=ROOT, env={**os.environ, **settings}, check=True
    )
    minutes = (time.monotonic() - start) / 60
    write_atomically(note, f"{minutes:.1f}\n")
    return minutes


def row(title: str, minutes: float | None, scores: Path) -> list[str]:
    """A candidate's cells, from the folder that `score_conditions` wrote."""
    found = [json.loads((scores / f"{name}.json").read_text()) for name in CONDITIONS]
    cells = []
    for score in ("f", "auroc"):
        values = [one[score] for one in found]
        cells += [f"{values[0]:.3f}", f"{np.mean(values):.3f}", f"{min(values):.3f}"]
    return [title, "" if minutes is None else f"{minutes:.1f}", *cells]


HEAD = [
    "", "minutes", "F, clean colour scan", "F, mean of 8", "F, worst", "AUROC, clean colour scan",
    "AUROC, mean of 8", "AUROC, worst",
]  # fmt: skip


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="real records with labels and waveforms")
    parser.add_argument("--choosing", type=Path, required=True, help="file of names to score")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to write")
    parser.add_argument("--records", type=int, default=320, help="to train on (320)")
    parser.add_argument("--held_out", type=int, help="so many of the choosing records alone")
    parser.add_argument("--profile", default="demo", help="at which scale (demo)")
    parser.add_argument("--cap", type=int, help="records of them that are used; the profile's cap")
    parser.add_argument("--preset", default="D3", help="how they are printed (D3)")
    parser.add_argument("--least", type=int, default=10, help="positives a class needs (10)")
    parser.add_argument("--shipped", action="store_true", help="score the shipped model too")
    args = parser.parse_args()
    names = args.choosing.read_text().split()
    data = args.output / "data"
    gather(args.data, set(names), args.records, args.preset, data)
    names = names[: args.held_out]
    models = {f"{recipe} from {initial}": recipe for recipe, initial in CANDIDATES.items()}
    rows = []
    for title, recipe in [*models.items(), *[("shipped, as it is", None)] * args.shipped]:
        model, minutes = SHIPPED, None
        if recipe is not None:
            model = args.output / f"model-{recipe}"
            minutes = train(recipe, data, model, args.profile, args.cap)
        scores = args.output / f"scores-{recipe or 'shipped'}"
        score_conditions(args.data, model, scores, set(names), args.least, samples=0)
        rows.append(row(title, minutes, scores))
    used = "" if args.cap is None else f", at most {args.cap} of them"
    table = markdown_table(HEAD, rows) + (
        f"\n{args.records} training records{used}, profile {args.profile}; {len(names)} held-out "
        f"records, macro over the classes with at least {args.least} positives among them.\n"
    )
    write_atomically(args.output / "defaults.md", table)
    print(table, end="")


if __name__ == "__main__":
    main()
