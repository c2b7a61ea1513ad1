"""The rules of proximal calculus against brute force, finite differences and known identities."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

import splitkit as sk
from splitkit import functions
from splitkit.backend import Space
from splitkit.functions import (
    Box,
    Distance,
    GroupL2Norm,
    Huber,
    InfimalConvolution,
    L1Norm,
    L2Ball,
    MoreauEnvelope,
    NonNegative,
    NuclearNorm,
    Perspective,
    Rank,
    Rescaled,
    SeparableSum,
    Simplex,
    SquaredDistance,
    SquaredL2,
    Tilted,
    metric_prox,
)
from splitkit.linear import DenseMatrix

rng = np.random.default_rng(0)


def scalar(f):
    """f on numbers."""
    return lambda z: float(f(np.asarray([z])))


def brute_force(objective, near):
    """The minimizer on the line, to the accuracy of a bracketing search."""
    bounds = (near - 12, near + 12)
    found = minimize_scalar(objective, bounds=bounds, method="bounded", options={"xatol": 1e-10})
    return found.x


LINE = {
    "rescaled": Rescaled(Huber(0.7), -2.5),
    "rescaled norm": Rescaled(L1Norm(0.7).translate(np.asarray([1.0])), 0.4),
    "tilted": Tilted(L1Norm(0.3), np.asarray([0.8]), 0.5),
    "only a linear tilt": Tilted(Huber(0.3), np.asarray([-0.2])),
    "envelope": MoreauEnvelope(L1Norm(0.7), 0.4),
    "envelope of a smooth function": MoreauEnvelope(Huber(0.7, 2.0), 1.5),
    "distance": Distance(Box(-0.5, 1.0), 0.7),
    "squared distance": SquaredDistance(Box(-0.5, 1.0), 0.7),
    "all of it": Tilted(2.0 * Rescaled(MoreauEnvelope(L1Norm(), 0.5), 3.0), np.asarray([0.3]), 0.1),
}


@pytest.mark.parametrize("alpha", [0.2, 1.0, 6.0])
@pytest.mark.parametrize("name", LINE)
def test_prox_against_brute_force(name, alpha):
    f = LINE[name]
    for y in (-3.0, -0.3, 0.0, 0.4, 2.5):
        found = brute_force(lambda z, y=y: scalar(f)(z) + (z - y) ** 2 / (2 * alpha), y)
        assert f.prox(np.asarray([y]), alpha)[0] == pytest.approx(found, abs=2e-7 * (1 + alpha))


@pytest.mark.parametrize("name", [name for name, f in LINE.items() if f.has_gradient])
def test_gradients_against_finite_differences(name):
    f = LINE[name]
    for y in (-3.0, -0.31, 0.42, 2.5):
        slope = (scalar(f)(y + 1e-6) - scalar(f)(y - 1e-6)) / 2e-6
        if f.smoothness is not None:
            assert f.gradient(np.asarray([y]))[0] == pytest.approx(slope, abs=1e-7)


def test_the_constant_of_an_argument_scaling_is_its_square():
    f = Rescaled(SquaredL2(np.asarray([0.5, 2.0])), -3.0)
    assert (f.strong_convexity, f.smoothness) == (4.5, 18.0)
    g = Rescaled(SquaredL2(2.0), np.asarray([0.5, -3.0]))
    assert (g.strong_convexity, g.smoothness) == (0.5, 18.0)
    x = rng.standard_normal((4, 2))
    np.testing.assert_allclose(
        g.prox(x, 0.7), x / (1 + 0.7 * 2 * np.asarray([0.25, 9.0])), atol=1e-14
    )


def test_constants_of_the_other_rules():
    f = Tilted(Huber(0.7, 2.0), rho=0.5)
    assert (f.strong_convexity, f.smoothness) == (0.5, 2.5)
    e = MoreauEnvelope(f, 2.0)
    assert e.strong_convexity == pytest.approx(0.5 / 2)
    assert e.smoothness == pytest.approx(2.5 / 6)
    assert MoreauEnvelope(L1Norm(), 0.25).smoothness == 4
    assert SquaredDistance(Simplex(), 0.3).smoothness == pytest.approx(0.3)
    assert Distance(Simplex()).smoothness is None


def test_the_envelope_of_the_absolute_value_is_huber():
    x = np.linspace(-3, 3, 25)
    e = MoreauEnvelope(L1Norm(0.7, batch_ndim=1), 2.0)
    h = Huber(1.4, 0.5, batch_ndim=1)
    np.testing.assert_allclose(e(x), h(x), atol=1e-14)
    np.testing.assert_allclose(e.gradient(x), h.gradient(x), atol=1e-14)
    np.testing.assert_allclose(e.prox(x, 3.0), h.prox(x, 3.0), atol=1e-14)
    of = InfimalConvolution.of(SquaredL2(0.5), L1Norm(0.7, batch_ndim=1))
    assert isinstance(of, MoreauEnvelope)
    np.testing.assert_allclose(of(x), e(x), atol=1e-14)


def test_infimal_convolution_against_its_definition():
    """Through its conjugate: (f □ g)(x) = −min_u f*(u) + g*(u) − ux, both known on the line."""
    f, g = SquaredL2(2.0).translate(np.asarray([1.0])), Tilted(SquaredL2(0.5), np.asarray([0.3]))
    both = InfimalConvolution(f, g)
    assert both.smoothness == pytest.approx(1 / (1 / 2.0 + 1 / 0.5))
    for x in (-2.0, 0.1, 3.0):
        z = brute_force(lambda z, x=x: scalar(f)(z) + scalar(g)(x - z), x)
        direct = scalar(f)(z) + scalar(g)(x - z)
        u = brute_force(lambda u, x=x: scalar(both.conjugate)(u) - u * x, x)
        assert u * x - scalar(both.conjugate)(u) == pytest.approx(direct, abs=1e-9)
    assert not both.has_prox
    with pytest.raises(TypeError, match="no formula"):
        both(np.ones(1))


CONJUGATES = {
    "scaled": 3.0 * SquaredL2(2.0),
    "translated": SquaredL2(2.0).translate(np.asarray([1.5])),
    "rescaled": Rescaled(SquaredL2(2.0), -0.5),
    "tilted": Tilted(SquaredL2(2.0), np.asarray([0.7]), 0.4),
    "linearly tilted": Tilted(SquaredL2(2.0), np.asarray([0.7])),
    "envelope": MoreauEnvelope(SquaredL2(2.0), 0.4),
    "nested": 2.0
    * Tilted(MoreauEnvelope(SquaredL2(1.0), 0.4), np.asarray([0.7])).translate(np.ones(1)),
}


@pytest.mark.parametrize("name", CONJUGATES)
def test_conjugate_values_are_suprema(name):
    f = CONJUGATES[name]
    for u in (-1.0, 0.0, 0.6):
        z = brute_force(lambda z, u=u: scalar(f)(z) - u * z, 0.0)
        assert scalar(f.conjugate)(u) == pytest.approx(u * z - scalar(f)(z), abs=1e-9)
        y = np.asarray([u])
        whole = f.prox(y, 0.3) + 0.3 * f.conjugate.prox(y / 0.3, 1 / 0.3)
        np.testing.assert_allclose(whole, y, atol=1e-14)
        np.testing.assert_allclose(f.conjugate.conjugate.prox(y, 0.3), f.prox(y, 0.3), atol=1e-14)


def test_norms_of_matrices_scale_and_translate():
    f, y = Rescaled(NuclearNorm(), -2.0), rng.standard_normal((3, 2))
    np.testing.assert_allclose(f.prox(y, 0.3), NuclearNorm(2.0).prox(y, 0.3), atol=1e-14)


def test_an_affine_composition_is_a_translation_and_a_map():
    """f(Lx − b): least squares, and the prox where LLᵀ = νI."""
    L = DenseMatrix(np.asarray([[1.2, 1.6, 0.0], [0.0, 0.0, 2.0]]))
    b = np.asarray([0.5, -3.0])
    f = L1Norm(0.6).translate(b) @ L
    x, y = rng.standard_normal(3), rng.standard_normal(3)
    assert f(x) == pytest.approx(0.6 * np.abs(L(x) - b).sum())
    p = f.prox(y, 0.8)
    for z in (x, p + 1e-3 * x, p - 1e-3 * x, y):
        lower = f(p) + (y - p) @ (z - p) / 0.8
        assert f(z) >= lower - 1e-12
    g = SquaredL2().translate(b) @ L
    np.testing.assert_allclose(g.gradient(x), L.T(L(x) - b), atol=1e-14)
    assert g.smoothness == pytest.approx(4.0)


def test_the_prox_in_a_diagonal_metric():
    d = np.asarray([0.5, 2.0, 7.0])
    y = np.asarray([1.5, -0.4, 3.0])
    for f in (L1Norm(0.7), Huber(0.3), Box(0.0, 1.0), SquaredL2(2.0), 2.0 * L1Norm()):
        z = metric_prox(f, y, d, 0.8)
        for i in range(3):
            single = f.prox(y[i : i + 1], 0.8 / d[i])
            assert z[i] == pytest.approx(single[0], abs=1e-15)
        assert z == pytest.approx(f.prox(y / 1.0, 0.8 / d))
    pair = SeparableSum((L1Norm(), Box(0.0, 1.0)))
    a, b = metric_prox(pair, (y, y), (d, d), 0.8)
    np.testing.assert_allclose(a, L1Norm().prox(y, 0.8 / d))
    np.testing.assert_allclose(b, np.clip(y, 0, 1))
    batch = metric_prox(L1Norm(batch_ndim=1), np.stack([y, y]), np.stack([d, d]), np.ones(2))
    np.testing.assert_allclose(batch[1], L1Norm().prox(y, 1 / d))
    for f, metric, error, message in (
        (GroupL2Norm(), d, TypeError, "couples entries"),
        (L1Norm(), -d, ValueError, "give positive entries"),
        (L1Norm(), d[:2], ValueError, r"d has shape \(2,\)"),
    ):
        with pytest.raises(error, match=message):
            metric_prox(f, y, metric)


def test_the_distance_to_sets():
    y = np.asarray([3.0, -4.0])
    d = Distance(L2Ball(1.0), 2.0)
    assert d(y) == pytest.approx(8.0)
    np.testing.assert_allclose(d.prox(y, 0.5), y * 0.8)  # a step of 1 towards the ball
    np.testing.assert_allclose(d.prox(y, 50.0), y / 5)
    np.testing.assert_array_equal(d.prox(y / 10, 3.0), y / 10)
    both = SquaredDistance(L2Ball(1.0), 0.5)
    assert both(y) == pytest.approx(4.0)
    # two sets that meet: a point of both minimizes the sum of squared distances
    f = SquaredDistance(L2Ball(1.0)) + SquaredDistance(NonNegative())
    x = sk.minimize(f, y, tol=1e-8).x
    assert np.hypot(*x) <= 1 + 1e-6
    assert x.min() >= -1e-6


@pytest.mark.parametrize("alpha", [0.05, 1.0, 20.0])
def test_the_perspective_by_its_optimality(alpha):
    """u = (x − p)/α is f's gradient at p/s, and (t − s)/α = −f*(u); or 0 is the minimizer."""
    w = 0.7
    f = Perspective(SquaredL2(w, batch_ndim=1))
    for size in (1e-2, 1.0, 50.0):
        x, t = size * rng.standard_normal((8, 3)), rng.standard_normal((8, 1))
        p, s = f.prox((x, t), alpha)
        u, v = (x - p) / alpha, (t - s) / alpha
        dual = np.sum(u * u, axis=1) / (2 * w)
        inside = s[:, 0] > 0
        assert inside.any()
        slack = 1e-10 * (1 + size**2 / alpha)
        np.testing.assert_allclose((u * s - w * p)[inside], 0, atol=slack)
        np.testing.assert_allclose((v[:, 0] + dual)[inside], 0, atol=slack)
        assert np.all((v[:, 0] + dual)[~inside] <= slack)
        assert np.all(p[~inside] == 0)
        expected = w * np.sum(p[inside] ** 2, axis=1) / (2 * s[inside, 0])
        np.testing.assert_allclose(f((p, s))[inside], expected, rtol=1e-10)
    single = Perspective(SquaredL2())
    assert single((np.zeros(3), np.zeros(1))) == 0
    assert single((np.ones(3), np.zeros(1))) == math.inf
    assert single((np.zeros(3), -np.ones(1))) == math.inf


@pytest.mark.parametrize(
    "f",
    [
        functions.RelativeEntropy(np.array([0.5, 2.0])), 2.0 * functions.NegativeEntropy(),
        functions.Exponential(), functions.KullbackLeibler(1.3), functions.LogBarrier(),
        functions.Huber(0.5), functions.SquaredHinge(), functions.LpPower(3.0), L1Norm(0.6),
        L2Ball(1.0), Box(-0.5, 1.0), NonNegative(),
    ],
    ids=repr,
)  # fmt: skip
def test_perspectives_of_functions_that_are_not_strongly_convex(f):
    """No point nearby is better; at t = 0 the value is the limit of that for t → 0."""
    P, draw = Perspective(f), np.random.default_rng(5)
    at_zero = 0
    for _ in range(6):
        x, t, alpha = 2 * draw.standard_normal(2), 2 * draw.standard_normal(1), 0.7
        found = P.prox((x, t), alpha)
        at_zero += found[1][0] == 0

        def objective(z, s, x=x, t=t, alpha=alpha):
            return float(P((z, s))) + float(np.sum((z - x) ** 2) + (s - t)[0] ** 2) / (2 * alpha)

        least = objective(*found)
        assert least < math.inf
        for size in np.repeat([1e-3, 1e-2, 0.1, 1.0], 10):
            s = np.maximum(found[1] + size * draw.standard_normal(1), 0.0)
            assert least <= objective(found[0] + size * draw.standard_normal(2), s) + 1e-12
    assert at_zero < 6
    d = np.array([1.0, 0.5])
    with np.errstate(over="ignore"):
        limit = float(P((d, np.array([1e-300]))))
    expected = pytest.approx(limit, rel=1e-3, abs=1e-6) if limit < 100 else math.inf
    assert P((d, np.zeros(1))) == expected


def test_arguments_are_checked():
    cases = [
        (lambda: Rescaled(L1Norm(), 0.0), ValueError, "s = 0"),
        (lambda: Rescaled(Simplex(), np.ones(3)), ValueError, "couples entries"),
        (lambda: Tilted(L1Norm(), rho=-1.0), ValueError, "rho = -1"),
        (lambda: MoreauEnvelope(L1Norm(), 0.0), ValueError, "gamma = 0"),
        (lambda: MoreauEnvelope(Rank()), TypeError, "convex"),
        (lambda: MoreauEnvelope(L1Norm() + L1Norm()), TypeError, "with a prox"),
        (lambda: Distance(L1Norm()), TypeError, "C = L1Norm"),
        (lambda: SquaredDistance(Box(0, 1), -2.0), ValueError, "weight = -2"),
        (lambda: InfimalConvolution.of(Rank(), L1Norm()), TypeError, "not convex"),
        (lambda: Perspective(functions.LogSumExp()), TypeError, "how .* grows"),
    ]
    for make, error, message in cases:
        with pytest.raises(error, match=message):
            make()
    space = Space.of(np.ones(3))
    for f, error, message in (
        (Tilted(L1Norm(), np.ones(2)), ValueError, r"a of .* has shape \(2,\)"),
        (Rescaled(L1Norm(), np.ones(2)), ValueError, "s of"),
        (Distance(Box(0, 1, batch_ndim=1)), ValueError, "batch_ndim=0"),
        (Perspective(SquaredL2()), TypeError, "pairs of arrays"),
    ):
        with pytest.raises(error, match=message):
            f.check_space(space)
    with pytest.raises(ValueError, match="t must have one entry"):
        Perspective(SquaredL2()).check_space(Space.of((np.ones(3), np.ones(2))))


def test_a_step_of_each_sample_is_not_read_by_the_host():
    """A sample whose step is NaN does not stop the others."""
    f = (2.0 * L1Norm(batch_ndim=1)).translate(np.ones((2, 2)))
    found = f.prox(np.full((2, 2), 4.0), np.asarray([0.5, np.nan]))
    np.testing.assert_array_equal(found, [[3.0, 3.0], [np.nan, np.nan]])


def test_what_a_function_is_moved_by_may_broadcast_in_its_conjugate_too():
    """f*(u) + ⟨v, u⟩ is the conjugate of f(· − v), for a v that stands for all entries."""
    x, u, v = np.array([[0.3, -0.2], [0.1, 0.4]]), np.full((2, 2), 0.25), np.array([1.0])
    short = L1Norm(0.7).translate(v).conjugate
    full = L1Norm(0.7).translate(np.ones((2, 2))).conjugate
    np.testing.assert_allclose(short(u), full(u))
    np.testing.assert_allclose(short(u), 4 * 0.25)
    np.testing.assert_allclose(short.prox(x, 0.5), full.prox(x, 0.5))
    sk.solve(sk.Subdifferential(short) + sk.Identity(), x)
    with pytest.raises(ValueError, match=r"shape \(3,\), which does not broadcast"):
        sk.solve(sk.Subdifferential(Tilted(L1Norm(), np.ones(3))), np.zeros(2), sk.ProximalPoint())
