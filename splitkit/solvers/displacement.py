"""Inconsistent problems: the infimal displacement vector of an averaged map.

For T averaged u_{k+1} − u_k → v, the element of least norm in the closure of the range of T − I;
v ≠ 0 if and only if there is no fixed point, even approximately: then u_k drifts along v forever.
Seen in finitely many steps, the sign of v ≠ 0 is that the displacement has stood still, up to
``STILL`` of itself, while the iteration count grew by a factor ``SPAN``, and that the path followed
it. The test does not depend on units. A problem that is solvable with a linear rate above
1 − STILL/k looks the same, and so does one whose solution lies far ahead: so T is tried at
w = u_k + tv. A fixed point x* has ⟨x* − w, Tw − w⟩ ≥ ½‖Tw − w‖² for every w, and where Tw − w is
still about v, none is nearer to u_k than t‖v‖.

Source: Pazy (1971); Baillon, Bruck, Reich (1978); Liu, Ryu, Yin (2019) for Douglas-Rachford.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from splitkit.backend import Array, Point, Space, lincomb, scale, subtract

SPAN = 8
STILL = 1e-4
LEAST = 128  # iterations before which nothing is concluded
AHEAD = 1e4  # t as a multiple of the iterations so far, as far as rounding leaves v visible


@dataclass
class Displacement:
    """What was seen at the checks: (k, u_k, u_{k+1} − u_k)."""

    seen: list[tuple[int, Point, Point]] = field(default_factory=list)

    def persists(self, k: int, u: Point, step: Point, space: Space) -> Array | None:
        """Where (of batch shape) the displacement has persisted up to iteration k; None: nowhere
        yet, too early to say.
        """
        self.seen.append((k, u, step))
        while len(self.seen) > 1 and self.seen[1][0] * SPAN <= k:
            self.seen.pop(0)
        k0, u0, first = self.seen[0]
        if k < LEAST or k0 * SPAN > k:
            return None
        xp, size = space.xp, space.norm(step)
        eps = float(xp.finfo(space.dtype).eps)
        still = xp.ones(size.shape, dtype=xp.bool, device=space.device)
        for _, _, earlier in self.seen[:-1]:
            still = still & (space.norm(subtract(step, earlier)) <= STILL * size)
        # the whole path is the displacement, repeated; beside rounding in u
        path = subtract(subtract(u, u0), scale(float(k - k0), first))
        follows = space.norm(path) <= 2 * STILL * (k - k0) * size
        visible = size > 1e3 * eps * space.norm(u)
        return still & follows & visible


def goes_on(k: int, u: Point, v: Point, T: Callable[[Point], Point], space: Space) -> Array:
    """Whether T still displaces by about v far ahead on the ray from u along v."""
    eps = float(space.xp.finfo(space.dtype).eps)
    far = lincomb(1.0, u, min(AHEAD * k, 0.01 / eps), v)
    ahead = subtract(T(far), far)
    return space.inner(ahead, v) >= 0.5 * space.inner(v, v)
