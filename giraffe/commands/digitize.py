"""The command that turns pictures into signals."""

from giraffe.commands.commandline import add_command, add_pictures, tell_problems
from giraffe.progress import say

SHOWN_AT_MOST = 30  # pictures; the table has all


def digitize(args) -> int:
    """Turn pictures into signals: a WFDB record each, and a table of what was read.

    What is not printed or could not be read is missing in the signals, never guessed. A picture
    without a chart gives no record, and the table says why. Started again, the command goes on
    where it was.
    """
    from giraffe.reading.digitizing import TABLE, digitize_pictures

    rows, problems = digitize_pictures(args.pictures, args.output, args.fs, args.csv, args.overlay)
    tell_problems("Not digitized", problems, "picture")
    digitized = [row for row in rows if row["record"]]
    if len(digitized) <= SHOWN_AT_MOST:
        for row in digitized:
            rate = f"{row['rate']}/min" if row["rate"] != "" else "no rate"
            print(f"{row['record']}  {row['layout']}  {rate}  {row['notes']}")
    say(f"{len(digitized)} pictures digitized; see {args.output}/{TABLE}.")
    return 0 if digitized or not problems else 1


def add(subparsers) -> None:
    """Add the command's parser."""
    p = add_command(subparsers, "digitize", digitize, "photos -o signals --overlay")
    add_pictures(p)
    p.add_argument("-o", "--output", required=True, help="folder to write")
    p.add_argument("--csv", action="store_true", help="the signals as CSV too")
    p.add_argument("--overlay", action="store_true", help="the traces laid over each picture too")
    p.add_argument("--fs", type=float, default=500.0, help="sampling frequency in Hz (500)")
