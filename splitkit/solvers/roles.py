"""Which terms of an inclusion are F (evaluated, or used by its resolvent) and which G."""

from __future__ import annotations

from splitkit.operators.base import Operator
from splitkit.operators.identity import Zero
from splitkit.operators.sum import terms_of
from splitkit.solvers.errors import NoGuaranteeError


def as_pairs(inclusion: Operator) -> list[tuple[Operator, Operator]]:
    """The pairs (F, G) with F + G = inclusion that a two-operator method may take.

    One term is paired with zero; two come in both orders; of more, all that can be evaluated are
    gathered in F, and at most one may be left for G.

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
    terms = terms_of(inclusion)
    if len(terms) == 1:
        return [(terms[0], Zero()), (Zero(), terms[0])]
    if len(terms) == 2:
        return [(terms[0], terms[1]), (terms[1], terms[0])]
    single = [A for A in terms if A.has_evaluation]
    rest = [A for A in terms if not A.has_evaluation]
    if len(rest) > 1:
        raise NoGuaranteeError(
            f"{len(rest)} of {len(terms)} terms are set-valued ({', '.join(map(repr, rest))}), "
            "and the methods here take two operators: join some of them into one with a "
            "resolvent of its own, or copy the variable (BlockDiagonal, and an AffineSet that equates the copies)"
        )
    if not rest:
        return [(inclusion, Zero())]
    F = single[0]
    for A in single[1:]:
        F = F + A
    return [(F, rest[0])]
