"""Printed pages whose charts are known, and what a perfect network would see of them."""

import functools
from dataclasses import replace

import cv2
import numpy as np

from giraffe.chart.evidence import KINDS, Evidence
from giraffe.chart.geometry import WHOLE, apart, between, transform
from giraffe.chart.reader import NEAR_SIZE, ROOM
from giraffe.chart.truth import POINT_SPREAD, coarse_truth, fine_truth, row_ends
from giraffe.ecg.records import LEADS, Header, Waveform
from giraffe.ecg.simulate import simulate
from giraffe.printout.placement import Placement
from giraffe.printout.presets import SCENES, draw_scene

TURNS = (0, 90, 180, 270)
HEADER = Header("one", 500.0, 5000, LEADS, (), (), (), True, (), {"Age": "61", "Sex": "Female"})


@functools.cache
def wave(k: int) -> Waveform:
    return Waveform(simulate(31, k).signal, 500.0, LEADS)


def placed(preset: str, seed: int) -> Placement:
    """Where a page of a preset lies in its picture; nothing is drawn."""
    rng = np.random.default_rng([seed, 5])
    return draw_scene(wave(seed % 4), HEADER, SCENES[preset], rng).placement


def nearby(placement: Placement, seed: int, wrong: float = 0.02) -> Placement:
    """The page as a second look sees it after a first that was wrong by so much."""
    loose = WHOLE + np.random.default_rng(seed).normal(0, wrong, (4, 2))
    window = transform(between(WHOLE, placement.chart_corners()), apart(loose, ROOM))
    return placement.seen_through(window)


def columns_of(page) -> list[int]:
    """Leads in each row of a page."""
    return [1 + len(changes) for *_, changes in row_ends(page)]


def corner_error(found: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance of corners from the true ones in shares of the chart's sides."""
    return float(np.abs(transform(between(truth, WHOLE), found) - WHOLE).mean())


def certain(kind: int = 0) -> np.ndarray:
    """Probabilities of `KINDS` of which one is certain; the first is a chart as it should lie."""
    return np.eye(len(KINDS))[kind]


def perfect(placement: Placement, size=NEAR_SIZE) -> Evidence:
    """What a perfect network would see of a page."""
    u, v, _, inside = coarse_truth(placement, *size)
    spread = np.full_like(u, 0.01)
    fine = fine_truth(placement, *size)
    return Evidence(certain(), 0.0, u, v, spread, spread, inside, fine)


def disturbed(evidence: Evidence, seed: int, share: float = 0.2) -> Evidence:
    """Evidence with noise; so large a share of its votes and of its points is false."""
    rng = np.random.default_rng(seed)
    false = rng.random(evidence.u.shape) < share
    u, v = (
        np.where(false, rng.uniform(-0.2, 1.2, true.shape), true + rng.normal(0, 0.006, true.shape))
        for true in (evidence.u, evidence.v)
    )
    inside = np.clip(evidence.inside + rng.normal(0, 0.1, u.shape), 0, 1)
    fine = []
    for field in evidence.fine:
        number = max(round(share * len(marked(field))), 1)
        false_points = np.zeros_like(field)
        false_points[tuple(rng.integers(0, side, number) for side in field.shape)] = 1
        false_points = cv2.GaussianBlur(false_points, (0, 0), POINT_SPREAD)
        false_points *= 0.8 / max(false_points.max(), 1e-9)
        noise = np.abs(rng.normal(0, 0.03, field.shape))
        fine.append(np.clip(np.maximum(0.8 * field, false_points) + noise, 0, 1))
    fine = np.stack(fine).astype(np.float32)
    return replace(evidence, u=u, v=v, inside=inside, fine=fine)


def marked(field: np.ndarray) -> np.ndarray:
    """Places of the points that a map marks."""
    highest = cv2.dilate(field, np.ones((5, 5), np.uint8))
    return np.argwhere((field >= highest) & (field > 0.5))
