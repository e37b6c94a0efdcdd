"""Commands that judge a model, and calibrate it."""

import logging
from pathlib import Path

from giraffe.commandline import add_command, add_settings, names_in, settings_of
from giraffe.progress import say
from giraffe.recipe import SHIPPED


def report(args) -> int:
    """Compare a model's outputs with the truth: scores and example pictures."""
    from giraffe.report import records_of_part, write_report

    names = records_of_part(Path(args.model), args.part) if args.model else None
    folders = (Path(folder) for folder in (args.reference, args.outputs, args.output))
    print(write_report(*folders, names), end="")
    say(f"Pictures and scores are in {args.output}.")
    return 0


def conditions(args) -> int:
    """Score a model on the eight ways of capturing a printout."""
    from giraffe.conditions import score_conditions
    from giraffe.ecg.ptbxl import patients_and_folds

    if args.folds and not args.database:
        raise ValueError("--folds needs --database ptbxl_database.csv, which says who is in which")
    names = names_in(args.names) or None
    if args.folds:
        fold = patients_and_folds(args.database)[1]
        names = {name for name, number in fold.items() if number in args.folds}
    print(score_conditions(args.data, args.model, args.output, names, args.least), end="")
    return 0


def calibrate(args) -> int:
    """Calibrate a model and tune its thresholds on real records that did not train it."""
    from giraffe.calibrating import calibrate_model

    table = calibrate_model(
        args.model, args.data, names_in(args.names), args.simulated, args.presets.split(",")
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
    from giraffe.stress import stress as run

    logging.getLogger("giraffe").setLevel(logging.ERROR)
    if not args.quiet:
        logging.getLogger("giraffe.stress").setLevel(logging.INFO)
    table, good = run(args.data, args.output, settings_of(args))
    print(table, end="")
    return 0 if good else 1


def add(subparsers) -> None:
    """Add the commands' parsers."""
    p = add_command(subparsers, "report", report, "printed outputs -o report")
    p.add_argument("reference", help="records with labels and images")
    p.add_argument("outputs", help="the model's outputs for them")
    p.add_argument("-m", "--model", help="report on the records that this model has seen alone")
    p.add_argument("--part", choices=("training", "validation"), default="training", help="of them")
    p.add_argument("-o", "--output", required=True, help="folder to write")

    p = add_command(subparsers, "conditions", conditions, "patients -o conditions")
    p.add_argument("data", help="records with labels and waveforms")
    p.add_argument("-m", "--model", default=SHIPPED, help="model folder (the shipped model)")
    p.add_argument("-o", "--output", required=True, help="folder to write")
    p.add_argument("--database", help="with --folds: ptbxl_database.csv")
    p.add_argument("--folds", type=int, nargs="+", default=(), help="PTB-XL folds to use; all")
    p.add_argument("--names", help="file of names of the records to use; all")
    p.add_argument("--least", type=int, default=1, help="positives that a class needs to count (1)")

    p = add_command(subparsers, "calibrate", calibrate, "mymodel patients")
    p.add_argument("model", help="model folder; its model.json is written anew")
    p.add_argument("data", help="real records with labels and waveforms")
    p.add_argument("--names", help="file of names of the records to use; all")
    p.add_argument("--simulated", help="simulated records, for classes with few positives")
    p.add_argument("--presets", default="color-scan-clean,phone-clean,giraffe",
                   help="ways in which each real record is printed (%(default)s)")  # fmt: skip

    p = add_command(
        subparsers,
        "choosing",
        choosing,
        "-pd ptbxl_database.csv -pm scp_statements.csv -o choosing.txt",
    )
    p.add_argument("-pd", "--ptbxl_database_file", required=True, help="ptbxl_database.csv")
    p.add_argument("-pm", "--ptbxl_mapping_file", required=True, help="scp_statements.csv")
    p.add_argument("-o", "--output", required=True, help="file of names to write")

    p = add_command(subparsers, "stress", stress, "-o stress --profile smoke")
    p.add_argument("data", nargs="?", help="records with labels and images; else simulated ones")
    p.add_argument("-o", "--output", required=True, help="folder to write")
    add_settings(p)
