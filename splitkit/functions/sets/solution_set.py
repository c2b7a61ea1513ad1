"""{x: Lx = b} for a linear map L, sparse or known by its products alone."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.sparse import block_array, csr_array, eye_array

from splitkit.arguments import check_broadcast
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    add,
    blocks,
    from_numpy,
    lincomb,
    norm,
    pairing,
    scale,
    subtract,
    to_numpy,
    with_adjoint,
)
from splitkit.functions.base import Function, Indicator, infinite_where, required
from splitkit.functions.inner.accuracy import Inexact, tolerance
from splitkit.functions.sets.affine_set import AffineSet
from splitkit.linear.base import LinearOperator
from splitkit.linear.dense import DenseMatrix
from splitkit.linear.iterative import ROUNDING, krylov
from splitkit.linear.last_axes import LastAxesMap
from splitkit.linear.low_rank import PlusLowRank
from splitkit.linear.sparse import Sparse, hermitian
from splitkit.linear.sums import SumOver
from splitkit.linear.wrapped import wrap
from splitkit.operators.base import PointMap
from splitkit.operators.solvable import Solvable
from splitkit.properties import Properties

REGULAR = 1e-3  # of a factor's condition, in units of rounding, which refinements make up for


def _check_map(name: str, value: Any) -> LinearOperator:
    return wrap(value, argument=name)


def _check_point(name: str, value: Any) -> Point:
    Space.of(value, name=name)
    return value


class SolutionSet(Inexact, Indicator):
    """{x: Lx = b}, the solutions of linear equations that a map states.

    The projection is y − L⁺(Ly − b), the shortest step: L⁺ = Lᵀ/ν where LLᵀ = νI; Lᵀ(LLᵀ)⁻¹ by a
    sparse factorization, made once, of a sparse L of independent rows; else by conjugate gradients
    on the normal equations, which find the shortest solution whatever the rank.

    Sources: Parikh, Boyd, *Proximal Algorithms* (2014), §6.2.2; Björck, *Numerical Methods for
    Least Squares Problems* (1996), §7.4.

    Parameters
    ----------
    L : SciPy sparse array, LinearOperator, or what ``linear.wrap`` takes
        Of any rank. Of a matrix ``AffineSet`` knows more.
    b : point
        Finite, in the range of L; dtype and device of x; broadcasts to Lx.

    Raises
    ------
    TypeError, ValueError
        L is no linear map, b does not fit it, or no x has Lx = b.
    numpy.linalg.LinAlgError
        In a projection: the accuracy was not reached.

    Notes
    -----
    ``accuracy`` bounds what is left of Ly − b, relative to its size. By iteration a projection
    takes about as many products with L and Lᵀ as the condition number of L.

    Examples
    --------
    >>> total = sk.linear.SumOver(3)
    >>> C = sk.functions.SolutionSet(total, np.array([3.0]))
    >>> print(C.project(np.array([1.0, 2.0, 6.0])))
    [-1.  0.  4.]
    """

    formula = r"\{L x = b\}"
    polyhedral = True
    subtracts = True
    acts_on_complex = True

    L: LinearOperator = required(_check_map)
    b: Point = required(_check_point)

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            self.L.domain_space(Space.of(self.b, name="b", known_finite=True))
        except (TypeError, ValueError) as error:
            raise type(error)(f"b is no Lx: {error}") from error
        self._factor = self._factored()
        try:
            with np.errstate(over="ignore"):  # of squares, without which norms do
                self._least = self._shortest(self.b, 0)
        except np.linalg.LinAlgError as error:
            raise ValueError(str(error)) from error

    @property
    def properties(self) -> Properties:
        return replace(super().properties, linear=True)

    def _factored(self) -> LinearOperator | None:
        """(LLᵀ)⁻¹ of a sparse L of independent rows."""
        if self.L.gram or not isinstance(self.L, Sparse):
            return None
        M = self.L.matrix
        if 0 in M.shape:
            return None
        try:
            V = Sparse(M @ M.conj().T).inverted()
        except np.linalg.LinAlgError:
            return None
        r = np.random.default_rng(0).standard_normal(M.shape[0]).astype(M.dtype)
        condition = float(np.linalg.norm(V(r)) / np.linalg.norm(r)) * self.L.norm**2
        return V if condition * float(np.finfo(M.dtype).eps) < REGULAR else None

    def _shortest(self, r: Point, batch_ndim: int, beside: Scalar = 0.0) -> Point:
        """L⁺r for an r in the range of L, but for the rounding of what it is the difference of."""
        L = self.L
        if L.gram:
            return scale(1 / L.gram, L.adjoint(r))
        space = Space.of(r, batch_ndim, name="Lx − b", known_finite=True)
        relative = ROUNDING * space.eps
        wanted = tolerance(self.accuracy, blocks(r)[0]) * space.norm(r) + relative * beside
        entries = sum(math.prod(shape[batch_ndim:]) for shape in space.shapes)
        rest, x, before = r, scale(0.0, L.adjoint(r)), math.inf
        while True:
            if self._factor is not None:
                dx = L.adjoint(self._factor(rest))
            else:
                dx, _ = krylov(L, L.adjoint, False, rest, wanted, entries + 8, space)
            x = add(x, dx)
            rest = subtract(r, L(x))
            size = space.norm(rest)
            if bool(space.xp.all(size <= wanted + relative * self._gain * space.norm(x))):
                return x
            far = float(space.xp.max(size / (space.norm(r) + space.least)))
            if not far < before / 2:  # nor would more steps do, but let x drift along the kernel
                break
            before = far
        raise np.linalg.LinAlgError(
            f"Lx = b with L = {L!r} is met to {far:.2g} of its right side, not to rounding: "
            "correct a b that is off the range of L, or give a larger accuracy"
        )

    @property
    def solves_with_matrices(self) -> bool:  # type: ignore[override]
        """Of sparse rows that do not depend on each other."""
        return self._factor is not None

    def solvable_with(self, H: LinearOperator) -> Solvable | None:
        """Hx + Lᵀν = h, Lx = b, one sparse system where H = B + UᵀU is: Bx + Uᵀμ + Lᵀν = h, Ux = μ.
        Of a dense H what ``AffineSet`` has.
        """
        if self._factor is None or not isinstance(self.b, np.ndarray) or self.b.ndim != 1:
            return None
        assert isinstance(self.L, Sparse)  # as it has a factor
        L, b, M = self.L.matrix, self.b, H.merged
        if isinstance(M, DenseMatrix):
            return AffineSet(
                from_numpy(L.toarray(), M.matrix), from_numpy(b, M.matrix)
            ).solvable_with(M)
        m, n = L.shape
        base, U = (M.base, M.U.matrix) if isinstance(M, PlusLowRank) else (M, csr_array((0, n)))
        B = (Sparse(csr_array((n, n), dtype=L.dtype)) + base).merged
        if not isinstance(B, Sparse):
            return None
        below = -eye_array(U.shape[0], dtype=L.dtype)
        whole = block_array(
            [[B.matrix, hermitian(L), hermitian(U)], [L, None, None], [U, None, below]],
            format="csr",
        )

        def make() -> PointMap:
            V = Sparse(whole).inverted()

            def solve(h: Point) -> Point:
                right = np.zeros((*h.shape[:-1], whole.shape[0]), dtype=h.dtype)
                right[..., :n], right[..., n : n + m] = h, b
                return self.project(V(right)[..., :n])

            return solve

        return Solvable(f"sparse LU of {whole.shape[0]} rows", make)

    @property
    def _gain(self) -> float:
        return self.L.norm if self.L.norm < math.inf else 0.0

    def _step(self, x: Point) -> Point:
        """L⁺(Lx − b)."""
        size, there = norm(x, self.batch_ndim), float(norm(self.b))
        return self._shortest(
            subtract(self.L(x), self.b), self.batch_ndim, self._gain * size + there
        )

    def _within(self, x: Point) -> Point:
        """L⁺Lx."""
        return self._shortest(self.L(x), self.batch_ndim, self._gain * norm(x, self.batch_ndim))

    def project(self, x: Point) -> Point:
        return with_adjoint(lambda x: subtract(x, self._step(x)), self.recession, x)

    def recession(self, d: Point) -> Point:
        return with_adjoint(lambda d: subtract(d, self._within(d)), self.recession, d)

    def conjugate_value(self, u: Point) -> Array:
        # ⟨u, x⟩ is bounded on the set only if u = Lᵀv, and is then ⟨L⁺b, u⟩
        space = Space.of(u, self.batch_ndim, name="u")
        rounding = max(64 * space.eps, 4 * (self.accuracy or 0.0)) * space.norm(u)
        off = space.norm(self.recession(u))
        return infinite_where(off > rounding, pairing(self._least, u, self.batch_ndim))

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return with_adjoint(
            lambda x: lincomb(1.0, self._within(x), -1.0, scale(alpha, self._spread(x))),
            lambda v: subtract(v, self.recession(v)),
            x,
        )

    def _spread(self, x: Point) -> Point:
        """L⁺b in an array like x."""
        return add(scale(0.0, x), self._least)

    def check_space(self, space: Space) -> None:
        takes_tuples = not isinstance(self.L, LastAxesMap)
        super().check_space(replace(space, is_tuple=False) if takes_tuples else space)
        self.L.check_space(space, f"L of {self!r}")
        check_broadcast(f"b of {self!r}", self.b, self.L.range_space(space))

    def __repr__(self) -> str:
        return f"SolutionSet({self.L!r})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        rows = to_numpy(asarray([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]]))
        dependent = csr_array(np.concatenate((rows, rows[:1] + rows[1:])))
        return [
            (cls(csr_array(rows), asarray([1.0, -1.0]), batch_ndim=1), (4, 3)),
            (cls(dependent, asarray([1.0, -1.0, 0.0])), (3,)),
            (cls(SumOver((2, 3), -1), asarray([[1.0], [2.0]])), (2, 3)),
        ]
