"""The plane of a chart: a homography on which the coarse coordinates in a view agree.

Every place votes for where in the chart it lies, weighted by how sure it is, and votes that
contradict the others are taken down (iteratively reweighted least squares with Cauchy weights; the
homography: Hartley & Zisserman, "Multiple View Geometry", 2nd ed., chapter 4).
"""

from dataclasses import dataclass

import numpy as np

from giraffe.chart.evidence import Evidence
from giraffe.chart.geometry import transform

ROUNDS = 8  # of reweighting
LEAST_INSIDE = 0.35  # probability of lying in the chart from which on a place votes
LEAST_VOTES = 12
PERSPECTIVE = 0.3  # usual size of a homography's last row, in shares of the view


@dataclass(frozen=True)
class Plane:
    """A homography from shares of a view to coordinates in the chart.

    Attributes
    ----------
    matrix : ndarray, shape (3, 3)
    agreement : float
        Share of the votes, by weight, that lie near the plane.
    """

    matrix: np.ndarray
    agreement: float

    def to_chart(self, points) -> np.ndarray:
        """Points of the view in shares, shape (n, 2), in coordinates of the chart."""
        return transform(self.matrix, points)

    def to_view(self, points) -> np.ndarray:
        """Points of the chart, shape (n, 2), in shares of the view."""
        return transform(np.linalg.inv(self.matrix), points)


def places(shape: tuple[int, int]) -> np.ndarray:
    """Centres of a map's places in shares of the view, shape (rows * columns, 2)."""
    rows, columns = shape
    x, y = np.meshgrid((np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows)
    return np.stack([x.ravel(), y.ravel()], axis=1)


def fit_plane(evidence: Evidence) -> Plane | None:
    """The homography on which most of the coarse votes agree; None if too few vote."""
    chosen = evidence.inside.ravel() > LEAST_INSIDE
    if chosen.sum() < LEAST_VOTES:
        return None
    points = places(evidence.u.shape)[chosen]
    u, v = evidence.u.ravel()[chosen], evidence.v.ravel()[chosen]
    spread_u, spread_v = evidence.u_spread.ravel()[chosen], evidence.v_spread.ravel()[chosen]
    inside = evidence.inside.ravel()[chosen]
    x, y = (points - 0.5).T
    zero, one = np.zeros_like(x), np.ones_like(x)
    rows_u = np.stack([x, y, one, zero, zero, zero, -u * x, -u * y], axis=1)
    rows_v = np.stack([zero, zero, zero, x, y, one, -v * x, -v * y], axis=1)
    design, target = np.concatenate([rows_u, rows_v]), np.concatenate([u, v])
    spread = np.concatenate([spread_u, spread_v])
    certain = np.concatenate([inside, inside]) / spread**2
    prior = np.diag([0.0] * 6 + [1 / PERSPECTIVE**2] * 2)
    weight = certain
    for _ in range(ROUNDS):
        weighted = design * weight[:, None]
        normal = weighted.T @ design + prior + 1e-9 * np.eye(8)
        h = np.linalg.solve(normal, weighted.T @ target)
        depth = 1 + h[6] * x + h[7] * y
        depth = np.where(np.abs(depth) < 1e-3, 1e-3, depth)
        error = (design @ h - target) / np.concatenate([depth, depth])
        weight = certain / (1 + (error / (2 * spread)) ** 2)
    near = np.abs(error) < 3 * spread + 0.01
    half = len(u)
    near = near[:half] & near[half:]
    matrix = np.array([[h[0], h[1], h[2]], [h[3], h[4], h[5]], [h[6], h[7], 1.0]])
    matrix = matrix @ np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
    if abs(np.linalg.det(matrix)) < 1e-9:
        return None
    return Plane(matrix, float(inside[near].sum() / inside.sum()))
