"""Charts as they were found, for people: a sheet of pictures, and a table."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from giraffe.chart.chart import Chart
from giraffe.chart.evidence import look
from giraffe.chart.geometry import WHOLE, apart, between, straighten, transform
from giraffe.chart.lighting import lay_flat
from giraffe.chart.reader import NEAR_SIZE, ROOM, Finding, find_chart
from giraffe.chart.reading import read_chart
from giraffe.pictures import read_files
from giraffe.progress import progress_bar

PICTURE = (420, 620)  # px at most of a picture on a sheet: height, width
FLAT = (310, 620)  # px of its chart laid flat
ROOM_PX = 6  # px between pictures
FEW = 4  # files; for fewer no progress is shown
OUTLINE, ROWS, LEADS = (220, 0, 0), (0, 110, 220), (0, 130, 40)
COLUMNS = (
    "picture", "turned", *(f"{axis}{k}" for k in (1, 2, 3, 4) for axis in "xy"),
    "certainty", "kind", "layout", "leads", "speed_mm_s", "gain_mm_mv",
    "px_per_mm_x", "px_per_mm_y", "notes",
)  # fmt: skip


def table_row(name: str, finding: Finding) -> tuple:
    """What was found in a picture, in the order of `COLUMNS`.

    The corners are in shares of the picture turned clockwise by ``turned`` degrees; they and what
    follows are empty where there is no chart. Leads stand row by row, those whose names were not
    read in brackets.
    """
    chart = finding.chart
    if chart is None:
        empty = [""] * 9
        return name, *empty, f"{finding.certainty:.3f}", finding.kind, *[""] * 7
    corners = [f"{value:.5f}" for value in chart.turned_corners().ravel()]
    scale = ["", ""] if chart.px_per_mm is None else [f"{value:.3f}" for value in chart.px_per_mm]
    known = ["" if value is None else f"{value:g}" for value in (chart.speed, chart.gain)]
    return (
        name, chart.turned, *corners, f"{chart.certainty:.3f}", finding.kind, chart.layout,
        _leads(chart), *known, *scale, "; ".join(chart.notes),
    )  # fmt: skip


def _leads(chart: Chart) -> str:
    rows: dict[int, list[str]] = {}
    for cell in chart.cells:
        name = ("-" if cell.inverted else "") + cell.lead
        rows.setdefault(cell.row, []).append(name if cell.named else f"({name})")
    return " / ".join(" ".join(names) for names in rows.values())


def overlay(pixels: np.ndarray, finding: Finding, height: int, width: int) -> np.ndarray:
    """A picture no larger than given, with the outline, rows and names of its chart drawn on it.

    Returns
    -------
    ndarray of uint8, shape (height or less, width or less, 3)
    """
    factor = min(height / pixels.shape[0], width / pixels.shape[1])
    size = [max(round(side * factor), 1) for side in pixels.shape[1::-1]]
    shown = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    large = max(shown.shape[1] / PICTURE[1], 1.0)  # so that letters can be read
    chart = finding.chart
    if chart is None:
        text = "no chart" if finding.kind == "none" else "one strip"
        place = (8, round(28 * large))
        return cv2.putText(shown, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.8 * large, OUTLINE, 2)

    def line(points, colour, closed=False, thickness=1):
        fixed = np.rint(points * size * 16).astype(np.int32)
        cv2.polylines(shown, [fixed], closed, colour, thickness, cv2.LINE_AA, 4)

    line(chart.corners, OUTLINE, closed=True, thickness=round(large))
    along = np.linspace(0, 1, 40)
    for level in chart.rows.levels:
        line(chart.to_picture(along, level), ROWS)
    for cell in chart.cells:
        level = chart.rows.levels[cell.row]
        x, y = chart.to_picture([cell.start], [level])[0] * size
        name = ("-" if cell.inverted else "") + cell.lead
        name = name if cell.named else f"({name})"
        place = (int(x) + 2, int(y) - 4)
        cv2.circle(shown, (int(x), int(y)), 2, LEADS, -1, cv2.LINE_AA)
        cv2.putText(shown, name, place, cv2.FONT_HERSHEY_SIMPLEX, 0.38 * large, LEADS,
                    round(large), cv2.LINE_AA)  # fmt: skip
    for pulse in chart.pulses:
        level = chart.rows.levels[pulse.row]
        u = -0.02 if pulse.side == "left" else 1.02
        line(chart.to_picture([u, u], [level, level - pulse.share]), OUTLINE)
    return shown


def sheet(read: list[tuple[str, np.ndarray, Finding]]) -> np.ndarray:
    """Pictures with their charts, each beside its chart laid flat, two in a row.

    Parameters
    ----------
    read : list of (name, ndarray of uint8 of shape (height, width, 3), Finding)

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    tiles = []
    for name, pixels, finding in read:
        tile = np.full((PICTURE[0] + 22, 2 * PICTURE[1] + 3 * ROOM_PX, 3), 255, np.uint8)
        title = f"{Path(name).name}  {finding.certainty:.2f}"
        if finding.chart is not None:
            corners = finding.chart.corners
            flat = lay_flat(pixels, corners, *FLAT)
            tile[22 : 22 + FLAT[0], PICTURE[1] + 2 * ROOM_PX : -ROOM_PX] = flat
            title += f"  {finding.chart.layout}  {'; '.join(finding.chart.notes)}"
        shown = overlay(pixels, finding, *PICTURE)
        tile[22 : 22 + shown.shape[0], ROOM_PX : ROOM_PX + shown.shape[1]] = shown
        cv2.putText(tile, title, (ROOM_PX, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1,
                    cv2.LINE_AA)  # fmt: skip
        tiles.append(tile)
    if len(tiles) % 2:
        tiles.append(np.full_like(tiles[0], 255))
    return np.vstack([np.hstack(tiles[k : k + 2]) for k in range(0, len(tiles), 2)])


def read_charts(paths: list[Path], problems: dict[str, str]) -> Iterator[tuple]:
    """Name, pixels and finding of every picture of some files, in order.

    Parameters and names are those of `giraffe.pictures.read_files`.
    """
    bar = progress_bar(paths, desc="charts", unit="file", shown=len(paths) >= FEW)
    for _, name, pixels in read_files(bar, problems):
        yield name, pixels, read_chart(pixels)


def evidence_picture(pixels: np.ndarray) -> np.ndarray:
    """What the reader's second look sees of a picture, before anything is fitted to it.

    Left, the chart's coordinates that every place names (red grows with u, blue with v, paler
    where the place is less sure to lie in the chart); right, the marks: rows black, their
    beginnings green, their ends red, changes of leads blue.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        Nothing but the picture where there is no chart.
    """
    finding = find_chart(pixels)
    height, width = NEAR_SIZE
    if finding.chart is None:
        return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    window = transform(between(WHOLE, finding.chart.corners), apart(WHOLE, ROOM))
    view = straighten(pixels, window, height, width)
    seen = look([view], True)[0]
    pale = cv2.addWeighted(view, 0.45, np.full_like(view, 255), 0.55, 0)
    named = np.dstack([seen.u, np.full_like(seen.u, 0.25), seen.v]).clip(0, 1)
    share = 0.55 * cv2.resize(seen.inside, (width, height))[:, :, None]
    coloured = cv2.resize(named.astype(np.float32), (width, height)) * 255
    left = (pale * (1 - share) + coloured * share).astype(np.uint8)
    right = pale.astype(np.float32)
    for field, colour in zip(seen.fine, ((0, 0, 0), LEADS, OUTLINE, ROWS), strict=True):
        share = cv2.resize(field, (width, height))[:, :, None]
        right = right * (1 - share) + np.array(colour, np.float32) * share
    return np.hstack([left, np.full((height, ROOM_PX, 3), 255, np.uint8), right.astype(np.uint8)])
