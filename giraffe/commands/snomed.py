"""The command that prepares records whose headers carry SNOMED CT codes."""

from giraffe.commands.commandline import add_command, add_folders, tell_problems

DATABASES = (
    "CPSC, CPSC-Extra, INCART, PTB, PTB-XL, Georgia, Chapman-Shaoxing, Ningbo or other (any other)"
)
"""For the help alone: they stand where pandas is imported."""


def prepare_snomed(args) -> int:
    """Write labels into headers of records with SNOMED CT codes.

    The databases of the PhysioNet Challenges 2020 and 2021 name diagnoses by codes in a line
    "# Dx:"; docs/databases.md has what each of them means for the 11 classes. What a code cannot
    tell is marked as unknown and left out of losses and scores. Codes that are not in the table
    are counted.
    """
    from giraffe.ecg.snomed import prepare

    done = prepare(args.input_folder, args.output_folder, args.database)
    tell_problems("Not prepared", done.problems)
    print(done)
    return 0 if done.written or not done.problems else 1


def _database(text: str) -> str:
    import argparse

    from giraffe.ecg.snomed import DATABASES as known

    if text not in (*known, "other"):
        raise argparse.ArgumentTypeError(f"{text} is none of {', '.join(known)}, other")
    return text


def add(subparsers) -> None:
    """Add the command's parser."""
    p = add_command(subparsers, "prepare-snomed", prepare_snomed, "-i georgia -o prepared")
    add_folders(p)
    p.add_argument(
        "--database",
        type=_database,
        help=f"where the records come from, {DATABASES}; told by their names",
    )
