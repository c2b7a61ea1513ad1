"""E L S and S A S for diagonal maps E and S: of every linear map, operator and function that there
is, in the units that it says it can be in.
"""

import numpy as np
import pytest

import splitkit as sk
from splitkit.backend import Space, blocks
from splitkit.functions.base import Function
from splitkit.linear import BlockDiagonalMap, Diagonal, LinearSum
from splitkit.linear.base import LinearOperator
from splitkit.operators.freedom import Freedom
from splitkit.operators.pullback import in_metric
from splitkit.testing.registry import registered

THINGS = {str(each): each for each in registered()}


def is_map(each):
    return issubclass(type(each.make()[0]), LinearOperator)


def diagonal(arrays, is_tuple):
    maps = [Diagonal(array) for array in arrays]
    return BlockDiagonalMap(maps) if is_tuple else maps[0]


def free(freedoms, shapes, rng):
    """Positive arrays of these shapes that are as free as that."""
    shared = 2.0 ** rng.integers(-3, 4)
    found = []
    for freedom, shape in zip(freedoms, shapes, strict=True):
        own = 2.0 ** rng.integers(-3, 4)
        number = shared if freedom is Freedom.SHARED else own
        each = freedom is Freedom.EACH
        found.append(np.exp(rng.uniform(-2, 2, shape)) if each else np.full(shape, number))
    return found


def shapes_of(shape):
    is_tuple = bool(shape) and isinstance(shape[0], tuple)
    return (shape if is_tuple else (shape,)), is_tuple


def point(shapes, is_tuple, rng):
    arrays = tuple(rng.normal(size=shape) for shape in shapes)
    return arrays if is_tuple else arrays[0]


def matrix(L, x):
    """The matrix of L at points like x."""
    parts = blocks(x)
    sizes = [part.size for part in parts]
    columns = []
    for j in range(sum(sizes)):
        flat = np.split(np.eye(sum(sizes))[j], np.cumsum(sizes)[:-1])
        arrays = tuple(f.reshape(p.shape) for f, p in zip(flat, parts, strict=True))
        value = L(arrays if isinstance(x, tuple) else arrays[0])
        columns.append(np.concatenate([v.ravel() for v in blocks(value)]))
    return np.array(columns).T


def flat(arrays):
    return np.concatenate([array.ravel() for array in arrays])


@pytest.mark.parametrize("name", [name for name, each in THINGS.items() if is_map(each)])
def test_a_linear_map_is_scaled_as_its_matrix_is(name):
    L, shape, values = THINGS[name].make()
    rng = np.random.default_rng(0)
    (domain, x_tuple), (range_, y_tuple) = shapes_of(shape), shapes_of(values)
    x = point(domain, x_tuple, rng)
    M = matrix(L, x)
    squares = L.squares()
    freedoms = L.freedom(Space.of(x))
    if Freedom.EACH in freedoms and not isinstance(L, LinearSum):  # whose entries add up
        np.testing.assert_allclose(matrix(squares, x), M * M, rtol=1e-12, atol=1e-14)
        back = matrix(squares.adjoint, squares(x))
        np.testing.assert_allclose(back, (M * M).T, rtol=1e-12, atol=1e-14)
    s = free(freedoms, domain, rng)
    own = [Freedom.EACH if Freedom.EACH in freedoms else Freedom.OWN] * len(range_)
    e = free(own, range_, rng)
    E, S = diagonal(e, y_tuple), diagonal(s, x_tuple)
    scaled = L.scaled(E, S)
    expected = flat(e)[:, None] * M * flat(s)
    np.testing.assert_allclose(matrix(scaled, x), expected, rtol=1e-12, atol=1e-14)
    assert scaled.norm >= np.linalg.norm(expected, 2) * (1 - 1e-12)
    if domain == range_:
        known, within = L.properties, L.scaled(S, S).properties
        assert within.skew >= known.skew
        assert within.gradient >= known.gradient
        if Freedom.EACH in freedoms and known.monotone:
            assert within.monotone
            symmetric = flat(s)[:, None] * (M + M.T) / 2 * flat(s)
            assert within.strong_monotonicity <= np.linalg.eigvalsh(symmetric)[0] + 1e-12


@pytest.mark.parametrize("name", [name for name, each in THINGS.items() if not is_map(each)])
def test_an_operator_keeps_what_it_can_do_in_the_units_it_allows(name):
    thing, shape = THINGS[name].make()
    A = sk.Subdifferential(thing) if isinstance(thing, Function) else thing
    rng = np.random.default_rng(0)
    shapes, is_tuple = shapes_of(shape)
    x = point(shapes, is_tuple, rng)
    space = Space.of(x, getattr(thing, "batch_ndim", 0))
    inner = tuple(each[space.batch_ndim :] for each in shapes)
    freedoms = A.freedom(Space.of(point(inner, is_tuple, rng)))
    assert len(freedoms) == len(shapes)
    S = diagonal(free(freedoms, inner, rng), is_tuple)
    scaled = in_metric(A, S)
    assert scaled.has_evaluation >= A.has_evaluation
    assert scaled.has_resolvent >= A.has_resolvent
    assert scaled.properties.maximal >= A.properties.maximal
    assert scaled.properties.monotone >= A.properties.monotone
    if A.has_evaluation:
        try:
            expected = S(A(S(x)))
        except (ArithmeticError, ValueError):
            expected = x
        else:
            found = scaled(x)
            for a, b in zip(blocks(found), blocks(expected), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
    if A.has_resolvent and A.properties.monotone:
        p = scaled.make_resolvent(0.7)(x)
        u = tuple((a - b) / 0.7 for a, b in zip(blocks(x), blocks(p), strict=True))
        of_A = S.reciprocal()(u if is_tuple else u[0])
        tol = 1e3 * max(getattr(thing, "accuracy", None) or 0.0, 1e-11)
        # rounding of u is that of x/0.7
        assert np.all(A.contains(S(p), of_A, tol, alpha=0.7, batch_ndim=space.batch_ndim))
