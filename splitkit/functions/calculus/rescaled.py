"""x ↦ f(sx), s ≠ 0: prox_{α f(s·)}(y) = s⁻¹ prox_{αs²f}(sy); gradient s∇f(sx), s²L-Lipschitz;
conjugate f*(·/s).

Source: Bauschke, Combettes (2017), Prop. 24.8(v).
"""

from __future__ import annotations

from typing import Any

from splitkit.backend import Array, Point, Scalar, align, is_array, scale
from splitkit.functions.base import Function, Modified, check_parameter, extremes
from splitkit.notation import ATOM, FACTOR, latex, number, text


class Rescaled(Modified):
    """x ↦ f(sx), or f(s ⊙ x) for an array s and a function of each entry by itself.

    Parameters
    ----------
    f : Function
    s : float or array
        Finite, no entry 0. An array has dtype and device of x and broadcasts to it; f must then be
        elementwise.

    Raises
    ------
    TypeError, ValueError
        s is no such number or array, or f couples entries that s scales differently.
    """

    binding = FACTOR

    def __init__(self, f: Function, s: Scalar) -> None:
        super().__init__(f)
        self.s = check_parameter("s", s, _is_factor, "give finite factors other than 0")
        if is_array(self.s) and not f.elementwise:
            raise ValueError(f"s is an array, but {f!r} couples entries: give a number")
        least, greatest = extremes(self.s * self.s)
        self.strong_convexity = f.strong_convexity * (least if f.convex else greatest)
        self.smoothness = None if f.smoothness is None else f.smoothness * greatest

    def _times(self, x: Point) -> Point:
        return self.s * x if is_array(self.s) else scale(self.s, x)

    def __call__(self, x: Point) -> Array:
        return self.f(self._times(x))

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        if is_array(self.s):  # a step for each entry
            return self.f.prox(self.s * x, align(alpha, x) * self.s**2 + 0.0 * x) / self.s
        return scale(1 / self.s, self.f.prox(scale(self.s, x), alpha * self.s**2))

    def gradient(self, x: Point) -> Point:
        return self._times(self.f.gradient(self._times(x)))

    @property
    def conjugate(self) -> Function:
        return Rescaled(self.f.conjugate, 1 / self.s)

    def __repr__(self) -> str:
        return f"{text(self.f, ATOM)}({'s' if is_array(self.s) else f'{self.s:g}'} ·)"

    def latex(self) -> str:
        factor = "s" if is_array(self.s) else number(self.s, "latex")
        return rf"{latex(self.f, ATOM)}({factor}\, \cdot)"


def _is_factor(s: Any) -> Any:
    return (abs(s) > 0) & (abs(s) < float("inf"))
