"""The identity and the zero operator."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from splitkit.backend import Point, Scalar, Space, scale
from splitkit.notation import Style
from splitkit.operators.base import Operator, PointMap
from splitkit.operators.freedom import Freedom
from splitkit.operators.graph_support import GraphSupport, magnitude
from splitkit.properties import Properties


class Identity(Operator):
    """I: x ↦ x, with R_{αI} = I/(1 + α).

    Examples
    --------
    >>> T = sk.Identity() - 0.5 * sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.zeros(2))
    >>> print(T(np.array([1.0, 0.0])), T.lipschitz)
    [0.5 1. ] 1.118
    """

    elementwise = True
    properties = Properties.of(strong_monotonicity=1.0, lipschitz=1.0, gradient=True, linear=True)
    acts_on_complex = True

    def __call__(self, x: Point) -> Point:
        return scale(1.0, x)

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        return lambda y: scale(1 / (1 + alpha), y)

    def write(self, s: Style) -> str:
        return "I"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Operator, Any]]:
        return [(cls(), (3,))]


class Zero(Operator):
    """0: x ↦ 0, with R_{α0} = I.

    Examples
    --------
    >>> print(sk.Zero()(np.array([3.0, 1.0])), sk.Zero().lipschitz)
    [0. 0.] 0.0
    """

    elementwise = True
    properties = Properties.of(strong_monotonicity=0.0, lipschitz=0.0, gradient=True, linear=True)
    acts_on_complex = True

    def __call__(self, x: Point) -> Point:
        return scale(0.0, x)

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        return lambda y: scale(1.0, y)

    def in_metric(self, S: Any) -> Operator:
        return self

    def freedom(self, space: Space) -> tuple[Freedom, ...]:
        return (Freedom.EACH,) * len(space.shapes)

    def graph_support(self, v: Point, d: Point, space: Space) -> GraphSupport:
        known = GraphSupport.nothing(v, d, space)
        return replace(known, d=d, d_size=magnitude(d))

    def write(self, s: Style) -> str:
        return "0"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Operator, Any]]:
        return [(cls(), (3,))]
