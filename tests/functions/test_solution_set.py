"""{x: Lx = b} of a map is that of its matrix, whatever the rank; programs in it are HiGHS's."""

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse
import torch

import splitkit as sk
from splitkit.functions import AffineSet, L1Norm, SolutionSet
from splitkit.linear import Convolution, Gradient, MatrixFree

rng = np.random.default_rng(0)
A = rng.standard_normal((3, 6))
RANKS = {"whole": A, "dependent": np.vstack([A, A[0] - 2 * A[1]]), "tall": np.vstack([A, A, A])}
KINDS = {
    "sparse": scipy.sparse.csr_array,
    "products": lambda M: MatrixFree(lambda x: x @ M.T, lambda y: y @ M, (M.shape[1],), (len(M),)),
}


@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_affine_set_of_the_matrix(kind, rank):
    M = RANKS[rank]
    b = M @ rng.standard_normal(6)
    C, D = SolutionSet(KINDS[kind](M), b, batch_ndim=1), AffineSet(M, b, batch_ndim=1)
    x = 3 * rng.standard_normal((2, 6))
    np.testing.assert_allclose(C.project(x), D.project(x), atol=1e-11)
    np.testing.assert_allclose(C.recession(x), D.recession(x), atol=1e-11)
    np.testing.assert_allclose(C(D.project(x)), 0.0)
    assert np.isinf(C(x)).all()
    u = x @ np.linalg.pinv(M) @ M
    np.testing.assert_allclose(C.conjugate(u), D.conjugate(u), atol=1e-11)
    np.testing.assert_allclose(C.conjugate.prox(x, 0.7), D.conjugate.prox(x, 0.7), atol=1e-11)


@pytest.mark.parametrize("kind", KINDS)
def test_equations_without_a_solution_are_refused(kind):
    M = RANKS["dependent"]
    with pytest.raises(ValueError, match="off the range of L"):
        SolutionSet(KINDS[kind](M), M @ np.ones(6) + np.eye(4)[3])


@pytest.mark.parametrize("kind", KINDS)
def test_a_right_side_of_another_kind_is_named(kind):
    L = KINDS[kind](A)
    for b in (np.ones(4), np.ones(1), np.ones(()), (np.ones(3),)):
        with pytest.raises(ValueError, match=r"^b is no Lx: .* must have length 3, got"):
            SolutionSet(L, b)
    with pytest.raises(TypeError, match=r"^b is a float"):
        SolutionSet(L, 1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_without_equations_every_point_is_a_solution(kind):
    C = SolutionSet(KINDS[kind](np.ones((0, 6))), np.ones(0))
    x = rng.standard_normal(6)
    np.testing.assert_array_equal(C.project(x), x)
    assert C(x) == 0


def test_a_large_set_is_projected_onto_by_products_alone():
    n = 400
    mean = Convolution(np.full(9, 1 / 9), n)
    D = Gradient(-1, boundary="dirichlet", shape=(n,))
    y, there = rng.standard_normal(n), rng.standard_normal(n)
    for L in (mean, D):
        C = SolutionSet(L, L(there))
        x = C.project(y)
        np.testing.assert_allclose(L(x), L(there), atol=1e-11)
    np.testing.assert_allclose(x, there, atol=1e-8)  # D has an inverse


@pytest.mark.parametrize(("dtype", "far"), [("float32", 25), ("float64", 200)])
def test_squares_of_no_size_are_in_the_way(dtype, far):
    M = RANKS["dependent"].astype(dtype)
    L = MatrixFree(lambda x: x @ M.T, lambda y: y @ M, (6,), (4,))
    x, there = rng.standard_normal((2, 6))
    for size in (10.0**-far, 10.0**far):
        b = (size * (M @ there)).astype(dtype)
        found = SolutionSet(L, b).project((size * x).astype(dtype)).astype(float) / size
        exact = AffineSet(A, A @ there).project(x)
        np.testing.assert_allclose(found, exact, atol=1e4 * float(np.finfo(dtype).eps))


def test_basis_pursuit_is_the_linear_program():
    b = A @ np.array([1.0, 0, 0, 0, -2.0, 0])
    found = sk.minimize(L1Norm() + SolutionSet(scipy.sparse.csr_array(A), b), np.zeros(6), tol=1e-9)
    split = scipy.optimize.linprog(np.ones(12), A_eq=np.hstack([A, -A]), b_eq=b, bounds=(0, None))
    assert abs(found.x).sum() == pytest.approx(split.fun, rel=1e-7)
    np.testing.assert_allclose(A @ found.x, b, atol=1e-7)


@pytest.mark.parametrize("rank", ["whole", "dependent"])
def test_torch_differentiates_the_projection(rank):
    M = RANKS[rank]
    C = SolutionSet(scipy.sparse.csr_array(M), torch.as_tensor(M @ np.ones(6)))
    x = torch.as_tensor(rng.standard_normal(6), dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(C.project, (x,))
    assert torch.autograd.gradcheck(lambda u: C.conjugate.prox(u, 0.5), (x,))


@pytest.mark.parametrize("kind", KINDS)
def test_the_graph_of_a_map_is_that_of_its_matrix(kind):
    point = rng.standard_normal(6), rng.standard_normal(3)
    found = sk.functions.GraphOfLinearMap(KINDS[kind](A)).project(point)
    expected = sk.functions.GraphOfLinearMap(A).project(point)
    for block, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(block, other, atol=1e-12)
