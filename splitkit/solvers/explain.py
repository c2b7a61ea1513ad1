"""``explain``: every method on an inclusion, with its guarantee or what is missing."""

from __future__ import annotations

from dataclasses import dataclass

from splitkit.operators.base import Operator
from splitkit.solvers.registry import METHODS
from splitkit.solvers.roles import as_pairs
from splitkit.solvers.splitting import Guarantee, Splitting


@dataclass(frozen=True)
class Option:
    """A method with its roles, its step size, and what a theorem says of it."""

    method: Splitting
    F: Operator
    G: Operator
    guarantee: Guarantee


@dataclass(frozen=True)
class Explanation:
    """All options, the one that ``solve`` takes first; ``print`` it for a table."""

    options: tuple[Option, ...]

    @property
    def chosen(self) -> Option | None:
        """What ``solve`` takes: the least guaranteed rate; without one, what converges at all."""
        first = self.options[0]
        return first if first.guarantee.holds else None

    def __str__(self) -> str:
        lines = []
        for option in self.options:
            mark = "→" if option is self.chosen else " "
            rate = option.guarantee.rate
            verdict = (
                "refused"
                if not option.guarantee.holds
                else "converges"
                if rate is None
                else f"rate {rate:.6f}"
            )
            lines.append(f"{mark} {option.method.label:<18} {verdict:<14} F = {option.F!r}")
            lines.append(f"{'':36}G = {option.G!r}")
            lines.append(f"{'':36}{option.guarantee.reason}")
        return "\n".join(lines)


def explain(inclusion: Operator) -> Explanation:
    """Which methods are guaranteed for 0 ∈ inclusion, which are not and why, and which is taken.

    Raises
    ------
    TypeError, NoGuaranteeError
        As ``solve`` raises them.
    """
    options = []
    for F, G in as_pairs(inclusion):
        for kind in METHODS:
            method = kind().chosen(F, G)
            options.append(Option(method, F, G, method.guarantee(F, G)))

    def order(option: Option) -> tuple[bool, float]:
        rate = option.guarantee.rate
        return not option.guarantee.holds, 1.0 if rate is None else rate

    return Explanation(tuple(sorted(options, key=order)))
