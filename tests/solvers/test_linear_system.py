"""Quadratics on affine sets, and sums of affine operators: one system, solved as one."""

import numpy as np
import pytest
from scipy.sparse import csr_array

import splitkit as sk
from splitkit.functions import AffineSet, Hyperplane, Quadratic, SolutionSet, SquaredL2

N, M = 20, 6


def data(seed=0, *, imaginary=False):
    rng = np.random.default_rng(seed)

    def numbers(*shape):
        real = rng.standard_normal(shape)
        return real + 1j * rng.standard_normal(shape) if imaginary else real

    B, A = numbers(N, N), numbers(M, N)
    P = B.conj().T @ np.diag(np.geomspace(1e-4, 1.0, N)) @ B
    return (P + P.conj().T) / 2, numbers(N), A, A @ numbers(N), (B - B.conj().T) / 2


def of_system(H, q, A, b):
    """x with Hx + q in the range of Aᴴ and Ax = b, and the multipliers."""
    whole = np.block([[H, A.conj().T], [A, np.zeros((len(b), len(b)))]])
    found = np.linalg.solve(whole, np.concatenate((-q, b)))
    return found[:N], found[N:]


P, q, A, b, S = data()
W = np.random.default_rng(1).standard_normal((3, N))
f = Quadratic(P, q)
WAYS = {
    "dense": (f + AffineSet(A, b), P, A, b),
    "sparse": (Quadratic(csr_array(P), q) + SolutionSet(csr_array(A), b), P, A, b),
    "sparse rows": (f + SolutionSet(csr_array(A), b), P, A, b),
    "sparse and low rank": (
        Quadratic(csr_array(P), q) + SquaredL2() @ csr_array(W) + SolutionSet(csr_array(A), b),
        P + W.T @ W,
        A,
        b,
    ),
    "one row": (f + Hyperplane(A[0], b[0]), P, A[:1], b[:1]),
    "several quadratics": (f + SquaredL2() @ W + AffineSet(A, b), P + W.T @ W, A, b),
}


@pytest.mark.parametrize("name", WAYS)
def test_a_quadratic_on_an_affine_set_is_one_system(name):
    function, H, rows, right = WAYS[name]
    x, _ = of_system(H, q, rows, right)
    found = sk.minimize(function, np.zeros(N))
    assert found.method.label == "proximal point"
    assert found.iterations <= 3
    np.testing.assert_allclose(found.x, x, rtol=0, atol=1e-5 * np.linalg.norm(x))
    assert found.error_bound <= 1e-3 * np.linalg.norm(x)


@pytest.mark.parametrize("imaginary", [False, True])
def test_a_linear_equation_on_an_affine_set_need_not_be_symmetric(imaginary):
    P, q, A, b, S = data(2, imaginary=imaginary)
    x, _ = of_system(P + S, q, A, b)
    found = sk.solve(sk.Affine(P + S, -q) + sk.NormalCone(AffineSet(A, b)), 0 * q)
    assert found.iterations <= 3
    np.testing.assert_allclose(found.x, x, rtol=0, atol=1e-6 * np.linalg.norm(x))


def test_affine_operators_are_added_up():
    found = sk.solve(sk.Affine(P, -q) + sk.Affine(S), np.zeros(N))
    assert found.iterations <= 3
    np.testing.assert_allclose(found.x, np.linalg.solve(P + S, -q), rtol=1e-5)


@pytest.mark.parametrize("as_given", [np.asarray, csr_array])
def test_the_kkt_system_of_equations_is_solved_as_one(as_given):
    problem = sk.KKT(Quadratic(as_given(P), q), as_given(A), b)
    found = sk.solve(problem, (np.zeros(N), np.zeros(M)))
    assert found.iterations <= 3
    for one, other in zip(found.x, of_system(P, q, A, b), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5 * np.linalg.norm(other))


def test_what_falls_along_the_set_is_said_to_be_unbounded():
    found = sk.minimize(Quadratic(W.T @ W, q) + AffineSet(A, b), np.zeros(N), on_failure="return")
    assert found.status is sk.Status.UNBOUNDED
    along = found.certificate.direction
    assert np.linalg.norm(W @ along) + np.linalg.norm(A @ along) <= 1e-6 * np.linalg.norm(along)
    assert q @ along < 0


def test_explain_says_how_the_system_is_factored():
    shown = str(sk.explain(WAYS["dense"][0]))
    assert "resolved by Cholesky of 20 rows, and Cholesky of 6 rows" in shown
    quick = sk.explain(Quadratic(np.eye(N) + 1e-3 * W.T @ W, q) + AffineSet(A, b))
    assert quick.chosen.method.label != "proximal point"  # two steps of another cost less
