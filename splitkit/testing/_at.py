"""A thing at a case: points of its places, then two step sizes. Cases of every scale."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np

from splitkit.backend import Point
from splitkit.testing._measured import Measured
from splitkit.testing._place import Place
from splitkit.testing._suite import Case
from splitkit.testing.strategies import STEPS, scales

# what a map is called, the map, an argument, and the place of its values (None: they are numbers)
NamedMap: TypeAlias = tuple[str, Callable[[Point], Any], Measured, Place | None]
Places: TypeAlias = tuple[Place, ...]


class At:
    """A thing at a case; x is the first of its points, y the last, α and β are its step sizes."""

    def __init__(self, thing: Any, places: Places, case: Case) -> None:
        self.thing, self.place = thing, places[0]
        self.points = [Measured.of(*each) for each in zip(places, case[:-2], strict=True)]
        self.x, self.y, self.alpha, self.beta = self.points[0], self.points[-1], *case[-2:]
        # both, as what was prepared for one must not answer for the other
        self.steps = tuple(dict.fromkeys(case[-2:]))

    def maps(self, thing: Any) -> list[NamedMap]:
        """The maps that a thing, or a copy of it, consists of."""
        raise NotImplementedError


def fixed(places: Places, effort: int, seed: int) -> Iterator[Case]:
    """One case, for what need not be looked at twice."""
    return spread(places, 1, seed)


def spread(places: Places, count: int, seed: int) -> Iterator[Case]:
    """Random cases that take every scale and every step size in turn."""
    rng, sizes = np.random.default_rng(seed), scales(places[0].is_double)
    for k in range(count):
        size = sizes[k % len(sizes)]
        drawn = [p.flat.point(size * rng.standard_normal(p.flat.size)) for p in places]
        other = STEPS[(k + 1 + k // len(STEPS)) % len(STEPS)]
        yield *drawn, STEPS[k % len(STEPS)], other
