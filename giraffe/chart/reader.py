"""Charts of pictures: a look at the whole, a closer one at what it found, and a geometry fitted."""

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from giraffe.chart.chart import Chart, turn_pixels, turn_points
from giraffe.chart.evidence import KINDS, MULTIPLE, Evidence, EvidenceNetwork, look
from giraffe.chart.fit import Rows, fit_rows
from giraffe.chart.geometry import WHOLE, apart, between, straighten, transform
from giraffe.chart.letters import LettersNetwork
from giraffe.chart.limbs import limb_residual
from giraffe.chart.plane import Plane, fit_plane
from giraffe.chart.upright import evidence_of_all_names, evidence_of_beginnings
from giraffe.pictures import resize, thinned

WORKING_PIXELS = 160_000  # of the first look
NEAR_SIZE = (352, 576)  # px of the second look: height, width
NEAR_SOURCE = 800  # px at least of the longer side of the picture from which that is cut
ROOM = 0.1  # kept around the chart that the first look found, as a share of its sides
LEAST_TURN = 0.04  # probability of lying on a side, or not, from which on it is tried
SURE = 0.6  # certainty from which on the other is not tried
FLIPPED = 0.5  # in units of log-odds per row: pictures are usually upright
CERTAIN = 4.0  # log-odds per row that a certainty of 1 is worth
CLEARLY_APART = 3.0  # log-odds per row below which all names are read both ways
CLEARLY_UP = 5.5  # log-odds per row from which on a chart is not seen upside down too
DOUBTFUL = 6.0  # log-odds per row below which the limb leads are asked
LAW = 2.0  # log-odds per row that a limb leads' residual e times smaller is worth
MARGIN = 1.5  # log-odds per row that make it e times likelier which side is up
LOOKS = 3  # close ones at most
SETTLED = 0.06  # shares of the sides; a chart that moved farther is looked at again
DISAGREEMENT = 0.15  # shares of the sides between rows and places that take certainty to 1 / e
FARTHEST = 0.8  # shares of the frame by which a corner may lie outside
SMALLEST = 0.02  # share of the picture that a chart covers at least
LEAST_CERTAINTY = 0.25
"""Below, a picture is said to have no chart."""


@dataclass(frozen=True)
class Finding:
    """What the reader says of a picture.

    Attributes
    ----------
    chart : Chart or None
    kind : str
        ``chart``, ``strip`` (a strip of one lead, no chart of several) or ``none``.
    certainty : float
        Of there being a chart at the place found.
    """

    chart: Chart | None
    kind: str
    certainty: float


def working_size(aspect: float) -> tuple[int, int]:
    """Height and width in px at which a picture of an aspect (width / height) is first seen."""
    aspect = float(np.clip(aspect, 0.3, 3.4))
    height = MULTIPLE * max(round(np.sqrt(WORKING_PIXELS / aspect) / MULTIPLE), 1)
    width = MULTIPLE * max(round(WORKING_PIXELS / height / MULTIPLE), 1)
    return height, width


@functools.cache
def reader_version() -> str:
    """A digest of what finds charts, code and weights, for whoever keeps what was found."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.p[yt]")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def find_chart(
    pixels: np.ndarray,
    network: EvidenceNetwork | None = None,
    letters: LettersNetwork | None = None,
) -> Finding:
    """Where the chart of a picture lies.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        Of any size and aspect, lying on any side.
    network : EvidenceNetwork, optional
        In evaluation mode; the package's own by default.
    letters : LettersNetwork, optional
        Likewise.

    Returns
    -------
    Finding
        Its chart has corners, rows and columns, but no names yet; see `giraffe.chart.reading`.
    """
    pixels = thinned(pixels, NEAR_SOURCE)
    first = _first_look(pixels, network)
    level, sideways = first.kinds[KINDS.index("level")], first.kinds[KINDS.index("sideways")]
    best = None
    for turn in (0, 90) if level >= sideways else (90, 0):
        if best is not None and (best.certainty > SURE or min(level, sideways) < LEAST_TURN):
            break
        lying = turn_pixels(pixels, turn)
        seen = first if turn == 0 else _first_look(lying, network)
        found = _close_look(lying, turn, seen, network, letters)
        if found is not None and (best is None or found.certainty > best.certainty):
            best = found
    if best is None or best.certainty < LEAST_CERTAINTY:
        strip = first.kinds[KINDS.index("strip")] > first.kinds[KINDS.index("none")]
        return Finding(None, "strip" if strip else "none", best.certainty if best else 0.0)
    # A chart that may stand on its head is one all the same, so this does not refuse it.
    certainty = best.certainty * best.upright
    return Finding(replace(best, certainty=certainty), "chart", certainty)


def _first_look(pixels, network) -> Evidence:
    size = working_size(pixels.shape[1] / pixels.shape[0])
    return look([resize(pixels, *size)], False, network)[0]


def _close_look(pixels, turn: int, first: Evidence, network, letters) -> Chart | None:
    """The chart of a picture that was turned so that its rows are level."""
    plane = fit_plane(first)
    if plane is None:
        return None
    corners, seen = plane.to_view(WHOLE), []
    for flip in (0, 180):
        if flip:
            pixels, corners = turn_pixels(pixels, 180), (1 - corners)[[2, 3, 0, 1]]
        found = _settled(pixels, corners, network)
        if found is None:
            continue
        up = evidence_of_beginnings(pixels, found[0], letters) - FLIPPED * (flip > 0)
        seen.append((up, flip, pixels, *found))
        if up > CLEARLY_UP:
            break
    if not seen:
        return None
    if len(seen) == 2 and abs(seen[0][0] - seen[1][0]) < CLEARLY_APART:
        seen = [
            (up + evidence_of_all_names(picture, rows, letters), flip, picture, rows, sure, fast)
            for up, flip, picture, rows, sure, fast in seen
        ]
    up = [one[0] + CERTAIN * one[4] for one in seen]
    if len(seen) == 2 and abs(up[0] - up[1]) < DOUBTFUL:
        # The traces themselves tell, by a law that limb leads obey the right way round alone.
        left = [limb_residual(picture, rows) for _, _, picture, rows, *_ in seen]
        if np.isfinite(left).all():
            up = [one - LAW * float(np.log(rest)) for one, rest in zip(up, left, strict=True)]
    order = np.argsort(up)[::-1]
    _, flip, _, rows, certainty, fast = seen[order[0]]
    margin = up[order[0]] - up[order[-1]]
    upright = 1 / (1 + float(np.exp(-margin / MARGIN))) if len(seen) == 2 else 1.0
    turn = (turn + flip) % 360
    corners = turn_points(rows.corners, -turn)
    return Chart(corners, turn, certainty, rows, fast, upright=upright)


def _settled(pixels, corners: np.ndarray, network) -> tuple[Rows, float, float] | None:
    """Rows around where a chart should lie, how certain they are, and how likely fast."""
    found = None
    for _ in range(LOOKS):
        if not plausible(corners):
            break
        window = transform(between(WHOLE, corners), apart(WHOLE, ROOM))
        seen = look([straighten(pixels, window, *NEAR_SIZE)], True, network)[0]
        near = fit_plane(seen)
        if near is None or (rows := fit_rows(seen, near)) is None:
            break
        apart_by = moved(rows.corners, near.to_view(WHOLE))
        certainty = certainty_of(seen, near, rows) * np.exp(-apart_by / DISAGREEMENT)
        there = between(window, WHOLE)
        rows = rows.seen_through(there)
        if not plausible(rows.corners):
            break
        if found is None or certainty > found[1]:
            found = rows, certainty, seen.fast
        # Where the places see more chart than there are rows, rows lie outside of the view.
        voted = transform(np.linalg.inv(there), near.to_view(WHOLE))
        before, corners = corners, voted if apart_by > SETTLED else rows.corners
        if moved(corners, before) < SETTLED:
            break
    return found


def certainty_of(seen: Evidence, plane: Plane, rows: Rows) -> float:
    """How certain a chart is: the network's word, and how well its evidence fits together."""
    level = float(seen.kinds[KINDS.index("level")])
    several = min(len(rows.levels) / 2, 1.0)
    fit = np.exp(-rows.residual / 0.02) * plane.agreement * min(rows.row_support / 0.5, 1.0)
    ends = min(0.5 + rows.support, 1.0)
    return float(level * several * fit * ends)


def moved(corners: np.ndarray, before: np.ndarray) -> float:
    """Mean distance of corners from earlier ones in shares of the chart's sides."""
    return float(np.abs(transform(between(before, WHOLE), corners) - WHOLE).mean())


def plausible(corners: np.ndarray) -> bool:
    """Whether corners, shape (4, 2), are those of something that may be an upright chart."""
    if not np.isfinite(corners).all() or np.abs(corners - 0.5).max() > 0.5 + FARTHEST:
        return False
    sides = np.roll(corners, -1, axis=0) - corners
    after = np.roll(sides, -1, axis=0)
    turns = sides[:, 0] * after[:, 1] - sides[:, 1] * after[:, 0]
    (a, b), (c, d) = corners[2] - corners[0], corners[3] - corners[1]
    area = (a * d - b * c) / 2
    return bool((turns > 0).all() and sides[0, 0] > 0 and area > SMALLEST)


def find_charts(pictures: Sequence[np.ndarray]) -> list[Finding]:
    """`find_chart` of each picture."""
    return [find_chart(pixels) for pixels in pictures]
