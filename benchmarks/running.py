"""Running a model, and scoring, against the plain ways.

    python -m benchmarks.running record     one record from PNG to labels, with the breakdown
    python -m benchmarks.running predict    a folder, against one record at a time
    python -m benchmarks.running batches    the network in batches of 1, 4 and 8 images
    python -m benchmarks.running ensemble   five networks against one: memory and time
    python -m benchmarks.running scorer     evaluate_model.py, against two correlations per lead

The network's weights are random: time does not depend on them. Medians; both sides in one process.
"""

import argparse
import contextlib
import io
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from torchvision.models import inception_v3

import evaluate_model
import helper_code
from benchmarks.training import SIZE, make_records, seconds
from giraffe.classes import CLASSES
from giraffe.device import describe
from giraffe.ecg import scoring
from giraffe.ecg.simulate import LEADS, simulate, wfdb_files
from giraffe.network.architectures import Network
from giraffe.network.checkpoint import save_model
from giraffe.network.classifier import Classifier
from giraffe.pictures import resize, to_rgb
from giraffe.reading.prediction import classify_items, find_items
from giraffe.recipe import RECIPES


def make_model(folder: Path, networks: int = 1) -> Classifier:
    """The default recipe's network with random weights, as the entry loads it."""
    network = Network(RECIPES["2322"], SIZE)
    description = {
        "recipe": RECIPES["2322"].as_dict(),
        "size": list(SIZE),
        "thresholds": [0.5] * len(CLASSES),
    }
    save_model(folder, [network.state_dict()] * networks, description)
    return Classifier(folder)


def record(runs: int) -> None:
    """One record, PNG of 2200 x 1700 to labels."""
    plain = inception_v3(num_classes=11, aux_logits=False, init_weights=False).eval()
    with tempfile.TemporaryDirectory() as name, torch.inference_mode():
        records = make_records(Path(name) / "data", 4)
        classifier = make_model(Path(name) / "model")

        def plain_way(path):
            image = Image.open(path).convert("RGB").resize(SIZE[::-1])
            array = torch.from_numpy(np.asarray(image, dtype=np.float32)).permute(2, 0, 1)
            return torch.sigmoid(plain((array / 127.5 - 1)[None])) > 0.5

        parts = {key: [] for key in ("plain", "ours", "decode", "resize", "network")}
        for _ in range(runs):
            for one in records:
                path = one.images()[0]
                parts["plain"].append(seconds(lambda p=path: plain_way(p)))
                parts["ours"].append(seconds(lambda r=one: classifier.classify_record(r.path)))
                start = time.perf_counter()
                pixels = to_rgb(Image.open(path))
                parts["decode"].append(time.perf_counter() - start)
                start = time.perf_counter()
                small = resize(pixels, classifier.height, classifier.width)
                parts["resize"].append(time.perf_counter() - start)
                start = time.perf_counter()
                classifier.probabilities([small])
                parts["network"].append(time.perf_counter() - start)
        middle = {key: statistics.median(values) for key, values in parts.items()}
        for key, value in middle.items():
            print(f"{key:8}{1000 * value:8.0f} ms")
        print(f"{middle['plain'] / middle['ours']:.2f} x")


def predict(images: int, runs: int) -> None:
    """A folder of records, by `predict` and one by one."""
    with tempfile.TemporaryDirectory() as name:
        records = make_records(Path(name) / "data", images)
        classifier = make_model(Path(name) / "model")
        items, _ = find_items([Path(name) / "data"])
        times = {"one by one": [], "predict": []}
        for _ in range(runs):
            for side, work in (
                ("one by one", lambda: [classifier.classify_record(r.path) for r in records]),
                ("predict", lambda: classify_items(items, classifier, {}, verbose=False)),
            ):
                before = time.process_time()
                times[side].append((seconds(work), time.process_time() - before))
        middle = {side: np.median(values, axis=0) / images for side, values in times.items()}
        for side, (wall, core) in middle.items():
            print(f"{side:12}{1000 * wall:8.0f} ms, {core:.2f} core-seconds per record")
        print(f"{middle['one by one'][0] / middle['predict'][0]:.2f} x")


def batches(runs: int) -> None:
    """Eight images through the network in smaller and larger batches, in each precision."""
    images = list(np.random.default_rng(0).integers(0, 255, (8, *SIZE, 3), dtype=np.uint8))
    with tempfile.TemporaryDirectory() as name:
        classifier = make_model(Path(name) / "model")
    for precision in dict.fromkeys((torch.float32, classifier.precision)):
        classifier.precision = precision
        times = {size: [] for size in (1, 4, 8)}
        for k in range(runs + 1):  # in turn, since other work comes and goes; the first warms up
            for classifier.batch, found in times.items():
                before = time.process_time()
                wall = seconds(lambda: classifier.probabilities(images))
                if k:
                    found.append((wall, time.process_time() - before))
        print(describe(classifier.device, precision))
        for size, found in times.items():
            wall, core = np.median(found, axis=0) / len(images)
            print(f"batches of {size}: {wall:6.3f} s, {core:6.3f} core-seconds per image")


def _write(folder: Path, k: int, signal, name: str) -> None:
    import dataclasses
    import datetime

    made = dataclasses.replace(simulate(3, k), signal=signal)
    header, samples = wfdb_files(made, name, datetime.datetime(2020, 1, 1))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.dat").write_bytes(samples)
    (folder / f"{name}.hea").write_text(header)


def scorer(records: int, jobs: int) -> None:
    """Our evaluation and the same definition with two full `fftconvolve` per lead."""
    rng = np.random.default_rng(0)

    def plain_peak(a, b, sigma):
        a, b = (gaussian_filter(image, sigma) for image in (a, b))
        scoring.fft_correlate(a, a)
        full = scoring.fft_correlate(a, b)
        return tuple(int(v) for v in np.unravel_index(np.argmax(full), full.shape))

    with tempfile.TemporaryDirectory() as name:
        reference, outputs = Path(name) / "reference", Path(name) / "outputs"
        for k in range(records):
            signal = simulate(3, k).signal
            _write(reference, k, signal, f"r{k:04d}")
            moved = np.roll(signal, int(rng.integers(-30, 30)), axis=1)
            moved = moved + rng.normal(0, 0.02, moved.shape) + rng.normal(0, 0.05)
            _write(outputs, k, moved.astype(np.float32), f"r{k:04d}")
        arguments = ["-d", str(reference), "-o", str(outputs), "-x"]
        fast = scoring._peak_of_correlation
        evaluate_model.MANY_RECORDS = 1

        def run(number, peak):
            scoring._peak_of_correlation = peak
            text = io.StringIO()
            options = evaluate_model.get_parser().parse_args([*arguments, "-j", str(number)])
            with contextlib.redirect_stdout(text):
                wall = seconds(lambda: evaluate_model.run(options))
            return wall, text.getvalue()

        run(jobs, fast)  # starts the processes
        plain, one, several = run(1, plain_peak), run(1, fast), run(jobs, fast)
        assert plain[1] == one[1] == several[1]
        print(f"{records} records of {len(LEADS)} leads, {helper_code.__name__} in place")
        for title, (wall, _) in (("plain", plain), ("ours", one), (f"{jobs} processes", several)):
            print(f"{title:12}{wall / records:8.2f} s per record, {plain[0] / wall:5.1f} x")
        print("identical output")


def ensemble(runs: int) -> None:
    """One record with one network and with five, each in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        make_records(Path(name) / "data", 2)
        for networks in (1, 5):
            make_model(Path(name) / f"model-{networks}", networks)
            command = [sys.executable, "-m", "benchmarks.running", "child", "-n", str(runs)]
            env = {**os.environ, "GIRAFFE_BENCHMARK": f"{name} {networks}"}
            subprocess.run(command, check=True, env=env)


def child(runs: int) -> None:
    """One model in this process: what loading it and running it take."""
    folder, networks = os.environ["GIRAFFE_BENCHMARK"].rsplit(" ", 1)

    def resident() -> float:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE") / 2**20

    before = resident()
    classifier = Classifier(Path(folder) / f"model-{networks}")
    loaded = resident()
    path = next((Path(folder) / "data").glob("*.hea")).with_suffix("")
    classifier.record_probabilities(path)
    times = [seconds(lambda: classifier.record_probabilities(path)) for _ in range(runs)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    line = (
        f"{networks} networks: {statistics.median(times):.2f} s per record; memory "
        f"{before:.0f} MB before loading, {loaded:.0f} after, peak {peak:.0f}"
    )
    if torch.cuda.is_available():
        line += f"; on the GPU {torch.cuda.max_memory_allocated() / 2**20:.0f} MB"
    print(line)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["record", "predict", "batches", "ensemble",
                                             "child", "scorer"])  # fmt: skip
    parser.add_argument("-n", "--runs", type=int, default=5)
    parser.add_argument("--records", type=int, default=16)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    if arguments.what == "record":
        record(arguments.runs)
    elif arguments.what == "batches":
        batches(arguments.runs)
    elif arguments.what == "ensemble":
        ensemble(arguments.runs)
    elif arguments.what == "child":
        child(arguments.runs)
    elif arguments.what == "predict":
        predict(arguments.records, arguments.runs)
    else:
        scorer(arguments.records, arguments.jobs)


if __name__ == "__main__":
    main()
