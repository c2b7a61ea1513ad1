"""Docstrings as ``help`` should show them: what a class takes and raises by its bases stands there.

A parameter, or an error, is documented once, where it is declared. Sections are numpydoc's.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Container
from functools import cache

INHERITED = ("Parameters", "Raises")
ORDER = ("Parameters", "Attributes", "Raises", "Examples")


def inherit(cls: type, taken: Container[str] | None = None) -> None:
    """Add to the docstring of a class what it does not say of the parameters (of those that are
    taken, if not all are) and errors of its bases, whose docstrings say all of theirs.
    """
    own = cls.__dict__.get("__doc__")
    if own is None:
        return
    text, sections = parsed(own)
    sections = dict(sections)
    for name in INHERITED:
        found = entries(sections.get(name, ""))
        documented = {each for entry in found for each in names(entry)}
        for base in cls.__mro__[1:]:
            for entry in entries(parsed(base.__doc__ or "")[1].get(name, "")):
                given = taken is None or name != "Parameters" or names(entry)[0] in taken
                if given and not documented & set(names(entry)):
                    documented |= set(names(entry))
                    found.append(entry)
        if found:
            sections[name] = "\n".join(found)
    ordered = [name for name in ORDER if name in sections]
    parts = [f"{name}\n{'-' * len(name)}\n{sections[name]}" for name in ordered]
    cls.__doc__ = "\n\n".join([text, *parts])


@cache
def parsed(doc: str) -> tuple[str, dict[str, str]]:
    """The text before the sections, and each section by its name."""
    heading = rf"^({'|'.join(ORDER)})\n-+\n"
    text, *rest = re.split(heading, inspect.cleandoc(doc), flags=re.MULTILINE)
    pairs = zip(rest[::2], rest[1::2], strict=True)
    return text.rstrip(), {name: body.rstrip() for name, body in pairs}


def entries(section: str) -> list[str]:
    """Each begins a line; what is indented belongs to it."""
    return [each.rstrip() for each in re.split(r"^(?=\S)", section, flags=re.MULTILINE) if each]


def names(entry: str) -> list[str]:
    """Those that an entry documents: of ``a, b : float`` both."""
    return [each.strip() for each in entry.splitlines()[0].split(" : ")[0].split(",")]
