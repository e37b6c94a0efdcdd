"""What the page says of the model, its data and its training, and how the page was made."""

import datetime
import math

from giraffe import __version__
from giraffe.ecg.records import summarise_problems
from giraffe.judging.conditions import SEED
from giraffe.learning.curves import LABELS, LOSSES, SCORES
from giraffe.learning.summary import TABLE_ORDER
from giraffe.network.checkpoint import SIGNALS, versions
from giraffe.reading.report import figures
from giraffe.reading.report.gather import Gathered
from giraffe.reading.report.markup import (
    NOTHING,
    Html,
    element,
    facts,
    figure,
    joined,
    number,
    paragraph,
    table,
)

PARTS = {
    "training": "trained the model",
    "validation": "validated it",
    "unseen": "are in neither part",
}


def recipe_section(g: Gathered) -> Html:
    """What was trained, and how."""
    description = g.description
    recipe = description["recipe"].as_dict()
    pairs = [(key.replace("_", " "), _plain(value)) for key, value in recipe.items()]
    epochs = description.get("weights_of_epochs")
    more = [
        ("network", recipe["architecture"]),
        ("output", f"{recipe['activation']}, {'weighted' if recipe['weighted'] else 'plain'} loss"),
        ("sees", "the chart, laid flat" if recipe["straightened"] else "the whole picture"),
        ("trained on printouts", recipe["preset"]),
        ("starts from", _initial(description) or recipe["initial"]),
        ("input", "{} x {} px".format(*description["size"])),
        ("networks", len(description["weights"])),
        ("weights of epoch", _plain(epochs)),
        ("seed", _plain(description.get("seed"))),
        ("trained on", _plain(description.get("device"))),
        ("training took", _hours(description.get("training_seconds"))),
    ]
    return joined([
        paragraph("The configuration by its name in ", element("code", "giraffe.recipe"),
                  ", and what became of it."),
        facts(more),
        element("details", element("summary", "All settings of the recipe"), facts(pairs)),
    ])  # fmt: skip


def _initial(description: dict) -> str:
    """Where the weights of the first network started, as its training noted; empty if unknown."""
    try:
        return str(description["networks"][0]["initial"])
    except (KeyError, IndexError, TypeError):  # of another version, or by hand
        return ""


def data_section(g: Gathered) -> Html:
    """What was read, and what could not be."""
    counts, answers = g.counts, g.answers
    printed = int(answers.printed.sum())
    total = len(answers.records)
    text = [
        f"{counts.found} records lie in {g.wanted.data}; {counts.labelled} have a known label"
        + ("" if g.wanted.part == "all" else f" and are {g.wanted.part}")
        + f". {total} were read: {total - printed} from their pictures, {printed} printed in "
        f"memory from their waveforms as {g.wanted.preset}."
    ]
    if counts.chosen < counts.labelled:
        text.append(
            f" Reading stops at {counts.chosen} records, drawn by chance (seed {SEED}); --records "
            "changes that."
        )
    if answers.without_chart:
        text.append(
            f" In {answers.without_chart} no chart was found; the whole picture was read instead."
        )
    if counts.split_problem:
        said = f"Whether the model was trained on any of them is not known: {counts.split_problem}."
    else:
        parts = [f"{counts.parts[part]} {what}" for part, what in PARTS.items()]
        said = f"By their names in the model's split.csv, {', '.join(parts)}."
    columns = list(counts.by_label)
    rows = [
        [label, *(counts.by_label[column][label] for column in columns)]
        for label in (*TABLE_ORDER, "Total")
    ]
    missing = "" if len(columns) > 2 else " The model does not say what it was trained on."
    shown = [
        paragraph(*text), paragraph(said),
        table(
            "Records by label, in the order of the paper's Table 2. A record counts once for each "
            "of its labels; Total is records." + missing,
            ["label", *columns], rows, last=True,
        ),
    ]  # fmt: skip
    if counts.unknown_labels:
        listed = ", ".join(f"{name} ({n})" for name, n in counts.unknown_labels.most_common(10))
        shown.append(paragraph(f"Labels that are none of the 11, ignored: {listed}."))
    if counts.problems:
        shown.append(_problems("not read", counts.problems))
    if counts.notes:
        shown.append(_problems("with a picture not read", counts.notes))
    return joined(shown)


def _problems(what: str, problems: dict[str, str]) -> Html:
    """Records, and what is the matter with them."""
    title = f"{len(problems)} record{'s' * (len(problems) != 1)} {what}"
    lines = summarise_problems(problems).splitlines()
    return element(
        "details",
        element("summary", title),
        element("ul", *(element("li", line) for line in lines)),
        open="",
    )


def training_section(g: Gathered) -> Html:
    """Curves of the training."""
    if not g.history:
        return paragraph(f"No curves: {g.history_problem}.")
    epochs = len({row["epoch"] for row in g.history})
    networks = len({row["network"] for row in g.history})
    text = f"{epochs} epoch{'s' * (epochs > 1)} of {networks} network{'s' * (networks > 1)}."
    if epochs == 1:
        text += " A single epoch has no curve."
    validation = g.description.get("validation")
    if isinstance(validation, dict):
        values = [_number_of(validation, key) for key in ("f", "auroc")]
        text += (
            f" On the {validation.get('records', NOTHING)} validation records the finished model "
            f"had macro F {values[0]} and macro AUROC {values[1]}."
        )
    if len(g.history) == 1:
        (row,) = g.history
        return joined([paragraph(text), facts(
            (LABELS[column], number(row[column])) for column in (*LOSSES, *SCORES)
        )])  # fmt: skip
    return joined([paragraph(text), figure(figures.history_figure(g.history))])


def making_section(g: Gathered, command: str) -> Html:
    """Versions, digests, and the command."""
    made = g.description.get("versions")
    made = made if isinstance(made, dict) else {}
    here = versions()
    rows = [
        [name, str(made.get(name, NOTHING)), here.get(name, NOTHING)]
        for name in dict.fromkeys([*made, *here])
    ]
    digests = [
        (f"weights-{k}.pt, SHA-256", element("code", digest))
        for k, digest in enumerate(g.description["weights"])
    ]
    if g.description["signals"] is not None:
        digest = g.description["signals"].digest
        digests.append((f"{SIGNALS}, SHA-256", element("code", digest)))
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    return joined([
        paragraph("The command that makes this page:"),
        element("pre", command, tabindex="0"),
        facts([
            ("written", now), ("it took", _hours(g.seconds)), ("giraffe", __version__),
            ("computed on", g.machine), ("seed of printing and drawing", SEED),
        ]),
        element("dl", *(element("div", element("dt", k), element("dd", v)) for k, v in
                        [("model", g.wanted.model), ("data", g.wanted.data), *digests]),
                class_="facts wide-facts"),
        table("Versions.", ["", "made the model", "made this page"], rows, words=3),
    ])  # fmt: skip


def _plain(value) -> str:
    """A setting in words."""
    if value is None or value == "" or value == []:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _hours(seconds) -> str:
    """A time in the unit that suits it."""
    if not isinstance(seconds, (int, float)) or not math.isfinite(seconds):
        return NOTHING
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"


def _number_of(values: dict, key: str) -> str:
    value = values.get(key)
    return number(value) if isinstance(value, (int, float)) else NOTHING
