"""Constructors and docstrings that are made where the code runs, for the API reference.

Functions are dataclasses without a decorator (``functions/declared.py``), methods dataclasses whose
defaults carry their checks (``arguments.option``): what they take is seen only at run time, as are
the parameters that they inherit (``docstrings.py``).
"""

from __future__ import annotations

import inspect
import re
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

import griffe

KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: griffe.ParameterKind.positional_only,
    inspect.Parameter.POSITIONAL_OR_KEYWORD: griffe.ParameterKind.positional_or_keyword,
    inspect.Parameter.KEYWORD_ONLY: griffe.ParameterKind.keyword_only,
    inspect.Parameter.VAR_POSITIONAL: griffe.ParameterKind.var_positional,
    inspect.Parameter.VAR_KEYWORD: griffe.ParameterKind.var_keyword,
}
PUBLIC = {
    re.split(r"[(\s]", line)[0].rpartition(".")[2]
    for line in (Path(__file__).parent / "api.txt").read_text(encoding="utf-8").splitlines()
    if line
}
JOINER = "\N{WORD JOINER}"
ROOMS = tuple(
    f"splitkit.{room}" for room in ("functions", "linear", "operators", "problems", "solvers")
)


class Made(griffe.Extension):
    """Give each class without an ``__init__`` of its own the signature that it has at run time."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """griffe's hook, once a package is read."""
        _keep_types(pkg)

    def on_class(self, *, cls: griffe.Class, **_: Any) -> None:
        """griffe's hook, once a class and its members are read."""
        cls.bases = [base for base in cls.bases if str(base).rpartition(".")[2] in PUBLIC]
        is_made = "__init__" not in cls.members or "dataclass" in cls.labels
        if not is_made or not cls.module.path.startswith(ROOMS):
            return
        kind = getattr(import_module(cls.module.path), cls.name, None)
        if not inspect.isclass(kind) or issubclass(kind, Enum):
            return
        if cls.docstring is not None:
            cls.docstring.value = as_list(inspect.getdoc(kind) or "")
        if not (inspect.isfunction(kind.__init__) or inspect.isfunction(kind.__new__)):
            return
        given = inspect.signature(kind).parameters.values()
        parameters = griffe.Parameters(*map(_parameter, given))
        cls.set_member("__init__", griffe.Function("__init__", parameters=parameters))
        cls.labels.discard("dataclass")


def _keep_types(thing: griffe.Object) -> None:
    """Types as they are written: ``array, shape (m,)`` is no Python, though it could be."""
    if thing.docstring is not None:
        thing.docstring.value = as_written(thing.docstring.value)
    for member in thing.members.values():
        if not member.is_alias:
            _keep_types(member)


def as_written(doc: str) -> str:
    """The docstring with types that no parser takes apart: a joiner, which is not seen, in each."""
    sections = re.split(r"^(?=[A-Z]\w+\n-{3,}$)", doc, flags=re.MULTILINE)
    for place, section in enumerate(sections):
        if re.match("(Parameters|Attributes|Returns|Raises|Yields)\n-", section):
            sections[place] = re.sub(
                r"^(?=\S)(.*?), ", rf"\1,{JOINER} ", section, flags=re.MULTILINE
            )
    return "".join(sections)


def as_list(doc: str) -> str:
    """The docstring with its lines Takes, Assumes, … as a list."""
    return re.sub(r"^(Takes|Assumes|Steps|Rate|Oracles): ", r"- **\1**: ", doc, flags=re.MULTILINE)


def _parameter(given: inspect.Parameter) -> griffe.Parameter:
    return griffe.Parameter(
        given.name,
        annotation=None if given.annotation is given.empty else str(given.annotation),
        kind=KINDS[given.kind],
        default=None if given.default is given.empty else _default(given.default),
    )


def _default(value: Any) -> str:
    """Without an address in memory."""
    plain = type(value).__repr__ is object.__repr__
    return f"{type(value).__name__}()" if plain else repr(value)
