"""What acts on complex points as what acts on pairs: the real problem that it stands for.

The real Hilbert space of complex points, ⟨x, y⟩ = Re Σ x̄ᵢyᵢ, is that of the arrays (Re x, Im x)
along one more last axis. ``real_form`` of an operator, a function or a linear map acts there, with
the same constants; what is checked of it is checked of the thing, and a solve of real forms is the
real problem that a solve on complex points must agree with, iterate for iterate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import singledispatch
from typing import Any

from splitkit.backend import (
    COMPLEX,
    Array,
    Point,
    Scalar,
    Space,
    as_complex,
    as_real,
    blocks,
    is_array,
)
from splitkit.functions.base import Function, Indicator
from splitkit.linear.base import LinearOperator
from splitkit.operators.base import Operator, PointMap
from splitkit.properties import Properties
from splitkit.testing._place import array_namespace
from splitkit.testing._report import require


def paired(shape: Any) -> Any:
    """The shape of the real points, of a shape or a tuple of shapes of complex ones."""
    if shape and isinstance(shape[0], (tuple, list)):
        return tuple(paired(each) for each in shape)
    return (*shape, 2)


def to_complex(x: Point) -> Point:
    """The complex point of a real one."""
    return tuple(map(to_complex, x)) if isinstance(x, tuple) else as_complex(x)


def to_real(x: Point) -> Point:
    """The real point of a complex one."""
    if isinstance(x, tuple):
        return tuple(map(to_real, x))
    if not is_array(x) or not COMPLEX[x.dtype]:
        found = x.dtype if is_array(x) else type(x)
        require(False, "like_its_argument", "complex points stay complex", found, "complex", x=x)
    return as_real(x)


def complex_space(space: Space) -> Space:
    """The space of complex points, of that of real ones."""
    return replace(space, shapes=tuple(s[:-1] for s in space.shapes)).complexified()


def real_space(space: Space) -> Space:
    """The space of real points, of that of complex ones."""
    return replace(space, shapes=tuple((*s, 2) for s in space.shapes), dtype=space.real_dtype)


def in_real_form(thing: Any, shapes: Sequence[Any], where: dict[str, Any]) -> Any:
    """The thing, shapes and options of checks that are given a complex dtype, as those of real
    points; None: it is none.
    """
    xp, dtype = array_namespace(where.get("xp")), where.get("dtype")
    try:
        if dtype is None or not xp.isdtype(dtype, "complex floating"):
            return None
    except (AttributeError, TypeError):  # it is said elsewhere that it is no dtype
        return None
    options = {**where, "dtype": parts_of(dtype, xp)}
    return real_form(thing), *map(paired, shapes), options


def parts_of(dtype: Any, xp: Any) -> Any:
    """The dtype of the parts of a complex one; another one itself."""
    if dtype is None or not xp.isdtype(dtype, "complex floating"):
        return dtype
    return xp.float32 if dtype == xp.complex64 else xp.float64


@singledispatch
def real_form(thing: Any) -> Any:
    """The operator, function or linear map on pairs (real part, imaginary part), along one more
    last axis, that acts as this one does on complex points.

    Raises
    ------
    TypeError
        The thing is none of these.

    Examples
    --------
    >>> from splitkit.testing import real_form
    >>> f = real_form(sk.functions.L1Norm())
    >>> print(f(np.array([[3.0, 4.0]])))
    5.0
    """
    raise TypeError(f"{thing!r}: give an operator, a function or a linear map")


class RealOperator(Operator, at_known_points=True):
    """A on pairs."""

    def __init__(self, A: Operator) -> None:
        self.A = A

    @property
    def properties(self) -> Properties:
        return self.A.properties

    @property
    def has_evaluation(self) -> bool:
        return self.A.has_evaluation

    @property
    def has_resolvent(self) -> bool:
        return self.A.has_resolvent

    def __call__(self, x: Point) -> Point:
        return to_real(self.A(to_complex(x)))

    def make_evaluation(self) -> PointMap:
        return _between(self.A.make_evaluation())

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        return _between(self.A.make_resolvent(alpha))

    def make_inverse_resolvent(self, alpha: Scalar) -> PointMap:
        return _between(self.A.make_inverse_resolvent(alpha))

    def make_cayley(self, alpha: Scalar) -> PointMap:
        return _between(self.A.make_cayley(alpha))

    def offset(self, x: Point) -> Point | None:
        found = self.A.offset(to_complex(x))
        return None if found is None else to_real(found)

    def check_space(self, space: Space) -> None:
        self.A.check_space(complex_space(space))

    def __repr__(self) -> str:
        return f"real_form({self.A!r})"


def _between(map: PointMap) -> PointMap:
    return lambda x: to_real(map(to_complex(x)))


def _real_number(value: Array, x: Point) -> Array:
    dtypes = value.dtype, blocks(x)[0].dtype
    require(dtypes[0] == dtypes[1], "like_its_argument", "f(x) is real", *dtypes, x=x)
    return value


class _OfFunction(Function):
    def __init__(self, f: Function) -> None:
        self.f, self.batch_ndim, self.convex = f, f.batch_ndim, f.convex
        self.strong_convexity, self.smoothness = f.strong_convexity, f.smoothness
        self.smooth_inside = f.smooth_inside
        self.accuracy, self.prox_effort = f.accuracy, f.prox_effort
        self.operator = None if f.operator is None else RealOperator(f.operator)

    @property
    def has_prox(self) -> bool:
        return self.f.has_prox

    @property
    def has_gradient(self) -> bool:
        return self.f.has_gradient

    def __call__(self, x: Point) -> Array:
        return _real_number(self.f(to_complex(x)), x)

    def gradient(self, x: Point) -> Point:
        return to_real(self.f.gradient(to_complex(x)))

    @property
    def has_hessian(self) -> bool:
        return self.f.has_hessian

    def make_hessian(self, x: Point) -> LinearOperator:
        return RealMap(self.f.make_hessian(to_complex(x)))

    def conjugate_value(self, u: Point) -> Array:
        return _real_number(self.f.conjugate_value(to_complex(u)), u)

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return to_real(self.f.conjugate_prox(to_complex(x), alpha))

    def check_space(self, space: Space) -> None:
        self.f.check_space(complex_space(space))

    def __repr__(self) -> str:
        return f"real_form({self.f!r})"


class RealFunction(_OfFunction):
    """f on pairs."""

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return to_real(self.f.prox(to_complex(x), alpha))

    def make_prox(self, alpha: Scalar) -> PointMap:
        return _between(self.f.make_prox(alpha))


class RealSet(_OfFunction, Indicator):
    """C on pairs."""

    f: Indicator

    def __init__(self, f: Indicator) -> None:
        super().__init__(f)
        self.bounded, self.subtracts = f.bounded, f.subtracts  # type: ignore[misc]

    def project(self, x: Point) -> Point:
        return to_real(self.f.project(to_complex(x)))

    def make_prox(self, alpha: Scalar) -> PointMap:
        return _between(self.f.make_prox(alpha))

    def violation(self, x: Point) -> Array:
        return self.f.violation(to_complex(x))

    def cancelling(self, x: Point) -> Array:
        return self.f.cancelling(to_complex(x))

    def recession(self, d: Point) -> Point | None:
        found = self.f.recession(to_complex(d))
        return None if found is None else to_real(found)


class RealMap(LinearOperator):
    """L on pairs."""

    def __init__(self, L: LinearOperator) -> None:
        self.L, self.properties = L, L.properties
        self.norm, self.least_gain, self.gram = L.norm, L.least_gain, L.gram

    def __call__(self, x: Point) -> Point:
        return to_real(self.L(to_complex(x)))

    def adjoint(self, y: Point) -> Point:
        return to_real(self.L.adjoint(to_complex(y)))

    def add_to(self, y: Point, x: Point) -> Point:
        return to_real(self.L.add_to(to_complex(y), to_complex(x)))

    @property
    def solver(self) -> str | None:
        return self.L.solver

    def inverted(self) -> LinearOperator:
        return RealMap(self.L.inverted())

    def shifted_inverse(self, alpha: Scalar) -> LinearOperator:
        return RealMap(self.L.shifted_inverse(alpha))

    def reflected_inverse(self, alpha: float) -> LinearOperator | None:
        found = self.L.reflected_inverse(alpha)
        return None if found is None else RealMap(found)

    def reflected_norm(self, alpha: float) -> float | None:
        return self.L.reflected_norm(alpha)

    def check_space(self, space: Space, name: str = "L") -> None:
        self.L.check_space(complex_space(space), name)

    def range_space(self, space: Space) -> Space:
        return real_space(self.L.range_space(complex_space(space)))

    def domain_space(self, space: Space) -> Space:
        return real_space(self.L.domain_space(complex_space(space)))

    def __repr__(self) -> str:
        return f"real_form({self.L!r})"


real_form.register(Operator, RealOperator)
real_form.register(LinearOperator, RealMap)


@real_form.register(Function)
def _(f: Function) -> Function:
    made: Any = RealSet if isinstance(f, Indicator) else RealFunction
    found: Function = made(f)
    return found
