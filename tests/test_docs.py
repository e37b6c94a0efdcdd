"""What the documents say is what the code does."""

import re

from conftest import ROOT

from giraffe.__main__ import get_parser
from giraffe.printout.sheets import ranges_table
from giraffe.recipe import DEFAULT_PROFILE, DEFAULT_RECIPE, PROFILES, RECIPES, SHIPPED


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
