"""The parallel sum A □ B = (A⁻¹ + B⁻¹)⁻¹."""

from __future__ import annotations

from functools import cached_property, reduce

from splitkit.backend import Scalar
from splitkit.notation import FACTOR, PRODUCT, Style
from splitkit.operators.base import Operator, PointMap
from splitkit.operators.combination import Combination
from splitkit.operators.identity import Identity, Zero
from splitkit.operators.inverse import Inverse
from splitkit.operators.sum import add_operators
from splitkit.operators.yosida import yosida
from splitkit.properties import Properties, parallel_properties


def parallel_sum(A: Operator, B: Operator) -> Operator:
    """The simplest operator equal to A □ B.

    Raises
    ------
    TypeError
        B is no operator.
    """
    if not isinstance(B, Operator):
        raise TypeError(f"B = {B!r} in A □ B is no operator: give one of splitkit.operators")
    for first, second in ((A, B), (B, A)):
        c = _multiple_of_identity(second)
        if c > 0:
            return yosida(first, 1 / c)
        if isinstance(second, Inverse) and isinstance(second.A, Zero):
            return first
    return ParallelSum((*_terms(A), *_terms(B)))


class ParallelSum(Inverse):
    """A₁ □ … □ Aₙ, n ≥ 2; its inverse is the sum of their inverses.

    The parallel sum A □ B = (A⁻¹ + B⁻¹)⁻¹: x is split as y + z with A(y) and B(z) in common.

    A □ cI is the Yosida approximation A_{1/c}; A □ N_{0} = A. Otherwise its resolvent has no
    formula, and its inverse is the sum A⁻¹ + B⁻¹, whose terms have theirs. The subdifferential of
    an infimal convolution is the parallel sum of the subdifferentials. Source: Bauschke, Combettes
    (2017), §25.6.

    Examples
    --------
    >>> A = sk.operators.ParallelSum((sk.Identity(), sk.Identity()))
    >>> print(A.strong_monotonicity, A.lipschitz)
    0.5 0.5
    """

    binding = PRODUCT

    def __init__(self, terms: tuple[Operator, ...]) -> None:
        super().__init__(reduce(add_operators, (A.inverse for A in terms)))
        self.terms = terms

    @cached_property
    def properties(self) -> Properties:
        return parallel_properties(A.properties for A in self.terms)

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        if self.has_resolvent:
            return super().make_resolvent(alpha)
        raise TypeError(
            f"the resolvent of {self!r} has no formula unless one term is a multiple of the "
            "identity: solve for its parts; with L(x, y) = x − y, for which LLᵀ = 2I, "
            "0 ∈ C(x) + (A □ B)(x) is 0 ∈ BlockDiagonal((C, B)) + A.pullback(L) in (x, y)"
        )

    def write(self, s: Style) -> str:
        return s.parallel.join(s(A, FACTOR) for A in self.terms)


def _terms(A: Operator) -> tuple[Operator, ...]:
    return A.terms if isinstance(A, ParallelSum) else (A,)


def _multiple_of_identity(A: Operator) -> float:
    """c if A = cI, otherwise 0."""
    if isinstance(A, Identity):
        return 1.0
    return A.b if isinstance(A, Combination) and isinstance(A.A, Identity) else 0.0
