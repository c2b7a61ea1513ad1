"""Lᵀ A L for any linear map L."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

from splitkit.arguments import check_accuracy, refuse_derivatives
from splitkit.backend import (
    Point,
    Scalar,
    Space,
    add,
    inner,
    lincomb,
    norm,
    scale,
    solving,
    subtract,
    where,
)
from splitkit.operators.base import Operator, PointMap
from splitkit.operators.pullback import Pullback
from splitkit.properties import Properties

ROUNDINGS = 8  # no resolvent is solved for beyond this many units of rounding
STEPS = 100_000
CHECK_EVERY = 8


class InexactPullback(Pullback):
    """x ↦ Lᵀ A(Lx) with an iterative resolvent.

    Lᵀ A L for any linear map L: its resolvent by iteration, to a stated accuracy.

    x = R_{αLᵀAL}(y) is y − αLᵀv with v ∈ A(Lx), that is 0 ∈ A⁻¹v + L(αLᵀv − y). The second term is
    the gradient of a quadratic: forward-backward steps of σ = 1/(α‖L‖²),

        v⁺ = R_{σA⁻¹}(w + σL(y − αLᵀw)),   w = v,

    converge for every maximal monotone A. If A is the gradient of a convex function, w has
    Nesterov's momentum, started anew when it points uphill. With x⁺ = y − αLᵀv⁺,

        v⁺ ∈ A(Lx⁺ + ε),   ‖ε‖ ≤ ‖w − v⁺‖/σ,   ‖x⁺ − x‖ ≤ ‖ε‖/μ if ‖Lᵀv‖ ≥ μ‖v‖ for all v,

    the last because αμ‖v⁺ − v‖‖x⁺ − x‖ ≤ ‖x⁺ − x‖² ≤ α⟨v⁺ − v, ε⟩, by monotonicity.

    Sources: Combettes, Dũng, Vũ, *Dualization of signal recovery problems* (2010); O'Donoghue,
    Candès, *Adaptive restart for accelerated gradient schemes* (2015).

    Parameters
    ----------
    A : Operator
        Maximal monotone, with a resolvent.
    L : LinearOperator
        Not 0, with a known bound of its norm.
    accuracy : float, optional, keyword
        ‖ε‖ ≤ accuracy · ‖L‖(‖y‖ + ‖x‖) in the module's formulas; None: to rounding.
    batch_ndim : int, keyword
        Leading axes that index samples; each has its own steps and its own end.

    Raises
    ------
    TypeError, ValueError
        A has no resolvent, ‖L‖ is 0 or not known, or the accuracy is out of range.
    ArithmeticError
        From the resolvent: 100,000 steps did not reach the accuracy, as where no x has an Lx in
        the domain of A.

    Examples
    --------
    >>> D = np.array([[-1.0, 1.0, 0.0], [0.0, -1.0, 1.0]])
    >>> A = sk.Subdifferential(sk.functions.L1Norm(0.5)).pullback(D).with_accuracy(1e-8)
    >>> print(A.resolvent(1.0)(np.array([0.0, 0.2, 4.0])))
    [0.35 0.35 3.5 ]
    """

    def __init__(
        self, A: Operator, L: Any, *, accuracy: float | None = None, batch_ndim: int = 0
    ) -> None:
        super().__init__(A, L)
        if not A.has_resolvent:
            raise TypeError(f"A = {A!r} has no resolvent: that of LᵀAL is found by steps of it")
        if not 0 < L.norm < math.inf:
            raise ValueError(f"the norm of L = {L!r} is {L.norm}: give a map with a positive bound")
        self.accuracy, self.batch_ndim = check_accuracy("accuracy", accuracy), batch_ndim

    @cached_property
    def properties(self) -> Properties:
        known = super().properties
        # of A = ∂f it is that of ∂(f∘L), which is maximal, and contains LᵀAL
        is_subdifferential = self.A.properties.gradient and self.A.properties.maximal
        return known.as_maximal() if is_subdifferential else known

    @property
    def elementwise(self) -> bool:
        return False

    @property
    def has_resolvent(self) -> bool:
        return True

    make_inverse_resolvent = Operator.make_inverse_resolvent

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        sigma = 1 / (alpha * self.L.norm**2)
        step = self.A.make_inverse_resolvent(sigma)

        def iterated(y: Point) -> Point:
            remedy = (
                "give A and L to splitkit_nn.ImplicitSolve, with a method that takes them apart"
            )
            refuse_derivatives(self, remedy, y, alpha)
            with solving(y):
                return self._solve(y, alpha, sigma, step)

        return iterated

    def _solve(self, y: Point, alpha: Scalar, sigma: Scalar, step: PointMap) -> Point:
        space, batch, L, LT = (
            Space.of(y, self.batch_ndim, name="x"),
            self.batch_ndim,
            self.L,
            self.L.T,
        )
        rounding = ROUNDINGS * float(space.xp.finfo(space.dtype).eps)
        relative = max(self.accuracy or 0.0, rounding) * L.norm
        x, size = y, space.norm(y)
        v = w = scale(0.0, L(y))
        t, running = 1 + 0.0 * size, size >= 0
        for k in range(1, STEPS + 1):
            new = step(lincomb(1.0, w, sigma, L(lincomb(1.0, y, -alpha, LT(w)))))
            moved = subtract(w, new)
            if k % CHECK_EVERY == 0:
                found = lincomb(1.0, y, -alpha, LT(new))
                error = norm(moved, batch) / sigma
                allowed = (
                    relative * (size + space.norm(found)) + rounding * norm(new, batch) / sigma
                )
                x = where(running, found, x)
                running = running & ~(error <= allowed)
                if not bool(space.xp.any(running)):
                    return x
            if self.A.properties.gradient:
                t = space.xp.where(inner(moved, subtract(new, v), batch) > 0, 1.0, t)
                longer = (1 + space.xp.sqrt(1 + 4 * t * t)) / 2
                w, t = add(new, scale((t - 1) / longer, subtract(new, v))), longer
            else:
                w = new
            v = new
        raise ArithmeticError(
            f"the resolvent of {self!r} did not reach {relative:.2g} in {STEPS} steps: check that "
            "some Lx lies in the domain of A, give a larger accuracy, or give A and L to a "
            "primal-dual method"
        )

    def check_space(self, space: Space) -> None:
        if self.batch_ndim != space.batch_ndim:
            raise ValueError(
                f"{self!r} has batch_ndim = {self.batch_ndim}, but the problem has "
                f"{space.batch_ndim}: make it with batch_ndim={space.batch_ndim}"
            )
        super().check_space(space)
