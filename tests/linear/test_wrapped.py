"""What other libraries call a sparse matrix, or an operator, as a map."""

import numpy as np
import pytest
import scipy.sparse
from scipy.sparse.linalg import aslinearoperator

import splitkit as sk
from splitkit.backend import to_numpy

F = sk.functions
RNG = np.random.default_rng(0)
A = RNG.standard_normal((8, 5)) * (RNG.random((8, 5)) < 0.6) + np.eye(8, 5)
b, x = RNG.standard_normal(8), RNG.standard_normal(5)


class Converted:
    """As the sparse arrays of other libraries convert themselves."""

    def to_scipy_sparse(self):
        return scipy.sparse.coo_array(A)


def given(kind):
    """A as this kind has it, and what makes the arrays beside it."""
    if kind == "torch":
        torch = pytest.importorskip("torch")
        return torch.asarray(A).to_sparse(), torch.asarray
    if kind == "jax":
        jax = pytest.importorskip("jax")
        experimental = pytest.importorskip("jax.experimental.sparse")
        return experimental.BCSR.fromdense(jax.numpy.asarray(A)), jax.numpy.asarray
    return Converted(), np.asarray


@pytest.mark.parametrize("kind", ["torch", "jax", "converted"])
def test_sparse_matrices_of_other_libraries_serve_as_scipys(kind):
    matrix, a = given(kind)
    f, wanted = F.LeastSquares(matrix, a(b)), F.LeastSquares(A, b)
    tight = 1e-5 if to_numpy(a(b)).dtype == np.float32 else 1e-12
    assert isinstance(f.A, sk.linear.Sparse)
    for ours, theirs in (
        (f(a(x)), wanted(x)),
        (f.gradient(a(x)), wanted.gradient(x)),
        (f.prox(a(x), 0.7), wanted.prox(x, 0.7)),
        ((F.L1Norm() @ f.A)(a(x)), abs(A @ x).sum()),
    ):
        np.testing.assert_allclose(to_numpy(ours), theirs, rtol=10 * tight, atol=10 * tight)
    for of_rows in (F.AffineSet, F.Polyhedron):
        with pytest.raises(TypeError, match=r"A is a .*: give an array; of what is sparse"):
            of_rows(matrix, a(b))


def test_a_norm_that_is_asked_for_is_estimated_and_licenses_steps():
    op = aslinearoperator(A)
    f, R = F.SquaredL2(center=x), F.L1Norm(0.3)
    with pytest.raises(sk.NoGuaranteeError, match=r'no bound of the norm.*norm="estimate"'):
        sk.minimize(f + R @ sk.linear.wrap(op), 0 * x, sk.ChambollePock())
    L = sk.linear.wrap(op, norm="estimate")
    norm = np.linalg.norm(A, 2)
    assert norm <= L.norm * (1 + 1e-12)
    assert L.norm <= 1.1 * norm
    found = sk.minimize(f + R @ L, 0 * x, sk.ChambollePock(), tol=1e-9).x
    wanted = sk.minimize(f + R @ sk.DenseMatrix(A), 0 * x, tol=1e-10).x
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    with pytest.raises(ValueError, match="norm"):
        sk.linear.wrap(op, norm="guess")
