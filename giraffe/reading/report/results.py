"""What the page says of the model's answers: scores, calibration, decisions, conditions, heat."""

import math

import numpy as np

from giraffe.classes import CLASSES, MEANINGS
from giraffe.judging.conditions import PUBLISHED
from giraffe.judging.metrics import macro
from giraffe.printout.presets import CONDITIONS
from giraffe.reading.report import figures
from giraffe.reading.report.answers import Answers
from giraffe.reading.report.gather import SAMPLES, Gathered
from giraffe.reading.report.judging import ClassScores
from giraffe.reading.report.markup import (
    NOTHING,
    Html,
    element,
    figure,
    joined,
    number,
    paragraph,
    picture,
    span,
    table,
)
from giraffe.reading.report.readings import Reading

RULES = {
    "most_probable": "the one that is nearest to its threshold",
    "within_0.1": "every one within 0.1 of the most probable",
}
"""What a record gets where nothing passes, by `giraffe.recipe.Recipe.labels`."""


def glance(g: Gathered) -> Html:
    """The few numbers that sum the model up, and what they must not be taken for."""
    overall = g.overall
    tiles = [
        ("macro F", number(overall["f"]), f"95 % interval {span(*overall['f interval'])}"),
        ("macro AUROC", number(overall["auroc"]),
         f"95 % interval {span(*overall['auroc interval'])}"),
        ("calibration error", number(macro([one.error for one in g.classes])),
         "mean over the findings"),
        ("records", str(len(g.answers.records)), f"of {g.counts.found} in the folder"),
    ]  # fmt: skip
    if g.conditions:
        worst = min(g.conditions, key=lambda one: np.nan_to_num(one.scores["f"], nan=math.inf))
        note = f"{worst.name}, {worst.scores['records']} records"
        tiles.append(("macro F, worst condition", number(worst.scores["f"]), note))
    shown = [
        element("li", element("span", title), element("b", value), element("span", note))
        for title, value, note in tiles
    ]
    seen = {part: g.counts.parts[part] for part in ("training", "validation")}
    notes = []
    if sum(seen.values()):
        notes.append(
            element(
                "p",
                f"{seen['training']} of the records trained this model and {seen['validation']} "
                "validated it: the figures say more than the model deserves. ",
                element("code", "--part unseen"),
                " leaves them out.",
                class_="notice",
            )
        )
    without = [one.name for one in g.classes if not one.positives]
    counted = ", ".join(overall["classes"])
    text = f"Macro figures are means over the findings that occur: {counted}."
    if without:
        text += f" No record read here has {', '.join(without)}."
    return joined([element("ul", *shown, class_="tiles"), *notes, paragraph(text, small=True)])


def classes_section(g: Gathered) -> Html:
    """Scores of every finding, and the curves behind them."""
    rows = [
        [
            joined([one.name, element("span", f", {MEANINGS[one.name]}", class_="meaning")]),
            _known(one, one.positives), number(one.precision),
            number(one.recall), number(one.f), number(one.auroc), number(one.average_precision),
        ]
        for one in g.classes
    ]  # fmt: skip
    columns = ("precision", "recall", "f", "auroc", "average_precision")
    occurring = [one for one in g.classes if one.positives]
    means = [macro([getattr(one, name) for one in occurring]) for name in columns]
    rows.append(["mean of those that occur", "", *map(number, means)])
    a = g.answers
    cards = []
    for k, one in enumerate(g.classes):
        drawn = figures.ranking_figure(k, a.targets, a.probabilities, a.decisions)
        if drawn is None:
            continue
        head = element("h3", f"{one.name}: {MEANINGS[one.name]}")
        line = f"{one.positives} of {one.known}, AUROC {number(one.auroc)}, F {number(one.f)}"
        cards.append(element("div", head, paragraph(line, small=True), drawn))
    return joined([
        table(
            "Each finding on the records read here. F is 2 TP / (2 TP + FP + FN) as the Challenge "
            "scores; AP is the area below the precision-recall curve. A dash: not defined, such "
            "as the precision of a finding that no record got.",
            ["finding", "records", "precision", "recall", "F", "AUROC", "AP"], rows, last=True,
        ),
        paragraph("Left the ROC curve, right precision against recall. Dotted: a model that knows "
                  "nothing. The dot is where the model decides."),
        element("div", *cards, class_="cards"),
        _without_curves(g.classes),
    ])  # fmt: skip


def _known(one: ClassScores, count: int) -> int | str:
    """A count; a dash where no record says anything about the finding."""
    return count if one.known else NOTHING


def _without_curves(classes: list[ClassScores]) -> Html:
    """Which findings have no curves, and why."""
    reasons = {
        "no record says whether it has it": [c.name for c in classes if not c.known],
        "no record has it": [c.name for c in classes if c.known and not c.positives],
        "every record has it": [c.name for c in classes if c.known and c.positives == c.known],
    }
    said = [f"{', '.join(names)} ({reason})" for reason, names in reasons.items() if names]
    return paragraph(f"No curves: {'; '.join(said)}.", small=True) if said else Html()


def calibration_section(g: Gathered) -> Html:
    """Whether probabilities mean what they say."""
    a, maps = g.answers, g.description["calibration"]
    mapped = any(one.family != "none" for one in maps)
    rows = [
        [
            one.name, maps[k].family, number(one.share), number(one.mean), number(one.constant),
            number(one.raw_log_loss), number(one.log_loss), number(one.raw_error),
            number(one.error),
        ]
        for k, one in enumerate(g.classes)
    ]  # fmt: skip
    columns = ("constant", "raw_log_loss", "log_loss", "raw_error", "error")
    means = [macro([getattr(one, name) for one in g.classes]) for name in columns]
    rows.append(["mean", "", "", "", *map(number, means)])

    def draw(name, title, k):
        before = a.raw[:, k] if maps[k].family != "none" else None
        return figures.reliability_figure(
            name, title, a.targets[:, k], a.probabilities[:, k], before
        )

    cards = []
    for k, one in enumerate(g.classes):
        if one.positives:
            drawn = draw(f"reliability{k}", one.name, k)
            cards.append(element("div", element("h3", one.name), drawn))
    whole = figures.reliability_figure(
        "reliability", "All findings together", a.targets.ravel(), a.probabilities.ravel(),
        a.raw.ravel() if mapped else None,
    )  # fmt: skip
    cards.insert(0, element("div", element("h3", "all together"), whole))
    keys = {
        "accent": "what is true of what got a probability, with 95 % intervals",
        **({"second": "before calibration"} if mapped else {}),
        "other": "probabilities that mean what they say",
    }
    marks = (
        element("li", element("span", class_=f"key {kind}", aria_hidden="true"), text)
        for kind, text in keys.items()
    )
    plain = "This model has no calibration: its probabilities are the network's own."
    return joined([
        Html() if mapped else paragraph(plain),
        element("ul", *marks, class_="keys"),
        element("div", *cards, class_="cards small-ones"),
        table(
            "Map: the model's calibration, none where it has none; raw is before it. Share of the "
            "records that have the finding, and mean probability. Log loss of answering with the "
            "share always, and of the probabilities. Expected calibration error (ECE) over ten "
            "bins of equally many records; few records make an ECE of their own, even where "
            "probabilities are honest.",
            ["finding", "map", "share", "mean", "log loss, share", "log loss, raw",
             "log loss", "ECE, raw", "ECE"],
            rows, words=2, last=True,
        ),
    ])  # fmt: skip


def decisions_section(g: Gathered) -> Html:
    """Thresholds, and what they make of probabilities."""
    a, thresholds = g.answers, np.array(g.description["thresholds"])
    rows = [
        [
            one.name, number(thresholds[k]),
            *(_known(one, count) for count in (one.positives, one.given, one.hits,
                                               one.given - one.hits, one.positives - one.hits)),
        ]
        for k, one in enumerate(g.classes)
    ]  # fmt: skip
    rule = g.description["recipe"].labels
    guesses = int((~(a.probabilities >= thresholds).any(axis=1)).sum())
    return joined([
        paragraph(
            "A record gets every finding whose probability reaches its threshold. Where none "
            f"does, it gets {RULES[rule]}; that was so for {guesses} of "
            f"{len(a.records)} records." + _left_out(a, thresholds)
        ),
        figure(
            figures.decisions_figure(a.targets, a.probabilities, thresholds),
            "Each stroke is a record: above the line those with the finding, below it those "
            "without. The upright bar is the threshold. Good: strokes above the line on its "
            "right, those below on its left.",
        ),
        table(
            "What the thresholds decide.",
            ["finding", "threshold", "have it", "get it", "right", "wrong", "missed"], rows,
        ),
    ])  # fmt: skip


def _left_out(a: Answers, thresholds: np.ndarray) -> str:
    """Of how many records a finding that reaches its threshold is not given."""
    number_of = int(((a.probabilities >= thresholds) & ~a.decisions).any(axis=1).sum())
    if not number_of:
        return ""
    return (
        " Of two findings that exclude each other, as a normal ECG and hypertrophy do, the one "
        "that is further above its threshold stays; that left one out in "
        f"{number_of} record{'s' if number_of > 1 else ''}."
    )


def conditions_section(g: Gathered) -> Html:
    """Scores in the ways of capturing a page, each with an example."""
    if not g.conditions:
        return paragraph(f"No scores: {g.conditions_problem}")
    rows = [
        [
            one.name, number(one.scores["f"]), span(*one.scores["f interval"]),
            number(one.scores["auroc"]), span(*one.scores["auroc interval"]),
            number(one.scores["micro f"]), one.scores["records"],
        ]
        for one in g.conditions
    ]  # fmt: skip
    n = g.conditions[0].scores["records"]
    able = sum(record.has_waveform() for record in g.answers.records)
    text = f"The same {n} records, printed in memory from their waveforms and captured in each way."
    if n < able:
        text += f" {able} could be printed; --printed {able} takes them all."
    left = [f"{one.left_out} in {one.name}" for one in g.conditions if one.left_out]
    if left:
        text += f" Could not be printed: {', '.join(left)}."
    values = [one.scores["f"] for one in g.conditions]
    ratio = min(values) / max(values) if max(values) > 0 else math.nan
    text += f" The worst macro F is {number(ratio, 2)} of the best."
    asked = set(CONDITIONS) - {one.name for one in g.conditions}
    if asked:
        text += f" Left out here: {', '.join(name for name in CONDITIONS if name in asked)}."
    examples = [
        picture(
            one.example,
            f"Record {one.record} printed as {one.name}",
            element("b", one.name), f": read as {', '.join(one.labels)}",
        )
        for one in g.conditions
    ]  # fmt: skip
    truth = ", ".join(next(r for r in g.answers.records if r.name == g.conditions[0].record).labels)
    published = [[name, *map(number, row)] for name, row in PUBLISHED.items()]
    return joined([
        paragraph(text),
        figure(figures.conditions_figure(g.conditions),
               f"Macro F and AUROC with 95 % intervals of {SAMPLES} bootstrap samples."),
        table(joined(["Scores by condition, as ", element("code", "giraffe conditions"),
                      " has them."]),
              ["condition", "macro F", "95 % interval", "macro AUROC", "95 % interval", "micro F",
               "records"], rows),
        element("h3", f"One page in each: record {g.conditions[0].record}, truth {truth}"),
        element("div", *examples, class_="cards pages"),
        element(
            "details", element("summary", "Macro F that the organisers published for others"),
            table("On other records, really printed and captured: not to be compared number by "
                  "number.", ["entry", *CONDITIONS], published),
        ),
    ])  # fmt: skip


def readings_section(g: Gathered) -> Html:
    """Best and worst readings, with what the network looked at."""
    shown = [
        paragraph(
            "Records by the likelihood of their truth: the product of the probabilities that the "
            "right answers had, over all findings that are known. Heat shows what speaks for one "
            "label (yellow little, red most); it says where the network looked, not that it was "
            "right. Bars are probabilities; the mark on each is the threshold, and what was given "
            "is bold. Of a good reading the most probable true label is explained, of a bad one "
            "the label that was wrongly given, or else the answer that is most wrong."
        )
    ]
    titles = ("Truth most likely", "Truth least likely")
    for title, readings in zip(titles, (g.best, g.worst), strict=True):
        if readings:
            note = ", one for each set of labels" if readings is g.best else ""
            shown.append(element("h3", title + note))
            cards = (_reading(one, g) for one in readings)
            shown.append(element("div", *cards, class_="cards readings"))
    if not g.worst:
        shown.append(paragraph("There are too few records for worst readings.", small=True))
    return joined(shown)


def _reading(one: Reading, g: Gathered) -> Html:
    """A picture with heat, the truth beside what was given, and all probabilities."""
    label = one.explained
    given = [
        element("span", name if name in one.true else f"{name} (not true)",
                class_="right" if name in one.true else "wrong")
        for name in one.given
    ]  # fmt: skip
    missed = [name for name in one.true if name not in one.given]
    told = joined([given[0], *(piece for part in given[1:] for piece in (", ", part))])
    state = "given" if label.given else "not given"
    if label.excluded_by:
        state = f"left out because it excludes {label.excluded_by}"
    heat = (
        f"Nothing in the picture speaks for {label.name}, {state}."
        if one.empty
        else f"Heat of {label.name}, {state}, {label.meaning}."
    )
    bars = []
    for k, name in enumerate(CLASSES):
        p, threshold = one.probabilities[k], g.description["thresholds"][k]
        bars += [
            element("span", name + (" (true)" if name in one.true else ""),
                    class_="yes" if name in one.given else None),
            element("span", element("span", class_="fill", style=f"width:{100 * p:.1f}%"),
                    element("span", class_="mark", style=f"left:{100 * threshold:.1f}%"),
                    class_="bar", aria_hidden="true"),
            element("span", f"{p:.2f}"),
        ]  # fmt: skip
    return element(
        "div",
        picture(
            one.picture,
            f"Picture of record {one.name} with the heat of {label.name}",
            element("b", one.name), f", likelihood {one.likelihood:.2g}. Truth: ",
            f"{', '.join(one.true)}. Given: ", told,
            f". Missed: {', '.join(missed)}. " if missed else ". ", heat,
        ),
        element("div", *bars, class_="bars"),
    )  # fmt: skip
