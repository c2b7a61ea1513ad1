"""A method with its terms: in the variables x as they are, in units in which they are comparable,
or in one block of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from splitkit.backend import Point, Space, blocks
from splitkit.solvers.equilibration import (
    InUnits,
    diagonal_map,
    equilibration,
    leaves_steps_open,
    metric,
)
from splitkit.solvers.errors import NoGuaranteeError
from splitkit.solvers.explain import Option, choose
from splitkit.solvers.inclusion import Inclusion
from splitkit.solvers.method import Method
from splitkit.solvers.methods.douglas_rachford import DouglasRachford
from splitkit.solvers.methods.equilibrated import Equilibrated
from splitkit.solvers.methods.preconditioned import Preconditioned
from splitkit.solvers.methods.substituted import Substituted, Substitution
from splitkit.solvers.rewrites import Rewrite
from splitkit.solvers.scale import Arbitrary, mean_step, typical_point
from splitkit.solvers.terms import Role
from splitkit.solvers.wrapper import Wrapper

# an option of an inclusion and a method, or of any; of x0, its space, and an earlier solve's method
Find = Callable[[Inclusion, Method | None, Point, Space, Method | None], Option]

ONE_BLOCK = "an equation gives one block of two by the other"
RULE = "rows and columns are comparable in other units, x = Dx̂"


def choose_units(
    inclusion: Inclusion,
    method: Method | None,
    x0: Point,
    space: Space,
    earlier: Method | None = None,
) -> tuple[Option, tuple[Rewrite, ...]]:
    """``choose``, and the rewrites of the inclusion: it is equilibrated where it needs to be,
    unless a step size of the method is given, or nothing is guaranteed then. What is measured is
    taken from an earlier solve, if it was by the same method.
    """
    method = with_diagonals(inclusion, method, x0, space)
    if method is None or isinstance(method, Substituted):
        found = _in_one_block(inclusion, method, x0, space, earlier)
        if found is not None:
            return found
        method = None if method is None else method.method
    return in_good_units(inclusion, method, x0, space, earlier, _measured)


def in_good_units(
    inclusion: Inclusion,
    method: Method | None,
    x0: Point,
    space: Space,
    earlier: Method | None,
    find: Find,
    refused: type[Exception] | tuple[type[Exception], ...] = NoGuaranteeError,
) -> tuple[Option, tuple[Rewrite, ...]]:
    """What ``find`` finds in the units that slopes ask for, unless it is refused there."""
    if isinstance(method, Equilibrated):
        return _equilibrated(inclusion, method.method, method.scales, x0, space, earlier, find)
    if method is None or (isinstance(method, Method) and leaves_steps_open(method)):
        d = equilibration(inclusion.operators, x0, space)
        if d is not None:
            try:
                return _equilibrated(inclusion, method, d, x0, space, earlier, find)
            except refused:
                pass
    return find(inclusion, method, x0, space, earlier), inclusion.rewrites


def _measured(
    inclusion: Inclusion, method: Method | None, x0: Point, space: Space, earlier: Method | None
) -> Option:
    return choose(inclusion, method).scaled(x0, space, earlier)


def _in_one_block(
    inclusion: Inclusion,
    method: Substituted | None,
    x0: Point,
    space: Space,
    earlier: Method | None,
) -> tuple[Option, tuple[Rewrite, ...]] | None:
    """That of one of two blocks, where an equation gives the other, and it pays or is asked for;
    None: there is no such equation, or no method that resolves both terms of x₁.
    """
    by = Substitution.of(inclusion, space)
    if by is None or not (by.pays or method is not None):
        return None
    start, within = x0[0], space.block_spaces()[0]
    try:
        option = choose(by.inclusion, None if method is None else method.method)
    except NoGuaranteeError:
        return None
    terms, given = option.terms or (), option.method
    if any(term.role is not Role.RESOLVED for term in terms):
        return None
    origins = by.terms(terms)
    if origins is None or equilibration(by.inclusion.operators, start, within) is not None:
        return None
    inner = earlier.method if isinstance(earlier, Substituted) else None
    if isinstance(given, DouglasRachford) and isinstance(given.alpha, Arbitrary):
        # balancing finds the step: no trial is worth its iterations
        step = getattr(inner, "alpha", None)
        if step is None:
            step = mean_step(terms, typical_point(terms, start, within), within) or 1.0
        option, balance = Option(given.with_alpha(step), terms, option.guarantee), True
    else:
        option = option.scaled(start, within, inner)
        balance = method is not None and method.balance
    wrapped = Substituted(option.method, balance=balance)
    guarantee = wrapped.theorem(*origins)
    rewrite = Rewrite(ONE_BLOCK, inclusion.operator, by.inclusion.operators)
    return Option(wrapped, origins, guarantee), (*inclusion.rewrites, rewrite)


def with_diagonals(
    inclusion: Inclusion, method: Method | None, x0: Point, space: Space
) -> Method | None:
    """The method, with a diagonal where it is ``Preconditioned``, or wraps what is, and has none.

    Raises
    ------
    TypeError
        Points are tuples.
    ValueError
        The terms do not tell.
    """
    if not isinstance(method, Wrapper):
        return method
    inner = with_diagonals(inclusion, method.method, x0, space)
    assert inner is not None
    method = method if inner is method.method else replace(method, method=inner)
    if not (isinstance(method, Preconditioned) and method.diagonal is None):
        return method
    if space.is_tuple:
        raise TypeError(
            "diagonal = None: x0 is a tuple, and a diagonal is one array; leave preconditioning "
            "out, as solve equilibrates blocks that are in units far apart"
        )
    diagonal = metric(inclusion.operators, x0, space)
    if diagonal is None:
        raise ValueError(
            f"diagonal = None: the terms of {inclusion.operator!r} do not show their slopes, as "
            "matrices do: give diagonal, an array of positive entries like x0"
        )
    return replace(method, diagonal=diagonal)


def _equilibrated(
    inclusion: Inclusion,
    method: Method | None,
    d: Point,
    x0: Point,
    space: Space,
    earlier: Method | None,
    find: Find,
) -> tuple[Option, tuple[Rewrite, ...]]:
    """``choose_units`` in the units d, of what ``find`` finds there."""
    scaled = InUnits(inclusion, d)
    start = diagonal_map(d).reciprocal()(x0)
    same = isinstance(earlier, Equilibrated) and are_alike(earlier.scales, d, space)
    inner = earlier.method if isinstance(earlier, Equilibrated) and same else None
    option = find(scaled, method, start, space, inner)
    terms = option.terms or ()
    wrapped = Equilibrated(option.method, scales=d)
    origins = tuple(scaled.origins[id(term)] for term in terms)
    rewrite = Rewrite(RULE, inclusion.operator, tuple(term.expression for term in terms))
    guarantee = replace(option.guarantee, sequence=wrapped.sequence)
    option.method.require(guarantee)
    return Option(wrapped, origins, guarantee), (*inclusion.rewrites, rewrite)


def are_alike(one: Any, other: Any, space: Space) -> bool:
    """Whether two steps, or scales of x, are the same."""
    if one is other:
        return True
    if one is None or other is None:
        return False
    pairs = [*zip(blocks(one), blocks(other), strict=False)]
    if len(blocks(one)) != len(blocks(other)) or any(
        getattr(a, "shape", ()) != getattr(b, "shape", ()) for a, b in pairs
    ):
        return False
    return not any(bool(space.xp.any(space.xp.asarray(a != b))) for a, b in pairs)
