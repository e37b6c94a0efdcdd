"""Where the points of a page lie in a frame: relief of the paper, then the camera's perspective.

Paper that is not flat is described by `Ridge`s, each a shift of points that depends on their
distance from one line. From the frame to the page the way is a formula; back it is iterated.
"""

import copy
from dataclasses import dataclass

import cv2
import numpy as np

MAP_STEP = 8  # the map from frame to page is computed at every eighth pixel
WHOLE_FRAME = ((0, 0), (1, 0), (1, 1), (0, 1))
FINEST = 1.3  # most px of a page's picture per px of the frame, along each side
BEYOND_MM = 10.0  # so far outside its page a relief goes on
FOLD_MM = 4.0  # radius of a fold's edge
# Greatest slope of one ridge's shift; three of them are still a contraction.
SLOPE = {"wave": 0.10, "curl": 0.07, "fold": 0.06}


@dataclass(frozen=True)
class Ridge:
    """One way in which paper is not flat.

    Attributes
    ----------
    kind : str
        ``wave``; ``curl`` (rises beyond the line, as corners and sides do); ``fold`` (the slope
        changes at the line).
    normal : (float, float)
        Unit vector across the line.
    offset : float
        Distance of the line from the page's upper left corner along the normal, in mm.
    reach : float
        Length in mm over which it acts.
    push : (float, float)
        Shift in mm along x and y at the full rise.
    """

    kind: str
    normal: tuple[float, float]
    offset: float
    reach: float
    push: tuple[float, float]

    def rise(self, x, y):
        """Rise at points in mm, as a share of the full one."""
        t = x * self.normal[0] + y * self.normal[1] - self.offset
        if self.kind == "wave":
            return np.sin(t / self.reach)
        if self.kind == "curl":
            return np.square(np.clip(t / self.reach, 0, 1.5))
        return (np.hypot(t, FOLD_MM) - FOLD_MM) / self.reach

    def slope(self, x, y):
        """Change of the rise per mm along the normal."""
        t = x * self.normal[0] + y * self.normal[1] - self.offset
        if self.kind == "wave":
            return np.cos(t / self.reach) / self.reach
        if self.kind == "curl":
            inside = (t > 0) & (t < 1.5 * self.reach)
            return np.where(inside, 2 * t / self.reach**2, 0.0)
        return t / np.hypot(t, FOLD_MM) / self.reach


def draw_relief(page, height: float, rng) -> tuple[Ridge, ...]:
    """Draw how a page is bent.

    Parameters
    ----------
    page : giraffe.printout.layout.Page
    height : float
        Largest shift of a point in mm; less where the paper would become too steep.
    rng : numpy.random.Generator
    """
    ridges = []
    number = int(rng.integers(1, 4))
    for _ in range(number):
        kind = str(rng.choice(["wave", "curl", "fold"], p=[0.4, 0.3, 0.3]))
        size = np.array([page.width, page.height])
        if kind == "curl":
            # One of the four sides or corners comes up.
            angle = rng.integers(8) * np.pi / 4 + rng.normal(0, 0.12)
        else:
            angle = rng.integers(2) * np.pi / 2 + rng.normal(0, 0.15)
        normal = np.array([np.cos(angle), np.sin(angle)])
        corners = np.array(WHOLE_FRAME) * size @ normal
        if kind == "wave":
            reach = rng.uniform(130, 450) / (2 * np.pi)
            offset = rng.uniform(corners.min(), corners.max())
        elif kind == "curl":
            reach = rng.uniform(0.2, 0.55) * np.ptp(corners)
            offset = corners.max() - reach
        else:
            share = rng.choice([1 / 3, 1 / 2, 2 / 3]) + rng.normal(0, 0.02)
            offset = corners.min() + share * np.ptp(corners)
            reach = np.abs(corners - offset).max()
        push = min(height / number, SLOPE[kind] * reach) * rng.uniform(0.4, 1)
        toward = rng.uniform(0, 2 * np.pi)
        shift = push * np.cos(toward), push * np.sin(toward)
        ridges.append(Ridge(kind, tuple(normal), float(offset), float(reach), shift))
    return tuple(ridges)


@dataclass(frozen=True)
class Frame:
    """What a frame is, beyond the place of the page in it.

    Attributes
    ----------
    aspect : float
        Width / height of the picture as it was captured.
    view : (float, float, float, float) or None
        Left, upper, right and lower border of the part that shows the page, in shares of the
        frame, where a program's window is around it.
    second : (float, float) or None
        Where another page lies: its shift from this one in mm.
    """

    aspect: float
    view: tuple[float, float, float, float] | None = None
    second: tuple[float, float] | None = None


class Placement:
    """Where the points of a page lie in the frame.

    Parameters
    ----------
    page : giraffe.printout.layout.Page
    corners : array_like, shape (4, 2)
        Upper left, upper right, lower right and lower left corner in shares of the frame; they
        may lie outside of it.
    bend : float
        Height of the page's curve in mm; it shifts points along y.
    phase : float
        Where along x the curve is highest, in radians.
    relief : tuple of Ridge
        Further shifts of the page's points; none for flat paper.
    frame : Frame, optional
        By default a frame of the page's own aspect.
    """

    def __init__(
        self,
        page,
        corners,
        bend: float = 0.0,
        phase: float = 0.0,
        relief: tuple[Ridge, ...] = (),
        frame: Frame | None = None,
    ):
        self.page, self.bend, self.phase, self.relief = page, bend, phase, relief
        self.frame = frame or Frame(page.width / page.height)
        flat = np.array(WHOLE_FRAME, np.float32)
        flat *= np.array([page.width, page.height], np.float32)
        corners = np.asarray(corners, np.float32)
        self.matrix = cv2.getPerspectiveTransform(flat, corners).astype(float)
        self.inverse = np.linalg.inv(self.matrix)

    def _rise(self, x):
        return self.bend * np.sin(np.pi * x / self.page.width + self.phase)

    def _on_page(self, x, y):
        """Points held near the page, where the relief is defined."""
        right, bottom = self.page.width + BEYOND_MM, self.page.height + BEYOND_MM
        return np.clip(x, -BEYOND_MM, right), np.clip(y, -BEYOND_MM, bottom)

    def _shift(self, x, y):
        """How far the relief has moved what is seen at (x, y), in mm."""
        x, y = self._on_page(x, y)
        dx, dy = 0.0, 0.0
        for ridge in self.relief:
            rise = ridge.rise(x, y)
            dx, dy = dx + ridge.push[0] * rise, dy + ridge.push[1] * rise
        return dx, dy

    def slopes(self, u, v, light: tuple[float, float]):
        """How steeply the relief rises towards the light at points of the frame, mm/mm."""
        x, y = self._on_page(*self._flat(u, v))
        total = np.zeros(np.broadcast(x, y).shape)
        for ridge in self.relief:
            facing = ridge.normal[0] * light[0] + ridge.normal[1] * light[1]
            total += facing * np.hypot(*ridge.push) * ridge.slope(x, y)
        return total

    def to_frame(self, points) -> np.ndarray:
        """Points of the page in mm, shape (n, 2), in shares of the frame."""
        points = np.array(points, dtype=float)
        if self.relief:
            points = self._raised(points)
        points[:, 1] += self._rise(points[:, 0])
        moved = np.c_[points, np.ones(len(points))] @ self.matrix.T
        return moved[:, :2] / moved[:, 2:]

    def _raised(self, points: np.ndarray) -> np.ndarray:
        """Where the relief moves points of the page: the fixed point of x = p + shift(x)."""
        moved = points.copy()
        for _ in range(60):
            before = moved
            moved = points + np.stack(self._shift(before[:, 0], before[:, 1]), axis=1)
            if np.abs(moved - before).max(initial=0) < 1e-6:
                break
        return moved

    def chart_corners(self) -> np.ndarray:
        """Where the page's chart lies.

        Returns
        -------
        ndarray, shape (4, 2)
            Upper left, upper right, lower right and lower left corner in shares of the frame.
        """
        left, top, right, bottom = self.page.chart
        return self.to_frame([(left, top), (right, top), (right, bottom), (left, bottom)])

    def page_size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns in px of the page's picture for a frame of a size in px.

        About as many as the page has in the frame, not fewer than the frame's own and at most
        `FINEST` times those. Its pixels are not higher than wide, as a grid of 1 mm needs it.
        """
        page = self.page
        spans = np.ptp(self.to_frame(np.array(WHOLE_FRAME) * (page.width, page.height)), axis=0)
        columns, high = (
            max(size, min(round(span * size), round(FINEST * size)))
            for span, size in zip(spans, (width, height), strict=True)
        )
        return max(high, round(columns * page.height / page.width)), columns

    def seen_through(self, corners) -> "Placement":
        """Where the page lies once the part of the frame between four corners is cut out.

        Parameters
        ----------
        corners : array_like, shape (4, 2)
            In shares of the frame; they become the corners of the new one.
        """
        cut = cv2.getPerspectiveTransform(
            np.asarray(corners, np.float32), np.array(WHOLE_FRAME, np.float32)
        )
        moved = copy.copy(self)
        moved.matrix = cut @ self.matrix
        moved.inverse = np.linalg.inv(moved.matrix)
        return moved

    def _flat(self, u, v):
        """Points of the frame in mm of the plane in which a page without relief lies."""
        m = self.inverse
        w = m[2, 0] * u + m[2, 1] * v + m[2, 2]
        x = (m[0, 0] * u + m[0, 1] * v + m[0, 2]) / w
        y = (m[1, 0] * u + m[1, 1] * v + m[1, 2]) / w
        return x, y - self._rise(x)

    def to_page(self, u, v) -> tuple[np.ndarray, np.ndarray]:
        """Points of the frame in shares, in mm of the page."""
        x, y = self._flat(u, v)
        if self.relief:
            dx, dy = self._shift(x, y)
            x, y = x - dx, y - dy
        return x, y

    def maps(self, height: int, width: int, page_height: int, page_width: int):
        """For `cv2.remap`: where in the page's picture each pixel of the frame looks."""
        rows, columns = -(-height // MAP_STEP) + 2, -(-width // MAP_STEP) + 2
        # Node k holds the value at the centre of its 8 px; one more node on each side.
        v = ((np.arange(rows) - 0.5) * MAP_STEP / height)[:, None]
        u = ((np.arange(columns) - 0.5) * MAP_STEP / width)[None, :]
        x, y = self.to_page(u, v)
        fields = (
            x * page_width / self.page.width - 0.5,
            y * page_height / self.page.height - 0.5,
        )
        size = (columns * MAP_STEP, rows * MAP_STEP)
        return [
            cv2.resize(field.astype(np.float32), size)[
                MAP_STEP : MAP_STEP + height, MAP_STEP : MAP_STEP + width
            ]
            for field in fields
        ]
