"""f∘L for any linear map L, with the prox y − αLᵀv, v ∈ ∂f(Lx), by iteration."""

from __future__ import annotations

from splitkit.functions.base import Function
from splitkit.functions.calculus.composed import Composed
from splitkit.functions.calculus.derived import Derived
from splitkit.functions.subdifferential import Subdifferential
from splitkit.linear.base import LinearOperator
from splitkit.operators.inexact_pullback import InexactPullback


class InexactComposition(Composed):
    """f∘L with an iterative prox; ``(f @ L).with_accuracy(accuracy)`` makes it.

    A method had better take f and L apart; this is for what needs the prox of one more term.

    f∘L for any linear map L, with the prox y − αLᵀv, v ∈ ∂f(Lx), by iteration.

    The method, its accuracy and its source are those of the resolvent of Lᵀ ∂f L,
    ``InexactPullback``.

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

    Examples
    --------
    >>> D = np.array([[-1.0, 1.0, 0.0], [0.0, -1.0, 1.0]])
    >>> f = (sk.functions.L1Norm(0.5) @ D).with_accuracy(1e-8)
    >>> print(f.prox(np.array([0.0, 0.2, 4.0])))
    [0.35 0.35 3.5 ]
    """

    acts_on_complex = True

    def __init__(self, f: Function, L: LinearOperator, *, accuracy: float | None = None) -> None:
        if not f.convex:
            raise TypeError(f"f = {f!r} is not convex: the iteration needs the prox of f*")
        self.f, self.L = f, L
        A = Subdifferential(f)
        expression = InexactPullback(A, L, accuracy=accuracy, batch_ndim=f.batch_ndim)
        Derived.__init__(self, expression, f)
        self.accuracy = expression.accuracy

    def with_accuracy(self, accuracy: float | None) -> Function:
        return InexactComposition(self.f, self.L, accuracy=accuracy)
