"""iPiano and the spectral proximal gradient method: what falls, where they end, what is refused."""

import numpy as np
import pytest

import splitkit as sk
from splitkit.backend import Space, to_numpy
from tests.sampling import sampled
from tests.solvers.quartic import Quartic

f = sk.functions
RNG = np.random.default_rng(8)
A = RNG.normal(size=(12, 20)) @ np.diag(np.logspace(0, -1, 20))
B = RNG.normal(size=12)
WEIGHT = 0.05 * np.abs(A.T @ B).max()
L = np.linalg.norm(A, 2) ** 2
FIT = f.LeastSquares(A, B)
PENALTIES = {
    "l1": f.L1Norm(WEIGHT),
    "MCP": f.MCP(gamma=2 / L, weight=WEIGHT),
    "l0": f.L0Norm(WEIGHT),
    "l0 ball": f.L0Ball(4),
}
EACH = pytest.mark.parametrize("name", PENALTIES)
KINDS = pytest.mark.parametrize(
    "kind", [sk.IPiano, sk.SpectralProximalGradient], ids=lambda kind: kind.label
)


@EACH
@KINDS
def test_ends_at_a_stationary_point(kind, name):
    """By plain NumPy: x is the prox of a short gradient step."""
    g = PENALTIES[name]
    found = sk.minimize(FIT + g, np.zeros(20), kind(), tol=1e-8, max_iter=50_000)
    x, alpha = found.x, 1e-3 / L
    step = g.prox(x - alpha * A.T @ (A @ x - B), alpha)
    np.testing.assert_allclose(step, x, atol=1e-6 * alpha * np.linalg.norm(A.T @ B))
    assert ("proves no minimum" in found.message) == (name != "l1")


def states(method, g, count):
    terms = method.terms(sk.Subdifferential(FIT), sk.Subdifferential(g))
    method = method.choosing(*terms)
    iteration, x0 = method.iteration(*terms), RNG.normal(size=20)
    state = iteration.step(iteration.begin(x0, Space.of(x0)))
    for _ in range(count):
        state = iteration.step(state)
        yield method, state


@pytest.mark.parametrize(("name", "beta"), [("l1", 0.9), ("MCP", 0.7), ("l0", 0.3), ("MCP", 0.2)])
def test_the_energy_of_ipiano_falls(name, beta):
    g = PENALTIES[name]
    H = np.inf
    for method, (x, before) in states(sk.IPiano(beta=beta), g, 60):
        now = FIT(x) + g(x) + beta / (2 * method.alpha) * np.sum((x - before) ** 2)
        assert now <= H + 1e-12 * abs(now)
        H = now


def test_the_longest_step_of_ipiano_is_the_theorem_s():
    F = sk.Subdifferential(FIT)
    for g, beta, bound in (
        (PENALTIES["l1"], 0.8, 2 * 0.2 / L),
        (PENALTIES["MCP"], 0.8, 2 * 0.2 / (L + L / 2)),
        (PENALTIES["l0"], 0.4, 0.2 / L),
    ):
        G = sk.Subdifferential(g)
        assert sk.IPiano(alpha=0.999 * bound, beta=beta).guarantee(F, G).holds
        assert not sk.IPiano(alpha=1.001 * bound, beta=beta).guarantee(F, G).holds


@EACH
def test_the_values_stay_below_their_mean(name):
    g = PENALTIES[name]
    for _, (x, value, slope, merit, _, _) in states(sk.SpectralProximalGradient(), g, 30):
        np.testing.assert_allclose(value, FIT(x))
        np.testing.assert_allclose(slope, A.T @ (A @ x - B), atol=1e-12)
        assert value + g(x) <= merit * (1 + 1e-12)


def test_without_a_constant():
    """Σ ¼xᵢ⁴, of a start far away, in a box that x₀ is not in."""

    problem = Quartic().translate(np.array([1.0, -3.0])) + f.Box(0.5, 2.0)
    found = sk.minimize(problem, np.array([100.0, -50.0]), sk.SpectralProximalGradient())
    np.testing.assert_allclose(found.x, [1.0, 0.5], atol=2e-2)


@sampled(0)
@KINDS
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_library_and_batches(kind, xp, dtype):
    array = lambda a: xp.asarray(a, dtype=getattr(xp, dtype))  # noqa: E731
    b = np.stack([B, 2.0 * B[::-1]])
    options = {"tol": 0, "max_iter": 3, "on_failure": "return"}
    problem = f.LeastSquares(array(A), array(b), batch_ndim=1) + f.L1Norm(WEIGHT)
    found = sk.minimize(problem, array(np.zeros((2, 20))), kind(), batch_ndim=1, **options)
    assert found.x.dtype == getattr(xp, dtype)
    rtol = 1e-3 if dtype == "float32" else 1e-9
    for i in range(2):
        alone = f.LeastSquares(A, b[i]) + f.L1Norm(WEIGHT)
        expected = sk.minimize(alone, np.zeros(20), kind(), **options).x
        np.testing.assert_allclose(to_numpy(found.x)[i], expected, rtol, atol=rtol)


@pytest.mark.parametrize(
    ("method", "F", "g", "says"),
    [
        (sk.IPiano(alpha=10.0), FIT, PENALTIES["l1"], "too long"),
        (sk.IPiano(beta=0.6), FIT, PENALTIES["l0"], "too large"),
        (sk.IPiano(), Quartic(), PENALTIES["l1"], "no known Lipschitz constant"),
    ],
    ids=["step", "momentum", "no constant"],
)
def test_what_no_theorem_covers_is_refused(method, F, g, says):
    with pytest.raises(sk.NoGuaranteeError, match=says):
        sk.minimize(F + g, np.zeros(20), method)


@KINDS
def test_no_function_is_refused(kind):
    turn = sk.Affine(np.array([[1.0, 1.0], [-1.0, 1.0]]))
    with pytest.raises(sk.NoGuaranteeError, match="must be the "):
        sk.solve(turn + sk.NormalCone(f.L2Ball()), np.ones(2), kind())
