"""A single-valued term as a sum of parts F₁ + … + Fₙ that cost 1/n of it, each KᵀSK of its own.

    h ∘ A            of an elementwise h: by rows, Fⱼ(x) = Aⱼᵀ∇hⱼ(Aⱼx), Lⱼ = Lip(∇hⱼ)‖Aⱼ‖²
    ½‖Ax − b‖²       likewise
    F₁ + … + Fₙ      where no term has rows: the terms

What is added and has no rows, as a ridge, is evaluated as a whole with each part.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

from splitkit.backend import Point, add, is_array
from splitkit.functions.base import Function
from splitkit.functions.calculus.raised import Raised
from splitkit.functions.calculus.scaled import Scaled
from splitkit.functions.calculus.translated import Translated
from splitkit.functions.losses.least_squares import LeastSquares
from splitkit.functions.losses.squared_l2 import SquaredL2
from splitkit.functions.subdifferential import Subdifferential
from splitkit.linear.affine import Affine
from splitkit.linear.algebra import LinearMultiple, LinearProduct, LinearSum
from splitkit.linear.base import Adjoint, LinearOperator
from splitkit.linear.dense import DenseMatrix
from splitkit.linear.identity import ScaledIdentity
from splitkit.linear.sparse import Sparse
from splitkit.operators.base import Operator, PointMap
from splitkit.operators.combination import Combination
from splitkit.operators.identity import Identity
from splitkit.operators.pullback import Pullback
from splitkit.operators.sum import Sum
from splitkit.solvers.potentials import NoPotentialError, potential

PARTS = 256  # of a matrix whose rows are cut without being told how, at most


@dataclass(frozen=True, eq=False)
class Part:
    """x ↦ KᵀS(Kx).

    Attributes
    ----------
    slope : callable
        z ↦ S(z), which is what is remembered of a part.
    K : LinearOperator
    lipschitz : float
        Of the part.
    """

    slope: PointMap
    K: LinearOperator
    lipschitz: float

    def remembered(self, x: Point) -> Point:
        """S(Kx)."""
        return self.slope(self.K(x))

    def pulled(self, s: Point) -> Point:
        """Kᵀs."""
        return self.K.adjoint(s)


class NoPartsError(TypeError):
    """A term is no finite sum that is known."""


@dataclass(frozen=True, eq=False)
class FiniteSum:
    """F = F₁ + … + Fₙ + H.

    Attributes
    ----------
    parts : tuple of Part
    rest : tuple of callables
        The terms of H, each evaluated as a whole.
    steepness : float
        The Lipschitz constant of H.
    """

    parts: tuple[Part, ...]
    rest: tuple[PointMap, ...]
    steepness: float

    def whole(self, remembered: tuple[Point, ...]) -> Point:
        """Σ Kᵢᵀsᵢ."""
        return reduce(add, (p.pulled(s) for p, s in zip(self.parts, remembered, strict=True)))

    def beside(self, x: Point, v: Point) -> Point:
        """v + H(x)."""
        return reduce(add, (H(x) for H in self.rest), v)

    @classmethod
    def of(cls, A: Operator, batch: int | None) -> FiniteSum:
        """The parts of an operator, of so many rows each.

        Raises
        ------
        NoPartsError
            It is one term without rows, or a part is not known to be the gradient of a convex
            function with a Lipschitz constant.
        """
        parts: list[Part] = []
        others: list[Operator] = []
        for term in addends(A):
            fit = as_fit(term)
            pieces = _by_rows(*fit, batch) if fit is not None and fit[0].has_gradient else None
            if pieces is None:
                others.append(term)
            else:
                parts += pieces
        for term in others:
            known = term.properties
            if not (known.gradient and known.monotone) or known.lipschitz is None:
                raise NoPartsError(
                    f"{term!r} is not known to be the gradient of a convex function with a "
                    "Lipschitz constant"
                )
        if not parts and len(others) > 1:
            parts = [Part(term.make_evaluation(), ONE, _lipschitz(term)) for term in others]
            others = []
        if len(parts) < 2:
            raise NoPartsError(
                f"{A!r} has {len(parts) or 'no'} part: give several terms, or rows, as of "
                "LeastSquares(A, b) or h @ A with an array A and an elementwise h, cut by batch"
            )
        rest = tuple(term.make_evaluation() for term in others)
        return cls(tuple(parts), rest, sum(map(_lipschitz, others)))


ONE = ScaledIdentity()
MADE = (LinearSum, LinearMultiple, LinearProduct)


def _lipschitz(A: Operator) -> float:
    known = A.properties.lipschitz
    assert known is not None  # as was seen
    return known


def addends(A: Operator, c: float = 1.0) -> Iterator[Operator]:
    """cA as a sum of operators, also where A is aI + bB, or x ↦ (M₁ + … + Mₙ)x − q."""
    if isinstance(A, Sum):
        for term in A.terms:
            yield from addends(term, c)
    elif isinstance(A, Combination) and A.a >= 0 and A.b > 0:
        yield from addends(A.A, c * A.b)
        if A.a:
            yield (c * A.a) * Identity()
    elif isinstance(A, Affine) and isinstance(A.M, MADE):
        if A.q is not None:
            yield from addends(Affine(A.M), c)
            yield c * Affine(ScaledIdentity(0.0), A.q)
        elif isinstance(A.M, LinearSum):
            for M in A.M.maps:
                yield from addends(Affine(M), c)
        elif isinstance(A.M, LinearMultiple) and A.M.c > 0:
            yield from addends(Affine(A.M.L), c * A.M.c)
        else:
            yield A if c == 1 else c * A
    else:
        yield A if c == 1 else c * A


def _by_rows(h: Function, M: DenseMatrix | Sparse, batch: int | None) -> list[Part] | None:
    """The parts of h ∘ M; None: h does not say what of it is whose."""
    parts = []
    for _, piece, K in cut_rows(h, M, batch) or ():
        if piece.smoothness is None or not piece.convex:
            return None
        parts.append(Part(piece.gradient, K, piece.smoothness * K.norm**2))
    return parts or None


def cut_rows(
    h: Function, M: DenseMatrix | Sparse, batch: int | None
) -> list[tuple[slice, Function, DenseMatrix | Sparse]] | None:
    """(which rows, hⱼ, Mⱼ), … with h ∘ M = Σ hⱼ ∘ Mⱼ, of so many rows each, for an elementwise h;
    None: h does not say what of it is whose.
    """
    rows = M.matrix.shape[0]
    size = -(-rows // PARTS) if batch is None else batch
    pieces = []
    for first in range(0, rows, size):
        cut = slice(first, min(first + size, rows))
        piece = restricted(h, cut, rows)
        if piece is None:
            return None
        pieces.append((cut, piece, type(M)(M.matrix[cut, :])))
    return pieces


def as_fit(A: Operator) -> tuple[Function, DenseMatrix | Sparse] | None:
    """h and M with A = Mᵀ∇h M; None: it has no rows."""
    if isinstance(A, Combination) and A.a == 0 and A.b > 0:
        inner = as_fit(A.A)
        return None if inner is None else (Scaled(A.b, inner[0]), inner[1])
    h: Function
    M: Any = None
    if isinstance(A, Subdifferential) and isinstance(A.f, LeastSquares):
        h = SquaredL2(center=A.f.b, batch_ndim=A.f.batch_ndim)
        M = DenseMatrix.of_finite(A.f.A) if is_array(A.f.A) else A.f.A
    elif isinstance(A, Affine) and isinstance(A.M, LinearProduct) and A.q is None:
        h, last = SquaredL2(), A.M.maps[-1]
        if len(A.M.maps) == 2 and isinstance(A.M.maps[0], Adjoint) and A.M.maps[0].L is last:
            M = last
    elif isinstance(A, Pullback):
        try:
            h, M = potential(A.A), A.L
        except NoPotentialError:
            return None
    return (h, M) if isinstance(M, (DenseMatrix, Sparse)) and h.elementwise else None


def restricted(h: Function, cut: slice, rows: int) -> Function | None:
    """An elementwise function on some of the entries along the last axis; None: it does not say
    what of it is theirs.
    """
    if isinstance(h, Scaled | Raised | Translated):
        inner = restricted(h.f, cut, rows)
        if inner is None:
            return None
        if isinstance(h, Translated):
            return Translated(inner, _entries(h.v, cut, rows))
        return type(h)(h.c, inner) if isinstance(h, Scaled) else inner
    if not hasattr(type(h).__init__, "declared"):
        return None
    given = {name: getattr(h, name) for name in h.parameters}
    changes = {name: _entries(value, cut, rows) for name, value in given.items() if is_array(value)}
    return dataclasses.replace(h, **changes)


def _entries(value: Any, cut: slice, rows: int) -> Any:
    whole = is_array(value) and value.ndim and value.shape[-1] == rows
    return value[..., cut] if whole else value
