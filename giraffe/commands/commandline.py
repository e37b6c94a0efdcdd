"""What command lines share: parsers that help, common options, the Challenge's two forms."""

import argparse
import dataclasses
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from giraffe.ecg.records import summarise_problems
from giraffe.recipe import DEFAULT_PROFILE, DEFAULT_RECIPE, PROFILES, RECIPES, SHIPPED, find
from giraffe.settings import Settings


class Parser(argparse.ArgumentParser):
    """A parser whose help ends with an example, and whose errors show it."""

    example = ""

    def error(self, message: str):
        """End with what is wrong, an example that is right, and where the options are listed."""
        example = f"Example: {self.prog} {self.example}\n" if self.example else ""
        self.exit(2, f"{self.prog}: {message}\n{example}All options: {self.prog} --help\n")


def add_command(subparsers, name: str, run: Callable, example: str) -> Parser:
    """A command's parser, for its options to be added.

    Parameters
    ----------
    subparsers : action of `argparse`
        Of all commands.
    name : str
    run : callable
        Takes the parsed arguments and returns the exit code. Its docstring is the command's
        description, the first line of it the command's line in the list of all.
    example : str
        Arguments that work; several lines for several examples.
    """
    first, _, rest = (run.__doc__ or "").strip().partition("\n")
    paragraphs = [" ".join(part.split()) for part in rest.split("\n\n") if part.strip()]
    parser = subparsers.add_parser(
        name,
        help=first,
        description="\n\n".join([first, *paragraphs]),
        formatter_class=_Help,
    )
    lines = example.splitlines()
    parser.epilog = f"Example{'s' * (len(lines) > 1)}:\n" + "\n".join(
        f"  {parser.prog} {line}" for line in lines
    )
    parser.example = lines[0]
    parser.set_defaults(run=run)
    parser.add_argument("-q", "--quiet", action="store_true", help="results and errors alone")
    return parser


class _Help(argparse.HelpFormatter):
    """Fills paragraphs one by one, and leaves the lines of examples as they are."""

    def _fill_text(self, text, width, indent):
        if text.startswith("Example"):
            return text
        parts = (super(_Help, self)._fill_text(p, width, indent) for p in text.split("\n\n"))
        return "\n\n".join(parts)


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the model that reads."""
    parser.add_argument("-m", "--model", default=SHIPPED, help="model folder (the shipped model)")


def add_pictures_alone(parser: argparse.ArgumentParser) -> None:
    """Add the option that leaves a model's networks that read signals out."""
    parser.add_argument("--pictures_alone", action="store_true",
                        help="without the networks that read the signals in them: three times as"
                        " fast, and worse")  # fmt: skip


def add_pictures(parser: argparse.ArgumentParser) -> None:
    """Add the pictures that a command takes; see `picture_files`."""
    kinds = "PNG, JPEG, TIFF, BMP, WebP, HEIC, PDF, or a folder of them"
    parser.add_argument("pictures", nargs="+", metavar="PICTURE", help=kinds)


def add_folders(parser: argparse.ArgumentParser) -> None:
    """Add the organisers' two options for a folder of records to read and one to write."""
    parser.add_argument("-i", "--input_folder", required=True, help="folder of records")
    parser.add_argument("-o", "--output_folder", required=True, help="folder to write")


def add_ptbxl_tables(parser: argparse.ArgumentParser) -> None:
    """Add PTB-XL's two tables, by the organisers' options."""
    parser.add_argument("-pd", "--ptbxl_database_file", required=True, help="ptbxl_database.csv")
    parser.add_argument("-pm", "--ptbxl_mapping_file", required=True, help="scp_statements.csv")


def add_jobs(parser: argparse.ArgumentParser, number: int = 1) -> None:
    """Add how many processes work at once."""
    parser.add_argument("--jobs", type=int, default=number, help="processes (%(default)s)")


def picture_files(given: Sequence[str], output: str | None = None) -> list[Path]:
    """Files of the pictures that a command was given, in order.

    Parameters
    ----------
    given : sequence of str
        Files, and folders of them.
    output : str, optional
        Folder to which pictures will be written.

    Raises
    ------
    FileNotFoundError
        For a path that does not exist.
    ValueError
        If there is no picture, or one lies where pictures will be written.
    """
    from giraffe.reading.prediction import image_files

    paths = image_files(given)
    if not paths:
        raise ValueError(f"no picture in {', '.join(given)}")
    inside = Path(output).resolve() if output else None
    for path in paths:
        if inside in path.resolve().parents:
            raise ValueError(f"{path} lies in {output}: give -o a folder of its own")
    return paths


def own_stem(path: Path, name: str, taken: set[str]) -> str:
    """What to call the files that are made of a picture: as no other picture's; taken from then on.

    Parameters
    ----------
    path : Path
        The picture's file.
    name : str
        The picture's name, by `giraffe.pictures.read_files`.
    taken : set of str
        Gets the answer.
    """
    stem = path.stem + name.removeprefix(str(path)).replace("#", "-")
    own, k = stem, 2
    while own in taken:
        own, k = f"{stem}-{k}", k + 1
    taken.add(own)
    return own


def tell_problems(title: str, problems: dict[str, str], unit: str = "record") -> None:
    """Say on standard error what was left out and why, if anything was.

    Parameters
    ----------
    title : str
        Such as ``Not read``.
    problems : dict of str to str
        Reasons by name.
    unit : str
        What was left out, in the singular.
    """
    if problems:
        print(f"{title}:\n{summarise_problems(problems, unit=unit)}", file=sys.stderr)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is trained, at which scale, from which seed."""
    parser.add_argument("--recipe", choices=RECIPES,
                        help=f"what to train; GIRAFFE_RECIPE, else {DEFAULT_RECIPE}")  # fmt: skip
    parser.add_argument("--profile", choices=PROFILES,
                        help=f"the scale; GIRAFFE_PROFILE, else {DEFAULT_PROFILE}")  # fmt: skip
    parser.add_argument("--seed", type=int, metavar="N",
                        help="of split, weights and images; GIRAFFE_SEED, else 42")  # fmt: skip


def add_training_settings(parser: argparse.ArgumentParser) -> None:
    """Add these and what changes a profile or bounds a training."""
    add_settings(parser)

    def option(name: str, kind: type, metavar: str, text: str) -> None:
        parser.add_argument(name, type=kind, metavar=metavar, help=text)

    option("--records", int, "N", "use at most so many; the profile's cap")
    option("--epochs", int, "N", "train at most so many; the profile's cap")
    option("--scale", float, "X", "factor on the input's 512 x 1024 px; the profile's")
    option("--time_limit_hours", float, "H", "end by then; GIRAFFE_TIME_LIMIT_HOURS")
    option("--cache_folder", str, "FOLDER", "where decoded images are kept; GIRAFFE_CACHE_DIR")
    option("--micro_batch", int, "N", "most images at a time on the device; GIRAFFE_MICRO_BATCH")


def add_frozen(parser: argparse.ArgumentParser) -> None:
    """Add the option that spares a part of the network its training."""
    parser.add_argument("--frozen", default="", metavar="MODULE",
                        help="modules of InceptionV3 up to this one keep their weights, which saves"
                        " time, such as Mixed_5d (none)")  # fmt: skip


def settings_of(args: argparse.Namespace) -> Settings:
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


def names_in(path: str | None) -> frozenset[str]:
    """Names in a file, one on each line; none without a file."""
    return frozenset() if path is None else frozenset(Path(path).read_text().split())


def parse_folders(
    parser: argparse.ArgumentParser,
    names: Sequence[str],
    optional: Sequence[str] = (),
    argv: Sequence[str] | None = None,
) -> argparse.Namespace:
    """Parse a command line whose folders come with flags or, all of them, without.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        With an option for every name; none of them required.
    names : sequence of str
        Destinations of the folders, in the order in which they come without flags.
    optional : sequence of str
        Destinations that may follow without flags.
    argv : sequence of str, optional
        Arguments; the process's own by default.

    Returns
    -------
    argparse.Namespace

    Raises
    ------
    SystemExit
        With the usage, if folders are missing, too many, or given in both forms.
    """
    parser.add_argument("folders", nargs="*", help=argparse.SUPPRESS)
    row = " ".join(name.upper() for name in names) + "".join(f" [{n.upper()}]" for n in optional)
    parser.epilog = f"Or without flags: {parser.prog} {row}"
    args = parser.parse_args(argv)
    flagged = [name for name in names if getattr(args, name) is not None]
    if args.folders and flagged:
        parser.error(f"give the folders with flags or without, not both; without: {row}")
    if args.folders:
        if not len(names) <= len(args.folders) <= len(names) + len(optional):
            parser.error(f"{len(args.folders)} folders given without flags; expected: {row}")
        for name, value in zip([*names, *optional], args.folders, strict=False):
            setattr(args, name, value)
    missing = [name for name in names if getattr(args, name) is None]
    if missing:
        parser.error("missing: " + ", ".join("--" + name for name in missing))
    del args.folders
    return args
