"""(I + αL)⁻¹ by Krylov's method, from products with L and Lᵀ alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from splitkit.arguments import POSITIVE, Range, check_integer, check_number, check_parameter
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    add,
    blocks,
    device,
    differentiating,
    is_array,
    lincomb,
    may_record,
    namespace,
    power_of_two,
    scale,
    solving,
    subtract,
    with_adjoint,
    with_derivative,
)
from splitkit.linear.base import LinearOperator, ModifiedMap
from splitkit.meshes import mesh_of

CHECK_EVERY = 8  # iterations between two looks at the residuals from the host
ROUNDING = 16  # rounding units of the terms of a residual that it cannot fall below
REFINEMENTS = 4  # restarts from the true residual, where rounding has parted it from the recursion


def inverse_of(L: LinearOperator, alpha: Scalar, batch_ndim: int) -> LinearOperator:
    """(I + αL)⁻¹ by the structure of L, of samples with that many batch axes; without one,
    iterative.
    """
    M = L.merged
    if M.solver is None:
        return Iterative(M, batch_ndim=batch_ndim).shifted_inverse(alpha)
    return M.shifted_inverse(alpha)


class Iterative(ModifiedMap):
    """L with an iterative shifted inverse of a chosen accuracy.

    (I + αL)⁻¹ by Krylov's method, from products with L and Lᵀ alone.

    Conjugate gradients on (I + αL)x = y if L is symmetric, on the normal equations otherwise
    (CGNR). For L monotone, ‖(I + αL)⁻¹‖ ≤ 1/(1 + αm) ≤ 1: the residual bounds the error. Each
    sample of the batch has its own steps and its own end.

    Sources: Hestenes, Stiefel, *Methods of conjugate gradients for solving linear systems* (1952);
    Saad, *Iterative Methods for Sparse Linear Systems* (2003), §6.7, §8.3.1.

    Parameters
    ----------
    L : LinearOperator
        Of a space into itself, known to be monotone.
    tol : float, optional
        ‖y − (I + αL)x‖ ≤ tol‖y‖ for every sample, or as near as rounding lets it come; the error of
        x is then at most tol‖y‖/(1 + αm). None: 16 rounding units of the dtype.
    max_iter : int, optional
        None: ten times the entries of a sample, at least 100.
    batch_ndim : int, keyword
        Leading axes that index samples.

    Raises
    ------
    TypeError, ValueError
        L is no linear map, or an option is out of range.

    Examples
    --------
    >>> L = sk.linear.Iterative(sk.DenseMatrix(np.array([[1.0, 2.0], [-2.0, 1.0]])))
    >>> print(L.shifted_inverse(1.0)(np.array([4.0, 0.0])))
    [1. 1.]
    """

    formula = "<L>"
    acts_on_complex = True

    def __init__(
        self,
        L: LinearOperator,
        *,
        tol: float | None = None,
        max_iter: int | None = None,
        batch_ndim: int = 0,
    ) -> None:
        if not isinstance(L, LinearOperator):
            raise TypeError(f"L = {L!r}: give a splitkit.LinearOperator")
        super().__init__(L)
        self.tol = None if tol is None else check_number("tol", tol, Range(0.0, 1.0))
        self.max_iter = None if max_iter is None else check_integer("max_iter", max_iter, 1)
        self.batch_ndim = batch_ndim

    def __call__(self, x: Point) -> Point:
        return self.L(x)

    def adjoint(self, y: Point) -> Point:
        return self.L.adjoint(y)

    def shifted_inverse(self, alpha: Scalar) -> LinearOperator:
        if not self.properties.monotone:
            raise TypeError(
                f"{self.L!r} has no shifted inverse: it is not known to be monotone, so I + αL may "
                "be singular; declare its strong monotonicity, or define shifted_inverse(alpha)"
            )
        return IterativeInverse(self, check_parameter("alpha", alpha, POSITIVE))

    def inverted(self) -> LinearOperator:
        m = self.properties.strong_monotonicity
        if not m or m < 0:
            raise TypeError(
                f"{self.L!r} has no inverse by iteration: it is not known to be strongly monotone; "
                "declare its strong monotonicity"
            )
        return IterativeInverse(self, 1.0, shift=0.0)

    def check_space(self, space: Space, name: str = "L") -> None:
        self.L.check_space(space, name)
        if self.batch_ndim not in (0, space.batch_ndim):
            raise ValueError(
                f"{self!r} has batch_ndim = {self.batch_ndim}, but the problem has "
                f"{space.batch_ndim}: make it with batch_ndim={space.batch_ndim}"
            )


class IterativeInverse(LinearOperator):
    """(cI + αL)⁻¹, c = 1 or 0; ``V(y, guess)`` starts from a guess of the solution.

    Raises, when applied,
    ------
    numpy.linalg.LinAlgError
        The accuracy was not reached; the message says how near it came, and after how many steps.
    """

    acts_on_complex = True

    def __init__(self, L: Iterative, alpha: Scalar, shift: float = 1.0) -> None:
        self.L, self.alpha, self.shift = L, alpha, shift
        self.batch_ndim = alpha.ndim if is_array(alpha) else L.batch_ndim
        m = L.properties.strong_monotonicity or 0.0
        self.norm = 1.0 if is_array(alpha) else 1 / (shift + alpha * m)

    def _shifted(self, x: Point, Lx: Point) -> Point:
        """cx + αLx."""
        return lincomb(self.shift, x, self.alpha, Lx) if self.shift else scale(self.alpha, Lx)

    def __call__(self, x: Point, guess: Point = None) -> Point:
        return self._recorded(x, guess, self.L, self.L.adjoint)

    def adjoint(self, y: Point, guess: Point = None) -> Point:
        return self._recorded(y, guess, self.L.adjoint, self.L)

    def _recorded(self, y: Point, guess: Point, forward: Any, transposed: Any) -> Point:
        """The solution x, which the library differentiates by two steps x + (I + αL)⁻¹r from x held
        fixed, r = y − (I + αL)x: see ``newton_step``. No library knows it of the iteration's steps.
        """

        def rest(x: Point) -> Point:
            return subtract(y, self._shifted(x, forward(x)))

        if not may_record(y):
            return self._solve(y, guess, forward, transposed)
        with solving(y):
            x = found = self._solve(y, guess, forward, transposed)
        if not differentiating(rest(x)):
            return found
        for _ in range(2):
            step = with_adjoint(
                lambda r: self._solve(r, None, forward, transposed),
                lambda v: self._recorded(v, None, transposed, forward),
                rest(x),
            )
            x = add(x, step)
        return with_derivative(found, (x,), lambda: x)

    def _solve(self, y: Point, guess: Point, forward: Any, transposed: Any) -> Point:
        space = _space_of(y, self.batch_ndim)
        eps = float(space.xp.finfo(space.dtype).eps)
        tol = ROUNDING * eps if self.L.tol is None else self.L.tol
        entries = sum(math.prod(shape[self.batch_ndim :]) for shape in space.shapes)
        limit = self.L.max_iter or max(100, 10 * entries)
        gain = (
            self.L.norm if self.L.norm < math.inf else 0.0
        )  # nothing is allowed for what is unknown
        rounding = ROUNDING * eps * (self.shift + self.alpha * gain)
        symmetric = self.L.properties.gradient

        def A(x: Point) -> Point:
            return self._shifted(x, forward(x))

        def A_transposed(r: Point) -> Point:
            return r if symmetric else self._shifted(r, transposed(r))

        wanted = tol * space.norm(y)
        x = scale(0.0, y) if guess is None else guess
        spent = 0
        for _ in range(REFINEMENTS):
            r = subtract(y, A(x)) if spent or guess is not None else y
            size = space.norm(r)
            if bool(space.xp.all(size <= wanted + rounding * space.norm(x))):
                return x
            if spent >= limit:
                break
            dx, steps = krylov(A, A_transposed, symmetric, r, wanted, limit - spent, space)
            x, spent = add(x, dx), spent + steps
        size = space.norm(subtract(y, A(x)))
        if bool(space.xp.all(size <= wanted + rounding * space.norm(x))):
            return x
        ratio = float(space.xp.max(size / space.xp.where(wanted > 0, wanted, 1.0))) * tol
        system = "(I + αL)x" if self.shift else "Lx"
        raise np.linalg.LinAlgError(
            f"{system} = y with L = {self.L.L!r} was solved only to the relative residual "
            f"{ratio:.2g} in {spent} iterations, not to {tol:.2g}: give a larger max_iter or tol "
            "in Iterative(L, ...), a smaller alpha, or a map with a factorization"
        )

    def __repr__(self) -> str:
        inner = f"I + {self.alpha}·{self.L.L!r}" if self.shift else repr(self.L.L)
        return f"({inner})⁻¹"


def krylov(
    A: Any,
    A_transposed: Any,
    symmetric: bool,
    r: Point,
    wanted: Array,
    limit: int,
    space: Space,
) -> tuple[Point, int]:
    """x ≈ A⁻¹r from x = 0, and the iterations that it took; the shortest x with Ax nearest to r,
    where A is not symmetric and has no inverse. Norms are of batch shape in the space.
    """
    xp = space.xp

    def ratio(a: Array, b: Array, where: Array) -> Array:
        return xp.where(where & (b > 0), a / xp.where(b > 0, b, 1.0), 0.0)

    # in units of each sample's r, in which squares are numbers, and what is above 0 stays so
    unit = power_of_two(xp.maximum(space.norm(r), wanted) / 4 + space.least)
    r, wanted = scale(1 / unit, r), wanted / unit
    s = A_transposed(r)
    x = scale(0.0, s)
    p, gamma = s, space.inner(s, s)
    for k in range(1, limit + 1):
        going = space.norm(r) > wanted
        if k % CHECK_EVERY == 0 and not bool(xp.any(going)):
            return scale(unit, x), k - 1
        q = A(p)
        step = ratio(gamma, space.inner(p if symmetric else q, q), going)
        x = lincomb(1.0, x, step, p)
        r = lincomb(1.0, r, -step, q)
        s = A_transposed(r)
        gamma, before = space.inner(s, s), gamma
        p = lincomb(1.0, s, ratio(gamma, before, going), p)
    return scale(unit, x), limit


def _space_of(x: Point, batch_ndim: int) -> Space:
    """The space of x, whose entries are not looked at."""
    arrays = blocks(x)
    shapes = tuple(tuple(a.shape) for a in arrays)
    place = arrays[0].dtype, device(arrays[0]), namespace(x), mesh_of(arrays[0])
    return Space(shapes, isinstance(x, tuple), batch_ndim, *place)
