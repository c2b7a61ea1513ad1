"""What of a function is data, declared once; what is made of the declaration.

    class L1Norm(Function):
        weight: Scalar = parameter(NON_NEGATIVE, default=1.0)

A class that declares parameters is a dataclass: its constructor takes them in order and stores them
under their names, checked; its repr shows them; and the arrays among them must fit the points. What
is computed of them is set in ``__post_init__``, after ``super()``'s. A class that declares none has
the constructor of its base (of its bases: one that takes what all declare), and one that has a
constructor keeps it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, dataclass_transform

from splitkit import docstrings
from splitkit.arguments import FINITE, check_options, check_parameter, option
from splitkit.backend import as_float, is_array
from splitkit.notation import Notation, Style
from splitkit.operators.base import Operator


def parameter(
    within: Any = FINITE,
    remedy: str | None = None,
    *,
    default: Any = MISSING,
    samplewise: bool = False,
) -> Any:
    """A number, or an array that broadcasts to points (samplewise: has batch shape), whose entries
    lie within; None passes where it is the default.
    """
    return field(
        default=default,
        metadata={
            "check": check_parameter,
            "how": {"within": within, "remedy": remedy},
            "array": "samplewise" if samplewise else "parameters",
        },
    )


def required(check: Callable[..., Any], *, repr: bool = True, **how: Any) -> Any:
    """What is neither a number nor optional, for ``check_options`` as an ``option`` is."""
    return option(MISSING, check, repr=repr, **how)


@dataclass_transform(eq_default=False, field_specifiers=(parameter, required, field))
class Declared(Notation):
    """What a function states, as ``Function`` documents it; no parameters."""

    convex: bool = True
    strong_convexity: float = 0.0
    smoothness: float | None = None
    smooth_inside: bool = False
    supercoercive: bool = False
    accuracy: float | None = None
    prox_effort: float = 1.0
    elementwise: bool = False
    polyhedral: bool = False
    sublinear: bool = False
    of_moduli: bool = False
    parameters: tuple[str, ...] = ()
    samplewise: tuple[str, ...] = ()
    operator: Operator | None = None
    slope: str = ""  # ∇f in LaTeX, as ``Notation.formula``

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._declare()
        code = getattr(cls.__init__, "__code__", None)
        if code is not None:
            docstrings.inherit(cls, code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])

    @classmethod
    def _declare(cls) -> None:
        """Make a dataclass of a class that declares parameters."""
        declares = any(isinstance(value, Field) for value in vars(cls).values())
        known = {
            name for base in cls.__mro__ for name in vars(base).get("__dataclass_fields__", ())
        }
        if not declares and known == getattr(cls.__init__, "declared", known):
            return
        written = "__init__" in vars(cls)
        dataclass(eq=False, repr=False, match_args=False)(cls)
        if not written:
            cls.__init__.declared = {each.name for each in fields(cls)}  # type: ignore[attr-defined, arg-type]
        for kind in ("parameters", "samplewise"):
            names = (each.name for each in fields(cls) if each.metadata.get("array") == kind)  # type: ignore[arg-type]
            setattr(cls, kind, tuple(dict.fromkeys((*names, *getattr(cls, kind)))))

    def __post_init__(self) -> None:
        check_options(self)

    def write(self, s: Style) -> str:
        names = [each.name for each in fields(self) if each.repr]  # type: ignore[arg-type]
        shown = show(**{name: getattr(self, name) for name in names})
        return s.called(self, shown if names else None)


def show(**parameters: Any) -> str:
    """Parameters for a repr: numbers by value, arrays by shape, None left out."""
    return ", ".join(
        f"{name}={_shown(value)}" for name, value in parameters.items() if value is not None
    )


def _shown(value: Any) -> str:
    if is_array(value):
        return f"array{tuple(value.shape)}"
    return f"{value:g}" if as_float(value) is not None else repr(value)
