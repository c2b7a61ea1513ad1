"""The quadratic inequalities that an operator declares: as formulas, as forms and as claims."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from splitkit.properties import Form, Properties
from splitkit.testing._measured import Claim, Measured


@dataclass(frozen=True)
class Inequality:
    """a‖d‖² + 2b⟨d, e⟩ + c‖e‖² ≥ 0 for d = x − y and e = u − v, by its form (a, b, c); ``sides``
    compares what the formula compares.
    """

    name: str
    formula: str
    form: Form
    sides: Callable[[Measured, Measured], Claim]

    def require(self, d: Measured, e: Measured, where: dict[str, object], name: str = "") -> None:
        """Raise Violation if it does not hold; what is not finite is found by ``keeps``."""
        claim = self.sides(d, e)
        known = claim.unless(~np.isfinite(claim.gap))
        known.require(name or self.name, self.formula, **where)


@cache
def inequalities(properties: Properties) -> tuple[Inequality, ...]:
    """What the constants of these properties say of pairs (x, u), (y, v) of the graph."""
    found = list(_of_constants(properties))
    implied = {each.form for each in found}
    return *found, *[_of_form(form) for form in properties.forms if form not in implied]


def _of_constants(properties: Properties) -> Iterator[Inequality]:
    m, L, β = properties.strong_monotonicity, properties.lipschitz, properties.comonotonicity
    θ = properties.averagedness
    inner, pairs = "⟨u − v, x − y⟩", "(u ∈ Ax, v ∈ Ay)"
    if m is not None and m > -math.inf:
        name = "strongly_monotone" if m > 0 else "monotone" if m == 0 else "weakly_monotone"
        formula = f"{inner} ≥ m‖x − y‖² with m = {m:.8g} {pairs}"
        if m == math.inf:
            yield Inequality(name, formula, (-1.0, 0.0, 0.0), lambda d, e: 0 * d.square >= d.square)
        else:
            yield Inequality(name, formula, (-m, 0.5, 0.0), lambda d, e: d @ e >= m * d.square)
    if L is not None:
        formula = f"‖u − v‖² ≤ L²‖x − y‖² with L = {L:.8g} {pairs}"
        yield Inequality(
            "lipschitz", formula, (L * L, 0.0, -1.0), lambda d, e: e.square <= L * L * d.square
        )
    if β is not None and abs(β) < math.inf and not (β == 0 and m is not None and m >= 0):
        name = "cocoercive" if β > 0 else "comonotone"
        formula = f"{inner} ≥ β‖u − v‖² with β = {β:.8g} {pairs}"
        yield Inequality(name, formula, (0.0, 0.5, -β), lambda d, e: d @ e >= β * e.square)
    if θ is not None and θ > 0:
        k = (1 - θ) / θ
        formula = f"‖u − v‖² ≤ ‖x − y‖² − {k:.6g}‖(x − u) − (y − v)‖² (θ-averaged, θ = {θ:.8g})"
        yield Inequality(
            "averaged", formula, (1 - k, k, -1 - k),
            lambda d, e: e.square <= d.square - k * (d - e).square,
        )  # fmt: skip
    if properties.skew:
        for s in (0.5, -0.5):
            yield Inequality(
                "skew", f"{inner} = 0 {pairs}", (0.0, s, 0.0),
                lambda d, e: (d @ e).equals(0 * d.square),
            )  # fmt: skip


def _of_form(form: Form) -> Inequality:
    a, b, c = form
    formula = f"{a:.6g}‖x − y‖² + {2 * b:.6g}⟨u − v, x − y⟩ + {c:.6g}‖u − v‖² ≥ 0 (u ∈ Ax, v ∈ Ay)"
    return Inequality(
        "quadratic_form", formula, form,
        lambda d, e: a * d.square + 2 * b * (d @ e) + c * e.square >= 0 * d.square,
    )  # fmt: skip


def names(stated: tuple[Inequality, ...]) -> tuple[str, ...]:
    """The names, each once."""
    return tuple(dict.fromkeys(each.name for each in stated))


def through_resolvent(form: Form, alpha: float) -> Form:
    """A's form as one on (p, R_{αA}p): x = R p, u = (p − R p)/α."""
    a, b, c = form
    return c / alpha**2, b / alpha - c / alpha**2, a - 2 * b / alpha + c / alpha**2


def through_reflection(form: Form) -> Form:
    """A form of C = 2R − I as one on (p, R p)."""
    a, b, c = form
    return a - 2 * b + c, 2 * b - c * 2, 4 * c
