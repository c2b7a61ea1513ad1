"""Loops within what is computed: the host's own, and of what is traced the one of its library."""

from __future__ import annotations

from collections.abc import Callable

from splitkit import inductor, tracing
from splitkit.backend import Array, is_traced
from splitkit.tracing import Map, State


def repeated_while(going: Callable[[State], Array], step: Map, state: State, most: int) -> State:
    """The first state of s, T(s), T(T(s)), … that is not going on, or that after so many steps:
    found by the host, and where it is traced by a loop.
    """
    open_ = going(state)
    if is_traced(open_):
        library = inductor if hasattr(open_, "fake_mode") else tracing
        return library.repeated_while(going, step, state, most)
    while open_ and most:
        state, most = step(state), most - 1
        open_ = going(state)
    return state


def times(n: int, step: Map, state: State, like: Array) -> State:
    """Tⁿ(s), of a state of arrays that are traced like this one."""
    if hasattr(like, "fake_mode"):
        return inductor.times(n, step, state)
    return tracing.times(n, step, state)
