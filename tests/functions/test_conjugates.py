"""Values of conjugates: formulas of their own, domains, and which functions have none.

That f*(u) = ⟨x, u⟩ − f(x) for u ∈ ∂f(x), and ≥ elsewhere, is among the public checks.
"""

from itertools import permutations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from splitkit.functions import (
    Birkhoff,
    Box,
    Distance,
    ElasticNet,
    Function,
    GroupL2Norm,
    HalfSpace,
    Huber,
    Intersection,
    L1Norm,
    L2Ball,
    L2Norm,
    LargestEigenvalue,
    LeastSquares,
    Linear,
    LInfNorm,
    Logistic,
    LogSumExp,
    Max,
    NegativeLogDet,
    NonNegative,
    NuclearNorm,
    Perspective,
    Polyhedron,
    Quadratic,
    Quantile,
    SchattenNorm,
    SortedL1,
    SparseGroupNorm,
    SquaredL2,
    SumOfKLargest,
    SupportedSet,
    SupportFunction,
    TotalVariation1D,
    TotalVariation2D,
    TransportPolytope,
)
from splitkit.linear import DenseMatrix
from splitkit.testing import registered

RNG = np.random.default_rng(0)
WITHOUT = {  # the conjugate has no formula, whatever f's is
    "Composed-1",  # LLᵀ is no multiple of I
    "InexactComposition-0",
    "Intersection-0",
    "LeastSquares-2",  # of maps that are no matrices
    "LeastSquares-3",
    "Quadratic-3",
    "SublevelSet-0",
    "Epigraph-0",
    "OrdinalLogistic-0",
    "OrdinalLogistic-1",
}
A = RNG.normal(size=(2, 3))
B = np.array([1.0, -0.5])
GRAM = A.T @ A  # singular
INF = np.inf


def test_every_convex_function_has_the_value_of_its_conjugate():
    without = set()
    for thing in registered():
        f, *shapes = thing.make()
        if not isinstance(f, Function) or not f.convex:
            continue
        shape = shapes[0]
        zero = tuple(map(np.zeros, shape)) if isinstance(shape[0], tuple) else np.zeros(shape)
        try:
            value = f.conjugate(zero)
        except TypeError:
            without.add(str(thing))
        else:
            block = zero[0] if isinstance(zero, tuple) else zero
            assert value.shape == block.shape[: f.batch_ndim]
    assert without == WITHOUT


def test_least_squares_and_quadratics_by_the_pseudo_inverse():
    q, u = RNG.normal(size=3), GRAM @ RNG.normal(size=3)
    inverse = np.linalg.pinv(GRAM)
    np.testing.assert_allclose(Quadratic(GRAM, q).conjugate(u + q), u @ inverse @ u / 2)
    # ½‖Ax − b‖² = ½xᵀAᵀAx − ⟨Aᵀb, x⟩ + ½‖b‖²
    v = u + A.T @ B
    expected = v @ inverse @ v / 2 - B @ B / 2
    np.testing.assert_allclose(LeastSquares(A, B).conjugate(u), expected)
    outside = u + np.linalg.svd(A)[2][-1]
    assert Quadratic(GRAM, q).conjugate(outside + q) == INF
    assert LeastSquares(A, B).conjugate(outside) == INF
    tall = LeastSquares(A.T, RNG.normal(size=3))
    nearest = np.linalg.lstsq(A.T, tall.b, rcond=None)[0]
    np.testing.assert_allclose(tall.conjugate(np.zeros(2)), -tall(nearest))


@pytest.mark.parametrize("u", [-1.0, -0.7, -1e-9, 0.0])
@pytest.mark.parametrize("y", [1.0, -1.0])
def test_the_logistic_loss_by_maximizing(u, y):
    f = Logistic(np.array([y]))
    found = minimize_scalar(
        lambda x: float(f(np.array([x])) - y * u * x), bounds=(-60, 60), options={"xatol": 1e-12}
    )
    np.testing.assert_allclose(f.conjugate(np.array([y * u])), -found.fun, atol=1e-10)


def test_the_softmax_loss_moves_the_entropy():
    p, q = np.array([0.2, 0.0, 0.8]), np.array([0.5, 0.5, 0.0])
    np.testing.assert_allclose(LogSumExp(p).conjugate(q - p), -np.log(2.0))


def test_spectral_functions_see_the_symmetric_part():
    Q = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
    U, skew = Q @ np.diag([0.1, 0.3, 0.6]) @ Q.T, np.array([[0, 2, 1], [-2, 0, 3], [-1, -3, 0.0]])
    assert LargestEigenvalue().conjugate(U + skew) == 0
    w = 0.7
    # sup ⟨U, X⟩ + w log det X is attained at X = −wU⁻¹
    value = NegativeLogDet(w).conjugate(-U + skew)
    expected = -3 * w + w * np.linalg.slogdet(w * np.linalg.inv(U))[1]
    np.testing.assert_allclose(value, expected)


def test_birkhoffs_polytope_by_all_permutations():
    U = RNG.normal(size=(2, 4, 4))
    expected = [max(M[range(4), list(p)].sum() for p in permutations(range(4))) for M in U]
    np.testing.assert_allclose(Birkhoff(batch_ndim=1).conjugate(U), expected)
    np.testing.assert_allclose(Birkhoff().conjugate(U), sum(expected))


def test_transport_by_its_two_vertices():
    U = RNG.normal(size=(2, 2)) * 1e3
    # X = [[t, p − t], [q − t, s]]
    p, q = 0.4, 0.3
    vertices = [np.array([[t, p - t], [q - t, 1 - p - q + t]]) for t in (0.0, 0.3)]
    C = TransportPolytope(np.array([p, 1 - p]), np.array([q, 1 - q]))
    np.testing.assert_allclose(C.conjugate(U), max(np.sum(U * X) for X in vertices), rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_polyhedron_by_a_box(dtype):
    sides = np.concatenate([np.eye(3), -np.eye(3)]).astype(dtype)
    bounds = np.array([1.0, 2.0, 3.0, 0.5, 0.0, 4.0], dtype)
    u = RNG.normal(size=(5, 3)).astype(dtype)
    u[0] = [1.0, 1e-9, -1e-7]
    value = Polyhedron(sides, bounds, batch_ndim=1).conjugate(u)
    box = Box(-bounds[3:], bounds[:3], batch_ndim=1)
    assert value.dtype == dtype
    np.testing.assert_allclose(value, box.conjugate(u), rtol=8 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_an_unbounded_polyhedron_by_a_half_space(dtype):
    a = RNG.normal(size=3).astype(dtype)
    a /= np.linalg.norm(a)
    b = np.asarray(0.7, dtype)
    C = Polyhedron(a[None], b[None], batch_ndim=1)
    rounded = np.stack([0 * a, a, 3 * a, -a, np.roll(a, 1)])
    exact = HalfSpace(a, float(b), batch_ndim=1).conjugate(rounded)
    np.testing.assert_allclose(C.conjugate(rounded), exact, rtol=1e-6)
    assert exact[-1] == exact[-2] == INF


SMALL = 1e-3
EDGES = {  # f, a point of the boundary of f*'s domain, and a direction out of it
    "elastic net": (
        ElasticNet(np.array([0.5, 1.0]), np.array([0.0, 1.0])), np.array([0.5, 0.0]), [1.0, 0.0],
    ),
    "logistic": (Logistic(), np.array([-1.0, 0.0]), [-1.0, 0.0]),
    "softmax": (LogSumExp(np.array([0.5, 0.5])), np.array([0.5, -0.5]), [1.0, -1.0]),
    "distance": (Distance(NonNegative(), 2.0), np.array([0.0, -2.0]), [0.0, -1.0]),
    "distance to a cone": (Distance(NonNegative(), 2.0), np.array([0.0, -1.0]), [1.0, 0.0]),
    "norm on a line": (L1Norm() @ DenseMatrix(np.ones((1, 2))), np.ones(2), [1.0, 1.0]),
    "off the line": (L1Norm() @ DenseMatrix(np.ones((1, 2))), np.zeros(2), [1.0, -1.0]),
    "sorted": (SortedL1(np.array([2.0, 0.5])), np.array([-1.0, 1.5]), [-1.0, 0.5]),
    "groups": (SparseGroupNorm(0.5, 5.0), np.array([3.5, -4.5]), [1.0, -1.0]),
    "variation": (TotalVariation1D(0.7), np.array([0.7, -1.4, 0.7]), [1.0, -2.0, 1.0]),
    "mean": (TotalVariation1D(0.7), np.zeros(3), [1.0, 1.0, 1.0]),
    "images": (TotalVariation2D(0.7), np.array([[0.7, -0.7]]), [[1.0, -1.0]]),
    "spectraplex": (LargestEigenvalue(), np.diag([1.0, 0.0]), np.diag([1.0, -1.0])),
}  # fmt: skip


@pytest.mark.parametrize("name", EDGES)
def test_domains_end_where_they_should(name):
    f, edge, out = EDGES[name]
    out = np.asarray(out)
    assert np.isfinite(f.conjugate(edge))
    assert f.conjugate(edge + SMALL * out) == INF
    # the prox comes back to the domain, from however far
    for far in (SMALL, 1.0, 1e6):
        assert np.isfinite(f.conjugate(f.conjugate.prox(edge + far * out, 0.7)))


def test_a_perspective_is_the_support_function_of_an_epigraph():
    f = Perspective(SquaredL2(0.5))
    u = np.array([1.0, -2.0])
    assert f.conjugate((u, np.array([-5.0]))) == 0  # f*(u) = ‖u‖²/(2 · 0.5) = 5
    assert f.conjugate((u, np.array([-4.99]))) == INF
    assert isinstance(f.conjugate, SupportedSet)
    assert f.conjugate.conjugate is f


def test_a_sum_with_a_square_has_an_envelope_as_its_conjugate():
    f, u = SquaredL2(2.0) + Huber(), RNG.normal(size=3)
    found = [
        minimize_scalar(lambda x, v=v: x * x + float(Huber()(np.array([x]))) - v * x) for v in u
    ]
    np.testing.assert_allclose(f.conjugate(u), -sum(each.fun for each in found), atol=1e-8)


def test_a_conjugate_without_a_value_says_what_to_do():
    C = Intersection((NonNegative(), L2Ball()))
    with pytest.raises(TypeError, match="sets as terms of their own"):
        C.conjugate(np.ones(2))
    with pytest.raises(TypeError, match="primal-dual"):
        (L1Norm() @ DenseMatrix(np.array([[1.0, 0.0], [1.0, 1.0]]))).conjugate(np.ones(2))
    with pytest.raises(TypeError, match="not known to be sublinear"):
        SupportedSet(Huber())
    with pytest.raises(TypeError, match="not known to be sublinear"):
        SupportedSet(L1Norm() + Huber())
    with pytest.raises(TypeError, match="no proximal map"):
        SupportedSet(L1Norm() + L2Norm())


SUBLINEAR = [
    L1Norm(0.7), L2Norm(0.7), GroupL2Norm(0.7), LInfNorm(0.7), Max(0.7), SumOfKLargest(2, 0.7),
    Quantile(0.3), Linear(-0.7), NuclearNorm(0.7), 3.0 * L2Norm(), L2Norm().along(-1),
    L2Norm() @ np.diag([1.0, 1.0]), SupportFunction(Box(-0.3, 1.0)), SchattenNorm(np.inf),
]  # fmt: skip


@pytest.mark.parametrize("f", SUBLINEAR, ids=repr)
def test_every_sublinear_function_supports_a_set(f):
    """The projection u of y is in it, ⟨u, x⟩ ≤ f(x), and f at y − u is attained at u."""
    C, shape = SupportedSet(f), (2, 2) if f in SUBLINEAR[8:9] + SUBLINEAR[13:] else (2,)
    assert C.conjugate is f
    for size in (1e-8, 1.0, 1e8):
        y = size * RNG.normal(size=shape)
        u = C.project(y)
        assert C(u) == 0
        rounding = 16 * np.finfo(float).eps * size  # of y, and so of u
        pairing = np.sum((y - u) * u)
        assert f(y - u) == pytest.approx(pairing, abs=1e-14 + rounding * (1 + np.sum(abs(y))))
        for x in RNG.normal(size=(20, *shape)):
            assert np.sum(u * x) <= f(x) + 1e-12 * (1 + np.sum(abs(x)))


def test_a_quadratic_takes_a_step_size_for_each_sample():
    f = Quadratic(GRAM, RNG.normal(size=3), batch_ndim=1)
    x, alpha = RNG.normal(size=(4, 3)), np.array([1e-6, 0.3, 2.0, 1e6])
    apart = [f.prox(x[i : i + 1], float(a))[0] for i, a in enumerate(alpha)]
    np.testing.assert_allclose(f.prox(x, alpha), np.stack(apart), rtol=1e-9, atol=1e-9)
