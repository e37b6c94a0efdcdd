"""Figures of the page: SVG inside it, whose colours follow the page's, light or dark."""

import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from scipy.special import logit

from giraffe.classes import CLASSES
from giraffe.learning.curves import LABELS, draw_history
from giraffe.reading.report.judging import precision_recall, reliability, roc
from giraffe.reading.report.markup import Html, html

# Stand-ins, which become the page's own colours; see `style.css`.
COLOURS = {
    "#010101": "var(--ink)",
    "#020202": "var(--soft)",
    "#030303": "var(--line)",
    "#040404": "var(--accent)",
    "#050505": "var(--other)",
    "#060606": "var(--second)",
}
INK, SOFT, LINE, ACCENT, OTHER, SECOND = COLOURS
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none", "font.size": 10, "axes.edgecolor": SOFT, "axes.labelcolor": INK,
    "text.color": INK, "xtick.color": SOFT, "ytick.color": SOFT, "xtick.labelcolor": INK,
    "ytick.labelcolor": INK, "axes.facecolor": "none", "figure.facecolor": "none",
    "savefig.facecolor": "none", "grid.color": LINE, "legend.facecolor": "none",
    "legend.edgecolor": "none", "legend.framealpha": 1, "lines.linewidth": 1.4,
    "axes.spines.top": False, "axes.spines.right": False, "path.simplify": False,
    "axes.unicode_minus": False,
}  # fmt: skip
WIDE, HIGH = 4.6, 2.3  # inches; as wide as a phone's screen at 10 points
UNIT = (-0.02, 1.02)
TICKS = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)  # of probabilities on the logit's scale
MOST_BINS, BIN_RECORDS = 10, 12  # of reliability: bins, and records that one should have


def svg(draw: Callable[[Figure], None], name: str, alt: str, size=(WIDE, HIGH)) -> Html:
    """What a function draws, as SVG for the inside of a page.

    Parameters
    ----------
    draw : callable
        Gets an empty figure.
    name : str
        Different for each figure of the page.
    alt : str
        What is seen, for those who do not see it.
    size : (float, float)
        Width and height in inches.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None})
    text = written.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    # Inside HTML neither namespaces nor the size in points are needed.
    text = re.sub(r'\s(?:xmlns(?::\w+)?|version)="[^"]*"', "", text)
    text = text.replace("xlink:href", "href")
    text = re.sub(r'(?<=\bid=")|(?<=href="#)|(?<=url\(#)', f"{name}-", text)
    text = re.sub(r"font: (\S+px) [^;\"]*", r"font-size: \1", text)
    text = re.sub(r"font-family: [^;\"]*;?", "", text)
    for stand_in, colour in COLOURS.items():
        text = text.replace(stand_in, colour)
    box = re.findall(r'viewBox="[^"]*"', text)[0]
    head = f'<svg {box} role="img" aria-label="{html(alt)}" style="max-width:{size[0] * 8:.1f}rem">'
    return Html(head + text[text.index(">") + 1 :].strip())


def history_figure(history: list[dict]) -> Html:
    """Curves of the training."""
    last = history[-1]
    said = ", ".join(
        f"{title} {last[name]:.3f}" for name, title in LABELS.items() if last[name] is not None
    )
    alt = f"Training curves over {len(history)} epochs; in the last one {said or 'nothing known'}"
    return svg(lambda f: draw_history(f, history, (ACCENT, SECOND)), "history", alt, (6.4, 2.6))


def ranking_figure(k: int, targets, probabilities, decisions) -> Html | None:
    """ROC and precision-recall curve of class k, with the decisions; None if not defined."""
    known = np.isfinite(targets[:, k])
    truth, p, given = targets[known, k] > 0.5, probabilities[known, k], decisions[known, k]
    if not truth.any() or truth.all():
        return None
    rates, recalls = roc(truth, p)
    recall, precision = precision_recall(truth, p)
    end = int(np.argmax(recall == 1)) + 1  # beyond it precision alone falls
    recall, precision = recall[:end], precision[:end]
    share, hits = truth.mean(), (truth & given).sum()
    chosen_rate, chosen_recall = (given & ~truth).sum() / (~truth).sum(), hits / truth.sum()
    chosen_precision = hits / given.sum() if given.any() else np.nan

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        left.plot([0, 1], [0, 1], color=OTHER, linestyle=":")
        left.plot(rates, recalls, color=ACCENT)
        left.plot(chosen_rate, chosen_recall, "o", color=INK, clip_on=False)
        left.set(xlabel="false positive rate", ylabel="recall")
        right.plot([0, 1], [share, share], color=OTHER, linestyle=":")
        right.step(np.append(0, recall), np.append(precision[0], precision), where="pre",
                   color=ACCENT)  # fmt: skip
        right.plot(chosen_recall, chosen_precision, "o", color=INK, clip_on=False)
        right.set(xlabel="recall", ylabel="precision")
        for axes in (left, right):
            axes.set(xlim=UNIT, ylim=UNIT, xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
            axes.set_box_aspect(1)
            axes.grid()

    alt = (
        f"{CLASSES[k]}: ROC and precision-recall curve; at the threshold recall "
        f"{chosen_recall:.2f}, false positive rate {chosen_rate:.2f}"
    )
    if given.any():
        alt += f", precision {chosen_precision:.2f}"
    return svg(draw, f"ranking{k}", alt)


def reliability_figure(name: str, title: str, truth, after, before=None) -> Html | None:
    """How often what gets a probability is true, after calibration and before; None if unknown."""
    truth = np.asarray(truth, float)
    known = np.isfinite(truth)
    truth = truth[known] > 0.5
    if not len(truth):
        return None
    bins = int(np.clip(len(truth) // BIN_RECORDS, 2, MOST_BINS))
    points = reliability(truth, after[known], bins)
    x, y, low, high = np.array([point[:4] for point in points]).T
    size = 2.3

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=OTHER, linestyle=":")
        if before is not None:
            raw = np.array([point[:2] for point in reliability(truth, before[known], bins)])
            axes.plot(*raw.T, color=SECOND, linestyle="--", linewidth=1)
        axes.vlines(x, low, high, color=ACCENT, linewidth=0.9)
        axes.plot(x, y, color=ACCENT, marker="o", markersize=3)
        axes.set(xlim=UNIT, ylim=UNIT, xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
        axes.set(xlabel="probability", ylabel="share that is true")
        axes.set_box_aspect(1)
        axes.grid()

    said = "; ".join(f"{a:.2f}: {b:.2f}" for a, b in zip(x, y, strict=True))
    alt = f"{title}: share that is true, by mean probability. {said}"
    return svg(draw, name, alt, (size, size))


def decisions_figure(targets, probabilities, thresholds) -> Html:
    """Every record's probability of every class, those with it above and the others below."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        ends = logit([TICKS[0], TICKS[-1]])
        for k in range(len(CLASSES)):
            x = np.clip(logit(np.clip(probabilities[:, k], 1e-6, 1 - 1e-6)), *ends)
            y = -float(k)
            axes.plot(ends, (y, y), color=LINE, linewidth=0.8)
            for has, colour, up in ((True, ACCENT, 0.36), (False, OTHER, -0.3)):
                mine = x[(targets[:, k] > 0.5) if has else (targets[:, k] < 0.5)]
                # One line with gaps, which is a tenth of the size of as many lines.
                across = np.column_stack([mine, mine, np.full(len(mine), np.nan)]).ravel()
                along = np.tile([y, y + up, np.nan], len(mine))
                axes.plot(across, along, color=colour, linewidth=0.9)
            at = logit(thresholds[k])
            axes.plot((at, at), (y - 0.42, y + 0.46), color=INK, linewidth=1.6)
        axes.set_yticks([-k for k in range(len(CLASSES))], CLASSES)
        axes.set_xticks(logit(TICKS), [f"{t:g}" for t in TICKS])
        axes.set_xlabel("probability")
        axes.tick_params(left=False)
        axes.spines["left"].set_visible(False)
        axes.set_ylim(-len(CLASSES) + 0.4, 0.6)

    alt = (
        "A strip for each class: probabilities of records with it as strokes above the line, of "
        "those without it below, and the threshold; the table below has the counts"
    )
    return svg(draw, "decisions", alt, (WIDE, 4.6))


def conditions_figure(conditions) -> Html:
    """Macro F and AUROC in each condition, with 95 % intervals."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for key, colour, up in (("f", ACCENT, 0.12), ("auroc", SECOND, -0.12)):
            for i, one in enumerate(conditions):
                low, high = one.scores[f"{key} interval"]
                axes.plot((low, high), (up - i, up - i), color=colour, linewidth=1)
            values = [one.scores[key] for one in conditions]
            title = {"f": "macro F", "auroc": "macro AUROC"}[key]
            axes.plot(values, [up - i for i in range(len(values))], "o", color=colour,
                      markersize=4, label=title)  # fmt: skip
        axes.set_yticks([-i for i in range(len(conditions))], [one.name for one in conditions])
        axes.set(xlim=UNIT, ylim=(-len(conditions) + 0.5, 0.5))
        axes.grid(axis="x")
        axes.tick_params(left=False)
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=2)

    said = "; ".join(f"{one.name} {one.scores['f']:.2f}" for one in conditions)
    height = 0.8 + 0.26 * len(conditions)
    return svg(draw, "conditions", f"Macro F by condition: {said}", (WIDE, height))
