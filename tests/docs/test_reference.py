"""Every public name of the packages has its place in the API reference."""

import inspect
import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def reference():
    spec = spec_from_file_location("_reference", ROOT / "docs" / "_reference.py")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


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


def test_every_page_is_in_the_navigation(reference):
    navigation = (ROOT / "mkdocs.yml").read_text()
    for page in reference.PAGES:
        assert f"reference/{page.path}.md" in navigation
        assert "    options:\n      members:\n" in reference.text(page) or page.whole
