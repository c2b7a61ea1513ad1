"""The arithmetic that operators, functions and linear maps share: c A = A c, A/c, −A, A + B, A − B,
sum([A, B]), A @ B.

c is a scalar of any library (``backend.as_float``). An array on the left leaves c A to us, NumPy's
because ``__array_ufunc__`` is None; array-api-strict's alone refuses what it does not know: write
A c there.
"""

from __future__ import annotations

from numbers import Complex, Number, Real
from typing import Any, Generic, TypeVar

from splitkit.arguments import NONZERO, check_number
from splitkit.backend import as_float, blocks, folding, is_array

T = TypeVar("T")


class Arithmetic(Generic[T]):
    """A subclass gives ``_times``, ``_plus`` and ``_after``; the latter two return NotImplemented
    where there is nothing to be made of the other operand.
    """

    __array_ufunc__ = None

    def _times(self, c: float) -> T:
        """c A."""
        raise NotImplementedError

    def _plus(self, other: Any) -> T:
        """A + B."""
        raise NotImplementedError

    def _after(self, other: Any) -> T:
        """The composition A B."""
        raise NotImplementedError

    def __mul__(self, c: object) -> T:
        if not (isinstance(c, Number) or is_array(c)):
            return NotImplemented
        if isinstance(c, Complex) and not isinstance(c, Real):
            raise TypeError(
                f"c = {c!r}: give a finite number that is real, also of complex points; the map iI "
                "is sk.linear.Diagonal(array([1j]))"
            )
        with folding():
            return self._times(check_number("c", c))

    __rmul__ = __mul__

    def __truediv__(self, c: object) -> T:
        if not (isinstance(c, Number) or is_array(c)):
            return NotImplemented
        return self * (1 / check_number("c", c, NONZERO))

    def __neg__(self) -> T:
        return self * -1.0

    def __add__(self, other: object) -> T:
        with folding():
            return self._plus(other)

    def __radd__(self, other: object) -> Arithmetic[T] | T:
        if as_float(other) == 0:
            return self  # what sum() starts from
        total: T = self._unlike(other)
        return total

    def _unlike(self, other: object) -> Any:
        """Of an operator and a function, or of two things of which one is no part of this."""
        if isinstance(other, Arithmetic):
            raise TypeError(
                f"{other!r} + {self!r}: one is an operator, the other a function; the operator of "
                "a set is splitkit.NormalCone(C), of a function splitkit.Subdifferential(f)"
            )
        return NotImplemented

    def __rmatmul__(self, other: object) -> T:
        if not is_array(other):
            return NotImplemented
        raise TypeError(
            f"A @ B for an array A and B = {self!r}: @ composes from the right, f @ A is f(Ax); an "
            "array as a map is splitkit.DenseMatrix(A)"
        )

    def __sub__(self, other: object) -> T:
        with folding():
            kindred = isinstance(other, Arithmetic) and self._plus(other) is not NotImplemented
            return self._plus(-other) if kindred else NotImplemented  # type: ignore[operator]

    def __matmul__(self, other: object) -> T:
        with folding():
            composed = self._after(other)
        if composed is NotImplemented and all(map(is_array, blocks(other))):
            raise TypeError(
                f"A @ x for A = {self!r} and an array x: @ composes; to apply A, call A(x)"
            )
        return composed
