"""Random steps of random operators, and operators that try to contradict what is proved of them.

An operator is drawn as a class (its properties), a step as a straight line of linear combinations,
evaluations and resolvents. What a proof says is confronted with members of the classes: matrices of
the plane, whose fixed point is 0, and monotone and other piecewise linear functions of the line,
whose fixed points are searched for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

import splitkit as sk
from splitkit.proofs import NotExpressibleError
from splitkit.proofs.proof import CONTRACTION

TOLERANCE = 1e-6  # relative
ROUNDED = 1e-20  # of squares of what an instance computes of 1


def never(*_: Any) -> Any:
    raise AssertionError("a proof never applies the operator")


@dataclass(frozen=True)
class Kind:
    """A class of operators: m, L, β, and whether they are gradients, skew or resolved."""

    m: float | None = None
    L: float | None = None
    beta: float | None = None
    gradient: bool = False
    skew: bool = False
    resolved: bool = False

    @cached_property
    def operator(self) -> sk.Operator:
        if self.skew:
            known = sk.properties.Properties.of(skew=True, lipschitz=self.L)
            return _Known(known)
        return sk.Operator.from_callable(
            None if self.L is None and self.beta is None else never,
            resolvent=never if self.resolved else None,
            strong_monotonicity=self.m,
            lipschitz=self.L,
            cocoercivity=self.beta,
            gradient=self.gradient,
            maximal=self.resolved,
            name="A",
        )

    @property
    def slopes(self) -> tuple[float, float]:
        """Those of its functions of the line."""
        if self.skew:
            return 0.0, 0.0
        if self.beta is not None:
            return 0.0, 1 / self.beta
        low = self.m if self.m is not None else -(self.L or 0.0)
        return low, np.inf if self.L is None else self.L

    def matrix(self, rng: Any, unit: float) -> Any:
        """One of the plane, at the border of the class mostly."""
        low, high = self.slopes
        if self.skew:
            return self.L * rng.choice([-1.0, 1.0]) * np.array([[0.0, -1.0], [1.0, 0.0]])
        large = high if np.isfinite(high) else unit * 10 ** rng.uniform(-2, 4) + abs(low)
        if self.gradient:
            eigenvalues = rng.choice([low, large, rng.uniform(low, large)], 2)
            Q = _turn(rng.uniform(0, 2 * np.pi))
            return Q @ np.diag(eigenvalues) @ Q.T
        s = rng.choice([low, large, rng.uniform(low, large), low + (large - low) / 50])
        w = s * large if self.beta is not None else large * large
        t = np.sqrt(max(0.0, w - s * s)) * rng.choice([-1.0, 1.0, rng.uniform(-1, 1)])
        return s * np.eye(2) + t * np.array([[0.0, -1.0], [1.0, 0.0]])

    def function(self, rng: Any, unit: float) -> Piecewise:
        """One of the line, with slopes at both ends of the range."""
        low, high = self.slopes
        large = high if np.isfinite(high) else abs(low) + unit * 1e4
        slopes = rng.choice([low, large, rng.uniform(low, large)], 4, p=[0.4, 0.4, 0.2])
        knots = np.sort(rng.normal(size=3))
        value = rng.normal() * max(large if np.isfinite(high) else unit, 1e-300)
        return Piecewise(knots, slopes, value * rng.choice([0.0, 1.0]))


class _Known(sk.Operator):
    def __init__(self, known: Any) -> None:
        self.properties = known

    def __call__(self, x: Any) -> Any:
        return never(x)

    def __repr__(self) -> str:
        return "A"


def _turn(angle: float) -> Any:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s], [s, c]])


@dataclass(frozen=True)
class Piecewise:
    """A continuous piecewise linear function with these slopes between its knots."""

    knots: Any
    slopes: Any
    first: float

    @cached_property
    def points(self) -> tuple[Any, Any]:
        x = np.concatenate([[self.knots[0] - 1.0], self.knots, [self.knots[-1] + 1.0]])
        return x, self.first + np.concatenate([[0.0], np.cumsum(np.diff(x) * self.slopes)])

    def __call__(self, x: Any) -> Any:
        return _interpolate(x, *self.points)

    def resolvent(self, alpha: float, y: Any) -> Any:
        x, u = self.points
        return _interpolate(y, x + alpha * u, x)


def _interpolate(x: Any, at: Any, values: Any) -> Any:
    piece = np.clip(np.searchsorted(at, x) - 1, 0, len(at) - 2)
    slope = np.diff(values) / np.diff(at)
    return values[piece] + (x - at[piece]) * slope[piece]


@dataclass(frozen=True)
class RandomStep:
    """Operators, and a straight line of (kind, …) instructions on a growing list of points."""

    kinds: tuple[Kind, ...]
    line: tuple[tuple[Any, ...], ...]
    unit: float  # 1/α

    @classmethod
    def draw(cls, rng: Any) -> RandomStep:
        unit = 10 ** rng.uniform(-6, 6)
        alpha = 1 / unit
        kinds = tuple(_kind(rng, unit) for _ in range(rng.integers(1, 4)))
        line: list[tuple[Any, ...]] = []
        depth = rng.integers(1, 5)
        count = 1  # points so far
        for _ in range(depth):
            i = int(rng.integers(len(kinds)))
            at = int(rng.integers(max(0, count - 3), count))
            if kinds[i].resolved and (kinds[i].L is None or rng.random() < 0.5):
                line.append(("resolvent", i, at, alpha))
                count += 1
            else:
                line.append(("value", i, at, alpha))
                count += 1
            a, b = int(rng.integers(count)), count - 1
            weights = rng.choice([-1.0, -0.5, 0.3, 0.5, 1.0, 2.0], 2)
            line.append(("combine", a, float(weights[0]), b, float(weights[1])))
            count += 1
        if rng.random() < 0.5:  # nearer to u
            share = float(rng.choice([0.5, 0.7, 0.9]))
            line.append(("combine", 0, share, count - 1, 1 - share))
        return cls(kinds, tuple(line), unit)

    def in_units(self, s: float) -> RandomStep:
        """The same with s(m, L, 1/β, 1/α) in the place of (m, L, 1/β, 1/α)."""

        def times(v: float | None) -> float | None:
            return None if v is None else v * s

        kinds = tuple(
            replace(k, m=times(k.m), L=times(k.L), beta=k.beta if k.beta is None else k.beta / s)
            for k in self.kinds
        )
        line = tuple(
            each if each[0] == "combine" else (*each[:3], each[3] / s) for each in self.line
        )
        return RandomStep(kinds, line, self.unit * s)

    def __call__(self, *operators: Any) -> Any:
        """The step of these operators, as ``prove`` takes it."""

        def step(u: Any) -> Any:
            points = [u]
            for what, *rest in self.line:
                if what == "resolvent":
                    i, at, alpha = rest
                    points.append(operators[i].resolvent(alpha)(points[at]))
                elif what == "value":  # αA(x): of the size of x
                    i, at, alpha = rest
                    points.append(alpha * operators[i](points[at]))
                else:
                    a, s, b, t = rest
                    points.append(s * points[a] + t * points[b])
            return points[-1]

        return step

    def prove(self) -> Any:
        """The proof; None: the step is refused."""
        try:
            return sk.prove(self, *(kind.operator for kind in self.kinds))
        except NotExpressibleError:
            return None

    def excess(self, proof: Any, rng: Any, draws: int) -> float:
        """By how much a member of the classes exceeds what is proved, relative to it."""
        worst = -np.inf
        for _ in range(draws):
            worst = max(worst, self._of_matrices(proof, rng), self._of_functions(proof, rng))
        return worst

    def _of_matrices(self, proof: Any, rng: Any) -> float:
        operators = [_Linear(kind.matrix(rng, self.unit)) for kind in self.kinds]
        T = self(*operators)(np.eye(2))
        if proof.claim in CONTRACTION:
            return np.linalg.norm(T, 2) ** 2 / max(proof.value, ROUNDED) - 1
        moved = T - np.eye(2)
        left = T.T @ T + proof.value * moved.T @ moved - np.eye(2)
        return np.linalg.eigvalsh(left)[-1]

    def _of_functions(self, proof: Any, rng: Any) -> float:
        operators = [_OfLine(kind.function(rng, self.unit)) for kind in self.kinds]
        T = self(*operators)
        grid = np.concatenate([np.linspace(-6, 6, 241), np.geomspace(6, 1e4, 20)])
        grid = np.sort(np.concatenate([grid, -np.geomspace(6, 1e4, 20)]))
        moved = T(grid) - grid
        worst = -np.inf
        for k in np.nonzero(np.sign(moved[1:]) != np.sign(moved[:-1]))[0][:3]:
            low, high = grid[k], grid[k + 1]
            rising = moved[k + 1] > moved[k]
            for _ in range(60):
                middle = (low + high) / 2
                low, high = (low, middle) if (T(middle) > middle) == rising else (middle, high)
            v = (low + high) / 2
            if abs(T(v) - v) > 1e-9 * max(1.0, abs(v)):
                continue  # a jump, to rounding
            u = np.concatenate([grid, v + 10.0 ** np.arange(-3, 2), v - 10.0 ** np.arange(-3, 2)])
            u = u[np.abs(u - v) > 1e-3 * max(1.0, abs(v))]
            before, after = (u - v) ** 2, (T(u) - v) ** 2
            if proof.claim in CONTRACTION:
                found = after / before / max(proof.value, ROUNDED) - 1
            else:
                found = (after + proof.value * (T(u) - u) ** 2) / before - 1
            worst = max(worst, float(found.max()))
        return worst


def _kind(rng: Any, unit: float) -> Kind:
    wild = rng.random() < 0.3
    L = float(unit * 10 ** (rng.uniform(-6, 6) if wild else rng.uniform(-0.7, 0.7)))
    m = float(L * 10 ** -(rng.uniform(0, 8) if wild else rng.uniform(0.05, 1.5)))
    return [
        Kind(L=L),
        Kind(L=0.0),
        Kind(m=0.0, L=L),
        Kind(m=m, L=L),
        Kind(m=m, L=L, resolved=True),
        Kind(beta=1 / L),
        Kind(m=m, L=L, gradient=True),
        Kind(m=0.0, L=L, gradient=True, resolved=True),
        Kind(m=0.0, L=L, skew=True),
        Kind(m=0.0, resolved=True),
        Kind(m=m, resolved=True),
        Kind(m=0.0, gradient=True, resolved=True),
    ][rng.integers(12)]


@dataclass(frozen=True)
class _Linear:
    M: Any

    def __call__(self, x: Any) -> Any:
        return self.M @ x

    def resolvent(self, alpha: float) -> Any:
        return lambda y: np.linalg.solve(np.eye(2) + alpha * self.M, y)


@dataclass(frozen=True)
class _OfLine:
    f: Piecewise

    def __call__(self, x: Any) -> Any:
        return self.f(x)

    def resolvent(self, alpha: float) -> Any:
        return lambda y: self.f.resolvent(alpha, y)


def differ(one: Any, other: Any) -> bool:
    """Whether two attempts at one step, in two units, end in different ways or at values that are
    apart by more than the tolerance; what is below a thousandth is compared with that.
    """
    if one is None or other is None:
        return (one is None) != (other is None)
    if (one.outcome, one.claim) != (other.outcome, other.claim):
        return True
    return bool(one.holds and abs(one.value - other.value) > TOLERANCE * max(abs(one.value), 1e-3))
