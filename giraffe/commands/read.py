"""Commands that read pictures: labels, and the charts behind them."""

import json
import logging
import sys
from pathlib import Path

from giraffe.commandline import add_command
from giraffe.progress import say
from giraffe.recipe import SHIPPED
from giraffe.records import summarise_problems

SHEET_AT_MOST = 60  # pictures; the table has all
SHEET_PIXELS = 1400  # of the longer side of a picture on a sheet

log = logging.getLogger(__name__)


def read(args) -> int:
    """Say what pictures show: findings in words, how sure, and what was uncertain.

    Each picture is a photograph, scan or screenshot of a 12-lead ECG on paper, or a page of a PDF.
    It gets every finding whose probability reaches the finding's threshold. Nothing is written
    unless asked for.
    """
    from giraffe.classifier import Classifier
    from giraffe.files import csv_text, write_atomically
    from giraffe.pictures import write_picture
    from giraffe.prediction import image_files
    from giraffe.reading import COLUMNS, annotated, read_pictures

    paths = image_files(args.pictures)
    if not paths:
        raise ValueError(f"no picture in {', '.join(args.pictures)}")
    targets = _targets(paths, args.output) if args.output else {}
    problems: dict[str, str] = {}
    readings = []
    for path, pixels, reading in read_pictures(paths, Classifier(args.model), problems, args.whole):
        lines = reading.lines()
        if targets:
            page = reading.name.removeprefix(str(path)).replace("#", "-")
            target = targets[path].with_name(f"{targets[path].name}{page}.jpg")
            write_picture(target, annotated(pixels, reading))
            lines.append(f"{'written':15} {target}")
        readings.append(reading)
        if args.json != "-":
            print("\n  ".join([reading.name, *lines]), flush=True)
    if problems:
        print(f"Not read:\n{summarise_problems(problems)}", file=sys.stderr)
    if args.csv:
        write_atomically(Path(args.csv), csv_text(COLUMNS, (one.row() for one in readings)))
    text = json.dumps([one.as_dict() for one in readings], indent=1, ensure_ascii=False) + "\n"
    if args.json == "-":
        print(text, end="")
    elif args.json:
        write_atomically(Path(args.json), text)
    log.info("Not a medical device: do not use it to diagnose, treat or reassure anybody.")
    return 0 if any(one.labels for one in readings) else 1


def _targets(paths: list[Path], output: str) -> dict[Path, Path]:
    """Where the annotated picture of each file goes, less its ending: every one has its own."""
    folder = Path(output)
    targets: dict[Path, Path] = {}
    for path in paths:
        if folder.resolve() in path.resolve().parents:
            raise ValueError(f"{path} lies in {folder}: give -o a folder of its own")
        target, k = folder / path.stem, 2
        while target in targets.values():
            target, k = folder / f"{path.stem}-{k}", k + 1
        targets[path] = target
    return targets


def predict(args) -> int:
    """Classify records or images without headers: labels.csv and probabilities.csv."""
    from giraffe.prediction import SHOWN_AT_MOST, predictions_table
    from giraffe.prediction import predict as run

    found, problems = run(args.paths, args.model, args.output, whole=args.whole)
    if problems:
        print(f"Not classified:\n{summarise_problems(problems)}", file=sys.stderr)
    if len(found) <= SHOWN_AT_MOST:
        print(predictions_table(found), end="")
    say(f"{len(found)} classified; see {args.output}.")
    return 0 if found or not problems else 1


def charts(args) -> int:
    """Find the charts of pictures and show what was read of them."""
    from giraffe.chart.sheet import COLUMNS, evidence_picture, read_charts, sheet, table_row
    from giraffe.files import csv_text, write_atomically
    from giraffe.pictures import shrunk, write_picture
    from giraffe.prediction import image_files

    paths = image_files(args.images)
    problems: dict[str, str] = {}
    shown, rows, found = [], [], 0
    for name, pixels, finding in read_charts(paths, problems):
        rows.append(table_row(name, finding))
        found += finding.chart is not None
        if len(shown) < SHEET_AT_MOST:
            shown.append((name, shrunk(pixels, SHEET_PIXELS), finding))
    if problems:
        print(f"Not read:\n{summarise_problems(problems)}", file=sys.stderr)
    if args.output and shown:
        write_picture(args.output, sheet(shown))
    if args.csv:
        write_atomically(Path(args.csv), csv_text(COLUMNS, rows))
    if args.evidence and shown:
        write_picture(args.evidence, evidence_picture(shown[0][1]))
    print(f"{found} charts found in {len(rows)} pictures.")
    return 0 if rows or not problems else 1


def add(subparsers) -> None:
    """Add the commands' parsers."""
    p = add_command(
        subparsers,
        "read",
        read,
        "photo.jpg\nphoto.jpg scan.pdf folder -o readings --csv readings.csv",
    )
    p.add_argument("pictures", nargs="+", metavar="PICTURE",
                   help="PNG, JPEG, TIFF, BMP, WebP, HEIC, PDF, or a folder of them")  # fmt: skip
    p.add_argument("-o", "--output", metavar="FOLDER",
                   help="write each picture with its chart and labels on it")  # fmt: skip
    p.add_argument("--csv", metavar="FILE", help="write a table: a row for each picture")
    p.add_argument("--json", metavar="FILE",
                   help="write all that is known; with -, print it in place of text")  # fmt: skip
    p.add_argument("--whole", action="store_true", help="label pictures without a chart too")
    p.add_argument("-m", "--model", default=SHIPPED, help="model folder (the shipped model)")

    p = add_command(subparsers, "predict", predict, "printed -o predictions")
    p.add_argument("paths", nargs="+", help="image files, folders of records or of images")
    p.add_argument("-m", "--model", default=SHIPPED, help="model folder (the shipped model)")
    p.add_argument("-o", "--output", required=True, help="folder to write")
    p.add_argument("--whole", action="store_true", help="read whole pictures without a chart too")

    p = add_command(subparsers, "charts", charts, "printed -o charts.jpg --csv charts.csv")
    p.add_argument("images", nargs="+", help="image files, or folders of them")
    p.add_argument("-o", "--output", help="picture to write, .png or .jpg")
    p.add_argument("--csv", help="table to write")
    p.add_argument("--evidence", help="picture to write of what the reader saw in the first one")
