"""Training against a plain loop, and the feed against what a device consumes.

    python -m benchmarks.training step      batch 8 at 512 x 1024: ours, and as in an example script
    python -m benchmarks.training epoch     an epoch with one worker, and its steps alone
    python -m benchmarks.training feed      images per second of one worker from every source
    python -m benchmarks.training compile   a step of the eager and of the compiled network
    python -m benchmarks.training gpu       images/s and memory in float16 and bfloat16

Records are simulated; image files are D1 pages of 200 dpi. Both sides run in one process, in turn;
figures are medians.
"""

import argparse
import dataclasses
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision.models import inception_v3

from giraffe.classes import CLASSES, encode
from giraffe.device import best_device, describe
from giraffe.ecg.records import scan
from giraffe.ecg.simulate import write_record
from giraffe.learning.cache import ImageCache
from giraffe.learning.data import PrintoutDataset, Source, load
from giraffe.learning.distributed import Group
from giraffe.learning.feed import EpochBatches, make_loader
from giraffe.learning.learner import Learner
from giraffe.learning.training_loop import TrainingRun
from giraffe.printout.printing import PrintJob, print_folder
from giraffe.recipe import PROFILES, RECIPES
from giraffe.settings import Settings

SIZE = (512, 1024)


def make_records(folder: Path, number: int) -> list:
    """Simulated records with D1 pages of 2200 x 1700 px."""
    for k in range(number):
        write_record(folder, 11, k)
    print_folder(folder, folder, PrintJob(), jobs=2, verbose=False)
    return scan(folder)[0]


def seconds(function) -> float:
    """Wall time of a call."""
    start = time.perf_counter()
    function()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def new_learner(size=SIZE) -> Learner:
    """The default recipe's learner."""
    return Learner(RECIPES["2322"], size, np.ones(11), 1, best_device(), Group())


def plain_step(records):
    """A step as an example script does it: PIL, float32, contiguous, all in one process."""
    device = best_device()
    network = inception_v3(num_classes=len(CLASSES), aux_logits=False, init_weights=False)
    network = network.to(device).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-4)
    loss_of = torch.nn.BCEWithLogitsLoss()

    def step():
        images, targets = [], []
        for record in records:
            image = Image.open(record.images()[0]).convert("RGB").resize(SIZE[::-1])
            array = np.asarray(image, dtype=np.float32) / 127.5 - 1
            images.append(torch.from_numpy(array).permute(2, 0, 1).contiguous())
            targets.append(torch.from_numpy(encode(record.labels)))
        loss = loss_of(network(torch.stack(images).to(device)), torch.stack(targets).to(device))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def step(runs: int) -> None:
    """Our step from the cache with one worker, and the plain one."""
    with tempfile.TemporaryDirectory() as name:
        records = make_records(Path(name) / "data", 8)
        source = Source(*SIZE, cache=ImageCache(Path(name) / "cache", reserve=0))
        dataset = PrintoutDataset(records, source)
        for record in records:
            load(record, source, 1)
        learner, plain = new_learner(), plain_step(records)
        batches = EpochBatches(8, 8, 1)

        def ours():
            for batch in make_loader(dataset, batches, 0):
                learner.network.train()
                learner.step(batch)

        ours()
        plain()
        times = {"plain": [], "ours": []}
        for _ in range(runs):
            times["plain"].append(seconds(plain))
            times["ours"].append(seconds(ours))
        a, b = (statistics.median(times[side]) for side in ("plain", "ours"))
        print(describe(learner.device, learner.precision))
        print(f"plain {a:.2f} s, ours {b:.2f} s for 8 images of 512 x 1024: {a / b:.2f} x")


def epoch(images: int, runs: int) -> None:
    """Wall time of epochs with one worker over that of their steps."""
    profile = dataclasses.replace(PROFILES["scoring"], epochs=10**6)
    with tempfile.TemporaryDirectory() as name:
        records = make_records(Path(name) / "data", images)
        for source, preset in (("files", "D1"), ("printed", "D1"), ("printed", "giraffe")):
            recipe = dataclasses.replace(RECIPES["2322"], images=source, preset=preset)
            folder = Path(name) / f"{source}-{preset}"
            settings = Settings(recipe, profile, 1, cache_folder=str(Path(name) / "cache"))
            run = TrainingRun(records, [], settings, folder, verbose=False)
            run.begin()
            run._train_epoch(float("inf"))  # fills the cache
            run.progress.epoch, run.progress.batches = 1, 0
            blank = next(iter(run.training_feed))
            ratios, wholes = [], []
            for _ in range(runs):
                pure = [seconds(partial(run.learner.step, blank)) for _ in range(4)]
                run.progress.batches = 0
                whole = seconds(partial(run._train_epoch, float("inf")))
                pure += [seconds(partial(run.learner.step, blank)) for _ in range(4)]
                wholes.append(whole)
                ratios.append(whole / (len(run.training_feed.batches) * statistics.median(pure)))
                run.progress.batches = run.training_feed.batches.skip = 0
            print(
                f"{source:8}{preset:8} {images} images {statistics.median(wholes):6.1f} s, "
                f"{statistics.median(ratios):.3f} x its steps alone"
            )


def feed(images: int) -> None:
    """Images per second of one worker, and what this device consumes."""
    with tempfile.TemporaryDirectory() as name:
        records = make_records(Path(name) / "data", images)
        cache = ImageCache(Path(name) / "cache", reserve=0)
        sources = {
            "files, PNG of 2200 x 1700": Source(*SIZE),
            "files, from the cache": Source(*SIZE, cache=cache),
            "printed, D1": Source(*SIZE, images="printed", preset="D1"),
            "printed, D3": Source(*SIZE, images="printed", preset="D3"),
            "printed, giraffe": Source(*SIZE, images="printed", preset="giraffe"),
            "giraffe, laid flat": Source(
                *SIZE, images="printed", preset="giraffe", straightened=True
            ),
            "cache, found, laid flat": Source(*SIZE, cache=cache, straightened=True),
        }
        torch.set_num_threads(1)
        times = {}
        for title, source in sources.items():
            for record in records[: None if source.cache else 2]:
                load(record, source, 1)
            times[title] = [
                seconds(lambda r=r, s=source: load(r, s, 2)) for r in records for _ in range(2)
            ]
        for title, values in times.items():
            value = statistics.median(values)
            print(f"{title:28}{1000 * value:8.1f} ms{1 / value:8.0f} images/s")
        files, cached = (statistics.median(times[t]) for t in list(sources)[:2])
        print(f"from the cache {files / cached:.0f} x as fast as decoding")


def consumption(runs: int) -> None:
    """What this device consumes while it trains."""
    learner = new_learner()
    rate = 1 / statistics.median([learner.seconds_per_image(8) for _ in range(runs)])
    print(f"{describe(learner.device, learner.precision)}: {rate:.2f} images/s in training")


def compiled(runs: int) -> None:
    """A step of the eager network and of the compiled one, 256 x 512, batch 8."""
    size = (256, 512)
    eager, fast = new_learner(size), new_learner(size)
    start = time.perf_counter()
    fast.network.body = torch.compile(fast.network.body)
    fast.seconds_per_image(8)
    print(f"compiling took {time.perf_counter() - start:.0f} s")
    times = {"eager": [], "compiled": []}
    for _ in range(runs):
        times["eager"].append(eager.seconds_per_image(8))
        times["compiled"].append(fast.seconds_per_image(8))
    a, b = (statistics.median(times[side]) for side in times)
    print(f"eager {a:.3f} s, compiled {b:.3f} s per image: {a / b:.2f} x")


def gpu() -> None:
    """Images per second and peak memory on a CUDA GPU."""
    for precision in (torch.float16, torch.bfloat16):
        for number in (8, 48):
            learner = new_learner()
            learner.precision = precision
            torch.cuda.reset_peak_memory_stats()
            rate = 1 / statistics.median([learner.seconds_per_image(number) for _ in range(5)])
            peak = torch.cuda.max_memory_allocated() / 1024**3
            print(f"{precision}, batch {number}: {rate:.0f} images/s, {peak:.1f} GiB")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["step", "epoch", "feed", "compile", "gpu"])
    parser.add_argument("-n", "--runs", type=int, default=3)
    parser.add_argument("--images", type=int, default=48)
    arguments = parser.parse_args()
    if arguments.what == "step":
        step(arguments.runs)
    elif arguments.what == "epoch":
        epoch(arguments.images, arguments.runs)
    elif arguments.what == "feed":
        consumption(arguments.runs)
        feed(arguments.images)
    elif arguments.what == "compile":
        compiled(arguments.runs)
    elif torch.cuda.is_available():
        gpu()
    else:
        print("There is no CUDA GPU here.")


if __name__ == "__main__":
    main()
