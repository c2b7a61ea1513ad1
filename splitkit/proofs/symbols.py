"""A step of a method on symbols: points as linear combinations of free vectors.

All vectors are differences to a solution. A method's step is linear in a few free vectors: where it
starts, and the value that each operator returns. The code of a method runs on ``Vector`` as it runs
on arrays: linear combinations are the only arithmetic it may use.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from splitkit.backend import Scalar, Space
from splitkit.linear.base import LinearOperator
from splitkit.operators.base import Operator, PointMap
from splitkit.properties import Properties

Pair = tuple["Vector", "Vector"]


class Vector:
    """Σ cᵢvᵢ over the free vectors vᵢ of a scene."""

    __slots__ = ("coefficients", "scene")
    __array_ufunc__ = None
    ndim = 0
    is_symbol = True  # ``splitkit.looks`` finds nothing to look at

    def __init__(self, scene: Scene, coefficients: dict[int, float]) -> None:
        self.scene, self.coefficients = scene, coefficients

    def __add__(self, other: Vector) -> Vector:
        if not isinstance(other, Vector):
            return NotImplemented
        keys = {**self.coefficients, **other.coefficients}
        return Vector(
            self.scene,
            {i: self.coefficients.get(i, 0.0) + other.coefficients.get(i, 0.0) for i in keys},
        )

    def __mul__(self, c: float) -> Vector:
        if not isinstance(c, (int, float)):
            return NotImplemented
        return Vector(self.scene, {i: c * v for i, v in self.coefficients.items()})

    __rmul__ = __mul__

    def __neg__(self) -> Vector:
        return -1.0 * self

    def __sub__(self, other: Vector) -> Vector:
        if not isinstance(other, Vector):
            return NotImplemented
        return self + -other

    def __truediv__(self, c: float) -> Vector:
        return self * (1 / c)

    @property
    def key(self) -> tuple[tuple[int, float], ...]:
        """Equal for equal vectors."""
        return tuple(sorted((i, c) for i, c in self.coefficients.items() if c))

    def dense(self) -> Any:
        """All coefficients, as a NumPy vector."""
        values = np.zeros(len(self.scene.labels))
        for i, c in self.coefficients.items():
            values[i] = c
        return values

    def __repr__(self) -> str:
        terms = []
        for i, c in self.key:
            size = "" if abs(c) == 1 else f"{abs(c):.4g} "
            sign = "−" if c < 0 else "+"
            terms.append((sign, f"{size}v{i}"))
        text = " ".join(f"{sign} {term}" for sign, term in terms)
        return text.removeprefix("+ ").replace("− ", "−", 1) if text[:1] == "−" else text[2:] or "0"


@dataclass(eq=False)
class Scene:
    """The free vectors of an analysis, and what is known of them.

    Attributes
    ----------
    labels : list of str
        A name for each free vector.
    leaves : dict
        Each operator's leaf, by the operator's identity.
    """

    labels: list[str] = field(default_factory=list)
    leaves: dict[int, Leaf | LinearLeaf] = field(default_factory=dict)

    def new(self, label: str) -> Vector:
        """A further free vector."""
        self.labels.append(label)
        return Vector(self, {len(self.labels) - 1: 1.0})

    def zero(self) -> Vector:
        """The zero vector: the solution itself."""
        return Vector(self, {})

    def leaf(self, A: Operator) -> Leaf:
        """The symbol of an operator; the same one for the same object."""
        found = self.leaves.get(id(A))
        if found is None:
            found = self.leaves[id(A)] = Leaf(A, self)
        assert isinstance(found, Leaf)
        return found

    def linear_leaf(self, L: LinearOperator) -> LinearLeaf:
        """The symbol of a linear map."""
        found = self.leaves.get(id(L))
        if found is None:
            found = self.leaves[id(L)] = LinearLeaf(L, self)
        assert isinstance(found, LinearLeaf)
        return found


class Leaf(Operator):
    """An operator of which only its properties are known: each application is a free vector."""

    def __init__(self, A: Operator, scene: Scene) -> None:
        self.A, self.scene = A, scene
        self.pairs: list[Pair] = []
        self._seen: dict[Any, Vector] = {}

    @property
    def properties(self) -> Properties:
        return self.A.properties

    @property
    def has_evaluation(self) -> bool:
        return self.A.has_evaluation

    @property
    def has_resolvent(self) -> bool:
        return self.A.has_resolvent

    def __call__(self, x: Vector) -> Vector:
        if self.properties.lipschitz == 0:
            return self.scene.zero()
        u = self._seen.get(x.key)
        if u is None:
            u = self._seen[x.key] = self.scene.new(f"{self.name}({x!r})")
            self.pairs.append((x, u))
        return u

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        if not isinstance(alpha, (int, float)):
            raise TypeError("a proof is about one step size: alpha must be a number")
        if self.properties.lipschitz == 0:
            return lambda y: y
        if self.properties.strong_monotonicity == math.inf:
            return lambda y: self.scene.zero()

        def resolvent(y: Vector) -> Vector:
            x = self._seen.get((alpha, y.key))
            if x is None:
                x = self._seen[alpha, y.key] = self.scene.new(f"R[{alpha:.4g} {self.name}]({y!r})")
                self.pairs.append((x, (y - x) / alpha))
            return x

        return resolvent

    def make_solution(self, H: PointMap) -> PointMap:
        """h ↦ (A + H)⁻¹h for a linear map H, applied to symbols: h − Hx ∈ Ax."""
        known: dict[Any, Vector] = {}

        def solution(h: Vector) -> Vector:
            x = known.get(h.key)
            if x is None:
                x = known[h.key] = self.scene.new(f"({self.name} + H)⁻¹({h!r})")
                self.pairs.append((x, h - H(x)))
            return x

        return solution

    @property
    def name(self) -> str:
        """Short, for labels."""
        position = list(self.scene.leaves.values()).index(self)
        return f"A{'₀₁₂₃₄₅₆₇₈₉'[position + 1]}" if position < 9 else f"A_{position + 1}"

    def __repr__(self) -> str:
        return f"{self.name} = {self.A!r}"


class LinearLeaf(LinearOperator):
    """A linear map of which only a bound of its norm is known.

    For x ↦ Lx at several points X, with values Y, and Lᵀ at U, with values V: ⟨Lx, u⟩ = ⟨x, Lᵀu⟩,
    ‖L‖²XᵀX − YᵀY ⪰ 0 and ‖L‖²UᵀU − VᵀV ⪰ 0, and nothing more follows (Bousselmi, Hendrickx,
    Glineur, *Interpolation conditions for linear operators*, 2024).
    """

    def __init__(self, L: LinearOperator, scene: Scene) -> None:
        self.L, self.scene = L, scene
        self.norm = L.norm
        self.applied: list[Pair] = []
        self.adjoints: list[Pair] = []

    def __call__(self, x: Vector) -> Vector:
        return self._apply(x, self.applied, "L")

    def adjoint(self, y: Vector) -> Vector:
        return self._apply(y, self.adjoints, "Lᵀ")

    def _apply(self, x: Vector, known: list[Pair], name: str) -> Vector:
        for argument, value in known:
            if argument.key == x.key:
                return value
        known.append((x, self.scene.new(f"{name}({x!r})")))
        return known[-1][1]

    def range_space(self, space: Space) -> Space:
        return space

    def __repr__(self) -> str:
        return f"L = {self.L!r}, ‖L‖ ≤ {self.norm:.4g}"
