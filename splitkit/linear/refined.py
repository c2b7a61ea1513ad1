"""An inverse V ≈ A⁻¹ with a step of refinement: x ← x + V(b − Ax) from x = Vb.

Rounding of V alone leaves a residual of κ units; the step squares that, so that the residual is
what a factorization in the same precision would leave.
Source: Higham, *Accuracy and Stability of Numerical Algorithms* (2002), §12.2.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from splitkit.backend import Point, add, from_numpy, is_traced, namespace, norm, subtract
from splitkit.linear.base import LinearOperator, ModifiedMap

SETTLED = 16  # rounding units of |A||x| + |b| that a residual may have


class Refined(ModifiedMap):
    """b ↦ x + V(b − Ax), x = Vb."""

    acts_on_complex = True

    def __init__(self, A: LinearOperator, V: LinearOperator) -> None:
        super().__init__(V)
        self.A = A

    def __call__(self, x: Point) -> Point:
        found = self.L(x)
        return add(found, self.L(subtract(x, self.A(found))))

    def adjoint(self, y: Point) -> Point:
        found = self.L.adjoint(y)
        return add(found, self.L.adjoint(subtract(y, self.A.adjoint(found))))

    def write(self, s: Any) -> str:
        return f"{self.A!r}⁻¹"


def verified(
    A: LinearOperator,
    V: LinearOperator,
    shape: tuple[int, ...],
    like: Any,
    *,
    nonexpansive: bool = False,
) -> LinearOperator:
    """V, or V refined where its residuals on random points of this shape ask for it; what ‖A⁻¹‖ ≤ 1
    is known of may fall short of them where its values are right to the rounding of b.

    Raises
    ------
    numpy.linalg.LinAlgError
        Refinement does not settle them: A is singular to rounding.
    """
    # where there are no values to judge it by one refinement costs two products
    tried = [V, Refined(A, V), Refined(A, Refined(A, V))]
    errors = []
    for inverse in tried:
        errors.append(backward_error(A, inverse, shape, like))
        if math.isnan(errors[-1]):
            return tried[1]
        if errors[-1] <= SETTLED:
            return inverse
    if nonexpansive:
        best = tried[errors.index(min(errors))]
        if forward_error(A, best, shape, like) <= SETTLED:
            return best
    raise np.linalg.LinAlgError(
        f"{A!r} is singular to rounding: what solves with it leaves a residual of "
        f"{min(errors):.2g} rounding units of what cancels there"
    )


def forward_error(A: LinearOperator, V: LinearOperator, shape: tuple[int, ...], like: Any) -> float:
    """The greatest ‖V(b − AVb)‖ beside ‖b‖, in units of rounding for each √n: for ‖A⁻¹‖ ≤ 1, by
    which what rounding leaves of b in Vb is not more than b has.
    """
    b = from_numpy(np.random.default_rng(0).standard_normal((3, *shape)), like)
    xp, x = namespace(b), V(b)
    unit = float(xp.finfo(b.dtype).eps) * math.sqrt(math.prod(shape))
    worst = float(xp.max(norm(V(b - A(x)), 1) / norm(b, 1))) / unit
    return math.inf if math.isnan(worst) else worst


def backward_error(
    A: LinearOperator, V: LinearOperator, shape: tuple[int, ...], like: Any
) -> float:
    """The greatest ‖b − AVb‖ beside ‖|A||x| + |b|‖, in units of rounding for each √n; NaN: it is
    traced.
    """
    b = from_numpy(np.random.default_rng(0).standard_normal((3, *shape)), like)
    xp = namespace(b)
    b = xp.concat([b, A(b)])  # of solutions where A is least, and where it is greatest
    x = V(b)
    r, size = b - A(x), A.magnitudes(x, 1) + abs(b)
    unit = float(xp.finfo(b.dtype).eps) * math.sqrt(math.prod(shape))
    if is_traced(r):
        return math.nan
    worst = float(xp.max(norm(r, 1) / norm(size, 1))) / unit
    return math.inf if math.isnan(worst) else worst
