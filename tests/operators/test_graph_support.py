"""S_A(v, d) = sup {⟨x, v⟩ + ⟨a, d⟩: a ∈ A(x)}: the bounds hold on the graph of whatever is
registered, and are attained where they are known.
"""

import numpy as np
import pytest

import splitkit as sk
from splitkit.backend import Space, add, scale, subtract
from splitkit.functions import Function, Indicator
from splitkit.testing.registry import registered
from tests.collection.problems import asarray
from tests.sampling import every_other

f = sk.functions
THINGS = [r for r in registered() if isinstance(r.make()[0], (sk.Operator, Function))]
INF = float("inf")


def drawn(shape, rng, size, like=np.asarray):
    if shape and isinstance(shape[0], tuple):
        return tuple(drawn(part, rng, size, like) for part in shape)
    return like(size * rng.standard_normal(shape))


def pairs(A, shape, rng, like):
    """Of the graph of A: by its resolvent, else by its values."""
    for size in (1.0, 30.0):
        y = drawn(shape, rng, size, like)
        if A.has_resolvent and A.properties.monotone:
            x = A.resolvent(0.7)(y)
            yield x, scale(1 / 0.7, subtract(y, x))
        elif A.has_evaluation:
            yield y, A(y)


LIBRARIES = [("numpy", thing) for thing in THINGS]
LIBRARIES += every_other(["torch", "strict"], THINGS)  # each thing on one of them


@pytest.mark.parametrize(("library", "thing"), LIBRARIES, ids=str)
def test_no_pair_of_the_graph_exceeds_the_bound(thing, library):
    like = asarray(library, "float64")
    A, shape = thing.examples(like)[thing.index]
    batch_ndim = getattr(A, "batch_ndim", 0)
    if isinstance(A, Function):
        A = sk.Subdifferential(A)
    rng = np.random.default_rng(0)
    for x, a in pairs(A, shape, rng, like):
        space = Space.of(x, batch_ndim)
        zero = scale(0.0, x)
        v, d = drawn(shape, rng, 1.0, like), drawn(shape, rng, 1.0, like)
        for p, q in ((v, zero), (zero, d), (v, d), (a, zero), (zero, x), (x, a)):
            known = A.graph_support(p, q, space)
            assert known.value.shape == space.norm(x).shape
            reached = space.inner(x, known.v) + space.inner(a, known.d)
            size = space.norm(x) * space.norm(known.v) + space.norm(a) * space.norm(known.d)
            assert bool(space.xp.all(reached <= known.value + 1e-7 * (1 + size)))


SETS = [r for r in THINGS if isinstance(r.make()[0], Indicator) and r.make()[0].convex]


@pytest.mark.parametrize("thing", SETS, ids=str)
def test_a_set_is_unbounded_along_its_recession_only(thing):
    """x + t rec(d) stays in C, and ‖P_C(x + td)/t − rec(d)‖ → 0: rec is the projection."""
    C, shape = thing.make()
    rng = np.random.default_rng(1)
    x, d = C.project(drawn(shape, rng, 1.0)), drawn(shape, rng, 1.0)
    along = C.recession(d)
    if along is None:
        assert isinstance(C, (f.Intersection, f.SublevelSet))  # it has no formula
        return
    space, t = Space.of(x, C.batch_ndim), 1e6
    ahead = add(x, scale(t, along))
    assert np.all(space.norm(subtract(C.project(ahead), ahead)) <= 1e-6 * space.norm(ahead))
    nearest = scale(1 / t, C.project(add(x, scale(t, d))))
    assert np.all(space.norm(subtract(nearest, along)) <= 1e-4 * (1 + space.norm(d)))


@pytest.mark.parametrize(
    ("C", "v", "expected"),
    [
        (f.Box(np.array([-INF, 0.0, 1.0]), np.array([2.0, INF, 3.0])), [1.0, -1.0, 2.0], 8.0),
        (f.Simplex(2.0), [1.0, 3.0, -1.0], 6.0),
        (f.L2Ball(2.0, np.array([1.0, 0.0, 0.0])), [3.0, 4.0, 0.0], 13.0),
        (f.HalfSpace(np.array([1.0, 2.0, 0.0]), 3.0), [2.0, 4.0, 0.0], 6.0),
        (f.AffineSet(np.array([[1.0, 2.0, 0.0]]), np.array([3.0])), [-2.0, -4.0, 0.0], -6.0),
        (
            f.Polyhedron(np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]]), np.ones(2)),
            [3.0, 2.0, 2.0],
            3.0,
        ),
        (f.NonNegative(), [-1.0, 0.0, -2.0], 0.0),
    ],
    ids=lambda c: repr(c)[:20],
)
@pytest.mark.parametrize("size", [1e-30, 1.0, 1e30])
def test_supports_of_sets_in_any_units(C, v, expected, size):
    v = size * np.array(v)
    known = sk.NormalCone(C).graph_support(v, 0 * v, Space.of(v))
    np.testing.assert_allclose(known.v, v, rtol=1e-12)
    np.testing.assert_allclose(known.value, size * expected, rtol=1e-10, atol=0)


@pytest.mark.parametrize(
    ("g", "d", "slope"),
    [
        (f.L1Norm(2.0), [1.0, -3.0, 0.0], 8.0),
        (f.L2Norm(2.0), [3.0, -4.0, 0.0], 10.0),
        (f.Huber(0.5, 2.0), [1.0, -3.0, 0.0], 4.0),
        (f.Hinge(np.array([1.0, -1.0, 1.0]), 2.0), [-1.0, -3.0, 4.0], 2.0),
        (f.Logistic(np.array([1.0, -1.0, 1.0])), [-1.0, -3.0, 4.0], 1.0),
        (f.SquaredHinge(), [1.0, 0.0, 4.0], 0.0),
        (f.Quantile(0.25, 4.0), [1.0, -1.0, 0.0], 4.0),
        (f.EpsilonInsensitive(0.5, 3.0), [1.0, -1.0, 0.0], 6.0),
        (f.LogBarrier(), [1.0, 2.0, 0.0], 0.0),
        (f.KullbackLeibler(2.0), [1.0, 2.0, 0.0], 3.0),
        (f.TotalVariation1D(2.0), [1.0, 2.0, 0.0], 6.0),
    ],
    ids=lambda c: repr(c)[:20],
)
def test_recession_functions(g, d, slope):
    """lim (f(x + td) − f(x))/t, which what ∂f returns far out on the ray tends to."""
    d, x, t = np.array(d), np.full(3, 0.3), 1e6
    known = sk.Subdifferential(g).graph_support(0 * d, d, Space.of(d))
    np.testing.assert_allclose(known.d, d, atol=1e-15)
    np.testing.assert_allclose(known.value, slope, atol=1e-12)
    np.testing.assert_allclose((g(x + t * d) - g(x)) / t, slope, atol=1e-4)


def test_what_no_direction_allows_is_projected_away():
    """(eᵗ)′ > 0 and the like: where f_∞(d) = inf the nearest d with a bound is returned."""
    d = np.array([1.0, -2.0, 0.0])
    space = Space.of(d)
    for g, allowed in ((f.SquaredHinge(), [1.0, 0.0, 0.0]), (f.LogBarrier(), [1.0, 0.0, 0.0])):
        known = sk.Subdifferential(g).graph_support(0 * d, d, space)
        np.testing.assert_allclose(known.d, allowed)
    known = sk.Subdifferential(f.NegativeEntropy()).graph_support(d, d, space)
    np.testing.assert_allclose(known.v, [0.0, -2.0, 0.0])
    np.testing.assert_allclose(known.d, 0.0)


def test_an_affine_operator_has_farkas_alternative():
    M, q = np.array([[0.0, 2.0], [-2.0, 0.0]]), np.array([1.0, 3.0])
    d = np.array([0.5, -1.0])
    known = sk.Affine(M, q).graph_support(0 * d, d, Space.of(d))
    np.testing.assert_allclose(known.v, -M.T @ d)
    np.testing.assert_allclose(known.value, -q @ d)
    rng = np.random.default_rng(2)
    for x in rng.standard_normal((5, 2)):
        np.testing.assert_allclose(x @ known.v + (M @ x - q) @ d, known.value, atol=1e-12)
