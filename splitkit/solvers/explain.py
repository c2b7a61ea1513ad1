"""``explain``: every method on an inclusion, with its guarantee or what is missing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from splitkit.backend import Point, Space
from splitkit.display import Shown, table
from splitkit.functions.base import Function
from splitkit.linear.block import BlockColumn
from splitkit.operators.base import Operator
from splitkit.proofs import Proof
from splitkit.solvers.errors import NoGuaranteeError
from splitkit.solvers.inclusion import Inclusion, Terms
from splitkit.solvers.method import Guarantee, Method
from splitkit.solvers.methods import BY_NAME, FISTA, METHODS, ProximalPoint, Restarted
from splitkit.solvers.rewrites import as_composition
from splitkit.solvers.scale import Arbitrary
from splitkit.solvers.splitting import CERTAINLY_BELOW_1
from splitkit.solvers.terms import Role

DECREASE = 1e-8  # of the distance to the solution, in which work is counted
CONSTANT = 10.0  # counted for that of a rate which holds on the whole only

FAST = (FISTA, ProximalPoint, Restarted)
OPEN = tuple(kind() for kind in METHODS)  # every option left open


@dataclass(frozen=True, repr=False)
class Option(Shown):
    """A method with its terms, its options chosen, and what a theorem says of it.

    Attributes
    ----------
    method : Method
    terms : tuple of Term
        None where its roles do not fit the inclusion.
    guarantee : Guarantee
    """

    method: Method
    terms: Terms | None
    guarantee: Guarantee

    def heading(self) -> str:
        """The method, and whether it may be used."""
        return f"{self.method!r}: {self.guarantee.verdict}"

    def rows(self) -> Iterator[tuple[str, Any]]:
        """The theorem, and the terms in their roles."""
        yield "reason", self.guarantee.reason
        if self.guarantee.rate is not None:
            yield "falls", self.guarantee.falls
        for term in self.terms or ():
            yield str(term.role.value), repr(term)

    @classmethod
    def of(cls, method: Method, terms: Terms) -> Option:
        """The method on these terms, its open options chosen."""
        missing = method.missing(*terms)
        if missing is not None:
            return cls(method, terms, method.refused(missing))
        chosen = method.choosing(*terms)
        return cls(chosen, terms, chosen.theorem(*terms))

    def scaled(self, x0: Point, space: Space, earlier: Method | None = None) -> Option:
        """The same, steps that no constant fixes measured on the data, if the theorem allows, or
        that of an earlier solve by this method.
        """
        if self.terms is None or not self.guarantee.holds:
            return self
        method = _at_step(self.method, earlier) or self.method.scaled(self.terms, x0, space)
        if method is self.method:
            return self
        measured = Option(method, self.terms, method.theorem(*self.terms))
        return measured if measured.guarantee.holds else self

    def proof(self) -> Proof:
        """The proof by the small program, on the properties of these operators; needs clarabel."""
        return self.method.proof(*self.terms or ())

    @property
    def operators(self) -> tuple[Operator, ...]:
        """The terms as operators, whose sum is the inclusion."""
        return tuple(term.expression for term in self.terms or ())

    @property
    def runnable(self) -> bool:
        """Whether every term can play its role."""
        return self.terms is not None and self.method.missing(*self.terms) is None

    @property
    def effort(self) -> tuple[float, float]:
        """Work of the guaranteed decrease by ``DECREASE``, resolvents prepared (inf: no rate); then
        that of an iteration, times 1/(αL) where the step is shorter than an evaluated operator
        would take. The unit is an operator's evaluation.
        """
        rate, cost, once = self.guarantee.rate, self.method.work(*self.terms or ()), 0.0
        for term in self.terms or ():
            if term.role is not Role.EVALUATED:
                prepared, each = term.operator.resolvent_effort
                cost, once = cost + each - 1, once + prepared
            if isinstance(term.of, BlockColumn):  # L, Lᵀ and a resolvent for each further column
                cost += max(0, sum(1 if L.multiple == 1 else 3 for L in term.of.maps) - 3)
        if rate is not None:
            left = DECREASE if self.guarantee.in_every_iteration else DECREASE / CONSTANT
            iterations = math.log(left) / math.log(rate) if rate > 0 else 1.0
            return once + cost * iterations, cost
        alpha = getattr(self.method, "alpha", None)
        for term in self.terms or ():
            if term.role is Role.EVALUATED and term.lipschitz and isinstance(alpha, float):
                # 1/(αL) that is 1 but for rounding must not decide
                cost *= max(1.0, CERTAINLY_BELOW_1 / (alpha * term.lipschitz))
        return math.inf, cost

    @property
    def order(self) -> tuple[bool, float, bool, float]:
        """The key by which options are sorted, the best first: by the work of a rate; where there
        is none, by that of an iteration, but of a function what is faster than its steps alone
        comes before the others, as restarts are, whose linear rate no constant shows, FISTA, whose
        values have one of 1/k², and the proximal point method, whose steps may be of any length.
        """
        if not self.guarantee.holds:
            return True, math.inf, True, math.inf
        work, each = self.effort
        fast = isinstance(self.method, FAST) and all(
            term.operator.properties.gradient for term in self.terms or ()
        )
        return False, work, not fast, each


def _order(option: Option) -> tuple[bool, float, bool, float]:
    return option.order


def _at_step(method: Method, earlier: Method | None) -> Method | None:
    """The method with an earlier solve's step, if it is the same, and has none that is fixed."""
    step = getattr(earlier, "alpha", None)
    is_open = isinstance(getattr(method, "alpha", None), Arbitrary)
    if earlier is None or not is_open or method.label != earlier.label:
        return None
    if not isinstance(step, float) or isinstance(step, Arbitrary):
        return None
    found: Method = method.with_alpha(float(step))  # type: ignore[attr-defined]
    return found


@dataclass(frozen=True, repr=False)
class Explanation(Shown):
    """All options, the one that ``solve`` takes first; ``print`` it for a table.

    Examples
    --------
    >>> F = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.array([2.0, 1.0]))
    >>> G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> found = sk.explain(F + G)
    >>> print(found.chosen.method.label, found.chosen.guarantee.rate)
    Peaceman-Rachford 0.618
    """

    options: tuple[Option, ...]
    inclusion: Inclusion | None = field(default=None, compare=False)

    @cached_property
    def by_name(self) -> tuple[Option, ...]:
        """The best way of each method that ``solve`` never takes by itself, as it promises less
        than a solution; found where it is asked for.
        """
        if self.inclusion is None:
            return ()
        found = (sorted(options_of(self.inclusion, kind()), key=_order) for kind in BY_NAME)
        return tuple(options[0] for options in found)

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

    def heading(self) -> str:
        """What is chosen, of how many."""
        best = list(self.best_of_each())
        guaranteed = sum(option.guarantee.holds for option in best)
        return f"Explanation: {guaranteed} of {len(best)} methods are guaranteed"

    def rows(self) -> Iterator[tuple[str, Any]]:
        """What ``solve`` takes, and why; then the others."""
        if self.chosen is not None:
            yield "chosen", repr(self.chosen.method)
            yield "verdict", self.chosen.guarantee.verdict
            yield "reason", self.chosen.guarantee.reason
        best = [option for option in self.best_of_each() if option is not self.chosen]
        others = [option.method.label for option in best if option.guarantee.holds]
        yield "guaranteed too", ", ".join(others) or None
        refused = [option.method.label for option in best if not option.guarantee.holds]
        yield "refused", ", ".join(refused) or None
        named = [option.method.label for option in self.by_name if option.guarantee.holds]
        yield "by name", ", ".join(named) or None

    @property
    def refusals(self) -> dict[str, list[str]]:
        """The methods that are not guaranteed, by the reason."""
        refused: dict[str, list[str]] = {}
        for option in self.best_of_each():
            if not option.guarantee.holds:
                refused.setdefault(option.guarantee.reason, []).append(option.method.label)
        return refused

    def __str__(self) -> str:
        lines = []
        for option in self.best_of_each():
            if not option.guarantee.holds:
                continue
            found, mark = option.guarantee, "→" if option is self.chosen else " "
            lines.append(f"{mark} {option.method.label:<30}{found.verdict:<16}{found.reason}")
            lines.append(f"{'':48}of {', '.join(map(repr, option.operators))}")
            resolved = [term for term in option.terms or () if term.role is Role.RESOLVED]
            for term in resolved if option is self.chosen else ():
                if term.operator.resolved_by is not None:
                    lines.append(f"{'':48}{term!r} is resolved by {term.operator.resolved_by}")
        for reason, labels in self.refusals.items():
            lines.append(f"  refused: {', '.join(labels)}")
            lines.append(f"{'':4}{reason}")
        for option in self.by_name:
            if option.guarantee.holds:
                lines.append(f"  by name: {option.method.label}, holds")
                lines.append(f"{'':4}{option.guarantee.reason}")
        others = [each.method.label for each in self.by_name if not each.guarantee.holds]
        if others:
            lines.append(f"  by name, refused: {', '.join(others)}")
            lines.append(f"{'':4}for the reasons in explain(…).by_name")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        guaranteed = [
            (
                f"{'→ ' if option is self.chosen else ''}{option.method.label}",
                option.guarantee.verdict,
                option.guarantee.reason,
                ", ".join(map(repr, option.operators)),
            )
            for option in self.best_of_each()
            if option.guarantee.holds
        ]
        guaranteed += [
            (f"by name: {each.method.label}", "holds", each.guarantee.reason, "")
            for each in self.by_name
            if each.guarantee.holds
        ]
        found = table(self.heading(), guaranteed, head=("method", "verdict", "theorem", "terms"))
        refused = [(", ".join(labels), reason) for reason, labels in self.refusals.items()]
        refused += [
            (f"by name: {each.method.label}", each.guarantee.reason)
            for each in self.by_name
            if not each.guarantee.holds
        ]
        if not refused:
            return found
        folded = table("", refused, head=("methods", "what is missing"))
        return f"{found}<details><summary>refused</summary>{folded}</details>"


def explain(inclusion: Operator | Function) -> Explanation:
    """Which methods are guaranteed for 0 ∈ inclusion, which are not and why, and which is taken; of
    a function, for minimizing it.

    Parameters
    ----------
    inclusion : Operator or Function
        A sum of the terms, or the function to be minimized.

    Raises
    ------
    TypeError
        Neither an operator nor a function.

    Examples
    --------
    >>> F = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.array([2.0, 1.0]))
    >>> G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> found = sk.explain(F + G)
    >>> found.chosen.method.label
    'Peaceman-Rachford'
    """
    return explain_terms(Inclusion.of(inclusion))


def explain_terms(inclusion: Inclusion) -> Explanation:
    """``explain`` of an inclusion that is flattened."""
    options: list[Option] = []
    for method in OPEN:
        for option in options_of(inclusion, method):
            options += *restarted(option, method), option
    return Explanation(tuple(sorted(options, key=_order)), inclusion)


def restarted(option: Option, method: Method) -> list[Option]:
    """The same with restarts, where these give a linear rate that no constant shows: the method has
    none, it is a firmly nonexpansive map of resolvents, and all terms are polyhedral, so that its
    residual grows at least linearly with the distance to the solutions (Robinson 1981). One term is
    left to long steps.
    """
    terms, found = option.terms or (), option.guarantee
    if not found.holds or found.rate is not None or len(terms) < 2:
        return []
    if any(term.role is Role.EVALUATED or not term.operator.polyhedral for term in terms):
        return []
    firmly = option.method.constant().averagedness(*terms) == 0.5
    return [Option.of(Restarted(method), terms)] if firmly else []


def options_of(inclusion: Inclusion, method: Method) -> Iterator[Option]:
    """The method in each way in which its roles can be given to the terms; one that no term would
    fill is left out, unless there is no other way.
    """
    ways = inclusion.ways(method)
    if not ways:
        yield Option(method, None, method.refused(misfit(inclusion, method)))
    full = [terms for terms in ways if not any(term.is_zero for term in terms)]
    for terms in full or ways:
        yield Option.of(method, terms)


def choose(inclusion: Inclusion, method: Method | None) -> Option:
    """The method with its terms and open options: the best of all, or the best way to use the one
    that is given; if its options are all given, the first in which it is guaranteed.

    Raises
    ------
    TypeError
        It is no method.
    NoGuaranteeError
        Nothing is guaranteed, or the method's roles do not fit the terms.
    """
    if method is None:
        explanation = explain_terms(inclusion)
        if explanation.chosen is None:
            raise NoGuaranteeError(
                f"no method is guaranteed for 0 ∈ {inclusion.operator!r}:\n{explanation}"
            )
        return explanation.chosen
    if not isinstance(method, Method):
        raise TypeError(f"method = {method!r}: give a method such as sk.DouglasRachford()")
    options: list[Option] = []
    for option in options_of(inclusion, method):
        if option.guarantee.holds and option.method is method:
            return option
        options.append(option)
    options.sort(key=lambda option: option.order)
    for option in options:
        if option.runnable:
            return option
    raise NoGuaranteeError(f"{method.label}: {options[0].guarantee.reason}")


def misfit(inclusion: Inclusion, method: Method) -> str:
    """Why the method cannot take these terms, and the remedy."""
    operators, roles = inclusion.operators, method.roles
    resolvents = roles.count(Role.RESOLVED)
    bare = [A for A in operators if not (A.has_resolvent or A.has_evaluation)]
    set_valued = [A for A in operators if not A.has_evaluation]
    if bare and Role.COMPOSED not in roles:
        return (
            f"{bare[0]!r} has neither an evaluation nor a resolvent: use a primal-dual method, "
            "which takes LᵀBL by the resolvent of B"
        )
    composed = [A for A in bare if as_composition(A) is not None]
    if len(composed) > 1 and not inclusion.joinable:
        return (
            f"{len(composed)} terms are compositions ({', '.join(map(repr, composed))}), which it "
            "joins where the values of their maps are arrays, and these are tuples: take blocks "
            "apart, so that each LᵀBL has an L of its own"
        )
    if len(set_valued) > resolvents:
        return (
            f"{len(set_valued)} of {len(operators)} terms are set-valued "
            f"({', '.join(map(repr, set_valued))}), more than the {resolvents} that it takes by "
            "their resolvents: use a method for more operators, or join some of them into one with "
            "a resolvent of its own"
        )
    without = [A for A in operators if not A.has_resolvent]
    if without and Role.EVALUATED not in roles:
        return f"{without[0]!r} has no resolvent, and the method evaluates no operator"
    needs = " and ".join(f"{roles.count(role)} {role.value}" for role in dict.fromkeys(roles))
    terms = "term" if len(roles) == 1 else "terms"
    return f"it takes {needs} {terms}, and these are {len(operators)} of another kind"
