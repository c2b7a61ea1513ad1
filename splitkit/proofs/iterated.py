"""n steps of a method beside a solution, from the first measure to the last, both by their names.

    "distance"        ‖u − u*‖² to a point u* that no step moves, or to a minimizer x* where values
                      or gradients are measured; summed over the points of a state
    "residual"        ‖u⁺ − u‖² of the next step
    "step"            ‖uₙ − uₙ₋₁‖², last only
    "best residual"   the least residual of all steps, last only
    "value"           Σf(x) − Σf(x*), over the functions of which the step takes subgradients, at
                      the first point x of a state
    "gradient"        ‖Σ∇f(x)‖² there

Functions, which are known by operators that are ``gradient``, enter by the inequalities of their
values, which say all that is known (Taylor, Hendrickx, Glineur, 2017).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from splitkit.arguments import check_integer
from splitkit.operators.base import Operator
from splitkit.proofs.interpolation import Smooth
from splitkit.proofs.outcome import NotExpressibleError
from splitkit.proofs.proof import Proof
from splitkit.proofs.quantity import Quantity, norm2
from splitkit.proofs.setting import Member, Setting
from splitkit.proofs.symbols import Vector

OF_MINIMIZERS = ("value", "gradient")
FIRST = ("distance", "residual", *OF_MINIMIZERS)
LAST = (*FIRST, "step", "best residual")

State = tuple[Vector, ...]


def after_steps(
    make: Callable[[Callable[[Operator], Operator]], Any],
    steps: int,
    initial: str,
    final: str,
    start: int,
) -> Proof:
    """final ≤ t · initial after so many steps; ``make`` gives u ↦ u⁺ or (u, k) ↦ u⁺ of symbols, u a
    tuple of ``start`` points if these are several.
    """
    check_integer("steps", steps, 1)
    check_integer("start", start, 1)
    check_measures(initial, final)
    setting = Setting()
    T = make(lambda A: setting.function(A).leaf)
    takes_number = not isinstance(T, Operator) and _takes_two(T)

    def advance(state: State, k: int) -> State:
        given = state if start > 1 else state[0]
        after = T(given, k) if takes_number else T(given)
        made = after if isinstance(after, tuple) else (after,)
        if len(made) != start or not all(isinstance(v, Vector) for v in made):
            raise NotExpressibleError(f"the step returned {after!r} in the place of {start} points")
        return made

    states = [tuple(setting.point(f"u{i}") for i in range(start))]
    for k in range(steps):
        states.append(advance(states[-1], k))
    members = list(setting._members.values())
    if {initial, final} & set(OF_MINIMIZERS):
        functions = [m for m in members if isinstance(m.known, Smooth)]
        if not functions or len(functions) < len(members):
            raise NotExpressibleError(
                f"initial = {initial!r}, final = {final!r}: an operator is no subdifferential; "
                "values are of those that are declared so (gradient=True)"
            )
        solution = (setting.minimizer(*functions),) * start
    else:
        functions = []
        solution = tuple(setting.point("u*") for _ in range(start))
        for k in range(steps + 1 if takes_number else 1):
            for v, w in zip(advance(solution, k), solution, strict=True):
                setting.vanish(v - w)

    def measure(name: str, k: int) -> Quantity:
        state = states[k]
        match name:
            case "distance":
                return _size(state, solution)
            case "step":
                return _size(state, states[k - 1])
            case "residual":
                return _size(advance(state, k), state)
            case "best residual":
                after = [*states[1:], advance(state, k)]
                return setting.least(_size(b, a) for a, b in zip(states, after, strict=True))
            case "gradient":
                total = setting.scene.zero()
                for f in functions:
                    total = total + f.gradient(state[0])
                return norm2(total)
        return _rise(functions, state[0], solution[0])

    first, last = measure(initial, 0), measure(final, steps)
    return setting.bound(last, first, names=(f"{final} after {steps} steps", f"{initial} before"))


def check_measures(initial: str, final: str, given: tuple[str, ...] = LAST) -> None:
    """Raise ValueError if there are no such measures."""
    for name, value, known in (("initial", initial, FIRST), ("final", final, given)):
        if value not in known:
            raise ValueError(f"{name} = {value!r}: give one of {', '.join(map(repr, known))}")


def _size(a: State, b: State) -> Quantity:
    parts = [norm2(v - w) for v, w in zip(a, b, strict=True)]
    return sum(parts[1:], parts[0])


def _rise(functions: list[Member], x: Vector, at: Vector) -> Quantity:
    parts = [f.value(x) - f.value_at(at) for f in functions]
    return sum(parts[1:], parts[0])


def _takes_two(T: Callable[..., Any]) -> bool:
    try:
        inspect.signature(T).bind(None, 0)
    except TypeError:
        return False
    return True
