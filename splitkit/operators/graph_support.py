"""The support function of a graph: what proves that an inclusion has no solution.

    S_A(v, d) = sup {⟨x, v⟩ + ⟨a, d⟩: a ∈ A(x)}.

If 0 ∈ Σ Aᵢ(x) has a solution, with elements aᵢ ∈ Aᵢ(x) whose sum is 0, then for vectors vᵢ whose
sum is 0, and any d,

    0 = Σ ⟨x, vᵢ⟩ + ⟨aᵢ, d⟩ ≤ Σ S_{Aᵢ}(vᵢ, d).

So a negative sum is a certificate that there is none. For d = 0 it separates the domains (for sets
S = σ_C(v)); for v = 0 it bounds the residual, as ⟨r, d⟩ ≤ Σ S < 0 for every r ∈ Σ Aᵢ(x), and
f falls along d without bound where Aᵢ = ∂fᵢ (S = the recession function of f). For x ↦ Mx − q it is
−⟨q, d⟩ if v = −Mᵀd, else inf: Farkas' alternative. At (0, 0) it is 0 for every A.

An operator returns an upper bound of S, at the nearest (v, d) to what it is asked for at which it
has one: (0, 0) where nothing is known. Positive homogeneity makes it independent of units.

Source: Bauschke, Combettes (2017), §7.1, Prop. 13.49; Rockafellar, *Convex Analysis* (1970), §§13,
22; Banjac, Goulart, Stellato, Boyd, *Infeasibility detection in the alternating direction method of
multipliers for convex optimization* (2019).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from operator import and_

from splitkit.backend import Array, Point, Space, blocks, lincomb, namespace, scale, subtract

ROUNDINGS = 64  # units of rounding of what is added up, within which vectors count as equal


@dataclass(frozen=True)
class GraphSupport:
    """S_A(v, d) ≤ value.

    Attributes
    ----------
    v, d : point
        Where the bound holds.
    value : array of batch shape
        inf: nothing is known.
    v_size, d_size : point
        Entry by entry, sizes of what was added up in v and d, beside which rounding is judged.
    lift : callable or None
        e ↦ Me where v is −Mᵀd; None: v does not depend on d.
    w : point or None
        Of LᵀAL, with v = Lᵀw.
    """

    v: Point
    d: Point
    value: Array
    v_size: Point
    d_size: Point
    lift: Callable[[Point], Point] | None = None
    w: Point | None = None

    @classmethod
    def nothing(cls, v: Point, d: Point, space: Space) -> GraphSupport:
        """S_A(0, 0) = 0."""
        v, d = scale(0.0, v), scale(0.0, d)
        return cls(v, d, space.inner(d, d), v, d)

    def where(self, holds: Array) -> GraphSupport:
        """The same bound where it holds, inf elsewhere."""
        xp = namespace(self.value)
        return replace(self, value=xp.where(holds, self.value, float("inf")))

    def swapped(self) -> GraphSupport:
        """That of A⁻¹."""
        return GraphSupport(self.d, self.v, self.value, self.d_size, self.v_size)

    def scaled(self, v: float, d: float) -> GraphSupport:
        """The same bound, read at (v v, d d)."""
        lift = self.lift
        return replace(
            self,
            lift=None if lift is None else lambda e: scale(v / d, lift(e)),
            v=scale(v, self.v),
            d=scale(d, self.d),
            v_size=scale(abs(v), self.v_size),
            d_size=scale(abs(d), self.d_size),
        )


def magnitude(x: Point) -> Point:
    """|x|, entry by entry."""
    return tuple(map(magnitude, x)) if isinstance(x, tuple) else abs(x)


def agree(x: Point, y: Point, size: Point, space: Space) -> Array:
    """Whether x = y but for rounding of entries of this size, of batch shape."""
    xp, allowed = space.xp, ROUNDINGS * space.eps
    excess = lincomb(1.0, magnitude(subtract(x, y)), -allowed, size)
    parts = [xp.all(e <= 0, axis=tuple(range(space.batch_ndim, e.ndim))) for e in blocks(excess)]
    return reduce(and_, parts)
