"""Whether all processes of a mesh were given the same problem, asked once, where it is planned.

A solve that is cut over processes ends only if all of them make the same decisions, from the same
inclusion, method and start. Each lists what it was given, line by line; numbers made of the lines
are compared by their least and greatest over the mesh. Of arrays that are cut the shapes and places
are compared, of those that are the same on each all entries; of functions, and of things of a class
of one's own, which may hold what is a process' own, the names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from enum import Enum
from functools import cached_property
from types import FunctionType
from typing import Any

import numpy as np

from splitkit.backend import Point, Space, blocks, is_array, to_numpy
from splitkit.meshes import mesh_of, require_taken, spread


def require_agreement(space: Space, x0: Point, **others: Any) -> None:
    """Raise unless all processes of the space's mesh were given the same point and other things.

    Raises
    ------
    ValueError
        They were not, and it names the first difference; or an array is a sum to be taken.
    """
    given = others | {"x0": x0}
    parts = [part for name, thing in given.items() for part in _parts(name, thing, set())]
    lines = [f"{path} = {_said(thing)}" for path, thing in parts]
    block = blocks(x0)[0]
    differing = _differing([len(lines), _digest("\n".join(lines))], block)
    if differing:
        listed = 0 not in differing  # so many on each
        here = lines[_differing(list(map(_digest, lines)), block)[0]] if listed else f"{given}"
        raise ValueError(
            f"the processes of {space.mesh} were given different problems, on this one {here}: "
            "give all of them the same"
        )
    for path, thing in parts:
        require_taken(thing, path)


def _differing(numbers: list[int], like: Any) -> list[int]:
    """Which of some integers are not the same on all processes."""
    pairs = zip(*spread(numbers, like), strict=True)
    return [i for i, (least, greatest) in enumerate(pairs) if least != greatest]


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")


def _parts(path: str, thing: Any, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """A thing and its public parts, and where they stand."""
    if isinstance(thing, (tuple, list)):
        for i, each in enumerate(thing):
            yield from _parts(f"{path}[{i}]", each, seen)
        return
    yield path, thing
    kind = type(thing)
    if id(thing) in seen or not kind.__module__.startswith("splitkit") or isinstance(thing, Enum):
        return
    seen.add(id(thing))
    for name, part in vars(thing).items() if hasattr(thing, "__dict__") else ():
        # what is private or computed on demand may be there on one process alone
        on_demand = isinstance(getattr(kind, name, None), cached_property)
        if not (name.startswith("_") or on_demand):
            yield from _parts(f"{path}.{name}", part, seen)


def _said(thing: Any) -> str:
    """What is compared of a part."""
    if thing is None or isinstance(thing, (bool, int, float, complex, str, Enum, np.generic)):
        return repr(thing)
    if isinstance(thing, FunctionType):
        return thing.__qualname__
    if not is_array(thing):
        return type(thing).__qualname__
    places = () if mesh_of(thing) is None else thing.placements
    said = f"{thing.dtype} of shape {tuple(thing.shape)}, {places}"
    if any(not each.is_replicate() for each in places):
        return said
    values = to_numpy(thing.to_local() if places else thing)
    return f"{said}, {hashlib.sha256(values.tobytes()).hexdigest()[:12]}"
