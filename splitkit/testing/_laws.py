"""Properties as they are written: a name, a formula, and its sides at a case."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from splitkit.testing._measured import Claim
from splitkit.testing._suite import Property, Search


def law(
    name: str,
    formula: str,
    sides: Callable[[Any], Claim | Iterable[Claim]],
    shown: str = "x alpha",
    search: Search | None = None,
    drawn: bool = True,
    always: bool = True,
) -> Property:
    """The property that the claims made by ``sides`` hold at every case; a violation shows what
    ``shown`` names of the case.
    """

    def check(at: Any) -> None:
        claims = sides(at)
        for claim in [claims] if isinstance(claims, Claim) else claims:
            claim.require(name, formula, **{each: getattr(at, each) for each in shown.split()})

    return Property(check, (name,), search, drawn, always)
