"""The diagonal that preconditioning finds by itself: rows comparable, in whatever units x is."""

import numpy as np
import pytest

import splitkit as sk
from splitkit import functions as f

SIZE = 12
RNG = np.random.default_rng(3)
B, C = RNG.standard_normal((20, SIZE)), RNG.standard_normal(20)
UNITS = 10.0 ** RNG.uniform(-1, 1, SIZE)
START = np.zeros(SIZE)


def found(inclusion, method=None):
    plan = sk.plan(inclusion, START, sk.Preconditioned(method or sk.DouglasRachford()))
    assert isinstance(plan.method, sk.Preconditioned)
    return plan.method.diagonal


def complementarity(u=1.0):
    M, u = B.T @ B / 20 + 0.1 * np.eye(SIZE), u * np.ones(SIZE)
    return sk.Affine(M * (u[:, None] * u), u * C[:SIZE]) + sk.NormalCone(f.NonNegative())


def test_rows_of_a_matrix_become_comparable():
    d, M = found(complementarity(UNITS)), complementarity(UNITS).terms[0].M.matrix
    scaled = np.sqrt(d)[:, None] * M * np.sqrt(d)
    np.testing.assert_allclose((scaled**2).sum(axis=1), 1.0, rtol=1e-6)


def test_columns_of_a_composed_map_become_comparable():
    """Pock and Chambolle's: d is 1/‖Leⱼ‖²."""
    loss = sk.Subdifferential(f.L1Norm().translate(C)).pullback(sk.DenseMatrix(B * UNITS))
    d = found(loss + sk.NormalCone(f.Box(-1.0, 1.0)), sk.ChambollePock())
    np.testing.assert_allclose(d * ((B * UNITS) ** 2).sum(axis=0), 1.0, rtol=1e-6)


@pytest.mark.parametrize(
    "method", [sk.DouglasRachford(), sk.ForwardBackward(), sk.Anderson(sk.DouglasRachford())]
)
def test_units_no_longer_matter(method):
    """x = x̂/u: diagonals differ by 1/u², so that iterations are the same."""

    def with_own(method):
        if isinstance(method, sk.Anderson):
            return sk.Anderson(with_own(method.method))
        return sk.Preconditioned(method)

    np.testing.assert_allclose(found(complementarity(UNITS)) * UNITS**2, found(complementarity()))
    plain = sk.solve(complementarity(), START, with_own(method), max_iter=20_000)
    other = sk.solve(complementarity(UNITS), START, with_own(method), max_iter=20_000)
    assert abs(plain.iterations - other.iterations) <= 1 + 0.2 * plain.iterations
    np.testing.assert_allclose(other.x * UNITS, plain.x, atol=1e-6)


def test_what_is_given_is_kept():
    diagonal = np.linspace(1.0, 2.0, SIZE)
    method = sk.Preconditioned(sk.DouglasRachford(), diagonal=diagonal)
    assert sk.plan(complementarity(), START, method).method.diagonal is diagonal


def test_where_nothing_is_known_the_error_names_it():
    inclusion = sk.Subdifferential(f.L1Norm()) + sk.NormalCone(f.Box(1.0, 2.0))
    with pytest.raises(ValueError, match=r"diagonal = None: .* give diagonal"):
        found(inclusion)
    pair = sk.MatrixGame(np.eye(2)), (np.array([1.0, 0.0]),) * 2
    with pytest.raises(TypeError, match="diagonal = None: x0 is a tuple"):
        sk.solve(*pair, sk.Preconditioned(sk.DouglasRachford()))
    with pytest.raises(sk.NoGuaranteeError, match="diagonal = None is found by solve"):
        sk.Preconditioned(sk.DouglasRachford()).bind(*complementarity().terms)
