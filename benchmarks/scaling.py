"""Does the cost per record stay flat as the data grows? Feed and bookkeeping, the smallest network.

    python -m benchmarks.scaling -o docs/scaling.png [-n 100 300 1000 3000 10000]

Each size is an epoch of the vanilla network at 96 x 192 in a process of its own, from simulated
records with D1 pages of 50 dpi; time and peak memory are the whole process's.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from joblib import Parallel, delayed

from giraffe.ecg.simulate import write_record
from giraffe.files import write_atomically
from giraffe.printout.kit import KitOptions
from giraffe.printout.printing import PrintJob, print_folder

ENVIRONMENT = {"GIRAFFE_PROFILE": "smoke", "GIRAFFE_RECIPE": "2324"}


def child(data: str, model: str) -> None:
    """Train in this process and print what it took."""
    start = time.perf_counter()
    from giraffe.learning.training import train
    from giraffe.settings import Settings

    imported = time.perf_counter()
    train(data, model, Settings.from_environment(), verbose=False)
    done = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"import": imported - start, "seconds": done - imported, "mb": peak}))


def measure(folder: Path, number: int) -> dict:
    """One epoch over the first records of a folder."""
    data = folder / f"data-{number}"
    data.mkdir()
    for k in range(number):
        for path in (folder / "all").glob(f"sim0001_{k:06d}*"):
            os.link(path, data / path.name)
    environment = {**os.environ, **ENVIRONMENT, "GIRAFFE_CACHE_DIR": str(folder / f"c{number}")}
    command = [sys.executable, "-m", "benchmarks.scaling", "--child", str(data)]
    result = subprocess.run(
        [*command, str(folder / f"m{number}")],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    shutil.rmtree(data)
    return {"records": number, **json.loads(result.stdout.splitlines()[-1])}


def plot(rows: list[dict], path: Path) -> None:
    """Milliseconds per record and peak memory over the number of records."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    numbers = [row["records"] for row in rows]
    left.plot(numbers, [1000 * row["seconds"] / row["records"] for row in rows], marker="o")
    left.set_ylabel("ms per record")
    right.plot(numbers, [row["mb"] for row in rows], marker="o")
    right.set_ylabel("peak memory in MB")
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xlabel("records")
        axes.set_ylim(0, 1.15 * axes.dataLim.y1)
        axes.grid(alpha=0.3)
    write_atomically(path, lambda file: figure.savefig(file, format="png", dpi=110))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", help="picture to write")
    parser.add_argument(
        "-n", "--numbers", type=int, nargs="+", default=[100, 300, 1000, 3000, 10000]
    )
    parser.add_argument("--child", nargs=2, metavar=("DATA", "MODEL"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(*arguments.child)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Parallel(2)(
            delayed(write_record)(folder / "all", 1, k) for k in range(max(arguments.numbers))
        )
        job = PrintJob(options=KitOptions(resolution=50))
        print_folder(folder / "all", folder / "all", job, jobs=2, verbose=False)
        rows = []
        for number in arguments.numbers:
            rows.append(measure(folder, number))
            row = rows[-1]
            print(
                f"{number:6} records: {row['seconds']:7.1f} s, "
                f"{1000 * row['seconds'] / number:6.1f} ms per record, {row['mb']:.0f} MB"
            )
        if arguments.output:
            plot(rows, Path(arguments.output))


if __name__ == "__main__":
    main()
