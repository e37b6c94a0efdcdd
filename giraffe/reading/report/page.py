"""The page of a model: what was gathered, written as one file that needs no other."""

from importlib.resources import files
from pathlib import Path
from string import Template

from giraffe import __version__
from giraffe.files import write_atomically
from giraffe.reading.report.about import (
    data_section,
    making_section,
    recipe_section,
    training_section,
)
from giraffe.reading.report.gather import Gathered
from giraffe.reading.report.markup import element, html, joined
from giraffe.reading.report.results import (
    calibration_section,
    classes_section,
    conditions_section,
    decisions_section,
    glance,
    readings_section,
)


def write_page(path: str | Path, gathered: Gathered, command: str) -> None:
    """Write the page, whole or not at all.

    Parameters
    ----------
    path : path
    gathered : Gathered
    command : str
        That makes this page.
    """
    write_atomically(path, page(gathered, command))


def page(gathered: Gathered, command: str) -> str:
    """The page as text; parameters are those of `write_page`."""
    recipe = gathered.description["recipe"].name
    sections = {
        "At a glance": glance(gathered),
        "Recipe": recipe_section(gathered),
        "Data": data_section(gathered),
        "Training": training_section(gathered),
        "Findings": classes_section(gathered),
        "Calibration": calibration_section(gathered),
        "Decisions": decisions_section(gathered),
        "Conditions": conditions_section(gathered),
        "Readings": readings_section(gathered),
        "How it was made": making_section(gathered, command),
    }
    anchors = {title: title.lower().replace(" ", "-") for title in sections}
    links = (
        element("li", element("a", title, href=f"#{anchor}")) for title, anchor in anchors.items()
    )
    body = joined(
        element(
            "section",
            element("h2", title, id=f"{anchors[title]}-title"),
            content,
            id=anchors[title],
            aria_labelledby=f"{anchors[title]}-title",
        )
        for title, content in sections.items()
    )
    here = files("giraffe.reading.report")
    return Template(here.joinpath("page.html").read_text(encoding="utf-8")).substitute(
        title=html(f"GIRAFFE: report on a model, recipe {recipe}"),
        style=here.joinpath("style.css").read_text(encoding="utf-8"),
        contents=element("ul", *links),
        body=body,
        ending=html(f"Written by giraffe {__version__}. This page loads nothing from elsewhere."),
    )
