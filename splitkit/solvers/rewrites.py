"""An inclusion taken apart into terms, by named rewrites that can be printed.

Each rewrite replaces an operator by others whose sum it is (or contains, where a theorem says that
their zeros are zeros of it). ``RULES`` lists them; they are applied until none applies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest

from splitkit.linear.base import LinearOperator
from splitkit.linear.block import BlockDiagonalMap
from splitkit.linear.identity import ScaledIdentity
from splitkit.operators.base import Operator
from splitkit.operators.block import BlockDiagonal
from splitkit.operators.combination import Combination, combine
from splitkit.operators.identity import Zero
from splitkit.operators.pullback import Pullback
from splitkit.operators.sum import Sum

Operators = tuple[Operator, ...]


@dataclass(frozen=True)
class Rewrite:
    """One application of a rule; ``print`` it."""

    rule: str
    before: Operator
    after: Operators

    def __str__(self) -> str:
        return f"{self.rule}: {self.before!r} → {', '.join(map(repr, self.after))}"


def sum_to_terms(A: Operator) -> Operators | None:
    """A + B to A, B."""
    return A.terms if isinstance(A, Sum) else None


def multiple_of_sum(A: Operator) -> Operators | None:
    """aI + b(B + C) to bB, bC, with aI in the first that can be evaluated: so its strong
    monotonicity is known exactly.
    """
    if not (isinstance(A, Combination) and isinstance(A.A, Sum)):
        return None
    terms = [combine(0.0, A.b, term) for term in flatten(A.A)[0]]
    if A.a:
        host = next((i for i, term in enumerate(terms) if term.has_evaluation), 0)
        terms[host] = combine(A.a, 1.0, terms[host])
    return tuple(terms)


def product_of_sums(A: Operator) -> Operators | None:
    """(B₁ + C₁) × (B₂ + C₂) to B₁ × B₂, C₁ × C₂, where it has neither a resolvent nor a value as it
    is: first what is evaluated of each block, then what is resolved, 0 where a block has no more.
    """
    if not isinstance(A, BlockDiagonal) or A.has_resolvent or A.has_evaluation:
        return None
    blocks = [flatten(part)[0] for part in A.parts]
    if all(len(block) == 1 for block in blocks):
        return None
    evaluated = [[B for B in block if B.has_evaluation] for block in blocks]
    resolved = [[B for B in block if not B.has_evaluation] for block in blocks]
    slots: list[Operator] = []
    if any(evaluated):
        slots.append(BlockDiagonal([_total(block) for block in evaluated]))
    for each in zip_longest(*resolved, fillvalue=Zero()):
        slots.append(_composed(each))
    return tuple(slots)


def _total(terms: list[Operator]) -> Operator:
    return Zero() if not terms else terms[0] if len(terms) == 1 else Sum(tuple(terms))


def _composed(blocks: tuple[Operator, ...]) -> Operator:
    """The product of operators; of compositions as one, with the identity of the others."""
    found = [None if B.has_resolvent else as_composition(B) for B in blocks]
    if not any(found):
        return BlockDiagonal(blocks)
    pairs = [pair or (B, ScaledIdentity()) for B, pair in zip(blocks, found, strict=True)]
    inner, maps = zip(*pairs, strict=True)
    return Pullback(BlockDiagonal(inner), BlockDiagonalMap(maps))


RULES: tuple[tuple[str, Callable[[Operator], Operators | None]], ...] = (
    ("a sum is its terms", sum_to_terms),
    ("a product of sums is the sum of products", product_of_sums),
    ("a multiple of a sum is the sum of multiples", multiple_of_sum),
)


def flatten(inclusion: Operator) -> tuple[Operators, tuple[Rewrite, ...]]:
    """The terms, and the rewrites that led to them, in order."""
    waiting, terms, made = [inclusion], [], []
    while waiting:
        A = waiting.pop()
        for name, rule in RULES:
            after = rule(A)
            if after is not None:
                made.append(Rewrite(name, A, after))
                waiting.extend(reversed(after))
                break
        else:
            terms.append(A)
    return tuple(terms), tuple(made)


def as_composition(A: Operator) -> tuple[Operator, LinearOperator] | None:
    """(B, L) with LᵀBL in A: of LᵀBL, and of its multiples by c > 0; None: A is neither."""
    if isinstance(A, Pullback):
        return A.A, A.L
    if isinstance(A, Combination) and A.a == 0:
        inner = as_composition(A.A)
        return None if inner is None else (combine(0.0, A.b, inner[0]), inner[1])
    return None
