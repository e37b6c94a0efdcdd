"""Commands that make data: simulated patients, printouts, the organisers' preparation."""

import argparse
import dataclasses
import logging
import secrets
from pathlib import Path

from giraffe.classes import CLASSES
from giraffe.commands.commandline import (
    add_command,
    add_folders,
    add_jobs,
    add_ptbxl_tables,
    tell_problems,
)
from giraffe.progress import progress_bar, say

PRESETS = (
    "D1, D2, D3 (the paper's), giraffe (pages of the whole world), color-scan-clean, "
    "bw-scan-clean, phone-clean, phone-stained, phone-deteriorated, color-scan-deteriorated, "
    "bw-scan-deteriorated, screenshot (the capture conditions)"
)
"""For the help alone: the presets themselves take a second to import."""
SCENE_FIELDS = {
    "resolution", "max_num_images", "store_config", "lead_bbox", "lead_name_bbox",
    "mask_unplotted_samples",
}  # fmt: skip
"""Options of the public generator that all presets take."""

log = logging.getLogger(__name__)


def simulate(args) -> int:
    """Write simulated records."""
    from joblib import Parallel, delayed

    from giraffe.ecg.simulate import write_record

    output = Path(args.output).absolute()  # processes may have been started in another folder
    output.mkdir(parents=True, exist_ok=True)
    tasks = (
        delayed(write_record)(output, args.seed, k, tuple(args.classes), args.prevalence)
        for k in range(args.number)
    )
    results = Parallel(n_jobs=args.jobs, return_as="generator")(tasks)
    for _ in progress_bar(results, total=args.number, desc="simulating", unit="record"):
        pass
    return 0


def print_records(args) -> int:
    """Print the waveforms of records as images, with the public generator's options."""
    from giraffe.printout.kit import KitOptions
    from giraffe.printout.presets import KITS, PAPER_SEED, SCENES
    from giraffe.printout.printing import PrintJob, print_folder

    fields = {field.name for field in dataclasses.fields(KitOptions)}
    given = {name: value for name, value in vars(args).items() if name in fields}
    scene = args.preset if args.preset in SCENES else None
    foreign = sorted(set(given) - SCENE_FIELDS) if scene else []
    if foreign:
        raise ValueError(
            f"preset {scene} does not take --{', --'.join(foreign)}: these are options of the "
            f"public generator's page; of them it takes --{', --'.join(sorted(SCENE_FIELDS))}"
        )
    options = dataclasses.replace(KITS.get(args.preset, KitOptions()), **given)
    seed = args.seed
    if seed is None:
        seed = PAPER_SEED if args.preset in KITS else -1
    if seed < 0:
        seed = secrets.randbelow(2**31)
        log.info("Seed %d was drawn; -se %d makes the same images again.", seed, seed)
    job = PrintJob(scene, options, seed)
    printed, problems = print_folder(args.input, args.output, job, args.jobs)
    tell_problems("Not printed", problems)
    say(f"{printed} records printed.")
    return 0 if printed or not problems else 1


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
    say(f"{written} records prepared, {len(unknown)} not in the database.")
    return 0


def prepare_images(args) -> int:
    """Name the image files beside each header in the header."""
    from giraffe.ecg.hide import prepare_images as run

    say(f"{run(args.input_folder, args.output_folder)} records prepared.")
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
    say(f"{number} records hidden.")
    return 0


def _add_print_options(p) -> None:
    """The generator's options under its names; what is not given is the preset's."""

    def option(*names, kind, text):
        p.add_argument(*names, type=kind, default=argparse.SUPPRESS, help=text)

    def flag(*names, text):
        p.add_argument(*names, action="store_true", default=argparse.SUPPRESS, help=text)

    p.add_argument("-i", "--input", "--input_directory", required=True, help="folder of records")
    p.add_argument("-o", "--output", "--output_directory", required=True,
                   help="folder to write; may be the same")  # fmt: skip
    p.add_argument("--preset", type=_preset, help=f"one of {PRESETS}; options change it")
    add_jobs(p)
    p.add_argument("-se", "--seed", type=int,
                   help="-1: drawn and logged (42 with D1, D2 and D3, else -1)")  # fmt: skip
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
    p.add_argument("--standard_grid_color", type=int, choices=range(1, 6),
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


def _preset(text: str) -> str:
    from giraffe.printout.presets import PRESETS

    if text not in PRESETS:
        raise argparse.ArgumentTypeError(f"{text} is none of {', '.join(PRESETS)}")
    return text


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not in [0, 1]")
    return value


def add(subparsers) -> None:
    """Add the commands' parsers."""
    p = add_command(subparsers, "simulate", simulate, "-o patients -n 20 --jobs 2")
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
    add_jobs(p)

    p = add_command(
        subparsers, "print", print_records, "-i patients -o printed --preset phone-clean --jobs 2"
    )
    _add_print_options(p)

    p = add_command(
        subparsers,
        "prepare-ptbxl",
        prepare_ptbxl,
        "-i records500 -o ptbxl -pd ptbxl_database.csv -pm scp_statements.csv --mark_unknown",
    )
    add_folders(p)
    add_ptbxl_tables(p)
    p.add_argument("-sd", "--sl_database_file", help="12sl_statements.csv of PTB-XL+")
    p.add_argument("-sm", "--sl_mapping_file", help="12slv23ToSNOMED.csv of PTB-XL+")
    p.add_argument("--mark_unknown", action="store_true",
                   help="without 12SL tables: headers say that Acute MI is unknown")  # fmt: skip

    add_folders(add_command(subparsers, "prepare-images", prepare_images, "-i printed -o named"))

    p = add_command(subparsers, "hide", hide, "-i printed -o hidden -m")
    add_folders(p)
    p.add_argument("-w", "--include_waveforms", action="store_true", help="copy the signals")
    p.add_argument("-l", "--include_labels", action="store_true", help="keep the labels")
    p.add_argument("-m", "--include_images", action="store_true", help="keep and copy the images")
