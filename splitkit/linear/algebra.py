"""cL, L₁ + … + Lₙ and L₁ L₂ … Lₙ, with bounds that hold:

‖ΣLᵢ‖ ≤ Σ‖Lᵢ‖, ‖ΠLᵢ‖ ≤ Π‖Lᵢ‖, ‖ΠLᵢx‖ ≥ Π(least gains)‖x‖, and a sum gains at least what one term
gains minus the norms of the others. A product Lᵀ M L that reads the same backwards is symmetric if
M is, and as monotone as M pulled back (Bauschke, Combettes 2017, Prop. 20.10).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, reduce

import numpy as np

from splitkit.backend import Point, Scalar, Space, add, is_array, scale
from splitkit.linear.base import LinearOperator, ModifiedMap
from splitkit.linear.combined import CombinedMaps, all_known, common_space
from splitkit.linear.identity import ScaledIdentity
from splitkit.notation import PRODUCT, SUM, Style
from splitkit.operators.freedom import Freedom, least
from splitkit.properties import Properties, composition_properties, sum_properties


class LinearMultiple(ModifiedMap):
    """cL.

    Examples
    --------
    >>> L = 2.0 * sk.DenseMatrix(np.array([[1.0, 2.0]]))
    >>> print(L(np.array([1.0, 1.0])))
    [6.]
    """

    binding = PRODUCT
    acts_on_complex = True

    def __init__(self, c: float, L: LinearOperator) -> None:
        super().__init__(L)
        self.c = c

    @classmethod
    def of(cls, c: float, L: LinearOperator) -> LinearOperator:
        """cL in the simplest form."""
        if isinstance(L, ScaledIdentity):
            return ScaledIdentity(c * L.c)
        if isinstance(L, LinearMultiple):
            c, L = c * L.c, L.L
        return L if c == 1 else cls(c, L)

    @cached_property
    def norm(self) -> float:
        return abs(self.c) * self.L.norm if self.c else 0.0

    @cached_property
    def least_gain(self) -> float:
        return abs(self.c) * self.L.least_gain

    @cached_property
    def gram(self) -> float | None:
        return None if self.L.gram is None else self.c * self.c * self.L.gram

    @cached_property
    def properties(self) -> Properties:
        known = self.L.properties
        if self.c == 0:
            return Properties.of(strong_monotonicity=0.0, lipschitz=0.0, gradient=True, linear=True)
        # cL is symmetric with L, whatever the sign of c
        return replace(known.scaled(self.c), gradient=known.gradient)

    def __call__(self, x: Point) -> Point:
        return scale(self.c, self.L(x))

    def adjoint(self, y: Point) -> Point:
        return scale(self.c, self.L.adjoint(y))

    def squares(self) -> LinearOperator | None:
        squares = self.L.squares()
        return None if squares is None else LinearMultiple.of(self.c * self.c, squares)

    def freedom(self, space: Space) -> tuple[Freedom, ...]:
        return self.L.freedom(space)

    def scaled(
        self, rows: LinearOperator | None = None, columns: LinearOperator | None = None
    ) -> LinearOperator:
        return LinearMultiple.of(self.c, self.L.scaled(rows, columns))

    def magnitudes(self, x: Point, batch_ndim: int) -> Point:
        return scale(abs(self.c), self.L.magnitudes(x, batch_ndim))

    def adjoint_magnitudes(self, x: Point, batch_ndim: int) -> Point:
        return scale(abs(self.c), self.L.adjoint_magnitudes(x, batch_ndim))

    def make_merged(self) -> LinearOperator:
        from splitkit.linear.fusing import merged_multiple  # of maps that import this file

        return merged_multiple(self)

    @property
    def solver(self) -> str | None:
        return self.L.solver if self.c > 0 else None

    def inverted(self) -> LinearOperator:
        if not self.c:
            raise np.linalg.LinAlgError(f"{self!r} is 0")
        return (1 / self.c) * self.L.inverted()

    def shifted_inverse(self, alpha: Scalar) -> LinearOperator:
        if self.c > 0:
            return self.L.shifted_inverse(self.c * alpha)
        if self.c < 0 and self.L.properties.skew:  # (I − αL)⁻¹ = (I + αL)⁻ᵀ
            return self.L.shifted_inverse(-self.c * alpha).T
        if not self.properties.monotone:  # of which it may still be an inverse by chance
            raise TypeError(
                f"{self!r} has no shifted inverse: it is not known to be monotone, so I + αL may "
                "be singular"
            )
        return super().shifted_inverse(alpha)

    def reflected_inverse(self, alpha: float) -> LinearOperator | None:
        return self.L.reflected_inverse(self.c * alpha) if self.c > 0 else None

    def reflected_norm(self, alpha: float) -> float | None:
        return self.L.reflected_norm(self.c * alpha) if self.c > 0 else None

    def write(self, s: Style) -> str:
        return s.multiple(self.c, s(self.L, PRODUCT))


class LinearSum(CombinedMaps):
    """L₁ + … + Lₙ; multiples of the identity are gathered, so that (I + α(cI + L))⁻¹ is L's own.

    Examples
    --------
    >>> L = sk.DenseMatrix(np.eye(2)) + sk.linear.Diagonal(np.array([1.0, 0.5]))
    >>> print(L(np.array([1.0, 1.0])))
    [2.  1.5]
    """

    binding = SUM
    acts_on_complex = True

    def __init__(self, maps: Sequence[LinearOperator]) -> None:
        super().__init__(maps)
        multiples, self._others = _split(self.maps)
        self._c = sum(multiples)

    @classmethod
    def of(cls, L: LinearOperator, K: LinearOperator) -> LinearOperator:
        """L + K, without nesting."""
        multiples, others = _split((*_parts(cls, L), *_parts(cls, K)))
        if not multiples:
            return cls(others)
        identity = ScaledIdentity(sum(multiples))
        return cls((identity, *others)) if others else identity

    @cached_property
    def norm(self) -> float:
        return sum(term.norm for term in self.maps)

    @cached_property
    def least_gain(self) -> float:
        total = self.norm
        if total == math.inf:
            return 0.0
        gains = [term.least_gain - (total - term.norm) for term in self.maps]
        return max(0.0, self.properties.strong_monotonicity or 0.0, *gains)

    @cached_property
    def properties(self) -> Properties:
        others = sum_properties(term.properties for term in self._others)
        return others.combined(self._c, 1.0) if self._c else others

    def __call__(self, x: Point) -> Point:
        return reduce(add, (term(x) for term in self.maps))

    def adjoint(self, y: Point) -> Point:
        return reduce(add, (term.adjoint(y) for term in self.maps))

    def magnitudes(self, x: Point, batch_ndim: int) -> Point:
        return reduce(add, (term.magnitudes(x, batch_ndim) for term in self.maps))

    def adjoint_magnitudes(self, x: Point, batch_ndim: int) -> Point:
        return reduce(add, (term.adjoint_magnitudes(x, batch_ndim) for term in self.maps))

    def squares(self) -> LinearOperator | None:
        """See ``LinearOperator``; about, where entries of several terms add up."""
        known = all_known(L.squares() for L in self.maps)
        return None if known is None else LinearSum(known)

    def freedom(self, space: Space) -> tuple[Freedom, ...]:
        return tuple(map(least, zip(*(L.freedom(space) for L in self.maps), strict=True)))

    def scaled(
        self, rows: LinearOperator | None = None, columns: LinearOperator | None = None
    ) -> LinearOperator:
        return LinearSum([L.scaled(rows, columns) for L in self.maps])

    def make_merged(self) -> LinearOperator:
        from splitkit.linear.fusing import merged_sum  # of maps that import this file

        return merged_sum(self)

    @property
    def solver(self) -> str | None:
        if len(self._others) == 1 and self._c > 0:
            return self._others[0].solver
        return None if self.merged is self else self.merged.solver

    def inverted(self) -> LinearOperator:
        if len(self._others) == 1 and self._c > 0 and self.merged is self:
            return (1 / self._c) * self._others[0].shifted_inverse(1 / self._c)
        return super().inverted()

    def shifted_inverse(self, alpha: Scalar) -> LinearOperator:
        if len(self._others) != 1 or self._c < 0 or is_array(alpha):
            return super().shifted_inverse(alpha)
        # (1 + αc)I + αL
        shrink = 1 / (1 + alpha * self._c)
        inverse = self._others[0].shifted_inverse(alpha * shrink)
        return inverse if self._c == 0 else ScaledIdentity(shrink) @ inverse

    def range_space(self, space: Space) -> Space:
        return common_space(self, self.maps, [L.range_space(space) for L in self.maps])

    def domain_space(self, space: Space) -> Space:
        return common_space(self, self.maps, [L.domain_space(space) for L in self.maps])

    def write(self, s: Style) -> str:
        return s.total(map(s, self.maps))


class LinearProduct(CombinedMaps):
    """L₁ L₂ … Lₙ, the last applied first.

    Examples
    --------
    >>> L = sk.DenseMatrix(np.array([[1.0, 2.0]])) @ sk.linear.Diagonal(np.array([1.0, 0.5]))
    >>> print(L(np.array([1.0, 1.0])), L.T(np.array([1.0])))
    [2.] [1. 1.]
    """

    binding = PRODUCT
    acts_on_complex = True

    @classmethod
    def of(cls, L: LinearOperator, K: LinearOperator) -> LinearOperator:
        """L K, without nesting and with multiples taken out."""
        for one, other in ((L, K), (K, L)):
            if isinstance(one, ScaledIdentity):
                return LinearMultiple.of(one.c, other)
        c = 1.0
        if isinstance(L, LinearMultiple):
            c, L = L.c, L.L
        if isinstance(K, LinearMultiple):
            c, K = c * K.c, K.L
        if c != 1:
            return LinearMultiple.of(c, cls.of(L, K))
        return cls((*_parts(cls, L), *_parts(cls, K)))

    @cached_property
    def norm(self) -> float:
        norms = [L.norm for L in self.maps]
        return 0.0 if 0.0 in norms else math.prod(norms)

    @cached_property
    def least_gain(self) -> float:
        return math.prod(L.least_gain for L in self.maps)

    @cached_property
    def gram(self) -> float | None:
        grams = all_known(L.gram for L in self.maps)
        return None if grams is None else math.prod(grams)

    @cached_property
    def half(self) -> LinearOperator | None:
        """L where this is LᵀL or LᵀML."""
        pairs = len(self.maps) // 2
        for left, right in zip(self.maps[:pairs], reversed(self.maps), strict=False):
            if not _are_adjoint(left, right):
                return None
        return reduce(LinearProduct.of, self.maps[-pairs:])

    def make_merged(self) -> LinearOperator:
        from splitkit.linear.fusing import merged_product  # of maps that import this file

        return merged_product(self)

    @property
    def solver(self) -> str | None:
        return None if self.merged is self else self.merged.solver

    @property
    def is_direct(self) -> bool:
        from splitkit.linear.fusing import merges_gram  # of maps that import this file

        middle = self.maps[len(self.maps) // 2]
        diagonal = len(self.maps) % 2 == 0 or middle.entrywise is not None
        if self.half is not None and diagonal and merges_gram(self.half):
            return True
        return super().is_direct

    @cached_property
    def properties(self) -> Properties:
        if self.half is None:
            return composition_properties(L.properties for L in self.maps)
        middle = self.maps[len(self.maps) // 2]
        even = len(self.maps) % 2 == 0
        inner = ScaledIdentity().properties if even else middle.properties
        return inner.pulled_back(self.half.least_gain, self.half.norm)

    def __call__(self, x: Point) -> Point:
        for L in reversed(self.maps):
            x = L(x)
        return x

    def adjoint(self, y: Point) -> Point:
        for L in self.maps:
            y = L.adjoint(y)
        return y

    @cached_property
    def T(self) -> LinearOperator:
        return reduce(LinearProduct.of, [L.T for L in reversed(self.maps)])

    def range_space(self, space: Space) -> Space:
        for L in reversed(self.maps):
            space = L.range_space(space)
        return space

    def domain_space(self, space: Space) -> Space:
        for L in self.maps:
            space = L.domain_space(space)
        return space

    def write(self, s: Style) -> str:
        return s.product(self.maps)


def _parts(kind: type[CombinedMaps], L: LinearOperator) -> tuple[LinearOperator, ...]:
    return L.maps if isinstance(L, kind) else (L,)


def _split(maps: Sequence[LinearOperator]) -> tuple[list[float], tuple[LinearOperator, ...]]:
    """The factors of the multiples of the identity, and the other maps."""
    multiples = [L.c for L in maps if isinstance(L, ScaledIdentity)]
    return multiples, tuple(L for L in maps if not isinstance(L, ScaledIdentity))


def _are_adjoint(L: LinearOperator, K: LinearOperator) -> bool:
    """Whether L = Kᵀ, being made of one another or of the same array."""
    if L.T is K or K.T is L:
        return True
    return any(
        made is not None and made == _made_of(other)
        for made, other in ((_made_of(L.T), K), (_made_of(L), K.T))
    )


def _made_of(L: LinearOperator) -> object:
    """What tells the array that a matrix was given from others; None: L is no matrix."""
    matrix = getattr(L, "matrix", None)
    if matrix is None or is_array(matrix):
        return None if matrix is None else id(matrix)
    return matrix.shape, *(a.ctypes.data for a in (matrix.data, matrix.indices, matrix.indptr))
