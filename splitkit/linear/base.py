"""A linear map L between two spaces, with its adjoint and what is known of its singular values."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from splitkit.backend import Point, Space
from splitkit.notation import ATOM, FACTOR, Notation, latex, text
from splitkit.properties import Properties


class LinearOperator(Notation):
    """x ↦ Lx; a subclass gives ``__call__`` and ``adjoint``, and what it knows.

    A map of a space into itself may also give ``shifted_inverse``, and then serves as M in
    ``Affine(M, q)``.

    Attributes
    ----------
    norm : float
        An upper bound of ‖L‖ that holds, exact where computable (inf: unknown).
    least_gain : float
        A lower bound of ‖Lx‖/‖x‖ that holds (0: unknown).
    gram : float or None
        ν if LLᵀ = νI is known.
    properties : Properties
        Of x ↦ Lx as an operator, if L maps a space into itself.
    """

    norm: float = float("inf")
    least_gain: float = 0.0
    gram: float | None = None
    properties: Properties = Properties(linear=True)
    __array_ufunc__ = None

    def __call__(self, x: Point) -> Point:
        """Lx; x is not changed."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__")

    def adjoint(self, y: Point) -> Point:
        """Lᵀy; y is not changed."""
        raise NotImplementedError(f"{type(self).__name__} must define adjoint")

    @cached_property
    def T(self) -> LinearOperator:
        """The adjoint, as a linear map."""
        return Adjoint(self)

    def shifted_inverse(self, alpha: float) -> LinearOperator:
        """(I + αL)⁻¹, factored once; ``.T`` of it shares the factor.

        Raises
        ------
        TypeError
            No method is known for this map.
        numpy.linalg.LinAlgError
            The factorization failed its residual check.
        """
        raise TypeError(f"{self!r} has no shifted inverse: define shifted_inverse(alpha)")

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

    def __repr__(self) -> str:
        return type(self).__name__


class Adjoint(LinearOperator):
    """Lᵀ, for maps that know no better."""

    binding = FACTOR

    def __init__(self, L: LinearOperator) -> None:
        self.L = L
        self.norm = L.norm
        self.properties = L.properties  # ⟨Lᵀx, x⟩ = ⟨x, Lx⟩ and ‖Lᵀ‖ = ‖L‖

    def __call__(self, x: Point) -> Point:
        return self.L.adjoint(x)

    def adjoint(self, y: Point) -> Point:
        return self.L(y)

    @property
    def T(self) -> LinearOperator:
        return self.L

    def shifted_inverse(self, alpha: float) -> LinearOperator:
        return self.L.shifted_inverse(alpha).T

    def reflected_inverse(self, alpha: float) -> LinearOperator | None:
        reflected = self.L.reflected_inverse(alpha)
        return None if reflected is None else reflected.T

    def reflected_norm(self, alpha: float) -> float | None:
        return self.L.reflected_norm(alpha)

    def __repr__(self) -> str:
        return f"{text(self.L, ATOM)}ᵀ"

    def latex(self) -> str:
        return rf"{latex(self.L, ATOM)}^\top"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        """None: each map is checked with its adjoint."""
        return []
