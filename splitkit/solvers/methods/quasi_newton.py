"""L-BFGS: R ↦ HR, H about the inverse Jacobian of x ↦ R(x), from the last steps s and changes y.

    H = VᵀH₋V + ρssᵀ,  V = I − ρysᵀ,  ρ = 1/⟨s, y⟩,  from h⟨·, ·⟩ with h = ⟨s, y⟩/‖y‖².

A pair without positive curvature, and a place where there is none yet, has ρ = 0, which leaves H as
it is; so each element of a batch has its own pairs.

Source: Nocedal, *Updating quasi-Newton matrices with limited storage* (1980); Li, Fukushima, *On
the global convergence of the BFGS method for nonconvex unconstrained optimization problems* (2001),
for the pairs that are left out.
"""

from __future__ import annotations

from typing import NamedTuple

from splitkit.backend import Array, Point, Space, add, lincomb, scale

CURVED = 1e-12  # times ‖s‖², below which ⟨s, y⟩ is no curvature


class Pairs(NamedTuple):
    """The pairs that H is made of, the newest first.

    Attributes
    ----------
    s, y : tuple of points
    rho : tuple of arrays
    h : array
    """

    s: tuple[Point, ...]
    y: tuple[Point, ...]
    rho: tuple[Array, ...]
    h: Array

    @classmethod
    def none(cls, x: Point, space: Space, memory: int) -> Pairs:
        """No pairs at all: H = I."""
        nothing, zero = (scale(0.0, x),) * memory, 0.0 * space.norm(x)
        return cls(nothing, nothing, (zero,) * memory, 1.0 + zero)

    def with_pair(self, s: Point, y: Point, space: Space) -> Pairs:
        """The same with one more, where it has curvature, in the place of the oldest."""
        xp, curvature = space.xp, space.inner(s, y)
        counts = curvature > CURVED * space.inner(s, s)
        usable = xp.where(counts, curvature, 1.0)
        rho = xp.where(counts, 1 / usable, 0.0)
        h = xp.where(counts, usable / (space.inner(y, y) + space.least), self.h)
        count = len(self.s)
        return Pairs((s, *self.s)[:count], (y, *self.y)[:count], (rho, *self.rho)[:count], h)

    def forgotten(self, where: Array, space: Space) -> Pairs:
        """The same, without those of the elements that the mask marks."""
        xp = space.xp
        rho = tuple(xp.where(where, 0.0, each) for each in self.rho)
        return self._replace(rho=rho, h=xp.where(where, 1.0, self.h))

    def applied(self, r: Point, space: Space) -> Point:
        """Hr."""
        weights = []
        for s, y, rho in zip(self.s, self.y, self.rho, strict=True):
            weights.append(rho * space.inner(s, r))
            r = lincomb(1.0, r, -weights[-1], y)
        r = scale(self.h, r)
        for s, y, rho in zip(*map(reversed, self[:3]), strict=True):
            r = add(r, scale(weights.pop() - rho * space.inner(y, r), s))
        return r
