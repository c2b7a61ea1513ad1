"""How an attempt to prove something ends."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """How an attempt to prove something ends; ``Proof.reason`` says more."""

    PROVED = "proved"  # multipliers verify the inequality in rational arithmetic
    REFUTED = "refuted by this instance"  # operators that break it, run through the same code
    INEXPRESSIBLE = "not expressible"  # what is known is no program, or decides nothing
    FAILED = "the solver failed"  # its numbers verify nothing


class NotExpressibleError(TypeError):
    """A step does what no program of linear combinations and operators can say."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{Outcome.INEXPRESSIBLE}, because {reason}")
