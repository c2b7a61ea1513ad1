"""The stopping rule ``ObjectiveChange``: Σ fᵢ(Lᵢx) has settled.

A value that falls as C/k does, or faster, is as far from its limit after k iterations as it was
from the value after k/2 of them, at most: so half of all iterations are looked back at, and not
one, which says nothing where a method is slow. No bound follows: that is what ``Gap`` is for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from splitkit.arguments import Range, check_number
from splitkit.backend import Array, Point, Space, greatest
from splitkit.functions.base import ROUNDINGS
from splitkit.solvers.gap import Duality
from splitkit.solvers.iteration import Reading
from splitkit.solvers.potentials import NoPotentialError
from splitkit.solvers.stopping import Measurement, Stopping, _quotient
from splitkit.solvers.summands import NoValueError

if TYPE_CHECKING:
    from splitkit.solvers.method import Method
    from splitkit.solvers.terms import Term

FEWEST = 10  # iterations: a value that stands still for a few has not settled


@dataclass(frozen=True)
class ObjectiveChange(Stopping):
    """|f(xₖ) − f(xⱼ)| ≤ tol · |f(xₖ)| for the iterates j looked at from k/2 on, and k ≥ 10;
    constraints are met within tol of the size of x.

    The objective f is the sum of all functions that the terms are subdifferentials of. That it has
    settled is no proof that it is the least, which ``Gap`` gives.

    Parameters
    ----------
    tol : float
        Positive and below 1.

    Raises
    ------
    TypeError
        At the solve: a term has no value.

    Examples
    --------
    >>> f = sk.functions.Logistic() @ np.array([[1.0, 2.0], [-1.0, 1.0]])
    >>> g = sk.functions.L1Norm(0.1)
    >>> print(sk.minimize(f + g, np.zeros(2), tol=sk.ObjectiveChange(1e-8)).objective)
    0.335
    """

    tol: float

    def __post_init__(self) -> None:
        remedy = "give a number in (0, 1)"
        object.__setattr__(self, "tol", check_number("tol", self.tol, Range(0.0, 1.0), remedy))

    def prepared(self, method: Method, terms: Sequence[Term]) -> Stopping:
        try:
            return _Settling(self, Duality(method, terms))
        except NoPotentialError as error:
            raise TypeError(f"tol = ObjectiveChange(…) needs functions: {error}") from error


class _Settling(Stopping):
    measures = "change of the objective"
    x: Point

    def __init__(self, rule: ObjectiveChange, duality: Duality) -> None:
        self.rule, self.duality = rule, duality
        self.values: list[tuple[int, Array]] = []

    def __repr__(self) -> str:
        return repr(self.rule)

    def start(self) -> None:
        self.values = []

    def see(self, reading: Reading, u: Point) -> None:
        self.x = reading.x if reading.outward is None else reading.outward.point(reading.x)

    def ratio(self, measured: Measurement, space: Space) -> Array:
        try:
            value, beyond = self.duality.primal(self.x, space)
        except NoValueError as error:
            raise TypeError(f"tol = ObjectiveChange(…) needs {error}") from error
        k, xp = measured.iteration, space.xp
        # of the looks before k/2 the last one counts, so that half of the iterations are behind
        early = [i for i, (j, _) in enumerate(self.values) if 2 * j <= k]
        self.values = self.values[early[-1] if early else 0 :]
        changes = [abs(value - before) for _, before in self.values]
        self.values.append((k, value))
        least = ROUNDINGS * space.eps
        unmet = _quotient(beyond, max(self.rule.tol, least) + 0.0 * beyond, space)
        if k < FEWEST or not changes:
            return xp.where(xp.isnan(value), value, 1e30 + 0.0 * beyond)
        change = _quotient(greatest(changes), self.rule.tol * abs(value), space)
        return xp.where(xp.isnan(value), value, xp.maximum(change, unmet))
