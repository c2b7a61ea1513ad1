"""f∘L for any linear map L, with the prox y − αLᵀv, v ∈ ∂f(Lx), by iteration.

The method, its accuracy and its source are those of the resolvent of Lᵀ ∂f L, ``InexactPullback``.
"""

from __future__ import annotations

from splitkit.arguments import check_accuracy
from splitkit.backend import Point, Scalar, Space
from splitkit.functions.base import Function
from splitkit.functions.calculus.rules import Composed
from splitkit.functions.inner.accuracy import Inexact
from splitkit.functions.subdifferential import Subdifferential
from splitkit.linear.base import LinearOperator
from splitkit.operators.inexact_pullback import InexactPullback


class InexactComposition(Inexact, Composed):
    """f∘L with an iterative prox; ``(f @ L).with_accuracy(accuracy)`` makes it.

    A method had better take f and L apart; this is for what needs the prox of one more term.

    Parameters
    ----------
    f : Function
        Convex, with a prox; its batch axes are those of the points.
    L : LinearOperator
        Not 0, with a known bound of its norm.
    accuracy : float, optional, keyword
        v ∈ ∂f(Lx + ε) with ‖ε‖ ≤ accuracy · ‖L‖(‖y‖ + ‖x‖), so that x is off by ‖ε‖/μ at most if
        ‖Lᵀv‖ ≥ μ‖v‖ for all v; None: to rounding.

    Raises
    ------
    TypeError, ValueError
        f is not convex or has no prox, ‖L‖ is 0 or not known, the accuracy is out of range.
    ArithmeticError
        From ``prox``: 100,000 steps did not reach the accuracy.
    """

    def __init__(self, f: Function, L: LinearOperator, *, accuracy: float | None = None) -> None:
        if not f.convex:
            raise TypeError(f"f = {f!r} is not convex: the iteration needs the prox of f*")
        super().__init__(f, L)
        self.accuracy = check_accuracy(accuracy)
        self._pullback()

    def _pullback(self) -> InexactPullback:
        A = Subdifferential(self.f)
        return InexactPullback(A, self.L, accuracy=self.accuracy, batch_ndim=self.batch_ndim)

    @property
    def has_prox(self) -> bool:
        return True

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return self._pullback().make_resolvent(alpha)(x)

    conjugate_prox = Function.conjugate_prox

    def check_space(self, space: Space) -> None:
        self._pullback().check_space(space)
