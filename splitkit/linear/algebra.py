"""cL, L₁ + … + Lₙ and L₁ L₂ … Lₙ, with bounds that hold:

‖ΣLᵢ‖ ≤ Σ‖Lᵢ‖, ‖ΠLᵢ‖ ≤ Π‖Lᵢ‖, ‖ΠLᵢx‖ ≥ Π(least gains)‖x‖, and a sum gains at least what one term
gains minus the norms of the others. A product Lᵀ M L that reads the same backwards is symmetric if
M is, and as monotone as M pulled back (Bauschke, Combettes 2017, Prop. 20.10).
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property, reduce

from splitkit.backend import Point, Scalar, Space, add, is_array, scale
from splitkit.linear.base import LinearOperator
from splitkit.linear.identity import ScaledIdentity
from splitkit.notation import FACTOR, PRODUCT, SUM, latex, multiple, text, total
from splitkit.properties import Properties, composition_properties, sum_properties


class LinearMultiple(LinearOperator):
    """cL."""

    binding = PRODUCT

    def __init__(self, c: float, L: LinearOperator) -> None:
        self.c, self.L = c, L

    @classmethod
    def of(cls, c: float, L: LinearOperator) -> LinearOperator:
        """cL in the simplest form."""
        if isinstance(L, ScaledIdentity):
            return ScaledIdentity(c * L.c)
        if isinstance(L, LinearMultiple):
            c, L = c * L.c, L.L
        return L if c == 1 else cls(c, L)

    @cached_property
    def norm(self) -> float:  # type: ignore[override]
        return abs(self.c) * self.L.norm if self.c else 0.0

    @cached_property
    def least_gain(self) -> float:  # type: ignore[override]
        return abs(self.c) * self.L.least_gain

    @cached_property
    def gram(self) -> float | None:  # type: ignore[override]
        return None if self.L.gram is None else self.c * self.c * self.L.gram

    @cached_property
    def properties(self) -> Properties:  # type: ignore[override]
        known = self.L.properties
        if self.c == 0:
            return Properties.of(strong_monotonicity=0.0, lipschitz=0.0, gradient=True, linear=True)
        # cL is symmetric with L, whatever the sign of c
        return replace(known.scaled(self.c), gradient=known.gradient)

    def __call__(self, x: Point) -> Point:
        return scale(self.c, self.L(x))

    def adjoint(self, y: Point) -> Point:
        return scale(self.c, self.L.adjoint(y))

    def shifted_inverse(self, alpha: Scalar) -> LinearOperator:
        if self.c > 0:
            return self.L.shifted_inverse(self.c * alpha)
        if self.c < 0 and self.L.properties.skew:  # (I − αL)⁻¹ = (I + αL)⁻ᵀ
            return self.L.shifted_inverse(-self.c * alpha).T
        return super().shifted_inverse(alpha)

    def reflected_inverse(self, alpha: float) -> LinearOperator | None:
        return self.L.reflected_inverse(self.c * alpha) if self.c > 0 else None

    def reflected_norm(self, alpha: float) -> float | None:
        return self.L.reflected_norm(self.c * alpha) if self.c > 0 else None

    def check_space(self, space: Space, name: str = "L") -> None:
        self.L.check_space(space, name)

    def range_space(self, space: Space) -> Space:
        return self.L.range_space(space)

    def domain_space(self, space: Space) -> Space:
        return self.L.domain_space(space)

    def __repr__(self) -> str:
        return multiple(self.c, text(self.L, PRODUCT))

    def latex(self) -> str:
        return multiple(self.c, latex(self.L, PRODUCT), "latex")


class LinearSum(LinearOperator):
    """L₁ + … + Lₙ; multiples of the identity are gathered, so that (I + α(cI + L))⁻¹ is L's own."""

    binding = SUM

    def __init__(self, terms: tuple[LinearOperator, ...]) -> None:
        self.terms = terms
        self._c = sum(term.c for term in terms if isinstance(term, ScaledIdentity))
        self._others = tuple(term for term in terms if not isinstance(term, ScaledIdentity))

    @classmethod
    def of(cls, L: LinearOperator, K: LinearOperator) -> LinearOperator:
        """L + K, without nesting."""
        terms = (*_terms(L), *_terms(K))
        multiples = [term for term in terms if isinstance(term, ScaledIdentity)]
        others = tuple(term for term in terms if not isinstance(term, ScaledIdentity))
        if not multiples:
            return cls(others)
        identity = ScaledIdentity(sum(term.c for term in multiples))
        return cls((identity, *others)) if others else identity

    @cached_property
    def norm(self) -> float:  # type: ignore[override]
        return sum(term.norm for term in self.terms)

    @cached_property
    def least_gain(self) -> float:  # type: ignore[override]
        total = self.norm
        if total == math.inf:
            return 0.0
        gains = [term.least_gain - (total - term.norm) for term in self.terms]
        return max(0.0, self.properties.strong_monotonicity or 0.0, *gains)

    @cached_property
    def properties(self) -> Properties:  # type: ignore[override]
        others = sum_properties(term.properties for term in self._others)
        return others.combined(self._c, 1.0) if self._c else others

    def __call__(self, x: Point) -> Point:
        return reduce(add, (term(x) for term in self.terms))

    def adjoint(self, y: Point) -> Point:
        return reduce(add, (term.adjoint(y) for term in self.terms))

    def shifted_inverse(self, alpha: Scalar) -> LinearOperator:
        if len(self._others) != 1 or self._c < 0 or is_array(alpha):
            return super().shifted_inverse(alpha)
        # (1 + αc)I + αL
        shrink = 1 / (1 + alpha * self._c)
        inverse = self._others[0].shifted_inverse(alpha * shrink)
        return inverse if self._c == 0 else ScaledIdentity(shrink) @ inverse

    def check_space(self, space: Space, name: str = "L") -> None:
        self.range_space(space)

    def range_space(self, space: Space) -> Space:
        return self._common([(term, term.range_space(space)) for term in self.terms])

    def domain_space(self, space: Space) -> Space:
        return self._common([(term, term.domain_space(space)) for term in self.terms])

    def _common(self, found: list[tuple[LinearOperator, Space]]) -> Space:
        first, space = found[0]
        for term, other in found[1:]:
            if other.shapes != space.shapes:
                raise ValueError(
                    f"the terms of {self!r} give different shapes: {first!r} gives {space.shapes}, "
                    f"{term!r} gives {other.shapes}"
                )
        return space

    def __repr__(self) -> str:
        return total([text(L) for L in self.terms])

    def latex(self) -> str:
        return total([latex(L) for L in self.terms], "latex")


class LinearProduct(LinearOperator):
    """L₁ L₂ … Lₙ, the last applied first."""

    binding = PRODUCT

    def __init__(self, factors: tuple[LinearOperator, ...]) -> None:
        self.factors = factors

    @classmethod
    def of(cls, L: LinearOperator, K: LinearOperator) -> LinearOperator:
        """L K, without nesting and with multiples of the identity taken out."""
        for one, other in ((L, K), (K, L)):
            if isinstance(one, ScaledIdentity):
                return LinearMultiple.of(one.c, other)
        return cls((*_factors(L), *_factors(K)))

    @cached_property
    def norm(self) -> float:  # type: ignore[override]
        norms = [L.norm for L in self.factors]
        return 0.0 if 0.0 in norms else math.prod(norms)

    @cached_property
    def least_gain(self) -> float:  # type: ignore[override]
        return math.prod(L.least_gain for L in self.factors)

    @cached_property
    def gram(self) -> float | None:  # type: ignore[override]
        grams = [L.gram for L in self.factors]
        known = [g for g in grams if g is not None]
        return math.prod(known) if len(known) == len(grams) else None

    @cached_property
    def _half(self) -> LinearOperator | None:
        """L where this is LᵀL or LᵀML."""
        pairs = len(self.factors) // 2
        for left, right in zip(self.factors[:pairs], reversed(self.factors), strict=False):
            if left.T is not right and right.T is not left:
                return None
        return reduce(LinearProduct.of, self.factors[-pairs:])

    @cached_property
    def properties(self) -> Properties:  # type: ignore[override]
        if self._half is None:
            return composition_properties(L.properties for L in self.factors)
        middle = self.factors[len(self.factors) // 2]
        even = len(self.factors) % 2 == 0
        inner = ScaledIdentity().properties if even else middle.properties
        return inner.pulled_back(self._half.least_gain, self._half.norm)

    def __call__(self, x: Point) -> Point:
        for L in reversed(self.factors):
            x = L(x)
        return x

    def adjoint(self, y: Point) -> Point:
        for L in self.factors:
            y = L.adjoint(y)
        return y

    @cached_property
    def T(self) -> LinearOperator:
        return reduce(LinearProduct.of, [L.T for L in reversed(self.factors)])

    def check_space(self, space: Space, name: str = "L") -> None:
        self.range_space(space)

    def range_space(self, space: Space) -> Space:
        for L in reversed(self.factors):
            space = L.range_space(space)
        return space

    def domain_space(self, space: Space) -> Space:
        for L in self.factors:
            space = L.domain_space(space)
        return space

    def __repr__(self) -> str:
        first, *others = self.factors
        return " ".join([text(first, PRODUCT), *(text(L, FACTOR) for L in others)])

    def latex(self) -> str:
        first, *others = self.factors
        return r" \, ".join([latex(first, PRODUCT), *(latex(L, FACTOR) for L in others)])


def _terms(L: LinearOperator) -> tuple[LinearOperator, ...]:
    return L.terms if isinstance(L, LinearSum) else (L,)


def _factors(L: LinearOperator) -> tuple[LinearOperator, ...]:
    return L.factors if isinstance(L, LinearProduct) else (L,)
