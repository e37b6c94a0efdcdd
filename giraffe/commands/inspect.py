"""Commands that show what data are like."""

from pathlib import Path

from giraffe.commands.commandline import add_command, add_settings, settings_of


def summary(args) -> int:
    """Count the classes of a folder or of PTB-XL's tables, training beside validation."""
    from giraffe.learning.summary import summarise, summarise_ptbxl

    if args.database:
        tables = args.database, args.mapping, args.sl_database_file, args.sl_mapping_file
        print(summarise_ptbxl(*tables, settings_of(args)))
    elif args.data:
        print(summarise(args.data, settings_of(args)))
    else:
        raise ValueError("give a folder of records, or --database and --mapping")
    return 0


def sheet(args) -> int:
    """Show one record in every kind of printout, or a folder's beside simulated ones."""
    from giraffe.pictures import write_picture
    from giraffe.printout.sheets import pairs_sheet, printouts_sheet, ranges_table

    if Path(args.record).is_dir():
        pixels = pairs_sheet(Path(args.record), args.seed)
    else:
        pixels = printouts_sheet(Path(args.record.removesuffix(".hea")), args.seed)
        print(ranges_table(), end="")
    write_picture(args.output, pixels)
    return 0


def add(subparsers) -> None:
    """Add the commands' parsers."""
    p = add_command(subparsers, "summary", summary, "printed")
    p.add_argument("data", nargs="?", help="folder of records")
    p.add_argument("--database", help="instead: ptbxl_database.csv; no waveform is needed")
    p.add_argument("--mapping", help="with it: scp_statements.csv")
    p.add_argument("-sd", "--sl_database_file", help="with it: 12sl_statements.csv of PTB-XL+")
    p.add_argument("-sm", "--sl_mapping_file", help="with it: 12slv23ToSNOMED.csv of PTB-XL+")
    add_settings(p)

    p = add_command(subparsers, "sheet", sheet, "patients/sim0000_000000 -o sheet.jpg")
    p.add_argument("record", help="record with a waveform, or folder of labelled ones")
    p.add_argument("-o", "--output", required=True, help="picture to write, .png or .jpg")
    p.add_argument("--seed", type=int, default=1, help="of the random choices")
