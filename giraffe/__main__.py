"""GIRAFFE reads photographs and scans of 12-lead ECG printouts and names cardiac findings."""

import argparse
import difflib
import logging
import os
import sys
from pathlib import Path

from giraffe import __version__
from giraffe.commands import digitize, explain, inspect, make, read, score, serve, snomed, train
from giraffe.commands.commandline import Parser
from giraffe.errors import ModelError, RecordError

GROUPS = {
    "Read pictures": (read, explain, serve),
    "Digitize": (digitize,),
    "Train and score": (train, score),
    "Make data": (make, snomed),
    "Inspect": (inspect,),
}
"""The files of commands, in the order in which a person needs them."""

ENDING = """\
giraffe COMMAND --help has a command's options and an example.

Exit codes: 0 done; 1 it could not be done, with the reason on standard error; 2 the command line
is wrong; 130 interrupted.

Not a medical device: do not use it to diagnose, treat or reassure anybody."""


def get_parser() -> argparse.ArgumentParser:
    """Parser of all commands, whose help lists them by groups."""
    called_as_module = Path(sys.argv[0]).parts[-2:] == ("giraffe", "__main__.py")
    parser = Parser(
        prog="python -m giraffe" if called_as_module else "giraffe",
        usage="%(prog)s COMMAND ...",
        epilog=ENDING,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", help=argparse.SUPPRESS, parser_class=Parser,
        prog=parser.prog,
    )  # fmt: skip
    lines = [__doc__]
    for title, files in GROUPS.items():
        first = len(commands._choices_actions)
        for file in files:
            file.add(commands)
        lines += ["", f"{title}:"]
        lines += [f"  {c.dest:15} {c.help}" for c in commands._choices_actions[first:]]
    parser.description = "\n".join(lines)
    options = parser.add_argument_group("Options")
    options.add_argument("-h", "--help", action="help", help="show this and exit")
    options.add_argument(
        "--version", action="version", version=f"giraffe {__version__}",
        help="show the version and exit",
    )  # fmt: skip
    return parser


def main(argv=None) -> int:
    """Run a command and return its exit code; without one, list them."""
    argv = sys.argv[1:] if argv is None else list(argv)
    parser = get_parser()
    if not argv:
        parser.print_help()
        return 0
    _check_command(parser, argv[0])
    args = parser.parse_args(argv)
    logging.basicConfig(format="%(message)s")
    logging.getLogger("giraffe").setLevel(logging.WARNING if args.quiet else logging.INFO)
    try:
        code = args.run(args)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever read the output, such as `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (RecordError, ModelError, OSError, ValueError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130


def _check_command(parser: argparse.ArgumentParser, word: str) -> None:
    """Say which command was meant, where the first word is none."""
    subparsers = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    commands = next(subparsers).choices
    if word.startswith("-") or word in commands:
        return
    if Path(word).exists():
        parser.error(f"{word} is no command. To read it: {parser.prog} read {word}")
    close = difflib.get_close_matches(word, commands, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    parser.error(f"{word} is no command.{hint} `{parser.prog}` alone lists them.")


if __name__ == "__main__":
    sys.exit(main())
