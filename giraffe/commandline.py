"""The Challenge's two forms of command line: flags, or folders in a row as in earlier years."""

import argparse
from collections.abc import Sequence


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
