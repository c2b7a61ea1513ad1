"""A claim and all that is known, as a program; what the solver says, and whether that verifies."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache, partial
from typing import Any

import numpy as np

from splitkit.proofs.certify import Multipliers, Program, certified
from splitkit.proofs.exact import BudgetEndedError
from splitkit.proofs.faces import proved_on
from splitkit.proofs.outcome import Outcome
from splitkit.proofs.program import Answer, Claim, balanced_units, least_value
from splitkit.proofs.proof import Family, Inequality, Proof, Template
from splitkit.proofs.quadratic import Quadratic
from splitkit.proofs.runs import Row, difference
from splitkit.proofs.symbols import LinearLeaf
from splitkit.proofs.unbounded import exceeding
from splitkit.proofs.worst_case import low_rank_points
from splitkit.properties import Form

EXCEEDED = (
    "points that satisfy every condition, without rounding, attain {:.3g} times what is given, and "
    "grew as much as was asked for: no multiple is known to be enough"
)


@dataclass(frozen=True, eq=False)
class Known:
    """What is not negative, or 0: a condition of an operator at rows of the program."""

    operator: str
    of: str
    quadratic: Quadratic
    template: Template
    at: dict[str, Row]
    form: Form | None = None

    @classmethod
    def of_form(cls, operator: str, of: str, form: Form, x: Row, u: Row) -> Known:
        """a‖x‖² + 2b⟨x, u⟩ + c‖u‖²."""
        template, at = _template(form), {"x": x, "u": u}
        Q = Quadratic(tuple((c, at[p], at[q]) for c, p, q in template.terms))
        return cls(operator, of, Q, template, at, form)

    def rows(self) -> Iterator[Row]:
        """Its vectors, and the differences of two points."""
        yield from self.at.values()
        for first, second in (("x", "y"), ("u", "v")):
            if first in self.at and second in self.at:
                yield difference(self.at[first], self.at[second])

    def inequality(self, multiplier: Any, matrix: Any) -> Inequality:
        """With its multiplier."""
        return Inequality(
            self.operator, self.form, self.of, float(multiplier), self.template, self.at, matrix
        )


@lru_cache(maxsize=512)
def _template(form: Form) -> Template:
    a, b, c = map(Fraction, form)
    found = ((a, "x", "x"), (2 * b, "x", "u"), (c, "u", "u"))
    return Template(tuple(term for term in found if term[0]))


def of_linear_map(
    L: LinearLeaf, forward: Sequence[tuple[Row, Row]], backward: Sequence[tuple[Row, Row]]
) -> tuple[list[Quadratic], list[Family]]:
    """⟨Lx, u⟩ − ⟨x, Lᵀu⟩ = 0, and the matrices of ‖L‖²⟨xᵢ, xⱼ⟩ − ⟨Lxᵢ, Lxⱼ⟩."""
    ONE = Fraction(1)
    made = (Quadratic(((ONE, y, u), (-ONE, x, v))) for x, y in forward for u, v in backward)
    equalities = [E for E in made if not E.is_zero]
    families = []
    if L.norm < math.inf:
        terms = ((Fraction(float(L.norm)) ** 2, "x", "x"), (-ONE, "Lx", "Lx"))
        for known in (forward, backward):
            if known:
                at = tuple({"x": x, "Lx": y} for x, y in known)
                families.append(Family(repr(L), terms, at))
    return equalities, families


@dataclass(frozen=True, eq=False)
class Attempt:
    """A claim, the program made of it and what the solver says.

    Attributes
    ----------
    text : str
        The claim.
    program : Program
    names : tuple of str
        Of its free vectors.
    inequalities, equalities : tuple of Known
        Of the program, whose further equalities say what adjoints are.
    families : tuple of Family
    sign : int
        −1 if the value of the claim is −t.
    off : tuple of Row or None
        The z with Sz = 0 that are known (``faces.py``).
    """

    text: str
    program: Program
    names: tuple[str, ...]
    inequalities: tuple[Known, ...]
    equalities: tuple[Known, ...]
    families: tuple[Family, ...]
    sign: int = 1
    off: tuple[Row, ...] | None = None

    @classmethod
    def of(
        cls,
        text: str,
        names: tuple[str, ...],
        B: Quadratic,
        C: Quadratic,
        known: tuple[Iterable[Known], Iterable[Known]],
        adjoints: Iterable[Quadratic],
        families: Iterable[Family],
        rows: Iterable[Row] = (),
        *,
        least: float = 0.0,
        values: int = 0,
        sign: int = 1,
    ) -> Attempt:
        """Made of what is known, and of further vectors of the claim."""
        inequalities, equalities = map(tuple, known)
        families = tuple(families)
        conditions = (*inequalities, *equalities)

        def spanning() -> Iterator[Row]:
            yield from rows
            for each in families:
                for at in each.points:
                    yield from at.values()
            for _, p, q in (*B.terms, *C.terms):
                yield from (p, q)
            for condition in conditions:
                yield from condition.rows()

        program = Program(
            len(names),
            B,
            C,
            tuple(q.quadratic for q in inequalities),
            (*(q.quadratic for q in equalities), *adjoints),
            tuple(each.matrix for each in families),
            least,
            spanning,
            values,
        )
        return cls(text, program, names, inequalities, equalities, families, sign)

    @cached_property
    def claim(self) -> Claim:
        """In floating point."""
        return self.program.claim()

    @cached_property
    def units(self) -> Any:
        """Those of the free vectors."""
        return balanced_units(self.claim)

    @cached_property
    def unit(self) -> float:
        """That of t."""
        D = np.outer(self.units, self.units)
        B, C = (float(np.linalg.norm(D * M)) for M in (self.claim.B, self.claim.C))
        return C / B if B and C else 1.0

    @cached_property
    def answer(self) -> Answer:
        """The solver's."""
        return least_value(self.claim, self.units)

    @cached_property
    def on_its_face(self) -> Multipliers | None:
        """Multipliers that are verified, where the structure tells what S vanishes at."""
        if self.off is None:
            return None
        return proved_on(self.program, self.claim, self.off, self.units)

    @property
    def certified(self) -> Multipliers | None:
        """Multipliers that are verified, made of the solver's."""
        return self._certified[0]

    @property
    def failure(self) -> str:
        """Why there are none."""
        return f"{self._certified[1]} (status: {self.answer.status})"

    @cached_property
    def _certified(self) -> tuple[Multipliers | None, str]:
        try:
            found = certified(self.program, self.claim, self.answer)
        except BudgetEndedError as error:
            return None, str(error)
        return found, "its multipliers verify nothing"

    def proof(
        self,
        found: Multipliers | None,
        outcome: Outcome,
        reason: str,
        answer: Answer | None = None,
        **shown: Any,
    ) -> Proof:
        """With the multipliers that were found, or else the solver's, at its answer or at another
        one, whose points are shown.
        """
        claim = self.claim
        λ: Sequence[Any]
        ν: Sequence[Any]
        Λ: Sequence[Any]
        if found is None:
            answer = answer or self.answer
            value = answer.value
            λ, ν, Λ = answer.multipliers, answer.free, answer.metrics
        else:
            value = float(found.value)
            λ, ν, Λ = found.inequalities, found.equalities, found.families
        split = len(self.equalities)
        known = (*self.inequalities, *self.equalities)
        matrices = (*claim.inequalities, *claim.equalities[:split])
        return Proof(
            claim=self.text,
            value=self.sign * value,
            outcome=outcome,
            reason=reason,
            vectors=self.names,
            inequalities=tuple(
                q.inequality(c, M)
                for q, c, M in zip(known, (*λ, *ν[:split]), matrices, strict=True)
            ),
            families=self.families,
            left=self.sign * claim.B,
            right=claim.C,
            linear=self._linear(ν, Λ),
            program=self.program,
            multipliers=found,
            points=partial(self._points, answer) if math.isfinite(value) else None,
            **shown,
        )

    def _points(self, answer: Answer | None) -> Any:
        return worst_points(self.claim, answer or self.answer)

    def _linear(self, ν: Sequence[Any], Λ: Sequence[Any]) -> Any:
        """The part of adjoints and families in what is left."""
        total = np.zeros_like(self.claim.B)
        first = len(self.equalities)
        for value, E in zip(ν[first:], self.claim.equalities[first:], strict=True):
            total = total + float(value) * E
        for metric, M in zip(Λ, self.claim.families, strict=True):
            total = total + np.einsum("ij,ijkl->kl", np.array(metric, dtype=float), M)
        return total


def worst_points(claim: Claim, answer: Answer) -> Any:
    """A worst configuration in few dimensions, one row a free vector that is none of values."""
    n = len(claim.B) - claim.values
    units = answer.units[:n]
    D = np.outer(units, units)
    matrices = (claim.B, claim.C, *claim.inequalities, *claim.equalities)
    kept = [D * M[:n, :n] for M in matrices]
    gram = answer.gram[:n, :n] / D
    largest = max(float(np.abs(gram).max()), 1e-300)
    points = low_rank_points(gram / largest, [M / (np.linalg.norm(M) or 1.0) for M in kept])
    return units[:, None] * points * math.sqrt(largest)


def bounded(attempt: Attempt) -> Proof:
    """The least t, if it is verified."""
    found = attempt.certified
    if found is not None:
        return attempt.proof(found, Outcome.PROVED, "")
    answer = attempt.answer
    if answer.is_impossible:
        why = "points that satisfy every condition exceed every multiple of what is given"
        return attempt.proof(None, Outcome.INEXPRESSIBLE, why)
    beyond = exceeding(attempt.program, attempt.claim, attempt.units, attempt.unit)
    if beyond is not None:
        why = EXCEEDED.format(beyond.value)
        return attempt.proof(None, Outcome.INEXPRESSIBLE, why, beyond)
    return attempt.proof(None, Outcome.FAILED, attempt.failure)
