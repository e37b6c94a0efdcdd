"""Data goes down the floors, and imports never climb back up."""

import ast
import graphlib
import re
from pathlib import Path

import pytest
from conftest import ROOT

import giraffe

PACKAGE = ROOT / "giraffe"
FLOORS = ("ecg", "printout", "chart", "network", "judging", "learning", "reading", "commands")
ABOVE_ALL = {"giraffe", "giraffe.__main__"}  # they open doors to every floor
LONGEST = 450  # lines of a file
NO_TORCH = ("printout", "ecg")


def module_of(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


MODULES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(path: Path, at_import: bool = False) -> set[str]:
    """Modules that a file imports; those alone that importing it imports, if asked."""
    tree = ast.parse(path.read_text())
    found = set()
    for node in tree.body if at_import else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in names}
    return found


def floor(module: str) -> int:
    """Its number; -1 for the modules on which all floors stand."""
    name = module.split(".")[1] if "." in module else ""
    return FLOORS.index(name) if name in FLOORS else -1


@pytest.mark.parametrize("module", sorted(set(MODULES) - ABOVE_ALL))
def test_a_module_imports_its_own_floor_and_those_below_alone(module):
    used = {name for name in imports(MODULES[module]) if name.startswith("giraffe.")}
    assert {name for name in used if floor(name) > floor(module)} == set()


def test_no_modules_import_each_other_in_a_circle():
    graph = {m: imports(path, at_import=True) & MODULES.keys() for m, path in MODULES.items()}
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) == len(MODULES)


@pytest.mark.parametrize("name", NO_TORCH)
def test_signals_and_printouts_know_no_torch(name):
    for path in (PACKAGE / name).rglob("*.py"):
        assert not {m for m in imports(path) if m.split(".")[0] in ("torch", "torchvision")}, path


def test_the_package_never_imports_the_scripts_at_the_root():
    scripts = {path.stem for path in ROOT.glob("*.py")}
    for path in MODULES.values():
        assert not {name.split(".")[0] for name in imports(path)} & scripts, path


def test_every_floor_says_in_a_line_what_comes_in_and_what_goes_out():
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders == set(FLOORS)
    for name in FLOORS:
        (line,) = (PACKAGE / name / "__init__.py").read_text().splitlines()
        assert "→" in line
    said = re.findall(r"`(\w+)`", giraffe.__doc__.partition("alone")[2])
    assert tuple(said) == FLOORS


def test_no_file_is_long():
    folders = ("giraffe", "tests", "benchmarks")
    paths = [*ROOT.glob("*.py"), *(p for name in folders for p in (ROOT / name).rglob("*.py"))]
    lines = {str(path): len(path.read_text().splitlines()) for path in paths}
    assert {path: number for path, number in lines.items() if number > LONGEST} == {}
