"""n applications of a map of Torch's arrays as runs of one compiled graph, for ``compile=True``.

A map is traced once, on arrays without values, into a graph of Torch's operations: a decision of
the host ends that, but for those of a search, which are a loop of the graph. What depends on no
state is computed once; all arrays and numbers of the rest become arguments, so that the program
that Inductor compiles of it (C++ on a CPU, Triton on a GPU) is kept by structure and shapes:
another map of the same form compiles nothing.

Source: Ansel et al., *PyTorch 2: faster machine learning through dynamic Python bytecode
transformation and graph compilation* (2024), §4.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, NamedTuple

import array_api_compat

from splitkit.backend import Array, Point, blocks, is_traced
from splitkit.tracing import ASIDE, KEPT, Map, State, Untraceable, tracing

# operations that take an array where they are given a number, by the names of their overloads
AS_ARRAYS = {
    **{f"aten.{name}.Tensor": f"{name}.Tensor" for name in ("add", "sub", "mul", "div")},
    **{f"aten.{name}.default": f"{name}.Tensor" for name in ("clamp", "clamp_min", "clamp_max")},
    **{f"aten.{name}.Scalar": f"{name}.Tensor" for name in ("lt", "le", "gt", "ge")},
}
DROPS = "aten.squeeze_."
LEAN = {"size_asserts": False}  # the kinds of what a program is given are known
_PROGRAMS: dict[str, Callable[..., list[Array]]] = {}


class NoCompilerError(Exception):
    """Inductor compiled nothing, the cause says why."""


def compiles(x: Point) -> bool:
    """Whether maps of points like x can be compiled."""
    return all(array_api_compat.is_torch_array(b) and _is_plain(b) for b in blocks(x))


def _is_plain(x: Array) -> bool:
    return not hasattr(x, "device_mesh")


def of_arrays(state: State) -> State:
    """A state whose numbers are arrays, those with a fraction of the kind of its own ones."""
    from torch import as_tensor  # optional, and loaded by whoever made the arrays
    from torch.utils import _pytree as tree

    leaves = tree.tree_leaves(state)
    if not any(type(a) in (float, int) for a in leaves):
        return state
    like = next(a for a in leaves if hasattr(a, "dtype") and a.is_floating_point())

    def array(a: Any) -> Any:
        if type(a) is float:
            return as_tensor(a, dtype=like.dtype, device=like.device)
        return as_tensor(a, device=like.device) if type(a) is int else a

    return tree.tree_map(array, state)


class _Form(NamedTuple):
    """The structure of a tree of arrays, and the places at which it holds nothing."""

    structure: Any
    empty: tuple[int, ...]

    def unflatten(self, arrays: Iterable[Array]) -> State:
        """The tree of these arrays."""
        from torch.utils import _pytree as tree  # as above

        left = iter(arrays)
        places = range(self.structure.num_leaves)
        leaves = [None if i in self.empty else next(left) for i in places]
        return tree.tree_unflatten(leaves, self.structure)


def _flattened(state: State) -> tuple[list[Array], _Form]:
    from torch.utils import _pytree as tree  # as above

    leaves, structure = tree.tree_flatten(state)
    empty = tuple(i for i, a in enumerate(leaves) if a is None)
    return [a for a in leaves if a is not None], _Form(structure, empty)


def kind_of(state: State) -> Hashable:
    """What two states share for which one program does.

    Raises
    ------
    Untraceable
        It holds something else than arrays.
    """
    leaves, form = _flattened(state)
    if not all(map(array_api_compat.is_torch_array, leaves)):
        raise Untraceable("the host counts in its steps")
    return form, tuple(map(_kind, leaves))


def _kind(x: Array) -> Hashable:
    return tuple(x.shape), x.stride(), str(x.dtype), str(x.device)


def repeated(step: Map, state: State) -> Callable[[State, int], State]:
    """(s, n) ↦ Tⁿ(s), for states of the kind of this one.

    Raises
    ------
    Untraceable
        T cannot be traced.
    NoCompilerError
        There is no compiler, or it failed.
    """
    leaves, form = _flattened(state)
    step(state)  # what is computed on demand and kept must have values
    leaves = [a.contiguous() for a in leaves]
    program, constants = _program(_traced(_flat(step, form), leaves), leaves)

    def run(now: State, n: int) -> State:
        arrays = [a.contiguous() for a in _flattened(now)[0]]
        for _ in range(n):
            arrays = program(*arrays, *constants)
        return form.unflatten(arrays)

    return run


def once(f: Map, given: State) -> Map:
    """f, for trees of the kind of this one; what it returns is a tree of arrays, too.

    Raises
    ------
    Untraceable, NoCompilerError
        As of ``repeated``.
    """
    form = _flattened(given)[1]
    f(given)  # with values, as above
    returned: list[_Form] = []

    def flat(*arrays: Array) -> list[Array]:
        values, same = _flattened(f(form.unflatten(arrays)))
        returned.append(same)  # of what is traced, which may be more than where a look decides
        return values

    leaves = [a.contiguous() for a in _flattened(given)[0]]
    program, constants = _program(_traced(flat, leaves), leaves)

    def run(now: State) -> State:
        arrays = [a.contiguous() for a in _flattened(now)[0]]
        return returned[0].unflatten(program(*arrays, *constants))

    return run


def whole_number(k: int, like: Array) -> Array:
    """k as an array beside another one."""
    from torch import as_tensor  # as above

    return as_tensor(k, device=like.device)


def chosen_of(mask: Array, one: State, other: State) -> State:
    """One of two trees, by a mask of one entry."""
    pairs = zip(_flattened(one)[0], _flattened(other)[0], strict=True)
    return _flattened(one)[1].unflatten(a.where(mask, b) for a, b in pairs)


def times(n: int, step: Map, state: State) -> State:
    """``loops.times``, of a state that is traced."""
    from torch import ones  # as above

    return repeated_while(lambda _: ones(()) > 0, step, state, n)


def repeated_while(going: Callable[[State], Array], step: Map, state: State, most: int) -> State:
    """``loops.repeated_while``, of a state that is traced: a loop in the graph."""
    from torch._higher_order_ops.while_loop import while_loop_op  # as above

    leaves, form = _flattened(of_arrays((state, most)))

    def goes_on(*arrays: Array) -> list[Array]:
        now, left = form.unflatten(arrays)
        return [(left > 0) & going(now)]

    def following(now: State) -> State:
        state, left = now
        return step(state), left - 1

    judged, of_judging = _within(goes_on, leaves)
    moved, of_moving = _within(_flat(following, form), leaves)
    count, held = len(leaves), len(of_judging)

    def condition(*given: Array) -> Array:
        found: Array = judged(*given[: count + held])[0]
        return found

    def body(*given: Array) -> tuple[Array, ...]:
        # what is passed on unchanged is a copy: the loop gives no array twice
        return tuple(a.clone() for a in moved(*given[:count], *given[count + held :]))

    # no two of the loop's arrays share their memory
    start = tuple(a.clone() for a in leaves)
    after = while_loop_op(condition, body, start, _apart([*of_judging, *of_moving]))
    return form.unflatten(after)[0]


def _apart(arrays: list[Array]) -> tuple[Array, ...]:
    """Copies of those that share their memory with one before."""
    seen: set[int] = set()
    found = []
    for a in arrays:
        place = a.untyped_storage()._cdata
        found.append(a.clone() if place in seen else a)
        seen.add(place)
    return tuple(found)


def _within(flat: Callable[..., list[Array]], leaves: list[Array]) -> tuple[Any, list[Array]]:
    """The graph of a function within one that is traced, and the arguments that it takes after the
    leaves: what it closes over, and its numbers.
    """
    from torch import ops  # as above
    from torch.fx.experimental.proxy_tensor import disable_proxy_modes_tracing, make_fx

    token = ASIDE.set(True)
    try:
        with disable_proxy_modes_tracing():
            traced = make_fx(flat, _allow_non_fake_inputs=True)(*(a.clone() for a in leaves))
    finally:
        ASIDE.reset(token)
    found = _opened(traced, folds=False)
    # those with values are constants of the graph around, as soon as it sees them
    return traced, [a if is_traced(a) else ops.aten.alias(a) for a in found]


def _flat(step: Map, form: _Form) -> Callable[..., list[Array]]:
    """A map of states as one of their arrays."""

    def flat(*arrays: Array) -> list[Array]:
        after, same = _flattened(of_arrays(step(form.unflatten(arrays))))
        if same != form:
            raise Untraceable("its steps change what they carry")
        # a step that returns what it was given shares its memory, and laid out as before
        return [a.to(b.dtype).contiguous() for a, b in zip(after, arrays, strict=True)]

    return flat


def _traced(flat: Callable[..., list[Array]], leaves: list[Array]) -> Any:
    """The graph of a function of arrays.

    Raises
    ------
    Untraceable
        It cannot be traced.
    """
    from torch.fx.experimental.proxy_tensor import make_fx  # as above

    apart = [a.clone() for a in leaves]  # an array at two places would be one argument
    with tracing():
        return make_fx(flat, tracing_mode="fake", _allow_non_fake_inputs=True)(*apart)


def _program(traced: Any, leaves: list[Array]) -> tuple[Callable[..., list[Array]], list[Array]]:
    """The program of a graph, and the arguments that it takes after the leaves."""
    import torch  # as above

    constants = _opened(traced)
    given = [*leaves, *constants]
    codes = [each.code for each in traced.modules() if hasattr(each, "code")]
    key = "\n".join([*codes, *map(str, map(_kind, given))])
    if key not in _PROGRAMS:
        if len(_PROGRAMS) >= KEPT:
            del _PROGRAMS[next(iter(_PROGRAMS))]
        try:
            _PROGRAMS[key] = torch._inductor.compile(traced, _fakes(given), options=LEAN)
        except Exception as error:  # of many kinds: no compiler, or what it does not take
            raise NoCompilerError from error
    return _PROGRAMS[key], constants


def _fakes(given: list[Array]) -> list[Array]:
    """Arrays of these kinds without values, each of its own: an array at two places would be one
    argument. Their mode knows numbers that loops find.
    """
    from torch import empty_strided  # as above
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.fx.experimental.symbolic_shapes import ShapeEnv  # as above

    with FakeTensorMode(shape_env=ShapeEnv()):
        return [empty_strided(a.shape, a.stride(), dtype=a.dtype, device=a.device) for a in given]


def _opened(traced: Any, *, folds: bool = True) -> list[Array]:
    """Make arguments of what a graph holds, of what depends on that alone (where that has values),
    and of its numbers; those arguments.
    """
    graph, held = traced.graph, _held(traced, folds=folds)
    found: list[Array] = []
    places: dict[int, Any] = {}
    last = [node for node in graph.nodes if node.op == "placeholder"][-1]

    def argument(value: Array) -> Any:
        nonlocal last
        with graph.inserting_after(last):
            last = graph.placeholder(f"held_{len(found)}")
        found.append(value)
        return last

    for node, value in held.items():
        if any(user not in held for user in node.users):
            if id(value) not in places:
                places[id(value)] = argument(value)
            node.replace_all_uses_with(
                places[id(value)], delete_user_cb=lambda user: user not in held
            )
    for node in list(graph.nodes):
        if node not in held:
            _take_numbers(node, argument)
    graph.eliminate_dead_code()
    traced.recompile()
    return found


def _held(traced: Any, *, folds: bool) -> dict[Any, Array]:
    """The values of what depends on no state; of arrays alone, where anything is written into one
    in a step.
    """
    from torch.fx import Node  # as above

    nodes, held = traced.graph.nodes, {}
    pure = folds and all(map(_keeps, nodes))
    for node in nodes:
        if node.op == "get_attr":
            value = getattr(traced, node.target)
            if array_api_compat.is_torch_array(value):  # and no graph of a loop
                held[node] = value
        elif pure and node.op == "call_function" and _is_fixed(node, held):
            given = [held[a] if isinstance(a, Node) else a for a in node.args]
            held[node] = node.target(*given, **node.kwargs)
    return held


def _keeps(node: Any) -> bool:
    """Whether it writes into no array; a product of vectors drops an axis of its result in place,
    which writes nothing.
    """
    name = str(node.target)
    schema = getattr(node.target, "_schema", None)
    return (
        node.op != "call_function"
        or name.startswith(DROPS)
        or not getattr(schema, "is_mutable", False)
    )


def _is_fixed(node: Any, held: dict[Any, Array]) -> bool:
    """Whether an operation gives one array, of what is held alone."""
    inputs, direct = node.all_input_nodes, [a for a in node.args if hasattr(a, "users")]
    in_place = (str(each.target).startswith(DROPS) for each in (node, *node.users))
    return (
        bool(inputs)
        and all(each in held for each in inputs)
        and len(set(direct)) == len(inputs)  # none of them in a list, or by its name
        and not any(in_place)
        and hasattr(node.meta.get("val"), "shape")
    )


def _take_numbers(node: Any, argument: Callable[[Array], Any]) -> None:
    """Make arguments of the numbers of an operation that may be arrays."""
    import torch  # as above
    from torch._subclasses.fake_tensor import unset_fake_temporarily

    overload = AS_ARRAYS.get(str(node.target)) if node.op == "call_function" else None
    numbers = [i for i, a in enumerate(node.args) if type(a) is float]
    value = getattr(node.args[0], "meta", {}).get("val") if node.args else None
    if overload is None or not numbers or value is None or not value.is_floating_point():
        return
    name, _, kind = overload.partition(".")
    node.target = getattr(getattr(torch.ops.aten, name), kind)
    for i in numbers:
        with unset_fake_temporarily():
            number = torch.tensor(node.args[i], dtype=value.dtype, device=value.device)
        node.update_arg(i, argument(number))
