"""Where a label came from: candidates for `giraffe explain` under the usual tests.

    python -m benchmarks.explaining -o runs/explaining

Simulated pages of which it is known what carries the finding, taken if the model gives the label:
the premature beats; II, III and aVF of inferior infarctions; V1 to V4 of anterior and septal ones.
Three tests: the share of the heat on what carries it, against its share of the page; curves of the
label's probability while the hottest places lose their ink, or alone have it; the rank correlation
of the heat with that of a network whose weights are drawn anew. Each page's results are kept in the
folder, so the command goes on where it was; `docs/explaining.md` holds the tables.
"""

import argparse
import copy
import itertools
import json
import types
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from scipy.stats import spearmanr

from benchmarks.heat import (
    GRID,
    by_features,
    by_occlusion,
    erased,
    features_of,
    occluded,
    references,
)
from giraffe.chart.geometry import apart
from giraffe.chart.lighting import MARGIN, lay_flat
from giraffe.classes import CLASSES
from giraffe.ecg.simulate import Simulated, simulate
from giraffe.ecg.waveform import LEADS, Waveform
from giraffe.files import write_atomically
from giraffe.network.classifier import Classifier
from giraffe.pictures import write_picture
from giraffe.printout.placement import Placement
from giraffe.printout.presets import print_in_memory
from giraffe.recipe import SHIPPED

SEED = 7700
INFERIOR, ANTERIOR = ("II", "III", "aVF"), ("V1", "V2", "V3", "V4")
BEAT = {"pvc": (0.10, 0.45), "pac": (0.24, 0.35)}  # s before and after R that belong to it
BLOCKS = (32, 64)  # in which ink is erased and heats are correlated
FRACTIONS = (0.1, 0.3)  # of the ink, hottest places first
NEW_WEIGHTS = ("last layer", "Mixed_7a to last", "all layers")
TRIES = 6  # at new weights; heat that is nowhere cannot be compared


@dataclass(frozen=True)
class Question:
    """A finding: its classes, the sub-diagnoses or kind of beat, and the leads that carry it."""

    labels: tuple[str, ...]
    names: tuple[str, ...] = ()
    beats: str = ""
    leads: tuple[str, ...] = LEADS


QUESTIONS = {
    "PVC": Question(("PVC",), beats="pvc"),
    "inferior": Question(
        ("Old MI", "Acute MI"), ("old inferior MI", "STEMI inferior"), leads=INFERIOR
    ),
    "anterior": Question(
        ("Old MI", "Acute MI"),
        ("old anterior MI", "old septal MI", "STEMI anterior", "STEMI septal"),
        leads=ANTERIOR,
    ),
    "PAC": Question(("PAC",), beats="pac"),
}


@dataclass(frozen=True)
class Page:
    """A page, laid flat, with the label to explain, what carries it, and each lead's box.

    ``carries`` is of bool and has the shape `GRID`; boxes are left, upper, right and lower borders
    in shares of the page.
    """

    name: str
    label: str
    flat: np.ndarray
    carries: np.ndarray
    boxes: tuple[tuple[float, float, float, float], ...]


def asked(patient: Simulated, question: Question) -> str | None:
    """The label that a patient's page is asked for, where he has the finding."""
    if question.beats and question.beats not in patient.kinds:
        return None
    if question.names and not set(question.names) & set(patient.findings):
        return None
    return next((label for label in question.labels if label in patient.labels), None)


def printed(patient: Simulated, name: str, label: str, question: Question, classifier) -> Page:
    """A patient's page as the classifier sees it, its chart where it is known to lie."""
    rng = np.random.default_rng([SEED, *name.encode()])
    header = types.SimpleNamespace(
        name=name, comments={"Age": str(patient.age), "Sex": patient.sex}, date="", time=""
    )
    wave = Waveform(patient.signal, 500.0, LEADS)
    pixels, placement = print_in_memory(wave, header, "giraffe", rng, *classifier.frame)
    corners = placement.chart_corners()
    flat = lay_flat(pixels, corners, classifier.height, classifier.width)
    seen = placement.seen_through(apart(corners, MARGIN))
    times = [
        (time - BEAT[kind][0], time + BEAT[kind][1])
        for time, kind in zip(patient.r_times, patient.kinds, strict=True)
        if kind == question.beats
    ]
    carries, boxes = carrier(seen, question.leads, times if question.beats else None)
    return Page(name, label, flat, carries, boxes)


def carrier(seen: Placement, leads, times) -> tuple[np.ndarray, tuple]:
    """The places of `GRID` with some leads at some times in s (None: all), and leads' boxes."""
    page = seen.page
    v, u = ((np.arange(n) + 0.5) / n for n in GRID)
    x, y = seen.to_page(*np.meshgrid(u, v))
    carries, boxes = np.zeros(GRID, bool), []
    for strip in page.strips:
        end = page.strip_end(strip)
        top, bottom = strip.baseline - page.reach, strip.baseline + page.reach
        (left, upper), (right, lower) = seen.to_frame([(strip.x, top), (end, bottom)])
        boxes.append((float(left), float(upper), float(right), float(lower)))
        inside = (x >= strip.x) & (x < end) & (np.abs(y - strip.baseline) < page.reach)
        if strip.lead not in leads:
            continue
        second = strip.start + (x - strip.x) / page.speed
        when = [(second >= a) & (second < b) for a, b in times or [(-np.inf, np.inf)]]
        carries |= inside & np.any(when, axis=0)
    return carries, tuple(boxes)


def pages_of(name: str, number: int, classifier, output: Path):
    """So many pages of a finding to which the model gives its label; those passed over are kept."""
    question, found = QUESTIONS[name], 0
    memory = output / f"{name}.json"
    known = json.loads(memory.read_text()) if memory.exists() else {}
    for k in itertools.count():
        if found == number:
            return
        if known.get(str(k), 1.0) < 1:
            continue
        patient = simulate(SEED, k)
        label = asked(patient, question)
        if label is None:
            continue
        page = printed(patient, f"{name}-{k}", label, question, classifier)
        if not page.carries.any():
            continue
        if str(k) not in known:
            p = chances(classifier, [page.flat])[0, CLASSES.index(label)]
            known[str(k)] = float(p / classifier.thresholds[CLASSES.index(label)])
            write_atomically(memory, json.dumps(known))
        if known[str(k)] >= 1:
            found += 1
            yield page


def chances(classifier, flats) -> np.ndarray:
    """Probabilities of flattened charts before calibration, shape (charts, 11)."""
    network = classifier.networks[0]
    with torch.inference_mode():
        return network.head(network.last(features_of(classifier, network, flats))).numpy()


def blocks(heat: np.ndarray) -> np.ndarray:
    """Heat at `BLOCKS`."""
    return cv2.resize(np.asarray(heat, np.float32), BLOCKS[::-1], interpolation=cv2.INTER_AREA)


def curves(classifier, page: Page, heat: np.ndarray, whole: float, none: float) -> list[float]:
    """Mean probability while the hottest places lose their ink, and while they alone have it.

    Their number is counted by the ink on them: a heat gains nothing by avoiding blank paper.
    """
    blank, height, width = erased(page.flat), *page.flat.shape[:2]
    ink = blocks(references(page.flat)["the ink"]).ravel()
    order = np.argsort(-blocks(heat).ravel(), kind="stable")
    lost = np.cumsum(ink[order]) / ink.sum()
    altered = []
    for fraction in FRACTIONS:
        hot = np.zeros(order.size, np.uint8)
        hot[order[: np.searchsorted(lost, fraction) + 1]] = 1
        mask = cv2.resize(hot.reshape(BLOCKS), (width, height), interpolation=cv2.INTER_NEAREST)
        mask = mask[:, :, None].astype(bool)
        altered += [np.where(mask, blank, page.flat), np.where(mask, page.flat, blank)]
    p = chances(classifier, altered)[:, CLASSES.index(page.label)]
    at = (0, *FRACTIONS, 1)
    return [float(np.trapezoid(values, at)) for values in
            ((whole, *p[::2], none), (none, *p[1::2], whole))]  # fmt: skip


def redrawn(network, extent: str, seed: int):
    """A copy of a network with new weights, normal and as large as before: in a part, or in all."""
    parts = {"last layer": ("last.",), "Mixed_7a to last": ("last.", "body.Mixed_7")}
    generator = torch.Generator().manual_seed(seed)
    other = copy.deepcopy(network)
    for name, values in other.named_parameters():
        if values.dim() > 1 and name.startswith(parts.get(extent, ("",))):
            new = torch.randn(values.shape, generator=generator)
            values.data = new * values.std(correction=0)
    return other


def with_new_weights(classifier, network, page: Page, extent: str):
    """A network with new weights for which something speaks for the page's label, and its heats."""
    for seed in range(1, TRIES + 1):
        other = redrawn(network, extent, seed)
        heats = by_features(classifier, other, page.flat, CLASSES.index(page.label))
        if all(heat.any() for heat in heats.values()):
            break
    return other, heats


def alike(one: np.ndarray, other: np.ndarray) -> float:
    """Rank correlation of two heats; 0 where one of them is the same everywhere."""
    pair = blocks(one).ravel(), blocks(other).ravel()
    return float(spearmanr(*pair).statistic) if all(map(np.ptp, pair)) else 0.0


def judge(classifier, page: Page, tests: set[str], result: dict) -> np.ndarray:
    """Add the tests that a page's result lacks; returns a sheet of all heats on the page."""
    network, label = classifier.networks[0], CLASSES.index(page.label)
    heats = by_features(classifier, network, page.flat, label) | references(page.flat)
    last = {"": network.last}
    if "weights" in tests:
        others = {e: with_new_weights(classifier, network, page, e) for e in NEW_WEIGHTS}
        last[NEW_WEIGHTS[0]] = others[NEW_WEIGHTS[0]][0].last
    changed: dict[str, dict[str, np.ndarray]] = {extent: {} for extent in last}
    if "occlusion" in tests:
        features = features_of(classifier, network, occluded(page.flat, page.boxes))
        for extent, layer in last.items():
            with torch.inference_mode():
                outputs = layer(features)[:, label].numpy()
            changed[extent]["occlusion"] = by_occlusion(outputs, page.boxes)
        heats["occlusion"] = changed[""]["occlusion"]
    result["chance"] = float(page.carries.mean())
    methods = result.setdefault("methods", {})
    for name, heat in heats.items():
        hottest = np.unravel_index(heat.argmax(), heat.shape)
        methods.setdefault(name, {}).update(
            share=float(heat[page.carries].sum() / max(heat.sum(), 1e-9)),
            hit=bool(page.carries[hottest]),
        )
    if "curves" in tests:
        whole, none = chances(classifier, [page.flat, erased(page.flat)])[:, label]
        for name, heat in heats.items():
            if "deletion" not in methods[name]:
                areas = curves(classifier, page, heat, whole, none)
                methods[name].update(zip(("deletion", "insertion"), areas, strict=True))
    if "weights" in tests:
        for extent, (_, found) in others.items():
            for name, heat in (found | changed.get(extent, {})).items():
                methods[name][extent] = alike(heats[name], heat)
    return sheet(page, heats)


def sheet(page: Page, heats: dict[str, np.ndarray]) -> np.ndarray:
    """The page with what carries the finding, and with each heat."""
    tiles = []
    for name, heat in {page.label: page.carries.astype(float), **heats}.items():
        small = cv2.resize(page.flat, (512, 256), interpolation=cv2.INTER_AREA)
        share = cv2.resize(heat / max(heat.max(), 1e-9), (512, 256))[:, :, None] * 0.6
        tile = (small * (1 - share) + np.array([230, 30, 0]) * share).astype(np.uint8)
        cv2.putText(
            tile, f"{page.name} {name}", (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 160)
        )
        tiles.append(tile)
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % 3)
    return np.vstack([np.hstack(tiles[k : k + 3]) for k in range(0, len(tiles), 3)])


def tables(output: Path) -> str:
    """Means over the pages kept in a folder, by finding, and over those that had every test."""
    results = [json.loads(path.read_text()) for path in sorted(output.glob("*-*.json"))]
    methods = list(dict.fromkeys(name for one in results for name in one["methods"]))

    def mean(chosen, method, key):
        found = [one["methods"].get(method, {}) for one in chosen]
        values = [one[key] for one in found if key in one]
        return f"{np.mean(values):.3f}" if values else "-"

    lines = []
    for name in QUESTIONS:
        chosen = [one for one in results if one["name"].startswith(f"{name}-")]
        if chosen:
            chance = np.mean([one["chance"] for one in chosen])
            lines.append(
                f"\n{name}: {len(chosen)} pages, chance {chance:.3f}; share, hottest place"
            )
        for method in methods if chosen else ():
            number = sum(method in one["methods"] for one in chosen)
            cells = [mean(chosen, method, key) for key in ("share", "hit")]
            lines.append(f"{method:28}" + "".join(f"{cell:>8}" for cell in (*cells, number)))
    tested = [one for one in results if "deletion" in one["methods"].get("occlusion", {})]
    keys = ("share", "deletion", "insertion", *NEW_WEIGHTS)
    lines.append(
        f"\n{len(tested):2} pages with all tests{'':6}" + "".join(f"{k:>18}" for k in keys)
    )
    lines += [f"{m:28}" + "".join(f"{mean(tested, m, key):>18}" for key in keys) for m in methods]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to write")
    parser.add_argument("-m", "--model", type=Path, default=SHIPPED, help="model folder")
    parser.add_argument("-n", "--pages", type=int, default=6, help="of each finding (6)")
    parser.add_argument("--occluded", type=int, default=3, help="of them with occlusion (3)")
    parser.add_argument(
        "--curves", type=int, default=3, help="of them with deletion and insertion (3)"
    )
    parser.add_argument("--weights", type=int, default=3, help="of them with new weights (3)")
    arguments = parser.parse_args()
    output = arguments.output
    output.mkdir(parents=True, exist_ok=True)
    classifier = Classifier(arguments.model, torch.device("cpu"), signals=False)
    digests, kept = "\n".join(classifier.description["weights"]), output / "weights.txt"
    if kept.exists() and kept.read_text() != digests:
        raise SystemExit(f"{output} holds results of other weights: give another folder")
    kept.write_text(digests)
    numbers = {"occlusion": arguments.occluded, "curves": arguments.curves,
               "weights": arguments.weights}  # fmt: skip
    for name in QUESTIONS:
        for k, page in enumerate(pages_of(name, arguments.pages, classifier, output)):
            path = output / f"{page.name}.json"
            result = json.loads(path.read_text()) if path.exists() else {"name": page.name}
            tests = {test for test, number in numbers.items() if k < number}
            done = set(result.get("tests", ()))
            if not tests <= done or "methods" not in result:
                write_picture(output / f"{page.name}.jpg", judge(classifier, page, tests, result))
                result["tests"] = sorted(tests | done)
                write_atomically(path, json.dumps(result, indent=1))
                print(f"{page.name} {page.label}", flush=True)
    text = tables(output)
    print(text)
    write_atomically(output / "tables.txt", text)


if __name__ == "__main__":
    main()
