"""The constants that an operator, its resolvents and its Cayley operators declare."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from splitkit.operators.base import Operator
from splitkit.testing._at_operator import SEARCHED_STEP, AtOperator, MeasuredMap, known
from splitkit.testing._forms import (
    Gram,
    StatedForm,
    inequalities,
    names,
    through_reflection,
    through_resolvent,
)
from splitkit.testing._place import Place
from splitkit.testing._search import worst_pairs
from splitkit.testing._suite import Case, Property


def laws(A: Operator, place: Place) -> Iterator[Property]:
    """The inequalities that A, R and C declare."""
    stated: tuple[str, ...] = ()
    if A.has_evaluation or A.has_resolvent:
        stated = names(inequalities(A.properties))
    if A.has_resolvent:
        stated += ("resolvent_constants", "cayley_constants")
    if stated:
        yield Property(constants, stated, partial(worst_cases, A, place))


def constants(at: AtOperator) -> None:
    """What A, R and C declare, at a pair."""
    A, alpha, vector = at.A, at.alpha, at.place.flat.vector
    x, y = vector(at.x.value), vector(at.y.value)
    where: dict[str, object] = {"x": at.x.value, "y": at.y.value}
    stated = inequalities(A.properties)

    def hold(stated: list[StatedForm], B: MeasuredMap, gain: float, name: str = "") -> None:
        u, v = vector(B(at.x).value), vector(B(at.y).value)
        Gram.of(x, y, x, y, u, v, at.place.eps, gain).require(stated, where, name)

    if A.has_evaluation and stated:
        hold(stated, at.F, at.gain)
    if not A.has_resolvent:
        return
    Rx, Ry = at.R(at.x).value, at.R(at.y).value
    of_A = {"p": at.x.value, "q": at.y.value, "alpha": alpha, "x = R_{αA}p": Rx, "y = R_{αA}q": Ry}
    p, q = vector(Rx), vector(Ry)
    gram = Gram.of(x, y, p, q, (x - p) / alpha, (y - q) / alpha, at.place.eps, 1 / alpha)
    gram.require(stated, of_A)
    for name, B, of_B in (
        ("resolvent_constants", at.place.resolvent(A, alpha), at.R),
        ("cayley_constants", at.place.cayley(A, alpha), at.C),
    ):
        where |= {"alpha": alpha, "A": B}
        hold(inequalities(B.properties), of_B, known(B.lipschitz), name)


def worst_cases(A: Operator, place: Place, effort: int, seed: int) -> Iterator[Case]:
    """Cases at which a constant of A, R or C is likely to be exceeded."""
    α = SEARCHED_STEP
    of_A = [each.form for each in inequalities(A.properties)]
    graphs: list[tuple[Any, list[Any]]] = [(A, of_A)] if A.has_evaluation else []
    if A.has_resolvent:
        R, C = place.resolvent(A, α), place.cayley(A, α)
        forms = [through_resolvent(form, α) for form in of_A]
        forms += [each.form for each in inequalities(R.properties)]
        forms += [through_reflection(each.form) for each in inequalities(C.properties)]
        graphs.append((R, forms))
    for graph, forms in graphs:
        for x, y in worst_pairs(graph, forms, place.flat, effort=effort, seed=seed):
            yield x, y, α, 0.3
