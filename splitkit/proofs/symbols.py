"""A step of a method on symbols: points as linear combinations of free vectors.

A method's step is linear in a few free vectors: where it starts, and the value that each operator
returns. The code of a method runs on ``Vector`` as it runs on arrays: linear combinations are the
only arithmetic it may use. Coefficients are rational numbers, so that what vanishes is known.

The same vectors stand for two runs of the step, one at any point and one at a solution: every
vector is the same linear combination in both (``runs.py``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NoReturn

import numpy as np

from splitkit.backend import Scalar, Space
from splitkit.linear.base import LinearOperator
from splitkit.operators.base import Operator, PointMap
from splitkit.proofs.exact import ONE
from splitkit.proofs.outcome import NotExpressibleError
from splitkit.proofs.unrounded import Numbers, without_rounding
from splitkit.properties import Properties

CANCELLED = Fraction(1, 2**48)  # of the larger coefficient: what rounding in a step leaves of 0


@dataclass(frozen=True, eq=False)
class Pair:
    """A pair (x, u) of an operator's graph that a step has met; ``evaluated``: u is A(x)."""

    x: Vector
    u: Vector
    evaluated: bool = False


class Vector:
    """Σ cᵢvᵢ over the free vectors vᵢ of a scene.

    Examples
    --------
    >>> from splitkit.proofs import Scene
    >>> scene = Scene()
    >>> x, y = scene.new("x"), scene.new("y")
    >>> print((x + 0.5 * (y - x)).coefficients)
    {0: Fraction(1, 2), 1: Fraction(1, 2)}
    """

    __slots__ = ("coefficients", "scene")
    __hash__ = None  # type: ignore[assignment]
    ndim = 0
    is_symbol = True  # ``splitkit.looks`` finds nothing to look at

    def __init__(self, scene: Scene, coefficients: dict[int, Fraction]) -> None:
        self.scene, self.coefficients = scene, coefficients

    def __add__(self, other: Any) -> Vector:
        if not isinstance(other, Vector):
            return self._no_point(other)
        other.check_scene(self.scene)
        result = dict(self.coefficients)
        for i, b in other.coefficients.items():
            a = result.get(i)
            if a is None:
                result[i] = b
                continue
            total = a + b
            if (a > 0) == (b > 0) or abs(total) > CANCELLED * max(abs(a), abs(b)):
                result[i] = total
            else:
                del result[i]
        return Vector(self.scene, result)

    def __mul__(self, c: Any) -> Vector:
        if not isinstance(c, (int, float, Fraction)):
            c = self._number(c)
        if not math.isfinite(c):
            raise NotExpressibleError(f"the step multiplies a point by {c}")
        factor = self.scene.numbers.exact(c)
        if factor == 1:
            return self
        if not factor:
            return Vector(self.scene, {})
        coefficients = self.coefficients.items()
        return Vector(
            self.scene,
            {i: factor if v == 1 else without_rounding(factor * v) for i, v in coefficients},
        )

    __rmul__ = __mul__

    def __neg__(self) -> Vector:
        return Vector(self.scene, {i: -v for i, v in self.coefficients.items()})

    def __sub__(self, other: Any) -> Vector:
        if not isinstance(other, Vector):
            return self._no_point(other)
        return self + -other

    def __radd__(self, other: Any) -> Vector:
        """0 + x, as ``sum`` begins."""
        return self._no_point(other)

    def __rsub__(self, other: Any) -> Vector:
        return -self._no_point(other)

    def __truediv__(self, c: Any) -> Vector:
        if not isinstance(c, (int, float, Fraction)):
            c = self._number(c)
        if not (math.isfinite(c) and c):
            raise NotExpressibleError(f"the step divides a point by {c}")
        return self * (1 / self.scene.numbers.exact(c))

    def _look(self, *_: object) -> NoReturn:
        raise NotExpressibleError(
            "the step looks at the values of its points (an if, a comparison, a number made of "
            "them): it may only take linear combinations, and apply operators"
        )

    def _no_point(self, other: Any) -> Vector:
        if isinstance(other, (int, float)) and other == 0:
            return self
        raise NotExpressibleError(
            f"the step adds {other!r} to a point: what is added is a point; a constant is an "
            "operator with lipschitz=0.0"
        )

    def _number(self, c: Any) -> float:
        if isinstance(c, (np.ndarray, np.generic)) and c.ndim == 0 and c.dtype.kind in "fiu":
            return float(c)
        if isinstance(c, Vector):
            self._combine()
        raise NotExpressibleError(
            f"the step multiplies or divides a point by {c!r}: give real numbers; a matrix is a "
            "linear map or an operator of its own"
        )

    def _combine(self, *_: object) -> NoReturn:
        raise NotExpressibleError(
            "the step takes powers or products of its points: it may only take linear "
            "combinations, and apply operators"
        )

    __pow__ = __rpow__ = __rtruediv__ = __mod__ = __floordiv__ = _combine

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **_: Any) -> Vector:
        """Of NumPy's numbers products and sums alone."""
        if method == "__call__" and [id(v) for v in inputs[1:]] == [id(self)]:
            if ufunc is np.multiply:
                scaled: Vector = self * inputs[0]
                return scaled
            if ufunc in (np.add, np.subtract):
                own = self._no_point(inputs[0])
                return own if ufunc is np.add else -own
        raise NotExpressibleError(
            f"the step applies NumPy's {ufunc.__name__} to a point: it may only take linear "
            "combinations, and apply operators"
        )

    def check_scene(self, scene: Scene) -> None:
        """Raise NotExpressibleError if it is of another one."""
        if self.scene is not scene:
            raise NotExpressibleError(
                "a point of another setting is used, or one that the step remembers of an earlier "
                "call"
            )

    __bool__ = __float__ = __int__ = __abs__ = __len__ = __iter__ = __getitem__ = _look
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _look

    @property
    def key(self) -> tuple[tuple[int, Fraction], ...]:
        """Equal for equal vectors."""
        return tuple(sorted(self.coefficients.items()))

    def is_same(self, other: Vector) -> bool:
        """Whether they are equal, up to what rounding in the step leaves."""
        return not (self - other).coefficients

    def __repr__(self) -> str:
        terms = []
        for i, c in self.key:
            size = "" if abs(c) == 1 else f"{float(abs(c)):.4g} "
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
    constant : set of int
        The free vectors that are the same in all runs of the step.
    vanishing : list of Vector
        What is 0 at a solution, beside what a claim says.
    numbers : Numbers
        Those of the step.

    Examples
    --------
    >>> from splitkit.proofs import Scene
    >>> scene = Scene()
    >>> A = scene.leaf(sk.Operator.from_callable(lambda x: x, monotone=True, lipschitz=1.0))
    >>> x = scene.new("x")
    >>> after = x - A(x)
    >>> print(scene.labels)
    ['x', 'A₁(v0)']
    """

    labels: list[str] = field(default_factory=list)
    leaves: dict[int, Leaf | LinearLeaf] = field(default_factory=dict)
    constant: set[int] = field(default_factory=set)
    vanishing: list[Vector] = field(default_factory=list)
    numbers: Numbers = field(default_factory=Numbers)

    def new(self, label: str, *, constant: bool = False) -> Vector:
        """A further free vector."""
        self.labels.append(label)
        index = len(self.labels) - 1
        if constant:
            self.constant.add(index)
        return Vector(self, {index: ONE})

    def zero(self) -> Vector:
        """The zero vector."""
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

    def record(self) -> Any:
        """What has happened on it: equal for steps that did the same."""
        steps: list[Any] = []
        for leaf in self.leaves.values():
            if isinstance(leaf, Leaf):
                steps.append([(p.x.key, p.u.key) for p in leaf.pairs])
            else:
                steps.append([(p.x.key, p.u.key) for p in (*leaf.applied, *leaf.adjoints)])
        return steps, len(self.labels)


class Leaf(Operator):
    """An operator of which only its properties are known: each application is a free vector."""

    def __init__(self, A: Operator, scene: Scene) -> None:
        self.A, self.scene = A, scene
        self.pairs: list[Pair] = []
        self._known: list[tuple[Any, Vector, Vector]] = []  # (map, argument, value)

    @property
    def properties(self) -> Properties:
        return self.A.properties

    @property
    def has_evaluation(self) -> bool:
        return self.A.has_evaluation

    @property
    def has_resolvent(self) -> bool:
        return self.A.has_resolvent

    @property
    def resolvent_step(self) -> float | None:
        """The first step of a resolvent that was applied; None: there is none, or values were."""
        maps = [map for map, *_ in self._known]
        steps = [float(map) for map in maps if isinstance(map, Fraction)]
        return steps[0] if len(steps) == len(maps) > 0 else None

    @property
    def is_constant(self) -> bool:
        """Known to have one value."""
        return self.properties.lipschitz == 0

    @property
    def is_point(self) -> bool:
        """Known to have one point in its domain."""
        return self.properties.strong_monotonicity == math.inf

    def __call__(self, x: Vector) -> Vector:
        if not (self.has_evaluation or self.properties.lipschitz is not None):
            raise NotExpressibleError(f"{self.A!r} is set-valued: a step may use its resolvent")

        def value() -> Vector:
            if self.is_constant:
                return self._single(lambda pair: pair.u, f"{self.name}(…)")
            return self.scene.new(f"{self.name}({x!r})")

        return self._met("value", x, value, lambda u: Pair(x, u, evaluated=True))

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        if not (self.has_resolvent or self.properties.maximal):
            raise NotExpressibleError(
                f"{self.A!r} has no resolvent, and is not known to be maximal monotone"
            )
        return self._resolvent(alpha)

    def make_inverse_resolvent(self, alpha: Scalar) -> PointMap:
        self.scene.numbers.exact(alpha)  # first, so that 1/α is known to be of it
        resolvent = self._resolvent(1 / alpha)
        return lambda y: y - alpha * resolvent((1 / alpha) * y)

    def _resolvent(self, alpha: Scalar) -> PointMap:
        if not isinstance(alpha, (int, float)) or not 0 < alpha < math.inf:
            raise NotExpressibleError(
                f"alpha = {alpha!r} of a resolvent is not one positive number: a proof is about "
                "one step size"
            )
        step = self.scene.numbers.exact(alpha)

        def resolvent(y: Vector) -> Vector:
            def value() -> Vector:
                if self.is_constant:
                    return y - self._single(lambda pair: pair.u, f"{self.name}(…)") * step
                if self.is_point:
                    return self._single(lambda pair: pair.x, f"point of {self.name}")
                return self.scene.new(f"R[{alpha:.4g} {self.name}]({y!r})")

            return self._met(step, y, value, lambda x: Pair(x, (y - x) / step))

        return resolvent

    def make_solution(self, H: PointMap) -> PointMap:
        """h ↦ (A + H)⁻¹h for a linear map H, applied to symbols: h − Hx ∈ Ax."""

        def solution(h: Vector) -> Vector:
            new = lambda: self.scene.new(f"({self.name} + H)⁻¹({h!r})")  # noqa: E731
            return self._met(solution, h, new, lambda x: Pair(x, h - H(x)))

        return solution

    def _met(self, map: Any, argument: Vector, value: Any, pair: Any) -> Vector:
        """The value of a map of A at an argument: a new one if it has not been there."""
        argument.check_scene(self.scene)
        for known, at, found in self._known:
            if known == map and at.is_same(argument):
                return found
        made: Vector = value()
        self._known.append((map, argument, made))
        self.pairs.append(pair(made))
        return made

    def _single(self, part: Any, label: str) -> Vector:
        """The one value, or point, of A."""
        return part(self.pairs[0]) if self.pairs else self.scene.new(label, constant=True)

    @property
    def name(self) -> str:
        """Short, for labels."""
        position = list(self.scene.leaves.values()).index(self)
        return f"A{'₀₁₂₃₄₅₆₇₈₉'[position + 1]}" if position < 9 else f"A_{position + 1}"

    def __repr__(self) -> str:
        return f"{self.name} = {self.A!r}"


class LinearLeaf(LinearOperator):
    """A linear map of which only a bound of its norm is known; that of a combination of free
    vectors is the combination of theirs.

    For x ↦ Lx at several points X, with values Y, and Lᵀ at U, with values V: ⟨Lx, u⟩ = ⟨x, Lᵀu⟩,
    ‖L‖²XᵀX − YᵀY ⪰ 0 and ‖L‖²UᵀU − VᵀV ⪰ 0, and nothing more follows (Bousselmi, Hendrickx,
    Glineur, *Interpolation conditions for linear operators*, 2024).

    Examples
    --------
    >>> from splitkit.proofs import Scene
    >>> scene = Scene()
    >>> L = scene.linear_leaf(sk.linear.DenseMatrix(np.diag([1.0, 2.0])))
    >>> x = scene.new("x")
    >>> print(L, (L(x) + L(x)).is_same(2 * L(x)))
    L = DenseMatrix(2×2), ‖L‖ ≤ 2 True
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
        x.check_scene(self.scene)
        total = self.scene.zero()
        for i, c in x.coefficients.items():
            found = next((pair.u for pair in known if i in pair.x.coefficients), None)
            if found is None:
                found = self.scene.new(f"{name}(v{i})")
                known.append(Pair(Vector(self.scene, {i: ONE}), found, evaluated=True))
            total = total + found * c
        return total

    def range_space(self, space: Space) -> Space:
        return space

    def __repr__(self) -> str:
        return f"L = {self.L!r}, ‖L‖ ≤ {self.norm:.4g}"
