"""Every command of the project: `python -m giraffe COMMAND`."""

import argparse
import dataclasses
import logging
import secrets
import sys
from pathlib import Path

from giraffe.classes import CLASSES
from giraffe.errors import ModelError, RecordError
from giraffe.printout.kit import GRID_COLOURS, KitOptions
from giraffe.printout.presets import KITS, PRESETS, SCENES
from giraffe.recipe import PROFILES, RECIPES, find
from giraffe.records import summarise_problems
from giraffe.settings import Settings


def simulate(args) -> int:
    """Write simulated records."""
    from joblib import Parallel, delayed
    from tqdm import tqdm

    from giraffe.ecg.simulate import write_record

    Path(args.output).mkdir(parents=True, exist_ok=True)
    tasks = (
        delayed(write_record)(args.output, args.seed, k, tuple(args.classes), args.prevalence)
        for k in range(args.number)
    )
    results = Parallel(n_jobs=args.jobs, return_as="generator")(tasks)
    for _ in tqdm(results, total=args.number, desc="simulating", unit="record"):
        pass
    return 0


def print_records(args) -> int:
    """Print the waveforms of records as images, with the public generator's options."""
    from giraffe.printing import PrintJob, print_folder

    given = {name: value for name, value in vars(args).items() if name in KIT_FIELDS}
    scene = args.preset if args.preset in SCENES else None
    foreign = sorted(set(given) - SCENE_FIELDS) if scene else []
    if foreign:
        raise ValueError(
            f"preset {scene} does not take --{', --'.join(foreign)}: these are options of the "
            f"public generator's page; of them it takes --{', --'.join(sorted(SCENE_FIELDS))}"
        )
    options = dataclasses.replace(KITS.get(args.preset, KitOptions()), **given)
    seed = args.seed
    if seed < 0:
        seed = secrets.randbelow(2**31)
        logging.info("Seed %d was drawn; -se %d makes the same images again.", seed, seed)
    job = PrintJob(scene, options, seed)
    printed, problems = print_folder(args.input, args.output, job, args.jobs)
    if problems:
        print(f"Not printed:\n{summarise_problems(problems)}", file=sys.stderr)
    print(f"{printed} records printed.")
    return 0 if printed or not problems else 1


KIT_FIELDS = {field.name for field in dataclasses.fields(KitOptions)}
SCENE_FIELDS = {"resolution", "max_num_images", "store_config", "lead_bbox", "lead_name_bbox"}


def _add_print_options(p) -> None:
    """The generator's options under its names; what is not given is the preset's."""

    def option(*names, kind, text):
        p.add_argument(*names, type=kind, default=argparse.SUPPRESS, help=text)

    def flag(*names, text):
        p.add_argument(*names, action="store_true", default=argparse.SUPPRESS, help=text)

    p.add_argument("-i", "--input", "--input_directory", required=True, help="folder of records")
    p.add_argument("-o", "--output", "--output_directory", required=True,
                   help="folder to write; may be the same")  # fmt: skip
    p.add_argument("--preset", choices=PRESETS, help="kind of printout; options change it")
    p.add_argument("--jobs", type=int, default=1, help="processes")
    p.add_argument("-se", "--seed", type=int, default=-1, help="-1: drawn and logged")
    option("-r", "--resolution", kind=int, text="dpi (200)")
    option("--pad_inches", kind=int, text="white border in inches (0)")
    flag("-ph", "--print_header", text="print the patient's data")
    option("--num_columns", kind=int, text="columns of leads (-1: by the number of leads)")
    option("--full_mode", kind=str, text="lead of the rhythm strip, or None (II)")
    flag("--mask_unplotted_samples", text="NaN in the copied record where nothing is printed")
    option("--max_num_images", kind=int, text="images per record (-1: one for every 10 s)")
    flag("--random_resolution", text="dpi drawn from 50 to --resolution")
    flag("--random_padding", text="border drawn from 0 to --pad_inches")
    option("--calibration_pulse", kind=_share, text="probability of a pulse (1)")
    option("--random_grid_present", kind=_share, text="probability of a grid (1)")
    option("--random_print_header", kind=_share, text="probability of a header (0)")
    option("--random_bw", kind=_share, text="probability of black and white (0)")
    flag("--random_grid_color", text="random colours of the grid")
    p.add_argument("--standard_grid_color", type=int, choices=GRID_COLOURS,
                   default=argparse.SUPPRESS,
                   help="1 brown, 2 pink, 3 blue, 4 green, 5 red (5)")  # fmt: skip
    flag("--remove_lead_names", text="no lead names")
    p.add_argument("--store_config", type=int, choices=(0, 1, 2), nargs="?", const=1,
                   default=argparse.SUPPRESS,
                   help="1: a JSON of positions; 2: also of what was applied")  # fmt: skip
    flag("--lead_bbox", text="boxes of the leads in the JSON")
    flag("--lead_name_bbox", text="boxes of the lead names in the JSON")
    flag("--add_qr_code", text="a QR code of the record's name")
    flag("--hw_text", text="handwriting")
    option("-n", "--num_words", kind=int, text="most handwritten words (5)")
    option("--x_offset", kind=int, text="of handwriting from the border in px (30)")
    option("--y_offset", kind=int, text="of handwriting from the border in px (30)")
    flag("--wrinkles", text="creases and wrinkles")
    option("-ca", "--crease_angle", kind=int, text="largest angle of creases in degrees (90)")
    option("-nv", "--num_creases_vertically", kind=int, text="most creases one way (10)")
    option("-nh", "--num_creases_horizontally", kind=int, text="most creases the other way (10)")
    flag("--augment", text="rotation, noise, crop and white balance")
    option("-rot", "--rotate", kind=int, text="largest rotation in degrees (0)")
    option("-noise", "--noise", kind=int, text="largest noise in grey levels (50)")
    option("-c", "--crop", kind=_share, text="largest share cut from each side (0.01)")
    option("-t", "--temperature", kind=int, text="highest white balance in K (40000)")
    flag("--fully_random", text="handwriting, wrinkles and augmentation by fair coins")


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not in [0, 1]")
    return value


def prepare_ptbxl(args) -> int:
    """Write the Challenge's labels into headers of PTB-XL records."""
    from giraffe.ecg.ptbxl import prepare

    written, unknown = prepare(
        args.input_folder,
        args.output_folder,
        args.ptbxl_database_file,
        args.ptbxl_mapping_file,
        args.sl_database_file,
        args.sl_mapping_file,
        args.mark_unknown,
    )
    print(f"{written} records prepared, {len(unknown)} not in the database.")
    return 0


def prepare_images(args) -> int:
    """Name the image files beside each header in the header."""
    from giraffe.ecg.hide import prepare_images as run

    print(f"{run(args.input_folder, args.output_folder)} records prepared.")
    return 0


def hide(args) -> int:
    """Make the version of a data set that a model may see."""
    from giraffe.ecg.hide import hide as run

    number = run(
        args.input_folder,
        args.output_folder,
        args.include_waveforms,
        args.include_labels,
        args.include_images,
    )
    print(f"{number} records hidden.")
    return 0


def summary(args) -> int:
    """Count the classes of a folder or of PTB-XL's tables, training beside validation."""
    from giraffe.summary import summarise, summarise_ptbxl

    if args.database:
        tables = args.database, args.mapping, args.sl_database_file, args.sl_mapping_file
        print(summarise_ptbxl(*tables, _settings(args)))
    elif args.data:
        print(summarise(args.data, _settings(args)))
    else:
        raise ValueError("give a folder of records, or --database and --mapping")
    return 0


def train(args) -> int:
    """Train a model."""
    from giraffe.training import train as run

    settings = _settings(args)
    if args.initial:
        recipe = dataclasses.replace(settings.recipe, initial=args.initial)
        settings = dataclasses.replace(settings, recipe=recipe)
    run(args.data, args.model, settings)
    return 0


def predict(args) -> int:
    """Classify records or images without headers: labels.csv and probabilities.csv."""
    from giraffe.prediction import SHOWN_AT_MOST, predictions_table
    from giraffe.prediction import predict as run

    found, problems = run(args.paths, args.model, args.output, whole=args.whole)
    if problems:
        print(f"Not classified:\n{summarise_problems(problems)}", file=sys.stderr)
    if len(found) <= SHOWN_AT_MOST:
        print(predictions_table(found), end="")
    print(f"{len(found)} classified; see {args.output}.")
    return 0 if found or not problems else 1


def report(args) -> int:
    """Compare a model's outputs with the truth: scores and example pictures."""
    from giraffe.report import records_of_part, write_report

    names = records_of_part(Path(args.model), args.part) if args.model else None
    folders = (Path(folder) for folder in (args.reference, args.outputs, args.output))
    print(write_report(*folders, names), end="")
    print(f"Pictures and scores are in {args.output}.")
    return 0


def conditions(args) -> int:
    """Score a model on the eight ways of capturing a printout."""
    from giraffe.conditions import score_conditions
    from giraffe.ecg.ptbxl import patients_and_folds

    names = _names(args.names) or None
    if args.folds:
        fold = patients_and_folds(args.database)[1]
        names = {name for name, number in fold.items() if number in args.folds}
    print(score_conditions(args.data, args.model, args.output, names, args.least), end="")
    return 0


def reproduce(args) -> int:
    """Train and score the paper's configurations (its Table 4), or the ablation."""
    from giraffe.reproduce import reproduce as run

    names = args.submissions.split(",") if args.submissions else ()
    table = run(
        args.data,
        args.output,
        _settings(args),
        names,
        args.ablation,
        database=args.database,
        folds=args.folds,
        jobs=args.jobs,
    )
    print(table, end="")
    return 0


def pretrain(args) -> int:
    """Make the weights that the entry ships, from simulated patients and real records."""
    from giraffe.pretrain import DEFAULT_STAGES, parse_stages
    from giraffe.pretrain import pretrain as run

    settings = _settings(args)
    recipe = dataclasses.replace(settings.recipe, measurements=args.measurements)
    if args.learning_rate:
        recipe = dataclasses.replace(recipe, learning_rate=args.learning_rate)
    settings = dataclasses.replace(settings, recipe=recipe)
    stages = parse_stages(args.stages) if args.stages else DEFAULT_STAGES
    run(
        args.data,
        args.model,
        settings,
        stages,
        args.database,
        args.folds,
        args.simulated,
        args.repeats,
        args.initial,
        _names(args.choosing),
    )
    return 0


def chart_reader(args) -> int:
    """Train one of the networks that read charts."""
    from giraffe.chart.school import learn

    learn(
        args.network,
        args.output,
        args.folder,
        args.pages,
        args.epochs,
        args.seed,
        args.jobs,
        args.initial,
        args.learning_rate,
    )
    return 0


def calibrate(args) -> int:
    """Calibrate a model and tune its thresholds on real records that did not train it."""
    from giraffe.calibrating import calibrate_model

    print(calibrate_model(args.model, args.data, _names(args.names), args.simulated), end="")
    return 0


def choosing(args) -> int:
    """List the 300 real records that choose and calibrate and never train."""
    from giraffe.ecg.ptbxl import choosing_records
    from giraffe.files import write_atomically

    names = choosing_records(args.ptbxl_database_file, args.ptbxl_mapping_file)
    write_atomically(Path(args.output), "\n".join(names) + "\n")
    print(f"{len(names)} records; see {args.output}.")
    return 0


def _names(path: str | None) -> frozenset[str]:
    """Names in a file, one on each line; none without a file."""
    return frozenset() if path is None else frozenset(Path(path).read_text().split())


def stress(args) -> int:
    """Try what the organisers try: training data that is changed on purpose."""
    from giraffe.stress import stress as run

    logging.getLogger("giraffe").setLevel(logging.ERROR)
    logging.getLogger("giraffe.stress").setLevel(logging.INFO)
    table, good = run(args.data, args.output, _settings(args))
    print(table, end="")
    return 0 if good else 1


def sheet(args) -> int:
    """Show one record in every kind of printout, or a folder's beside simulated ones."""
    from giraffe.report import pairs_sheet, printouts_sheet, ranges_table

    if Path(args.record).is_dir():
        pixels = pairs_sheet(Path(args.record), args.seed)
    else:
        pixels = printouts_sheet(Path(args.record.removesuffix(".hea")), args.seed)
        print(ranges_table(), end="")
    _write_picture(args.output, pixels)
    return 0


def charts(args) -> int:
    """Find the charts of pictures and show what was read of them."""
    from giraffe.chart.sheet import COLUMNS, evidence_picture, read_charts, sheet, table_row
    from giraffe.files import csv_text, write_atomically
    from giraffe.pictures import shrunk
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
        _write_picture(args.output, sheet(shown))
    if args.csv:
        write_atomically(Path(args.csv), csv_text(COLUMNS, rows))
    if args.evidence and shown:
        _write_picture(args.evidence, evidence_picture(shown[0][1]))
    print(f"{found} charts found in {len(rows)} pictures.")
    return 0 if rows or not problems else 1


SHEET_AT_MOST = 60  # pictures; the table has all
SHEET_PIXELS = 1400  # of the longer side of a picture on a sheet


def _write_picture(path: str, pixels) -> None:
    import cv2

    from giraffe.files import write_atomically

    output = Path(path)
    if output.suffix and not cv2.haveImageWriter(output.name):
        raise ValueError(f"{path}: no kind of picture that can be written; .png and .jpg can")
    settings = [cv2.IMWRITE_JPEG_QUALITY, 80] if output.suffix in (".jpg", ".jpeg") else []
    encoded = cv2.imencode(output.suffix or ".png", pixels[:, :, ::-1], settings)[1]
    write_atomically(output, encoded.tobytes())


def _settings(args) -> Settings:
    """Settings of the environment, changed by the options that were given."""
    settings = Settings.from_environment()
    changes = {}
    if args.recipe:
        changes["recipe"] = find(RECIPES, args.recipe, "recipe")
    if args.profile:
        changes["profile"] = find(PROFILES, args.profile, "profile")
    if args.seed is not None:
        changes["seed"] = args.seed
    for name in ("time_limit_hours", "cache_folder", "micro_batch"):
        if getattr(args, name, None) is not None:
            changes[name] = getattr(args, name)
    fields = ("records", "epochs", "scale", "batch", "workers")
    given = {name: getattr(args, name, None) for name in fields}
    given = {name: value for name, value in given.items() if value is not None}
    changes["profile"] = dataclasses.replace(changes.get("profile", settings.profile), **given)
    return dataclasses.replace(settings, **changes)


def _add_settings(parser) -> None:
    parser.add_argument("--recipe", choices=RECIPES, help="what to train; GIRAFFE_RECIPE")
    parser.add_argument("--profile", choices=PROFILES, help="at which scale; GIRAFFE_PROFILE")
    parser.add_argument("--seed", type=int, help="of split, weights and images; GIRAFFE_SEED")


def _add_training_settings(parser) -> None:
    _add_settings(parser)
    parser.add_argument("--records", type=int, help="use at most so many; the profile's cap")
    parser.add_argument("--epochs", type=int, help="train at most so many; the profile's cap")
    parser.add_argument("--scale", type=float, help="factor on the input size; the profile's")
    parser.add_argument("--time_limit_hours", type=float, help="GIRAFFE_TIME_LIMIT_HOURS")
    parser.add_argument("--cache_folder", help="decoded images; GIRAFFE_CACHE_DIR")
    parser.add_argument("--micro_batch", type=int, help="images at a time; GIRAFFE_MICRO_BATCH")


def _folders(parser) -> None:
    parser.add_argument("-i", "--input_folder", required=True, help="folder of records")
    parser.add_argument("-o", "--output_folder", required=True, help="folder to write")


def get_parser() -> argparse.ArgumentParser:
    """Parser of all commands."""
    parser = argparse.ArgumentParser(prog="python -m giraffe", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name, run):
        command = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        command.set_defaults(run=run)
        return command

    p = add("simulate", simulate)
    p.add_argument("-o", "--output", required=True, help="folder to write")
    p.add_argument("-n", "--number", type=int, required=True, help="number of records")
    p.add_argument("--seed", type=int, default=0, help="record k depends on (seed, k) alone")
    p.add_argument(
        "--classes",
        nargs="+",
        choices=CLASSES,
        default=CLASSES,
        metavar="CLASS",
        help="classes that may occur, such as NORM 'Old MI'",
    )
    p.add_argument(
        "--prevalence",
        choices=("balanced", "ptbxl"),
        default="balanced",
        help="all classes alike, or as often as in PTB-XL",
    )
    p.add_argument("--jobs", type=int, default=1, help="processes")

    p = add("print", print_records)
    _add_print_options(p)

    p = add("prepare-ptbxl", prepare_ptbxl)
    _folders(p)
    p.add_argument("-pd", "--ptbxl_database_file", required=True, help="ptbxl_database.csv")
    p.add_argument("-pm", "--ptbxl_mapping_file", required=True, help="scp_statements.csv")
    p.add_argument("-sd", "--sl_database_file", help="12sl_statements.csv of PTB-XL+")
    p.add_argument("-sm", "--sl_mapping_file", help="12slv23ToSNOMED.csv of PTB-XL+")
    p.add_argument("--mark_unknown", action="store_true",
                   help="without 12SL tables: headers say that Acute MI is unknown")  # fmt: skip

    _folders(add("prepare-images", prepare_images))

    p = add("hide", hide)
    _folders(p)
    p.add_argument("-w", "--include_waveforms", action="store_true", help="copy the signals")
    p.add_argument("-l", "--include_labels", action="store_true", help="keep the labels")
    p.add_argument("-m", "--include_images", action="store_true", help="keep and copy the images")

    p = add("summary", summary)
    p.add_argument("data", nargs="?", help="folder of records")
    p.add_argument("--database", help="instead: ptbxl_database.csv; no waveform is needed")
    p.add_argument("--mapping", help="with it: scp_statements.csv")
    p.add_argument("-sd", "--sl_database_file", help="with it: 12sl_statements.csv of PTB-XL+")
    p.add_argument("-sm", "--sl_mapping_file", help="with it: 12slv23ToSNOMED.csv of PTB-XL+")
    _add_settings(p)

    p = add("train", train)
    p.add_argument("data", help="folder of records")
    p.add_argument("-m", "--model", required=True, help="folder for the model")
    p.add_argument("--initial", help="random, imagenet, or a model to start from; GIRAFFE_INITIAL")
    _add_training_settings(p)

    p = add("predict", predict)
    p.add_argument("paths", nargs="+", help="image files, folders of records or of images")
    p.add_argument("-m", "--model", required=True, help="model folder")
    p.add_argument("-o", "--output", required=True, help="folder to write")
    p.add_argument("--whole", action="store_true", help="read whole pictures without a chart too")

    p = add("report", report)
    p.add_argument("reference", help="records with labels and images")
    p.add_argument("outputs", help="the model's outputs for them")
    p.add_argument("-m", "--model", help="report on the records that this model has seen alone")
    p.add_argument("--part", choices=("training", "validation"), default="training", help="of them")
    p.add_argument("-o", "--output", required=True, help="folder to write")

    p = add("conditions", conditions)
    p.add_argument("data", help="records with labels and waveforms")
    p.add_argument("-m", "--model", required=True, help="model folder")
    p.add_argument("-o", "--output", required=True, help="folder to write")
    p.add_argument("--database", help="with --folds: ptbxl_database.csv")
    p.add_argument("--folds", type=int, nargs="+", default=(), help="PTB-XL folds to use; all")
    p.add_argument("--names", help="file of names of the records to use; all")
    p.add_argument("--least", type=int, default=1, help="positives that a class needs to count (1)")

    p = add("reproduce", reproduce)
    p.add_argument("data", nargs="+", help="records with labels and waveforms")
    p.add_argument("-o", "--output", required=True, help="folder to write; kept work is continued")
    p.add_argument(
        "--submissions", help="recipes, such as 2322,2234 (all six of the paper), or changes"
    )
    p.add_argument("--ablation", action="store_true", help="one change at a time instead")
    p.add_argument("--database", help="ptbxl_database.csv: hold out PTB-XL patients alone")
    p.add_argument("--folds", type=int, nargs="+", default=(), help="PTB-XL folds to use; all")
    p.add_argument("--jobs", type=int, default=2, help="processes that print")
    _add_training_settings(p)

    p = add("pretrain", pretrain)
    p.set_defaults(profile=None)  # its stages have sizes and epochs of their own
    p.add_argument("data", nargs="*", help="real records with labels and waveforms")
    p.add_argument("-m", "--model", required=True, help="folder for the model")
    p.add_argument("--recipe", choices=RECIPES, default="giraffe", help="giraffe")
    p.add_argument("--initial", help="model folder whose weights to start from")
    p.add_argument("--stages", help="such as D1:192x384:8000,giraffe:512x1024:1200")
    p.add_argument("--database", nargs="+", default=(),
                   help="ptbxl_database.csv, or its parts: keeps patients on one side")  # fmt: skip
    p.add_argument("--folds", type=int, nargs="+", default=(), help="PTB-XL folds to use; all")
    p.add_argument("--choosing", help="file of names: these records validate and do not train")
    p.add_argument("--simulated", type=int, default=2000, help="patients in an epoch (2000)")
    p.add_argument("--repeats", type=int, default=2, help="of each real record in an epoch (2)")
    p.add_argument(
        "--measurements",
        type=float,
        default=1.0,
        help="weight in the loss of what is measured (1)",
    )
    p.add_argument("--learning_rate", type=float, help="that falls by stages; the recipe's")
    p.add_argument("--batch", type=int, default=16, help="images in a step (16)")
    p.add_argument("--workers", type=int, default=1, help="processes that print (1)")
    p.add_argument("--seed", type=int, help="GIRAFFE_SEED")
    p.add_argument("--time_limit_hours", type=float, help="GIRAFFE_TIME_LIMIT_HOURS")

    p = add("calibrate", calibrate)
    p.add_argument("model", help="model folder; its model.json is written anew")
    p.add_argument("data", help="real records with labels and waveforms")
    p.add_argument("--names", help="file of names of the records to use; all")
    p.add_argument("--simulated", help="simulated records, for classes with few positives")

    p = add("choosing", choosing)
    p.add_argument("-pd", "--ptbxl_database_file", required=True, help="ptbxl_database.csv")
    p.add_argument("-pm", "--ptbxl_mapping_file", required=True, help="scp_statements.csv")
    p.add_argument("-o", "--output", required=True, help="file of names to write")

    p = add("chart-reader", chart_reader)
    p.add_argument("network", choices=("evidence", "letters"), help="which of the two")
    p.add_argument("-o", "--output", required=True, help="file of weights to write")
    p.add_argument("--folder", required=True, help="where printed pages are kept")
    p.add_argument("--pages", type=int, default=4000, help="to learn from (4000)")
    p.add_argument("--epochs", type=int, default=10, help="how often each is seen (10)")
    p.add_argument("--seed", type=int, default=0, help="of patients, pages and weights")
    p.add_argument("--initial", help="file of weights to start from")
    p.add_argument("--learning_rate", type=float, default=3e-3, help="the highest (0.003)")
    p.add_argument("--jobs", type=int, default=-1, help="processes that print")

    p = add("stress", stress)
    p.add_argument("data", nargs="?", help="records with labels and images; else simulated ones")
    p.add_argument("-o", "--output", required=True, help="folder to write")
    _add_settings(p)

    p = add("sheet", sheet)
    p.add_argument("record", help="record with a waveform, or folder of labelled ones")
    p.add_argument("-o", "--output", required=True, help="picture to write, .png or .jpg")
    p.add_argument("--seed", type=int, default=1, help="of the random choices")

    p = add("charts", charts)
    p.add_argument("images", nargs="+", help="image files, or folders of them")
    p.add_argument("-o", "--output", help="picture to write, .png or .jpg")
    p.add_argument("--csv", help="table to write")
    p.add_argument("--evidence", help="picture to write of what the reader saw in the first one")
    return parser


def main(argv=None) -> int:
    """Run a command; 1 and a message on standard error if it cannot be done."""
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    args = get_parser().parse_args(argv)
    try:
        return args.run(args)
    except (RecordError, ModelError, OSError, ValueError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
