"""n applications of a map of Torch's arrays as runs of one compiled graph, for ``compile=True``.

A map is traced once, on arrays without values, into a graph of Torch's operations: a decision of
the host ends that. What depends on no state is computed once; all arrays and numbers of the rest
become arguments, so that the program that Inductor compiles of it (C++ on a CPU, Triton on a GPU)
is kept by structure and shapes: another map of the same form compiles nothing.

Source: Ansel et al., *PyTorch 2: faster machine learning through dynamic Python bytecode
transformation and graph compilation* (2024), §4.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import array_api_compat

from splitkit.backend import Array, Point, blocks
from splitkit.tracing import KEPT, Map, State, Untraceable, tracing

# operations that take an array where they are given a number, by the names of their overloads
AS_ARRAYS = {
    **{f"aten.{name}.Tensor": f"{name}.Tensor" for name in ("add", "sub", "mul", "div")},
    **{f"aten.{name}.default": f"{name}.Tensor" for name in ("clamp", "clamp_min", "clamp_max")},
    **{f"aten.{name}.Scalar": f"{name}.Tensor" for name in ("lt", "le", "gt", "ge")},
}
DROPS = "aten.squeeze_."
_PROGRAMS: dict[str, Callable[..., list[Array]]] = {}


class NoCompilerError(Exception):
    """Inductor compiled nothing, the cause says why."""


def compiles(x: Point) -> bool:
    """Whether maps of points like x can be compiled."""
    return all(array_api_compat.is_torch_array(b) and _is_plain(b) for b in blocks(x))


def _is_plain(x: Array) -> bool:
    return not hasattr(x, "device_mesh")


def of_arrays(state: State) -> State:
    """A state whose numbers are arrays, of the kind of its floating-point ones."""
    from torch import as_tensor  # optional, and loaded by whoever made the arrays
    from torch.utils import _pytree as tree

    leaves = tree.tree_leaves(state)
    if not any(type(a) is float for a in leaves):
        return state
    like = next(a for a in leaves if hasattr(a, "dtype") and a.is_floating_point())

    def array(a: Any) -> Any:
        return as_tensor(a, dtype=like.dtype, device=like.device) if type(a) is float else a

    return tree.tree_map(array, state)


def kind_of(state: State) -> Hashable:
    """What two states share for which one program does.

    Raises
    ------
    Untraceable
        It holds something else than arrays.
    """
    from torch.utils import _pytree as tree  # as above

    leaves, form = tree.tree_flatten(state)
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
    from torch.utils import _pytree as tree  # as above

    leaves, form = tree.tree_flatten(state)

    def flat(*arrays: Array) -> list[Array]:
        after, same = tree.tree_flatten(of_arrays(step(tree.tree_unflatten(list(arrays), form))))
        if same != form:
            raise Untraceable("its steps change what they carry")
        # a step that returns what it was given shares its memory, and laid out as before
        return [a.to(b.dtype).contiguous() for a, b in zip(after, arrays, strict=True)]

    step(state)  # what is computed on demand and kept must have values
    leaves = [a.contiguous() for a in leaves]
    program, constants = _program(_traced(flat, leaves), leaves)

    def run(now: State, n: int) -> State:
        arrays = [a.contiguous() for a in tree.tree_leaves(now)]
        for _ in range(n):
            arrays = program(*arrays, *constants)
        return tree.tree_unflatten(arrays, form)

    return run


def _traced(flat: Callable[..., list[Array]], leaves: list[Array]) -> Any:
    """The graph of a function of arrays.

    Raises
    ------
    Untraceable
        It cannot be traced.
    """
    from torch.fx.experimental.proxy_tensor import make_fx  # as above

    with tracing():
        return make_fx(flat, tracing_mode="fake", _allow_non_fake_inputs=True)(*leaves)


def _program(traced: Any, leaves: list[Array]) -> tuple[Callable[..., list[Array]], list[Array]]:
    """The program of a graph, and the arguments that it takes after the leaves."""
    import torch  # as above

    constants = _opened(traced)
    given = [*leaves, *constants]
    key = f"{traced.code}\n{[_kind(a) for a in given]}"
    if key not in _PROGRAMS:
        if len(_PROGRAMS) >= KEPT:
            del _PROGRAMS[next(iter(_PROGRAMS))]
        try:
            _PROGRAMS[key] = torch._inductor.compile(traced, given)
        except Exception as error:  # of many kinds: no compiler, or what it does not take
            raise NoCompilerError from error
    return _PROGRAMS[key], constants


def _opened(traced: Any) -> list[Array]:
    """Make arguments of what a graph holds, of what depends on that alone, and of its numbers;
    those arguments.
    """
    graph, held = traced.graph, _held(traced)
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


def _held(traced: Any) -> dict[Any, Array]:
    """The values of what depends on no state; of arrays alone, where anything is written into one
    in a step.
    """
    from torch.fx import Node  # as above

    nodes, held = traced.graph.nodes, {}
    pure = all(map(_keeps, nodes))
    for node in nodes:
        if node.op == "get_attr":
            held[node] = getattr(traced, node.target)
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

    overload = AS_ARRAYS.get(str(node.target)) if node.op == "call_function" else None
    numbers = [i for i, a in enumerate(node.args) if type(a) is float]
    value = getattr(node.args[0], "meta", {}).get("val") if node.args else None
    if overload is None or not numbers or value is None or not value.is_floating_point():
        return
    name, _, kind = overload.partition(".")
    node.target = getattr(getattr(torch.ops.aten, name), kind)
    for i in numbers:
        number = torch.tensor(node.args[i], dtype=value.dtype, device=value.device)
        node.update_arg(i, argument(number))
