"""What the page shows of a reading: a picture, lines to be drawn over it, words and files."""

import base64
import io
import re
import zipfile
from pathlib import PurePath

import cv2
import numpy as np

from giraffe.chart.chart import Chart
from giraffe.chart.digitize import Digitized
from giraffe.pictures import shrunk
from giraffe.reading.digitizing import record_files, signals_csv
from giraffe.reading.read import NAMES, UNITS, Label, describe_chart
from giraffe.reading.serve.words import sentence
from giraffe.reading.serve.work import Page

SHOWN_PX = 1600  # of the longer side of the picture on the page
JPEG_QUALITY = 85
ALONG = np.linspace(0, 1, 40)  # points at which a row of a bent page is drawn
COARSER = 0.4  # px of the picture shown; points of a trace nearer to each other are left out


def view_of(page: Page) -> dict:
    """Everything that the page shows of one picture, in plain values.

    Lengths are px of the picture as it is shown; lines are paths of SVG.
    """
    reading = page.reading
    shown = shrunk(page.pixels, SHOWN_PX)
    height, width = shown.shape[:2]
    chart, signals = reading.finding.chart, reading.signals
    return {
        "name": reading.name,
        "picture": _data_url(shown, ".jpg"),
        "width": width,
        "height": height,
        "chart": None if chart is None else _chart(chart, width, height),
        "traces": [] if signals is None else _traces(signals, width, height),
        "labels": [_label(label) for label in reading.labels],
        "heat": {name: _data_url(pixels, ".png") for name, pixels in page.heat.items()},
        "measurements": [
            {"name": NAMES[key], "value": f"{value:.0f}", "unit": UNITS[key]}
            for key, value in reading.measurements.items()
        ],
        "described": "" if chart is None else describe_chart(chart),
        "uncertain": list(reading.uncertain),
        "reading": reading.as_dict(),
        "files": files_of(page),
    }


def files_of(page: Page) -> dict[str, dict[str, str]]:
    """The signals of a picture as files to be saved; none where there are no signals.

    Returns
    -------
    dict of str to dict
        ``csv`` and ``wfdb``: each the file's name, kind and content in Base64.
    """
    signals = page.reading.signals
    if signals is None:
        return {}
    name = record_name(page.reading.name)
    table = signals_csv(signals).encode()
    made = {
        "csv": (f"{name}.csv", "text/csv", table),
        "wfdb": (f"{name}.zip", "application/zip", wfdb_zip(page.reading.name, signals)),
    }
    return {
        kind: {"name": file, "type": media, "base64": base64.b64encode(content).decode()}
        for kind, (file, media, content) in made.items()
    }


def wfdb_zip(picture: str, signals: Digitized) -> bytes:
    """The signals of a picture as a WFDB record, packed together."""
    made = io.BytesIO()
    name = record_name(picture)
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, content in record_files(name, signals, picture).items():
            archive.writestr(file, content)
    return made.getvalue()


def record_name(name: str) -> str:
    """A picture's name with nothing that WFDB does not allow."""
    file, _, page = name.partition("#")
    stem = PurePath(file).stem + (f"-{page}" if page else "")
    return re.sub(r"[^0-9A-Za-z_-]+", "_", stem).strip("_") or "picture"


def _label(label: Label) -> dict:
    return {
        "name": label.name,
        "meaning": label.meaning,
        "sentence": sentence(label),
        "probability": round(label.probability, 4),
        "threshold": round(label.threshold, 4),
        "given": label.given,
    }


def _chart(chart: Chart, width: int, height: int) -> dict:
    """Outline, rows and names of a chart."""
    size = np.array([width, height])
    names = []
    for cell in chart.cells:
        x, y = chart.to_picture([cell.start], [chart.rows.levels[cell.row]])[0] * size
        name = ("-" if cell.inverted else "") + (cell.lead or "?")
        text = name if cell.named else f"({name})"
        names.append({"text": text, "x": round(float(x), 1), "y": round(float(y), 1)})
    return {
        "outline": _path(chart.corners * size) + "Z",
        "rows": [_path(chart.to_picture(ALONG, level) * size) for level in chart.rows.levels],
        "names": names,
    }


def _traces(signals: Digitized, width: int, height: int) -> list[str]:
    """The traces as they were read, a path for each row."""
    paths = []
    for line in signals.lines:
        points = line * [width, height]
        known = np.isfinite(points).all(axis=1)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(int)))
        runs = (points[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True))
        paths.append("".join(_path(_thinned(run)) for run in runs))
    return paths


def _thinned(points: np.ndarray) -> np.ndarray:
    """A line without points that are hardly apart from those before them."""
    steps = np.abs(np.diff(points, axis=0)).max(axis=1, initial=0)
    travelled = np.floor(np.concatenate([[0.0], np.cumsum(steps)]) / COARSER)
    keep = np.concatenate([[True], np.diff(travelled) > 0])
    keep[-1] = True
    return points[keep]


def _path(points: np.ndarray) -> str:
    return "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _data_url(pixels: np.ndarray, suffix: str) -> str:
    """A picture, RGB or RGBA, inside an address."""
    order = cv2.COLOR_RGB2BGR if pixels.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
    settings = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if suffix == ".jpg" else []
    encoded = cv2.imencode(suffix, cv2.cvtColor(pixels, order), settings)[1]
    kind = "jpeg" if suffix == ".jpg" else "png"
    return f"data:image/{kind};base64,{base64.b64encode(encoded.tobytes()).decode()}"
