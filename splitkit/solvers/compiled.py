"""Steps between two looks of the host as one compiled loop: of JAX arrays, for any number n,

    s ↦ T(T(… T(s))) = lax.fori_loop(0, n, T, s).

A step is a function of arrays, which is traced once for each iteration that is bound. The program
that it makes takes all that it holds, arrays and numbers alike, as arguments, and is kept by its
structure and shapes: another problem of the same form compiles nothing. A step in which the host
takes a decision (``if`` or ``float`` of a value) cannot be traced; it runs as it stands.

Source: Frostig, Johnson, Leary, *Compiling machine learning programs via high-level tracing*
(2018).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any

import array_api_compat

from splitkit.backend import Array, Point, blocks
from splitkit.functions.base import Function
from splitkit.linear.base import LinearOperator
from splitkit.operators.base import Operator
from splitkit.solvers.iteration import Carry, Iteration

WORTH = (
    100  # iterations that cost as much as to compile one; a program that is asked for is at once
)
KEPT = 256  # programs, the oldest of which is dropped first

_PROGRAMS: dict[str, tuple[Any, Callable[..., Any]]] = {}


class Untraceable(Exception):
    """A step cannot be compiled; the message says why."""


@dataclass
class Compiled:
    """Runs steps of an iteration as compiled loops, until one cannot be.

    Attributes
    ----------
    iteration : Iteration
    asked : bool
        Whether compiling was asked for, or is left to what pays.
    reason : str
        Why steps run as they stand; "" if they don't.
    """

    iteration: Iteration
    asked: bool
    reason: str = ""

    def __post_init__(self) -> None:
        self._bound: dict[Any, Callable[[Sequence[Array], int], list[Array]]] = {}

    @classmethod
    def of(cls, iteration: Iteration, x: Point, wanted: bool | None) -> Compiled | None:
        """What compiles the iteration's steps from points like x; None: nothing does.

        Raises
        ------
        ValueError
            It is wanted, and x's library has no compiler.
        """
        if wanted is not False and all(map(array_api_compat.is_jax_array, blocks(x))):
            return cls(iteration, bool(wanted))
        if wanted:
            raise ValueError(
                f"compile = True: steps on {type(blocks(x)[0]).__name__} are not compiled; give x0 "
                "and all data as JAX arrays, or leave compile out"
            )
        return None

    def turn(self, first: int, last: int) -> int:
        """The iteration, of those from the first to before the last, from which on steps are
        compiled; the last: none of them is.
        """
        if self.reason:
            return last
        return min(max(first, 1 if self.asked else WORTH), last)

    def run(self, state: Carry, n: int) -> Carry:
        """The state n steps later; where they cannot be compiled, ``reason`` says why.

        Raises
        ------
        ValueError
            They cannot be, and it was asked for.
        """
        try:
            return self.iteration.run(state, n, self._loop)
        except Untraceable as error:
            self.reason = str(error)
            if self.asked:
                raise ValueError(
                    f"compile = True: {error}; leave compile out, or take another method"
                ) from error.__cause__
        for _ in range(n):
            state = self.iteration.step(state)
        return state

    def _loop(self, step: Callable[[Carry], Carry], state: Carry, n: int) -> Carry:
        from jax import tree

        leaves, form = tree.flatten(state)
        if not all(map(array_api_compat.is_jax_array, leaves)):
            raise Untraceable("the host counts in its steps")
        key = step, form, tuple((a.shape, a.dtype) for a in leaves)
        if key not in self._bound:
            self._bound[key] = _program(step, leaves, form)
        return tree.unflatten(form, self._bound[key](leaves, n))


def _program(
    step: Callable[[Carry], Carry], leaves: Sequence[Array], form: Any
) -> Callable[[Sequence[Array], int], list[Array]]:
    """(leaves, n) ↦ those n steps later."""
    import jax

    def flat(*arrays: Array) -> list[Array]:
        after, same = jax.tree.flatten(step(form.unflatten(arrays)))
        if same != form:
            raise Untraceable("its steps change what they carry")
        return [a.astype(b.dtype) for a, b in zip(after, arrays, strict=True)]

    try:
        closed = jax.make_jaxpr(flat)(*leaves)
    except Untraceable:
        raise
    except Exception as error:  # whatever a user's operator raises of what it is not written for
        raise Untraceable(
            f"{_named(error.__traceback__)} cannot be traced ({type(error).__name__})"
        ) from error
    text, numbers = _structure(closed.jaxpr)
    if text not in _PROGRAMS:
        if len(_PROGRAMS) >= KEPT:
            del _PROGRAMS[next(iter(_PROGRAMS))]
        # the key may name objects by their addresses, which are theirs as long as they are kept
        _PROGRAMS[text] = closed.jaxpr, jax.jit(partial(_repeated, closed.jaxpr))
    program = _PROGRAMS[text][1]
    return lambda now, n: program(n, closed.consts, numbers, list(now))


def _repeated(
    jaxpr: Any, n: Any, constants: list[Array], numbers: list[Array], leaves: list[Array]
) -> list[Array]:
    """n evaluations of a traced step, one after another."""
    from jax import lax

    def following(_: Any, now: list[Array]) -> list[Array]:
        return _evaluated(jaxpr, constants, numbers, now)

    after: list[Array] = lax.fori_loop(0, n, following, leaves)
    return after


def _evaluated(
    jaxpr: Any, constants: list[Array], numbers: list[Array], arrays: list[Array]
) -> list[Array]:
    """A traced step, its literal numbers given."""
    known = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*constants, *arrays], strict=True))
    literals = iter(numbers)

    def value(atom: Any) -> Array:
        return next(literals) if hasattr(atom, "val") else known[atom]

    for equation in jaxpr.eqns:
        given = [value(atom) for atom in equation.invars]
        bound = equation.primitive.get_bind_params(equation.params)
        # versions of JAX before 0.8 take functions out of the parameters
        functions, parameters = bound if isinstance(bound, tuple) else ((), bound)
        found = equation.primitive.bind(*functions, *given, **parameters)
        several = found if equation.primitive.multiple_results else [found]
        known.update(zip(equation.outvars, several, strict=True))
    return [value(atom) for atom in jaxpr.outvars]


def _structure(jaxpr: Any) -> tuple[str, list[Array]]:
    """What two steps share that one program computes, and the literal numbers of this one."""
    import jax.numpy as jnp

    names: dict[Any, int] = {}
    numbers: list[Array] = []

    def name(atom: Any) -> str:
        if hasattr(atom, "val"):
            numbers.append(jnp.asarray(atom.val, dtype=atom.aval.dtype))
            return f"number:{atom.aval}"
        return f"{names.setdefault(atom, len(names))}:{atom.aval}"

    lines = [" ".join(map(name, [*jaxpr.constvars, *jaxpr.invars]))]
    for equation in jaxpr.eqns:
        given, found = (" ".join(map(name, each)) for each in (equation.invars, equation.outvars))
        held = [id(array) for array in _held(equation)]
        lines.append(f"{found} = {equation.primitive}[{equation.params}] {held} {given}")
    lines.append(" ".join(map(name, jaxpr.outvars)))
    return "\n".join(lines), numbers


def _held(equation: Any) -> Iterator[Array]:
    """The arrays that functions within an equation hold themselves."""
    for parameter in equation.params.values():
        for each in parameter if isinstance(parameter, (tuple, list)) else (parameter,):
            if hasattr(each, "consts"):
                yield from each.consts
            for inner in getattr(getattr(each, "jaxpr", each), "eqns", ()):
                yield from _held(inner)


def _named(trace: TracebackType | None) -> str:
    """The innermost thing of the algebra that a traceback goes through; the iteration of none."""
    found = "the step"
    while trace is not None:
        thing = trace.tb_frame.f_locals.get("self")
        if isinstance(thing, (Operator, Function, LinearOperator)):
            found = repr(thing)
        elif isinstance(thing, Iteration):
            found = f"the step of {type(thing).__name__.lstrip('_')}"
        trace = trace.tb_next
    return found
