"""The quadratic inequalities that an operator declares, as formulas and as numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from splitkit.properties import Form, Properties
from splitkit.testing._report import require


@dataclass(frozen=True)
class StatedForm:
    """A form with its name and formula; left and right are what the formula compares, and terms
    are the sizes of what cancels in the form's coefficients (None: nothing does).
    """

    name: str
    formula: str
    form: Form
    left: Form
    right: Form
    terms: Form | None = None


def inequalities(properties: Properties) -> list[StatedForm]:
    """What the constants of these properties say of pairs (x, u), (y, v) of the graph."""
    found = []
    m, L, β = properties.strong_monotonicity, properties.lipschitz, properties.comonotonicity
    θ = properties.averagedness
    inner, pairs = "⟨u − v, x − y⟩", "(u ∈ Ax, v ∈ Ay)"
    half, square = (0.0, 0.5, 0.0), (0.0, 0.0, 1.0)
    if m is not None and m > -math.inf:
        name = "strongly_monotone" if m > 0 else "monotone" if m == 0 else "weakly_monotone"
        known = f"{inner} ≥ m‖x − y‖² with m = {m:.8g} {pairs}"
        form = (-1.0, 0.0, 0.0) if m == math.inf else (-m, 0.5, 0.0)
        right = (1.0, 0.0, 0.0) if m == math.inf else (m, 0.0, 0.0)
        found.append(StatedForm(name, known, form, half, right))
    if L is not None:
        known = f"‖u − v‖² ≤ L²‖x − y‖² with L = {L:.8g} {pairs}"
        form = (L * L, 0.0, -1.0)
        found.append(StatedForm("lipschitz", known, form, square, (L * L, 0.0, 0.0)))
    if β is not None and abs(β) < math.inf and not (β == 0 and m is not None and m >= 0):
        name = "cocoercive" if β > 0 else "comonotone"
        known = f"{inner} ≥ β‖u − v‖² with β = {β:.8g} {pairs}"
        found.append(StatedForm(name, known, (0.0, 0.5, -β), half, (0.0, 0.0, β)))
    if θ is not None and θ > 0:
        k = (1 - θ) / θ
        known = f"‖u − v‖² ≤ ‖x − y‖² − {k:.6g}‖(x − u) − (y − v)‖² (θ-averaged, θ = {θ:.8g})"
        right = (1 - k, k, -k)
        form = (1 - k, k, -1 - k)
        terms = (1 + k, k, 1 + k)
        found.append(StatedForm("averaged", known, form, square, right, terms))
    if properties.skew:
        known = f"{inner} = 0 {pairs}"
        found += [StatedForm("skew", known, (0.0, s, 0.0), half, (0.0,) * 3) for s in (0.5, -0.5)]
    implied = {each.form for each in found}
    for a, b, c in properties.forms:
        if (a, b, c) not in implied:
            known = f"{a:.6g}‖x − y‖² + {2 * b:.6g}{inner} + {c:.6g}‖u − v‖² ≥ 0 {pairs}"
            found.append(StatedForm("quadratic_form", known, (a, b, c), (a, b, c), (0.0,) * 3))
    return found


def names(stated: list[StatedForm]) -> tuple[str, ...]:
    """The names, each once."""
    return tuple(dict.fromkeys(each.name for each in stated))


@dataclass(frozen=True)
class Gram:
    """The inner products of a pair's differences, and how large rounding is in them."""

    xx: float
    xu: float
    uu: float
    noise_x: float
    noise_u: float
    eps: float

    @classmethod
    def of(
        cls, p: Any, q: Any, x: Any, y: Any, u: Any, v: Any, eps: float, amplification: float
    ) -> Gram:
        """Of vectors (x, u), (y, v) that belong to the parameters p, q; rounding of the parameter
        reaches u amplified so much.
        """
        dx, du = x - y, u - v
        sizes = [math.sqrt(float(z @ z)) for z in (p, q, x, y, u, v)]
        noise_x = 200 * eps * sum(sizes[:4])
        noise_u = 200 * eps * (sum(sizes[4:]) + amplification * sum(sizes[:4]))
        return cls(float(dx @ dx), float(dx @ du), float(du @ du), noise_x, noise_u, eps)

    def require(self, stated: list[StatedForm], where: dict[str, object], prefix: str = "") -> None:
        """Raise Violation if an inequality does not hold."""
        if not all(map(math.isfinite, (self.xx, self.xu, self.uu))):
            return  # what is not finite is found by ``keeps``
        for each, value, allowed in self._values(stated):
            if value < -allowed:
                sides = [
                    k[0] * self.xx + 2 * k[1] * self.xu + k[2] * self.uu
                    for k in (each.left, each.right)
                ]
                require(False, prefix or each.name, each.formula, *sides, **where)

    def _values(self, stated: list[StatedForm]) -> Iterator[tuple[StatedForm, float, float]]:
        nx, nu = math.sqrt(self.xx), math.sqrt(self.uu)
        for each in stated:
            a, b, c = each.form
            value = a * self.xx + 2 * b * self.xu + c * self.uu
            a, b, c = each.terms or each.form
            allowed = self.noise_x * (2 * abs(a) * nx + 2 * abs(b) * nu + abs(a) * self.noise_x)
            allowed += self.noise_u * (2 * abs(b) * nx + 2 * abs(c) * nu + abs(c) * self.noise_u)
            allowed += 2 * abs(b) * self.noise_x * self.noise_u
            allowed += 200 * self.eps * (abs(a) * self.xx + 2 * abs(b) * nx * nu + abs(c) * self.uu)
            yield each, value, allowed


def through_resolvent(form: Form, alpha: float) -> Form:
    """A's form as one on (p, R_{αA}p): x = R p, u = (p − R p)/α."""
    a, b, c = form
    return c / alpha**2, b / alpha - c / alpha**2, a - 2 * b / alpha + c / alpha**2


def through_reflection(form: Form) -> Form:
    """A form of C = 2R − I as one on (p, R p)."""
    a, b, c = form
    return a - 2 * b + c, 2 * b - c * 2, 4 * c
