"""∂f and N_C as operators: the resolvent is the proximal map, the evaluation the gradient."""

from __future__ import annotations

from typing import Any

from splitkit.backend import Point, Scalar, Space, is_array
from splitkit.functions.base import Function, Indicator
from splitkit.notation import ATOM, FACTOR, latex, text
from splitkit.operators.base import Operator, PointMap
from splitkit.properties import Properties


class Subdifferential(Operator):
    """∂f = {(x, u): f(y) ≥ f(x) + ⟨u, y − x⟩ for all y}, maximal monotone (Rockafellar).

    Parameters
    ----------
    f : Function
    """

    binding = FACTOR

    def __init__(self, f: Function) -> None:
        if not isinstance(f, Function):
            raise TypeError(f"f = {f!r}: give a function of splitkit.functions")
        self.f = f

    @property
    def properties(self) -> Properties:  # type: ignore[override]
        return self.f.properties

    @property
    def has_evaluation(self) -> bool:
        return self.f.has_gradient

    @property
    def has_resolvent(self) -> bool:
        return self.f.has_prox

    def __call__(self, x: Point) -> Point:
        return self.f.gradient(x)

    def make_evaluation(self) -> PointMap:
        return self.f.gradient

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        f = self.f
        if f.operator is not None and not is_array(alpha):
            return f.operator.make_resolvent(alpha)
        return f.make_prox(alpha)

    def make_inverse_resolvent(self, alpha: Scalar) -> PointMap:
        f = self.f
        if type(f).conjugate_prox is Function.conjugate_prox:
            return super().make_inverse_resolvent(alpha)
        return lambda y: f.conjugate_prox(y, alpha)

    def make_cayley(self, alpha: Scalar) -> PointMap:
        if self.f.operator is not None and not is_array(alpha):
            return self.f.operator.make_cayley(alpha)
        reflect: PointMap | None = getattr(self.f, "reflect", None)
        return super().make_cayley(alpha) if reflect is None else reflect

    def check_space(self, space: Space) -> None:
        self.f.check_space(space)

    def __repr__(self) -> str:
        return f"∂{text(self.f, ATOM)}"

    def latex(self) -> str:
        return rf"\partial {latex(self.f, ATOM)}"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Operator, Any]]:
        """None: ∂f is checked with each function f."""
        return []


class NormalCone(Subdifferential):
    """N_C = ∂ι_C; its resolvent is the projection onto C.

    Parameters
    ----------
    C : Indicator, or SeparableSum of them
        A set of ``splitkit.functions``: ``NonNegative()``, ``Box(0, 1)``, ``Simplex()``, ….
    """

    def __init__(self, C: Function) -> None:
        if not _is_indicator(C):
            raise TypeError(f"C = {C!r}: give a set, such as splitkit.functions.NonNegative()")
        super().__init__(C)

    def __repr__(self) -> str:
        return f"N_{text(self.f, ATOM)}"

    def latex(self) -> str:
        return f"N_{{{latex(self.f)}}}"


def _is_indicator(f: Any) -> bool:
    from splitkit.functions.calculus.rules import SeparableSum

    if isinstance(f, SeparableSum):
        return all(_is_indicator(part) for part in f.functions)
    return isinstance(f, Indicator)
