"""Moreau's envelope e(x) = min_z f(z) + ‖z − x‖²/(2μ), that is f □ ‖·‖²/(2μ).

With p = prox_{μf}(x): e(x) = f(p) + ‖x − p‖²/(2μ), ∇e(x) = (x − p)/μ, 1/μ-Lipschitz; and
prox_{αe}(y) = y + α/(α + μ) (prox_{(α+μ)f}(y) − y); e* = f* + (μ/2)‖·‖².
Source: Bauschke, Combettes (2017), Prop. 12.30, 13.24, 24.8(vii).
"""

from __future__ import annotations

from splitkit.backend import Array, Point, Scalar, Space, inner, lincomb, scale, subtract
from splitkit.functions.base import Function, check_parameter, is_positive


class Envelope(Function):
    """The envelope of a convex function; m/(1 + μm)-strongly convex, L/(1 + μL)-smooth.

    Parameters
    ----------
    f : Function
        Convex, with a prox.
    mu : float, default 1
        μ, positive and finite.

    Raises
    ------
    TypeError, ValueError
        f is not convex or has no prox; mu is no such number.
    """

    def __init__(self, f: Function, mu: float = 1.0) -> None:
        if not f.convex or not f.has_prox:
            raise TypeError(f"{f!r} has no envelope here: it needs a convex function with a prox")
        self.mu = check_parameter("mu", mu, is_positive, "give a positive number")
        self.f = f
        self.batch_ndim, self.elementwise = f.batch_ndim, f.elementwise
        self.strong_convexity = f.strong_convexity / (1 + self.mu * f.strong_convexity)
        L = f.smoothness
        self.smoothness = 1 / self.mu if L is None else L / (1 + self.mu * L)

    def __call__(self, x: Point) -> Array:
        p = self.f.prox(x, self.mu)
        d = subtract(x, p)
        return self.f(p) + inner(d, d, self.batch_ndim) / (2 * self.mu)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        total = alpha + self.mu
        # as a convex combination, so that nothing cancels for large α
        return lincomb(self.mu / total, x, alpha / total, self.f.prox(x, total))

    def gradient(self, x: Point) -> Point:
        return scale(1 / self.mu, subtract(x, self.f.prox(x, self.mu)))

    @property
    def conjugate(self) -> Function:
        from splitkit.functions.tilted import Tilted

        return Tilted(self.f.conjugate, rho=self.mu)

    def check_space(self, space: Space) -> None:
        self.f.check_space(space)

    def __repr__(self) -> str:
        return f"Envelope({self.f!r}, {self.mu:g})"
