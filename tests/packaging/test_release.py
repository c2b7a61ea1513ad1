"""What a release says of itself stands in one place, and everywhere else agrees with it."""

import re
import tomllib
from pathlib import Path

import pytest

import splitkit as sk

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
WANTED = [*PROJECT["dependencies"], *(each for extra in EXTRAS.values() for each in extra)]


def least(requirements):
    """The lowest version of each, by name."""
    found = (re.match(r"([\w-]+)>=([\d.]+)", each) for each in requirements)
    return {match[1]: match[2] for match in found if match}


def test_the_version_is_that_of_the_package():
    assert "version" not in PROJECT
    assert f"version: {sk.__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert f'version = "{sk.__version__}"' in (ROOT / "recipe" / "meta.yaml").read_text()
    newest = re.search(r"^## \[(.*)$", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)[1]
    assert newest.startswith((f"Unreleased] – {sk.__version__}", f"{sk.__version__}]"))


def test_a_dependency_has_one_lowest_version():
    assert len(set(least(WANTED).items())) == len(least(WANTED))
    for each in WANTED:
        for name, bound in least([each]).items():
            assert least(WANTED)[name] == bound, name


def test_the_lowest_versions_are_those_that_are_tried():
    lines = (ROOT / "lowest.txt").read_text().splitlines()
    pins = [line.partition(";")[0].strip().split("==") for line in lines if "==" in line]
    bounds = least(WANTED)
    assert set(least(PROJECT["dependencies"])) <= {name for name, _ in pins}
    for name, bound in bounds.items():
        tried = [pin for other, pin in pins if other == name]
        assert not tried or bound in [pin.removesuffix(".0") for pin in tried], name


@pytest.mark.parametrize(("name", "bound"), least(PROJECT["dependencies"]).items())
def test_the_recipe_asks_for_the_same(name, bound):
    assert f"- {name} >={bound},<" in (ROOT / "recipe" / "meta.yaml").read_text()


def test_python_versions_are_those_of_the_classifiers():
    said = [c.rpartition(" ")[2] for c in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", c)]
    tried = re.search(r"PYTHONS = \((.*?)\)", (ROOT / "tests/packaging/release.py").read_text())[1]
    assert re.findall(r"[\d.]+", tried) == said
    assert PROJECT["requires-python"] == f">={said[0]}"
