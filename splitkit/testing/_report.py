"""What a check says when it fails: the property as a formula, both sides, and the points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings, strategies as st

from splitkit.backend import Point, blocks, is_array, to_numpy

DEFAULT_EXAMPLES = 40


def require(
    holds: bool, subject: object, formula: str, left: object, right: object, **where: object
) -> None:
    """Raise AssertionError unless the property holds; ``where`` names points and numbers."""
    if holds:
        return
    lines = [f"{subject!r} violates", f"    {formula}", f"left:  {left}", f"right: {right}"]
    lines += [f"{name} = {show(value)}" for name, value in where.items()]
    raise AssertionError("\n".join(lines))


def show(value: object) -> str:
    """A repr from which a point can be made again: nested lists and the dtype."""
    if isinstance(value, tuple):
        return f"({', '.join(map(show, value))})"
    if is_array(value):
        return f"asarray({to_numpy(value).tolist()}, dtype={dtype_name(value)})"
    return repr(value)


def dtype_name(array: Any) -> str:
    """Such as float32."""
    return str(to_numpy(array).dtype)


def run(check: Callable[[Any], None], cases: st.SearchStrategy[Any], max_examples: int) -> None:
    """Apply a check to drawn cases; the same ones at every call, and the simplest failing one."""

    @settings(
        max_examples=max_examples,
        deadline=None,
        database=None,
        derandomize=True,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(cases)
    def each(case: Any) -> None:
        check(case)

    each()


def copies(x: Point) -> list[Any]:
    """NumPy copies of a point's blocks."""
    return [to_numpy(a) for a in blocks(x)]
