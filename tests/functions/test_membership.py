"""What a projection returns is in its set, from however far, in any units; and how much may be
missing, a caller can say.
"""

import numpy as np
import pytest

import splitkit as sk
from splitkit import functions
from splitkit.functions import AffineSet, Box, Hyperplane, L1Norm, NonNegative, Simplex
from splitkit.functions.base import Indicator
from splitkit.testing import registered
from splitkit.testing.strategies import make_array

SETS = [each for each in registered() if isinstance(each.make()[0], Indicator)]


def drawn(shape, rng, size, make):
    if isinstance(shape[0], tuple):
        return tuple(drawn(part, rng, size, make) for part in shape)
    return make(size * rng.normal(size=shape))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("thing", SETS, ids=str)
def test_projections_are_in_the_set(thing, dtype):
    C, shape = thing.make(np, np.dtype(dtype))[:2]
    rng = np.random.default_rng(4)
    for size in 10.0 ** np.arange(-30, 31, 4):  # of single precision, too
        y = drawn(shape, rng, size, lambda v: make_array(v, np, np.dtype(dtype)))
        for p in (C.project(y), C.prox(y, 0.7)):
            np.testing.assert_array_equal(C(p), 0 * C(p), err_msg=f"size {size:g}")


FAR = [
    Hyperplane(np.asarray([1.0, -2.0, 3.0]), 1e-3),
    Hyperplane(np.asarray([1e-9, -2e-9, 3e-9]), 0.0),
    AffineSet(np.asarray([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]]), np.asarray([1e-6, -1e-6])),
]


@pytest.mark.parametrize("C", FAR, ids=str)
def test_a_tolerance_has_no_units(C):
    """A point that is off by a part of 1e-9 of what cancels is outside, in any units."""
    rng = np.random.default_rng(5)
    for size in 10.0 ** np.arange(-12, 13, 4):
        p = C.project(size * rng.normal(size=3))
        assert C(p) == 0
        normal = C.normal if isinstance(C, Hyperplane) else C.A[1]
        off = p + 1e-9 * np.linalg.norm(p) * normal / np.linalg.norm(normal)
        assert C(off) == np.inf
        assert C.value(off, feasibility_tol=1e-8) == 0
        assert C.value(off, feasibility_tol=1e-11) == np.inf


def test_a_tiny_point_outside_of_a_cone_is_outside():
    assert NonNegative()(np.asarray([-1e-20, 1e-20])) == np.inf
    assert NonNegative()(np.asarray([-1e-20, 1.0])) == 0


def test_a_single_point_is_met_from_however_far():
    A, b = np.asarray([[2.0, 1.0], [-1.0, 3.0]]), np.asarray([3.0, -1.0])
    lines = [Hyperplane(row, each) for row, each in zip(A, b, strict=True)]
    for C in (AffineSet(A, b), functions.Intersection(tuple(lines))):
        for size in (1.0, 1e30, 1e150):
            p = C.project(np.asarray([size, -0.3 * size]))
            np.testing.assert_allclose(p, np.linalg.solve(A, b), rtol=1e-11)


def test_a_cone_holds_what_no_number_beside_the_largest_is_as_small_as():
    K = functions.PowerCone(0.999, batch_ndim=1)
    y = np.asarray([[2e-24, -2e-25, -1.5e-25], [100, -1.9e14, -20]], dtype=np.float32)
    p = K.project(y)
    np.testing.assert_array_equal(K(p), 0)
    np.testing.assert_allclose(p, [[2e-24, 0, -1.5e-25], [100, 0, -20]], rtol=1e-5, atol=1e-22)


def test_a_set_far_from_the_origin_is_met_to_the_rounding_of_its_place():
    far = np.asarray([1e8, -2e8, 3e8])
    for C in (NonNegative(), Simplex(), functions.L2Ball(1e-3)):
        f = C.translate(far)
        for y in np.random.default_rng(6).normal(size=(20, 3)):
            assert f(f.prox(far + y)) == 0
    ball = functions.L2Ball(1e-3, far)
    assert ball(ball.project(far + 1.0)) == 0


def test_a_value_takes_what_a_solve_has_left():
    """Of every function: sums, multiples, conjugates, what lies in a composition."""
    off = np.asarray([0.5, 0.5 + 1e-7, -1e-9])
    f = L1Norm() + 2.0 * Simplex()
    assert f(off) == np.inf
    assert np.isclose(f.value(off, feasibility_tol=1e-6), 1.0, atol=1e-6)
    u = np.asarray([1.0 + 1e-7, 0.0, 0.0])
    assert L1Norm().conjugate(u) == np.inf
    assert L1Norm().conjugate.value(u, feasibility_tol=1e-6) == 0
    assert functions.Conjugate(functions.GroupL2Norm()).value(u, feasibility_tol=1e-6) == 0
    assert f(off) == np.inf  # it was said for that value alone
    for tol in (-1.0, np.nan, "0"):
        with pytest.raises((TypeError, ValueError), match=r"feasibility_tol = .*: give a non-neg"):
            Box(0.0, 1.0).value(off, feasibility_tol=tol)


@pytest.mark.parametrize("far", [1e3, 1e5, 1e7])
def test_a_solve_ends_within_a_sublevel_set(far):
    """What is subtracted from a point far away has its rounding, and the set is small."""
    C = functions.SublevelSet(functions.Huber(), 1.0)
    center = far * np.random.default_rng(0).standard_normal(4)
    for method in (sk.FISTA(), sk.DouglasRachford()):
        s = sk.minimize(functions.SquaredL2(center=center) + C, np.zeros(4), method)
        assert C(s.x) == 0.0
