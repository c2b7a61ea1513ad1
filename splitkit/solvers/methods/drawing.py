"""What methods share that draw one part of a problem a step. An iteration is a pass: n such steps.

What is random in it depends on its number and the seed (``sampling.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from splitkit.arguments import check_integer, option
from splitkit.backend import Space
from splitkit.solvers.iteration import Carry, Iteration, Loop, Trace
from splitkit.solvers.method import Method
from splitkit.solvers.sampling import check_seed
from splitkit.tracing import Untraceable

ANEW = 16  # passes after which what is kept as a sum is added up again


def check_batch(name: str, value: object) -> int | None:
    """A number of rows, or None."""
    return None if value is None else check_integer(name, value, 1)


@dataclass(frozen=True, kw_only=True)
class Drawing(Method):
    """Base of the methods that draw.

    Parameters
    ----------
    batch : int, optional
        Rows of a part, at least 1; None: so many that a matrix has at most 256 parts.
    seed : int, default 0
        From 0 to 2¹²⁸ − 1: which random choices. The same ones for the same seed, on every library.
    """

    batch: int | None = option(None, check_batch)
    seed: int = option(0, check_seed)

    def check_space(self, space: Space) -> None:
        super().check_space(space)
        if space.mesh is not None:
            raise ValueError(
                f"{self.label} cuts rows of its own, and x0 is cut over processes or devices: give "
                "whole arrays, or take a method that draws nothing"
            )


class DrawnIteration(Iteration):
    """The carry ends in the number of passes made, a number of the host, which draws; a subclass
    gives ``passed``.
    """

    method: Drawing

    def run(self, state: Carry, n: int, loop: Loop) -> Carry:
        raise self.untraceable()

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        if not isinstance(state[-1], int):
            raise self.untraceable()
        return self.passed(*state)

    def passed(self, *state: Any) -> tuple[Carry, Trace]:
        """The state after a pass, and what ``read`` needs."""
        raise NotImplementedError

    def untraceable(self) -> Untraceable:
        """Why no pass is compiled."""
        return Untraceable(f"the host draws the parts of {self.method.label}")
