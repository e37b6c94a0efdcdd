"""Commands that train: the entry's networks, the paper's table, the shipped weights."""

import dataclasses
import functools

from giraffe.commands.commandline import (
    add_command,
    add_frozen,
    add_jobs,
    add_training_settings,
    names_in,
    settings_of,
)
from giraffe.recipe import RECIPES, SHIPPED


def train(args) -> int:
    """Train a model on records with labels, and with pictures or waveforms.

    The recipe says what is trained (the paper's six submissions by number, or giraffe, ours), the
    profile at which scale (scoring: a GPU and hours; demo: minutes; smoke: seconds). Options that
    are not given are those of the environment. Started again, an interrupted training goes on.
    """
    from giraffe.learning.training import train as run

    settings = settings_of(args)
    changes = {"initial": args.initial, "frozen": args.frozen}
    changes = {name: value for name, value in changes.items() if value}
    recipe = dataclasses.replace(settings.recipe, **changes)
    settings = dataclasses.replace(settings, recipe=recipe)
    run(args.data, args.model, settings, verbose=not args.quiet)
    return 0


def reproduce(args) -> int:
    """Train and score the paper's configurations (its Table 4), or the ablation."""
    from giraffe.learning.reproduce import reproduce as run

    names = args.submissions.split(",") if args.submissions else ()
    table = run(
        args.data,
        args.output,
        settings_of(args),
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
    from giraffe.learning.pretrain import DEFAULT_STAGES, parse_stages
    from giraffe.learning.pretrain import pretrain as run
    from giraffe.learning.soft_labels import read_soft_labels
    from giraffe.network.initial import model_folder

    settings = settings_of(args)
    recipe = dataclasses.replace(
        settings.recipe, measurements=args.measurements, frozen=args.frozen
    )
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
        args.initial and model_folder(args.initial),
        names_in(args.choosing),
        read_soft_labels(args.soft) if args.soft else None,
        varied=not args.unvaried,
    )
    return 0


def soft_labels(args) -> int:
    """Train small networks on signals: their word on training records, and the ceiling."""
    from giraffe.learning.soft_labels import make_soft_labels

    table = make_soft_labels(
        args.data,
        args.database,
        sorted(names_in(args.choosing)),
        args.output,
        args.epochs,
        args.simulated,
        args.seed,
    )
    print(table, end="")
    return 0


def signal_readers(args) -> int:
    """Train the networks that read signals for a model, on real and simulated hearts.

    The model then says what they and its pictures' networks say together; calibrate it afterwards.
    """
    from giraffe.learning.signal_readers import add_signal_readers
    from giraffe.learning.soft_labels import read_soft_labels

    table = add_signal_readers(
        args.model,
        args.data,
        args.database,
        sorted(names_in(args.choosing)),
        read_soft_labels(args.soft) if args.soft else {},
        args.networks,
        args.epochs,
        args.simulated,
        args.seed,
    )
    print(table, end="")
    return 0


def ship(args) -> int:
    """Make a trained model the package's own, in a quarter of its room.

    Kernels become 8-bit numbers; calibration and thresholds come along, a model card stays.
    """
    from giraffe.network.shipping import ship as run

    print(run(args.model, args.output, args.mean_with, args.share), end="")
    return 0


def chart_reader(args) -> int:
    """Train one of the networks that read charts."""
    from giraffe.chart.ink_school import learn_ink
    from giraffe.chart.school import learn

    teach = learn_ink if args.network == "ink" else functools.partial(learn, args.network)
    teach(
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


def _add_hearts(p) -> None:
    """Add the hearts that teach a network that reads signals, and how often they do."""
    p.add_argument("data", nargs="+", help="PTB-XL's records with labels and waveforms")
    p.add_argument("--database", nargs="+", required=True, help="ptbxl_database.csv, or its parts")
    p.add_argument("--choosing", help="file of names: these records do not train")
    p.add_argument("--epochs", type=int, default=80, help="(80)")
    p.add_argument("--simulated", type=int, default=12000, help="patients beside them (12000)")
    p.add_argument("--seed", type=int, default=0, help="(0)")


def add(subparsers) -> None:
    """Add the commands' parsers."""
    p = add_command(subparsers, "train", train, "printed -m mymodel --profile demo")
    p.add_argument("data", help="folder of records")
    p.add_argument("-m", "--model", required=True, help="folder for the model")
    p.add_argument(
        "--initial", help="random, imagenet, shipped, or a model to start from; GIRAFFE_INITIAL"
    )
    add_frozen(p)
    add_training_settings(p)

    p = add_command(
        subparsers, "reproduce", reproduce, "patients -o table4 --submissions 2324 --profile smoke"
    )
    p.add_argument("data", nargs="+", help="records with labels and waveforms")
    p.add_argument("-o", "--output", required=True, help="folder to write; kept work is continued")
    p.add_argument(
        "--submissions", help="recipes, such as 2322,2234 (all six of the paper), or changes"
    )
    p.add_argument("--ablation", action="store_true", help="one change at a time instead")
    p.add_argument("--database", help="ptbxl_database.csv: hold out PTB-XL patients alone")
    p.add_argument("--folds", type=int, nargs="+", default=(), help="PTB-XL folds to use; all")
    add_jobs(p, 2)
    add_training_settings(p)

    p = add_command(
        subparsers,
        "soft-labels",
        soft_labels,
        "ptbxl --database ptbxl_database.csv --choosing choosing.txt -o soft.csv",
    )
    _add_hearts(p)
    p.add_argument("-o", "--output", required=True, help="table to write")

    p = add_command(
        subparsers,
        "signal-readers",
        signal_readers,
        "ptbxl -m mymodel --database ptbxl_database.csv --choosing choosing.txt",
    )
    _add_hearts(p)
    p.add_argument("-m", "--model", required=True, help="model folder that gets them")
    p.add_argument("--soft", help="table of soft-labels, with which labels are mixed")
    p.add_argument("--networks", type=int, default=2, help="whose log-odds are averaged (2)")

    p = add_command(
        subparsers,
        "pretrain",
        pretrain,
        "-m weights --stages D1:96x192:400,giraffe:128x256:400 --simulated 200 --workers 2",
    )
    p.set_defaults(profile=None)  # its stages have sizes and epochs of their own
    p.add_argument("data", nargs="*", help="real records with labels and waveforms")
    p.add_argument("-m", "--model", required=True, help="folder for the model")
    p.add_argument("--recipe", choices=RECIPES, default="giraffe", help="giraffe")
    p.add_argument("--initial", help="model whose weights to start from, such as shipped (random)")
    p.add_argument("--stages", help="such as D1:192x384:8000,giraffe:512x1024:1200")
    p.add_argument("--database", nargs="+", default=(),
                   help="ptbxl_database.csv, or its parts: keeps patients on one side")  # fmt: skip
    p.add_argument("--folds", type=int, nargs="+", default=(), help="PTB-XL folds to use; all")
    p.add_argument("--choosing", help="file of names: these records validate and do not train")
    p.add_argument("--soft", help="table of soft-labels, with which labels are mixed")
    add_frozen(p)
    p.add_argument("--unvaried", action="store_true",
                   help="real records keep their gain, pace and noise in every epoch")  # fmt: skip
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

    p = add_command(subparsers, "ship", ship, "mymodel -o shipped")
    p.add_argument("model", help="model folder")
    p.add_argument("-o", "--output", default=SHIPPED, help="folder to write (the package's own)")
    p.add_argument(
        "--mean_with", help="the model it started from, to take the mean of both weights"
    )
    p.add_argument("--share", type=float, default=0.5, help="of MODEL in that mean (0.5)")

    p = add_command(
        subparsers,
        "chart-reader",
        chart_reader,
        "letters -o letters.pt --folder pages --pages 100 --epochs 1 --jobs 2",
    )
    p.add_argument("network", choices=("evidence", "letters", "ink"), help="which of the three")
    p.add_argument("-o", "--output", required=True, help="file of weights to write")
    p.add_argument("--folder", required=True, help="where printed pages are kept")
    p.add_argument("--pages", type=int, default=4000, help="to learn from (4000)")
    p.add_argument("--epochs", type=int, default=10, help="how often each is seen (10)")
    p.add_argument("--seed", type=int, default=0, help="of patients, pages and weights")
    p.add_argument("--initial", help="file of weights to start from")
    p.add_argument("--learning_rate", type=float, default=3e-3, help="the highest (0.003)")
    p.add_argument("--jobs", type=int, default=-1, help="processes that print")
