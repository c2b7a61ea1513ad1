"""The diagonal map x ↦ d ⊙ x; ‖·‖ = max|dᵢ|, m = min dᵢ, (I + αD)⁻¹ = diag(1/(1 + αdᵢ))."""

from __future__ import annotations

from typing import Any

import numpy as np

from splitkit.backend import Array, Point, Scalar, Space, namespace
from splitkit.linear.base import LinearOperator, require_number
from splitkit.properties import Properties


class Diagonal(LinearOperator):
    """x ↦ d ⊙ x.

    Parameters
    ----------
    d : array
        Finite; dtype and device of x; broadcasts to it. A single number is ``ScaledIdentity``.

    Raises
    ------
    TypeError, ValueError
        ``d`` is no real floating array of finite numbers, or has no axis.
    """

    def __init__(self, d: Array) -> None:
        Space.of(d, name="d")
        if d.ndim == 0:
            raise ValueError("d has no axis: give an array, or use ScaledIdentity")
        self.d = self.entrywise = d
        xp = namespace(d)
        sizes = abs(d)
        self.norm, self.least_gain = float(xp.max(sizes)), float(xp.min(sizes))
        self.gram = self.norm * self.norm if self.norm == self.least_gain else None
        self.properties = Properties.of(
            strong_monotonicity=float(xp.min(d)), lipschitz=self.norm, gradient=True, linear=True
        )

    def __call__(self, x: Point) -> Point:
        return self.d * x

    def adjoint(self, y: Point) -> Point:
        return self.d * y

    @property
    def T(self) -> LinearOperator:
        return self

    def shifted_inverse(self, alpha: Scalar) -> LinearOperator:
        return Diagonal(1 / self._shifted(alpha))

    def _shifted(self, alpha: Scalar) -> Array:
        require_number(alpha, self)
        shifted = 1 + alpha * self.d
        if bool(namespace(self.d).any(shifted == 0)):
            raise np.linalg.LinAlgError(f"1 + αd has the entry 0 for alpha = {alpha:g}")
        return shifted

    def reflected_inverse(self, alpha: float) -> Diagonal:
        return Diagonal((1 - alpha * self.d) / self._shifted(alpha))

    def reflected_norm(self, alpha: float) -> float:
        return self.reflected_inverse(alpha).norm

    def check_space(self, space: Space, name: str = "d") -> None:
        space.check_array(self.d, name)
        shape, d = space.shapes[0], tuple(self.d.shape)
        tail = shape[len(shape) - len(d) :] if len(d) <= len(shape) else ()
        fits = len(tail) == len(d) and all(a in (1, b) for a, b in zip(d, tail, strict=True))
        if space.is_tuple or not fits:
            raise ValueError(f"{name} has shape {d}, which does not broadcast to {space.shapes}")

    def __repr__(self) -> str:
        return f"Diagonal{tuple(self.d.shape)}"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        """(map, shape of its argument, shape of its value) for the checks."""
        return [
            (cls(asarray([2.0, 0.0, 0.5])), (4, 3), (4, 3)),
            (cls(asarray([[-1.0], [1.0]])), (2, 3), (2, 3)),
        ]
