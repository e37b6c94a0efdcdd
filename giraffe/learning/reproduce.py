"""The paper's Table 4 again: train each configuration, score it on records it has not seen.

Everything lies in one folder and is kept as it is finished, so an interrupted call continues with
what is missing.
"""

import dataclasses
import html
import json
import logging
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from giraffe.ecg.ptbxl import patients_and_folds
from giraffe.ecg.records import Record, scan
from giraffe.errors import RecordError
from giraffe.files import copy_with_times, json_text, markdown_table, numbers, write_atomically
from giraffe.judging.conditions import classify_printed, printed_records, scores
from giraffe.learning.split import patient_groups, stratified_split
from giraffe.learning.training import train
from giraffe.network.architectures import AUXILIARY_SIZE
from giraffe.network.classifier import Classifier
from giraffe.printout.presets import CONDITIONS, KITS
from giraffe.printout.printing import PrintJob, print_folder
from giraffe.recipe import RECIPES, Recipe, find
from giraffe.settings import Settings

log = logging.getLogger(__name__)

SUBMISSIONS = ("2322", "2234", "2321", "2324", "2163", "2323")
# Paper, Table 4: macro F on the training side and on the hidden test set.
PUBLISHED = {
    "2322": (0.725, 0.652),
    "2234": (0.700, 0.607),
    "2321": (0.802, 0.555),
    "2324": (0.471, 0.227),
    "2163": (0.102, 0.087),
    "2323": (0.056, 0.056),
}
SCANS = ("color-scan-clean", "bw-scan-clean")  # what the hidden test set mixed
HELD_OUT_FOLDS = (9, 10)
HELD_OUT_SHARE = 0.25
PRINT_SEED = 42

# One change at a time to the paper's network and head, and all of them. On D1, because D3 takes
# longer to learn than a small run lasts.
ABLATION_BASE = "2321"
ABLATION: dict[str, dict[str, Any]] = {
    "base": {},
    "giraffe printouts": {"preset": "giraffe", "images": "printed"},
    "charts laid flat": {"straightened": True},
    "giraffe printouts laid flat": {
        "straightened": True,
        "preset": "giraffe",
        "images": "printed",
    },
    "printed anew": {"images": "printed"},
    "auxiliary head": {"auxiliary": 0.4},
    "weight average": {"average": 0.99},
    "one cycle": {"schedule": "onecycle", "learning_rate": 1e-3},
    "cosine": {"schedule": "cosine"},
    "label smoothing": {"label_smoothing": 0.05},
    "mixup": {"mixup": 0.2},
    "three views": {"views": 3},
    "tuned thresholds": {"thresholds": "tuned"},
    "ensemble of 3": {"ensemble": 3},
}


def ablation_recipes(names: Sequence[str] = (), size: int = 512) -> list[Recipe]:
    """The recipes of the ablation table; their names say what was changed.

    Parameters
    ----------
    names : sequence of str
        Of `ABLATION` or ``giraffe``; none: all.
    size : int
        Height of the images in px; an auxiliary head needs 299.

    Raises
    ------
    ValueError
        For another name, with those that there are.
    """
    base = RECIPES[ABLATION_BASE]
    known = {
        name: dataclasses.replace(base, name=name, **changes) for name, changes in ABLATION.items()
    }
    # The shipped model knows records that are held out here, and the others start without it.
    known["giraffe"] = dataclasses.replace(RECIPES["giraffe"], initial=base.initial)
    if size < AUXILIARY_SIZE:
        del known["auxiliary head"]
    return [find(known, name, "change") for name in names or known]


def hold_out(
    records: Sequence[Record], database: str | Path | None, folds: Sequence[int], seed: int
) -> tuple[list[Record], list[Record], str]:
    """Records to train on and records never seen in training.

    Parameters
    ----------
    records : sequence of Record
    database : path or None
        PTB-XL's ``ptbxl_database.csv``: its folds 9 and 10 are held out if they are there. Else a
        quarter of all records is, and no patient is on both sides.
    folds : sequence of int
        The PTB-XL records to use at all; none: all.
    seed : int

    Returns
    -------
    training, held_out : list of Record
    str
        How they were divided, for people.
    """
    patient, fold = patients_and_folds(database) if database is not None else ({}, {})
    own = [record.path.name for record in records]
    if folds:
        if database is None:
            raise ValueError("folds can be told only with PTB-XL's database")
        kept = [i for i, name in enumerate(own) if fold.get(name, folds[0]) in folds]
        records, own = [records[i] for i in kept], [own[i] for i in kept]
    chosen = {i for i, name in enumerate(own) if fold.get(name) in HELD_OUT_FOLDS}
    if chosen:
        how = "PTB-XL's folds 9 and 10"
    else:
        groups = patient_groups(records, patient)
        targets = np.stack([record.targets() for record in records])
        chosen = {*stratified_split(targets, groups, seed, HELD_OUT_SHARE)[1].tolist()}
        how = f"a quarter, stratified, seed {seed}"
        how += ", PTB-XL's by patient" if any(name in patient for name in own) else ""
    return (
        [record for i, record in enumerate(records) if i not in chosen],
        [record for i, record in enumerate(records) if i in chosen],
        how,
    )


class Reproduction:
    """All configurations over one division of the data.

    Parameters
    ----------
    data : sequence of path
        Folders of records with waveforms.
    output : path
    settings : Settings
        Profile and seed; the recipe is replaced.
    database : path, optional
    folds : sequence of int
        See `hold_out`.
    jobs : int
        Processes that print.
    verbose : bool
    """

    def __init__(self, data, output, settings, database=None, folds=(), jobs=2, verbose=True):
        self.output, self.settings = Path(output), settings
        self.jobs, self.verbose = jobs, verbose
        records = [record for folder in data for record in printed_records(folder)]
        training, held_out, self.how = hold_out(records, database, folds, settings.seed)
        if not training or not held_out:
            raise RecordError("too few records to train on some and test on others")
        self.training = self._gather(training, "training")
        self.held_out = self._gather(held_out, "held_out")

    def _gather(self, records: list[Record], part: str) -> list[Record]:
        """Headers and signals in a folder of their own."""
        folder = self.output / "records" / part
        names = {record.path.name for record in records}
        if len(names) < len(records):
            raise RecordError("two of the data folders hold records of the same name")
        other = {path.stem for path in folder.glob("*.hea")} - names
        if other:
            raise RecordError(
                f"{folder}: holds records of another division ({min(other)} ...); "
                "choose another output folder"
            )
        for record in records:
            for path in [record.path.with_suffix(".hea"), *record.signals()]:
                copy_with_times(path, folder / path.name)
        return scan(folder)[0]

    def run(self, recipe: Recipe) -> dict:
        """Train and score one configuration, unless that is done."""
        slug = "".join(c if c.isalnum() else "-" for c in recipe.name)
        path = self.output / "results" / f"{slug}.json"
        settings = dataclasses.replace(self.settings, recipe=recipe)
        key = [
            recipe.as_dict(),
            dataclasses.asdict(settings.profile),
            settings.seed,
            [[record.name for record in part] for part in (self.training, self.held_out)],
        ]
        key = json.loads(json.dumps(key))
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            if kept.pop("key") == key:
                return {"key": key, **numbers(kept)}
        except (OSError, ValueError, KeyError):
            pass
        start = time.monotonic()
        model = self.output / "models" / slug
        train(self._training_data(recipe), model, settings, self.verbose)
        seconds = time.monotonic() - start
        classifier = Classifier(model)
        result = {"key": key, "name": recipe.name, "training_seconds": seconds}
        titles = {"own": (recipe.preset,), "scans": SCANS}
        if recipe.architecture == "inception":  # compared beyond the paper's table
            titles |= {name: (name,) for name in CONDITIONS}
        seen = {
            preset: classify_printed(self.held_out, classifier, preset, verbose=self.verbose)
            for preset in {preset: None for presets in titles.values() for preset in presets}
        }
        for title, presets in titles.items():
            records = [record for preset in presets for record in seen[preset][0]]
            p = np.concatenate([seen[preset][1] for preset in presets])
            result[title] = scores(records, p, classifier)
        result["seconds"] = time.monotonic() - start
        write_atomically(path, json_text(result, indent=1))
        return result

    def _training_data(self, recipe: Recipe) -> Path:
        """Records as the recipe wants them: image files of its preset, or waveforms alone."""
        source = self.output / "records" / "training"
        if recipe.images != "files" or recipe.preset not in KITS:
            return source
        target = self.output / "printed" / recipe.preset
        job = PrintJob(options=KITS[recipe.preset], seed=PRINT_SEED)
        print_folder(source, target, job, jobs=self.jobs, verbose=self.verbose)
        return target


def reproduce(
    data: Sequence[str | Path],
    output: str | Path,
    settings: Settings,
    submissions: Sequence[str] = (),
    ablation: bool = False,
    **options,
) -> str:
    """Train and score configurations; write a table as Markdown, JSON and a page.

    Parameters
    ----------
    data, output, settings, options
        See `Reproduction`.
    submissions : sequence of str
        Names of recipes, or of the ablation's changes; none: all.
    ablation : bool
        The ablation's recipes instead; the files are called ``ablation``, not ``table``.

    Returns
    -------
    str
        The table.
    """
    output = Path(output)
    if ablation:
        height = settings.profile.input_size(RECIPES[ABLATION_BASE])[0]
        recipes = ablation_recipes(submissions, height)
    else:
        recipes = [find(RECIPES, name, "recipe") for name in submissions or SUBMISSIONS]
    reproduction = Reproduction(data, output, settings, **options)
    results = []
    for recipe in recipes:
        log.info("== %s", recipe.name)
        results.append(reproduction.run(recipe))
    table = table_of(recipes, results)
    most = settings.profile.records
    capped = f" (at most {most} of them drawn)" if most else ""
    facts = (
        f"{len(reproduction.training)} records for training and validation{capped}, "
        f"{len(reproduction.held_out)} held out "
        f"({reproduction.how}), profile {settings.profile.name}, seed {settings.seed}. Macro over "
        f"{', '.join(results[0]['own']['classes'])}."
    )
    text = table + "\n" + facts + "\n"
    name = "ablation" if ablation else "table"
    write_atomically(output / f"{name}.md", text)
    write_atomically(output / f"{name}.json", json_text(results, indent=1))
    title = "Ablation" if ablation else "Table 4"
    write_page(output / f"{name}.html", title, recipes, results, facts)
    return text


def _mean_of_conditions(result: dict, score: str) -> float:
    values = [result[name][score] for name in CONDITIONS if name in result]
    return float(np.mean(values)) if values else math.nan


def _cells(recipe: Recipe, result: dict) -> list[str]:
    paper = PUBLISHED.get(recipe.name, (math.nan, math.nan))
    numbers = [
        paper[0],
        result["own"]["f"],
        result["own"]["auroc"],
        paper[1],
        result["scans"]["f"],
        result["scans"]["auroc"],
        _mean_of_conditions(result, "f"),
        _mean_of_conditions(result, "auroc"),
    ]
    return [
        recipe.name,
        {"inception": "InceptionV3", "vanilla": "vanilla"}[recipe.architecture],
        "yes" if recipe.weighted else "no",
        {"gev": "GEV", "sigmoid": "sigmoid"}[recipe.activation],
        recipe.preset,
        *("" if math.isnan(n) else f"{n:.3f}" for n in numbers),
        f"{result['training_seconds'] / 60:.1f}",
    ]


HEAD = (
    "submission",
    "architecture",
    "weighting",
    "activation",
    "set",
    "F, paper, training side",
    "F, held out, own set",
    "AUROC",
    "F, paper, hidden test",
    "F, held out, colour and B/W scans",
    "AUROC",
    "F, mean of 8 conditions",
    "AUROC",
    "minutes",
)


def table_of(recipes: list[Recipe], results: list[dict]) -> str:
    """The paper's Table 4 in Markdown, its two F columns beside ours; F per class below."""
    rows = [_cells(recipe, result) for recipe, result in zip(recipes, results, strict=True)]
    head, *per_class = _per_class(recipes, results)
    return f"{markdown_table(HEAD, rows)}\n{PER_CLASS}:\n\n{markdown_table(head, per_class)}"


PER_CLASS = "F (AUROC) per class, held out, own set"


def _per_class(recipes: list[Recipe], results: list[dict]) -> list[list[str]]:
    """A head and a row for each recipe."""
    occurring = results[0]["own"]["classes"]
    rows = [["submission", *occurring]]
    for recipe, result in zip(recipes, results, strict=True):
        own = result["own"]
        cells = (
            f"{own['f per class'][c]:.2f} ({own['auroc per class'][c]:.2f})" for c in occurring
        )
        rows.append([recipe.name, *cells])
    return rows


def write_page(
    path: Path, title: str, recipes: list[Recipe], results: list[dict], facts: str
) -> None:
    """The table as a page with a plot beside it, in one file."""
    import base64
    import io

    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 1 + 0.45 * len(recipes)), layout="constrained")
    left, right = figure.subplots(1, 2)
    names = [recipe.name for recipe in recipes]
    places = np.arange(len(names))
    for axes, part, ours, column in (
        (left, "own set (paper: training side)", "own", 0),
        (right, "scans (paper: hidden test)", "scans", 1),
    ):
        paper = [PUBLISHED.get(name, (math.nan, math.nan))[column] for name in names]
        axes.barh(places - 0.2, paper, 0.4, label="paper", color="#b0b0b0")
        axes.barh(places + 0.2, [r[ours]["f"] for r in results], 0.4, label="here")
        axes.set_yticks(places, names)
        axes.invert_yaxis()
        axes.set_xlim(0, 1)
        axes.set_xlabel("macro F")
        axes.set_title(part)
    left.legend()
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=110)
    picture = base64.b64encode(png.getvalue()).decode()
    rows = [list(HEAD), *(_cells(a, b) for a, b in zip(recipes, results, strict=True))]
    page = (
        f"<!doctype html><meta charset=utf-8><title>GIRAFFE: {title}</title>"
        "<style>body{font:15px sans-serif;margin:2em}table{border-collapse:collapse}"
        "td,th{border:1px solid #ccc;padding:4px 8px;text-align:left}</style>"
        f"<h1>{title}</h1>{_html_table(rows)}<p>{html.escape(facts)}</p>"
        f"<h2>{PER_CLASS}</h2>{_html_table(_per_class(recipes, results))}"
        f"<img alt='macro F' src='data:image/png;base64,{picture}'>"
    )
    write_atomically(path, page)


def _html_table(rows: list[list[str]]) -> str:
    lines = [
        "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row) + "</tr>"
        for row, tag in zip(rows, ["th"] + ["td"] * (len(rows) - 1), strict=True)
    ]
    return f"<table>{''.join(lines)}</table>"
