"""Divergences of two arguments against their equations and a minimizer."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize

import splitkit as sk
from splitkit import functions

CASES = {
    "kullback-leibler": functions.JointKullbackLeibler(),
    "jeffrey": functions.JointJeffrey(),
    "hellinger": functions.JointHellinger(),
    "chi-squared": functions.JointChiSquared(),
    "renyi": functions.JointRenyi(1.5),
    "renyi of high order": functions.JointRenyi(4.0),
}


@pytest.mark.parametrize("f", CASES.values(), ids=CASES)
def test_the_prox_minimizes(f):
    """A search from elsewhere, and one from nearby, find no smaller f + ‖· − y‖²/2α."""
    rng = np.random.default_rng(0)
    for _ in range(8):
        y, alpha = 2 * rng.standard_normal(2), 10.0 ** rng.uniform(-1, 1)

        def objective(z, y=y, alpha=alpha):
            return float(f((z[:1], z[1:]))) + float(np.sum((z - y) ** 2)) / (2 * alpha)

        found = np.concatenate(f.prox((y[:1], y[1:]), alpha))
        for start in (np.zeros(2), np.log(found + 1e-3)):
            by_search = minimize(
                lambda s, objective=objective: objective(np.exp(s)), start, method="Nelder-Mead"
            )
            assert objective(found) <= by_search.fun + 1e-9


@pytest.mark.parametrize("f", CASES.values(), ids=CASES)
def test_the_prox_solves_its_equations(f):
    """(y − x)/α = ∇f(x) by differences of f itself, where both blocks are inside; else x is at
    the edge, where no direction inwards lessens the objective."""
    rng = np.random.default_rng(2)
    y, alpha = 2 * rng.standard_normal((2, 40)) + 1, 0.7
    p, q = f.prox((y[0], y[1]), alpha)
    inside = 0
    for point, x in zip(y.T, np.stack([p, q], axis=1), strict=True):
        if x.min() > 1e-3:
            inside += 1
            for k, h in enumerate(1e-5 * np.eye(2) * x):
                rise = f(tuple((x + h)[:, None])) - f(tuple((x - h)[:, None]))
                slope = float(rise) / (2 * h[k])
                assert abs(slope - (point - x)[k] / alpha) <= 1e-6 * (1 + abs(slope))
        for d in (np.array([1.0, 1.0]), np.array([0.2, 1.0]), np.array([1.0, 0.2])):
            ahead = x + 1e-3 * d
            growth = np.sum((ahead - point) ** 2 - (x - point) ** 2) / (2 * alpha)
            assert f(tuple(ahead[:, None])) - f(tuple(x[:, None])) + growth >= -1e-12
    assert inside >= 10


@pytest.mark.parametrize("f", CASES.values(), ids=CASES)
def test_single_precision_has_the_digits_of_the_data_at_all_sizes(f):
    rng = np.random.default_rng(1)
    signs = rng.choice([-1, 1], (2, 1000))
    y = (10.0 ** rng.uniform(-8, 8, (2, 1000)) * signs).astype(np.float32)
    for alpha in (1e-8, 1.0, 1e8):
        p, q = f.prox((y[0], y[1]), alpha)
        wide = y.astype(float)
        exact_p, exact_q = f.prox((wide[0], wide[1]), alpha)
        size = np.finfo(np.float32).eps * np.hypot(*wide)
        assert p.dtype == q.dtype == np.float32
        assert min(p.min(), q.min()) >= 0
        assert np.max(np.hypot(p - exact_p, q - exact_q) / size) <= 4


SLOPES = {  # the derivatives of f in p and in q, of the ratio z and its logarithm s
    "kullback-leibler": lambda z, s: (s, 1 - z),
    "jeffrey": lambda z, s: (s + 1 - 1 / z, 1 - s - z),
    "hellinger": lambda z, s: (1 - z**-0.5, 1 - z**0.5),
    "chi-squared": lambda z, s: (2 * z - 2, 1 - z**2),
    "renyi": lambda z, s: (1.5 * z**0.5, -0.5 * z**1.5),
    "renyi of high order": lambda z, s: (4 * z**3, -3 * z**4),
}


@pytest.mark.parametrize("name", CASES)
def test_the_prox_where_the_blocks_are_far_apart(name):
    """x + ∇f(x) = y, to the rounding of what is added up in each block."""
    rng = np.random.default_rng(3)
    y = 10.0 ** rng.uniform(-30, 30, (2, 1000)) * rng.choice([-1, 1, 1], (2, 1000))
    x = np.stack(CASES[name].prox((y[0], y[1])))
    inside = x.min(axis=0) > 1e-70
    x, y = x[:, inside], y[:, inside]
    ratio = x[0] / x[1]
    slope = np.stack(SLOPES[name](ratio, np.log(ratio)))
    assert np.count_nonzero(abs(np.log(ratio)) > 40) >= 30
    assert np.all(abs(x + slope - y) <= 1e-12 * (abs(x) + abs(slope) + abs(y)) + 1e-14)


@pytest.mark.parametrize("f", list(CASES.values())[:4], ids=list(CASES)[:4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_prox_beyond_the_numbers_of_the_dtype(f, dtype):
    """Where y/α overflows, the prox is y; where it underflows, f is about 0 the support function
    of the half space u + v ≤ 0.
    """
    info = np.finfo(dtype)
    y = np.array([[3.0, 1.0, -1.0, 2.0], [2.0, 1.0, 2.0, -3.0]], dtype)
    far = np.stack(f.prox(tuple(y * (info.max / 16)), float(info.tiny)))
    assert np.allclose(far, np.maximum(y, 0) * (info.max / 16), 0, info.eps * info.max)
    near = np.stack(f.prox(tuple(y * (info.tiny * 2**10)), float(info.max)))
    mean = np.maximum(y.mean(axis=0), 0) * (info.tiny * 2**10)
    assert np.allclose(near, [mean, mean], rtol=1e-3, atol=0)


def test_values_at_the_edge():
    one, zero = np.ones(1), np.zeros(1)
    expected = {
        "kullback-leibler": (1.0, math.inf),
        "jeffrey": (math.inf, math.inf),
        "hellinger": (1.0, 1.0),
        "chi-squared": (1.0, math.inf),
        "renyi": (0.0, math.inf),
    }
    for name, values in expected.items():
        f = CASES[name]
        assert (f((zero, one)), f((one, zero))) == values
        assert f((zero, zero)) == 0
        assert f((-one, one)) == math.inf


def test_points_are_pairs_of_one_shape():
    for x in (np.ones(2), (np.ones(2), np.ones(3))):
        with pytest.raises(TypeError, match="pairs"):
            sk.solve(functions.JointJeffrey(), x)
