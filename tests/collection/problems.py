"""All problems of the collection, in order, and the ways in which they are to be solved."""

from __future__ import annotations

from functools import cache
from typing import Any

import array_api_strict
import numpy as np
import torch

import splitkit as sk
from splitkit.solvers.explain import Option
from tests.collection import equilibria, imaging, programs, regression
from tests.collection.problem import Arrays, Asarray, Problem, Reference

PROBLEMS: tuple[Problem, ...] = (
    *regression.PROBLEMS,
    *imaging.PROBLEMS,
    *programs.PROBLEMS,
    *equilibria.PROBLEMS,
)
LIBRARIES: dict[str, Any] = {"numpy": np, "torch": torch, "strict": array_api_strict}


def asarray(library: str = "numpy", dtype: str = "float64") -> Asarray:
    """The function that makes an array of this library and dtype."""
    xp = LIBRARIES[library]
    return lambda a: xp.asarray(np.asarray(a, dtype=float).tolist(), dtype=getattr(xp, dtype))


def start(problem: Problem, array: Asarray) -> Arrays:
    """x0 in the same library and dtype."""
    x0 = problem.x0
    return tuple(map(array, x0)) if isinstance(x0, tuple) else array(x0)


@cache
def inclusion(problem: Problem) -> sk.Operator:
    """In NumPy's float64."""
    return problem.inclusion(asarray())


@cache
def guaranteed(problem: Problem) -> tuple[Option, ...]:
    """An option of each guaranteed method, the one that ``solve`` takes first; of a problem
    without a solution, those of the methods that can find that out: averaged maps.
    """
    options = [o for o in sk.explain(inclusion(problem)).best_of_each() if o.guarantee.holds]
    if problem.reference is None:
        options = [o for o in options if o.method.averaged]
    return tuple(options)


@cache
def answer(problem: Problem) -> Reference:
    """The independent solver's."""
    assert problem.reference is not None
    return problem.reference()
