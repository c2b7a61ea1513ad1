"""Randomized block-coordinate proximal gradient: blocks of columns and of tuples."""

import numpy as np
import pytest
from scipy.sparse import csr_array

import splitkit as sk
from splitkit.backend import Space, blocks, to_numpy
from tests.sampling import sampled

f = sk.functions
RNG = np.random.default_rng(5)
A, B = RNG.normal(size=(40, 12)) * np.logspace(0, -0.7, 12), RNG.normal(size=40)
EDGE = np.linspace(0.01, 0.2, 12)
ROW = sk.linear.BlockRow((sk.DenseMatrix(A[:, :4]), sk.DenseMatrix(A[:, 4:])))
BY_BLOCKS = f.SeparableSum(f.L2Norm(2.0), f.L1Norm(0.5))

PROBLEMS = {
    "lasso": (f.LeastSquares(A, B) + f.L1Norm(2.0), np.zeros(12)),
    "sparse, bounds of each entry": (f.LeastSquares(csr_array(A), B) + f.Box(-EDGE, EDGE), EDGE),
    "logistic, with a ridge": (
        f.Logistic(np.sign(B)) @ A + f.SquaredL2(0.5, center=EDGE) + f.L1Norm(0.3),
        np.ones(12),
    ),
    "a tuple of blocks": (
        f.SquaredL2(center=B) @ ROW + BY_BLOCKS,
        (np.zeros(4), np.ones(8)),
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_finds_what_others_find(name):
    problem, x0 = PROBLEMS[name]
    exact = sk.minimize(problem, x0, tol=1e-11).x
    found = sk.minimize(problem, x0, sk.BlockCoordinate(batch=5), tol=1e-8).x
    for ours, theirs in zip(blocks(found), blocks(exact), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@sampled(0)
def test_the_same_draws_on_every_library(xp, dtype):
    a = lambda values: xp.asarray(values, dtype=dtype)  # noqa: E731
    problem = f.LeastSquares(a(A.tolist()), a(B.tolist())) + f.L1Norm(2.0)
    options = {"tol": 0, "max_iter": 3, "on_failure": "return"}
    found = sk.minimize(problem, a([0.0] * 12), sk.BlockCoordinate(batch=6), **options).x
    wanted = sk.minimize(*PROBLEMS["lasso"], sk.BlockCoordinate(batch=6), **options).x
    np.testing.assert_allclose(to_numpy(found), wanted, atol=1e-4 if dtype == xp.float32 else 1e-12)


def test_the_rate_holds_in_expectation():
    """Of V = f + g − min + ((1 + ν)/2) Σ Lᵢ‖xᵢ − xᵢ*‖²."""
    problem, x0 = f.LeastSquares(A, B) + f.ElasticNet(2.0, 0.5), 3.0 * np.ones(12)
    F, G = map(sk.Subdifferential, problem.terms)
    exact = sk.minimize(problem, x0, tol=1e-13).x
    passes, seeds = 10, 40
    values = np.zeros((seeds, passes + 1))
    for seed in range(seeds):
        method = sk.BlockCoordinate(batch=3, seed=seed)
        iteration = method.bind(F, G)
        L = np.repeat([block.lipschitz for block in iteration.blocks], 3)
        nu = 0.5 / L.max()
        state = iteration.begin(x0, Space.of(x0))
        for k in range(passes + 1):
            d = state[0] - exact
            values[seed, k] = problem(state[0]) - problem(exact) + (1 + nu) / 2 * np.sum(L * d * d)
            state = iteration.step(state)
    bound = values[0, 0] * method.guarantee(F, G).rate ** (2 * np.arange(passes + 1))
    assert np.all(values.mean(axis=0) <= bound + 1e-12)
    assert len(set(values[:, -1])) == seeds


@pytest.mark.parametrize("unit", [1e-8, 1e8])
def test_in_units_of_x_and_of_values(unit):
    counts = set()
    for c, u in ((1.0, 1.0), (unit, 1.0), (1.0, unit)):
        problem = c * f.LeastSquares(A / u, B) + f.L1Norm(c * 2.0 / u)
        counts.add(sk.minimize(problem, np.zeros(12), sk.BlockCoordinate(batch=3)).iterations)
    assert len(counts) == 1


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (f.LeastSquares(A, B) + f.L2Norm(), "act on each block by itself"),
        (f.Quadratic(A.T @ A) + f.L1Norm(), "is no fit"),
        (f.LeastSquares(A, B) + f.L0Norm(), "not known to be"),
    ],
    ids=str,
)
def test_what_has_no_blocks_is_refused_by_name(problem, reason):
    with pytest.raises(sk.NoGuaranteeError, match=reason):
        sk.minimize(problem, np.zeros(12), sk.BlockCoordinate())
