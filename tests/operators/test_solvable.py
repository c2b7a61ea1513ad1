"""(A + H)x ∋ h is solved: h − Hx is in A(x), by what each operator says of itself."""

import numpy as np
import pytest
import scipy.sparse

import splitkit as sk
from splitkit import functions, operators
from splitkit.linear import (
    BlockColumn,
    Convolution,
    DenseMatrix,
    Diagonal,
    ScaledIdentity,
    Sparse,
    weighted_gram,
)

N = 9
RNG = np.random.default_rng(2)
TALL, WIDE = RNG.standard_normal((12, N)), RNG.standard_normal((3, N))
B = RNG.standard_normal(12)
D = RNG.uniform(0.5, 2.0, N)
L1 = sk.Subdifferential(functions.L1Norm(0.7))
MATRIX = TALL.T @ TALL
SKEW = MATRIX + WIDE.T @ WIDE[::-1] - WIDE[::-1].T @ WIDE

EVERY = {
    "dense": weighted_gram([(2.0, DenseMatrix(TALL))]),
    "two terms": weighted_gram([(2.0, DenseMatrix(WIDE)), (0.3, ScaledIdentity())]),
    "rows": weighted_gram([(RNG.uniform(0.5, 2.0, 3), DenseMatrix(WIDE)), (1.0, Diagonal(D))]),
    "column": weighted_gram([(0.5, BlockColumn((DenseMatrix(WIDE), Diagonal(D))))]),
    "sparse": weighted_gram([(1.5, Sparse(scipy.sparse.csr_array(np.diag(D))))]),
    "convolution": weighted_gram([(1.5, Convolution(np.asarray([1.0, 3.0, 0.5]), N))]),
    "identity": weighted_gram([(0.4, ScaledIdentity())]),
}
QUADRATIC = {
    "affine": sk.Affine(MATRIX, D),
    "skew part": sk.Affine(SKEW, D),
    "quadratic": sk.Subdifferential(functions.Quadratic(MATRIX, D)),
    "sparse": sk.Subdifferential(functions.Quadratic(scipy.sparse.csr_array(np.diag(D)), D)),
    "least squares": sk.Subdifferential(functions.LeastSquares(TALL, B)),
    "wide": sk.Subdifferential(functions.LeastSquares(WIDE, B[:3])),
    "composed": sk.Subdifferential(functions.SquaredL2(0.5, B[:3]) @ DenseMatrix(WIDE)),
    "squares": sk.Subdifferential(functions.SquaredL2(D, D)),
    "of sums": sk.Subdifferential(
        functions.LeastSquares(WIDE, B[:3]) + 2.0 * functions.Quadratic(MATRIX).translate(D)
    ),
    "zero": operators.Zero(),
    "identity": operators.Identity() * 0.5,
    "shifted": sk.Subdifferential(functions.Quadratic(MATRIX)).shift(D) + operators.Identity(),
}
ELEMENTWISE = {
    "l1": L1,
    "box": sk.NormalCone(functions.Box(-0.1, 0.2)),
    "l1 moved": 0.5 * L1.translate(D).shift(0.1 * D) + operators.Identity(),
    "l1 + quadratic": L1 + sk.Subdifferential(functions.SquaredL2(D)),
}


def cases():
    for a, A in QUADRATIC.items():
        yield from (pytest.param(A, H, id=f"{a}, {name}") for name, H in EVERY.items())
    for a, A in ELEMENTWISE.items():
        for c in (D, 0.3):
            H = Diagonal(c) if isinstance(c, np.ndarray) else ScaledIdentity(c)
            yield pytest.param(A, H, id=f"{a}, {H}")


@pytest.mark.parametrize(("A", "H"), list(cases()))
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_what_is_solved_satisfies_its_inclusion(A, H, scale):
    H = scale * H
    found = A.solvable_with(H)
    assert found is not None
    assert found.how
    h = scale * RNG.standard_normal((4, N))
    x = found.make()(h)
    size = np.linalg.norm(h) + scale * np.linalg.norm(x) * max(1.0, H.norm / scale)
    if A.has_evaluation:
        size += np.linalg.norm(A(x)) + np.linalg.norm(x) * (A.lipschitz or 0.0)
    residual = A.graph_residual(x, h - H(x), alpha=1e-3)
    assert np.max(residual) <= 1e-12 * (1e-3 * size + np.linalg.norm(x))


def test_nothing_is_factored_before_it_is_asked_for(monkeypatch):
    def fail(*_):
        raise AssertionError("a factorization")

    monkeypatch.setattr(DenseMatrix, "inverted", fail)
    found = QUADRATIC["quadratic"].solvable_with(EVERY["dense"])
    assert "Cholesky" in found.how


def test_a_singular_system_is_refused_when_it_is_made():
    F = sk.Subdifferential(functions.LeastSquares(WIDE, B[:3]))
    found = F.solvable_with(weighted_gram([(1.0, DenseMatrix(WIDE))]))
    with pytest.raises(np.linalg.LinAlgError, match="singular"):
        found.make()


def test_what_no_structure_solves_says_so():
    assert L1.solvable_with(EVERY["dense"]) is None
    assert (L1 + L1).solvable_with(EVERY["identity"]) is None


def test_blocks_are_solved_block_by_block():
    A = operators.BlockDiagonal((L1, QUADRATIC["quadratic"]))
    both = BlockColumn((DenseMatrix(WIDE), Diagonal(D)))
    H = sk.linear.BlockDiagonalMap((ScaledIdentity(2.0), weighted_gram([(1.0, both)])))
    h = RNG.standard_normal(N), RNG.standard_normal(N)
    x = A.solvable_with(H).make()(h)
    values = H(x)
    assert A.contains(x, tuple(a - b for a, b in zip(h, values, strict=True)))
