"""The constants of a sum by the regions of its terms.

With s = ⟨Δx, Δu⟩/‖Δx‖² and t² = ‖Δu‖²/‖Δx‖² − s², what is known of an operator is a convex region
of the half plane t ≥ 0: low ≤ s ≤ high, and discs t² ≤ (s − ρ)(σ − s) around the axis. The Δuᵢ of
several operators at one Δx may all point the same way off it, so that those of the sum fill the sum
of the regions (Minkowski's), and

    L = max |p|,   1/(2β) = max |p|²/(2s),   p = (s, t) in the sum,

are its best constants, in a space of dimension at least 2. Of ∇f, f m-strongly convex and L-smooth,
and a skew operator that is ω-Lipschitz they are

    |((m + L)/2, ω)| + (L − m)/2,   β = m/(mL + ω²).

The boundary of a sum is that of the terms, direction by direction: corners K, and arcs K + re(φ).
The largest |p − c| on an arc is where e(φ) points from c to K.

Source: Ryu, Hannah, Yin, *Scaled relative graphs* (2022), Thm. 6, for sums.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

# from the direction φ on, counterclockwise: s and t of a corner or centre, and the radius
Piece: TypeAlias = tuple[float, float, float, float]
STEPS = 40  # of an iteration that converges faster than linearly


class Region(NamedTuple):
    """low ≤ s ≤ high, and discs (ρ, σ), at least one."""

    low: float
    high: float
    discs: tuple[tuple[float, float], ...]
    corners: tuple[float, ...]

    def height(self, s: float) -> tuple[float, tuple[float, float]]:
        """t² of the boundary at s, and its disc."""
        return min((max(0.0, (s - ρ) * (σ - s)), (ρ, σ)) for ρ, σ in self.discs)

    def pieces(self) -> Iterator[Piece]:
        """The boundary, from the direction 0 to π."""
        right_to_left = sorted(self.corners, reverse=True)
        start = 0.0
        for k, s in enumerate(right_to_left):
            yield start, s, math.sqrt(self.height(s)[0]), 0.0
            if k + 1 < len(right_to_left):
                after = right_to_left[k + 1]
                ρ, σ = self.height((s + after) / 2)[1]
                centre, radius = (ρ + σ) / 2, (σ - ρ) / 2
                begin, start = (_angle((p - centre) / radius) for p in (s, after))
                yield begin, centre, 0.0, radius


def _angle(cosine: float) -> float:
    return math.acos(min(1.0, max(-1.0, cosine)))


class Arc(NamedTuple):
    """K + re(φ) for first ≤ φ ≤ last."""

    s: float
    t: float
    radius: float
    first: float
    last: float

    def farthest(self, c: float) -> tuple[float, float]:
        """The point with the greatest distance to (c, 0)."""
        φ = min(self.last, max(self.first, math.atan2(self.t, self.s - c)))
        return self.s + self.radius * math.cos(φ), self.t + self.radius * math.sin(φ)


def arcs(regions: Sequence[Region]) -> list[Arc]:
    """The boundary of the sum."""
    boundaries = [list(region.pieces()) for region in regions]
    turns = sorted({piece[0] for pieces in boundaries for piece in pieces})
    found = []
    for first, last in zip(turns, [*turns[1:], math.pi], strict=True):
        now = [[p for p in pieces if p[0] <= first][-1] for pieces in boundaries]
        s, t, radius = (sum(p[k] for p in now) for k in (1, 2, 3))
        found.append(Arc(s, t, radius, first, last))
    return found


def lipschitz(boundary: Sequence[Arc]) -> float:
    """max |p|."""
    return max(math.hypot(*arc.farthest(0.0)) for arc in boundary)


def cocoercivity(boundary: Sequence[Arc]) -> float:
    """min s/|p|² where all s are positive, the fixed point of c = |p|²/(2s) at the p farthest from
    (c, 0).
    """
    c = 0.0
    for _ in range(STEPS):
        s, t = max((arc.farthest(c) for arc in boundary), key=lambda p: math.hypot(p[0] - c, p[1]))
        greater = (s + t * (t / s)) / 2
        if not greater > c * (1 + 1e-15):
            break
        c = greater
    return 0.5 / c
