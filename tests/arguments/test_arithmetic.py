"""Multiples, quotients, sums and compositions of operators, functions and linear maps."""

import re

import numpy as np
import pytest
import torch

import splitkit as sk
from splitkit import linear
from splitkit.backend import to_numpy
from tests.arguments.kinds import NO_SCALARS, arrays, numbers

M = np.array([[2.0, 1.0], [-1.0, 3.0]])
X = np.array([0.5, -2.0])

THINGS = {
    "operator": (sk.Affine(M, np.array([1.0, -1.0])), sk.Identity()),
    "map": (linear.DenseMatrix(M), linear.ScaledIdentity(3.0)),
}
both = pytest.mark.parametrize(("A", "B"), THINGS.values(), ids=THINGS)


@both
@pytest.mark.parametrize("c", numbers(2), ids=lambda v: type(v).__name__)
def test_multiples_and_quotients_by_every_kind_of_number(A, B, c):
    for multiple in (c * A, A * c):
        np.testing.assert_array_equal(multiple(X), 2.0 * A(X))
    np.testing.assert_array_equal((A / c)(X), 0.5 * A(X))


@both
def test_multiples_by_the_scalars_of_every_library(A, B, xp):
    for c in arrays(xp, 2):
        products = [A * c]
        if xp.__name__ != "array_api_strict":  # which raises, and does not ask the other operand
            products.append(c * A)
        for multiple in products:
            np.testing.assert_array_equal(multiple(X), 2.0 * A(X))
        np.testing.assert_array_equal((A / c)(X), 0.5 * A(X))


@both
def test_a_multiple_keeps_the_dtype_of_points(A, B):
    x = X.astype(np.float32)
    for c in (np.float64(2), np.asarray(2.0), torch.tensor(2.0, dtype=torch.float64)):
        assert (c * B)(x).dtype == np.float32


@both
def test_sums_differences_and_negatives(A, B):
    np.testing.assert_allclose((A + B)(X), A(X) + B(X), rtol=1e-15)
    np.testing.assert_allclose((A - B)(X), A(X) - B(X), rtol=1e-15)
    np.testing.assert_array_equal((-A)(X), -A(X))
    np.testing.assert_allclose(sum([A, B, A])(X), 2 * A(X) + B(X), rtol=1e-15)
    assert sum([A]) is A
    assert 0.0 + A is A


@both
@pytest.mark.parametrize("c", [c for c in NO_SCALARS if c is not float], ids=repr)
def test_no_multiple_by_what_is_no_scalar(A, B, c):
    for product in (lambda: A * c, lambda: c * A, lambda: A / c):
        with pytest.raises(TypeError):
            product()


@both
def test_refused_factors_are_named(A, B):
    for c, error in ((True, TypeError), (np.ones(2), TypeError), (2j, TypeError),
                     (np.inf, ValueError), (np.nan, ValueError)):  # fmt: skip
        with pytest.raises(error, match=re.escape(f"c = {c!r}: give a finite number")):
            A * c
    for c in (0, 0.0, np.float32(0), torch.tensor(0.0)):
        with pytest.raises(ValueError, match=re.escape(f"c = {c!r}: give") + ".*other than 0"):
            A / c
    tracked = torch.tensor(0.5, requires_grad=True)
    with pytest.raises(TypeError, match=r"c = tensor\(0\.5.*detached"):
        tracked * A


@both
@pytest.mark.parametrize("other", [1.0, X, "A", None], ids=repr)
def test_no_sum_with_what_is_none(A, B, other):
    for combine in (lambda: A + other, lambda: other + A, lambda: A - other, lambda: other - A):
        with pytest.raises(TypeError):
            combine()


@both
def test_a_point_after_at_is_an_application(A, B, xp):
    x = xp.asarray([1.0, 2.0])
    for point in (x, (x, x)):
        with pytest.raises(TypeError, match=r"call A\(x\)"):
            A @ point
    assert to_numpy(A(X)).shape == (2,)
    np.testing.assert_allclose((A @ B)(X), A(B(X)), rtol=1e-15)
    with pytest.raises(TypeError, match="unsupported operand"):
        A @ "B"
