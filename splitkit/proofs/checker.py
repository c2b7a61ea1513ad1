"""Check a proof that ``Proof.to_json`` has written, in rational numbers and by nothing else.

    python checker.py proof.json

The file claims value · left − right ≥ 0 for all points (of the free vectors, in all spaces) that
satisfy what it lists; a quadratic function is a list of terms [c, p, q] for c⟨p, q⟩, and a vector a
mapping of the numbers of free vectors to coefficients. The claim is proved if

    S = value · left − right − Σ λ(a‖x‖² + 2b⟨x, u⟩ + c‖u‖²) − Σ ν(⟨y, u⟩ − ⟨x, v⟩) − Σ ⟨Λ, M⟩

is positive semidefinite, with λ ≥ 0 for a form (a, b, c) of the operator (of any sign where the
opposite form is one too), y = Lx and v = Lᵀu, and Λ ⪰ 0 of a matrix M that is known to be so:

    "map"     (‖L‖²⟨xᵢ, xⱼ⟩ − ⟨Lxᵢ, Lxⱼ⟩)ᵢⱼ ⪰ 0
    "growth"  what that grows by from the points before to those after (a part of V ≥ 0)
    "metric"  what ⟨sᵢ, sⱼ⟩ grows by (likewise)

of which the last two make the claim one about V(after) − V(before). That x and u are differences of
two pairs of the operator, and y = Lx, is what "of" and the names of the vectors say. It uses no
solver, and nothing of the library.
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
        form, λ = each["form"], number(each["multiplier"])
        known = [[number(c) for c in f] for f in proof["operators"][each["operator"]]]
        a, b, c = (number(value) for value in form)
        if [a, b, c] not in known or (λ < 0 and [-a, -b, -c] not in known):
            wrong.append(f"inequality {k}: its form, or its sign, is not one of the operator's")
        x, u = each["x"], each["u"]
        for weight, p, q in ((a, x, x), (2 * b, x, u), (c, u, u)):
            add(S, -λ * weight, p, q)
    for each in proof["adjoints"]:
        ν = number(each["multiplier"])
        add(S, -ν, each["y"], each["u"])
        add(S, ν, each["x"], each["v"])
    for k, each in enumerate(proof["families"]):
        Λ = [[number(value) for value in row] for row in each["multiplier"]]
        if not semidefinite(Λ) or any(Λ[i][j] != Λ[j][i] for i in range(len(Λ)) for j in range(i)):
            wrong.append(f"family {k}: its multiplier is not positive semidefinite")
        square = number(each.get("norm", "0")) ** 2
        parts = {
            "map": ((square, "x"), (Fraction(-1), "Lx")),
            "growth": ((square, "x"), (Fraction(-1), "Lx"), (-square, "x₋"), (Fraction(1), "Lx₋")),
            "metric": ((Fraction(1), "x"), (Fraction(-1), "x₋")),
        }[each["kind"]]
        for (weight, name), i, j in product(parts, range(len(Λ)), range(len(Λ))):
            add(S, -Λ[i][j] * weight, each["points"][i][name], each["points"][j][name])
    return wrong if semidefinite(S) else [*wrong, "S is not positive semidefinite"]


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        found = check(json.load(file))
    print("\n".join(found) or "proved")
    sys.exit(bool(found))
