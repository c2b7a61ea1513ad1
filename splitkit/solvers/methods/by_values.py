"""What methods share that accept steps by the values of f and g, and so need no constant."""

from __future__ import annotations

import math
from functools import reduce
from operator import or_
from typing import ClassVar

from splitkit.backend import Array, Point, lincomb
from splitkit.solvers.iteration import Carry
from splitkit.solvers.methods.adaptive import TRIALS, AdaptiveSteps
from splitkit.solvers.potentials import NoPotentialError, nearby_value
from splitkit.solvers.terms import Term

HALVINGS = 60  # a step of 2⁻⁶⁰ of the first is rounding
ROUNDING = 16  # errors of one rounding in a value


def without_value(F: Term, G: Term) -> str | None:
    """Which of the terms is no (sub)gradient of a function with a value; None: both are one."""
    for name, A in (("F", F), ("G", G)):
        try:
            A.function  # noqa: B018 (or an error)
        except NoPotentialError as error:
            return (
                f"{name} must be the (sub)gradient of a function with a value, by which steps "
                f"are accepted: {error}; give it as sk.Subdifferential of a Function"
            )
    return None


def reached(*terms: Term) -> str:
    """What the points of a sequence that descends approach, for a sentence."""
    convex = all(A.properties.monotone and A.properties.maximal for A in terms)
    found = "a minimum, as f + g is convex" if convex else "a stationary point, maybe no more"
    return f"{found}, if bounded below"


class ByValues(AdaptiveSteps):
    """Carry: x, f(x), … once the first step is made."""

    merit: ClassVar[str] = "the envelope"

    def __init__(self, F: Term, G: Term) -> None:
        super().__init__(F, G)
        self.term, self._valued = F, F.evaluate_with_value

    def valued(self, x: Point) -> tuple[Array, Point]:
        """f(x) and F x."""
        f, batch_ndim = self.term.function, self.space.batch_ndim
        if f.batch_ndim == batch_ndim:
            return self._valued(x)
        return nearby_value(f, x, batch_ndim)[0], self.F(x)  # an elementwise one, of each sample

    def nonfinite(self, state: Carry) -> str | None:
        x, space = state[0], self.space
        values = self.values_about(x)[1]
        finite = [space.xp.isfinite(value) for value in (self.valued(x)[0], *values)]
        if space.any(~finite[0] | ~reduce(or_, finite[1:])):
            return f"the value of F = {self.term.operator!r} is so"
        if len(state) == 1 or not space.any(~space.xp.isfinite(state[1])):
            return None
        return f"{self.merit} of F = {self.term.operator!r} and G is so, or falls by no step"

    def contradiction(self, state: Carry) -> str | None:
        """Of the value of f: its difference quotients along F x settle, and not at ‖F x‖."""
        x, space = state[0], self.space
        value, slope = self.valued(x)
        steep = space.norm(slope)
        lengths, values = self.values_about(x)
        noise = ROUNDING * space.eps * (abs(value) + steep * lengths[0])
        before, agrees, settles = math.inf * steep, steep < 0, steep < 0
        for t, ahead, behind in zip(lengths, values[::2], values[1::2], strict=True):
            quotient = (ahead - behind) / (2 * t)
            off = abs(quotient - steep)
            agrees = agrees | (off <= steep / 2)
            settled = (abs(quotient - before) <= steep / 10) & (noise / t <= steep / 10)
            settles, before = settles | (settled & (off > steep / 2)), quotient
        if not space.any(settles & ~agrees):
            return None
        return (
            f"the value and the gradient of F = {self.term.operator!r} disagree along the gradient"
        )

    def values_about(self, x: Point) -> tuple[list[Array], list[Array]]:
        """Lengths t, and f at x ± tF x/‖F x‖."""
        xp, norm, slope = self.space.xp, self.space.norm, self.valued(x)[1]
        size, steep = (xp.where(n > 0, n, 1.0) for n in (norm(x), norm(slope)))
        lengths = [size * 8.0**-i for i in range(TRIALS)]
        ends = [lincomb(1.0, x, c * t / steep, slope) for t in lengths for c in (1.0, -1.0)]
        return lengths, [self.valued(end)[0] for end in ends]
