"""A model on real pages of a foreign hospital: the EDAN pages, which never train anything.

    tar xf ../shared/data/edan_pages.tar.xz -C runs
    python -m benchmarks.edan runs/edan_pages -o runs/edan_predictions

The folders name what the pages show (A. H. Khan and M. Hussain, Mendeley Data 2021, CC BY 4.0):
``normal``, ``mi``, ``post_mi`` and ``abnormal``. Nothing is tuned on them: AUROC over whole groups.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from giraffe.classes import CLASSES
from giraffe.judging.metrics import auroc_per_class, bootstrap_interval
from giraffe.reading.prediction import predict
from giraffe.recipe import SHIPPED

GROUPS = ("normal", "mi", "post_mi", "abnormal")
QUESTIONS = (
    ("NORM: normal against the rest", "NORM", ("normal",), ("mi", "post_mi", "abnormal")),
    ("Acute MI: mi against the rest", "Acute MI", ("mi",), ("normal", "post_mi", "abnormal")),
    ("Old MI: post_mi against normal", "Old MI", ("post_mi",), ("normal",)),
)
"""Title, class, groups that have it, and groups that have it not."""


def auroc(probabilities: pd.DataFrame, label: str, having, lacking) -> tuple[float, float, float]:
    """AUROC of a class between groups of pages, with its 95 % bootstrap interval."""
    group = np.array([name.split("/")[0] for name in probabilities.index])
    chosen = np.isin(group, (*having, *lacking))
    targets = np.isin(group[chosen], having).astype(float)[:, None]
    scores = probabilities[label].to_numpy()[chosen][:, None]

    def score(rows):
        return float(auroc_per_class(targets[rows], scores[rows])[0])

    return score(np.arange(len(targets))), *bootstrap_interval(score, len(targets))


def measure(pages: Path, model: Path, output: Path) -> None:
    """Read all pages and print what the groups' AUROCs are."""
    missing = [group for group in GROUPS if not (pages / group).is_dir()]
    if missing:
        raise SystemExit(f"{pages}: no folder {', '.join(missing)}")
    _, problems = predict([pages], model, output)
    probabilities = pd.read_csv(output / "probabilities.csv", index_col="record")[list(CLASSES)]
    labels = pd.read_csv(output / "labels.csv", index_col="record")["labels"].fillna("")
    print(f"{len(probabilities)} pages read, {len(problems)} not.")
    for title, label, having, lacking in QUESTIONS:
        value, low, high = auroc(probabilities, label, having, lacking)
        print(f"{title:34}{value:.3f} ({low:.3f} to {high:.3f})")
    normal = [name for name in labels.index if name.startswith("normal/")]
    alone = sum(labels[name] == "NORM" for name in normal)
    print(f"of {len(normal)} normal pages {alone} are called NORM and nothing else")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pages", type=Path, help="folder with the four groups")
    parser.add_argument("-m", "--model", type=Path, default=SHIPPED, help="model folder")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to write")
    arguments = parser.parse_args()
    measure(arguments.pages, arguments.model, arguments.output)


if __name__ == "__main__":
    main()
