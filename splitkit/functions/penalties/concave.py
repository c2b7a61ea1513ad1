"""Penalties Σ wφ(|x|/ε) of a concave, increasing φ with a convex slope, and one search for all."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from splitkit.arguments import NON_NEGATIVE, POSITIVE, Range, check_number, option
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    align,
    clip,
    held_fixed,
    namespace,
    signs,
    sizes,
    sum_of,
)
from splitkit.functions.base import Function, extremes, parameter, required
from splitkit.functions.inner.roots import as_root, increasing_root
from splitkit.functions.penalties.unweighted import identity_where_zero

OTHER_POWERS = "for 0 take L0Norm, for 1 L1Norm, above LpPower"
STEPS = 60  # of the root's search, at most: the bracket alone ends after as many halvings


class ConcavePenalty(Function):
    """Base of Σ wᵢφ(|xᵢ|/ε); a subclass gives φ, φ′, φ″ and where r + tφ′(r) is least.

    prox_{αf}(y) = ε sign(y) r, r = 0 or, if that is lower, the larger root of r + tφ′(r) = |y|/ε,
    t = αw/ε²: where the left side, which is convex, rises, safeguarded Newton. At a tie 0 is taken.
    """

    curvature: ClassVar[float] = math.inf  # −φ″(0)
    weight: ClassVar[Any]  # after what else a subclass declares

    convex = False
    strong_convexity = -math.inf
    elementwise = True
    prox_effort = 10.0
    of_moduli = acts_on_complex = True

    def phi(self, r: Array) -> Array:
        """φ on r ≥ 0; φ(0) = 0."""
        raise NotImplementedError(f"{type(self).__name__} must define phi")

    def slope_of(self, r: Array) -> Array:
        """φ′."""
        raise NotImplementedError(f"{type(self).__name__} must define slope_of")

    def bend_of(self, r: Array) -> Array:
        """φ″."""
        raise NotImplementedError(f"{type(self).__name__} must define bend_of")

    def turn(self, t: Array) -> Array:
        """The r ≥ 0 at which r + tφ′(r) is least."""
        raise NotImplementedError(f"{type(self).__name__} must define turn")

    def units(self, t: Array) -> tuple[Scalar, Array]:
        """ε and t/ε², or another unit of x in which φ is the same, up to a factor."""
        raise NotImplementedError(f"{type(self).__name__} must define units")

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        xp = namespace(x)
        unit, t = self.units(align(alpha, x) * self.weight + 0.0 * abs(x))
        usable = xp.where(unit > 0, unit, 1.0) if hasattr(unit, "ndim") else unit
        y = sizes(x) / usable
        near = (y < float(xp.finfo(x.dtype).max) / 4) & (unit > 0)  # beyond, x stays, to rounding
        y = xp.where(near, y, 0.0)
        turn = self.turn(held_fixed(t))
        exists = turn + t * self.slope_of(turn) < y
        r = self._root(xp.where(exists, y, turn + t * self.slope_of(turn)), t, turn)
        # tφ(r) + (r − y)²/2 < y²/2; continuous where that is convex
        positive = xp.where(r > 0, r, 1.0)
        lower = t * (self.phi(positive) / positive) < y - positive / 2
        kept = exists & ((t * self.curvature < 1) | lower)
        size = xp.where(kept, usable * r, 0.0)
        return identity_where_zero(self.weight, x, xp.where(near, signs(x) * size, x))

    def _root(self, y: Array, t: Array, turn: Array) -> Array:
        """The larger root of r + tφ′(r) = y."""

        def g(r: Array, y: Array, t: Array) -> tuple[Array, Array]:
            return r + t * self.slope_of(r) - y, 1 + t * self.bend_of(r)

        low, high, data = held_fixed(turn), held_fixed(y), (held_fixed(y), held_fixed(t))
        high = namespace(y).maximum(low, high)
        root = increasing_root(g, low, high, data=data, steps=STEPS)

        return as_root(root, g, (y, t))


class BentPenalty(ConcavePenalty):
    """Base of those with a finite slope at 0, 1/ε: weakly convex.

    Parameters
    ----------
    epsilon : float, default 1
        ε, positive and finite.
    weight : float or array, default 1
        Non-negative and finite; an array has dtype and device of x and broadcasts to it.
    """

    epsilon: float = option(1.0, check_number, within=POSITIVE)
    weight: Scalar = parameter(NON_NEGATIVE, default=1.0)  # type: ignore[misc]

    def __post_init__(self) -> None:
        super().__post_init__()
        self.strong_convexity = -extremes(self.weight)[1] * self.curvature / self.epsilon**2

    def units(self, t: Array) -> tuple[Scalar, Array]:
        largest = float(namespace(t).finfo(t.dtype).max) / 4
        return self.epsilon, clip(t / self.epsilon / self.epsilon, high=largest)

    def __call__(self, x: Point) -> Array:
        return sum_of(self.weight * self.phi(abs(x) / self.epsilon), self.batch_ndim)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(0.8, asarray([0.5, 0.0, 2.0]), batch_ndim=1), (2, 3))]


class Geman(BentPenalty):
    """Σ wᵢ|xᵢ|/(|xᵢ| + ε); weakly convex.

    prox_{αf}(y) = sign(y) x with x = 0 or, if that is lower, the larger root of
    x + αwε/(x + ε)² = |y|, by safeguarded Newton.

    Not convex; f + (ρ/2)‖·‖² is for ρ = 2 max w/ε². Source: Geman, Yang, *Nonlinear image recovery
    with half-quadratic regularization* (1995); Lu, Tang, Yan, Lin, *Generalized nonconvex nonsmooth
    low-rank minimization* (2014), Table 1.

    Examples
    --------
    >>> f = sk.functions.Geman()
    >>> x = np.array([3.0, -1.0, 0.5])
    >>> print(f(x), f.prox(x))
    1.5833 [ 2.9354 -0.618   0.    ]
    """

    formula = r"<weight*>\sum |@|/(|@| + <epsilon>)"
    curvature = 2.0

    def phi(self, r: Array) -> Array:
        xp = namespace(r)
        return xp.where(r < 1, r / (1 + r), 1 / (1 + 1 / xp.where(r < 1, 1.0, r)))

    def slope_of(self, r: Array) -> Array:
        return (1 / (1 + r)) ** 2

    def bend_of(self, r: Array) -> Array:
        return -2 * (1 / (1 + r)) ** 3

    def turn(self, t: Array) -> Array:
        return clip((2 * t) ** (1 / 3) - 1, 0.0)


class ETP(BentPenalty):
    """Σ wᵢ(1 − exp(−|xᵢ|/ε)), the exponential-type penalty, or Laplace's; weakly convex.

    prox_{αf}(y) = sign(y) x with x = 0 or, if that is lower, the larger root of
    x + (αw/ε) exp(−x/ε) = |y|, by safeguarded Newton.

    Not convex; f + (ρ/2)‖·‖² is for ρ = max w/ε². Source: Gao, Wang, Zhang, Shi, *A feasible
    nonconvex relaxation approach to feature selection* (2011), whose w is divided by
    1 − exp(−1/ε); Trzasko, Manduca (2009).

    Examples
    --------
    >>> f = sk.functions.ETP()
    >>> x = np.array([3.0, -1.0, 0.5])
    >>> print(f(x), f.prox(x))
    1.9758 [ 2.9475 -0.      0.    ]
    """

    formula = r"<weight*>\sum (1 - \exp(-|@|/<epsilon>))"
    curvature = 1.0

    def phi(self, r: Array) -> Array:
        return -namespace(r).expm1(-r)

    def slope_of(self, r: Array) -> Array:
        return namespace(r).exp(-r)

    def bend_of(self, r: Array) -> Array:
        return -namespace(r).exp(-r)

    def turn(self, t: Array) -> Array:
        xp = namespace(t)
        return xp.log(xp.where(t > 1, t, 1.0))


class LqPenalty(ConcavePenalty):
    """Σ wᵢ|xᵢ|^q with 0 < q < 1; not convex.

    prox_{αf}(y) = sign(y) x with x = 0 or, if that is lower, the larger root of x + αwq x^{q−1} =
    |y|, by safeguarded Newton, to rounding: as the closed forms for q = 1/2 and 2/3 are.

    Not convex, nor weakly convex: the prox jumps at |y| = (1 − q/2)/(1 − q) (2αw(1 − q))^{1/(2−q)}.
    Source: Marjanović, Solo, *On l_q optimization and matrix completion* (2012); Xu, Chang, Xu,
    Zhang, *L1/2 regularization* (2012); Cao, Sun, Xu (2013).

    Parameters
    ----------
    q : float
        In (0, 1); for 0 take ``L0Norm``, for 1 ``L1Norm``, above ``LpPower``.
    weight : float or array, default 1
        Non-negative and finite; an array has dtype and device of x and broadcasts to it.

    Examples
    --------
    >>> f = sk.functions.LqPenalty(0.5)
    >>> x = np.array([4.0, -1.0, 0.25])
    >>> print(f(x), f.prox(x))
    3.5 [ 3.7415 -0.      0.    ]
    """

    formula = r"<weight*>\|@\|_{<q>}^{<q>}"

    q: float = required(check_number, within=Range(0.0, 1.0), remedy=OTHER_POWERS)
    weight: Scalar = parameter(NON_NEGATIVE, default=1.0)  # type: ignore[misc]

    def units(self, t: Array) -> tuple[Scalar, Array]:
        xp = namespace(t)
        positive = t > 0
        unit = xp.where(positive, t, 1.0) ** (1 / (2 - self.q))
        return xp.where(positive, unit, 0.0), xp.ones_like(t)

    def __call__(self, x: Point) -> Array:
        return sum_of(self.weight * abs(x) ** self.q, self.batch_ndim)

    def phi(self, r: Array) -> Array:
        return r**self.q

    def slope_of(self, r: Array) -> Array:
        return self.q * r ** (self.q - 1)

    def bend_of(self, r: Array) -> Array:
        return self.q * (self.q - 1) * r ** (self.q - 2)

    def turn(self, t: Array) -> Array:
        return (self.q * (1 - self.q)) ** (1 / (2 - self.q)) + 0.0 * t

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(0.5, asarray([0.5, 0.0, 2.0]), batch_ndim=1), (2, 3))]
