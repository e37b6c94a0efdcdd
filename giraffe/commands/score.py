"""Commands that judge a model, and calibrate it."""

import logging
import os
import shlex
from pathlib import Path

from giraffe.commands.commandline import (
    add_command,
    add_jobs,
    add_model,
    add_pictures_alone,
    add_ptbxl_tables,
    add_settings,
    names_in,
    settings_of,
)
from giraffe.progress import say
from giraffe.recipe import SHIPPED

MOST_JOBS = 4  # processes that judge, each of more than a gigabyte, where nobody asks for more


def report(args) -> int:
    """Write one page on a model: data, scores, calibration, conditions, readings.

    The page is a single file that opens without a network, and ends with the best and the worst
    readings. Records with pictures are read from them; those with waveforms alone are printed in
    memory. Conditions need waveforms.
    """
    from giraffe.printout.presets import PRESETS
    from giraffe.reading.report.gather import Wanted, gather
    from giraffe.reading.report.page import write_page

    model = Path(args.model)
    if args.model == SHIPPED.name and not model.exists():
        model = SHIPPED
    if min(args.records, args.printed) < 1:
        raise ValueError("--records and --printed take 1 or more")
    if args.preset not in PRESETS:
        raise ValueError(f"unknown preset {args.preset!r}; there are: {', '.join(PRESETS)}")
    conditions = _conditions(args.conditions)
    wanted = Wanted(
        model, Path(args.data), args.part, args.records, args.printed, args.preset, conditions
    )
    gathered = gather(wanted)
    options = {
        "part": args.part, "records": args.records, "printed": args.printed,
        "preset": args.preset, "conditions": ",".join(conditions) or "none",
    }  # fmt: skip
    words = ["giraffe", "report", args.model, args.data, "-o", args.output]
    words += [word for name, value in options.items() for word in (f"--{name}", str(value))]
    write_page(args.output, gathered, shlex.join(words))
    say(f"{len(gathered.answers.records)} records read; see {args.output}.")
    return 0


def compare(args) -> int:
    """Compare the outputs of models with the truth: scores and example pictures."""
    from giraffe.judging.comparing import records_of_part, write_comparison

    names = records_of_part(Path(args.model), args.part) if args.model else None
    outputs = [Path(folder) for folder in args.outputs]
    print(write_comparison(Path(args.reference), outputs, Path(args.output), names), end="")
    say(f"Pictures and scores are in {args.output}.")
    return 0


def conditions(args) -> int:
    """Score a model on the eight ways of capturing a printout."""
    from giraffe.ecg.ptbxl import patients_and_folds
    from giraffe.judging.conditions import score_conditions

    if args.folds and not args.database:
        raise ValueError("--folds needs --database ptbxl_database.csv, which says who is in which")
    names = names_in(args.names) or None
    if args.folds:
        fold = patients_and_folds(args.database)[1]
        names = {name for name, number in fold.items() if number in args.folds}
    table = score_conditions(
        args.data,
        args.model,
        args.output,
        names,
        args.least,
        signals=not args.pictures_alone,
        jobs=args.jobs,
    )
    print(table, end="")
    return 0


def calibrate(args) -> int:
    """Calibrate a model and tune its thresholds on real records that did not train it."""
    from giraffe.judging.calibrating import calibrate_model

    table = calibrate_model(
        args.model,
        args.data,
        names_in(args.names),
        args.simulated,
        args.presets.split(","),
        signals=not args.pictures_alone,
    )
    print(table, end="")
    return 0


def choosing(args) -> int:
    """List the 300 real records that choose and calibrate and never train."""
    from giraffe.ecg.ptbxl import choosing_records
    from giraffe.files import write_atomically

    names = choosing_records(args.ptbxl_database_file, args.ptbxl_mapping_file)
    write_atomically(Path(args.output), "\n".join(names) + "\n")
    say(f"{len(names)} records; see {args.output}.")
    return 0


def stress(args) -> int:
    """Try what the organisers try: training data that is changed on purpose."""
    from giraffe.learning.stress import stress as run

    logging.getLogger("giraffe").setLevel(logging.ERROR)
    if not args.quiet:
        logging.getLogger("giraffe.learning.stress").setLevel(logging.INFO)
    table, good = run(args.data, args.output, settings_of(args))
    print(table, end="")
    return 0 if good else 1


def _conditions(text: str) -> tuple[str, ...]:
    """Names of conditions in a list with commas, in their own order."""
    from giraffe.printout.presets import CONDITIONS

    if text in ("all", "none"):
        return tuple(CONDITIONS) if text == "all" else ()
    names = [part.strip() for part in text.split(",")]
    unknown = [name for name in names if name not in CONDITIONS]
    if unknown:
        raise ValueError(
            f"no such condition: {', '.join(unknown)}; there are: {', '.join(CONDITIONS)}; or none"
        )
    return tuple(name for name in CONDITIONS if name in names)


def add(subparsers) -> None:
    """Add the commands' parsers."""
    p = add_command(
        subparsers,
        "report",
        report,
        "shipped patients -o report.html\n"
        "mymodel patients -o report.html --part unseen --conditions phone-clean,screenshot",
    )
    p.add_argument("model", help="model folder, or `shipped`: the model that comes with giraffe")
    p.add_argument("data", help="records with labels and with pictures, waveforms or both")
    p.add_argument("-o", "--output", required=True, metavar="FILE", help="page to write, .html")
    p.add_argument("--part", choices=("all", "training", "validation", "unseen"), default="all",
                   help="which records, by the model's split.csv (%(default)s)")  # fmt: skip
    p.add_argument("--records", type=int, default=300, metavar="N",
                   help="read at most so many (%(default)s)")  # fmt: skip
    p.add_argument("--printed", type=int, default=40, metavar="N",
                   help="print at most so many in each condition (%(default)s)")  # fmt: skip
    p.add_argument("--preset", default="color-scan-clean",
                   help="how records without a picture are printed (%(default)s)")  # fmt: skip
    p.add_argument("--conditions", default="all", metavar="NAME,...",
                   help="some of the eight, or none (%(default)s)")  # fmt: skip

    p = add_command(
        subparsers,
        "compare",
        compare,
        "printed outputs -o comparison\nprinted shipped mymodel -o comparison",
    )
    p.add_argument("reference", metavar="DATA", help="records with labels and images")
    p.add_argument("outputs", metavar="OUTPUTS", nargs="+",
                   help="folders that run_model.py or predict wrote, one a model")  # fmt: skip
    p.add_argument("-m", "--model", help="compare only records that this model has seen")
    p.add_argument("--part", choices=("training", "validation"), default="training",
                   help="with it: in which part of its split (%(default)s)")  # fmt: skip
    p.add_argument("-o", "--output", required=True, help="folder to write")

    p = add_command(subparsers, "conditions", conditions, "patients -o conditions")
    p.add_argument("data", help="records with labels and waveforms")
    add_model(p)
    p.add_argument("-o", "--output", required=True, help="folder to write")
    p.add_argument("--database", help="with --folds: ptbxl_database.csv")
    p.add_argument("--folds", type=int, nargs="+", default=(), help="PTB-XL folds to use; all")
    p.add_argument("--names", help="file of names of the records to use; all")
    p.add_argument("--least", type=int, default=1, help="positives that a class needs to count (1)")
    add_pictures_alone(p)
    add_jobs(p, min(os.cpu_count() or 1, MOST_JOBS))

    p = add_command(subparsers, "calibrate", calibrate, "mymodel patients")
    p.add_argument("model", help="model folder; its model.json is written anew")
    p.add_argument("data", help="real records with labels and waveforms")
    p.add_argument("--names", help="file of names of the records to use; all")
    p.add_argument("--simulated", help="simulated records, for classes with few positives")
    p.add_argument("--presets", default="color-scan-clean,phone-clean,giraffe",
                   help="ways in which each real record is printed (%(default)s)")  # fmt: skip
    add_pictures_alone(p)

    p = add_command(
        subparsers,
        "choosing",
        choosing,
        "-pd ptbxl_database.csv -pm scp_statements.csv -o choosing.txt",
    )
    add_ptbxl_tables(p)
    p.add_argument("-o", "--output", required=True, help="file of names to write")

    p = add_command(subparsers, "stress", stress, "-o stress --profile smoke")
    p.add_argument("data", nargs="?", help="records with labels and images; else simulated ones")
    p.add_argument("-o", "--output", required=True, help="folder to write")
    add_settings(p)
