"""``explain``: every method on an inclusion, with its guarantee or what is missing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from splitkit.functions.base import Function
from splitkit.operators.base import Operator
from splitkit.operators.identity import Zero
from splitkit.operators.pullback import Pullback
from splitkit.proofs import Proof
from splitkit.solvers.errors import NoGuaranteeError
from splitkit.solvers.inclusion import inclusion_of
from splitkit.solvers.method import Guarantee, Method, Role
from splitkit.solvers.methods.registry import METHODS
from splitkit.solvers.roles import Operators, assignments, flat_terms


@dataclass(frozen=True)
class Option:
    """A method with its operators, its options chosen, and what a theorem says of it."""

    method: Method
    operators: Operators
    guarantee: Guarantee

    def proof(self) -> Proof:
        """The proof by the small program, on the properties of these operators; needs clarabel."""
        return self.method.proof(*self.operators)

    @property
    def effort(self) -> tuple[float, float]:
        """Operators applied for each factor 1/e of the guaranteed decrease (inf: no rate); then
        those of an iteration, times 1/(αL) where the step is shorter than an evaluated operator
        would take.
        """
        rate, cost = self.guarantee.rate, float(self.method.cost)
        if rate is not None:
            return (cost / -math.log(rate) if rate > 0 else 0.0), cost
        alpha = getattr(self.method, "alpha", None)
        roles = self.method.roles_for(len(self.operators))
        for A, role in zip(self.operators, roles, strict=True):
            if role is Role.EVALUATED and A.lipschitz and isinstance(alpha, float):
                cost *= max(1.0, 1 / (alpha * A.lipschitz))
        return math.inf, cost


@dataclass(frozen=True)
class Explanation:
    """All options, the one that ``solve`` takes first; ``print`` it for a table."""

    options: tuple[Option, ...]

    @property
    def chosen(self) -> Option | None:
        """What ``solve`` takes: the least work by the guaranteed rate; without one, the first of
        the registry that converges at all.
        """
        first = self.options[0] if self.options else None
        return first if first is not None and first.guarantee.holds else None

    def best_of_each(self) -> Iterator[Option]:
        """One option for each method, in order."""
        seen = set()
        for option in self.options:
            if option.method.label not in seen:
                seen.add(option.method.label)
                yield option

    def __str__(self) -> str:
        best = list(self.best_of_each())
        lines = []
        for option in best:
            if not option.guarantee.holds:
                continue
            rate = option.guarantee.rate
            mark = "→" if option is self.chosen else " "
            verdict = "converges" if rate is None else f"rate {rate:.6f}"
            lines.append(f"{mark} {option.method.label:<28}{verdict:<16}{option.guarantee.reason}")
            lines.append(f"{'':46}of {', '.join(map(repr, option.operators))}")
        refused: dict[str, list[str]] = {}
        for option in best:
            if not option.guarantee.holds:
                refused.setdefault(option.guarantee.reason, []).append(option.method.label)
        for reason, labels in refused.items():
            lines.append(f"  refused: {', '.join(labels)}")
            lines.append(f"{'':4}{reason}")
        return "\n".join(lines)


def explain(inclusion: Operator | Function) -> Explanation:
    """Which methods are guaranteed for 0 ∈ inclusion, which are not and why, and which is taken; of
    a function, for minimizing it.

    Raises
    ------
    TypeError
        Neither an operator nor a function.
    """
    if isinstance(inclusion, Function):
        inclusion = inclusion_of(inclusion)
    check_inclusion(inclusion)
    options = [option for kind in METHODS for option in options_of(inclusion, kind())]
    return Explanation(tuple(sorted(options, key=_order)))


def options_of(inclusion: Operator, method: Method) -> Iterator[Option]:
    """The method in each way in which its roles can be given to the terms; one that no term would
    fill is left out, unless there is no other way.
    """
    ways = list(assignments(inclusion, method))
    full = [ops for ops in ways if not any(isinstance(A, Zero) for A in ops)]
    if not ways:
        terms = flat_terms(inclusion)
        yield Option(method, terms, Guarantee(False, None, misfit(terms, method), method.sequence))
    for operators in full or ways:
        chosen = method.chosen(*operators)
        yield Option(chosen, operators, chosen.guarantee(*operators))


def best_option(inclusion: Operator, method: Method) -> Option:
    """The best way to use this method on the inclusion; if its options are all given, the first in
    which it is guaranteed.

    Raises
    ------
    NoGuaranteeError
        Its roles do not fit the terms.
    """
    options: list[Option] = []
    for option in options_of(inclusion, method):
        if option.guarantee.holds and option.method is method:
            return option
        options.append(option)
    options.sort(key=_order)
    runnable = [o for o in options if _can_run(o)]
    if not runnable:
        raise NoGuaranteeError(f"{method.label}: {options[0].guarantee.reason}")
    return runnable[0]


def _can_run(option: Option) -> bool:
    try:
        return option.method.missing(*option.operators) is None
    except ValueError:  # it takes another number of operators
        return False


def misfit(terms: Operators, method: Method) -> str:
    """Why the method cannot take these terms, and the remedy."""
    resolvents = method.roles.count(Role.RESOLVED)
    bare = [A for A in terms if not (A.has_resolvent or A.has_evaluation)]
    set_valued = [A for A in terms if not A.has_evaluation]
    if bare and Role.COMPOSED not in method.roles:
        return (
            f"{bare[0]!r} has neither an evaluation nor a resolvent: use a primal-dual method, "
            "which takes LᵀBL by the resolvent of B"
        )
    composed = [A for A in bare if isinstance(A, Pullback)]
    if len(composed) > method.roles.count(Role.COMPOSED):
        return (
            f"{len(composed)} terms are compositions ({', '.join(map(repr, composed))}), it takes "
            "1: join them, LᵀBL + KᵀCK = MᵀDM with M = splitkit.linear.BlockColumn((L, K)) and "
            "D = BlockDiagonal((B, C))"
        )
    if len(set_valued) > resolvents:
        return (
            f"{len(set_valued)} of {len(terms)} terms are set-valued "
            f"({', '.join(map(repr, set_valued))}), more than the {resolvents} that it takes by "
            "their resolvents: use a method for more operators, or join some of them into one with "
            "a resolvent of its own"
        )
    without = [A for A in terms if not A.has_resolvent]
    if without and Role.EVALUATED not in method.roles:
        return f"{without[0]!r} has no resolvent, and the method evaluates no operator"
    needs = " and ".join(
        f"{method.roles.count(role)} {role.value}" for role in dict.fromkeys(method.roles)
    )
    return f"it takes {needs} terms, and these are {len(terms)} of another kind"


def check_inclusion(inclusion: object) -> None:
    """Raise TypeError unless it is an operator."""
    if not isinstance(inclusion, Operator):
        raise TypeError(
            f"inclusion = {inclusion!r} is no operator: wrap functions as "
            "splitkit.Subdifferential(f), or use splitkit.minimize"
        )


def _order(option: Option) -> tuple[bool, float, float]:
    if not option.guarantee.holds:
        return True, math.inf, math.inf
    return False, *option.effort
