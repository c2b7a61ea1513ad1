"""The quadratic inequalities that an operator declares, as formulas and as numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from splitkit.backend import Point, Space, subtract
from splitkit.properties import Form, Properties
from splitkit.testing._report import require
from splitkit.testing._search import Flat, GraphMap, worst_pairs


@dataclass(frozen=True)
class Inequality:
    """A form with its formula; left and right are what the formula compares."""

    formula: str
    form: Form
    left: Form
    right: Form


def inequalities(properties: Properties) -> list[Inequality]:
    """What the constants of these properties say of pairs (x, u), (y, v) of the graph."""
    found = []
    m, L, β = properties.strong_monotonicity, properties.lipschitz, properties.cocoercivity
    inner = "⟨u − v, x − y⟩"
    if m is not None:
        known = f"{inner} ≥ m‖x − y‖² with m = {m:.8g} (u ∈ Ax, v ∈ Ay)"
        form = (-1.0, 0.0, 0.0) if m == math.inf else (-m, 0.5, 0.0)
        right = (1.0, 0.0, 0.0) if m == math.inf else (m, 0.0, 0.0)
        found.append(Inequality(known, form, (0.0, 0.5, 0.0), right))
    if L is not None:
        known = f"‖u − v‖² ≤ L²‖x − y‖² with L = {L:.8g} (u ∈ Ax, v ∈ Ay)"
        found.append(Inequality(known, (L * L, 0.0, -1.0), (0.0, 0.0, 1.0), (L * L, 0.0, 0.0)))
    if β is not None and β < math.inf:
        known = f"{inner} ≥ β‖u − v‖² with β = {β:.8g} (u ∈ Ax, v ∈ Ay)"
        found.append(Inequality(known, (0.0, 0.5, -β), (0.0, 0.5, 0.0), (0.0, 0.0, β)))
    for a, b, c in properties.forms:
        known = f"{a:.6g}‖x − y‖² + {2 * b:.6g}{inner} + {c:.6g}‖u − v‖² ≥ 0 (u ∈ Ax, v ∈ Ay)"
        found.append(Inequality(known, (a, b, c), (a, b, c), (0.0, 0.0, 0.0)))
    return found


@dataclass
class Pairs:
    """Compares pairs of a graph with the inequalities; ``noise(p, x, u)`` bounds what rounding
    does to x and u, in units of eps.
    """

    subject: object
    graph: GraphMap
    stated: list[Inequality]
    space: Space
    eps: float
    parameter: str
    amplification: float = 1.0  # of rounding, from the parameter to u

    def check(self, p: Point, q: Point) -> None:
        """Raise if the pairs that belong to the parameters p and q violate an inequality."""
        (x, u), (y, v) = self.graph(p), self.graph(q)
        dx, du = subtract(x, y), subtract(u, v)
        xx, xu, uu = (self._total(*pair) for pair in ((dx, dx), (dx, du), (du, du)))
        if not all(map(math.isfinite, (xx, xu, uu))):
            finite = all(self.space.isfinite(z) for z in (x, u, y, v))
            require(finite, self.subject, "values are finite", (u, v), "", p=p, q=q)
            return
        nx, nu = math.sqrt(xx), math.sqrt(uu)
        sizes = [self._size(z) for z in (p, q, x, y, u, v)]
        noise_x = 200 * self.eps * sum(sizes[:4])
        noise_u = 200 * self.eps * (sum(sizes[4:]) + self.amplification * sum(sizes[:4]))
        for each in self.stated:
            a, b, c = each.form
            value = a * xx + 2 * b * xu + c * uu
            allowed = noise_x * (2 * abs(a) * nx + 2 * abs(b) * nu + abs(a) * noise_x)
            allowed += noise_u * (2 * abs(b) * nx + 2 * abs(c) * nu + abs(c) * noise_u)
            allowed += 2 * abs(b) * noise_x * noise_u
            allowed += 200 * self.eps * (abs(a) * xx + 2 * abs(b) * nx * nu + abs(c) * uu)
            if value < -allowed:
                sides = [k[0] * xx + 2 * k[1] * xu + k[2] * uu for k in (each.left, each.right)]
                names = {self.parameter: p, f"{self.parameter}′": q}
                require(False, self.subject, each.formula, *sides, **names)

    def search(self, flat: Flat, effort: int) -> None:
        """The same at the worst pairs that a search finds."""
        forms = list(dict.fromkeys(each.form for each in self.stated))
        if forms and flat.size:
            for p, q in worst_pairs(self.graph, forms, flat, effort=effort):
                self.check(p, q)

    def _total(self, x: Point, y: Point) -> float:
        return float(self._sum(self.space.inner(x, y)))

    def _size(self, x: Point) -> float:
        return math.sqrt(self._total(x, x))

    def _sum(self, value: Any) -> Any:
        return value if not value.shape else self.space.xp.sum(value)
