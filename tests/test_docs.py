"""What the documents say is what the code does."""

import inspect
import re

import pdoc
from conftest import ROOT

from giraffe.__main__ import get_parser
from giraffe.network.classifier import Classifier
from giraffe.printout.sheets import ranges_table
from giraffe.recipe import DEFAULT_PROFILE, DEFAULT_RECIPE, PROFILES, RECIPES, SHIPPED

PUBLIC = (  # what other programs import
    "giraffe.network.classifier",
    "giraffe.chart.reading",
    "giraffe.chart.digitize",
    "giraffe.reading.read",
    "giraffe.judging.metrics",
)


def test_the_published_ranges_of_the_conditions_are_those_of_the_code():
    assert ranges_table() in (ROOT / "docs" / "printouts.md").read_text()


def test_the_readme_names_every_command_recipe_and_profile():
    text = (ROOT / "README.md").read_text()
    commands = get_parser()._subparsers._group_actions[0].choices
    for name in (*commands, *RECIPES, *PROFILES):
        assert f"`{name}`" in text or f" {name}" in text, name
    assert f"| `GIRAFFE_RECIPE` | `{DEFAULT_RECIPE}` |" in text
    assert f"| `GIRAFFE_PROFILE` | `{DEFAULT_PROFILE}` |" in text


def test_every_link_to_a_file_leads_somewhere():
    for page in (*ROOT.glob("*.md"), SHIPPED / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_dependency_has_a_reason():
    text = (ROOT / "docs" / "dependencies.md").read_text()
    for line in (ROOT / "requirements.in").read_text().splitlines():
        if line and not line.startswith("#"):
            assert line.split("==")[0] in text, line


def test_the_docstrings_become_pages_that_name_what_each_thing_takes(tmp_path):
    pdoc.render.configure(docformat="numpy", show_source=False)  # as `make api`
    pdoc.pdoc(*PUBLIC, output_directory=tmp_path)
    for name in PUBLIC:
        assert name in (tmp_path / (name.replace(".", "/") + ".html")).read_text()
    page = (tmp_path / "giraffe" / "network" / "classifier.html").read_text()
    about = page.partition('<section id="Classifier">')[2].partition("</section>")[0]
    for parameter in inspect.signature(Classifier).parameters:
        assert f"<strong>{parameter}</strong>" in about, parameter
