"""The Yosida approximation A_γ = (I − R_{γA})/γ = (γI + A⁻¹)⁻¹, single-valued and γ-cocoercive for
A maximal monotone.
"""

from __future__ import annotations

from functools import cached_property

from splitkit.arguments import POSITIVE, check_number
from splitkit.backend import Point, Scalar, lincomb
from splitkit.notation import ATOM, FACTOR, Style
from splitkit.operators.base import Operator, PointMap
from splitkit.operators.parts import OfOne
from splitkit.properties import Properties


def yosida(A: Operator, gamma: float) -> Operator:
    """A_γ, with approximations of approximations gathered.

    Raises
    ------
    TypeError, ValueError
        gamma is no positive finite number.
    """
    if isinstance(A, Yosida):
        gamma, A = check_number("gamma", gamma, POSITIVE) + A.gamma, A.A
    return Yosida(A, gamma)


class Yosida(OfOne):
    """The Yosida approximation A_γ = (I − R_{γA})/γ = (γI + A⁻¹)⁻¹, single-valued and γ-cocoercive
    for A maximal monotone; of A = ∂f it is the gradient of the Moreau envelope of f.

    R_{αA_γ}(x) = x + α/(α + γ) (R_{(α+γ)A}(x) − x), and (A_γ)_δ = A_{γ+δ}. Its graph is
    {(x + γu, u): (x, u) ∈ A}, so its constants follow exactly.
    Source: Bauschke, Combettes (2017), Prop. 23.7.

    Parameters
    ----------
    A : Operator
        Maximal monotone, with a known resolvent.
    gamma : float
        γ, positive and finite.

    Examples
    --------
    >>> A = sk.operators.Yosida(sk.Subdifferential(sk.functions.L1Norm()), 0.5)
    >>> print(A(np.array([3.0, 0.2])), A.cocoercivity)
    [1.  0.4] 0.5
    """

    binding = FACTOR

    def __init__(self, A: Operator, gamma: float) -> None:
        super().__init__(A)
        self.gamma = check_number("gamma", gamma, POSITIVE)

    @cached_property
    def properties(self) -> Properties:
        return self.A.properties.yosida(self.gamma)

    @property
    def has_evaluation(self) -> bool:
        return self.A.has_resolvent

    @cached_property
    def _resolvent_of_A(self) -> PointMap:
        return self.A.make_resolvent(self.gamma)

    def __call__(self, x: Point) -> Point:
        return lincomb(1 / self.gamma, x, -1 / self.gamma, self._resolvent_of_A(x))

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        resolvent = self.A.make_resolvent(alpha + self.gamma)
        share = alpha / (alpha + self.gamma)
        return lambda y: lincomb(1 - share, y, share, resolvent(y))

    def write(self, s: Style) -> str:
        return s.indexed(s(self.A, ATOM), s.number(self.gamma))
