"""Every public name of the packages has its place in the API reference."""

import inspect
from importlib import import_module
from pathlib import Path

import pytest

from tests.docs.hooks import hook

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def reference():
    return hook("_reference")


def test_every_public_name_is_on_a_page(reference):
    placed = [
        (module, name)
        for page in reference.PAGES
        for module, names in reference.shown(page).items()
        for name in names
    ]
    assert len(placed) == len(set(placed))
    for package in reference.PACKAGES:
        for name, module in reference.public(import_module(package)):
            assert (module, name) in placed, f"{package}.{name} is on no page"


def test_every_public_name_says_what_it_is(reference):
    for package in reference.PACKAGES:
        for name, module in reference.public(import_module(package)):
            value = getattr(import_module(module), name)
            assert inspect.getdoc(value), f"{package}.{name} has no docstring"
            assert import_module(module).__doc__, f"{module} has no docstring"


def test_every_public_name_has_an_example_that_runs(reference):
    bare = [
        f"{module}.{name}"
        for package in reference.PACKAGES
        for name, module in reference.public(import_module(package))
        if ">>> " not in inspect.getdoc(getattr(import_module(module), name))
    ]
    assert bare == []


def test_every_page_is_in_the_navigation(reference):
    navigation = (ROOT / "mkdocs.yml").read_text()
    for page in reference.PAGES:
        assert f"reference/{page.path}.md" in navigation
        assert "\n::: splitkit" in reference.text(page)
