"""The table of what acts on complex points and what refuses them, of what is registered.

A hook of mkdocs: it stands in the place of ``<!-- complex -->``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from splitkit.backend import Space
from splitkit.testing import registered

ROOMS = {
    "splitkit.operators": "operators",
    "splitkit.linear": "linear maps",
    "splitkit.functions.norms": "norms",
    "splitkit.functions.losses": "losses",
    "splitkit.functions.penalties": "penalties",
    "splitkit.functions.entropies": "entropies and barriers",
    "splitkit.functions.sets": "sets",
    "splitkit.functions.cones": "cones",
    "splitkit.functions.spectral": "spectral functions",
    "splitkit.functions": "calculus",
    "splitkit.problems": "problems",
}


def takes(thing: Any, shape: Any) -> bool:
    """Whether a thing acts on complex points of this shape, or on those of one block."""
    is_tuple = bool(shape) and isinstance(shape[0], tuple)
    for blocks in ([*shape] if is_tuple else [shape], [shape[0]] if is_tuple else []):
        z = tuple(np.zeros(each, complex) for each in blocks)
        try:
            space = Space.of(z if len(z) > 1 else z[0], getattr(thing, "batch_ndim", 0))
            thing.check_space(space)
        except (TypeError, ValueError, IndexError):
            continue
        return True
    return False


def found() -> dict[str, tuple[list[str], list[str]]]:
    """Of each room the names of what acts, with some example at least, and of what does not."""
    acts: dict[str, bool] = {}
    rooms: dict[str, str] = {}
    for each in registered():
        thing, shape, *_ = each.make()
        acts[each.name] = acts.get(each.name, False) or takes(thing, shape)
        module = type(thing).__module__
        if each.name not in rooms:
            rooms[each.name] = next(
                said for start, said in ROOMS.items() if module.startswith(start)
            )
    table: dict[str, tuple[list[str], list[str]]] = {said: ([], []) for said in ROOMS.values()}
    for name, answer in acts.items():
        table[rooms[name]][0 if answer else 1].append(name)
    return table


def table() -> str:
    """A line each room."""
    lines = ["| | act | refuse |", "|---|---|---|"]
    for room, answers in found().items():
        cells = (", ".join(f"`{name}`" for name in sorted(names)) or "–" for names in answers)
        lines.append(f"| {room} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """mkdocs' hook."""
    mark = "<!-- complex -->"
    return markdown.replace(mark, table()) if mark in markdown else markdown
