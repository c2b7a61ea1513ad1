"""The room that checks arguments: what passes, as what it passes, and what a refusal says."""

import math
import re
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
import torch

from splitkit.arguments import (
    FINITE,
    NON_NEGATIVE,
    NONZERO,
    POSITIVE,
    Range,
    check_accuracy,
    check_bounds,
    check_broadcast,
    check_choice,
    check_flag,
    check_integer,
    check_number,
    check_options,
    check_parameter,
    check_sizes,
    option,
)
from splitkit.backend import Space
from tests.arguments.kinds import NO_SCALARS, arrays, integers, numbers


def refused(error, name, value):
    """A context in which the error names the argument and has the value."""
    return pytest.raises(error, match=re.escape(f"{name} = {value!r}: give "))


@pytest.mark.parametrize("value", numbers(2), ids=lambda v: type(v).__name__)
def test_every_kind_of_number_is_a_float(value):
    for check in (check_number, check_parameter):
        found = check("c", value, POSITIVE)
        assert type(found) is float
        assert found == 2.0


@pytest.mark.parametrize(
    "value", [10**400, -(10**400), Fraction(10**400, 3)], ids=["above", "below", "fraction"]
)
def test_what_no_float_holds_is_not_taken_for_infinite(value):
    for check in (check_number, check_parameter):
        with pytest.raises(ValueError, match="upper is beyond the range of floats: give "):
            check("upper", value, Range(ends="[]"))


@pytest.mark.parametrize("value", integers(3), ids=lambda v: type(v).__name__)
def test_every_kind_of_integer_is_an_int(value):
    found = check_integer("n", value, 1)
    assert type(found) is int
    assert found == 3


def test_arrays_without_axes_are_scalars_in_every_library(xp):
    for value in arrays(xp, 2):
        assert type(check_number("c", value)) is float
        assert check_number("c", value) == 2.0
        assert type(check_parameter("c", value)) is float
    for value in (xp.asarray(2), xp.asarray(2, dtype=xp.int32)):
        assert type(check_integer("n", value)) is int
    for value in (xp.asarray(True), xp.ones((1,), dtype=xp.float64), xp.asarray(2.0)):
        with refused(TypeError, "n", value):
            check_integer("n", value)


@pytest.mark.parametrize("value", NO_SCALARS, ids=repr)
def test_what_is_no_scalar_is_named(value):
    with refused(TypeError, "c", value):
        check_number("c", value)
    with refused(TypeError, "n", value):
        check_integer("n", value)


@pytest.mark.parametrize("value", [2.0, np.float64(2), np.asarray(2.0), 2.5], ids=repr)
def test_no_float_is_an_integer(value):
    with refused(TypeError, "n", value):
        check_integer("n", value)


@pytest.mark.parametrize(
    ("within", "inside", "outside", "text"),
    [
        (FINITE, [-1.0, 0.0, 5e-324], [math.inf, -math.inf, math.nan], "a finite number"),
        (
            POSITIVE,
            [5e-324, 1.0],
            [0.0, -0.0, -1.0, math.inf, math.nan],
            "a positive finite number",
        ),
        (NON_NEGATIVE, [-0.0, 1.0], [-5e-324, math.inf, math.nan], "a non-negative finite number"),
        (NONZERO, [-1.0, 1e-300], [0.0, math.inf, math.nan], "a finite number other than 0"),
        (Range(0, 2), [1.0], [0.0, 2.0, math.nan], "a number in (0, 2)"),
        (Range(0, 1, "(]"), [1.0], [0.0, 1.1], "a number in (0, 1]"),
        (Range(0, 1, "[)"), [0.0], [1.0, -1.0], "a number in [0, 1)"),
        (Range(ends="[]"), [math.inf, -math.inf], [math.nan], "a number"),
        (Range(0, ends="[]"), [math.inf, 0.0], [-1.0, math.nan], "a non-negative number"),
        (Range(2), [2.1], [2.0, math.inf], "a finite number > 2"),
    ],
    ids=str,
)
def test_a_range_says_what_lies_in_it(within, inside, outside, text):
    assert str(within) == text
    for value in inside:
        assert check_number("c", value, within) == value
    for value in outside:
        with refused(ValueError, "c", value) as caught:
            check_number("c", value, within)
        assert str(caught.value).endswith(f"give {text}")


def test_every_entry_of_an_array_must_lie_within(xp):
    good = xp.asarray([1.0, 2.0])
    assert check_parameter("weight", good, POSITIVE) is good
    for bad in (xp.asarray([1.0, 0.0]), xp.asarray([1.0, math.nan])):
        with refused(ValueError, "weight", bad):
            check_parameter("weight", bad, POSITIVE)
    with refused(TypeError, "weight", [1.0, 2.0]):
        check_parameter("weight", [1.0, 2.0], POSITIVE)


def test_an_array_that_its_library_differentiates_by_stays_one():
    value = torch.tensor(0.5, requires_grad=True)
    assert check_parameter("weight", value, POSITIVE) is value
    with pytest.raises(TypeError, match=r"c = tensor.*detached"):
        check_number("c", value)
    jax = pytest.importorskip("jax")
    slope = jax.grad(lambda w: 3.0 * check_parameter("weight", w, POSITIVE))(2.0)
    assert float(slope) == 3.0


def test_flags_and_choices():
    assert check_flag("f", np.True_) is True
    assert check_flag("f", False) is False
    assert check_flag("f", None, optional=True) is None
    for value in (1, 0.0, "yes", None, np.ones(1)):
        with refused(TypeError, "f", value):
            check_flag("f", value)
    assert check_choice("kind", "II", ("I", "II")) == "II"
    with pytest.raises(ValueError, match='kind = \'III\': give "I" or "II"'):
        check_choice("kind", "III", ("I", "II"))
    with refused(TypeError, "kind", 2):
        check_choice("kind", 2, ("I", "II"))


def test_bounds_are_in_order(xp):
    low, high = xp.asarray([0.0, 1.0]), xp.asarray([0.0, 2.0])
    assert check_bounds(low, high, "it") == (low, high)
    assert check_bounds(-math.inf, np.float32(1), "it") == (-math.inf, 1.0)
    for lower, upper in ((high, low), (1, 0.0), (low, -1)):
        with pytest.raises(ValueError, match="it is empty"):
            check_bounds(lower, upper, "it")
    for lower, upper in ((math.inf, math.inf), (-math.inf, -math.inf), (math.nan, 0.0)):
        with pytest.raises(ValueError, match=r"(lower|upper) = (nan|-?inf): give bounds"):
            check_bounds(lower, upper, "it")


@pytest.mark.parametrize(
    ("given", "fits"),
    [((), True), ((3,), True), ((2, 3), True), ((2, 1), True), ((1, 1), True), ((2,), False),
     ((3, 3), False), ((1, 2, 3), False), ((0,), False)],
)  # fmt: skip
def test_what_broadcasts_does_not_grow(given, fits):
    a, space = np.zeros(given), Space.of(np.zeros((2, 3)))
    assert fits == (a.ndim <= 2 and _broadcasts(a, (2, 3)))
    if fits:
        check_broadcast("q", a, space)
        return
    with pytest.raises(ValueError, match=re.escape(f"q has shape {given}") + ".*give"):
        check_broadcast("q", a, space)


def _broadcasts(a, shape):
    try:
        np.broadcast_to(a, shape)
    except ValueError:
        return False
    return True


def test_sizes_are_integers_in_a_sequence_or_alone():
    for value in (3, np.int32(3), np.asarray(3), [3], (np.int64(3),), np.asarray([3])):
        found = check_sizes("shape", value)
        assert (found, type(found[0])) == ((3,), int)
    assert check_sizes("shape", [0, 2], 0, 2) == (0, 2)
    for value in (3, (3,), (3, 3, 3), None):
        with refused(ValueError, "shape", value):
            check_sizes("shape", value, count=2)
    with refused(ValueError, "shape", 0):
        check_sizes("shape", (2, 0))
    for value, wrong in (((2, 1.5), 1.5), (None, None), ("a", "a")):
        with refused(TypeError, "shape", wrong):
            check_sizes("shape", value)


def test_accuracy_is_a_share_or_none():
    assert check_accuracy("accuracy", None) is None
    assert check_accuracy("accuracy", np.float32(0.5)) == 0.5
    for value in (0.0, 1, -1.0, math.nan):
        with refused(ValueError, "accuracy", value):
            check_accuracy("accuracy", value)
    with refused(TypeError, "accuracy", "small"):
        check_accuracy("accuracy", "small")


def test_options_of_a_dataclass_are_kept_as_checked():
    @dataclass(frozen=True)
    class Options:
        step: float | None = option(None, check_number, within=POSITIVE)
        count: int = option(3, check_integer, least=1)

        def __post_init__(self):
            check_options(self)

    assert Options() == Options(None, 3)
    kept = Options(np.float32(0.5), np.int64(4))
    assert (type(kept.step), type(kept.count)) == (float, int)
    with refused(ValueError, "step", -1.0):
        Options(-1.0)
    with refused(TypeError, "count", None):
        Options(count=None)
