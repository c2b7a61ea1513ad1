"""Check a proof that ``Proof.to_json`` has written, in rational numbers and by nothing else.

    python checker.py proof.json

The file claims value · left − right ≥ 0 for all points (of the free vectors, in all spaces) that
satisfy what it lists; a quadratic function is a list of terms [c, p, q] for c⟨p, q⟩, and a vector a
mapping of the numbers of free vectors to coefficients. Some of these stand for "values", numbers f
of any sign, which are written as ⟨f, f⟩. The claim is proved if

    S = value · left − right − Σ λ · form − Σ ν(⟨y, u⟩ − ⟨x, v⟩) − Σ ⟨Λ, M⟩

is positive semidefinite, and 0 at values, with λ ≥ 0 for a form that the operator has (of any sign
where the opposite form is one too), in names of points "at", of which those in "zero" are 0, y = Lx
and v = Lᵀu, and Λ ⪰ 0 of a matrix M that is known to be so: its entries are Σ c⟨a, b⟩ for the a of
the point of the row and b of that of the column, as "matrices" says. One that begins with "V" is
what a part of V ≥ 0 grows by from the points before (x₋) to those after (x); the claim is then one
about V(after) − V(before). That points are of the operator, and y = Lx, is what "of" and the names
of the vectors say; where all depends on differences, a point is 0. It uses no solver, and nothing
of the library.
"""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from itertools import product
from typing import Any


def number(text: str) -> Fraction:
    """A rational number, as "p/q"."""
    return Fraction(text)


def add(S: list[list[Fraction]], c: Fraction, p: dict[str, str], q: dict[str, str]) -> None:
    """S ← S + c⟨p, q⟩."""
    for (i, a), (j, b) in product(p.items(), q.items()):
        half = c * number(a) * number(b) / 2
        S[int(i)][int(j)] += half
        S[int(j)][int(i)] += half


def semidefinite(matrix: list[list[Fraction]]) -> bool:
    """By elimination without rounding."""
    S = [list(row) for row in matrix]
    for k in range(len(S)):
        if S[k][k] < 0 or (S[k][k] == 0 and any(S[k][k:])):
            return False
        for i in range(k + 1, len(S)):
            factor = S[i][k] / S[k][k] if S[k][k] else Fraction(0)
            S[i] = [a - factor * b for a, b in zip(S[i], S[k], strict=True)]
    return True


def check(proof: dict[str, Any]) -> list[str]:
    """What is wrong with it; nothing, if it proves its claim."""
    n, wrong = len(proof["vectors"]), []
    S = [[Fraction(0)] * n for _ in range(n)]
    for sign, side in ((number(proof["value"]), "left"), (Fraction(-1), "right")):
        for c, p, q in proof[side]:
            add(S, sign * number(c), p, q)
    for k, each in enumerate(proof["inequalities"]):
        form, at, λ = each["form"], each["at"], number(each["multiplier"])
        known = proof["operators"][each["operator"]]
        opposite = {**form, "terms": [[str(-number(c)), p, q] for c, p, q in form["terms"]]}
        if form not in known or (λ < 0 and opposite not in known):
            wrong.append(f"inequality {k}: its form, or its sign, is not one of the operator's")
        if any(at[name] for name in form["zero"]):
            wrong.append(f"inequality {k}: a point of it is not 0")
        for c, p, q in form["terms"]:
            add(S, -λ * number(c), at[p], at[q])
    for each in proof["adjoints"]:
        ν = number(each["multiplier"])
        add(S, -ν, each["y"], each["u"])
        add(S, ν, each["x"], each["v"])
    for k, each in enumerate(proof["families"]):
        Λ, points = [[number(v) for v in row] for row in each["multiplier"]], each["points"]
        if not semidefinite(Λ) or any(Λ[i][j] != Λ[j][i] for i in range(len(Λ)) for j in range(i)):
            wrong.append(f"family {k}: its multiplier is not positive semidefinite")
        for (c, a, b), i, j in product(proof["matrices"][each["operator"]], *[range(len(Λ))] * 2):
            add(S, -Λ[i][j] * number(c), points[i][a], points[j][b])
    if any(S[i][j] for i in proof["values"] for j in range(n)):
        wrong.append("S is not 0 at values")
    return wrong if semidefinite(S) else [*wrong, "S is not positive semidefinite"]


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        found = check(json.load(file))
    print("\n".join(found) or "proved")
    sys.exit(bool(found))
