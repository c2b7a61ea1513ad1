"""SPDHG: blocks of y, one step in expectation, what others find, what is refused."""

import numpy as np
import pytest
from scipy.linalg import eigh
from scipy.sparse import csr_array

import splitkit as sk
from splitkit.backend import to_numpy
from tests.sampling import sampled

f = sk.functions
RNG = np.random.default_rng(6)
ROWS, N = 24, 3
A = RNG.normal(size=(ROWS, N)) * np.geomspace(1.0, 8.0, ROWS)[:, None]
B = A @ np.array([1.0, 0.0, -2.0]) + RNG.normal(size=ROWS)
LABELS = np.sign(B)
DIFFERENCES = np.diff(np.eye(N), axis=0)

SUMS = {
    "absolute values": f.L1Norm().translate(B) @ A + f.Box(-3.0, 3.0),
    "sparse": f.L1Norm().translate(B) @ csr_array(A) + f.Box(-3.0, 3.0),
    "hinge": f.Hinge(LABELS) @ A + f.SquaredL2(2.0),
    "compositions": f.L1Norm(2.0) @ DIFFERENCES
    + f.L2Norm().translate(B) @ A
    + f.SquaredL2(center=np.ones(N)),
    "with zero rows": f.L1Norm().translate(B) @ (A * (np.arange(ROWS) % 2)[:, None])
    + f.L1Norm(0.1),
}


@pytest.mark.parametrize("name", SUMS)
def test_finds_what_others_find(name):
    exact = sk.minimize(SUMS[name], np.zeros(N), tol=1e-10)
    found = sk.minimize(SUMS[name], np.zeros(N), sk.SPDHG(batch=4, seed=1), tol=1e-7)
    np.testing.assert_allclose(found.x, exact.x, atol=1e-5)
    assert found.method.label == "SPDHG"
    gap = found.duality_gap
    assert gap is None or gap <= 1e-4 * max(1.0, abs(float(found.objective)))


def test_the_dual_is_the_multiplier():
    problem = sk.Subdifferential(f.Hinge(LABELS) @ A + f.SquaredL2(2.0))
    found = sk.solve(problem, np.zeros(N), sk.SPDHG(batch=4), tol=1e-9)
    np.testing.assert_allclose(A.T @ found.dual, -2.0 * found.x, atol=1e-6)
    again = sk.solve(problem, found, sk.SPDHG(batch=4), tol=1e-6)
    assert again.iterations <= 2


@pytest.mark.parametrize("tau", [None, 0.02, 1.0])
def test_a_step_falls_by_its_rate_in_expectation(tau):
    """E V⁺ ≤ θV on the states in which one block has moved: V is a quadratic form."""
    L = [RNG.normal(size=(2, N)), RNG.normal(size=(1, N)), 3.0 * RNG.normal(size=(1, N))]
    F = sk.Affine(0.5 * np.eye(N) + np.array([[0, 1, 0], [-1, 0, 2], [0, -2, 0]]))
    G = [sk.Affine(c * np.eye(len(M))) for c, M in zip((1.0, 2.0, 0.5), L, strict=True)]
    composed = sum(B.pullback(M) for B, M in zip(G[1:], L[1:], strict=True)) + G[0].pullback(L[0])
    plan = sk.plan(F + composed, np.zeros(N), sk.SPDHG(tau=tau))
    method, terms = plan.method, plan.terms
    iteration, dual = method.iteration(*terms), method.parts(terms[1])
    sizes = [block.L(np.zeros(N)).shape[0] for block in dual.blocks]
    ends = np.cumsum([N, *sizes])
    tau, theta, p, sigma = method.tau, iteration.theta, dual.chances, iteration.sigmas
    assert theta < 1
    assert method.theorem(*terms).rate == pytest.approx(theta ** (len(p) / 2))

    def form(j):
        """V on (x, y, dⱼ)."""
        size = ends[-1] + sizes[j]
        V = np.zeros((size, size))
        V[:N, :N] = (1 / tau + 2 * F.strong_monotonicity) * np.eye(N)
        for i, block in enumerate(dual.blocks):
            own = slice(ends[i], ends[i + 1])
            delta = block.B.properties.cocoercivity
            V[own, own] = (1 / sigma[i] + 2 * delta) / p[i] * np.eye(sizes[i])
        V[ends[-1] :, ends[-1] :] = np.eye(sizes[j]) / (sigma[j] * p[j])
        M = np.stack([dual.blocks[j].L(e) for e in np.eye(N)], axis=1)
        V[:N, ends[-1] :], V[ends[-1] :, :N] = -M.T / p[j], -M / p[j]
        return V

    def moved(s, j, i):
        """(x⁺, y⁺, dᵢ) of a step with block i."""
        x, ys = s[:N], [s[ends[k] : ends[k + 1]] for k in range(len(sizes))]
        ahead = iteration.coupled(tuple(ys)) + theta / p[j] * iteration.adjoints[j](s[ends[-1] :])
        x = iteration.R(x - tau * ahead)
        new = iteration.ascended(i, ys[i], x)
        ys[i], change = new, new - ys[i]
        return np.concatenate([x, *ys, change])

    for j in range(len(sizes)):
        V, after = form(j), 0.0
        for i in range(len(sizes)):
            T = np.stack([moved(e, j, i) for e in np.eye(len(V))], axis=1)
            after = after + p[i] * T.T @ form(i) @ T
        assert eigh(V, eigvals_only=True)[0] > 0
        assert eigh(after, V, eigvals_only=True)[-1] <= theta * (1 + 1e-10)


@sampled(0)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_draws_are_the_same_on_every_library(xp, dtype):
    array = lambda a: xp.asarray(a, dtype=getattr(xp, dtype))  # noqa: E731
    options = {"tol": 0, "max_iter": 1, "on_failure": "return"}
    method = sk.SPDHG(batch=2, tau=0.1, seed=9)
    found, expected = (
        sk.minimize(f.L1Norm().translate(to(B[:4])) @ to(A[:4]), to(np.zeros(N)), method, **options)
        for to in (array, np.asarray)
    )
    atol = 1e-4 if dtype == "float32" else 1e-12
    for one, other in ((found.x, expected.x), (found.dual, expected.dual)):
        assert one.dtype == getattr(xp, dtype)
        np.testing.assert_allclose(to_numpy(one), other, atol=atol)


def test_resuming_goes_on_bit_for_bit():
    problem, options = SUMS["absolute values"], {"tol": 0, "on_failure": "return"}
    first = sk.minimize(problem, np.zeros(N), sk.SPDHG(batch=4), max_iter=20, **options)
    second = sk.minimize(problem, np.zeros(N), resume=first, max_iter=15, **options)
    whole = sk.minimize(problem, np.zeros(N), sk.SPDHG(batch=4), max_iter=35, **options)
    np.testing.assert_array_equal(second.x, whole.x)


def test_a_batch_of_problems_and_complex_points():
    b = np.stack([B, B[::-1]])
    problem = f.L1Norm().translate(b) @ A + f.Box(-3.0, 3.0)
    method, options = sk.SPDHG(batch=4, tau=0.01), {"tol": 0, "max_iter": 9}
    options["on_failure"] = "return"
    found = sk.minimize(problem, np.zeros((2, N)), method, batch_ndim=1, **options)
    for i in range(2):
        alone = f.L1Norm().translate(b[i]) @ A + f.Box(-3.0, 3.0)
        expected = sk.minimize(alone, np.zeros(N), method, **options)
        np.testing.assert_allclose(found.x[i], expected.x, atol=1e-12)
    complex_problem = f.L1Norm().translate(1j * B) @ A + f.SquaredL2()
    turned = sk.minimize(complex_problem, np.zeros(N, complex), sk.SPDHG(batch=4), tol=1e-8).x
    real = sk.minimize(f.L1Norm().translate(B) @ A + f.SquaredL2(), np.zeros(N), tol=1e-10).x
    np.testing.assert_allclose(turned, 1j * real, atol=1e-6)


@pytest.mark.parametrize(
    ("problem", "options", "says"),
    [
        (f.L2Norm() @ A + f.Box(-1.0, 1.0), {}, "no sum of parts"),
        (f.L1Norm() @ A + f.MCP(), {}, "maximal monotone"),
        (f.Box(-1.0, 1.0) + f.L1Norm(), {}, "more than the 1 that it takes"),
    ],
    ids=["one part", "not convex", "nothing composed"],
)
def test_what_no_theorem_covers_is_refused(problem, options, says):
    with pytest.raises(sk.NoGuaranteeError, match=says):
        sk.minimize(problem, np.zeros(N), sk.SPDHG(**options))
