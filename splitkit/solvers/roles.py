"""Which terms of an inclusion are F (evaluated, or used by its resolvent) and which G."""

from __future__ import annotations

from splitkit.operators.base import Operator
from splitkit.operators.combination import Combination, combine
from splitkit.operators.identity import Zero
from splitkit.operators.sum import Sum
from splitkit.solvers.errors import NoGuaranteeError


def as_pairs(inclusion: Operator) -> list[tuple[Operator, Operator]]:
    """The pairs (F, G) with F + G = inclusion that a two-operator method may take.

    One term is paired with zero; two come in both orders, or as F alone where only evaluating them
    is possible; of more, all that can be evaluated are gathered in F, and at most one may be left
    for G. A multiple of a sum, plus a multiple of the identity, is taken term by term.

    Raises
    ------
    TypeError
        Not an operator.
    NoGuaranteeError
        Two or more of three or more terms are set-valued.
    """
    if not isinstance(inclusion, Operator):
        raise TypeError(
            f"inclusion = {inclusion!r} is no operator: wrap functions as "
            "splitkit.Subdifferential(f), or use splitkit.minimize"
        )
    terms = flat_terms(inclusion)
    if len(terms) == 1:
        return [(terms[0], Zero()), (Zero(), terms[0])]
    single = [A for A in terms if A.has_evaluation]
    rest = [A for A in terms if not A.has_evaluation]
    if len(terms) == 2:
        pairs = [(terms[0], terms[1]), (terms[1], terms[0])]
        evaluated_only = not rest and not all(A.has_resolvent for A in terms)
        return [*pairs, (inclusion, Zero())] if evaluated_only else pairs
    if len(rest) > 1:
        raise NoGuaranteeError(
            f"{len(rest)} of {len(terms)} terms are set-valued ({', '.join(map(repr, rest))}), "
            "and the methods here take two operators: join some of them into one with a "
            "resolvent of its own, or copy the variable (BlockDiagonal, and an AffineSet that "
            "equates the copies)"
        )
    if not rest:
        return [(inclusion, Zero())]
    F = single[0]
    for A in single[1:]:
        F = F + A
    return [(F, rest[0])]


def flat_terms(A: Operator) -> tuple[Operator, ...]:
    """The terms of A, with aI + b(B + C) taken apart: the identity joins a term that can be
    evaluated, so that its strong monotonicity is known exactly.
    """
    if isinstance(A, Sum):
        return tuple(leaf for term in A.terms for leaf in flat_terms(term))
    if not (isinstance(A, Combination) and isinstance(A.A, Sum)):
        return (A,)
    terms = [combine(0.0, A.b, term) for term in flat_terms(A.A)]
    if A.a:
        host = next((i for i, term in enumerate(terms) if term.has_evaluation), 0)
        terms[host] = combine(A.a, 1.0, terms[host])
    return tuple(terms)
