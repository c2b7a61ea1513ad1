"""Which terms of an inclusion a method takes in which role."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import reduce
from operator import add

from splitkit.functions.calculus.composed import Composed
from splitkit.functions.calculus.scaled import Scaled
from splitkit.functions.subdifferential import Subdifferential
from splitkit.operators.base import Operator
from splitkit.operators.combination import Combination, combine
from splitkit.operators.identity import Zero
from splitkit.operators.pullback import Pullback
from splitkit.operators.sum import Sum
from splitkit.solvers.method import Method, Role

Operators = tuple[Operator, ...]
MANY = 5  # terms of which every order is tried


def assignments(inclusion: Operator, method: type[Method] | Method) -> Iterator[Operators]:
    """Operators for the roles of a method, whose sum is the inclusion; the plainest first.

    A term that has both an evaluation and a resolvent may take either role; those that are
    evaluated are added up. A role that no term needs is given to the zero operator.
    """
    terms = flat_terms(inclusion)
    roles = method.roles
    places = {role: roles.count(role) for role in Role}
    least = places[Role.RESOLVED]
    if method.many and roles[-1] is Role.RESOLVED:
        places[Role.RESOLVED] = len(terms)
    found: list[tuple[int, Operators]] = []
    for uses in itertools.product(*(_uses(A) for A in terms)):
        taken = {role: [A for A, u in zip(terms, uses, strict=True) if u is role] for role in Role}
        evaluated = taken[Role.EVALUATED]
        if evaluated:
            if not places[Role.EVALUATED]:
                continue
            taken[Role.EVALUATED] = [reduce(add, evaluated)]
        if any(len(taken[role]) > places[role] for role in Role):
            continue
        spare = {r: (least if r is Role.RESOLVED else places[r]) - len(taken[r]) for r in Role}
        padding = sum(max(0, n) for n in spare.values())
        for order in _orders(taken[Role.RESOLVED]):
            queues = {role: list(A) for role, A in (taken | {Role.RESOLVED: order}).items()}
            filled = [queues[r].pop(0) if queues[r] else Zero() for r in roles]
            found.append((padding, (*filled, *queues[Role.RESOLVED])))
            if padding and places[Role.RESOLVED] == 2 and len(order) == 1:
                F, G, *rest = found[-1][1]
                found.append((padding, (G, F, *rest)))
    found.sort(key=lambda each: each[0])
    yield from (operators for _, operators in found)


def _uses(A: Operator) -> list[Role]:
    uses = []
    if A.has_resolvent:
        uses.append(Role.RESOLVED)
    if A.has_evaluation:
        uses.append(Role.EVALUATED)
    if isinstance(A, Pullback) and not A.has_resolvent:
        uses.append(Role.COMPOSED)
    return uses


def _orders(terms: list[Operator]) -> list[tuple[Operator, ...]]:
    if 1 < len(terms) < MANY:
        return list(itertools.permutations(terms))
    return [tuple(terms)]


def flat_terms(A: Operator) -> tuple[Operator, ...]:
    """The terms of A, with aI + b(B + C) taken apart: the identity joins a term that can be
    evaluated, so that its strong monotonicity is known exactly. c LᵀBL counts as Lᵀ(cB)L, and
    ∂(g∘L) without a resolvent as Lᵀ∂g L, which it contains.
    """
    if isinstance(A, Subdifferential) and not A.has_resolvent:
        return (_taken_apart(A),)
    if isinstance(A, Sum):
        return tuple(leaf for term in A.terms for leaf in flat_terms(term))
    if isinstance(A, Combination) and A.a == 0 and isinstance(A.A, Pullback):
        return (Pullback(combine(0.0, A.b, A.A.A), A.A.L),)
    if not (isinstance(A, Combination) and isinstance(A.A, Sum)):
        return (A,)
    terms = [combine(0.0, A.b, term) for term in flat_terms(A.A)]
    if A.a:
        host = next((i for i, term in enumerate(terms) if term.has_evaluation), 0)
        terms[host] = combine(A.a, 1.0, terms[host])
    return tuple(terms)


def _taken_apart(A: Subdifferential) -> Operator:
    """Lᵀ∂g L for ∂(g∘L), with the multiples before it; others as they are."""
    f, c = A.f, 1.0
    while isinstance(f, Scaled):
        c *= f.c
        f = f.f
    if not isinstance(f, Composed):
        return A
    return Pullback(Subdifferential(f.f if c == 1 else c * f.f), f.L)
