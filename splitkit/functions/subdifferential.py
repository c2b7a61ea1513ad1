"""∂f and N_C as operators: the resolvent is the proximal map, the evaluation the gradient."""

from __future__ import annotations

import copy
from functools import cached_property, partial
from typing import Any, Self, cast

from splitkit.backend import Point, Scalar, Space, finite_part, is_array
from splitkit.functions.base import Function, Indicator
from splitkit.functions.calculus.derived import Derived
from splitkit.linear.affine import Affine
from splitkit.looks import for_known
from splitkit.notation import ATOM, FACTOR, Style, filled
from splitkit.operators.base import Operator, PointMap
from splitkit.operators.block import BlockDiagonal
from splitkit.operators.freedom import Freedom
from splitkit.operators.graph_support import GraphSupport
from splitkit.operators.solvable import Solvable, as_affine
from splitkit.properties import Properties


class Subdifferential(Operator):
    """∂f = {(x, u): f(y) ≥ f(x) + ⟨u, y − x⟩ for all y}, maximal monotone (Rockafellar).

    Of a function made of others it is the operator expression that says so: ``Subdifferential(f +
    g)`` is ∂f + ∂g, ``Subdifferential(f @ L)`` is Lᵀ ∂f L, ``Subdifferential(f.translate(v))`` is
    ∂f(· − v). Each is contained in the subdifferential of the function made, and equal to it under
    a constraint qualification (Bauschke, Combettes 2017, Cor. 16.48), so its zeros minimize it.

    Parameters
    ----------
    f : Function

    Raises
    ------
    TypeError
        f is no function.

    Examples
    --------
    >>> A = sk.Subdifferential(sk.functions.L1Norm())
    >>> print(A.resolvent(1.0)(np.array([3.0, 0.5])))
    [2. 0.]
    >>> A.contains(np.array([2.0, 0.0]), np.array([1.0, 0.3]))
    np.True_
    """

    binding = FACTOR
    acts_on_complex = True

    f: Function

    def __new__(cls, f: Function) -> Self:
        if isinstance(f, Derived):
            return cast(Self, f.expression)
        if not isinstance(f, Function):
            raise TypeError(f"f = {f!r}: give a function of splitkit.functions")
        self = super().__new__(cls)
        self.f = f  # not in __init__, which Python would call on an expression that is a ∂g again
        return self

    def __getnewargs__(self) -> tuple[Function]:
        return (self.f,)

    @property
    def properties(self) -> Properties:
        return self.f.properties

    @property
    def elementwise(self) -> bool:
        return self.f.elementwise

    @property
    def polyhedral(self) -> bool:
        return self.f.polyhedral or super().polyhedral

    @cached_property
    def has_evaluation(self) -> bool:
        return self.f.has_gradient and not self.f.smooth_inside

    @property
    def has_resolvent(self) -> bool:
        return self.f.has_prox

    @property
    def resolvent_effort(self) -> tuple[float, float]:
        return (
            (0.0, self.f.prox_effort)
            if self.f.operator is None
            else (self.f.operator.resolvent_effort)
        )

    def __call__(self, x: Point) -> Point:
        return self.f.gradient(x)

    def make_evaluation(self) -> PointMap:
        return self.f.gradient

    def offset(self, x: Point) -> Point | None:
        if not self.has_evaluation:
            return None
        return finite_part(self.f.gradient_at_zero(x))

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        f = self.f
        if is_array(alpha):  # which the host need not wait for: whoever made it has checked it
            return partial(f.prox, alpha=alpha)
        return f.make_prox(alpha) if f.operator is None else f.operator.make_resolvent(alpha)

    def make_inverse_resolvent(self, alpha: Scalar) -> PointMap:
        f = self.f
        if type(f).conjugate_prox is Function.conjugate_prox:
            return super().make_inverse_resolvent(alpha)
        prox = for_known(f.conjugate_prox)
        return lambda y: prox(y, alpha)

    def make_cayley(self, alpha: Scalar) -> PointMap:
        if self.f.operator is not None and not is_array(alpha):
            return self.f.operator.make_cayley(alpha)
        reflect: PointMap | None = getattr(self.f, "reflect", None)
        return super().make_cayley(alpha) if reflect is None else for_known(reflect)

    def graph_support(self, v: Point, d: Point, space: Space) -> GraphSupport:
        f = self.f
        if f.elementwise and f.batch_ndim != space.batch_ndim:
            f = copy.copy(f)
            f.batch_ndim = space.batch_ndim
        return f.graph_support(v, d, space)

    def solvable_with(self, H: Any) -> Solvable | None:
        return self.f.solvable_with(H) or super().solvable_with(H)

    @property
    def solves_with_matrices(self) -> bool:
        return self.f.solves_with_matrices

    @property
    def resolved_by(self) -> str | None:
        return self.f.prox_by

    def in_metric(self, S: Any) -> Operator | None:
        if self.f.operator is not None:
            return self.f.operator.in_metric(S)
        within = self.f.in_metric(S)
        return super().in_metric(S) if within is None else Subdifferential(within)

    def freedom(self, space: Space) -> tuple[Freedom, ...]:
        A = self.f.operator
        known = self.f.freedom(space) if A is None else A.freedom(space)
        return super().freedom(space) if known is None else known

    def make_variance(self) -> PointMap | None:
        known: Function | Operator = self.f if self.f.operator is None else self.f.operator
        return known.make_variance()

    def data(self) -> Point | None:
        return self.f.data() if self.f.operator is None else self.f.operator.data()

    def place(self) -> Point | None:
        return self.f.place()

    def check_space(self, space: Space) -> None:
        self.f.check_space(space)

    def pinned(self) -> Any:
        return self.f.pinned() if isinstance(self.f, Indicator) else super().pinned()

    def write(self, s: Style) -> str:
        if s.is_latex and isinstance(self.f, Indicator):
            return f"N_{{{s(self.f)}}}"
        return s.partial + s(self.f, FACTOR if s.is_latex else ATOM)

    def at(self, argument: str) -> str | None:
        """∇f there, where f says how it is written."""
        return filled(self.f.slope, self.f, argument) if self.f.slope else None

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Operator, Any]]:
        """None: ∂f is checked with each function f."""
        return []


@as_affine.register
def _(A: Subdifferential) -> Affine | None:
    return A.f.affine_gradient


class NormalCone(Subdifferential):
    """N_C = ∂ι_C; its resolvent is the projection onto C.

    Parameters
    ----------
    C : Indicator, or SeparableSum of them
        A set of ``splitkit.functions``: ``NonNegative()``, ``Box(0, 1)``, ``Simplex()``, …. Of a
        SeparableSum it is the product of the normal cones.

    Raises
    ------
    TypeError
        C is no set.

    Examples
    --------
    >>> N = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> print(N.resolvent(1.0)(np.array([3.0, 0.5])))
    [1.  0.5]
    >>> N.contains(np.array([1.0, 0.5]), np.array([2.0, 0.0]))
    np.True_
    """

    def __new__(cls, C: Function) -> Self:
        from splitkit.functions.calculus.separable import SeparableSum  # made of ∂f

        if isinstance(C, SeparableSum):
            return cast(Self, BlockDiagonal([NormalCone(part) for part in C.functions]))
        if not isinstance(C, Indicator):
            raise TypeError(f"C = {C!r}: give a set, such as splitkit.functions.NonNegative()")
        return super().__new__(cls, C)

    def write(self, s: Style) -> str:
        return super().write(s) if s.is_latex else f"N_{s(self.f, ATOM)}"
