"""What an ordinary run takes of what all libraries share; a thorough one takes more, or all.

The mathematics is the same everywhere: most cases are drawn, and the searches are longest, in
NumPy's double precision. Single precision adds rounding, another library its kinds and conventions,
which few points show; fewest are taken where an operation costs most.
"""

import pytest
from hypothesis import settings

from splitkit.functions.inner.accuracy import Inexact

ONE_IN = 16
LONG = 30  # work of a prox, in evaluations of a gradient, that is a search
FEWER = 4  # times fewer cases of what solves a problem at each call
THOROUGH = 1000  # examples of the profile splitkit-thorough


def sample_on_jax(backend, xp, dtype, position):
    """Skip all but one in so many on JAX, and those in single precision."""
    sampled = dtype == xp.float64 and position % ONE_IN == 0
    if backend.name == "jax" and not sampled and settings().max_examples < THOROUGH:
        pytest.skip("JAX compiles each operation anew: thorough runs take all, others a sample")


def sample_of_pairs(backend, xp, dtype, position):
    """On JAX as above; of array-api-strict in single precision one in four: each thing is held in
    double precision there, and in single precision elsewhere.
    """
    sample_on_jax(backend, xp, dtype, position)
    of_both = backend.name == "strict" and dtype == xp.float32
    if of_both and position % FEWER and settings().max_examples < THOROUGH:
        pytest.skip("on this library in double precision, in this one on others")


def draws(few, all_of_them):
    """Seeds of random cases: the first few, and all in thorough runs."""
    return range(all_of_them if settings().max_examples >= THOROUGH else few)


def examples(thing, backend, double):
    """How many cases of a thing are drawn: a share of the profile's. What solves a problem by
    iteration at each call takes 10 to 30 times as long as a formula.
    """
    found = int(settings().max_examples / share(backend, double))
    if settings().max_examples < THOROUGH and (
        isinstance(thing, Inexact) or getattr(thing, "prox_effort", 1.0) >= LONG
    ):
        return max(2, found // FEWER)
    return found


def is_searched(backend):
    """Whether worst cases are sought: where operations cost least; they are the same elsewhere."""
    return backend.name == "numpy" or settings().max_examples >= THOROUGH


def share(backend, double):
    """One in so many of a profile's examples."""
    if backend.name == "numpy" and double:
        return 2.5 if settings().max_examples < THOROUGH else 2
    if backend.name in ("strict", "jax"):
        return 20
    if settings().max_examples >= THOROUGH:
        return 5
    return 10 if double or backend.name == "numpy" else 20
