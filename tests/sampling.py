"""What an ordinary run takes of what all libraries share; a thorough one takes more, or all.

The mathematics is the same everywhere: most cases are drawn, and the searches are longest, in
NumPy's double precision. Single precision adds rounding, another library its kinds and conventions,
which few points show; fewest are taken where an operation costs most.
"""

from itertools import combinations, product

import pytest
from hypothesis import settings

from splitkit.functions.inner.accuracy import Inexact

ONE_IN = 16
LONG = 30  # work of a prox, in evaluations of a gradient, that is a search
FEWER = 4  # times fewer cases of what solves a problem at each call
THOROUGH = 1000  # examples of the profile splitkit-thorough


def is_thorough():
    """Whether this run takes all."""
    return settings().max_examples >= THOROUGH


def on_jax(library, double, position):
    """Of JAX, which compiles each operation anew, one in so many, in double precision."""
    return library != "jax" or (double and position % ONE_IN == 0)


def of_pairs(library, double, position):
    """On JAX as above; of array-api-strict and Torch in single precision one in four: each thing is
    held in double precision there, and in single precision by NumPy.
    """
    of_both = library in ("strict", "torch") and not double
    return on_jax(library, double, position) and not (of_both and position % FEWER)


def sampled(position, rule=on_jax):
    """Mark a test of which an ordinary run takes the cases that a rule takes, by their library,
    whether they are in double precision, and their position: a number, or one of their parameters.
    """
    return pytest.mark.sampled(position, rule)


def is_taken(item):
    """Whether this run takes a test that was collected."""
    mark = item.get_closest_marker("sampled")
    if mark is None or is_thorough():
        return True
    position, rule = mark.args
    given = item.callspec.params
    place = position(given) if callable(position) else position
    return rule(given["xp_backend"].name, given.get("dtype", "float64") == "float64", place)


def pairwise(*factors):
    """Tuples of one value of each factor, in which any two values of two factors meet; a thorough
    run takes the whole product.
    """
    factors = list(map(tuple, factors))
    every = list(product(*(range(len(values)) for values in factors)))
    places = list(combinations(range(len(factors)), 2))
    met = {each: {(i, j, each[i], each[j]) for i, j in places} for each in every}
    left, taken = set().union(*met.values()), []
    while left:
        best = max(every, key=lambda each: len(met[each] & left))
        left -= met[best]
        taken.append(best)
    return [
        tuple(values[i] for values, i in zip(factors, each, strict=True))
        for each in (every if is_thorough() else taken)
    ]


def every_other(first, second):
    """Pairs as the black squares of a board: every value meets half of the others; a thorough run
    takes all.
    """
    squares = product(enumerate(first), enumerate(second))
    return [(a, b) for (i, a), (j, b) in squares if is_thorough() or (i + j) % 2 == 0]


def draws(few, all_of_them):
    """Seeds of random cases: the first few, and all in thorough runs."""
    return range(all_of_them if is_thorough() else few)


def examples(thing, backend, double):
    """How many cases of a thing are drawn: a share of the profile's. What solves a problem by
    iteration at each call takes 10 to 30 times as long as a formula.
    """
    found = int(settings().max_examples / share(backend, double))
    if not is_thorough() and (
        isinstance(thing, Inexact) or getattr(thing, "prox_effort", 1.0) >= LONG
    ):
        return max(2, found // FEWER)
    return found


def is_searched(backend):
    """Whether worst cases are sought: where operations cost least; they are the same elsewhere."""
    return backend.name == "numpy" or is_thorough()


def share(backend, double):
    """One in so many of a profile's examples."""
    if backend.name == "numpy" and double:
        return 2 if is_thorough() else 5
    if backend.name in ("strict", "jax"):
        return 20
    if is_thorough():
        return 5
    return 10 if backend.name == "numpy" else 20
