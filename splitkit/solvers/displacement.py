"""What drifts in a solve: a sign that there may be no solution, to be verified.

For T averaged u_{k+1} − u_k → v, the element of least norm in the closure of the range of T − I;
v ≠ 0 if and only if there is no fixed point, even approximately. Other methods drift likewise
where there is no solution: x, or elements of the terms. So it is what goes on at its pace while the
iteration count doubles; a solution that lies far ahead, or is approached slowly, looks the same,
and ``certificate.py`` tells which it is.

Source: Pazy (1971); Baillon, Bruck, Reich (1978); Liu, Ryu, Yin (2019) for Douglas-Rachford.
"""

from __future__ import annotations

from dataclasses import dataclass

from splitkit.backend import Array, Point, blocks, inner, namespace, norm, scale, subtract

FIRST = 16  # iterations before the first look
GROWTH = 2  # of the iteration count, from look to look
AS_BEFORE = 0.5  # of the length, and the cosine of the angle, of a pace that goes on

Elements = tuple[Point | None, ...]


@dataclass
class Drift:
    """What was seen at the last look, and how fast it moved since the one before.

    Attributes
    ----------
    seen : (int, point, elements) or None
        k, x_k, and elements of the terms.
    pace : (point, elements) or None
        What x and the elements moved an iteration.
    goes_on : bool
        Whether any of it moved so before.
    """

    seen: tuple[int, Point, Elements] | None = None
    pace: tuple[Point, Elements] | None = None
    goes_on: bool = False

    def is_due(self, k: int) -> bool:
        """Whether it is time to look."""
        return k >= FIRST if self.seen is None else k >= GROWTH * self.seen[0]

    def look(self, k: int, x: Point, elements: Elements, batch_ndim: int) -> bool:
        """Whether something goes on at its pace, for some batch element."""
        before, earlier = self.seen, self.pace
        self.seen, self.pace, self.goes_on = (k, x, elements), None, False
        if before is None:
            return False
        k0, x0, elements0 = before

        def moved(now: Point | None, then: Point | None) -> Point | None:
            known = now is not None and then is not None
            return scale(1 / (k - k0), subtract(now, then)) if known else None

        self.pace = moved(x, x0), tuple(map(moved, elements, elements0))
        if earlier is not None:
            pairs = zip((self.pace[0], *self.pace[1]), (earlier[0], *earlier[1]), strict=True)
            self.goes_on = any(_goes_on(now, then, batch_ndim) for now, then in pairs)
        return self.goes_on


def _goes_on(now: Point | None, then: Point | None, batch_ndim: int) -> bool:
    """Whether the pace of a block has not fallen, and keeps its direction roughly, for some batch
    element. The other blocks may be in units in which they are much larger.
    """
    if now is None or then is None:
        return False
    pairs = zip(blocks(now), blocks(then), strict=True)
    return any(_keeps(*pair, batch_ndim) for pair in pairs)


def _keeps(now: Array, then: Array, batch_ndim: int) -> bool:
    """The same of one block."""
    size, before = norm(now, batch_ndim), norm(then, batch_ndim)
    along = inner(now, then, batch_ndim)
    on = (size >= AS_BEFORE * before) & (along >= AS_BEFORE * size * before) & (along > 0)
    return bool(namespace(size).any(on))
