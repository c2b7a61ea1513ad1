"""Norms, penalties and losses against brute force, optimality conditions and other solvers."""

import itertools
import math

import clarabel
import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import isotonic_regression, minimize_scalar
from scipy.special import wrightomega

import splitkit as sk
from splitkit import backend
from splitkit.backend import Space
from splitkit.functions import (
    ETP,
    MCP,
    SCAD,
    Amplitude,
    BerHu,
    BoxBarrier,
    CappedL1,
    Cauchy,
    Conjugate,
    ElasticNet,
    EpsilonInsensitive,
    Exponential,
    Fair,
    Geman,
    GroupL2Norm,
    Hinge,
    KullbackLeibler,
    L0Norm,
    L1MinusL2,
    L1Norm,
    L2Ball,
    L2Norm,
    LeastSquares,
    Linear,
    LInfNorm,
    LogBarrier,
    LogCosh,
    Logistic,
    LogSum,
    LogSumExp,
    LpPower,
    LqPenalty,
    Max,
    NegativeEntropy,
    OrdinalLogistic,
    PseudoHuber,
    Quantile,
    RelativeEntropy,
    SimplexEntropy,
    SortedL1,
    SparseGroupNorm,
    SquaredHinge,
    SquaredKSupportNorm,
    SquaredL2,
    Subdifferential,
    SumOfKLargest,
    TotalVariation1D,
    TotalVariation2D,
)
from splitkit.functions.inner.omega import omega
from splitkit.functions.inner.ramps import ramps
from splitkit.functions.inner.scanned_string import compiled_scan, scan
from splitkit.functions.inner.taut_string import taut_string
from splitkit.testing import check_function
from tests.functions.namespaces import every_library

STEPS = (0.1, 0.5, 1.0, 3.0, 10.0)


# -- one entry at a time, by brute force ---------------------------------------------------------

CONVEX = {
    "lp 1.1": LpPower(1.1, 0.7),
    "lp 4/3": LpPower(4 / 3),
    "lp 3/2": LpPower(1.5, 2.0),
    "lp 2": LpPower(2.0),
    "lp 3": LpPower(3, 0.3),
    "lp 4": LpPower(4),
    "lp 11": LpPower(11, 0.5),
    "elastic net": ElasticNet(0.7, 0.3),
    "epsilon": EpsilonInsensitive(0.8, 0.6),
    "hinge": Hinge(np.asarray([-1.0]), 0.7),
    "squared hinge": SquaredHinge(np.asarray([-1.0]), 0.7),
    "quantile": Quantile(0.2, 1.5),
    "kullback-leibler": KullbackLeibler(2.5),
    "kullback-leibler 0": KullbackLeibler(0.0),
    "entropy": NegativeEntropy(0.7),
    "barrier": LogBarrier(0.7),
    "k-support": SquaredKSupportNorm(1, 0.7),
    "pseudo-Huber": PseudoHuber(0.6, 1.5),
    "log cosh": LogCosh(0.6, 1.5),
    "fair": Fair(0.6, 1.5),
    "berhu": BerHu(0.6, 1.5),
    "exponential": Exponential(0.4),
    "relative entropy": RelativeEntropy(1.7, 0.6),
    "linear": Linear(-0.7),
    "ordinal": OrdinalLogistic(-0.6, 0.8, 1.5),
    "highest": OrdinalLogistic(-0.6, math.inf, 1.5),
    "box barrier": BoxBarrier(-1.3, 2.0, 0.7),
}


EDGES = {"box barrier": (-1.3 + 1e-12, 2 - 1e-12)}


@pytest.mark.parametrize("name", CONVEX)
def test_prox_equals_minimization_over_a_line(name):
    f = CONVEX[name]
    rng = np.random.default_rng(0)
    for y in [0.0, 1.0, -1.0, 0.8, *(4 * rng.standard_normal(12))]:
        for alpha in STEPS:
            found = minimize_scalar(
                lambda z, y=y, alpha=alpha: float(f(np.asarray([z]))) + (z - y) ** 2 / (2 * alpha),
                bounds=EDGES.get(
                    name, (-20, 20) if math.isfinite(float(f(np.asarray([-1.0])))) else (0, 20)
                ),
                method="bounded",
                options={"xatol": 1e-11},
            )
            assert f.prox(np.asarray([y]), alpha)[0] == pytest.approx(found.x, abs=2e-6)


@pytest.mark.parametrize("name", ["pseudo-Huber", "log cosh", "fair", "berhu", "exponential",
                                  "relative entropy"])  # fmt: skip
def test_the_conjugate_is_a_supremum_over_a_line(name):
    f = CONVEX[name]
    low = 0.0 if name == "relative entropy" else -60.0
    for u in (-0.85, -0.3, 0.0, 0.2, 0.8):
        value = float(f.conjugate(np.asarray([u])))
        if math.isfinite(value):
            found = minimize_scalar(
                lambda z, u=u: float(f(np.asarray([z]))) - u * z, bounds=(low, 60),
                method="bounded", options={"xatol": 1e-12},
            )  # fmt: skip
            assert value == pytest.approx(-found.fun, abs=1e-8)
        else:
            assert name == "exponential"
            assert u < 0


def test_ordinal_labels_are_between_their_thresholds():
    """e^{−f} is a probability: of all labels they sum to 1; the extreme ones are logistic."""
    x, thresholds = np.linspace(-3.0, 3.0, 7), np.asarray([-1.0, 0.3, 2.0])
    f = [OrdinalLogistic.of(np.full(7, k), thresholds, batch_ndim=1) for k in range(4)]
    np.testing.assert_allclose(sum(np.exp(-each(x)) for each in f), 1.0, rtol=1e-14)
    np.testing.assert_allclose(f[0](x), Logistic(np.asarray(-1.0), batch_ndim=1)(x + 1))
    np.testing.assert_allclose(f[3](x), Logistic(batch_ndim=1)(x - 2))
    with pytest.raises(ValueError, match="is not below"):
        OrdinalLogistic(1.0, 1.0)


@every_library
def test_ordinal_labels_count_the_thresholds_below(asarray, dtype):
    thresholds = asarray([-1.0, 1.0])
    f, x = OrdinalLogistic.of([0, 2, 1], thresholds), asarray([-2.0, 0.0, 0.5])
    assert float(f(x)) == float(OrdinalLogistic.of(asarray([0.0, 2.0, 1.0]), thresholds)(x))
    for labels in ([-1, 0], [1, 3], [1.7], [math.nan], [math.inf]):
        for given in (labels, asarray(labels)):
            with pytest.raises(ValueError, match=r"labels = .*give integers 0, …, 2"):
                OrdinalLogistic.of(given, thresholds)
    for other in ([1.0, -1.0], [1.0, 1.0], [[0.0, 1.0]]):
        with pytest.raises(ValueError, match="is not below the next"):
            OrdinalLogistic.of([0, 1], asarray(other))
    with pytest.raises(ValueError, match="thresholds"):
        OrdinalLogistic.of([0, 1], asarray([0.0, math.inf]))


def test_ordinal_labels_and_thresholds_may_be_lists():
    f = OrdinalLogistic.of([[0], [2]], [-1, 1])
    np.testing.assert_array_equal(f.lower, [[-math.inf], [1]])


@every_library
def test_the_prox_of_a_box_barrier_stays_inside(asarray, dtype):
    xp = backend.namespace(asarray([0.0]))
    for f in (BoxBarrier(1.0, 2.0), BoxBarrier(asarray(-2.0), asarray(-1.0)), BoxBarrier()):
        for y in (-1e30, -1e8, 1e8, 1e30):
            x = f.prox(asarray([y]))
            assert bool(xp.isfinite(f(x)))
            end = f.lower if y < 0 else f.upper
            assert abs(float(x[0]) - float(end)) <= max(1.1e-8, 4 * float(xp.finfo(x.dtype).eps))
    width = {"float64": 1e-160, "float32": 1e-20}[dtype]
    assert float(BoxBarrier(0.0, width).prox(asarray([3.0]))[0]) == pytest.approx(width / 2)


def test_smooth_losses_near_zero_and_far_from_it():
    """Where their formulas cancel, or what they are made of overflows."""
    for f in (PseudoHuber(2.0), LogCosh(2.0), Fair(2.0)):
        tiny, huge = np.asarray([1e-9]), np.asarray([1e300])
        assert f(tiny) == pytest.approx(5e-19, rel=1e-8)
        assert f(huge) == pytest.approx(2e300)
        np.testing.assert_allclose(f.prox(huge, 0.5), huge)
        np.testing.assert_allclose(f.prox(tiny, 3.0), tiny / 4)


NONCONVEX = {
    "l0": (L0Norm, {"weight": 0.7}),
    "log sum": (LogSum, {"epsilon": 0.4, "weight": 0.9}),
    "log sum of large epsilon": (LogSum, {"epsilon": 5.0, "weight": 0.9}),
    "scad": (SCAD, {"weight": 0.8}),
    "scad of small a": (SCAD, {"weight": 0.8, "a": 2.1}),
    "mcp": (MCP, {"weight": 0.8}),
    "mcp of small gamma": (MCP, {"weight": 1.3, "gamma": 0.5}),
    "geman": (Geman, {"epsilon": 0.4, "weight": 0.9}),
    "geman of large epsilon": (Geman, {"epsilon": 5.0, "weight": 0.9}),
    "etp": (ETP, {"epsilon": 0.4, "weight": 0.9}),
    "etp of large epsilon": (ETP, {"epsilon": 5.0, "weight": 0.9}),
    "root": (LqPenalty, {"q": 0.5, "weight": 0.9}),
    "power 0.05": (LqPenalty, {"q": 0.05, "weight": 0.9}),
    "power 0.95": (LqPenalty, {"q": 0.95, "weight": 0.9}),
    "capped": (CappedL1, {"theta": 0.6, "weight": 0.9}),
    "capped far out": (CappedL1, {"theta": 4.0, "weight": 0.9}),
    "amplitude": (Amplitude, {"magnitudes": 1.2, "weight": 0.7}),
    "cauchy": (Cauchy, {"delta": 0.7, "weight": 1.3}),
}


@pytest.mark.parametrize("size", [1e-8, 1.0, 1e8])
def test_the_root_has_its_closed_form(size):
    """Xu, Chang, Xu, Zhang (2012), Thm. 1, and Cao, Sun, Xu (2013) for the power 2/3."""
    y, t = size * np.linspace(2.2, 9.0, 30), size**1.5
    phi = np.arccos(t / 4 * (y / 3) ** -1.5)
    half = 2 / 3 * y * (1 + np.cos(2 / 3 * (np.pi - phi)))
    np.testing.assert_allclose(LqPenalty(0.5).prox(y, t), half, rtol=1e-14)
    t = size ** (4 / 3)
    root = np.arccosh(27 / 16 * y**2 * (2 * t) ** -1.5)
    a = 2 / 3**0.5 * (2 * t) ** 0.25 * np.sqrt(np.cosh(root / 3))
    two_thirds = ((a + np.sqrt(2 * y / a - a * a)) / 2) ** 3
    np.testing.assert_allclose(LqPenalty(2 / 3).prox(y, t), two_thirds, rtol=1e-13)


def test_l1_minus_l2_is_lower_than_what_is_near_and_sparse():
    draw, f = np.random.default_rng(3), L1MinusL2(0.8, 0.7)
    for y in draw.standard_normal((30, 3)):
        for alpha in STEPS:
            best = f.prox(y, alpha)

            def objective(x, y=y, alpha=alpha):
                return f(x) + np.sum((x - y) ** 2) / (2 * alpha)

            near = best + draw.standard_normal((20, 3)) * 10.0 ** -draw.uniform(0, 4, (20, 1))
            for x in (*near, *np.diag(y), *(y - np.diag(y)), np.zeros(3), y):
                assert objective(best) <= objective(x) + 1e-13


def test_the_prox_of_a_logarithm_squares_nothing_that_overflows():
    f = LogSum(0.4, 0.9)
    for size in (1e20, 1e37):
        x = np.asarray([size, -size], dtype=np.float32)
        np.testing.assert_allclose(f.prox(x), x, rtol=1e-6)


GRID = np.unique(np.concatenate([[0.0], np.linspace(-8, 8, 20001), np.linspace(-0.01, 0.01, 201)]))


@pytest.mark.parametrize("name", NONCONVEX)
def test_prox_of_a_non_convex_function_is_a_global_minimizer(name):
    make, parameters = NONCONVEX[name]
    f = make(**parameters)
    values = make(**parameters, batch_ndim=1)(GRID[:, None])
    rng = np.random.default_rng(1)
    for y in [0.0, 1.0, -0.8, *rng.uniform(-7, 7, 25)]:
        for alpha in (*STEPS, 2.0, 4.0, 30.0):
            objective = values + (GRID - y) ** 2 / (2 * alpha)
            x = f.prox(np.asarray([y]), alpha)
            reached = float(f(x)) + (x[0] - y) ** 2 / (2 * alpha)
            assert reached <= np.min(objective) + 1e-12 * (1 + abs(y))
            # the grid is no better than its spacing allows
            assert reached >= np.min(objective) - 8e-4 * (1 + (1 + abs(y)) / alpha)


@pytest.mark.parametrize("name", NONCONVEX)
@every_library
def test_non_convex_prox_takes_a_step_for_each_sample(name, asarray, dtype):
    make, parameters = NONCONVEX[name]
    f = make(**parameters, batch_ndim=1)
    x = 3 * np.random.default_rng(2).standard_normal((4, 50))
    steps = [0.1, 1.0, 2.0, 30.0]
    result = backend.to_numpy(f.prox(asarray(x), asarray(steps)))
    for k, alpha in enumerate(steps):
        alone = f.prox(x[k : k + 1], alpha)[0]
        np.testing.assert_allclose(result[k], alone, rtol=2e-5 if dtype == "float32" else 1e-13)


@pytest.mark.parametrize("name", NONCONVEX)
def test_a_non_convex_function_claims_nothing_false(name):
    make, parameters = NONCONVEX[name]
    f = make(**parameters)
    for g in (f, 2.0 * f, f.translate(np.ones(2)), f + L1Norm(), f @ np.eye(2)):
        assert not g.convex
        A = Subdifferential(g)
        assert not A.properties.monotone
        assert not A.properties.maximal
        assert A.resolvent(50.0).lipschitz is None
        with pytest.raises(TypeError, match="not convex"):
            Conjugate(g)
    assert not sk.functions.SeparableSum((f, L1Norm())).convex


@pytest.mark.parametrize("name", NONCONVEX)
def test_no_method_has_a_theorem_for_a_non_convex_function(name):
    make, parameters = NONCONVEX[name]
    f = make(**parameters)
    smooth = LeastSquares(np.ones((1, 2)))
    # the search for a step size compares rates that are infinite
    with np.errstate(invalid="ignore"):
        for terms in (f, f + L1Norm(), f + smooth, f + smooth + L1Norm(), f @ np.eye(2) + L1Norm()):
            with pytest.raises(sk.NoGuaranteeError):
                sk.minimize(terms, np.ones(2))


def test_strong_convexity_makes_up_for_weak_convexity():
    """½(w − ρ)‖·‖² is left over, so that the sum is convex and its zero the minimizer."""
    center = np.asarray([0.3, -1.4, 5.0])
    f = MCP(4.0, 0.8)
    assert Subdifferential(f).properties.strong_monotonicity == -0.25
    sum_ = Subdifferential(SquaredL2(2.0, center)) + Subdifferential(f)
    assert sk.explain(sum_).chosen is not None
    x = sk.solve(sum_, np.zeros(3), tol=1e-10).x
    np.testing.assert_allclose(x, f.prox(center, 0.5), atol=1e-8)


@pytest.mark.parametrize(
    "f",
    [SCAD(weight=0.8), MCP(weight=0.8), LogSum(0.7, 0.9), Geman(0.7, 0.9), ETP(0.7, 0.9),
     Cauchy(0.7, 1.3)],
    ids=repr,
)  # fmt: skip
def test_weak_convexity_constant_is_the_least(f):
    """f + (ρ/2)‖·‖² is convex on a fine grid; with 0.99ρ it is not."""
    rho, h = -f.strong_convexity, 1e-3
    x = np.arange(0.0, 5.0, h)
    values = np.asarray([float(f(np.asarray([t]))) for t in x])
    for factor, convex in ((1.0, True), (0.99, False)):
        bent = np.diff(values + factor * rho / 2 * x * x, n=2) / h**2
        assert (np.min(bent) >= -1e-8) == convex


# -- the other functions: optimality, by a dual point ---------------------------------------------

TIES = [0.0, 1.0, 1.0, -1.0, 2.0, 2.0, -2.0, 0.5, 0.0, 1.0, -3.0, 3.0]


def samples(n, seed):
    """Vectors of several scales, some with ties and zeros."""
    rng = np.random.default_rng(seed)
    drawn = [s * rng.standard_normal(n) for s in (1e-3, 1.0, 1.0, 30.0)]
    tied = [np.resize(TIES, n), np.zeros(n), np.full(n, 3.0), np.round(2 * rng.standard_normal(n))]
    return np.stack(drawn + tied)


def top(u, k):
    return np.sum(np.sort(u)[::-1][:k])


SUPPORT = {  # f is the support function of {u: violation(u) ≤ 0}
    "max": (Max, lambda u: max(abs(np.sum(u) - 1), -np.min(u))),
    "sum of 3 largest": (
        lambda **o: SumOfKLargest(3, **o),
        lambda u: max(abs(np.sum(u) - 3), -np.min(u), np.max(u) - 1),
    ),
    "sup norm": (LInfNorm, lambda u: np.sum(abs(u)) - 1),
    "norm": (L2Norm, lambda u: np.linalg.norm(u) - 1),
    "sorted": (
        lambda **o: SortedL1(np.linspace(2, 0, 12), **o),
        lambda u: max(top(abs(u), k) - np.sum(np.linspace(2, 0, 12)[:k]) for k in range(1, 13)),
    ),
    "total variation": (
        TotalVariation1D,
        lambda u: max(abs(np.sum(u)), np.max(abs(np.cumsum(u))[:-1] - 1)),
    ),
}


@pytest.mark.parametrize("name", SUPPORT)
def test_prox_leaves_a_dual_point_of_equal_value(name):
    """p = prox_{αf}(y) exactly if u = (y − p)/α is in the set and ⟨u, p⟩ = f(p)."""
    make, violation = SUPPORT[name]
    y = samples(12, 3)
    steps = np.resize(STEPS, len(y))
    together = make(batch_ndim=1).prox(y, steps)
    f = make()
    for alpha in STEPS:
        for x in y:
            p = f.prox(x, alpha)
            u = (x - p) / alpha
            size = 1 + np.max(abs(x)) / alpha
            assert violation(u) <= 1e-13 * size
            assert np.sum(u * p) == pytest.approx(
                float(f(p)), abs=1e-12 * size * (1 + abs(x).max())
            )
    for row, x, alpha in zip(together, y, steps, strict=True):
        np.testing.assert_allclose(row, f.prox(x, alpha), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("k", [1, 2, 5, 12])
def test_squared_k_support_norm_and_its_conjugate(k):
    """Fenchel-Young at the prox: f(p) + f*(u) = ⟨p, u⟩ proves it, f* being a sum of squares."""
    f = SquaredKSupportNorm(k, 0.6)
    for alpha in STEPS:
        for x in samples(12, 4):
            p = f.prox(x, alpha)
            u = (x - p) / alpha
            dual = top(u * u, k) / (2 * 0.6)
            assert f.conjugate(u) == pytest.approx(dual, rel=1e-12)
            size = np.sum(p * u)
            assert float(f(p)) + dual == pytest.approx(size, rel=1e-11, abs=1e-14)


# -- identities -----------------------------------------------------------------------------------

IDENTITIES = {
    "lp 2": (LpPower(2, 0.7), SquaredL2(0.7)),
    "sum of all": (SumOfKLargest(6, 0.7), None),
    "k-support of all": (SquaredKSupportNorm(6, 0.7), SquaredL2(0.7)),
    "sorted, equal weights": (SortedL1(np.full(6, 0.7)), L1Norm(0.7)),
    "sorted, one weight": (SortedL1(np.asarray([0.7, 0, 0, 0, 0, 0.0])), LInfNorm(0.7)),
    "epsilon 0": (EpsilonInsensitive(0.0, 0.7), L1Norm(0.7)),
    "median": (Quantile(0.5, 1.4), L1Norm(0.7)),
    "elastic without square": (ElasticNet(0.7, 0.0), L1Norm(0.7)),
    "elastic without l1": (ElasticNet(0.0, 0.7), SquaredL2(0.7)),
    "sparse group without l1": (SparseGroupNorm(0.0, 0.7), GroupL2Norm(0.7)),
    "sparse group without group": (SparseGroupNorm(0.7, 0.0), L1Norm(0.7)),
    "one group": (L2Norm(0.7), GroupL2Norm(0.7)),
    "least squares": (LeastSquares(np.diag([3.0] * 6)), SquaredL2(9.0)),
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_special_cases_are_one_another(name):
    f, g = IDENTITIES[name]
    for x in samples(6, 5):
        for alpha in STEPS:
            expected = x - 0.7 * alpha if g is None else g.prox(x, alpha)
            np.testing.assert_allclose(f.prox(x, alpha), expected, rtol=1e-12, atol=1e-14)
        value = 0.7 * np.sum(x) if g is None else float(g(x))
        assert float(f(x)) == pytest.approx(value, rel=1e-12, abs=1e-14)


def test_l0_counts_and_keeps_what_costs_less():
    f = L0Norm(0.5)
    x = np.asarray([0.0, -2.0, 0.999, 1.001])
    assert float(f(x)) == 1.5
    np.testing.assert_array_equal(f.prox(x, 1.0), [0, -2.0, 0, 1.001])


# -- conjugates -----------------------------------------------------------------------------------

WITH_CONJUGATE = [
    LpPower(4 / 3, 0.7), LpPower(4, 2.0), ElasticNet(0.7, 0.3), EpsilonInsensitive(0.3, 0.7),
    Hinge(weight=0.7), SquaredHinge(weight=0.7), Quantile(0.3, 2.0), KullbackLeibler(0.8),
    NegativeEntropy(0.7), LogBarrier(0.7), L2Norm(0.7), LInfNorm(0.7), Max(0.7),
    GroupL2Norm(0.7), SumOfKLargest(2, 0.7), SquaredKSupportNorm(2, 0.7), LogSumExp(),
    SimplexEntropy(),
]  # fmt: skip


@pytest.mark.parametrize("f", WITH_CONJUGATE, ids=repr)
def test_conjugate_has_its_value(f):
    """f*(u) ≥ ⟨u, x⟩ − f(x), with equality where u = (y − x)/α for x = prox_{αf}(y)."""
    rng = np.random.default_rng(6)
    primal = [f.prox(2 * rng.standard_normal(3), alpha) for alpha in STEPS for _ in range(3)]
    for y in 2 * rng.standard_normal((5, 3)):
        for alpha in STEPS:
            u = f.conjugate.prox(y / alpha, 1 / alpha)
            value = float(f.conjugate(u))
            x = y - alpha * u
            # f*'s domain, or f's, may end within rounding of the point
            near = f.prox(y, alpha)
            np.testing.assert_allclose(x, near, atol=1e-12)
            assert value == pytest.approx(np.sum(u * near) - float(f(near)), abs=1e-10)
            for z in primal:
                assert np.sum(u * z) - float(f(z)) <= value + 1e-11


def test_conjugates_are_infinite_outside_their_domain():
    far = np.asarray([3.0, 0.2, -0.1])
    for f in (EpsilonInsensitive(), Hinge(), SquaredHinge(), KullbackLeibler(), LogBarrier(),
              LInfNorm(), Max(), SumOfKLargest(2), L2Norm(), GroupL2Norm(), Quantile(),
              LogSumExp()):  # fmt: skip
        assert float(f.conjugate(far)) == math.inf


# -- smooth losses --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f",
    [LpPower(3, 0.7), LpPower(4 / 3), SquaredHinge(np.asarray([1.0, -1.0, 1.0]), 0.7),
     LogSumExp(np.asarray([0.2, 0.5, 0.3])), LogSumExp(),
     LeastSquares(np.asarray([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]]), np.asarray([1.0, -1.0]))],
    ids=repr,
)  # fmt: skip
def test_gradient_equals_finite_differences(f):
    rng = np.random.default_rng(7)
    for x in rng.standard_normal((10, 3)):
        x += 0.1 * np.sign(x)  # off 0, where a power below 2 bends sharply
        d, h = rng.standard_normal(3), 1e-5
        slope = (float(f(x + h * d)) - float(f(x - h * d))) / (2 * h)
        assert np.sum(f.gradient(x) * d) == pytest.approx(slope, rel=1e-6, abs=1e-8)


@every_library
def test_softmax_prox_solves_its_equation_at_every_scale(asarray, dtype):
    """x + α softmax(x) = y, for steps over 14 decades."""
    f = LogSumExp(batch_ndim=1)
    rng = np.random.default_rng(8)
    eps = float(np.finfo(dtype).eps)
    for n in (1, 2, 40):
        for scale in (0.0, 0.1, 5.0, 300.0, 1e4):
            y = np.asarray(scale * rng.standard_normal((8, n)), dtype=dtype)
            steps = np.asarray([1e-8, 1e-3, 0.1, 1.0, 3.0, 40.0, 1e3, 1e6], dtype=dtype)
            x = backend.to_numpy(f.prox(asarray(y), asarray(steps))).astype(float)
            e = np.exp(x - np.max(x, axis=1, keepdims=True))
            q = e / np.sum(e, axis=1, keepdims=True)
            size = 1 + abs(x).max(1) + abs(y.astype(float)).max(1) + steps
            # softmax moves by at most half of what x does, and x carries the rounding of its size
            error = np.max(abs(x + steps[:, None] * q - y), axis=1)
            assert np.all(error <= 30 * eps * size * (1 + steps / 2))


def test_softmax_prox_with_a_label_and_a_long_vector():
    rng = np.random.default_rng(9)
    y, p = 5 * rng.standard_normal(50_000), np.zeros(50_000)
    p[7] = 1.0
    x = LogSumExp(p).prox(y, 3.0)
    e = np.exp(x - np.max(x))
    np.testing.assert_allclose(x + 3.0 * (e / np.sum(e) - p), y, atol=1e-12)


@every_library
def test_least_squares_prox_solves_its_equation(asarray, dtype):
    rng = np.random.default_rng(10)
    rank_deficient = rng.standard_normal((5, 2)) @ rng.standard_normal((2, 4))
    for A in (rng.standard_normal((3, 5)), rng.standard_normal((6, 4)), rank_deficient):
        b, y = rng.standard_normal(A.shape[0]), rng.standard_normal((3, A.shape[1]))
        steps = [0.1, 1.0, 50.0]
        f = LeastSquares(asarray(A), asarray(b), batch_ndim=1)
        x = backend.to_numpy(f.prox(asarray(y), asarray(steps)))
        tolerance = 2e-4 if dtype == "float32" else 1e-12
        for row, start, alpha in zip(x, y, steps, strict=True):
            exact = np.linalg.solve(np.eye(A.shape[1]) + alpha * A.T @ A, start + alpha * A.T @ b)
            np.testing.assert_allclose(row, exact, atol=tolerance)
        eigenvalues = np.linalg.eigvalsh(A.T @ A)
        assert f.smoothness == pytest.approx(eigenvalues[-1], rel=1e-5)
        if A is rank_deficient or A.shape[0] < A.shape[1]:
            assert f.strong_convexity == 0
        else:
            assert f.strong_convexity == pytest.approx(eigenvalues[0], rel=1e-4)


def test_a_long_step_of_least_squares_loses_no_digits_to_its_argument():
    """(I + αAᵀA)x = y holds to rounding also where x is far smaller than y."""
    rng = np.random.default_rng(12)
    for rows, alpha in itertools.product((4, 7), (1e2, 1e6, 1e10)):
        A, y = rng.standard_normal((rows, 4)), rng.standard_normal(4)
        x = LeastSquares(A).prox(y, alpha)
        left = x + alpha * (A.T @ (A @ x))
        size = np.linalg.norm(y) + alpha * np.linalg.norm(A, 2) ** 2 * np.linalg.norm(x)
        assert np.linalg.norm(left - y) <= 20 * np.finfo(float).eps * size


# -- total variation ------------------------------------------------------------------------------


@every_library
def test_total_variation_of_long_signals_is_optimal(asarray, dtype):
    """σ = cumsum(y − x) is in [−w, w], at the end where x jumps; 0 at the last entry."""
    rng = np.random.default_rng(11)
    steps = np.repeat(rng.standard_normal((4, 10)), 20, axis=1)
    y = np.asarray(steps + 0.3 * rng.standard_normal(steps.shape), dtype=dtype)
    y[1] = np.round(2 * y[1])
    y[2] = np.cumsum(y[2])
    w = np.asarray([0.5, 1.0, 3.0, 1000.0], dtype=dtype)
    x = backend.to_numpy(TotalVariation1D(asarray(w), batch_ndim=1).prox(asarray(y), 1.0))
    sigma = np.cumsum(y.astype(float) - x.astype(float), axis=1)
    allowed = 4 * y.shape[1] * np.finfo(dtype).eps * np.max(abs(y))
    assert np.max(abs(sigma[:, -1])) <= allowed
    assert np.all(abs(sigma[:, :-1]) <= w[:, None] + allowed)
    jumps = np.diff(x.astype(float), axis=1)
    real = abs(jumps) > allowed
    assert np.sum(real[:3]) > 20
    gap = abs(sigma[:, :-1] + np.sign(jumps) * w[:, None])
    assert np.max(gap[real]) <= 2 * allowed
    np.testing.assert_allclose(x[3], np.mean(y[3]), atol=allowed)


def test_total_variation_of_smooth_and_of_noisy_signals_in_one_batch():
    """A guess is right for some and given up for others; each is as if alone, and optimal."""
    n = 3000
    place = np.arange(n)
    y = np.stack([
        np.sin(place / 300), np.random.default_rng(13).standard_normal(n), (place / n - 0.5) ** 2,
        np.cumsum(np.random.default_rng(14).standard_normal(n)), 1e6 + place % 7,
    ])  # fmt: skip
    w = np.asarray([30.0, 1.0, 0.1, 50.0, 2.0])
    f = TotalVariation1D(w, batch_ndim=1)
    x = f.prox(y)
    sigma = np.cumsum(y - x, axis=1)[:, :-1]
    allowed = 4 * np.finfo(float).eps * np.sum(abs(y), axis=1, keepdims=True)
    assert np.all(abs(sigma) <= w[:, None] + allowed)
    jumps = np.diff(x, axis=1)
    gap = abs(sigma + np.sign(jumps) * w[:, None])
    real = abs(jumps) > 1e-13 * np.max(abs(y), axis=1, keepdims=True)
    assert np.all(gap[real] <= np.broadcast_to(allowed, jumps.shape)[real])
    assert np.all(np.sum(real, axis=1) > [1000, 500, 1000, 200, -1])
    for row, weight, alone in zip(y, w, x, strict=True):
        np.testing.assert_array_equal(TotalVariation1D(weight).prox(row), alone)


def test_total_variation_of_geometric_growth():
    """Each division takes one entry off: as many rounds as entries."""
    y = 3.0 ** np.arange(30)
    x = TotalVariation1D(1.0).prox(y)
    expected = y.copy()
    expected[0] += 1
    expected[-1] -= 1
    np.testing.assert_allclose(x, expected, rtol=1e-12)


def test_taut_string_projects_onto_decreasing_vectors():
    rng = np.random.default_rng(12)
    y = rng.standard_normal((5, 60))
    y[1] = np.round(y[1])
    free = np.zeros((5, 1))
    x = taut_string(y, free, free + np.inf)
    for row, start in zip(x, y, strict=True):
        exact = isotonic_regression(start, increasing=False).x
        np.testing.assert_allclose(row, exact, atol=1e-13)


@pytest.mark.parametrize(
    ("falling", "rising"), [(0.7, 0.7), (0.0, 0.0), (2.0, 0.1), (np.inf, 0.5), (0.0, np.inf)]
)
def test_the_scans_of_a_taut_string_are_optimal(falling, rising):
    """As they are compiled where Numba is installed: σ is in [−w₋, w₊], at the upper end where x
    falls, at the lower one where it rises, 0 at the last entry; x is constant between these.
    """
    rng = np.random.default_rng(15)
    y = rng.standard_normal((4, 80))
    y[1] = np.round(2 * y[1])
    y[2] = 1e6 + np.cumsum(y[2])
    y[3] = np.arange(80) ** 2 / 1000
    x, state = scan(y, np.full(4, falling), np.full(4, rising))
    sigma = np.cumsum(y - x, axis=1)
    allowed = 4 * np.finfo(float).eps * np.sum(abs(y), axis=1, keepdims=True)
    assert np.all(abs(sigma[:, -1:]) <= allowed)
    sigma, jumps, state = sigma[:, :-1], np.diff(x, axis=1), state[:, :-1]
    assert np.all((sigma <= falling + allowed) & (sigma >= -rising - allowed))
    assert np.all(np.where(state > 0, abs(sigma - falling), 0.0) <= allowed)
    assert np.all(np.where(state < 0, abs(sigma + rising), 0.0) <= allowed)
    assert np.all(jumps[state == 0] == 0.0)
    assert np.all(state * jumps <= 1e-15 * np.max(abs(y), axis=1, keepdims=True))
    assert falling == rising == 0.0 or 5 < np.sum(state != 0) < np.sum(np.diff(y) != 0)


def test_compiled_scans_are_the_scans():
    pytest.importorskip("numba")
    y = np.random.default_rng(16).standard_normal((3, 50))
    w = np.asarray([0.1, 1.0, 5.0])
    for compiled, plain in zip(compiled_scan()(y, w, w), scan(y, w, w), strict=True):
        np.testing.assert_allclose(compiled, plain, rtol=1e-13, atol=1e-13)


def image_denoised(y, w, isotropic):
    """The same by Clarabel: ½‖x − y‖² + w Σ‖(Dx)ᵢⱼ‖ with one bound t for each pixel."""
    rows, columns = y.shape
    n = y.size
    down = sparse.kron(sparse.diags([-1.0, 1.0], [0, 1], (rows, rows)), sparse.eye(columns)).tolil()
    down[n - columns :] = 0
    right = sparse.diags([-1.0, 1.0], [0, 1], (columns, columns)).tolil()
    right[columns - 1] = 0
    right = sparse.kron(sparse.eye(rows), right)
    D = sparse.vstack([down, right]).tocsr()
    order = np.arange(2 * n).reshape(2, n)
    count = n if isotropic else 2 * n
    P = sparse.block_diag([sparse.eye(n), sparse.csc_matrix((count, count))]).tocsc()
    q = np.concatenate([-y.ravel(), np.full(count, w)])
    bounds = -sparse.eye(count).tocsr()
    if isotropic:
        blocks, cones = [], []
        for k in range(n):
            blocks.append(sparse.hstack([sparse.csr_matrix((1, n)), bounds[k]]))
            blocks.append(sparse.hstack([-D[order[:, k]], sparse.csr_matrix((2, count))]))
            cones.append(clarabel.SecondOrderConeT(3))
        A = sparse.vstack(blocks).tocsc()
    else:
        A = sparse.vstack([sparse.hstack([D, bounds]), sparse.hstack([-D, bounds])]).tocsc()
        cones = [clarabel.NonnegativeConeT(4 * n)]
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-11
    solver = clarabel.DefaultSolver(P, q, A, np.zeros(A.shape[0]), cones, settings)
    return np.asarray(solver.solve().x)[:n].reshape(y.shape)


@pytest.mark.parametrize("isotropic", [True, False])
def test_total_variation_of_images_agrees_with_an_interior_point_method(isotropic):
    rng = np.random.default_rng(13)
    y = np.stack([rng.standard_normal((5, 6)), np.round(2 * rng.standard_normal((5, 6)))])
    f = TotalVariation2D(0.4, isotropic=isotropic, accuracy=1e-7, batch_ndim=1)
    steps = np.asarray([1.0, 3.0])
    x = f.prox(y, steps)
    for sample, start, alpha in zip(x, y, steps, strict=True):
        exact = image_denoised(start, 0.4 * alpha, isotropic)
        # what the interior point method reaches; ours is ten times as strict
        assert np.linalg.norm(sample - exact) <= 1e-6 * np.linalg.norm(start)


@pytest.mark.parametrize("isotropic", [True, False])
@every_library
def test_total_variation_of_images_on_every_library(isotropic, asarray, dtype):
    rng = np.random.default_rng(14)
    y = rng.standard_normal((2, 3, 4))
    f = TotalVariation2D(0.4, isotropic=isotropic, accuracy=1e-5, batch_ndim=1)
    a = asarray(y)
    f.check_space(Space.of(a, 1))
    x = f.prox(a, asarray([0.5, 2.0]))
    assert x.dtype == a.dtype
    np.testing.assert_array_equal(backend.to_numpy(a), backend.to_numpy(asarray(y)))
    exact = TotalVariation2D(0.4, isotropic=isotropic, accuracy=None, batch_ndim=1)
    reference = exact.prox(y, np.asarray([0.5, 2.0]))
    error = np.linalg.norm((backend.to_numpy(x) - reference).reshape(2, -1), axis=1)
    # in single precision rounding hides the gap, and the step decides
    tolerance = 1e-4 if dtype == "float32" else 1e-5
    assert np.all(error <= tolerance * np.linalg.norm(y.reshape(2, -1), axis=1))


def test_total_variation_of_an_image_of_one_row_is_that_of_the_signal():
    y = np.random.default_rng(15).standard_normal(12)
    exact = TotalVariation1D(0.4).prox(y, 2.0)
    for isotropic in (True, False):
        f = TotalVariation2D(0.4, isotropic=isotropic, accuracy=None)
        assert float(f(y[None, :])) == pytest.approx(float(TotalVariation1D(0.4)(y)))
        np.testing.assert_allclose(f.prox(y[None, :], 2.0)[0], exact, atol=1e-12)
        np.testing.assert_allclose(f.prox(y[:, None], 2.0)[:, 0], exact, atol=1e-12)


def test_total_variation_of_images_keeps_samples_apart_and_ends_loudly():
    y = np.random.default_rng(16).standard_normal((2, 4, 4))
    f = TotalVariation2D(0.4, batch_ndim=1)
    changed = y.copy()
    changed[0] *= 30
    np.testing.assert_array_equal(f.prox(changed)[1], f.prox(y)[1])
    np.testing.assert_array_equal(f.prox(0 * y), 0 * y)
    np.testing.assert_array_equal(TotalVariation2D(0.0, batch_ndim=1).prox(y), y)
    with pytest.raises(RuntimeError, match="max_iter = 3"):
        TotalVariation2D(5.0, max_iter=3, accuracy=1e-9).prox(y[0])


# -- scales, dtypes, what helps --------------------------------------------------------------------

ELEMENTWISE = [
    L0Norm(), LpPower(4 / 3), LpPower(3), ElasticNet(), EpsilonInsensitive(), LogSum(), SCAD(),
    MCP(), Hinge(), SquaredHinge(), Quantile(), KullbackLeibler(), NegativeEntropy(), LogBarrier(),
    L2Norm(), LInfNorm(), Max(), SumOfKLargest(2), SquaredKSupportNorm(2), LogSumExp(),
    SimplexEntropy(), SortedL1(np.asarray([2.0, 1.0, 0.5])), TotalVariation1D(), SparseGroupNorm(),
]  # fmt: skip


@pytest.mark.parametrize("f", ELEMENTWISE, ids=repr)
def test_prox_is_finite_and_nonexpansive_at_every_scale(f):
    rng = np.random.default_rng(17)
    for scale in (1e-60, 1e-12, 1e-3, 1e3, 1e12, 1e60):
        x = scale * rng.standard_normal(3)
        y = x * (1 + 1e-3 * rng.standard_normal(3))
        for alpha in (1e-3, 1.0, 1e3):
            p, q = f.prox(x, alpha), f.prox(y, alpha)
            assert np.all(np.isfinite(p))
            if f.convex:
                moved = np.linalg.norm(x - y) + 1e-12 * (np.linalg.norm(x) + np.linalg.norm(p))
                assert np.linalg.norm(p - q) <= moved


@every_library
def test_parameters_given_as_numpy_numbers_keep_the_dtype(asarray, dtype):
    w = np.float64(0.7)
    x = asarray([1.0, -2.0, 0.5])
    for f in (L0Norm(w), L2Norm(w), LInfNorm(w), LpPower(1.5, w), ElasticNet(w, w), Max(w),
              EpsilonInsensitive(w, w), LogSum(0.5, w), SCAD(weight=w), MCP(weight=w),
              TotalVariation1D(w), Hinge(None, w), SquaredHinge(None, w), Quantile(w, w),
              KullbackLeibler(w),
              NegativeEntropy(w), LogBarrier(w), SquaredKSupportNorm(1, w)):  # fmt: skip
        assert f.prox(x, 0.5).dtype == x.dtype
        assert f(f.prox(x, 0.5)).dtype == x.dtype


def test_wright_omega():
    z = np.concatenate([np.linspace(-50, 50, 4001), np.logspace(2, 300), -np.logspace(2, 300)])
    w, log = omega(z)
    exact = wrightomega(z)
    np.testing.assert_allclose(w, exact, rtol=4e-14, atol=1e-300)
    positive = exact > 0
    np.testing.assert_allclose(log[positive], np.log(exact[positive]), rtol=1e-14, atol=1e-14)


def test_ramps_have_their_sum():
    rng = np.random.default_rng(18)
    for _ in range(100):
        n = int(rng.integers(1, 8))
        b = np.round(3 * rng.standard_normal((4, n)))
        s = abs(np.round(rng.standard_normal((4, n)), 1))
        cap = np.full((4, 1), float(rng.uniform(0.01, 2)))
        most = cap * np.sum(s > 0, axis=1, keepdims=True)
        total = most * rng.uniform(0, 1.2, (4, 1))
        mu, r = ramps(b, s, cap, total)
        np.testing.assert_allclose(
            np.sum(r, axis=1, keepdims=True), np.minimum(total, most), atol=1e-13
        )
        np.testing.assert_allclose(r, np.clip(s * (mu - b), 0, cap), atol=1e-13)


# -- messages --------------------------------------------------------------------------------------

nan = float("nan")
INVALID = [
    (lambda: L0Norm(-1.0), ValueError, "weight = -1"),
    (lambda: L2Norm(nan), ValueError, "weight = nan"),
    (lambda: LInfNorm(-1.0), ValueError, "weight = -1"),
    (lambda: LpPower(1.0), ValueError, "p = 1.* L1Norm"),
    (lambda: LpPower(nan), ValueError, "p = nan"),
    (lambda: LpPower("2"), TypeError, "p = '2'"),
    (lambda: ElasticNet(1.0, -1.0), ValueError, "l2_weight = -1"),
    (lambda: EpsilonInsensitive(-1.0), ValueError, "epsilon = -1"),
    (lambda: LogSum(0.0), ValueError, "epsilon = 0"),
    (lambda: SCAD(2.0), ValueError, "a = 2"),
    (lambda: MCP(0.0), ValueError, "gamma = 0"),
    (lambda: SumOfKLargest(0), ValueError, "k = 0"),
    (lambda: SumOfKLargest(1.5), TypeError, "k = 1.5"),
    (lambda: SquaredKSupportNorm(True), TypeError, "k = True"),
    (lambda: SquaredKSupportNorm(1, 0.0), ValueError, "weight = 0"),
    (lambda: SortedL1([1.0]), TypeError, "weights"),
    (lambda: SortedL1(np.asarray([1.0, 2.0])), ValueError, "decreasing order"),
    (lambda: SortedL1(np.asarray([1.0, -2.0])), ValueError, "non-negative"),
    (lambda: Hinge(np.asarray([0.5])), ValueError, "labels −1 and 1"),
    (lambda: SquaredHinge(weight=0.0), ValueError, "weight = 0"),
    (lambda: Quantile(1.5), ValueError, "tau = 1.5"),
    (lambda: KullbackLeibler(-1.0), ValueError, "b = -1"),
    (lambda: NegativeEntropy(0.0), ValueError, "weight = 0"),
    (lambda: LogBarrier(-1.0), ValueError, "weight = -1"),
    (lambda: LogSumExp(np.asarray([0.5, 0.2])), ValueError, "sum to 1"),
    (lambda: LogSumExp(np.asarray([1.5, -0.5])), ValueError, "non-negative probabilities"),
    (lambda: LeastSquares(np.ones((2, 3)), np.ones(3)), ValueError, "length 2"),
    (lambda: LeastSquares(np.ones(3)), ValueError, "2-D"),
    (lambda: LeastSquares(np.ones((2, 3)), 1.0), ValueError, "length 2"),
    (lambda: TotalVariation2D(accuracy=-1.0), ValueError, "accuracy = -1"),
    (lambda: TotalVariation2D(max_iter=0), ValueError, "max_iter = 0"),
]


@pytest.mark.parametrize(("make", "error", "message"), INVALID)
def test_invalid_parameters_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


MISFITS = [
    (lambda: SumOfKLargest(4), (3,), 0, "k of SumOfKLargest"),
    (lambda: SquaredKSupportNorm(4), (3,), 0, "k of SquaredKSupportNorm"),
    (lambda: SortedL1(np.ones(4)), (3,), 0, "weights of SortedL1"),
    (lambda: L2Norm(np.ones(3)), (3,), 0, "weight of L2Norm"),
    (L2Norm, (2, 3), 1, "batch_ndim=1"),
    (lambda: TotalVariation1D(batch_ndim=1), (3,), 1, "no batch axis"),
    (TotalVariation2D, (3,), 0, "last two axes"),
    (lambda: LogSumExp(batch_ndim=1), (3,), 1, "no batch axis"),
    (lambda: SimplexEntropy(batch_ndim=1), (3,), 1, "no batch axis"),
    (lambda: LeastSquares(np.ones((2, 3))), (4,), 0, "A of LeastSquares"),
    (lambda: LeastSquares(np.ones((2, 3)), np.ones((5, 2))), (4, 3), 0, "b of LeastSquares"),
    (lambda: LogSumExp(np.asarray([0.5, 0.5])), (3,), 0, "p of LogSumExp"),
    (lambda: SparseGroupNorm(np.ones(2)), (3,), 0, "l1_weight of SparseGroupNorm"),
    (lambda: SparseGroupNorm(1.0, np.ones(2)), (3, 3), 0, "weight of GroupL2Norm"),
]


@pytest.mark.parametrize(("make", "shape", "batch_ndim", "message"), MISFITS)
def test_spaces_that_do_not_fit_are_refused(make, shape, batch_ndim, message):
    with pytest.raises(ValueError, match=message):
        make().check_space(Space.of(np.ones(shape), batch_ndim))


def test_closed_conjugates():
    assert isinstance(L2Norm(0.7).conjugate, L2Ball)
    dual = LpPower(4, 2.0).conjugate
    assert isinstance(dual, LpPower)
    assert dual.p == pytest.approx(4 / 3)
    assert isinstance(LpPower(4, 0.0).conjugate, Conjugate)
    assert isinstance(LpPower(11).conjugate.conjugate, LpPower)
    assert isinstance(LogSumExp().conjugate, SimplexEntropy)
    assert isinstance(SimplexEntropy().conjugate, LogSumExp)


# -- what the checks say of non-convex functions ---------------------------------------------------


class TooLittleCurved(MCP):
    """Claims 0.9 of its ρ."""

    def __init__(self):
        super().__init__(3.0, 0.8)
        self.strong_convexity *= 0.9


class CalledConvex(L0Norm):
    convex = True
    strong_convexity = 0.0


class LocalMinimizer(L0Norm):
    """Keeps what ought to be 0."""

    def prox(self, x, alpha=1.0):
        return super().prox(x, alpha / 8)


@pytest.mark.parametrize(
    ("f", "formula"),
    [
        (TooLittleCurved(), "m/8|≥ m‖x"),
        (CalledConvex(), "m/8|prox|≥ m‖x"),
        (LocalMinimizer(), "prox"),
    ],
    ids=["too little curved", "called convex", "local minimizer"],
)
def test_a_false_claim_about_convexity_is_found(f, formula):
    with pytest.raises(AssertionError, match=formula):
        check_function(f, (2,), max_examples=100)
