"""The examples in docstrings run, and print what they say to the digits that they print."""

import ast
import doctest
import inspect
import re
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import splitkit as sk

ROOT = Path(__file__).parents[2]
WITH_EXAMPLES = sorted(
    path
    for package in ("splitkit", "splitkit_nn")
    for path in (ROOT / package).rglob("*.py")
    if ">>> " in path.read_text()
)
NEEDS = {"files": "highspy"}  # what else the examples of a file need
NUMBER = re.compile(r"(?<![A-Za-z_\d])-?\d+\.?\d*(?:e[+-]?\d+)?")


class ToTheirDigits(doctest.OutputChecker):
    """Numbers agree within a unit of the last digit that is expected; all else literally."""

    def check_output(self, want, got, optionflags):
        if super().check_output(want, got, optionflags):
            return True
        around = [re.sub(r"\s+", "", NUMBER.sub("#", text)) for text in (want, got)]
        if around[0] != around[1]:
            return False
        pairs = zip(NUMBER.findall(want), NUMBER.findall(got), strict=True)
        return all(abs(float(a) - float(b)) <= _unit(a) for a, b in pairs)


def _unit(number):
    """Of the last digit, at least of the fourth after the point: 1. may be rounded to 0.9999."""
    mantissa, _, exponent = number.partition("e")
    digits = len(mantissa.partition(".")[2])
    return 1.01 * 10.0 ** (int(exponent or 0) - (digits if 0 < digits <= 4 else 4))


class OfTheFile(doctest.DocTestFinder):
    """Finds also what says that it is of another module, and functions that choose by a type."""

    def _from_module(self, module, object):
        return super()._from_module(module, object) or object in defined(module)


@cache
def defined(module):
    """The classes and functions that the file defines."""
    kinds = ast.ClassDef, ast.FunctionDef
    nodes = ast.parse(inspect.getsource(module)).body
    return [vars(module).get(node.name) for node in nodes if isinstance(node, kinds)]


def names_in_examples(path):
    """What an example need not import."""
    if path.parts[-2:] == ("splitkit_nn", "__init__.py") or "splitkit_nn" in path.parts:
        return {
            "np": np,
            "sk": sk,
            "torch": import_module("torch"),
            "sknn": import_module("splitkit_nn"),
        }
    return {"np": np, "sk": sk}


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.stem)
def test_examples_in_docstrings(path):
    if path.stem in NEEDS:
        pytest.importorskip(NEEDS[path.stem])
    parts = path.relative_to(ROOT).with_suffix("").parts
    module = import_module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    runner = doctest.DocTestRunner(ToTheirDigits(), optionflags=doctest.NORMALIZE_WHITESPACE)
    with np.printoptions(precision=4, suppress=True):
        for test in OfTheFile().find(module, extraglobs=names_in_examples(path)):
            runner.run(test)
    assert runner.tries == path.read_text().count(">>> ")
    assert runner.failures == 0


def test_the_checker_of_examples_can_refuse():
    check = ToTheirDigits().check_output
    assert check("array([0. , 0.5])\n", "array([-0.     ,  0.49998])\n", 0)
    assert not check("array([0. , 0.5])\n", "array([0. , 0.7])\n", 0)
    assert not check("array([0., 1.])\n", "array([0., 1., 2.])\n", 0)
    assert not check("0.6501\n", "0.6512\n", 0)
