"""The Jacobian J of σ = prox_f, symmetric with 0 ⪯ J ⪯ I, and what the solvers ask of it.

The Jacobian of prox_{αf} at the point with the same value is J_α = J((1 − α)J + αI)⁻¹: from
(1 − α)σ(s) + αs = y, prox_{αf}(y) = σ(s). With J = (I + D)⁻¹, J_α = (I + αD)⁻¹; nothing is divided
by zero for α > 0, since (1 − α)J + αI ⪰ min(1, α)I.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Self

from splitkit import Properties
from splitkit.backend import Array, Scalar, align, namespace

Slopes = tuple[float, float]


class Jacobian:
    """A symmetric matrix for each sample, held in a few arrays on which it depends.

    Attributes
    ----------
    arrays : tuple of array
        Each of the points' shape, or broadcasting to it.
    """

    arrays: tuple[Array, ...]

    def __call__(self, h: Array) -> Array:
        """Jh."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__")

    def plus(self, constant: Array) -> Callable[[Array], Array]:
        """h ↦ Jh + c, for many applications."""
        return lambda h: self(h) + constant

    def of(self, *arrays: Array) -> Self:
        """The same kind of Jacobian with other arrays."""
        raise NotImplementedError(f"{type(self).__name__} must define of")

    def gradient(self, q: Array, h: Array) -> tuple[Array, ...]:
        """The derivative of ⟨q, Jh⟩ in each of the arrays."""
        raise NotImplementedError(f"{type(self).__name__} must define gradient")

    def proximal(self, alpha: Scalar) -> Jacobian:
        """J_α = J((1 − α)J + αI)⁻¹."""
        raise NotImplementedError(f"{type(self).__name__} must define proximal")

    def reflected(self) -> Jacobian:
        """2J − I (not a Jacobian of a proximal map)."""
        raise NotImplementedError(f"{type(self).__name__} must define reflected")


class DiagonalJacobian(Jacobian):
    """diag(d), 0 ≤ d ≤ 1, of an activation that acts on each entry by itself."""

    def __init__(self, d: Array) -> None:
        self.d = d
        self.arrays = (d,)

    def __call__(self, h: Array) -> Array:
        return self.d * h

    def plus(self, constant: Array) -> Callable[[Array], Array]:
        d = self.d
        return lambda h: d * h + constant

    def of(self, *arrays: Array) -> Self:
        return type(self)(*arrays)

    def gradient(self, q: Array, h: Array) -> tuple[Array, ...]:
        return (q * h,)

    def proximal(self, alpha: Scalar) -> DiagonalJacobian:
        alpha = align(alpha, self.d)
        return DiagonalJacobian(self.d / (self.d + alpha * (1 - self.d)))

    def reflected(self) -> DiagonalJacobian:
        return DiagonalJacobian(2 * self.d - 1)


class DiagonalPlusRankOne(Jacobian):
    """diag(d) + ε wwᵀ in each group of entries, ε = ±1.

    Groups are runs of equal length along axis 1, the axis of features or channels, at each place
    of the later axes. By Sherman and Morrison, with E = (1 − α)d + α,

        J_α = diag(d/E) + εα/(1 + ε(1 − α)wᵀE⁻¹w) (E⁻¹w)(E⁻¹w)ᵀ.

    Parameters
    ----------
    d, w : array, shape (batch, features, …)
    sign : float
        ε.
    groups : int
        How many groups axis 1 holds.
    """

    def __init__(self, d: Array, w: Array, *, sign: float, groups: int = 1) -> None:
        self.d, self.w, self.sign, self.groups = d, w, sign, groups
        self.arrays = (d, w)

    def __call__(self, h: Array) -> Array:
        return self.d * h + self.sign * self.w * group_sum(self.w * h, self.groups)

    def of(self, *arrays: Array) -> Self:
        return type(self)(*arrays, sign=self.sign, groups=self.groups)

    def gradient(self, q: Array, h: Array) -> tuple[Array, ...]:
        wq, wh = group_sum(self.w * q, self.groups), group_sum(self.w * h, self.groups)
        return q * h, self.sign * (q * wh + h * wq)

    def proximal(self, alpha: Scalar) -> DiagonalPlusRankOne:
        alpha = align(alpha, self.d)
        E = self.d + alpha * (1 - self.d)
        w = self.w / E
        gain = 1 + self.sign * (1 - alpha) * group_sum(self.w * w, self.groups)
        return self.of(self.d / E, w * (alpha / gain) ** 0.5)

    def reflected(self) -> DiagonalPlusRankOne:
        return self.of(2 * self.d - 1, 2**0.5 * self.w)


def group_sum(x: Array, groups: int) -> Array:
    """The sums over each group of axis 1, at every entry of the group: like x."""
    xp = namespace(x)
    shape = x.shape
    split = xp.reshape(x, (shape[0], groups, shape[1] // groups, *shape[2:]))
    total = xp.sum(split, axis=2, keepdims=True)
    return xp.reshape(xp.broadcast_to(total, split.shape), shape)


@lru_cache(maxsize=64)
def subgradient_properties(slopes: Slopes, *, linear: bool = False) -> Properties:
    """Of ∂f, and of its linearization D: σ's slopes in [p, q] are ∂f's in [1/q − 1, 1/p − 1]."""
    least, greatest = slopes
    return Properties.of(
        strong_monotonicity=1 / greatest - 1,
        lipschitz=1 / least - 1 if least > 0 else None,
        gradient=True,
        linear=linear,
        maximal=True,
    )
