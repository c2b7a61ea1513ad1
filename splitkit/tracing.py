"""n applications of a map of arrays as one compiled loop, for libraries that trace: JAX,

    s ↦ T(T(… T(s))) = lax.fori_loop(0, n, T, s).

A map is traced once. The program that it makes takes all that it holds, arrays and numbers alike,
as arguments, and is kept by its structure and shapes: another of the same form compiles nothing.

Source: Frostig, Johnson, Leary, *Compiling machine learning programs via high-level tracing*
(2018).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from types import FunctionType, MethodType, ModuleType
from typing import Any

import array_api_compat
import numpy as np

from splitkit.backend import Array, Point, blocks, folding, is_traced

State = Any  # a tree of arrays
Map = Callable[[State], State]

KEPT = 256  # programs, the oldest of which is dropped first
ALONE = 1024  # entries of a problem that is solved by itself, of a batch on a CPU
TWICE = 2**22  # entries of a matrix that a loop may hold by rows and by columns

# whether what is computed now is of a loop within, and nothing outside of it can use it
ASIDE: ContextVar[bool] = ContextVar("traced aside", default=False)

_PROGRAMS: dict[str, tuple[Any, Callable[..., Any]]] = {}


class Untraceable(Exception):
    """A map cannot be compiled; the message says why, unless what it raised does (the cause)."""


@contextmanager
def tracing() -> Iterator[None]:
    """What is traced within raises Untraceable alone, of whatever a map raises that is not written
    for it.
    """
    try:
        yield
    except Untraceable:
        raise
    except Exception as error:
        raise Untraceable from error


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
        after, same = jax.tree.flatten(of_arrays(_folded(step)(form.unflatten(arrays))))
        if same != form:
            raise Untraceable("its steps change what they carry")
        return [a.astype(b.dtype) for a, b in zip(after, arrays, strict=True)]

    program, there = _program(_repeated, _closed(flat, leaves))

    def run(now: State, n: int) -> State:
        return form.unflatten(program(n, there(jax.tree.leaves(now))))

    return run


def once(f: Map, given: State) -> Map:
    """f, for trees of the kind of this one; what it returns is a tree of arrays, too.

    Raises
    ------
    Untraceable
        f cannot be traced.
    """
    import jax  # as above

    leaves, structure = jax.tree.flatten(given)
    form: Any = structure
    returned: list[Any] = []

    def flat(*arrays: Array) -> list[Array]:
        values, same = jax.tree.flatten(_folded(f)(form.unflatten(arrays)))
        returned.append(same)
        return [a.astype(a.dtype) for a in values]  # strong types, as of what it is given

    program, there = _program(_once, _closed(flat, leaves))

    def run(now: State) -> State:
        return returned[0].unflatten(program(there(jax.tree.leaves(now))))

    return run


def _closed(flat: Callable[..., list[Array]], leaves: list[Array]) -> Any:
    """What a function of arrays computes.

    Raises
    ------
    Untraceable
        It cannot be traced.
    """
    import jax  # as above

    with tracing():
        return jax.make_jaxpr(flat)(*leaves)


Given = tuple[list[Array], list[Array], list[Array]]  # constants, literal numbers, a state's arrays


def _program(
    way: Callable[..., Any], closed: Any
) -> tuple[Callable[..., Any], Callable[[list[Array]], Given]]:
    """The program that evaluates what was traced in some way, and what makes of a state's arrays
    all that it takes.
    """
    import jax  # as above

    text, numbers = _structure(closed.jaxpr)
    key = f"{way.__name__}\n{text}"
    if key not in _PROGRAMS:
        if len(_PROGRAMS) >= KEPT:
            del _PROGRAMS[next(iter(_PROGRAMS))]
        # the key may name objects by their addresses, which are theirs as long as they are kept
        _PROGRAMS[key] = closed.jaxpr, jax.jit(partial(way, closed.jaxpr))
    homes = {a.sharding for a in closed.consts if getattr(a, "committed", False)}
    home, put = homes.pop() if len(homes) == 1 else None, jax.device_put

    def given(leaves: list[Array]) -> Given:
        if home is not None:
            # those that are bound to no device are another kind, for which JAX compiles anew
            leaves = [a if getattr(a, "committed", True) else put(a, home) for a in leaves]
        return closed.consts, numbers, leaves

    return _PROGRAMS[key][1], given


def _once(jaxpr: Any, given: Given) -> list[Array]:
    """One evaluation of what was traced."""
    constants, numbers, leaves = given
    lines, results = _lines(jaxpr, numbers)
    atoms = [*jaxpr.constvars, *jaxpr.invars], [*constants, *leaves]
    known = _evaluated(lines, dict(zip(*atoms, strict=True)))
    return [known[a] if _is_variable(a) else a for a in results]


def _repeated(jaxpr: Any, n: Any, given: Given) -> list[Array]:
    """n evaluations of a traced step, one after another."""
    from jax import lax  # as above

    constants, numbers, leaves = given
    lines, results = _lines(jaxpr, numbers)
    fixed = _turned(lines, dict(zip(jaxpr.constvars, constants, strict=True)))

    def following(_: Any, now: list[Array]) -> list[Array]:
        known = _evaluated(lines, {**fixed, **dict(zip(jaxpr.invars, now, strict=True))})
        return [known[a] if _is_variable(a) else a for a in results]

    after: list[Array] = lax.fori_loop(0, n, following, leaves)
    return after


Line = tuple[Any, list[Any]]  # an equation with its atoms: variables, or numbers in their places


def _lines(jaxpr: Any, numbers: list[Array]) -> tuple[list[Line], list[Any]]:
    """The equations of a step, and the atoms of its results."""
    literals = {each.dtype: iter(list(each)) for each in numbers}

    def filled(atoms: Any) -> list[Any]:
        return [next(literals[a.aval.dtype]) if hasattr(a, "val") else a for a in atoms]

    lines = [(equation, filled(equation.invars)) for equation in jaxpr.eqns]
    return lines, filled(jaxpr.outvars)


def _turned(lines: list[Line], fixed: dict[Any, Array]) -> dict[Any, Array]:
    """What does not change in the loop, and the transposes of the matrices in it that are not large
    and multiplied by vectors from the left, under (matrix, "T"): by rows a product takes a fraction
    of the time, and a transpose within the loop would be made at each step.
    """
    for equation, atoms in lines:
        name = equation.primitive.name
        if name == "transpose" and _is_variable(atoms[0]) and atoms[0] in fixed:
            fixed[equation.outvars[0]] = _applied(equation, [fixed[atoms[0]]])[0]
        elif name == "dot_general" and _is_by_columns(equation, atoms, fixed):
            fixed[atoms[1], "T"] = fixed[atoms[1]].T
    return fixed


def _is_variable(atom: Any) -> bool:
    return not hasattr(atom, "dtype")


def _is_by_columns(equation: Any, atoms: list[Any], fixed: dict[Any, Array]) -> bool:
    """Whether it is the product vᵀM of a vector and a matrix that does not change."""
    v, M = equation.invars
    return (
        equation.params["dimension_numbers"] == (((0,), (0,)), ((), ()))
        and (len(v.aval.shape), len(M.aval.shape)) == (1, 2)
        and _is_variable(atoms[1])
        and atoms[1] in fixed
        and M.aval.size <= TWICE
    )


def _evaluated(lines: list[Line], known: dict[Any, Array]) -> dict[Any, Array]:
    """What is known after the equations, of what is known before."""
    from jax import lax  # as above

    for equation, atoms in lines:
        if equation.outvars and equation.outvars[0] in known:
            continue
        given = [known[a] if _is_variable(a) else a for a in atoms]
        product = equation.primitive.name == "dot_general" and _is_variable(atoms[1])
        if product and (atoms[1], "T") in known:
            turned = {**equation.params, "dimension_numbers": (((1,), (0,)), ((), ()))}
            found = [lax.dot_general_p.bind(known[atoms[1], "T"], given[0], **turned)]
        else:
            found = _applied(equation, given)
        known.update(zip(equation.outvars, found, strict=True))
    return known


def _applied(equation: Any, given: list[Array]) -> list[Array]:
    """What an equation makes of arrays."""
    bound = equation.primitive.get_bind_params(equation.params)
    # versions of JAX before 0.8 take functions out of the parameters
    functions, parameters = bound if isinstance(bound, tuple) else ((), bound)
    found = equation.primitive.bind(*functions, *given, **parameters)
    return list(found) if equation.primitive.multiple_results else [found]


def _structure(jaxpr: Any) -> tuple[str, list[Array]]:
    """What two steps share that one program computes, and the literal numbers of this one, those of
    a dtype in one array: a program takes one more sooner than many.
    """
    import jax  # as above

    names: dict[Any, str] = {}
    kinds: dict[Any, str] = {}
    numbers: dict[Any, list[Any]] = {}

    def name(atom: Any) -> str:
        known = None if hasattr(atom, "val") else names.get(atom)
        if known is not None:
            return known
        aval = atom.aval
        kind = kinds.get(aval)
        if kind is None:
            kind = kinds[aval] = str(aval)
        if hasattr(atom, "val"):
            numbers.setdefault(aval.dtype, []).append(atom.val)
            return f"number:{kind}"
        new = names[atom] = f"{len(names)}:{kind}"
        return new

    lines = [" ".join(map(name, [*jaxpr.constvars, *jaxpr.invars]))]
    for equation in jaxpr.eqns:
        given, found = (" ".join(map(name, each)) for each in (equation.invars, equation.outvars))
        held = [id(array) for array in _held(equation)]
        lines.append(f"{found} = {equation.primitive}[{equation.params}] {held} {given}")
    lines.append(" ".join(map(name, jaxpr.outvars)))
    packed = [np.asarray(values, dtype=dtype) for dtype, values in numbers.items()]
    return "\n".join(lines), jax.device_put(packed)


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


def of_arrays(state: State) -> State:
    """A state whose numbers are arrays, of the dtype of its floating-point ones: one program is
    for those that adapt to others, and another for those that don't.
    """
    import jax  # as above
    import jax.numpy as jnp  # as above

    leaves = jax.tree.leaves(state)
    if all(array_api_compat.is_jax_array(a) and not a.weak_type for a in leaves):
        return state
    kinds = [
        a.dtype for a in leaves if hasattr(a, "dtype") and jnp.issubdtype(a.dtype, jnp.floating)
    ]

    def array(a: Any) -> Any:
        a = jnp.asarray(a, dtype=kinds[0] if kinds and type(a) is float else None)
        return a.astype(a.dtype) if a.weak_type else a

    return jax.tree.map(array, state)


def _folded(f: Map) -> Map:
    def folded(given: State) -> State:
        with folding():
            return f(given)

    return folded


def as_arrays(state: State, like: State = None) -> State:
    """The numbers of a state as arrays, of the dtypes of another one's."""
    import jax  # as above
    import jax.numpy as jnp  # as above

    if like is None:
        return jax.tree.map(lambda a: jnp.asarray(a, dtype=jnp.asarray(a).dtype), state)
    return jax.tree.map(lambda a, b: jnp.asarray(a, dtype=b.dtype), state, like)


def whole_number(k: int, like: Array) -> Any:
    """k as what a program takes beside arrays like this one."""
    import jax  # as above

    return np.asarray(k, dtype=jax.dtypes.canonicalize_dtype(int))


def chosen_of(mask: Array, one: State, other: State) -> State:
    """One of two trees, by a mask of one entry."""
    import jax  # as above
    import jax.numpy as jnp  # as above

    return jax.tree.map(lambda a, b: jnp.where(mask, a, b), one, other)


def times(n: Array, step: Map, state: State) -> State:
    """Tⁿ(s)."""
    import jax  # as above

    leaves, structure = jax.tree.flatten(state)
    form: Any = structure
    jaxpr, constants, numbers = _opened(step, state)
    return form.unflatten(_repeated(jaxpr, n, (constants, numbers, leaves)))


def while_loop(going: Callable[[State], Array], body: Map, start: State) -> State:
    """The first state of s, T(s), T(T(s)), … that is not going on."""
    from jax import lax  # as above

    return lax.while_loop(going, body, start)


def each_alone(f: Map, state: State) -> State:
    """f(s) of a search; where ``vmap`` makes a batch of such on a CPU, one after another, each for
    as long as it takes, unless it has so few entries that all are done at once in less.
    """
    import jax  # as above
    from jax.custom_batching import custom_vmap

    closed, shapes = jax.make_jaxpr(f, return_shape=True)(state)
    leaves, _ = jax.tree.flatten(state)

    @custom_vmap
    def flat(*given: Array) -> list[Array]:
        return list(jax.core.eval_jaxpr(closed.jaxpr, given[len(leaves) :], *given[: len(leaves)]))

    @flat.def_vmap
    def of_many(size: int, is_batched: list[bool], *given: Array) -> tuple[list[Array], list[bool]]:
        batched = [a for a, is_one in zip(given, is_batched, strict=True) if is_one]
        if jax.default_backend() == "cpu" and sum(a.size for a in batched) >= ALONE * size:
            found = jax.lax.map(lambda own: flat(*_merged(own, given, is_batched)), batched)
        else:
            axes = tuple(0 if is_one else None for is_one in is_batched)
            found = jax.vmap(flat.fun, in_axes=axes)(*given)
        return found, [True] * len(found)

    found = flat(*leaves, *closed.consts)
    form: Any = jax.tree.structure(shapes)
    return form.unflatten(found)


def repeated_while(going: Callable[[State], Array], step: Map, state: State, most: int) -> State:
    """``loops.repeated_while``, of a state that is traced: a loop whose program is another's with
    the same structure.
    """
    import jax  # as above
    from jax import lax

    leaves, structure = jax.tree.flatten(state)
    form: Any = structure
    jaxpr, constants, numbers = _opened(step, state)

    def goes_on(now: Any) -> Array:
        left, *_, leaves = now
        return (left > 0) & going(form.unflatten(leaves))

    def following(now: Any) -> Any:
        left, constants, numbers, leaves = now
        return left - 1, constants, numbers, _once(jaxpr, (constants, numbers, leaves))

    # what a step holds goes through the loop: no number of it is part of the program
    end = lax.while_loop(goes_on, following, (most, constants, numbers, leaves))
    return form.unflatten(end[-1])


def _merged(own: list[Array], given: tuple[Array, ...], is_batched: list[bool]) -> list[Array]:
    """What is given, with an element's own in the place of what is batched."""
    left = iter(own)
    return [next(left) if is_one else a for a, is_one in zip(given, is_batched, strict=True)]


def _opened(step: Map, state: State) -> tuple[Any, list[Array], list[Array]]:
    """What a map of states computes, which holds what is traced: the equations, the arrays and the
    literal numbers in them.
    """
    import jax  # as above

    leaves, structure = jax.tree.flatten(state)
    form: Any = structure

    def flat(*arrays: Array) -> list[Array]:
        now = form.unflatten(arrays)
        found: list[Array] = jax.tree.leaves(as_arrays(step(now), now))
        return found

    token = ASIDE.set(True)
    try:
        closed = jax.make_jaxpr(flat)(*leaves)
    finally:
        ASIDE.reset(token)
    return closed.jaxpr, closed.consts, _structure(closed.jaxpr)[1]
