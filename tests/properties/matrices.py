"""Matrices with their exact constants, to hold against what the algebra tracks."""

import numpy as np
from hypothesis import strategies as st

import splitkit as sk


def strong_monotonicity(M):
    return float(np.linalg.eigvalsh((M + M.T) / 2)[0])


def lipschitz(M):
    return float(np.linalg.norm(M, 2))


def comonotonicity(M):
    """The largest β with ⟨x, Mx⟩ ≥ β‖Mx‖²: the strong monotonicity of the inverse."""
    return strong_monotonicity(np.linalg.inv(M))


def averagedness(M):
    """The smallest θ with ‖(M − (1−θ)I)/θ‖ ≤ 1."""
    return 1 / (2 * comonotonicity(np.eye(len(M)) - M))


def operator(M):
    return sk.Affine(M)


entries = st.floats(-3, 3, width=16)
positive = st.floats(0.0625, 5, width=16)
sizes = st.sampled_from((2, 3))


@st.composite
def square(draw, n=None):
    n = draw(sizes) if n is None else n
    return np.array(
        draw(st.lists(st.lists(entries, min_size=n, max_size=n), min_size=n, max_size=n))
    )


@st.composite
def monotone(draw, n=None, strongly=False, symmetric=False):
    """BᵀB/4 + K − Kᵀ + mI, monotone with at least m."""
    B = draw(square(n))
    K = np.zeros_like(B) if symmetric else draw(square(len(B)))
    m = draw(positive) if strongly else draw(st.sampled_from((0.0, 0.5)))
    return B.T @ B / 4 + K - K.T + m * np.eye(len(B))


@st.composite
def worst(draw):
    """(matrix, m, L) of a general operator for which every formula in m and L is tight."""
    m = draw(positive)
    L = m * draw(st.floats(1.05, 20))
    k = np.sqrt(L * L - m * m)
    return np.array([[m, k], [-k, m]]), m, L


@st.composite
def worst_gradient(draw):
    """(matrix, m, L) of a gradient for which every formula in m and L is tight."""
    m = draw(positive)
    L = m * draw(st.floats(1.05, 20))
    return np.diag([m, L]), m, L
