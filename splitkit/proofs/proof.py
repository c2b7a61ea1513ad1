"""What the program says of a step, with all that is needed to check it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from splitkit.display import Shown
from splitkit.operators.base import Operator
from splitkit.proofs.certify import Multipliers, Program
from splitkit.proofs.lyapunov import Lyapunov, Part
from splitkit.proofs.outcome import Outcome
from splitkit.proofs.quadratic import Quadratic
from splitkit.proofs.runs import Row
from splitkit.proofs.written import as_json, as_latex
from splitkit.properties import form_text

CONTRACTION = ("‖u⁺‖² ≤ value · ‖u‖²", "Σ‖uᵢ⁺‖² ≤ value · Σ‖uᵢ‖²")
DECREASE = "‖u⁺‖² ≤ ‖u‖² − value · ‖s‖²"
LYAPUNOV = "− value · ‖r‖² for a quadratic V ≥ 0, value ≤ 1"  # V(s⁺) ≤ ρ V(s) …


@dataclass(frozen=True)
class Template:
    """Σ c⟨p, q⟩ in names of points, where those in ``zeros`` are 0."""

    terms: tuple[tuple[Fraction, str, str], ...]
    zeros: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Those that occur."""
        used = dict.fromkeys(name for _, p, q in self.terms for name in (p, q))
        return (*used, *self.zeros)

    def __str__(self) -> str:
        parts = []
        for c, p, q in self.terms:
            product = p if p in NUMBERS else f"‖{p}‖²" if p == q else f"⟨{p}, {q}⟩"
            size = "" if abs(c) == 1 and product != "1" else f"{float(abs(c)):.6g}"
            shown = size if product == "1" else f"{size}{product}"
            parts.append(f"{'−' if c < 0 else '+'} {shown}")
        return " ".join(parts).removeprefix("+ ") or "0"


NUMBERS = ("1", "f", "g")  # names of what is no point


@dataclass(frozen=True, eq=False)
class Inequality:
    """An inequality of the proof: (a‖Δx‖² + 2b⟨Δx, Δu⟩ + c‖Δu‖²) ≥ 0 for two pairs of an operator,
    or what else its class says.

    Attributes
    ----------
    operator : str
    form : tuple (a, b, c) or None
        None: another condition than a form.
    of : str
        The two pairs.
    multiplier : float
        Of any sign where the opposite inequality holds too.
    template : Template
        The condition in names of points: x for Δx and u for Δu of a form.
    at : dict
        The row of each name.
    matrix : array
        Its coefficients in the Gram matrix of the free vectors.

    Examples
    --------
    >>> F = sk.Operator.from_callable(lambda x: x, strong_monotonicity=1.0, lipschitz=2.0, name="F")
    >>> for inequality in sk.prove(sk.Identity() - 0.25 * F).inequalities:
    ...     print(f"{inequality.multiplier:.4f} of {inequality}")
    0.5000 of (−1‖Δx‖² +1⟨Δx, Δu⟩ ≥ 0) of A₁ = F, pair 1
    0.0625 of (4‖Δx‖² −1‖Δu‖² ≥ 0) of A₁ = F, pair 1
    """

    operator: str
    form: tuple[float, float, float] | None
    of: str
    multiplier: float
    template: Template
    at: dict[str, Row]
    matrix: Any

    def __str__(self) -> str:
        what = f"{self.template} ≥ 0" if self.form is None else form_text(self.form)
        return f"({what}) of {self.operator}{', ' if self.of else ''}{self.of}"


@dataclass(frozen=True, eq=False)
class Family:
    """A positive semidefinite matrix, with the entries Σ c⟨aᵢ, bⱼ⟩ in names a, b of each point.

    Attributes
    ----------
    operator : str
    terms : tuple of (c, a, b)
    points : tuple of dict
        The row of each name.
    """

    operator: str
    terms: tuple[tuple[Fraction, str, str], ...]
    points: tuple[dict[str, Row], ...]

    @cached_property
    def matrix(self) -> tuple[tuple[Quadratic, ...], ...]:
        """Its entries."""
        return tuple(
            tuple(Quadratic(tuple((c, p[a], q[b]) for c, a, b in self.terms)) for q in self.points)
            for p in self.points
        )


@dataclass(frozen=True, eq=False, repr=False)
class Proof(Shown):
    """What the program says of a step; ``print`` it.

    Attributes
    ----------
    claim : str
        The inequality that was optimized.
    value : float
        ρ² or c: of a proof one that is verified; inf or −inf if there is none.
    outcome : Outcome
    reason : str
        What the outcome rests on.
    vectors : tuple of str
        The free vectors, differences to a solution.
    inequalities : tuple of Inequality
        Those with a multiplier that is not 0, and the others.
    families : tuple of Family
        The positive semidefinite matrices that occur.
    left, right, linear : arrays (n, n)
        The claim as matrices, value · left − right − Σ λQ − linear ⪰ 0, where ``linear`` is the
        part of what is known of linear maps and of a Lyapunov function.
    program : Program
        The claim in rational numbers.
    multipliers : Multipliers or None
        Those of a proof, which verify it in rational numbers.
    instances : dict
        Of a refutation, an operator for each of the step's, by its name.
    attained : float or None
        The value that a run of the step on them has.

    Examples
    --------
    >>> F = sk.Operator.from_callable(lambda x: x, strong_monotonicity=1.0, lipschitz=2.0)
    >>> proof = sk.prove(sk.Identity() - 0.25 * F)
    >>> print(proof.holds, proof.rate)
    True 0.866
    """

    claim: str
    value: float
    outcome: Outcome
    reason: str
    vectors: tuple[str, ...]
    inequalities: tuple[Inequality, ...]
    families: tuple[Family, ...]
    left: Any
    right: Any
    linear: Any
    program: Program = field(repr=False)
    multipliers: Multipliers | None = field(repr=False)
    points: Callable[[], Any] | None = field(repr=False)
    instances: dict[str, Operator] = field(default_factory=dict)
    on_worst: Callable[[], tuple[dict[str, Operator], float]] | None = field(
        default=None, repr=False
    )
    attained: float | None = None

    def heading(self) -> str:
        """How the attempt ended."""
        return f"Proof: {self.outcome}"

    def rows(self) -> Iterator[tuple[str, Any]]:
        """The claim, and what is proved of it."""
        yield "claim", self.claim
        yield "value", self.value
        yield "rate", self.rate
        yield "reason", self.reason or None
        used = sum(each.multiplier != 0 for each in self.inequalities)
        yield "rests on", f"{used} of {len(self.inequalities)} inequalities"
        yield "worst case", None if self.attained is None else f"a run attains {self.attained:.4g}"

    @property
    def holds(self) -> bool:
        """Whether convergence is proved: ρ < 1, or c > 0."""
        return self.outcome is Outcome.PROVED

    @property
    def rate(self) -> float | None:
        """The contraction factor ρ < 1, if that is what was proved."""
        return math.sqrt(self.value) if self.holds and self.claim in CONTRACTION else None

    @cached_property
    def worst(self) -> Any:
        """Points, one row a free vector, that satisfy every inequality and attain the value; None
        where the claim has none.
        """
        return None if self.points is None else self.points()

    def worst_instance(self) -> tuple[dict[str, Operator], float]:
        """Operators through the worst points, by their names, and the value that a run of the step
        on them attains: how tight the bound is.

        Raises
        ------
        ValueError
            None are found.
        """
        if self.on_worst is None:
            raise ValueError("operators are sought for a step's contraction alone")
        return self.on_worst()

    def residual(self) -> float:
        """The least eigenvalue of value · left − right − Σ λQ − linear: ≥ 0 up to rounding; −inf
        if no value will do.
        """
        if not math.isfinite(self.value):
            return -math.inf
        slack = self.value * self.left - self.right - self.linear
        for each in self.inequalities:
            slack = slack - each.multiplier * each.matrix
        n = self.program.dimension
        return float(np.linalg.eigvalsh(slack[:n, :n])[0])

    @property
    def is_of_a_metric(self) -> bool:
        """Whether the claim is of a quadratic function that the program found."""
        return self.claim.endswith(LYAPUNOV)

    @cached_property
    def lyapunov(self) -> Lyapunov | None:
        """The quadratic function V of a proof that found one, with its decrease or linear rate."""
        if self.multipliers is None or not self.is_of_a_metric:
            return None
        parts, rate = [], Fraction(1)
        for family, P in zip(self.families, self.multipliers.families, strict=True):
            now = tuple((-c, a) for c, a, _ in family.terms if a.endswith("₋"))
            if now:  # what V grows by, ρV(s) − V(s⁺), with its sign changed
                first = next(c for c, a, _ in family.terms if not a.endswith("₋"))
                rate = now[0][0] / first
                weights = tuple((c / rate, a) for c, a in now)
                parts.append(Part(family.operator, P, family.points, weights))
        return Lyapunov(float(rate), tuple(parts), self.vectors)

    def to_json(self) -> str:
        """The proof in rational numbers, for ``python splitkit/proofs/checker.py FILE``, which says
        what the file holds; ValueError if nothing was proved.
        """
        return as_json(self)

    def to_latex(self) -> str:
        """The inequality as multipliers and squares; ValueError if nothing was proved."""
        return as_latex(self)

    def __str__(self) -> str:
        lines = [
            f"claim: {self.claim}",
            f"value: {self.value:.9g}",
            f"outcome: {self.outcome}{', because ' if self.reason else ''}{self.reason}",
            "free vectors (differences to a solution):",
            *(f"    v{i} = {name}" for i, name in enumerate(self.vectors)),
            "multipliers:",
        ]
        for each in self.inequalities:
            if abs(each.multiplier) > 1e-9 * max(1.0, np.abs(self.right).max()):
                lines.append(f"    {each.multiplier:.6g} × {each}")
        for name, instance in self.instances.items():
            lines.append(f"{name} as {instance!r}")
        if self.worst is not None:
            lines.append("worst configuration:")
            for i, row in enumerate(self.worst):
                numbers = ", ".join(f"{v:.5g}" for v in row)
                lines.append(f"    v{i} = ({numbers})")
        return "\n".join(lines)
