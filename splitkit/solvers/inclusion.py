"""An inclusion 0 ∈ A₁x + … + Aₙx, flattened once, and the ways in which a method can take it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cached_property

from splitkit.backend import Space
from splitkit.functions.base import Function
from splitkit.functions.subdifferential import Subdifferential
from splitkit.linear.affine import Affine
from splitkit.linear.block import BlockColumn, BlockDiagonalMap, BlockMatrix, BlockRow
from splitkit.linear.coupling import Coupling
from splitkit.linear.recognized import as_affine
from splitkit.linear.stacked import Stacked
from splitkit.operators.base import Operator
from splitkit.operators.block import BlockDiagonal
from splitkit.operators.identity import Zero
from splitkit.operators.sum import Sum
from splitkit.solvers.linear_system import LinearSystem
from splitkit.solvers.method import Method
from splitkit.solvers.rewrites import Rewrite, as_composition, flatten
from splitkit.solvers.terms import Role, Term, columns

Terms = tuple[Term, ...]
ROLES = tuple(Role)
OF_TUPLES = (BlockColumn, BlockMatrix, BlockDiagonalMap, Stacked, Coupling)  # their values
ON_TUPLES = (BlockRow, BlockMatrix, BlockDiagonalMap, Stacked, Coupling)
DOUBLE = 2.0**-52  # the precision of points whose space is not known
MANY = 5  # terms of which every order, and every choice among their roles, is tried


class Inclusion:
    """0 ∈ A₁x + … + Aₙx.

    Attributes
    ----------
    operator : Operator
        What was given.
    operators : tuple of Operator
        A₁, …, Aₙ.
    rewrites : tuple of Rewrite
        How they were found.
    space : Space or None
        That of x, where it is known.
    """

    def __init__(self, operator: Operator, space: Space | None = None) -> None:
        self.operator, self.space = operator, space
        flat: tuple[tuple[Operator, ...], tuple[Rewrite, ...]] = flatten(operator)
        self.operators, self.rewrites = flat
        self._terms: dict[tuple[Role, tuple[int, ...]], Term] = {}
        self._ways: dict[object, list[Terms]] = {}

    @classmethod
    def of(cls, given: object, space: Space | None = None) -> Inclusion:
        """The inclusion of an operator, or of a function: then its zeros minimize it.

        Raises
        ------
        TypeError
            It is neither.
        """
        if isinstance(given, Function):
            given = Subdifferential(given)
        if not isinstance(given, Operator):
            raise TypeError(
                f"inclusion = {given!r} is no operator: wrap functions as "
                "splitkit.Subdifferential(f), or use splitkit.minimize"
            )
        return cls(given, space)

    def term(self, role: Role, *indices: int) -> Term:
        """The sum of these operators in a role, made once; of none, zero."""
        found = self._terms.get((role, indices))
        if found is None:
            chosen = tuple(self.operators[i] for i in indices)
            if role is Role.COMPOSED:
                found = Term.joined(chosen or (Zero(),))
            else:
                found = Term.playing(self._sum(chosen, role), role)
            self._terms[role, indices] = found
        return found

    def _sum(self, operators: tuple[Operator, ...], role: Role) -> Operator:
        if len(operators) < 2:
            return operators[0] if operators else Zero()
        if role is not Role.RESOLVED:
            return Sum(operators)
        return LinearSystem(operators, DOUBLE if self.space is None else self.space.eps)

    @cached_property
    def uses(self) -> tuple[tuple[Role, ...], ...]:
        """The roles that each operator can play."""
        return tuple(map(_uses, self.operators))

    def ways(self, method: Method) -> list[Terms]:
        """Terms for the roles of the method, whose sum is the inclusion; the plainest first.

        An operator that can play several roles is tried in each of them (of more than ``MANY``
        such operators only some choices are), those that are evaluated are added up, and so are
        those that are composed; beside one of these an operator that is resolved may be, too, where
        there is no other room for it. A role that no operator needs is given to zero.
        """
        if method.roles.count(Role.EVALUATED) > 1:
            return self._found_ways(method)  # the method says which of them takes what
        if Role.SOLVED in method.roles:
            return self._solved_ways
        if method.roles == (Role.RESOLVED,) and not method.many and len(self.operators) > 1:
            return self._joint_ways
        key = method.roles, method.many
        if key not in self._ways:
            self._ways[key] = self._found_ways(method)
        return self._ways[key]

    def _found_ways(self, method: Method) -> list[Terms]:
        roles = method.roles
        places = {role: roles.count(role) for role in ROLES}
        least = places[Role.RESOLVED]
        if method.many and roles[-1] is Role.RESOLVED:
            places[Role.RESOLVED] = len(self.operators)
        found: list[tuple[int, Terms]] = []
        for uses in self._choices(places):
            if any(uses.count(r) > self._room(r, places) for r in (Role.RESOLVED, Role.COMPOSED)):
                continue
            taken = {role: [i for i, use in enumerate(uses) if use is role] for role in ROLES}
            slots = self._slots(taken[Role.EVALUATED], places[Role.EVALUATED], method)
            if slots is None:
                continue
            composed = tuple(taken[Role.COMPOSED])
            spare = max(0, least - len(taken[Role.RESOLVED])) + slots.count(())
            spare += max(0, places[Role.COMPOSED] - len(composed))
            spare += sum(as_composition(self.operators[i]) is None for i in composed)
            for order in _orders(taken[Role.RESOLVED]):
                resolved = [(i,) for i in order] + [()] * (least - len(order))
                queues = {
                    Role.EVALUATED: iter(slots),
                    Role.RESOLVED: iter(resolved),
                    Role.COMPOSED: iter((composed,) * places[Role.COMPOSED]),
                }
                filled = [self.term(role, *next(queues[role])) for role in roles]
                rest = (self.term(Role.RESOLVED, *each) for each in queues[Role.RESOLVED])
                found.append((spare, (*filled, *rest)))
                if spare and places[Role.RESOLVED] == 2 and len(order) == 1:
                    F, G, *others = found[-1][1]
                    found.append((spare, (G, F, *others)))
        found.sort(key=lambda each: each[0])
        return [terms for _, terms in found]

    @cached_property
    def _solved_ways(self) -> list[Terms]:
        """What is solved with, and what is composed: at first the sum of all affine operators is
        solved with, then each of the others that are resolved (the first ``MANY``; compositions
        last, and only where nothing is affine), and zero. Where all are affine there is nothing
        else, and zero is composed.
        """
        every = range(len(self.operators))
        affine = tuple(i for i in every if as_affine(self.operators[i]) is not None)
        bare = [i for i in every if as_composition(self.operators[i]) is None]
        able = bare if affine else sorted(every, key=lambda i: i not in bare)
        others = [i for i in able if i not in affine and self.operators[i].has_resolvent]
        single = [(i,) for i in others[:MANY]]
        found = []
        for solved in dict.fromkeys((affine, *single, ())):
            composed = tuple(i for i in every if i not in solved)
            if composed and self._can_be_composed(composed):
                spare = len([i for i in composed if i in bare]) + (not solved)
                found.append((spare if solved != affine else 0, solved, composed))
            elif solved == affine and not composed:
                found.append((1, solved, composed))
        found.sort(key=lambda each: each[0])
        return [
            (self.term(Role.SOLVED, *solved), self.term(Role.COMPOSED, *composed))
            for _, solved, composed in found
        ]

    @cached_property
    def _joint_ways(self) -> list[Terms]:
        """All operators as one, where that is a system of linear equations."""
        others = [A for A in self.operators if as_affine(A) is None]
        if len(others) > 1 or not all(A.solves_with_matrices for A in others):
            return []
        whole = self.term(Role.RESOLVED, *range(len(self.operators)))
        return [(whole,)] if whole.operator.has_resolvent else []

    def _can_be_composed(self, indices: tuple[int, ...]) -> bool:
        """Whether these operators, with L = I where they are no compositions, are one."""
        bare = [A for i in indices if as_composition(A := self.operators[i]) is None]
        joins = len(indices) == 1 or (self.joinable and not (bare and self.on_tuples))
        return joins and all(A.has_resolvent for A in bare)

    def _slots(
        self, evaluated: list[int], count: int, method: Method
    ) -> list[tuple[int, ...]] | None:
        """Which operators each evaluated role of the method gets; None: it has none for them."""
        if not count:
            return None if evaluated else []
        slots: list[list[int]] = [[] for _ in range(count)]
        for i in evaluated:
            slots[method.evaluated_slot(self.operators[i])].append(i)
        return [tuple(slot) for slot in slots]

    def _room(self, role: Role, places: dict[Role, int]) -> int:
        """How many operators the roles of this kind can take."""
        joins = role is Role.COMPOSED and places[role] > 0 and self.joinable
        return len(self.operators) if joins else places[role]

    @cached_property
    def joinable(self) -> bool:
        """Whether compositions are of arrays, so that their columns are blocks of a tuple."""
        made = [L for A in self.operators if as_composition(A) for _, L in columns(A)]
        if self.space is None:
            return not any(isinstance(L, OF_TUPLES) for L in made)
        return not any(L.range_space(self.space).is_tuple for L in made)

    @cached_property
    def on_tuples(self) -> bool:
        """Whether points are tuples, or, where their space is not known, a term shows it."""
        if self.space is not None:
            return self.space.is_tuple
        return any(map(_on_tuples, self.operators))

    def _also_composed(self, places: dict[Role, int]) -> set[int]:
        """Which operators that are no composition may be composed, with L = I, beside one that is:
        those that are resolved, if a method has no other room for all of them.
        """
        if not (places[Role.COMPOSED] and self.joinable):
            return set()
        bare = [i for i, A in enumerate(self.operators) if as_composition(A) is None]
        others = [
            i for i in bare if not (places[Role.EVALUATED] and self.operators[i].has_evaluation)
        ]
        few = len(others) <= places[Role.RESOLVED] or len(self.operators) > MANY
        if few or self.on_tuples or len(bare) == len(self.operators):
            return set()
        return {i for i in bare if self.operators[i].has_resolvent}

    def _choices(self, places: dict[Role, int]) -> Iterator[tuple[Role, ...]]:
        """A role for each operator."""
        flexible = sum(len(uses) > 1 for uses in self.uses)
        composed = self._also_composed(places)
        if composed:
            yield from itertools.product(
                *((*u, Role.COMPOSED) if i in composed else u for i, u in enumerate(self.uses))
            )
            return
        if flexible <= MANY:
            yield from itertools.product(*self.uses)
            return
        if not all(self.uses):
            return
        forced = sum(uses == (Role.RESOLVED,) for uses in self.uses)
        vacant = max(0, places[Role.RESOLVED] - forced)
        seen = set()
        for resolved in (vacant, 0, 1, flexible):  # so many of the first that can be resolved
            choice, left = [], resolved
            for uses in self.uses:
                resolves = len(uses) == 1 or (Role.RESOLVED in uses and left > 0)
                left -= len(uses) > 1 and resolves
                choice.append(uses[0] if resolves else uses[1])
            if tuple(choice) not in seen:
                seen.add(tuple(choice))
                yield tuple(choice)


def _on_tuples(A: Operator) -> bool:
    """Whether the form of A shows that its points are tuples."""
    maps = [A.M] if isinstance(A, Affine) else [L for _, L in columns(A)]
    return isinstance(A, BlockDiagonal) or any(isinstance(L, ON_TUPLES) for L in maps)


def _uses(A: Operator) -> tuple[Role, ...]:
    uses = []
    if A.has_resolvent:
        uses.append(Role.RESOLVED)
    if A.has_evaluation:
        uses.append(Role.EVALUATED)
    if as_composition(A) is not None:
        uses.append(Role.COMPOSED)
    return tuple(uses)


def _orders(indices: list[int]) -> Iterator[tuple[int, ...]]:
    if 1 < len(indices) < MANY:
        return itertools.permutations(indices)
    return iter([tuple(indices)])
