"""The constants that an operator, its resolvents and its Cayley operators declare."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from splitkit.operators.base import Operator
from splitkit.testing._at_operator import SEARCHED_STEP, AtOperator
from splitkit.testing._forms import (
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
    A, x, y, alpha = at.A, at.x, at.y, at.alpha
    stated, d = inequalities(A.properties), x - y
    for each in stated if A.has_evaluation else ():
        each.require(d, at.F(x) - at.F(y), {"x": x, "y": y})
    if not A.has_resolvent:
        return
    e, p, q = at.R(x) - at.R(y), "x = R_{αA}p", "y = R_{αA}q"
    for each in stated:
        where: dict[str, object] = {"p": x, "q": y, "alpha": alpha, p: at.R(x), q: at.R(y)}
        each.require(e, (d - e) / alpha, where)
    for name, B, of_B in (
        ("resolvent_constants", at.place.resolvent(A, alpha), at.R),
        ("cayley_constants", at.place.cayley(A, alpha), at.C),
    ):
        for each in inequalities(B.properties):
            where = {"x": x, "y": y, "alpha": alpha, "A": B}
            each.require(d, of_B(x) - of_B(y), where, name)


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
