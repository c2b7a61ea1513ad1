"""The duality gap is non-negative, bounds the suboptimality, and vanishes at solutions."""

import numpy as np
import pytest

import splitkit as sk
from splitkit.functions import HalfSpace, Huber, L1Norm, Rank, SquaredL2, duality_gap


@pytest.mark.parametrize("seed", range(3))
def test_the_gap_bounds_what_is_lost(seed):
    """min ½‖x − b‖² + w‖Dx‖₁, whose dual is a box-constrained least-squares problem."""
    rng = np.random.default_rng(seed)
    b = rng.normal(size=8)
    D = sk.DenseMatrix(np.eye(8)[1:] - np.eye(8)[:-1])
    f, g = SquaredL2(center=b), L1Norm(0.4)
    solution = sk.minimize(f + g @ D, np.zeros(8), sk.ChambollePock(), tol=1e-12)
    x, y = solution.u
    y = np.clip(y, -0.4, 0.4)
    assert abs(duality_gap(f, g, x, y, D)) < 1e-9
    best = f(x) + g(D(x))
    for _ in range(20):
        other, dual = x + rng.normal(size=8), np.clip(y + 0.2 * rng.normal(size=7), -0.4, 0.4)
        gap = duality_gap(f, g, other, dual, D)
        assert gap >= f(other) + g(D(other)) - best - 1e-9
        assert gap >= 0


def test_in_a_batch_and_without_a_map():
    f, g = SquaredL2(center=np.array([2.0, -1.0]), batch_ndim=1), L1Norm(batch_ndim=1)
    x = np.array([[1.0, 0.0], [0.0, 0.0]])
    y = np.array([[1.0, -1.0], [0.5, 0.0]])
    gap = duality_gap(f, g, x, y)
    assert gap.shape == (2,)
    assert gap[0] == pytest.approx(0.0, abs=1e-12)
    assert gap[1] > 0.1
    assert duality_gap(f, g, x, 3 * y)[0] == np.inf


def test_a_conjugate_without_a_value_is_named():
    f, g = Huber(), HalfSpace(np.array([1.0, 2.0]), 1.0)
    assert np.isfinite(duality_gap(f, g, np.zeros(2), np.array([0.1, 0.2])))
    with pytest.raises(TypeError, match="Rank"):
        duality_gap(Rank(), SquaredL2(), np.eye(2), np.eye(2))
