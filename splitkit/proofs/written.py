"""A proof as a file that ``checker.py``, or another program, checks; and in LaTeX.

Numbers of the file are rational, as "p/q"; nothing in it was rounded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from fractions import Fraction
from math import isqrt
from typing import TYPE_CHECKING, Any

from splitkit.proofs.certify import Multipliers, Program, slack
from splitkit.proofs.exact import Matrix
from splitkit.proofs.quadratic import Quadratic
from splitkit.proofs.runs import Row

if TYPE_CHECKING:
    from splitkit.proofs.proof import Proof


def as_json(proof: Proof) -> str:
    """The file of a proof.

    Raises
    ------
    ValueError
        Nothing was proved.
    """
    program, found = _proved(proof)
    operators: dict[str, list[list[str]]] = {}
    inequalities: list[dict[str, Any]] = []
    first = len(program.inequalities)
    multipliers = (*found.inequalities, *found.equalities)
    for k, each in enumerate(proof.inequalities):
        forms = operators.setdefault(each.operator, [])
        form = [Fraction(c) for c in each.form]
        for known in (form, [-c for c in form])[: 1 if k < first else 2]:
            if (written := [str(c) for c in known]) not in forms:
                forms.append(written)
        if multipliers[k]:
            inequalities.append(
                {
                    "operator": each.operator,
                    "form": [str(c) for c in form],
                    "of": each.of,
                    "x": _row(each.x),
                    "u": _row(each.u),
                    "multiplier": str(multipliers[k]),
                }
            )
    two_sided = len(proof.inequalities) - first
    adjoints = []
    for E, ν in zip(program.equalities[two_sided:], found.equalities[two_sided:], strict=True):
        (_, y, u), (_, x, v) = E.terms
        rows = {name: _row(row) for name, row in zip("yuxv", (y, u, x, v), strict=True)}
        adjoints.append({**rows, "multiplier": str(ν)})
    text = {
        "claim": proof.claim,
        "value": str(found.value),
        "vectors": list(proof.vectors),
        "left": _terms(program.B),
        "right": _terms(program.C),
        "operators": operators,
        "inequalities": inequalities,
        "adjoints": adjoints,
        "families": [
            _family(M, Λ, proof.is_of_a_metric and M is program.families[-1])
            for M, Λ in zip(program.families, found.families, strict=True)
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
    left, right = _sum_of(program.B), _sum_of(program.C)
    lines = [
        r"\begin{aligned}",
        rf"& {float(found.value):.9g}\,\bigl({left}\bigr) - \bigl({right}\bigr) = \\",
    ]
    multipliers = (*found.inequalities, *found.equalities)
    for each, λ in zip(proof.inequalities, multipliers, strict=False):
        if λ:
            a, b, c = each.form
            terms = ((a, each.x, each.x), (2 * b, each.x, each.u), (c, each.u, each.u))
            Q = Quadratic(tuple((Fraction(w), p, q) for w, p, q in terms if w))
            lines.append(rf"&{{}}+ {float(λ):.6g}\,\bigl({_sum_of(Q)}\bigr) \\")
    for d, row in squares(slack(program, found)):
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


def _terms(Q: Quadratic) -> list[list[Any]]:
    return [[str(c), _row(p), _row(q)] for c, p, q in Q.terms]


def _family(M: Any, Λ: Matrix, is_metric: bool) -> Mapping[str, Any]:
    """See the kinds in ``checker.py``."""
    first = [term[0] for term in M[0][0].terms]
    kind = "metric" if is_metric else "growth" if len(first) == 4 else "map"
    names = {"map": ("x", "Lx"), "growth": ("x", "Lx", "x₋", "Lx₋"), "metric": ("x", "x₋")}[kind]
    points = [
        {name: _row(term[1]) for name, term in zip(names, M[i][i].terms, strict=True)}
        for i in range(len(M))
    ]
    text = {"kind": kind, "points": points, "multiplier": [[str(v) for v in row] for row in Λ]}
    return text if kind == "metric" else {**text, "norm": str(_root(first[0]))}


def _root(square: Fraction) -> Fraction:
    return Fraction(isqrt(square.numerator), isqrt(square.denominator))


def _sum_of(Q: Quadratic) -> str:
    terms = []
    for c, p, q in Q.terms:
        if p == q:
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
