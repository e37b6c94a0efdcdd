"""A second view of a picture: its signals, digitized and printed anew in one canonical way.

    python -m benchmarks.drawn_again runs/fold10_prepared --names runs/choosing.txt -n 60 -o OUT

Each record is printed in a capture condition. The model reads the picture's chart laid flat, as
ever; a clean page (D1) of the signals that the digitizer read off the same picture; and both, by
the mean of their probabilities before calibration. The model was not trained on pages drawn again,
but D1's pages are among the easiest that it knows.
"""

import argparse
from pathlib import Path

import numpy as np

from benchmarks.charts import one_core, say, table
from giraffe.chart.digitizer import Digitizer
from giraffe.ecg.records import LEADS, Waveform, read_waveform
from giraffe.errors import RecordError
from giraffe.judging.conditions import SEED, printed_records
from giraffe.judging.metrics import auroc_per_class
from giraffe.network.classifier import Classifier
from giraffe.printout.presets import CONDITIONS, print_in_memory, scene_image
from giraffe.progress import progress_bar
from giraffe.randomness import random_stream

FS = 500.0
SECONDS = 10
DPI = 150  # fine enough to digitize
VIEWS = ("flattened", "drawn again", "both")


def drawn_again(reading, header, classifier: Classifier) -> np.ndarray | None:
    """A clean page of the signals of a picture; None where there are none."""
    if reading.digitized is None:
        return None
    signal = np.full((len(LEADS), round(SECONDS * FS)), np.nan)
    for k, lead in enumerate(LEADS):
        found = reading.digitized.lead(lead)[: signal.shape[1]]
        signal[k, : len(found)] = found
    rng = random_stream(SEED, header.name, "drawn again")
    page = print_in_memory(Waveform(signal, FS, LEADS), header, "D1", rng, *classifier.frame)
    return page[0]


def outputs(record, preset: str, classifier: Classifier, digitizer: Digitizer) -> np.ndarray:
    """Probabilities of the three views of a record's page, shape (3, 11)."""
    rng = random_stream(SEED, record.header.name, preset)
    pixels = scene_image(read_waveform(record), record.header, preset, rng, DPI).pixels
    flat = classifier.probabilities([pixels], calibrated=False)[0]
    page = drawn_again(digitizer.read(pixels, FS), record.header, classifier)
    again = flat if page is None else classifier.probabilities([page], calibrated=False)[0]
    return np.stack([flat, again, (flat + again) / 2])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="records with labels and waveforms")
    parser.add_argument("--names", type=Path, required=True, help="records to use, one a line")
    parser.add_argument("-n", "--number", type=int, default=60, help="of them, at most (60)")
    parser.add_argument("--presets", nargs="+", default=["color-scan-clean", "phone-deteriorated"],
                        choices=CONDITIONS)  # fmt: skip
    parser.add_argument("--least", type=int, default=5, help="positives a class needs (5)")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to write")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    one_core()
    names = args.names.read_text().split()[: args.number]
    records = printed_records(args.data, set(names))
    classifier, digitizer = Classifier(signals=False), Digitizer()
    lines = []
    for preset in args.presets:
        done, found = [], []
        for record in progress_bar(records, desc=preset):
            try:
                found.append(outputs(record, preset, classifier, digitizer))
                done.append(record.targets())
            except (RecordError, ValueError) as error:
                print(f"{record.path}: left out ({error})")
        targets, probabilities = np.stack(done), np.stack(found)
        often = np.nansum(targets, axis=0) >= args.least
        np.savez(args.output / f"{preset}.npz", targets=targets, probabilities=probabilities)
        for k, view in enumerate(VIEWS):
            p = np.clip(probabilities[:, k], 1e-6, 1 - 1e-6)
            loss = -(targets * np.log(p) + (1 - targets) * np.log(1 - p))
            area = auroc_per_class(targets, p)[often]
            lines.append([f"{preset}, {view}", len(done), f"{area.mean():.3f}",
                          f"{np.nanmean(loss):.3f}"])  # fmt: skip
    head = ("pages, view", "records", "macro AUROC", "mean log loss")
    note = f"(classes with at least {args.least} positives: {often.sum()})"
    say(args.output, "drawn_again", table(head, lines) + "\n" + note)


if __name__ == "__main__":
    main()
