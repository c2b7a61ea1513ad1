"""The constants that an operator, its resolvents and its Cayley operators declare."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from splitkit.operators.base import Operator
from splitkit.testing._at_operator import SEARCHED_STEP, At, known
from splitkit.testing._forms import (
    Gram,
    inequalities,
    names,
    through_reflection,
    through_resolvent,
)
from splitkit.testing._place import Place
from splitkit.testing._search import worst_pairs
from splitkit.testing._suite import Case


def constant_names(A: Operator) -> tuple[str, ...]:
    """Names of the inequalities that A, R and C declare."""
    stated: tuple[str, ...] = ()
    if A.has_evaluation or A.has_resolvent:
        stated = names(inequalities(A.properties))
    if A.has_resolvent:
        stated += ("resolvent_constants", "cayley_constants")
    return stated


def constants(at: At) -> None:
    """What A, R and C declare, at a pair."""
    A, flat, eps, alpha = at.A, at.place.flat, at.place.eps, at.alpha
    x, y = flat.vector(at.x), flat.vector(at.y)
    where: dict[str, object] = {"x": at.x, "y": at.y}
    stated = inequalities(A.properties)
    if A.has_evaluation and stated:
        u, v = flat.vector(at.Ax), flat.vector(at.Ay)
        Gram.of(x, y, x, y, u, v, eps, at.gain).require(stated, where)
    if not A.has_resolvent:
        return
    p, q = flat.vector(at.p), flat.vector(at.q)
    of_A = {"p": at.x, "q": at.y, "alpha": alpha, "x = R_{αA}p": at.p, "y = R_{αA}q": at.q}
    u, v = (x - p) / alpha, (y - q) / alpha
    Gram.of(x, y, p, q, u, v, eps, 1 / alpha).require(stated, of_A)
    where["alpha"] = alpha
    for name, B, u, v in (
        ("resolvent_constants", at.R, p, q),
        ("cayley_constants", at.C, flat.vector(at.Cx), flat.vector(at.Cy)),
    ):
        gram = Gram.of(x, y, x, y, u, v, eps, known(B.lipschitz))
        gram.require(inequalities(B.properties), where | {"A": B}, name)


def worst_cases(A: Operator, place: Place, effort: int, seed: int) -> Iterator[Case]:
    """Cases at which a constant of A, R or C is likely to be exceeded."""
    if not place.flat.size:
        return
    α = SEARCHED_STEP
    of_A = [each.form for each in inequalities(A.properties)]
    graphs: list[tuple[Any, list[Any]]] = []
    if A.has_evaluation:
        graphs.append((A, of_A))
    if A.has_resolvent:
        R, C = place.resolvent(A, α), place.cayley(A, α)
        forms = [through_resolvent(form, α) for form in of_A]
        forms += [each.form for each in inequalities(R.properties)]
        forms += [through_reflection(each.form) for each in inequalities(C.properties)]
        graphs.append((R, forms))
    for graph, forms in graphs:
        distinct = list(dict.fromkeys(forms))
        if distinct:
            for x, y in worst_pairs(graph, distinct, place.flat, effort=effort, seed=seed):
                yield x, y, α, 0.3
