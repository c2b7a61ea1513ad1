"""One look at what a call from outside of a solve is given: points on which the thing acts.

The rule, for functions, operators and linear maps alike: a call takes what a solve would take, and
integers too, which become the default floating-point dtype of their library; what a solve would
refuse, a call refuses in the same words. Inside of a solve, and of such a call, points are known:
nothing is looked at. What is prepared (``make_prox``, ``make_resolvent``, …) is for known points.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from functools import wraps
from inspect import signature
from types import FunctionType, MethodType
from typing import Any, TypeVar, cast

import numpy as np

from splitkit.backend import (
    COMPLEX,
    Array,
    Point,
    Space,
    blocks,
    floating,
    folding,
    fresh_copy,
    is_array,
    is_traced,
    namespace,
    real_dtype,
    solving,
)
from splitkit.meshes import together

Method = TypeVar("Method", bound=Callable[..., Any])
Outside = Callable[..., Any]  # (method, thing, x, *rest) ↦ what the method returns, looked at
Rule = Callable[..., Any]  # (method, thing, x, *rest) ↦ what it returns for a complex x

_KNOWN: ContextVar[bool] = ContextVar("points are known", default=False)


class known_points:
    """Inside, no call looks at its points."""

    __slots__ = ("_token",)
    known = True

    def __enter__(self) -> None:
        self._token = _KNOWN.set(self.known)

    def __exit__(self, *_: object) -> None:
        _KNOWN.reset(self._token)


class unknown_points(known_points):
    """Inside, calls look at their points, as those of a user do."""

    __slots__ = ()
    known = False


def look_at_points(
    cls: type, methods: Iterable[str], outside: Outside, rule: Rule | None = None
) -> None:
    """Let the methods that a class defines itself, of these names, go through ``outside`` where
    points are not known, and through the rule where they are complex; ``.at_known_points`` is what
    was written, with the rule: it asks each point, as what is prepared outlives its first points.
    """
    for name in methods:
        written = vars(cls).get(name)
        if isinstance(written, FunctionType) and not hasattr(written, "at_known_points"):
            found = _looking(written, outside) if rule is None else _ruled(written, outside, rule)
            setattr(cls, name, found)


def _ruled(method: Callable[..., Any], outside: Outside, rule: Rule) -> Callable[..., Any]:
    """``_looking``, of a method that has a rule for complex points."""

    def either(self: Any, x: Point, *rest: Any, **named: Any) -> Any:
        if COMPLEX[x.dtype]:
            return rule(method, self, x, *rest, **named)
        return method(self, x, *rest, **named)

    either.__name__ = method.__name__

    def of_point(self: Any, x: Point, *rest: Any, **named: Any) -> Any:
        if not _KNOWN.get():
            return outside(either, self, x, *rest, **named)
        if COMPLEX[x.dtype]:
            return rule(method, self, x, *rest, **named)
        return method(self, x, *rest, **named)

    looked = wraps(method)(of_point)
    looked.at_known_points = either  # type: ignore[attr-defined]
    return looked


def follow(cls: type, methods: Iterable[str], rule: Rule) -> None:
    """Let the methods that a class defines itself, of these names, which are not for calls from
    outside, go through the rule where points are complex.
    """
    for name in methods:
        written = vars(cls).get(name)
        if isinstance(written, FunctionType) and not hasattr(written, "at_known_points"):

            def either(
                self: Any, x: Point, *rest: Any, _method: Any = written, **named: Any
            ) -> Any:
                if COMPLEX[x.dtype]:
                    return rule(_method, self, x, *rest, **named)
                return _method(self, x, *rest, **named)

            followed = wraps(written)(either)
            followed.at_known_points = followed  # type: ignore[attr-defined]
            setattr(cls, name, followed)


def act_where_declared(cls: type, checks: Iterable[str]) -> None:
    """Let the checks of spaces that a class defines itself, of these names, first refuse complex
    ones, unless the thing ``acts_on_complex``.
    """
    for name in checks:
        written = vars(cls).get(name)
        if isinstance(written, FunctionType) and not hasattr(written, "__wrapped__"):
            setattr(cls, name, _refusing(written))


def _refusing(check: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(check)
    def checked(self: Any, space: Space, *rest: Any, **named: Any) -> Any:
        if COMPLEX[space.dtype] and not self.acts_on_complex:
            raise TypeError(self.refusal_of_complex(space))
        return check(self, space, *rest, **named)

    return checked


class OnComplex:
    """What acts on points, and on complex ones where it says so.

    Attributes
    ----------
    acts_on_complex : bool
        Whether its formulas hold in the real Hilbert space of complex points, ⟨x, y⟩ = Re Σ x̄ᵢyᵢ;
        else those are refused. What is made of others asks them, too.
    """

    acts_on_complex: bool = False

    def refusal_of_complex(self, space: Space) -> str:
        """Why, and what to do."""
        return (
            f"{self!r} acts on real points, and x0 is complex ({space.dtype}): it has no meaning "
            "there, as of orders, bounds and signs, or is not known to; give what acts on complex "
            "points (docs/complex.md), or the real problem of the tuple (real part, imaginary part)"
        )


def _looking(method: Callable[..., Any], outside: Outside) -> Callable[..., Any]:
    """The method with a look; every iteration goes through it, so that it has no more frames and
    arguments than it needs.
    """
    others = [*signature(method).parameters][2:]

    def of_point(self: Any, x: Point) -> Any:
        if _KNOWN.get():
            return method(self, x)
        return outside(method, self, x)

    def of_point_and_more(self: Any, x: Point, *rest: Any, **named: Any) -> Any:
        if _KNOWN.get():
            return method(self, x, *rest, **named)
        return outside(method, self, x, *rest, **named)

    looked = wraps(method)(of_point_and_more if others else of_point)
    looked.at_known_points = method  # type: ignore[attr-defined]
    return looked


def of_whole_points(method: Method) -> Method:
    """A method of points whose sums over processes, where Torch cuts them, are taken."""

    @wraps(method)
    def of_points(self: Any, *given: Any, **named: Any) -> Any:
        with together(array for each in (*given, *named.values()) for array in blocks(each)):
            return method(self, *given, **named)

    return cast(Method, of_points)


def construct_whole(cls: type) -> None:
    """Let what a class makes of its parameters, in a ``__post_init__`` of its own, be made of all
    of those that Torch cuts over processes.
    """
    written = vars(cls).get("__post_init__")
    if not isinstance(written, FunctionType) or hasattr(written, "__wrapped__"):
        return

    @wraps(written)
    def post_init(self: Any) -> None:
        with together(list(vars(self).values())):
            written(self)

    cls.__post_init__ = post_init  # type: ignore[attr-defined]


def for_known(method: Callable[..., Any]) -> Callable[..., Any]:
    """A bound method, prepared for points that are known: it does not ask at each call."""
    known = getattr(method, "at_known_points", None)
    return method if known is None else MethodType(known, method.__self__)  # type: ignore[attr-defined]


def at_known(method: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """What the method returns for points that are known; what overflows on the way may be right in
    the end, and NumPy does not warn of it.
    """
    token = _KNOWN.set(True)
    try:
        with np.errstate(over="ignore"):
            if any(map(_is_elsewhere, given)):
                return elsewhere(method, *given, **named)
            return method(*given, **named)
    finally:
        _KNOWN.reset(token)


def elsewhere(method: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """What the method returns for points that JAX traces, or Torch cuts over processes.

    Raises
    ------
    TypeError
        It asks for values of what is traced.
    """
    with folding(*(array for each in given for array in blocks(each))):
        try:
            return method(*given, **named)
        except Exception as error:
            if not type(error).__module__.startswith("jax"):
                raise
            raise TypeError(
                f"{given[0]!r} looks at values, and what is traced has none: apply it outside of "
                "jit, vmap and grad"
            ) from error


def _is_elsewhere(x: object) -> bool:
    """Whether x is a point of which a block is traced or cut."""
    if type(x) is tuple:
        return any(map(_is_elsewhere, x))
    return hasattr(x, "_trace") or hasattr(x, "device_mesh")


def seen(
    thing: Any, x: Point, check: Callable[[Space], Any], batch_axes: Iterable[int], name: str = "x"
) -> Point:
    """x, of floating-point numbers, if the thing acts on its space with one of these numbers of
    batch axes. A kind of point that was seen is known.

    Raises
    ------
    TypeError, ValueError
        As ``Space.of`` and the check raise them; of several, the first.
    """
    kept = getattr(thing, "__dict__", {})
    known, kind = kept.get("_kinds_seen", ()), _kind(name, x)
    if kind in known or _is_symbol(x):
        return x
    x = floating(x)
    refusal: TypeError | ValueError | None = None
    for batch_ndim in batch_axes:
        try:
            space = Space.of(x, batch_ndim, name=name, known_finite=True)
            if not any(map(is_traced, blocks(x))):
                with solving(x):
                    at_known(check, space)
        except (TypeError, ValueError) as error:
            refusal = refusal or error
        else:
            kept["_kinds_seen"] = (_kind(name, x), *known[:3])
            return x
    assert refusal is not None  # there is a number of batch axes
    raise type(refusal)(re.sub(r"\bx0\b", name, str(refusal))) from None


def _is_symbol(x: Point) -> bool:
    """Whether x stands for a point in a proof."""
    return any(getattr(a, "is_symbol", False) for a in blocks(x))


def possible_batch_axes(x: Point) -> range:
    """How many leading axes may be batch, where only a space tells."""
    return range(1 + min((getattr(a, "ndim", 0) for a in blocks(x)), default=0))


def _kind(name: str, x: Point) -> tuple[Any, ...]:
    """What two points share that are known if one of them is."""
    if type(x) is tuple:
        return name, *[_kind("", block) for block in x]
    return name, type(x), getattr(x, "dtype", None), getattr(x, "shape", None)


def unchanging(map: Callable[[Point], Point], x: Point, thing: object) -> Point:
    """The map's value at x.

    Raises
    ------
    ValueError
        The map wrote into x.
    """
    kept = [None if is_traced(a) else fresh_copy(a) for a in blocks(x)]
    value = map(x)
    for a, before in zip(blocks(x), kept, strict=True):
        if before is None:
            continue
        same = (a == before) | (before != before)
        if not bool(namespace(a).all(same)):
            raise ValueError(
                f"{thing!r} changed its argument, which others use: let it write into a copy"
            )
    return value


def require_like(thing: object, x: Point, value: Point, of: str = "") -> Point:
    """The value, if it is a point like x."""
    if type(x) is type(value) and _kind("", x) == _kind("", value):
        return value
    if isinstance(value, np.generic):  # what NumPy makes of arrays without axes
        value = np.asarray(value)
    if _is_symbol(x):
        return value
    arrays, values = blocks(x), blocks(value)
    alike = len(arrays) == len(values) and isinstance(x, tuple) == isinstance(value, tuple)
    if alike and all(map(_is_like, values, arrays)):
        return value
    of_numbers = all(map(is_array, values))
    error = ValueError if of_numbers and len(arrays) == len(values) else TypeError
    before, after = (", ".join(map(_said, each)) for each in (arrays, values))
    raise error(f"{of or ''}{thing!r} returned {after} for {before}: it must return a point like x")


def _is_like(a: Any, x: Array) -> bool:
    return bool(
        is_array(a) and namespace(a) is namespace(x) and a.shape == x.shape and a.dtype == x.dtype
    )


def _said(a: Any) -> str:
    return f"{a.dtype} of shape {tuple(a.shape)}" if is_array(a) else f"a {type(a).__name__}"


def check_step(alpha: Array, x: Point, batch_ndim: int, *, elementwise: bool, name: str) -> Array:
    """The array of step sizes, if it fits x: it has batch shape or, for what acts on each entry by
    itself, that of x's first axes, or one that broadcasts to x.
    """
    if alpha.ndim == 0:
        return alpha
    for a in blocks(x):
        given, shape = tuple(alpha.shape), tuple(a.shape)
        if COMPLEX[alpha.dtype]:
            raise TypeError(
                f"alpha has dtype {alpha.dtype}: a step is real, of complex x too; give {name} a "
                "number, or real ones"
            )
        if alpha.dtype != real_dtype(a.dtype, namespace(a)):
            raise TypeError(
                f"alpha has dtype {alpha.dtype}, but x has {a.dtype}: convert one of them, or give "
                "a number"
            )
        whole = len(given) == len(shape) and all(
            n in (1, m) for n, m in zip(given, shape, strict=True)
        )
        if given == shape[:batch_ndim] or (elementwise and (whole or given == shape[: len(given)])):
            continue
        raise ValueError(
            f"alpha has shape {given}: {name} takes a number, or one for each element of the "
            f"batch, shape {shape[:batch_ndim]} (x has shape {shape}, batch_ndim = {batch_ndim})"
        )
    return alpha
