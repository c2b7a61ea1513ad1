"""Calculus of functions: c f, f(· − v), f + g, f∘L, f*, and sums over blocks, with their rules.

Sources: Bauschke, Combettes (2017), Prop. 24.8 and 24.14; Moreau's identity Thm. 14.3.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

from splitkit.backend import Array, Point, Scalar, Space, add, lincomb, scale, subtract
from splitkit.functions.base import Function, Modified, check_parameter, zero_or_inf
from splitkit.linear.base import LinearOperator
from splitkit.notation import ATOM, FACTOR, PRODUCT, SUM, latex, multiple, text, total
from splitkit.properties import Properties


class Scaled(Modified):
    """c f with c > 0: prox_{α(cf)} = prox_{(αc)f}."""

    binding = PRODUCT

    def __init__(self, c: float, f: Function) -> None:
        c = check_parameter("c", c, lambda c: 0 < c < float("inf"), "give a positive multiple")
        super().__init__(f)
        self.c = c
        self.strong_convexity = c * f.strong_convexity
        self.smoothness = None if f.smoothness is None else c * f.smoothness

    def __call__(self, x: Point) -> Array:
        return self.c * self.f(x)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return self.f.prox(x, alpha * self.c)

    @property
    def conjugate(self) -> Function:
        from splitkit.functions.calculus.rescaled import Rescaled

        return Scaled(self.c, Rescaled(self.f.conjugate, 1 / self.c))

    def gradient(self, x: Point) -> Point:
        return scale(self.c, self.f.gradient(x))

    def __repr__(self) -> str:
        return multiple(self.c, text(self.f, PRODUCT))

    def latex(self) -> str:
        return multiple(self.c, latex(self.f, PRODUCT), "latex")


class Translated(Modified):
    """x ↦ f(x − v): prox is v + prox_{αf}(x − v)."""

    binding = FACTOR

    def __init__(self, f: Function, v: Point) -> None:
        super().__init__(f)
        self.v = v
        self.strong_convexity, self.smoothness = f.strong_convexity, f.smoothness

    def __call__(self, x: Point) -> Array:
        return self.f(subtract(x, self.v))

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return add(self.f.prox(subtract(x, self.v), alpha), self.v)

    @property
    def conjugate(self) -> Function:
        from splitkit.functions.calculus.tilted import Tilted

        return Tilted(self.f.conjugate, self.v)

    def gradient(self, x: Point) -> Point:
        return self.f.gradient(subtract(x, self.v))

    def __repr__(self) -> str:
        return f"{text(self.f, ATOM)}(· − v)"

    def latex(self) -> str:
        return rf"{latex(self.f, ATOM)}(\cdot - v)"


class SumOfFunctions(Function):
    """f₁ + … + fₙ; it has a gradient if all terms have, and no prox of its own.

    The conjugate is the closure of f₁* □ … □ fₙ*, with a value where ``InfimalConvolution.of``
    finds one.
    """

    binding = SUM

    def __init__(self, terms: tuple[Function, ...]) -> None:
        self.terms = terms
        self.batch_ndim = terms[0].batch_ndim
        self.elementwise = all(f.elementwise for f in terms)
        self.convex = all(f.convex for f in terms)
        self.strong_convexity = sum(f.strong_convexity for f in terms)
        constants = [f.smoothness for f in terms if f.smoothness is not None]
        self.smoothness = sum(constants) if len(constants) == len(terms) else None

    @classmethod
    def of(cls, f: Function, g: Function) -> SumOfFunctions:
        """f + g, without nesting."""
        left = f.terms if isinstance(f, SumOfFunctions) else (f,)
        right = g.terms if isinstance(g, SumOfFunctions) else (g,)
        return cls(left + right)

    @property
    def has_prox(self) -> bool:
        return False

    @property
    def has_gradient(self) -> bool:
        return all(f.has_gradient for f in self.terms)

    def __call__(self, x: Point) -> Array:
        return sum((f(x) for f in self.terms[1:]), start=self.terms[0](x))

    def gradient(self, x: Point) -> Point:
        return reduce(add, (f.gradient(x) for f in self.terms))

    @property
    def conjugate(self) -> Function:
        from splitkit.functions.calculus.infimal_convolution import InfimalConvolution

        return reduce(InfimalConvolution.of, (f.conjugate for f in self.terms))

    def check_space(self, space: Space) -> None:
        for f in self.terms:
            f.check_space(space)

    def __repr__(self) -> str:
        return total([text(f) for f in self.terms])

    def latex(self) -> str:
        return total([latex(f) for f in self.terms], "latex")


class Composed(Modified):
    """f∘L: gradient Lᵀ∇f(Lx); prox x + ν⁻¹Lᵀ(prox_{ανf}(Lx) − Lx) if LLᵀ = νI.

    Then the conjugate at u is f*(ν⁻¹Lu) if u is in the range of Lᵀ, else inf; its prox is
    Lᵀprox_{α/ν f*}(ν⁻¹Lx).
    """

    binding = PRODUCT

    def __init__(self, f: Function, L: LinearOperator) -> None:
        super().__init__(f)
        self.L, self.elementwise = L, False
        gain = L.least_gain if f.strong_convexity >= 0 else L.norm
        self.strong_convexity = f.strong_convexity * gain**2 if gain else 0.0
        bounded = f.smoothness is not None and L.norm < float("inf")
        self.smoothness = f.smoothness * L.norm**2 if bounded else None  # type: ignore[operator]

    @property
    def has_prox(self) -> bool:
        return self.f.has_prox and bool(self.L.gram)

    def _gram(self) -> float:
        """ν."""
        if not self.L.gram:
            raise TypeError(
                f"{self!r} has a prox and a conjugate in closed form only if LLᵀ = νI with ν > 0: "
                "give f and L to a primal-dual method, by solve or minimize; or take a prox by "
                "iteration, that of with_accuracy"
            )
        return self.L.gram

    def with_accuracy(self, accuracy: float | None) -> Function:
        """The same function with a prox for any L, by iteration to this accuracy where there is no
        closed form; see ``InexactComposition``.
        """
        from splitkit.functions.calculus.inexact_composition import InexactComposition

        if self.L.gram:
            return self
        return InexactComposition(self.f, self.L, accuracy=accuracy)

    def __call__(self, x: Point) -> Array:
        return self.f(self.L(x))

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        nu, Lx = self._gram(), self.L(x)
        moved = subtract(self.f.prox(Lx, alpha * nu), Lx)
        return lincomb(1.0, x, 1 / nu, self.L.adjoint(moved))

    def gradient(self, x: Point) -> Point:
        return self.L.adjoint(self.f.gradient(self.L(x)))

    def conjugate_value(self, u: Point) -> Array:
        v = scale(1 / self._gram(), self.L(u))
        space = Space.of(u, self.batch_ndim, name="u")
        beyond = space.norm(subtract(u, self.L.adjoint(v)))
        return self.f.conjugate(v) + zero_or_inf(beyond, space.norm(u))

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        nu = self._gram()
        return self.L.adjoint(self.f.conjugate.prox(scale(1 / nu, self.L(x)), alpha / nu))

    def check_space(self, space: Space) -> None:
        self.f.check_space(self.L.range_space(space))

    def __repr__(self) -> str:
        return f"{text(self.f, PRODUCT)} ∘ {text(self.L, FACTOR)}"

    def latex(self) -> str:
        return rf"{latex(self.f, PRODUCT)} \circ {latex(self.L, FACTOR)}"


class Conjugate(Modified):
    """f*: prox_{αf*}(x) = x − α prox_{f/α}(x/α); 1/L-strongly convex, 1/m-smooth."""

    binding = FACTOR

    def __init__(self, f: Function) -> None:
        if not f.convex:
            raise TypeError(
                f"{f!r} is not convex: its conjugate is that of its convex hull, and Moreau's "
                "identity fails; use f's own prox"
            )
        super().__init__(f)
        self.strong_convexity = 1 / f.smoothness if f.smoothness else 0.0
        self.smoothness = 1 / f.strong_convexity if f.strong_convexity > 0 else None

    @property
    def has_gradient(self) -> bool:
        return False

    @property
    def conjugate(self) -> Function:
        return self.f

    def __call__(self, x: Point) -> Array:
        return self.f.conjugate_value(x)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return self.f.conjugate_prox(x, alpha)

    @property
    def properties(self) -> Properties:
        return self.f.properties.inverse()

    def __repr__(self) -> str:
        return f"{text(self.f, ATOM)}*"

    def latex(self) -> str:
        return f"{latex(self.f, ATOM)}^*"


class SeparableSum(Function):
    """f₁(x₁) + … + fₙ(xₙ) on tuples of arrays.

    Parameters
    ----------
    functions : sequence of Function
        One for each block.
    """

    def __init__(self, functions: tuple[Function, ...] | list[Function]) -> None:
        self.functions = tuple(functions)
        if not self.functions or not all(isinstance(f, Function) for f in self.functions):
            raise TypeError(f"functions = {functions!r}: give a non-empty sequence of functions")
        self.batch_ndim = self.functions[0].batch_ndim
        self.elementwise = all(f.elementwise for f in self.functions)
        self.convex = all(f.convex for f in self.functions)
        self.strong_convexity = min(f.strong_convexity for f in self.functions)
        self.accuracy = max((f.accuracy for f in self.functions if f.accuracy), default=None)
        constants = [f.smoothness for f in self.functions if f.smoothness is not None]
        self.smoothness = max(constants) if len(constants) == len(self.functions) else None

    @property
    def has_prox(self) -> bool:
        return all(f.has_prox for f in self.functions)

    @property
    def has_gradient(self) -> bool:
        return all(f.has_gradient for f in self.functions)

    def _pairs(self, x: Point) -> Any:
        return zip(self.functions, x, strict=True)

    def __call__(self, x: Point) -> Array:
        values = [f(block) for f, block in self._pairs(x)]
        return sum(values[1:], start=values[0])

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return tuple(f.prox(block, alpha) for f, block in self._pairs(x))

    def gradient(self, x: Point) -> Point:
        return tuple(f.gradient(block) for f, block in self._pairs(x))

    @property
    def conjugate(self) -> Function:
        return SeparableSum([f.conjugate for f in self.functions])

    def check_space(self, space: Space) -> None:
        if not space.is_tuple or len(space.shapes) != len(self.functions):
            raise TypeError(
                f"{self!r} acts on tuples of {len(self.functions)} arrays: give x0 as such a tuple"
            )
        for f, block_space in zip(self.functions, space.block_spaces(), strict=True):
            f.check_space(block_space)

    def __repr__(self) -> str:
        return f"SeparableSum({', '.join(map(repr, self.functions))})"

    def latex(self) -> str:
        blocks = ", ".join(latex(f) for f in self.functions)
        return rf"\mathrm{{SeparableSum}}\left({blocks}\right)"
