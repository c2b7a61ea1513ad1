"""Functions made of others: ∂f is an operator expression of the parts' subdifferentials.

The rules of proximal calculus are those of resolvents, and stand once, in ``splitkit.operators``:
what is made of ∂f there gives the proximal map, the gradient and the constants here.
Source: Bauschke, Combettes (2017), Prop. 24.8 and Example 23.3.
"""

from __future__ import annotations

import math
from functools import cached_property

from splitkit.arguments import POSITIVE, check_parameter
from splitkit.backend import Point, Scalar, Space
from splitkit.functions.base import Function
from splitkit.operators.base import Operator, PointMap
from splitkit.properties import Properties


class Derived(Function):
    """Base of the functions made of others; a subclass gives the value, the conjugate and the
    expression.

    Parameters
    ----------
    expression : Operator
        ∂f, made of the ``Subdifferential`` of the parts.
    *parts : Function
        What f is made of.
    """

    acts_on_complex = True

    def __init__(self, expression: Operator, *parts: Function) -> None:
        self.expression, self.made_of = expression, parts
        self.batch_ndim = parts[0].batch_ndim
        self.convex = all(f.convex for f in parts)
        self.accuracy = max((f.accuracy for f in parts if f.accuracy), default=None)
        self.elementwise = expression.elementwise

    @cached_property
    def strong_convexity(self) -> float:  # type: ignore[override]
        m = self.expression.properties.strong_monotonicity
        return -math.inf if m is None else m

    @cached_property
    def smoothness(self) -> float | None:  # type: ignore[override]
        return self.expression.properties.lipschitz

    @property
    def properties(self) -> Properties:
        known = self.expression.properties
        return known.as_maximal() if self.convex else known  # ∂f is, of a closed convex f

    @property
    def has_prox(self) -> bool:
        return self.expression.has_resolvent

    @property
    def has_gradient(self) -> bool:
        return self.expression.has_evaluation or self.smooth_inside

    @cached_property
    def smooth_inside(self) -> bool:  # type: ignore[override]
        """That ∇f is made of gradients of the parts, some of which have one inside alone."""
        return not self.expression.has_evaluation and all(f.has_gradient for f in self.made_of)

    @property
    def has_hessian(self) -> bool:
        own = type(self).make_hessian is not Function.make_hessian
        return self.has_gradient and own and all(f.has_hessian for f in self.made_of)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return self.expression.make_resolvent(alpha)(x)

    def make_prox(self, alpha: Scalar) -> PointMap:
        return self.expression.make_resolvent(check_parameter("alpha", alpha, POSITIVE))

    def gradient(self, x: Point) -> Point:
        return self.expression(x)

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return self.expression.make_inverse_resolvent(alpha)(x)

    def check_space(self, space: Space) -> None:
        self.check_parameters(space)
        self.expression.check_space(space)
