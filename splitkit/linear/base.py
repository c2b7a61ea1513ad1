"""A linear map L between two spaces, with its adjoint and what is known of its singular values."""

from __future__ import annotations

import math
from typing import Any
from weakref import WeakValueDictionary

from splitkit.backend import Array, Point, Scalar, Space, add, is_array
from splitkit.notation import ATOM, FACTOR, Notation, latex, text
from splitkit.properties import Properties


class LinearOperator(Notation):
    """x ↦ Lx; a subclass gives ``__call__`` and ``adjoint``, and what it knows.

    One whose values lie in another space than x also gives ``range_space`` and ``domain_space``:
    ``dataclasses.replace(space, shapes=((n,),))`` is ``space`` with points of shape (n,).

    Maps form an algebra: ``L + K``, ``c * L``, ``-L``, ``L @ K`` (composition), ``L.T``. A monotone
    map of a space into itself serves as M in ``Affine(M, q)``; it may give a ``shifted_inverse`` of
    its own, or have that of Krylov's method.

    Attributes
    ----------
    norm : float
        An upper bound of ‖L‖ that holds, exact where computable (inf: unknown).
    least_gain : float
        A lower bound of ‖Lx‖/‖x‖ that holds (0: unknown).
    gram : float or None
        ν if LLᵀ = νI is known.
    diagonal : array or None
        s, broadcasting to x, if L is x ↦ s ⊙ x.
    costly : bool
        Whether an application takes far longer than a sum of two points.
    properties : Properties
        Of x ↦ Lx as an operator, if L maps a space into itself.
    """

    norm: float = float("inf")
    least_gain: float = 0.0
    gram: float | None = None
    diagonal: Array | None = None
    costly: bool = False
    properties: Properties = Properties(linear=True)
    __array_ufunc__ = None

    def __call__(self, x: Point) -> Point:
        """Lx; x is not changed."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__")

    def adjoint(self, y: Point) -> Point:
        """Lᵀy; y is not changed."""
        raise NotImplementedError(f"{type(self).__name__} must define adjoint")

    def add_to(self, y: Point, x: Point) -> Point:
        """y + Lx, neither changed; override where one pass does it."""
        return add(y, self(x))

    @property
    def T(self) -> LinearOperator:
        """The adjoint, as a linear map; one object as long as it is in use."""
        known = _ADJOINTS.get(id(self))
        if known is None:
            known = _ADJOINTS[id(self)] = Adjoint(self)
        return known

    def shifted_inverse(self, alpha: Scalar) -> LinearOperator:
        """(I + αL)⁻¹, made once; ``.T`` of it shares the factor. Here: iterative.

        Raises
        ------
        TypeError
            No method is known for this map.
        numpy.linalg.LinAlgError
            The factorization failed its residual check.
        """
        from splitkit.linear.iterative import Iterative

        return Iterative(self).shifted_inverse(alpha)

    def reflected_inverse(self, alpha: float) -> LinearOperator | None:
        """2(I + αL)⁻¹ − I as one map, where that is cheaper than applying the inverse."""
        return None

    def reflected_norm(self, alpha: float) -> float | None:
        """‖2(I + αL)⁻¹ − I‖ exactly, where that is computable."""
        return None

    def check_space(self, space: Space, name: str = "L") -> None:
        """Raise, naming the argument, if L does not act on this space."""

    def range_space(self, space: Space) -> Space:
        """The space of Lx for x in ``space``; raises if L does not act on it."""
        self.check_space(space)
        return space

    def domain_space(self, space: Space) -> Space:
        """The space of Lᵀy for y in ``space``; raises if Lᵀ does not act on it."""
        self.check_space(space)
        return space

    # -- algebra --------------------------------------------------------------------------------

    def __add__(self, other: object) -> LinearOperator:
        from splitkit.linear.algebra import LinearSum

        return LinearSum.of(self, other) if isinstance(other, LinearOperator) else NotImplemented

    def __neg__(self) -> LinearOperator:
        return -1.0 * self

    def __sub__(self, other: object) -> LinearOperator:
        return self + -1.0 * other if isinstance(other, LinearOperator) else NotImplemented

    def __rmul__(self, c: object) -> LinearOperator:
        from splitkit.linear.algebra import LinearMultiple

        if isinstance(c, bool) or not isinstance(c, (int, float)):
            return NotImplemented
        if not math.isfinite(c):
            raise ValueError(f"c = {c} in c * L: give a finite number")
        return LinearMultiple.of(float(c), self)

    def __matmul__(self, other: object) -> LinearOperator:
        from splitkit.linear.algebra import LinearProduct

        if isinstance(other, LinearOperator):
            return LinearProduct.of(self, other)
        return NotImplemented

    def __repr__(self) -> str:
        return type(self).__name__


class Adjoint(LinearOperator):
    """Lᵀ, for maps that know no better."""

    binding = FACTOR

    def __init__(self, L: LinearOperator) -> None:
        self.L = L

    @property
    def norm(self) -> float:  # type: ignore[override]
        return self.L.norm

    @property
    def least_gain(self) -> float:  # type: ignore[override]
        return math.sqrt(self.L.gram or 0.0)  # ‖Lᵀy‖² = ⟨LLᵀy, y⟩

    @property
    def costly(self) -> bool:  # type: ignore[override]
        return self.L.costly

    @property
    def properties(self) -> Properties:  # type: ignore[override]
        return self.L.properties  # ⟨Lᵀx, x⟩ = ⟨x, Lx⟩ and ‖Lᵀ‖ = ‖L‖

    def __call__(self, x: Point) -> Point:
        return self.L.adjoint(x)

    def adjoint(self, y: Point) -> Point:
        return self.L(y)

    @property
    def T(self) -> LinearOperator:
        return self.L

    def shifted_inverse(self, alpha: Scalar) -> LinearOperator:
        return self.L.shifted_inverse(alpha).T

    def reflected_inverse(self, alpha: float) -> LinearOperator | None:
        reflected = self.L.reflected_inverse(alpha)
        return None if reflected is None else reflected.T

    def reflected_norm(self, alpha: float) -> float | None:
        return self.L.reflected_norm(alpha)

    def check_space(self, space: Space, name: str = "L") -> None:
        self.L.domain_space(space)

    def range_space(self, space: Space) -> Space:
        return self.L.domain_space(space)

    def domain_space(self, space: Space) -> Space:
        return self.L.range_space(space)

    def __repr__(self) -> str:
        return f"{text(self.L, ATOM)}ᵀ"

    def latex(self) -> str:
        return rf"{latex(self.L, ATOM)}^\top"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        """None: each map is checked with its adjoint."""
        return []


# by their maps' identities. A map that held its adjoint, which holds it, would outlive its use: its
# factorizations are large, and cycles are looked for by the number of objects alone
_ADJOINTS: WeakValueDictionary[int, Adjoint] = WeakValueDictionary()


def require_number(alpha: Scalar, L: LinearOperator) -> None:
    """Raise TypeError if the step size is an array."""
    if is_array(alpha):
        raise TypeError(
            f"alpha is an array: {L!r} is inverted for one step size at a time; give a number"
        )


def rounded(m: float, size: float) -> float:
    """m, or 0 where it is no larger than rounding: what is 0 in exact arithmetic counts as 0."""
    return 0.0 if abs(m) <= size else m
