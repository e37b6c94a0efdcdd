"""What command lines share: parsers that help, common options, the Challenge's two forms."""

import argparse
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from giraffe.recipe import PROFILES, RECIPES, find
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
    first, _, rest = run.__doc__.strip().partition("\n")
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


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is trained, at which scale, from which seed."""
    parser.add_argument("--recipe", choices=RECIPES, help="what to train; GIRAFFE_RECIPE")
    parser.add_argument("--profile", choices=PROFILES, help="at which scale; GIRAFFE_PROFILE")
    parser.add_argument("--seed", type=int, help="of split, weights and images; GIRAFFE_SEED")


def add_training_settings(parser: argparse.ArgumentParser) -> None:
    """Add these and what changes a profile or bounds a training."""
    add_settings(parser)
    parser.add_argument("--records", type=int, help="use at most so many; the profile's cap")
    parser.add_argument("--epochs", type=int, help="train at most so many; the profile's cap")
    parser.add_argument("--scale", type=float, help="factor on the input size; the profile's")
    parser.add_argument("--time_limit_hours", type=float, help="GIRAFFE_TIME_LIMIT_HOURS")
    parser.add_argument("--cache_folder", help="decoded images; GIRAFFE_CACHE_DIR")
    parser.add_argument("--micro_batch", type=int, help="images at a time; GIRAFFE_MICRO_BATCH")


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
