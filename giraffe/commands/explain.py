"""The command that shows where labels come from."""

import argparse
import logging
from pathlib import Path

from giraffe.classes import CLASSES, canonical_label
from giraffe.commands.commandline import (
    add_command,
    add_model,
    add_pictures,
    own_stem,
    picture_files,
    tell_problems,
)
from giraffe.progress import say

log = logging.getLogger(__name__)


def explain(args) -> int:
    """Show where in pictures their labels come from: a picture with heat for each label.

    The hotter a place, the more of what speaks for the label the network saw there. It says what
    the network looked at, not that it was right.
    """
    from giraffe.files import json_text, write_atomically
    from giraffe.network.classifier import Classifier
    from giraffe.pictures import write_picture
    from giraffe.reading.explaining import captioned, heat, overlay
    from giraffe.reading.read import read_pictures

    paths = picture_files(args.pictures, args.output)
    folder = Path(args.output)
    classifier = Classifier(args.model)
    problems: dict[str, str] = {}
    rows: list[dict] = []
    taken: set[str] = set()
    for path, pixels, reading in read_pictures(paths, classifier, problems, args.whole):
        if not reading.labels:
            problems[reading.name] = reading.uncertain[0]
            continue
        wanted = [one for one in reading.labels if one.name in args.labels]
        wanted = wanted if args.labels else list(reading.given)
        found = heat(pixels, reading.finding, classifier, [label.name for label in wanted])
        stem = own_stem(path, reading.name, taken)
        print(reading.name)
        for label in wanted:
            values = found[label.name]
            target = folder / f"{stem}-{label.name.replace('/', '-').replace(' ', '-')}.jpg"
            shown = captioned(overlay(pixels, values), label, empty=not values.any())
            write_picture(target, shown)
            print(f"  {label.meaning} ({label.name}) {label.probability:.2f}  {target}", flush=True)
            rows.append(
                {"picture": reading.name, "label": label.name, "given": label.given,
                 "probability": round(label.probability, 4),
                 "threshold": round(label.threshold, 4), "heat": str(target)}
            )  # fmt: skip
    tell_problems("Not explained", problems, "picture")
    if args.json:
        write_atomically(Path(args.json), json_text(rows, indent=1, ensure_ascii=False))
    say(f"{len(rows)} pictures with heat written to {folder}.")
    log.info("Not a medical device: do not use it to diagnose, treat or reassure anybody.")
    return 0 if rows else 1


def _labels(text: str) -> tuple[str, ...]:
    """Class names of a list with commas; letters' case does not matter."""
    names = [(part.strip(), canonical_label(part.strip())) for part in text.split(",")]
    unknown = [written for written, name in names if name is None]
    if unknown:
        raise argparse.ArgumentTypeError(
            f"no such label: {', '.join(unknown)}; there are: {', '.join(CLASSES)}"
        )
    return tuple(name for _, name in names if name is not None)


def add(subparsers) -> None:
    """Add the command's parser."""
    p = add_command(
        subparsers,
        "explain",
        explain,
        'photo.jpg -o heat\nphoto.jpg scan.pdf -o heat --labels "PVC,Old MI" --json heat.json',
    )
    add_pictures(p)
    p.add_argument("-o", "--output", required=True, metavar="FOLDER",
                   help="folder to write: a picture for each label")  # fmt: skip
    p.add_argument("--labels", type=_labels, default=(), metavar="LABEL,...",
                   help="explain these, given or not (the labels that a picture gets)")  # fmt: skip
    p.add_argument("--json", metavar="FILE", help="write what was explained, and where it lies")
    p.add_argument("--whole", action="store_true", help="explain pictures without a chart too")
    add_model(p)
