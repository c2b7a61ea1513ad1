"""n applications of a map of arrays as one compiled loop, for libraries that trace: JAX,

    s ↦ T(T(… T(s))) = lax.fori_loop(0, n, T, s).

A map is traced once. The program that it makes takes all that it holds, arrays and numbers alike,
as arguments, and is kept by its structure and shapes: another of the same form compiles nothing.

Source: Frostig, Johnson, Leary, *Compiling machine learning programs via high-level tracing*
(2018).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from functools import partial
from types import FunctionType, MethodType, ModuleType
from typing import Any

import array_api_compat

from splitkit.backend import Array, Point, blocks, is_traced

State = Any  # a tree of arrays
Map = Callable[[State], State]

KEPT = 256  # programs, the oldest of which is dropped first

_PROGRAMS: dict[str, tuple[Any, Callable[..., Any]]] = {}


class Untraceable(Exception):
    """A map cannot be compiled; the message says why, unless what it raised does (the cause)."""


def compiles(x: Point) -> bool:
    """Whether maps of points like x can be compiled."""
    return all(map(array_api_compat.is_jax_array, blocks(x)))


def leaves_of(state: State) -> list[Any]:
    """What a tree has at its ends."""
    from jax import tree  # optional, and loaded by whoever made the arrays

    found: list[Any] = tree.leaves(state)
    return found


def kind_of(state: State) -> Hashable:
    """What two states share for which one program does.

    Raises
    ------
    Untraceable
        It holds something else than arrays.
    """
    from jax import tree  # optional, and loaded by whoever made the arrays

    leaves, form = tree.flatten(state)
    if not all(map(array_api_compat.is_jax_array, leaves)):
        raise Untraceable("the host counts in its steps")
    return form, tuple((a.shape, a.dtype) for a in leaves)


def repeated(step: Map, state: State) -> Callable[[State, int], State]:
    """(s, n) ↦ Tⁿ(s), for states of the kind of this one.

    Raises
    ------
    Untraceable
        T cannot be traced.
    """
    import jax  # as above

    leaves, structure = jax.tree.flatten(state)
    form: Any = structure

    def flat(*arrays: Array) -> list[Array]:
        after, same = jax.tree.flatten(step(form.unflatten(arrays)))
        if same != form:
            raise Untraceable("its steps change what they carry")
        return [a.astype(b.dtype) for a, b in zip(after, arrays, strict=True)]

    try:
        closed = jax.make_jaxpr(flat)(*leaves)
    except Untraceable:
        raise
    except Exception as error:  # whatever a user's map raises of what it is not written for
        raise Untraceable from error
    text, numbers = _structure(closed.jaxpr)
    if text not in _PROGRAMS:
        if len(_PROGRAMS) >= KEPT:
            del _PROGRAMS[next(iter(_PROGRAMS))]
        # the key may name objects by their addresses, which are theirs as long as they are kept
        _PROGRAMS[text] = closed.jaxpr, jax.jit(partial(_repeated, closed.jaxpr))
    program = _PROGRAMS[text][1]

    def run(now: State, n: int) -> State:
        return form.unflatten(program(n, closed.consts, numbers, jax.tree.leaves(now)))

    return run


def _repeated(
    jaxpr: Any, n: Any, constants: list[Array], numbers: list[Array], leaves: list[Array]
) -> list[Array]:
    """n evaluations of a traced step, one after another."""
    from jax import lax  # as above

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
    import jax.numpy as jnp  # as above

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


# -- inside of a transformation -------------------------------------------------------------------


def in_transformation(x: Point, *things: object) -> bool:
    """Whether points like x have no values, or will have none: it is traced, a thing holds what is,
    or whatever is computed of it is staged.
    """
    if not compiles(x):
        return False
    if any(map(is_traced, blocks(x))):
        return True
    import jax.numpy as jnp  # as above

    return is_traced(jnp.zeros(()) + 1.0) or any(_holds_traced(each, set()) for each in things)


def _holds_traced(thing: Any, seen: set[int]) -> bool:
    if is_traced(thing):
        return True
    if id(thing) in seen or isinstance(thing, (str, int, float, type, ModuleType)):
        return False
    seen.add(id(thing))
    if isinstance(thing, (tuple, list)):
        parts = list(thing)
    elif isinstance(thing, FunctionType):
        parts = [cell.cell_contents for cell in thing.__closure__ or ()]
    elif isinstance(thing, MethodType):
        parts = [thing.__self__]
    elif isinstance(thing, partial):
        parts = [thing.func, *thing.args, *thing.keywords.values()]
    else:
        parts = list(getattr(thing, "__dict__", {}).values())
    return any(_holds_traced(part, seen) for part in parts)


def as_arrays(state: State, like: State = None) -> State:
    """The numbers of a state as arrays, of the dtypes of another one's."""
    import jax  # as above
    import jax.numpy as jnp  # as above

    if like is None:
        return jax.tree.map(lambda a: jnp.asarray(a, dtype=jnp.asarray(a).dtype), state)
    return jax.tree.map(lambda a, b: jnp.asarray(a, dtype=b.dtype), state, like)


def times(n: Array, step: Map, state: State) -> State:
    """Tⁿ(s)."""
    from jax import lax  # as above

    return lax.fori_loop(0, n, lambda _, now: as_arrays(step(now), now), state)


def while_loop(going: Callable[[State], Array], body: Map, start: State) -> State:
    """The first state of s, T(s), T(T(s)), … that is not going on."""
    from jax import lax  # as above

    return lax.while_loop(going, body, start)
