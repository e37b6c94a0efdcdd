"""Pieces of HTML in which whatever comes from outside is escaped."""

import base64
import html as escaping
import math
from collections.abc import Iterable, Sequence

import cv2
import numpy as np

JPEG_QUALITY = 80
NOTHING = "–"


class Html(str):
    """Text that is HTML already, and is not escaped again."""

    __slots__ = ()


def html(content) -> Html:
    """Anything as HTML: text is escaped, `Html` stays as it is."""
    return content if isinstance(content, Html) else Html(escaping.escape(str(content)))


def joined(parts: Iterable) -> Html:
    """Pieces one after the other."""
    return Html("".join(html(part) for part in parts))


def element(tag: str, *content, **attributes) -> Html:
    """An element; attributes of None are left out, and ``class_`` is ``class``."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escaping.escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Html(f"<{tag}{written}>{joined(content)}</{tag}>")


def paragraph(*content, small: bool = False) -> Html:
    """A paragraph of text and HTML."""
    return element("p", *content, class_="small" if small else None)


def number(value: float | None, digits: int = 3) -> str:
    """A number with so many digits after the point; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{value:.{digits}f}"


def span(low: float, high: float) -> str:
    """An interval; a dash where there is none."""
    return f"{low:.3f} to {high:.3f}" if math.isfinite(low) and math.isfinite(high) else NOTHING


def table(
    caption, head: Sequence, rows: Iterable[Sequence], words: int = 1, last: bool = False
) -> Html:
    """A table that scrolls by itself where it is wider than the screen.

    Parameters
    ----------
    caption : str or Html
    head : sequence
        Of the columns.
    rows : iterable of sequence
        The first cell heads its row.
    words : int
        Columns of words, the first ones; those after them are numbers and stand at the right.
    last : bool
        Whether the last row sums up the others.
    """
    kinds = ["word" if i < words else "number" for i in range(len(head))]
    rows = [list(row) for row in rows]
    body = []
    for i, row in enumerate(rows):
        cells = [element("th", row[0], scope="row")]
        cells += [element("td", x, class_=kind) for x, kind in zip(row[1:], kinds[1:], strict=True)]
        body.append(element("tr", *cells, class_="sum" if last and i == len(rows) - 1 else None))
    top = [element("th", x, scope="col", class_=kind) for x, kind in zip(head, kinds, strict=True)]
    made = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *top)),
        element("tbody", *body),
    )
    return element(
        "div",
        made,
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label="Table, scrolls sideways",
    )


def facts(pairs: Iterable[tuple]) -> Html:
    """A list of what is known, and of what."""
    parts = (element("div", element("dt", key), element("dd", value)) for key, value in pairs)
    return element("dl", *parts, class_="facts")


def picture(pixels: np.ndarray, alt: str, *caption) -> Html:
    """A picture inside the page, with a line below it.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
    alt : str
        What is seen, for those who do not see it.
    *caption
        Pieces of text or HTML.
    """
    settings = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    encoded = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), settings)[1]
    source = f"data:image/jpeg;base64,{base64.b64encode(encoded.tobytes()).decode()}"
    height, width = pixels.shape[:2]
    image = Html(
        f'<img src="{source}" alt="{html(alt)}" width="{width}" height="{height}" loading="lazy">'
    )
    return figure(image, *caption)


def figure(shown: Html, *caption) -> Html:
    """Something to look at, with a line below it."""
    return element("figure", shown, element("figcaption", *caption))
