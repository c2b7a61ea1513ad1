"""f₁ + … + fₙ."""

from __future__ import annotations

from functools import cached_property, reduce

from splitkit.arguments import POSITIVE, check_number
from splitkit.backend import Array, Point, Scalar, Space, add, is_array, scale
from splitkit.functions.base import Function
from splitkit.functions.calculus.derived import Derived
from splitkit.functions.calculus.infimal_convolution import InfimalConvolution
from splitkit.functions.entropies.transport_entropy import restricted
from splitkit.functions.sets.transport_polytope import TransportPolytope
from splitkit.functions.subdifferential import Subdifferential
from splitkit.linear.algebra import LinearSum
from splitkit.linear.base import LinearOperator
from splitkit.linear.fusing import adds_up
from splitkit.linear.identity import ScaledIdentity
from splitkit.notation import SUM, Style
from splitkit.operators.base import Operator, PointMap
from splitkit.operators.solvable import as_affine
from splitkit.operators.sum import Sum


class SumOfFunctions(Derived):
    """f₁ + … + fₙ; it has a gradient if all terms have, and a prox if all are quadratic, or all but
    the indicator of an affine set.

    The conjugate has a value where ``InfimalConvolution.of`` finds one.

    f₁ + … + fₙ; the conjugate is the closure of f₁* □ … □ fₙ*.

    Quadratic terms are one: ½⟨x, Px⟩ + ⟨q, x⟩ and ½⟨x, Qx⟩ + ⟨r, x⟩ are ½⟨x, (P + Q)x⟩ + ⟨q + r,
    x⟩, where P + Q has a factorization of its own.

    Examples
    --------
    >>> f = sk.functions.L1Norm() + sk.functions.SquaredL2() @ np.array([[1.0, 1.0]])
    >>> print(f(np.array([1.0, 1.0])))
    4.0
    >>> print(sk.minimize(f, np.ones(2)).x)
    [0. 0.]
    """

    binding = SUM
    acts_on_complex = True

    def __init__(self, terms: tuple[Function, ...]) -> None:
        self.terms = terms
        parts = _joined([Subdifferential(f) for f in _restricted(terms)])
        super().__init__(parts[0] if len(parts) == 1 else Sum(tuple(parts)), *terms)
        self.convex = self.convex or self.strong_convexity >= 0
        self.sublinear = all(f.sublinear for f in terms)

    @cached_property
    def _is_constrained(self) -> bool:
        """Whether this is a quadratic on an affine set, whose prox is a linear system."""
        rest = [f for f in self.terms if as_affine(Subdifferential(f)) is None]
        return len(rest) == 1 and rest[0].solves_with_matrices and self.convex

    @property
    def has_prox(self) -> bool:
        return super().has_prox or self._is_constrained

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return self.make_prox(alpha)(x)

    def make_prox(self, alpha: Scalar) -> PointMap:
        if not self._is_constrained:
            return super().make_prox(alpha)
        if is_array(alpha):
            raise TypeError(
                f"alpha is an array: {self!r} is solved for one step size; give a number"
            )
        step = 1 / check_number("alpha", alpha, POSITIVE)
        found = self.expression.solvable_with(ScaledIdentity(step))
        if found is None:
            raise TypeError(f"{self!r} has no proximal map: {self.expression!r} is not factored")
        solve = found.make()
        return lambda y: solve(scale(step, y))

    @classmethod
    def of(cls, f: Function, g: Function) -> SumOfFunctions:
        """f + g, without nesting."""
        left = f.terms if isinstance(f, SumOfFunctions) else (f,)
        right = g.terms if isinstance(g, SumOfFunctions) else (g,)
        return cls(left + right)

    def check_space(self, space: Space) -> None:
        for f in self.terms:
            f.check_space(space)

    def __call__(self, x: Point) -> Array:
        return sum((f(x) for f in self.terms[1:]), start=self.terms[0](x))

    def value_and_gradient(self, x: Point) -> tuple[Array, Point]:
        (value, slope), *rest = (f.value_and_gradient(x) for f in self.terms)
        for more, steeper in rest:
            value, slope = value + more, add(slope, steeper)
        return value, slope

    def make_hessian(self, x: Point) -> LinearOperator:
        return reduce(LinearSum.of, [f.make_hessian(x) for f in self.terms])

    @property
    def conjugate(self) -> Function:
        return reduce(InfimalConvolution.of, (f.conjugate for f in self.terms))

    def write(self, s: Style) -> str:
        return s.total(map(s, self.terms))


def _restricted(terms: tuple[Function, ...]) -> list[Function]:
    """The terms, a transport polytope and an entropy as one function, which has a prox."""
    kept = list(terms)
    for C in [f for f in terms if isinstance(f, TransportPolytope)]:
        for f in kept:
            whole = restricted(f, C)
            if whole is not None:
                kept = [whole if g is C else g for g in kept if g is not f]
                break
    return kept


def _joined(terms: list[Operator]) -> list[Operator]:
    """The terms, the affine ones with a symmetric matrix as one in the place of the first."""
    affine = [i for i, A in enumerate(terms) if as_affine(A) is not None and _is_convex(A)]
    if len(affine) < 2 or not adds_up([as_affine(terms[i]).M for i in affine]):
        return terms
    whole: Operator = as_affine(Sum(tuple(terms[i] for i in affine)))
    first, rest = affine[0], set(affine[1:])
    return [whole if i == first else A for i, A in enumerate(terms) if i not in rest]


def _is_convex(A: Operator) -> bool:
    return A.properties.gradient and A.properties.monotone
