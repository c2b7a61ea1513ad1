"""A proof as a file that ``checker.py``, or another program, checks; and in LaTeX.

Numbers of the file are rational, as "p/q"; nothing in it was rounded.
"""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from splitkit.proofs.certify import Multipliers, Program, slack
from splitkit.proofs.exact import Matrix
from splitkit.proofs.quadratic import Quadratic
from splitkit.proofs.runs import Row

if TYPE_CHECKING:
    from splitkit.proofs.proof import Family, Proof, Template


def as_json(proof: Proof) -> str:
    """The file of a proof.

    Raises
    ------
    ValueError
        Nothing was proved.
    """
    program, found = _proved(proof)
    operators: dict[str, list[Any]] = {}
    inequalities: list[dict[str, Any]] = []
    first = len(program.inequalities)
    multipliers = (*found.inequalities, *found.equalities)
    for k, each in enumerate(proof.inequalities):
        forms = operators.setdefault(each.operator, [])
        for sign in (1,) if k < first else (1, -1):
            if (written := _form(each.template, sign)) not in forms:
                forms.append(written)
        if multipliers[k]:
            inequalities.append(
                {
                    "operator": each.operator,
                    "form": _form(each.template),
                    "of": each.of,
                    "at": _rows(each.at),
                    "multiplier": str(multipliers[k]),
                }
            )
    two_sided = len(proof.inequalities) - first
    adjoints = []
    for E, ν in zip(program.equalities[two_sided:], found.equalities[two_sided:], strict=True):
        (_, y, u), (_, x, v) = E.terms
        adjoints.append({**_rows({"y": y, "u": u, "x": x, "v": v}), "multiplier": str(ν)})
    text = {
        "claim": proof.claim,
        "value": str(found.value),
        "vectors": list(proof.vectors),
        "values": list(range(program.dimension, program.size)),
        "left": _terms(program.B),
        "right": _terms(program.C),
        "operators": operators,
        "matrices": {each.operator: _named(each.terms) for each in proof.families},
        "inequalities": inequalities,
        "adjoints": adjoints,
        "families": [
            _family(each, Λ) for each, Λ in zip(proof.families, found.families, strict=True)
        ],
    }
    return json.dumps(text, ensure_ascii=False, indent=1)


def as_latex(proof: Proof) -> str:
    """The inequality, its multipliers, and what is left as a sum of squares.

    Raises
    ------
    ValueError
        Nothing was proved.
    """
    program, found = _proved(proof)
    n = program.dimension
    left, right = _sum_of(program.B, n), _sum_of(program.C, n)
    lines = [
        r"\begin{aligned}",
        rf"& {float(found.value):.9g}\,\bigl({left}\bigr) - \bigl({right}\bigr) = \\",
    ]
    multipliers = (*found.inequalities, *found.equalities)
    for each, λ in zip(proof.inequalities, multipliers, strict=False):
        if λ:
            Q = Quadratic(tuple((c, each.at[p], each.at[q]) for c, p, q in each.template.terms))
            lines.append(rf"&{{}}+ {float(λ):.6g}\,\bigl({_sum_of(Q, n)}\bigr) \\")
    for d, row in squares([row[:n] for row in slack(program, found)[:n]]):
        lines.append(rf"&{{}}+ {float(d):.6g}\,\lVert {_vector(row)} \rVert^2 \\")
    if program.families or len(multipliers) > len(proof.inequalities):
        lines.append(r"&{}+ \text{what linear maps and } V \text{ contribute}")
    names = (f"v_{{{i}}}: {name}" for i, name in enumerate(proof.vectors))
    return "\n".join([*lines, r"\end{aligned}", *(f"% {name}" for name in names)])


def squares(matrix: Matrix) -> list[tuple[Fraction, Row]]:
    """A positive semidefinite matrix as Σ d‖Σ cᵢvᵢ‖²."""
    S = [list(row) for row in matrix]
    found: list[tuple[Fraction, Row]] = []
    for k in range(len(S)):
        pivot = S[k][k]
        if not pivot:
            continue
        row = {i: S[k][i] / pivot for i in range(k, len(S)) if S[k][i]}
        found.append((pivot, row))
        for i in range(k + 1, len(S)):
            factor = S[i][k] / pivot
            S[i] = [a - factor * b for a, b in zip(S[i], S[k], strict=True)]
    return found


def _proved(proof: Proof) -> tuple[Program, Multipliers]:
    if proof.multipliers is None:
        raise ValueError(f"nothing was proved: {proof.outcome}, {proof.reason}")
    return proof.program, proof.multipliers


def _row(row: Row) -> dict[str, str]:
    return {str(i): str(c) for i, c in row.items()}


def _rows(rows: dict[str, Row]) -> dict[str, dict[str, str]]:
    return {name: _row(row) for name, row in rows.items()}


def _form(template: Template, sign: int = 1) -> dict[str, Any]:
    """What is not negative, in names, some of which must be 0."""
    terms = _named([(sign * c, p, q) for c, p, q in template.terms])
    return {"terms": terms, "zero": list(template.zeros)}


def _named(terms: Any) -> list[list[str]]:
    return [[str(c), p, q] for c, p, q in terms]


def _terms(Q: Quadratic) -> list[list[Any]]:
    return [[str(c), _row(p), _row(q)] for c, p, q in Q.terms]


def _family(family: Family, Λ: Matrix) -> dict[str, Any]:
    return {
        "operator": family.operator,
        "points": [_rows(point) for point in family.points],
        "multiplier": [[str(v) for v in row] for row in Λ],
    }


def _sum_of(Q: Quadratic, dimension: int) -> str:
    terms = []
    for c, p, q in Q.terms:
        if p == q and min(p, default=0) >= dimension:
            body = _vector(p)
        elif p == q:
            body = rf"\lVert {_vector(p)} \rVert^2"
        else:
            body = rf"\langle {_vector(p)}, {_vector(q)} \rangle"
        terms.append(f"{float(c):+.6g}\\,{body}")
    return _plain(" ".join(terms))


def _vector(row: Row) -> str:
    text = " ".join(f"{float(c):+.6g}\\,v_{{{i}}}" for i, c in row.items())
    return _plain(text)


def _plain(text: str) -> str:
    """Without a sign in front, and factors of 1."""
    plain = re.sub(r"(?<![\d.])1\\,", "", f" {text}").strip()
    return plain.removeprefix("+") or "0"
