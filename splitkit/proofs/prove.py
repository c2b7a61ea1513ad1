"""Guarantees computed from a step itself: its tight rate, or the decrease that proves convergence.

Contraction.  ρ²‖u‖² − ‖u⁺‖² is a non-negative combination of the operators' inequalities, plus a
square: every choice of operators with these properties contracts by ρ, and no smaller ρ holds for
all of them, as long as the inequalities say all that is known of the operators' values.

Decrease.  ‖u⁺ − u*‖² ≤ ‖u − u*‖² − c‖s‖² for a residual s, with the greatest c: c > 0 proves that
s → 0 (Fejér), c ≤ 0 refuses, and the dual solution shows points that break the inequality.

Source: Ryu, Taylor, Bergeling, Giselsson (2020); Lessard, Recht, Packard (2016).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from splitkit.operators.base import Operator
from splitkit.proofs.abstract import symbolic
from splitkit.proofs.program import Answer, Claim, least_value
from splitkit.proofs.symbols import Leaf, LinearLeaf, Scene, Vector
from splitkit.proofs.worst_case import low_rank_points
from splitkit.properties import form_text

CONTRACTION = ("‖u⁺‖² ≤ value · ‖u‖²", "Σ‖uᵢ⁺‖² ≤ value · Σ‖uᵢ‖²")
DECREASE = "‖u⁺‖² ≤ ‖u‖² − value · ‖s‖²"
LYAPUNOV = "V(s⁺) ≤ V(s) − value · ‖r‖² for a quadratic V ≥ 0, value ≤ 1"
POSITIVE = 1e-7  # below it a decrease is rounding


@dataclass(frozen=True, eq=False)
class Inequality:
    """An inequality of the proof: (a‖Δx‖² + 2b⟨Δx, Δu⟩ + c‖Δu‖²) ≥ 0 for two pairs of an operator.

    Attributes
    ----------
    operator : str
    form : tuple (a, b, c)
    of : str
        The two pairs.
    multiplier : float
        Of any sign where the opposite inequality holds too.
    matrix : array
        Its coefficients in the Gram matrix of the free vectors.
    """

    operator: str
    form: tuple[float, float, float]
    of: str
    multiplier: float
    matrix: Any


@dataclass(frozen=True)
class Proof:
    """What the program says of a step; ``print`` it.

    Attributes
    ----------
    claim : str
        The inequality that was optimized.
    value : float
        ρ² or c; inf or −inf if there is none.
    holds : bool
        Whether it proves convergence: ρ < 1, or c > 0.
    vectors : tuple of str
        The free vectors, differences to a solution.
    inequalities : tuple of Inequality
        Those with a multiplier that is not 0, and the others.
    left, right, linear : arrays (n, n)
        The claim as matrices, value · left − right − Σ λQ − linear ⪰ 0, where ``linear`` is the
        part of what is known of linear maps and of a Lyapunov function.
    worst : array (n, dimension)
        Points, one row a free vector, that satisfy every inequality and attain the value.
    """

    claim: str
    value: float
    holds: bool
    vectors: tuple[str, ...]
    inequalities: tuple[Inequality, ...]
    left: Any
    right: Any
    linear: Any
    worst: Any

    @property
    def rate(self) -> float | None:
        """The contraction factor ρ < 1, if that is what was proved."""
        return math.sqrt(self.value) if self.holds and self.claim in CONTRACTION else None

    def residual(self) -> float:
        """The least eigenvalue of value · left − right − Σ λQ − linear: ≥ 0 up to rounding; −inf
        if no value will do.
        """
        if not math.isfinite(self.value):
            return -math.inf
        slack = self.value * self.left - self.right - self.linear
        for each in self.inequalities:
            slack = slack - each.multiplier * each.matrix
        return float(np.linalg.eigvalsh(slack)[0])

    def __str__(self) -> str:
        lines = [
            f"claim: {self.claim}",
            f"value: {self.value:.9g} ({'proved' if self.holds else 'no proof of convergence'})",
            "free vectors (differences to a solution):",
            *(f"    v{i} = {name}" for i, name in enumerate(self.vectors)),
            "multipliers:",
        ]
        for each in self.inequalities:
            if abs(each.multiplier) > 1e-9:
                what = f"{form_text(each.form)}) of {each.operator}, {each.of}"
                lines.append(f"    {each.multiplier:.6g} × ({what}")
        if self.worst is not None:
            lines.append("worst configuration:")
            for i, row in enumerate(self.worst):
                numbers = ", ".join(f"{v:.5g}" for v in row)
                lines.append(f"    v{i} = ({numbers})")
        return "\n".join(lines)


def contraction(scene: Scene, before: list[Vector], after: list[Vector], metric: Any) -> Proof:
    """The least ρ² with V(after) ≤ ρ² V(before), V(s) = Σ Pᵢⱼ⟨sᵢ, sⱼ⟩ for the metric P."""
    B, C = _energy(before, metric), _energy(after, metric)
    claim = CONTRACTION[len(before) > 1]
    answer, found = _solve(scene, B, C, least=0.0)
    holds = answer.value < 1 - POSITIVE
    return _proof(scene, claim, answer.value, holds, found, B, C, answer)


def decrease(
    scene: Scene, before: list[Vector], after: list[Vector], measure: list[Vector], metric: Any
) -> Proof:
    """The greatest c with V(after) ≤ V(before) − c‖measure‖²."""
    B, C = _energy(before, metric), _energy(after, metric)
    M = _energy(measure, np.eye(len(measure)))
    answer, found = _solve(scene, M, C - B, least=-1e6)
    value = -answer.value
    return _proof(scene, DECREASE, value, value > POSITIVE, found, -M, C - B, answer)


def lyapunov(
    scene: Scene, before: list[Vector], after: list[Vector], measure: list[Vector]
) -> Proof:
    """V(after) ≤ V(before) − ‖measure‖² for some V(s) = Σ Pᵢⱼ⟨sᵢ, sⱼ⟩ ≥ 0, which the program finds:
    the measures are square-summable.
    """
    M = _energy(measure, np.eye(len(measure)))
    family = np.array(
        [
            [_gram(a, b) - _gram(c, d) for b, d in zip(after, before, strict=True)]
            for a, c in zip(after, before, strict=True)
        ]
    )
    answer, found = _solve(scene, M, np.zeros_like(M), -1.0, (family,))
    value = -answer.value
    proof = _proof(scene, LYAPUNOV, value, value > 1 - 1e-4, found, -M, np.zeros_like(M), answer)
    return replace(proof, worst=None)


def prove(step: Operator | Callable[..., Any], *operators: Operator) -> Proof:
    """What is guaranteed for a step u ↦ u⁺ by the properties of its operators alone.

    Parameters
    ----------
    step : Operator, or callable
        An operator expression T, such as ``G.resolvent(a) @ (Identity() - a * F)``. Or a function
        that takes operators and returns an expression, or a function u ↦ u⁺ of points; it may only
        take linear combinations, and apply the operators and their resolvents.
    *operators : Operator
        What the function is given.

    Returns
    -------
    Proof
        The contraction, if the step contracts; else the decrease with s = u⁺ − u.

    Raises
    ------
    ImportError
        Clarabel is missing.
    TypeError
        The step does something else with points than the above.
    """
    if not callable(step):
        raise TypeError(f"step = {step!r}: give an operator expression or a function")
    for A in operators:
        if not isinstance(A, Operator):
            raise TypeError(f"operators hold {A!r}: give operators, with the properties to be used")
    for claim in (_contracts, _decreases):
        scene = Scene()
        if isinstance(step, Operator):
            T: Callable[[Any], Any] = symbolic(step, scene)
        else:
            made = step(*(scene.leaf(A) for A in operators))
            T = symbolic(made, scene) if isinstance(made, Operator) else made
            if not callable(T):
                raise TypeError(
                    f"step returned {made!r} for the operators: return an expression, or a "
                    "function u ↦ u⁺"
                )
        u = scene.new("u")
        proof = claim(scene, u, T(u))
        if proof.holds:
            return proof
    return proof


def best_step(
    step: Callable[[float], Operator], *, bounds: tuple[float, float] = (1e-4, 1e4)
) -> tuple[float, Proof]:
    """The step size with the least proved rate: minimizes over α the ρ of ``step(α)``.

    Returns
    -------
    (alpha, proof)

    Raises
    ------
    ValueError
        No step size within the bounds contracts, or the bounds are no positive interval.
    """

    def rate(log_alpha: float) -> float:
        scene = Scene()
        T, u = symbolic(step(math.exp(log_alpha)), scene), scene.new("u")
        value = _contracts(scene, u, T(u)).value
        return min(value, 1e6)

    if not 0 < bounds[0] < bounds[1] < math.inf:
        raise ValueError(f"bounds = {bounds}: give 0 < least < greatest step size")
    low, high = map(math.log, bounds)
    # the rate may be 1 or more on most of the range: look at a grid first
    grid = np.linspace(low, high, 41)
    values = [rate(t) for t in grid]
    i = int(np.argmin(values))
    around = (grid[max(0, i - 1)], grid[min(len(grid) - 1, i + 1)])
    found = minimize_scalar(rate, bounds=around, method="bounded", options={"xatol": 1e-8})
    if not found.fun < 1:
        raise ValueError(f"no alpha in {bounds} is proved to contract: the least ρ² is {found.fun}")
    alpha = math.exp(float(found.x))
    return alpha, prove(step(alpha))


def _contracts(scene: Scene, u: Vector, after: Vector) -> Proof:
    return contraction(scene, [u], [after], np.eye(1))


def _decreases(scene: Scene, u: Vector, after: Vector) -> Proof:
    return decrease(scene, [u], [after], [after - u], np.eye(1))


def _gram(x: Vector, y: Vector) -> Any:
    """The symmetric matrix of ⟨x, y⟩ in the Gram matrix of the free vectors."""
    outer = np.outer(x.dense(), y.dense())
    return (outer + outer.T) / 2


def _energy(vectors: list[Vector], metric: Any) -> Any:
    return sum(
        metric[i, j] * _gram(x, y) for i, x in enumerate(vectors) for j, y in enumerate(vectors)
    )


def _known(scene: Scene) -> tuple[list[Inequality], list[Any], list[Any]]:
    """The inequalities, equalities and matrix inequalities that hold in the scene."""
    inequalities: list[Inequality] = []
    equalities: list[Any] = []
    families: list[Any] = []
    origin = (scene.zero(), scene.zero())
    for leaf in scene.leaves.values():
        if isinstance(leaf, Leaf):
            pairs = [origin, *leaf.pairs]
            for i in range(len(pairs)):
                for j in range(i):
                    inequalities += _between(leaf, i, j, pairs)
        elif isinstance(leaf, LinearLeaf):
            for x, y in leaf.applied:
                for u, v in leaf.adjoints:
                    equalities.append(_gram(y, u) - _gram(x, v))
            for known in (leaf.applied, leaf.adjoints):
                if known and leaf.norm < math.inf:
                    square = leaf.norm**2
                    families.append(
                        np.array(
                            [
                                [square * _gram(a, b) - _gram(fa, fb) for b, fb in known]
                                for a, fa in known
                            ]
                        )
                    )
    return inequalities, equalities, families


def _between(leaf: Leaf, i: int, j: int, pairs: list[tuple[Vector, Vector]]) -> list[Inequality]:
    x, u = pairs[i][0] - pairs[j][0], pairs[i][1] - pairs[j][1]
    of = f"pair {i}" if j == 0 else f"pairs {j} and {i}"
    xx, xu, uu = _gram(x, x), _gram(x, u), _gram(u, u)
    return [
        Inequality(repr(leaf), (a, b, c), of, 0.0, a * xx + 2 * b * xu + c * uu)
        for a, b, c in dict.fromkeys(leaf.properties.forms)
        if all(map(math.isfinite, (a, b, c))) and any((a, b, c))
    ]


def _solve(
    scene: Scene, B: Any, C: Any, least: float, free: tuple[Any, ...] = ()
) -> tuple[Answer, list[Inequality]]:
    """The answer, and the inequalities with their multipliers."""
    stated, equalities, families = _known(scene)
    # an equality as two inequalities would leave the program without interior
    forms = {(q.operator, q.of, q.form) for q in stated}
    two_sided = [q for q in stated if (q.operator, q.of, _opposite(q.form)) in forms]
    one_sided = [q for q in stated if q not in two_sided]
    two_sided = [q for q in two_sided if q.form > _opposite(q.form)]
    claim = Claim(
        B,
        C,
        tuple(q.matrix for q in one_sided),
        (*(q.matrix for q in two_sided), *equalities),
        (*families, *free),
        least,
    )
    answer = least_value(claim)
    λ = [max(0.0, float(value)) for value in answer.multipliers]
    known = [replace(q, multiplier=value) for q, value in zip(one_sided, λ, strict=True)]
    known += [
        replace(q, multiplier=float(value))
        for q, value in zip(two_sided, answer.free[: len(two_sided)], strict=True)
    ]
    linear = sum(
        (ν * E for ν, E in zip(answer.free[len(two_sided) :], equalities, strict=True)),
        start=answer.families,
    )
    return replace(answer, families=linear), known


def _opposite(form: tuple[float, float, float]) -> tuple[float, float, float]:
    a, b, c = form
    return -a, -b, -c


def _proof(
    scene: Scene,
    claim: str,
    value: float,
    holds: bool,
    known: list[Inequality],
    left: Any,
    right: Any,
    answer: Answer,
) -> Proof:
    worst = None
    if math.isfinite(value):
        worst = low_rank_points(answer.gram, [left, right, *(q.matrix for q in known)])
    stated = tuple(known)
    return Proof(
        claim, value, holds, tuple(scene.labels), stated, left, right, answer.families, worst
    )
