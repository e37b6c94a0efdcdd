"""Peak memory of bulk printing: the command and all its processes together (Linux).

python -m benchmarks.bulk_memory RECORDS [--jobs 2] [--preset D3]
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def tree_of(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += [int(child) for child in task.read_text().split()]
            except OSError:  # it has ended meanwhile
                continue
    return found


def memory_of(pid: int) -> int:
    """Proportional set size in bytes: shared pages are divided among those who share them."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("records")
    parser.add_argument("--jobs", default="2")
    parser.add_argument("--preset", default="D3")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as output:
        start = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "giraffe", "print", "-i", args.records, "-o", output,
             "--preset", args.preset, "-se", "42", "--jobs", args.jobs],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        peak = 0
        while process.poll() is None:
            peak = max(peak, sum(memory_of(pid) for pid in tree_of(process.pid)))
            time.sleep(0.2)
        print(
            f"peak {peak / 1e9:.2f} GB, {time.monotonic() - start:.0f} s, exit {process.returncode}"
        )


if __name__ == "__main__":
    main()
