"""What is lost when a model is shipped with kernels of 8 bits.

    python -m benchmarks.compact MODEL -n 20

Simulated patients of a seed that trains nothing, each printed in memory as the preset `giraffe`
does, are read by the model as it was trained and as `python -m giraffe ship` would write it.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from giraffe.ecg.simulate import write_record
from giraffe.judging.conditions import classify_printed, printed_records
from giraffe.judging.metrics import auroc_per_class, f_per_class, macro
from giraffe.network.classifier import Classifier, decide
from giraffe.network.shipping import ship

SEED = 777


def main() -> None:
    """Print both models' scores and how far their probabilities lie apart."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="model folder, as trained")
    parser.add_argument("-n", "--number", type=int, default=20, help="pages (20)")
    parser.add_argument("--preset", default="giraffe", help="kind of printout (giraffe)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        print(ship(args.model, Path(place) / "shipped"), end="")
        for k in range(args.number):
            write_record(Path(place) / "patients", SEED, k)
        records = printed_records(Path(place) / "patients")
        found = []
        for model in (args.model, Path(place) / "shipped"):
            classifier = Classifier(model, signals=False)
            read, p = classify_printed(records, classifier, args.preset, verbose=False)
            targets = np.stack([record.targets() for record in read])
            rule = classifier.description["recipe"].labels
            chosen = decide(p, classifier.thresholds, rule)
            found.append((p, chosen))
            print(
                f"{Path(model).name:12} macro AUROC {macro(auroc_per_class(targets, p)):.4f}, "
                f"macro F {macro(f_per_class(targets, chosen)):.4f}"
            )
    (p, chosen), (q, others) = found
    apart = np.abs(p - q)
    print(
        f"{len(p)} pages, {p.size} probabilities: apart by {apart.mean():.5f} in the mean, "
        f"{np.quantile(apart, 0.99):.4f} in the 99th percentile, {apart.max():.4f} at most; "
        f"{(chosen != others).sum()} decisions differ."
    )


if __name__ == "__main__":
    main()
