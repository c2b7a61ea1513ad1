"""Inner products of points, values of functions and numbers: what is compared in a claim."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, TypeAlias

from splitkit.proofs.exact import ZERO
from splitkit.proofs.outcome import NotExpressibleError
from splitkit.proofs.symbols import Scene, Vector

Number: TypeAlias = float | Fraction
ONE = 0  # the value that is the number 1; those of functions follow


class Quantity:
    """Σ c⟨p, q⟩ + Σ cᵢfᵢ + c, of points and values; compared with another one or a number, what is
    not negative if the comparison is true.

    Examples
    --------
    >>> from splitkit.proofs import Setting, Smooth, inner, norm2
    >>> s = Setting()
    >>> f, x, y = s.function(Smooth(0.0, 1.0)), s.point(), s.point()
    >>> a, b = f.gradient(x), f.gradient(y)
    >>> print(s.bound(norm2(a - b) - inner(a - b, x - y), norm2(x - y)).value)  # cocoercive
    0.
    """

    __slots__ = ("scene", "terms", "values")
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self,
        scene: Scene,
        terms: tuple[tuple[Fraction, Vector, Vector], ...] = (),
        values: dict[int, Fraction] | None = None,
    ) -> None:
        self.scene, self.terms, self.values = scene, terms, values or {}

    def __add__(self, other: Quantity | Number) -> Quantity:
        if isinstance(other, (int, float, Fraction)):
            other = self._number(other)
        if not isinstance(other, Quantity):
            return NotImplemented
        other.check_scene(self.scene)
        values = dict(self.values)
        for i, c in other.values.items():
            values[i] = values.get(i, ZERO) + c
        return Quantity(
            self.scene, self.terms + other.terms, {i: c for i, c in values.items() if c}
        )

    __radd__ = __add__

    def _number(self, c: Number) -> Quantity:
        exact = self._exact(c)
        return Quantity(self.scene, (), {ONE: exact} if exact else {})

    def _exact(self, c: Number) -> Fraction:
        if not math.isfinite(c):
            raise NotExpressibleError(f"{c} occurs in a quantity")
        return self.scene.numbers.exact(c)

    def __mul__(self, c: Number) -> Quantity:
        if not isinstance(c, (int, float, Fraction)):
            return NotImplemented
        factor = self._exact(c)
        if not factor:
            return Quantity(self.scene)
        terms = tuple((factor * w, p, q) for w, p, q in self.terms)
        return Quantity(self.scene, terms, {i: factor * v for i, v in self.values.items()})

    __rmul__ = __mul__

    def __truediv__(self, c: Number) -> Quantity:
        return self * (1 / self._exact(c))

    def __neg__(self) -> Quantity:
        return self * -1

    def __sub__(self, other: Quantity | Number) -> Quantity:
        return self + -other

    def __rsub__(self, other: Number) -> Quantity:
        return -self + other

    def __ge__(self, other: Quantity | Number) -> Quantity:
        return self - other

    def __le__(self, other: Quantity | Number) -> Quantity:
        return -self + other

    def check_scene(self, scene: Scene) -> None:
        """Raise NotExpressibleError if it is of another setting."""
        if self.scene is not scene:
            raise NotExpressibleError(f"the quantity {self!r} is one of another setting")

    def __repr__(self) -> str:
        parts = [f"{float(c):+.4g}⟨{p!r}, {q!r}⟩" for c, p, q in self.terms]
        parts += [f"{float(c):+.4g}{f' f{i}' if i else ''}" for i, c in self.values.items()]
        return " ".join(parts) or "0"


def inner(p: Vector, q: Vector) -> Quantity:
    """⟨p, q⟩.

    Examples
    --------
    >>> from splitkit.proofs import Setting, Smooth, inner, norm2
    >>> s = Setting()
    >>> f, x = s.function(Smooth(0.0, 2.0)), s.point()
    >>> x_star = f.minimizer()
    >>> print(s.bound(inner(f.gradient(x), x - x_star), norm2(x - x_star)).value)  # L
    2.
    """
    q.check_scene(p.scene)
    return Quantity(p.scene, ((Fraction(1), p, q),))


def norm2(p: Any) -> Quantity:
    """‖p‖².

    Examples
    --------
    >>> from splitkit.proofs import Setting, Smooth, norm2
    >>> s = Setting()
    >>> f, x = s.function(Smooth(0.0, 2.0)), s.point()
    >>> print(s.bound(norm2(f.gradient(x)), norm2(x - f.minimizer())).value)  # L²
    4.
    """
    return inner(p, p)
