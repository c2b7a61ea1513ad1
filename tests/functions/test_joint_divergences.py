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
