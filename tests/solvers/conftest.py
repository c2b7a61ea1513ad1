"""Problems that the solver tests share."""

import numpy as np
import pytest

import splitkit as sk


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def strongly_monotone(rng):
    """(M, q, x*): 0 ∈ Mx − q + N_{x ≥ 0}(x) with M monotone and not symmetric, for 5 vectors q."""
    S = rng.normal(size=(6, 6))
    M = S @ S.T / 6 + 0.5 * np.eye(6) + (S - S.T)
    x = np.maximum(rng.normal(size=(5, 6)), 0)
    multiplier = np.where(x > 0, 0, -np.abs(rng.normal(size=(5, 6))))
    return M, x @ M.T + multiplier, x


@pytest.fixture
def non_negative():
    return sk.NormalCone(sk.functions.NonNegative())
