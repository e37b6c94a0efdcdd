"""Attacks on everything that comes in, faults at random moments, and large folders.

`python -m benchmarks.reliability fuzz -n 10000`: mutated headers, signals, images, model folders
and checkpoints; only the documented errors may come out (`benchmarks.fuzzing`).
`python -m benchmarks.reliability pictures -n 200`: damaged pictures of pages, through `giraffe
digitize` (`benchmarks.damaged`).
`python -m benchmarks.reliability faults -n 50`: kill -9 while training, printing, running,
simulating and digitizing (`benchmarks.faults`).
`python -m benchmarks.reliability load -n 22000`: finding and splitting a large folder.
`python -m benchmarks.reliability running -n 1000`: memory of the entry, record after record.
"""

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.damaged import report_pictures
from benchmarks.faults import KINDS, finish, report_faults, start
from benchmarks.fuzzing import report_fuzz


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
        ("pictures", report_pictures, 200),
        ("faults", report_faults, 50),
        ("load", report_load, 22_000),
        ("running", report_running, 1000),
    ):
        p = commands.add_parser(name, help=run.__doc__)
        p.add_argument("-n", "--number", type=int, default=number)
        p.add_argument("--seed", type=int, default=0)
        if run in (report_fuzz, report_pictures):
            p.add_argument("--keep", type=Path, help="folder for cases that fail")
        if run is report_faults:
            p.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
            p.add_argument("--records", type=int, default=12)
        p.set_defaults(run=run)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
