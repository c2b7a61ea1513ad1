"""LᵀAL for any L: the iterative resolvent against exact ones, at every scale and accuracy."""

import numpy as np
import pytest

import splitkit as sk
from splitkit.backend import Space
from splitkit.functions import Box, L0Norm, L1Norm, SquaredL2, TotalVariation1D
from splitkit.linear import DenseMatrix, MatrixFree

N = 12
D = np.diff(np.eye(N), axis=0)
SCALES = [1e-8, 1e-3, 1.0, 1e3, 1e8]
# ‖L‖ and μ of the differences: LLᵀ has the eigenvalues 2 − 2cos(πk/N), k < N
NORM, LEAST = 2 * np.cos(np.pi / (2 * N)), 2 * np.sin(np.pi / (2 * N))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("accuracy", [1e-2, 1e-5, None])
def test_the_stated_accuracy_is_met_at_every_scale(accuracy, dtype):
    rng = np.random.default_rng(0)
    f = (L1Norm(batch_ndim=1) @ DenseMatrix(D.astype(dtype))).with_accuracy(accuracy)
    relative = max(accuracy or 0.0, 8 * np.finfo(dtype).eps)
    alpha = np.asarray(SCALES, dtype)
    for scale in SCALES:
        y = (scale * rng.normal(size=(len(SCALES), N))).astype(dtype)
        exact = TotalVariation1D(batch_ndim=1).prox(y.astype(float), alpha.astype(float))
        p = f.prox(y, alpha)
        sizes = np.linalg.norm(y, axis=-1) + np.linalg.norm(p, axis=-1)
        # beside what was asked for, the rounding of v ≤ ‖y‖/(αμ)
        allowed = 2 * relative * NORM / LEAST * sizes + 50 * np.finfo(dtype).eps * sizes / LEAST**2
        assert p.dtype == dtype
        assert np.all(np.linalg.norm(p - exact, axis=-1) <= allowed)


def test_rotations_under_an_ill_conditioned_map():
    """A is no gradient: plain forward-backward steps on the dual."""
    rng = np.random.default_rng(1)
    M, L = np.array([[0.3, 1.0], [-1.0, 0.3]]), np.array([[2.0, 0.3, 0.0], [0.0, 0.5, -0.4]])
    A = sk.Affine(M, rng.normal(size=2))
    for alpha in (0.1, 1.0, 10.0):
        R = A.pullback(DenseMatrix(L)).with_accuracy(1e-9, batch_ndim=1).resolvent(alpha)
        y = rng.normal(size=(3, 3))
        exact = np.linalg.solve(np.eye(3) + alpha * L.T @ M @ L, (y + alpha * A.q @ L).T).T
        np.testing.assert_allclose(R(y), exact, atol=1e-7)


def test_the_residual_is_what_the_accuracy_says():
    """v = (y − x)/α-pulled ∈ ∂f(Lx + ε): for f = ½‖·‖², v = Lx + ε."""
    L, y = np.array([[1.0, 2.0], [0.0, 0.1]]), np.array([3.0, -1.0])
    f = SquaredL2() @ DenseMatrix(L)
    for accuracy in (1e-2, 1e-6):
        x = f.with_accuracy(accuracy).prox(y, 2.0)
        v = np.linalg.solve(L.T, (y - x) / 2.0)
        size = np.linalg.norm(L, 2) * (np.linalg.norm(y) + np.linalg.norm(x))
        assert 0 < np.linalg.norm(v - L @ x) <= accuracy * size


def test_closed_forms_stay_what_they_are():
    isometry = DenseMatrix(np.array([[0.6, 0.8]]))
    f = L1Norm() @ isometry
    assert f.with_accuracy(1e-3) is f
    A = sk.Subdifferential(L1Norm()).pullback(isometry)
    assert A.with_accuracy(1e-3) is A


def test_what_cannot_work_is_refused(monkeypatch):
    L = DenseMatrix(np.array([[1.0, 0.0], [1.0, 1.0]]))
    with pytest.raises(TypeError, match="with_accuracy"):
        (L1Norm() @ L).prox(np.ones(2))
    with pytest.raises(TypeError, match="with_accuracy"):
        sk.Subdifferential(L1Norm()).pullback(L).resolvent(1.0)(np.ones(2))
    with pytest.raises(TypeError, match="not convex"):
        (L0Norm() @ L).with_accuracy(1e-3)
    with pytest.raises(ValueError, match="accuracy = 2"):
        (L1Norm() @ L).with_accuracy(2)
    with pytest.raises(ValueError, match="norm of L"):
        (L1Norm() @ MatrixFree(abs, abs, (2,), (2,))).with_accuracy(1e-3)
    with pytest.raises(ValueError, match="batch_ndim=1"):
        (L1Norm() @ L).with_accuracy(1e-3).check_space(Space.of(np.ones((3, 2)), 1))
    monkeypatch.setattr("splitkit.operators.inexact_pullback.STEPS", 50)
    # no x has both entries of Lx = (x, x) in [0, 1] × [2, 3]
    twice = DenseMatrix(np.array([[1.0], [1.0]]))
    nowhere = Box(np.array([0.0, 2.0]), np.array([1.0, 3.0])) @ twice
    with pytest.raises(ArithmeticError, match="domain of A"):
        nowhere.with_accuracy(1e-3).prox(np.array([0.5]))


def test_three_nonsmooth_terms_by_douglas_rachford():
    """A fused lasso: one term's prox is iterative, and the solution that of the primal-dual way."""
    y = np.random.default_rng(2).normal(size=N)
    f, g = L1Norm(0.3).translate(y), (L1Norm(0.5) @ DenseMatrix(D)).with_accuracy(1e-10)
    x0 = np.zeros(N)
    found = sk.minimize(f + SquaredL2(0.1) + g, x0, tol=1e-9)
    expected = sk.minimize(f + SquaredL2(0.1) + L1Norm(0.5) @ DenseMatrix(D), x0, tol=1e-9)
    np.testing.assert_allclose(found.x, expected.x, atol=1e-5)
