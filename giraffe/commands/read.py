"""Commands that read pictures: labels, and the charts behind them."""

import logging
from pathlib import Path

from giraffe.commands.commandline import (
    add_command,
    add_model,
    add_pictures,
    add_pictures_alone,
    own_stem,
    picture_files,
    tell_problems,
)
from giraffe.progress import say

SHEET_AT_MOST = 60  # pictures; the table has all
SHEET_PIXELS = 1400  # of the longer side of a picture on a sheet

log = logging.getLogger(__name__)


def read(args) -> int:
    """Say what pictures show: findings in words, how sure, and what was uncertain.

    Each picture is a photograph, scan or screenshot of a 12-lead ECG on paper, or a page of a PDF.
    It gets every finding whose probability reaches the finding's threshold. Nothing is written
    unless asked for.
    """
    from giraffe.files import csv_text, json_text, write_atomically
    from giraffe.network.classifier import Classifier
    from giraffe.pictures import write_picture
    from giraffe.reading.read import COLUMNS, annotated, read_pictures

    paths = picture_files(args.pictures, args.output)
    problems: dict[str, str] = {}
    readings, taken = [], set[str]()
    for path, pixels, reading in read_pictures(paths, Classifier(args.model), problems, args.whole):
        lines = reading.lines()
        if args.output:
            target = Path(args.output) / f"{own_stem(path, reading.name, taken)}.jpg"
            write_picture(target, annotated(pixels, reading))
            lines.append(f"{'written':15} {target}")
        readings.append(reading)
        if args.json != "-":
            print("\n  ".join([reading.name, *lines]), flush=True)
    tell_problems("Not read", problems, "picture")
    if args.csv:
        write_atomically(Path(args.csv), csv_text(COLUMNS, (one.row() for one in readings)))
    text = json_text([one.as_dict() for one in readings], indent=1, ensure_ascii=False)
    if args.json == "-":
        print(text, end="")
    elif args.json:
        write_atomically(Path(args.json), text)
    log.info("Not a medical device: do not use it to diagnose, treat or reassure anybody.")
    return 0 if any(one.labels for one in readings) else 1


def predict(args) -> int:
    """Label pictures or records in bulk: writes labels.csv and probabilities.csv.

    The images of a record with a header are averaged. Up to 30 answers are shown; pictures without
    a chart get none.
    """
    from giraffe.reading.prediction import SHOWN_AT_MOST, predictions_table
    from giraffe.reading.prediction import predict as run

    found, problems = run(
        args.paths,
        args.model,
        args.output,
        whole=args.whole,
        scale=args.scale,
        signals=not args.pictures_alone,
    )
    tell_problems("Not classified", problems)
    if len(found) <= SHOWN_AT_MOST:
        print(predictions_table(found), end="")
    say(f"{len(found)} classified; see {args.output}.")
    return 0 if found or not problems else 1


def charts(args) -> int:
    """Find the charts of pictures and show what was read of them."""
    from giraffe.chart.sheet import COLUMNS, evidence_picture, read_charts, sheet, table_row
    from giraffe.files import csv_text, write_atomically
    from giraffe.pictures import check_picture_name, shrunk, write_picture

    paths = picture_files(args.pictures)
    for target in filter(None, (args.output, args.evidence)):
        check_picture_name(target)
    problems: dict[str, str] = {}
    shown: list[tuple] = []
    rows, found = [], 0
    for name, pixels, finding in read_charts(paths, problems):
        rows.append(table_row(name, finding))
        found += finding.chart is not None
        if len(shown) < SHEET_AT_MOST:
            shown.append((name, shrunk(pixels, SHEET_PIXELS), finding))
    tell_problems("Not read", problems, "picture")
    if args.output and shown:
        write_picture(args.output, sheet(shown))
    if args.csv:
        write_atomically(Path(args.csv), csv_text(COLUMNS, rows))
    if args.evidence and shown:
        write_picture(args.evidence, evidence_picture(shown[0][1]))
    print(f"{found} charts found in {len(rows)} pictures.")
    return 0 if rows else 1


def add(subparsers) -> None:
    """Add the commands' parsers."""
    p = add_command(
        subparsers,
        "read",
        read,
        "photo.jpg\nphoto.jpg scan.pdf folder -o readings --csv readings.csv",
    )
    add_pictures(p)
    p.add_argument("-o", "--output", metavar="FOLDER",
                   help="write each picture with its chart and labels on it")  # fmt: skip
    p.add_argument("--csv", metavar="FILE", help="write a table: a row for each picture")
    p.add_argument("--json", metavar="FILE",
                   help="write all that is known; with -, print it in place of text")  # fmt: skip
    p.add_argument("--whole", action="store_true", help="label pictures without a chart too")
    add_model(p)

    p = add_command(subparsers, "predict", predict, "printed -o predictions")
    p.add_argument("paths", metavar="PATH", nargs="+",
                   help="images and PDFs, folders of them, folders of records")  # fmt: skip
    add_model(p)
    p.add_argument("-o", "--output", required=True, metavar="FOLDER", help="folder to write")
    p.add_argument("--whole", action="store_true", help="label pictures without a chart too")
    add_pictures_alone(p)
    p.add_argument("--scale", type=float, default=1.0, metavar="X",
                   help="factor on the model's input size: faster, and worse (1)")  # fmt: skip

    p = add_command(subparsers, "charts", charts, "printed -o charts.jpg --csv charts.csv")
    add_pictures(p)
    p.add_argument("-o", "--output", metavar="FILE",
                   help=f"write a sheet of at most {SHEET_AT_MOST}, .png or .jpg")  # fmt: skip
    p.add_argument("--csv", metavar="FILE", help="write a table: a row for each picture")
    p.add_argument("--evidence", metavar="FILE",
                   help="write a picture of what the reader saw in the first one")  # fmt: skip
