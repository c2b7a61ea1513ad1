"""The resolvent R_{αA} = (I + αA)⁻¹ and the Cayley operator C_{αA} = 2R_{αA} − I.

For A maximal monotone and α > 0, R is single-valued, defined everywhere and firmly nonexpansive
(Minty), C is nonexpansive, and zeros of A are the fixed points of either.
"""

from __future__ import annotations

from functools import cached_property

from splitkit.backend import Point, Scalar, Space, is_array
from splitkit.operators.base import Operator, PointMap, check_alpha
from splitkit.properties import Properties


class _OfStep(Operator):
    """An operator of A and a step size α, prepared at its first application."""

    def __init__(self, A: Operator, alpha: Scalar) -> None:
        check_alpha(alpha)
        self.A, self.alpha = A, alpha

    @property
    def has_evaluation(self) -> bool:
        return self.A.has_resolvent

    def check_space(self, space: Space) -> None:
        self.A.check_space(space)
        if is_array(self.alpha) and tuple(self.alpha.shape) != space.batch_shape:
            raise ValueError(
                f"alpha has shape {tuple(self.alpha.shape)}: give a number, or one step for each "
                f"element of the batch, shape {space.batch_shape}"
            )


class Resolvent(_OfStep):
    """R_{αA} = (I + αA)⁻¹."""

    @cached_property
    def apply(self) -> PointMap:
        """The prepared map."""
        return self.A.make_resolvent(self.alpha)

    def __call__(self, x: Point) -> Point:
        return self.apply(x)

    @cached_property
    def properties(self) -> Properties:  # type: ignore[override]
        alpha = self.alpha
        if is_array(alpha):
            # firmly nonexpansive at every step
            return Properties.of(cocoercivity=1.0) if self.A.properties.monotone else Properties()
        return self.A.properties.resolvent(alpha)

    def __repr__(self) -> str:
        return f"R[{self.alpha} {self.A!r}]"


class Cayley(_OfStep):
    """C_{αA} = 2R_{αA} − I, the reflected resolvent."""

    @cached_property
    def apply(self) -> PointMap:
        """The prepared map."""
        return self.A.make_cayley(self.alpha)

    def __call__(self, x: Point) -> Point:
        return self.apply(x)

    @cached_property
    def properties(self) -> Properties:  # type: ignore[override]
        alpha = self.alpha
        if is_array(alpha):
            return Properties.of(lipschitz=1.0) if self.A.properties.monotone else Properties()
        return self.A.cayley_properties(alpha)

    def __repr__(self) -> str:
        return f"C[{self.alpha} {self.A!r}]"
