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
from splitkit.meshes import is_cut, mesh_of, require_taken, spread


def require_agreement(space: Space, x0: Point, **others: Any) -> None:
    """Raise unless all processes of the space's mesh were given the same point and other things.

    Raises
    ------
    ValueError
        They were not; it names the first difference.
    """
    given = others | {"x0": x0}
    lines = [line for name, thing in given.items() for line in _lines(name, thing, set())]
    digests = [_digest(f"{path} = {text}") for path, text in lines]
    block = blocks(x0)[0]
    for numbers in ([len(lines), _digest(str(lines))], digests):
        least, greatest = spread(numbers, block)
        differing = [i for i, (a, b) in enumerate(zip(least, greatest, strict=True)) if a != b]
        if numbers is digests and differing:
            path, text = lines[differing[0]]
            raise ValueError(
                f"the processes of {space.mesh} were given different problems: {path} = {text} on "
                "this one; give all of them the same"
            )
        if not differing:
            return
        if differing[0] == 0:
            raise ValueError(
                f"the processes of {space.mesh} were given different problems, here of "
                f"{len(lines)} parts: {given}; give all of them the same"
            )


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")


def _lines(path: str, thing: Any, seen: set[int]) -> Iterator[tuple[str, str]]:
    """What is compared of a thing and its public parts: where it stands, and what it is."""
    if thing is None or isinstance(thing, (bool, int, float, complex, str, Enum, np.generic)):
        yield path, repr(thing)
    elif is_array(thing):
        yield path, _of_array(path, thing)
    elif isinstance(thing, (tuple, list)):
        for i, each in enumerate(thing):
            yield from _lines(f"{path}[{i}]", each, seen)
    elif isinstance(thing, FunctionType):
        yield path, thing.__qualname__
    else:
        kind = type(thing)
        yield path, kind.__qualname__
        if id(thing) in seen or not kind.__module__.startswith("splitkit"):
            return
        seen.add(id(thing))
        for name, part in vars(thing).items() if hasattr(thing, "__dict__") else ():
            # what is private or computed on demand may be there on one process alone
            if not name.startswith("_") and not isinstance(
                getattr(kind, name, None), cached_property
            ):
                yield from _lines(f"{path}.{name}", part, seen)


def _of_array(path: str, x: Any) -> str:
    require_taken(x, path)
    said = f"{x.dtype} of shape {tuple(x.shape)}"
    if mesh_of(x) is None or is_cut(x):
        return f"{said}, {getattr(x, 'placements', 'on no mesh')}"
    return f"{said}, {hashlib.sha256(to_numpy(x.to_local()).tobytes()).hexdigest()[:12]}"
