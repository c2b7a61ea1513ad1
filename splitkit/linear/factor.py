"""The inverse of a square matrix that comes in any units.

With S = diag(s), s powers of two near 1/√|mᵢᵢ|, SMS is inverted in place of M: exact scaling, by
which a positive definite M has the least condition number up to a factor n. It is singular to
rounding where n·eps·‖SMS‖₁‖(SMS)⁻¹‖₁ ≥ 1.

Sources: van der Sluis, *Condition numbers and equilibration of matrices* (1969), Thm. 4.1; Higham,
*Accuracy and Stability of Numerical Algorithms* (2002), §10.1, §12.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg.lapack

from splitkit.backend import Array, adjoint_of, device, is_traced, namespace, power_of_two

PLAIN = 100  # rounding units for each row within which a residual needs no refinement


def is_symmetric(M: Array) -> bool:
    """Whether it is, to the last bit; of a complex one, whether it is Hermitian."""
    if M.shape[0] != M.shape[1]:
        return False
    same = namespace(M).all(M == adjoint_of(M))
    return not is_traced(same) and bool(same)


def balancing(diagonal: Array) -> Array:
    """s, powers of two, with s²|d| between ¼ and 4; 1 where d is 0."""
    xp = namespace(diagonal)
    size = xp.sqrt(xp.abs(diagonal))
    return 1 / power_of_two(xp.where(size > 0, size, xp.ones_like(size)))


def inverse(M: Array) -> tuple[Array, bool]:
    """M⁻¹, and whether it must be refined by residuals to be as good as a factorization.

    Raises
    ------
    numpy.linalg.LinAlgError
        M is singular to rounding, or symmetric and not positive definite.
    """
    xp, n = namespace(M), M.shape[0]
    s = balancing(xp.linalg.diagonal(M))
    scaled = M * s[:, None] * s
    try:
        V = _of_positive(scaled) if is_symmetric(scaled) else xp.linalg.inv(scaled)
    except (ArithmeticError, RuntimeError, ValueError) as error:  # each library's own
        raise np.linalg.LinAlgError(
            f"a matrix of {n} rows is singular to rounding, or not positive definite"
        ) from error
    if is_traced(V):  # there are no values to judge it by
        return V * s[:, None] * s, True
    eps = float(xp.finfo(M.dtype).eps)
    condition = _one_norm(scaled) * _one_norm(V)
    if not n * eps * condition < 1:
        raise np.linalg.LinAlgError(
            f"a matrix of {n} rows is singular to rounding: its condition number is "
            f"{condition:.2g}, in the best units"
        )
    identity = xp.eye(n, dtype=M.dtype, device=device(M))
    residual = float(xp.max(xp.abs(scaled @ V - identity)))
    return V * s[:, None] * s, residual > PLAIN * n * eps


def balanced_condition(M: Array, V: Array) -> float:
    """‖SMS‖₁‖(SMS)⁻¹‖₁ of M with the inverse V: no digit of V is known where n·eps of it is 1."""
    s = balancing(namespace(M).linalg.diagonal(M))
    return _one_norm(M * s[:, None] * s) * _one_norm(V / s[:, None] / s)


def is_positive(M: Array) -> bool:
    """Whether Cholesky's factorization of a symmetric matrix exists."""
    xp = namespace(M)
    try:
        C = xp.linalg.cholesky(M)
    except (ArithmeticError, RuntimeError, ValueError):
        return False
    return bool(xp.all(xp.isfinite(xp.linalg.diagonal(C))))


def _of_positive(M: Array) -> Array:
    xp: Any = namespace(M)
    if isinstance(M, np.ndarray):
        potrf, potri = scipy.linalg.lapack.get_lapack_funcs(("potrf", "potri"), (M,))
        C, failed = potrf(M, lower=True)
        if failed:
            raise np.linalg.LinAlgError(f"the leading minor of {failed} rows is not positive")
        V, _ = potri(C, lower=True)
        V = np.tril(V)
        return V + adjoint_of(np.tril(V, -1))
    if not is_positive(M):
        raise np.linalg.LinAlgError("the matrix is not positive definite")
    V = xp.linalg.inv(M)
    return (V + adjoint_of(V)) / 2


def _one_norm(M: Array) -> float:
    xp = namespace(M)
    return float(xp.max(xp.sum(xp.abs(M), axis=0)))
