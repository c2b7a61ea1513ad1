"""The public names with their signatures, a line each: ``python docs/_api.py > docs/api.txt``.

A test compares with the file, so that no name or argument appears, changes or goes in silence.
Of the classes from which users derive, and of the results that they read, the members are listed.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from enum import Enum
from importlib import import_module
from typing import Any

import splitkit as sk

PACKAGES = (
    "splitkit",
    "splitkit.operators",
    "splitkit.linear",
    "splitkit.functions",
    "splitkit.problems",
    "splitkit.proofs",
    "splitkit.solvers",
    "splitkit.estimators",
    "splitkit.testing",
    "splitkit_nn",
    "splitkit_nn.testing",
)
OPEN = (
    sk.Operator,
    sk.LinearOperator,
    sk.functions.Function,
    sk.functions.Indicator,
    sk.Method,
    sk.Iteration,
    sk.Plan,
    sk.Solution,
    sk.Explanation,
    sk.Proof,
)


def lines() -> Iterator[str]:
    """The whole file."""
    for package in PACKAGES:
        for name, value in sorted(vars(import_module(package)).items()):
            is_code = inspect.isclass(value) or inspect.isfunction(value)
            if is_code and not name.startswith("_") and value.__module__.startswith("splitkit"):
                yield f"{package}.{name}{arguments(value)}"
                if package == "splitkit" and value in OPEN:
                    yield from (f"{package}.{name}.{member}" for member in members(value))
    for status in sk.Status:
        yield f"splitkit.Status.{status.name} = {status.value!r}"


def members(kind: type) -> Iterator[str]:
    """The public ones that the class itself defines."""
    for name, value in sorted(vars(kind).items()):
        if name.startswith("_"):
            continue
        if inspect.isfunction(value):
            yield f"{name}{arguments(value)}"
        elif isinstance(value, classmethod | staticmethod):
            yield f"{name}{arguments(value.__func__)}"
        else:
            yield name


def arguments(value: Any) -> str:
    """(x, alpha=1.0), without annotations and without addresses in memory."""
    if inspect.isclass(value) and issubclass(value, Enum | BaseException):
        return ""
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return "(…)"
    given = [
        each.replace(annotation=each.empty, default=_Written.of(each.default))
        for each in signature.parameters.values()
    ]
    return str(signature.replace(parameters=given, return_annotation=signature.empty))


class _Written:
    """A default, as it is written down."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text

    @classmethod
    def of(cls, default: Any) -> Any:
        """The default, or what it is called where its repr is an address."""
        if default is inspect.Parameter.empty or " at 0x" not in repr(default):
            return default
        name = getattr(default, "__name__", None)
        return cls(name or f"{type(default).__name__}()")


if __name__ == "__main__":
    print("\n".join(lines()))
