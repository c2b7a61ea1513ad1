"""Points for which the ratio of what is bounded to what is given is as large as one asks for.

Where no t is enough, a direction of Gram matrices G with tr(BG) = 0 < tr(CG) mostly shows it, and
the solver finds it. But ratios may grow without a direction, as those of f(x) − f* to ‖x − x*‖² do
near x* where f has a kink. Then points are asked for whose ratio is at least some t, inside of
every condition by a margin, so that rational numbers near them satisfy all without rounding.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from splitkit.proofs.certify import Program, nearest_semidefinite
from splitkit.proofs.exact import ZERO, Matrix, is_semidefinite
from splitkit.proofs.program import Answer, Claim, least_value
from splitkit.proofs.quadratic import Quadratic

RATIOS = (1e2, 1e4)  # which points are to have, beside that of the sizes of the claim
MARGIN = 1e-3  # of tr(BG), for matrices of the size of B
SHORT = 0.99  # of what is asked for: it must be attained


def exceeding(program: Program, claim: Claim, units: Any, unit: float) -> Answer | None:
    """A worst configuration for the greatest ratio, verified in rational numbers; None: a ratio is
    not attained, so that some t may be enough.
    """
    D = np.outer(units, units)
    size = float(np.linalg.norm(D * claim.B))
    if not size or claim.least:
        return None
    inside = [
        Q - MARGIN * float(np.linalg.norm(D * Q)) / size * claim.B for Q in claim.inequalities
    ]
    found = None
    for ratio in RATIOS:
        t = ratio * unit
        asked = replace(claim, inequalities=(*inside, t * claim.B - claim.C))
        found = least_value(asked, units)
        if not (found.value > SHORT * t and _attains(program, found.gram, SHORT * t)):
            return None
    return None if found is None else replace(found, multipliers=found.multipliers[:-1])


def _attains(program: Program, gram: Any, t: float) -> bool:
    """Whether points with about this Gram matrix satisfy every condition, and tr(CG) ≥ t tr(BG)."""
    if not np.isfinite(gram).all():
        return False
    n = program.dimension
    G = nearest_semidefinite(gram[:n, :n])
    values = [Fraction(float(v)) for v in np.diag(gram)[n:]]

    def trace(Q: Quadratic) -> Fraction:
        return sum((_entry(G, values, *at) * v for at, v in Q.entries.items()), ZERO)

    B, C = trace(program.B), trace(program.C)
    return (
        C > 0
        and C >= Fraction(t) * B
        and all(trace(Q) >= 0 for Q in program.inequalities)
        and not any(map(trace, program.equalities))
        and all(is_semidefinite([[trace(Q) for Q in row] for row in M]) for M in program.families)
    )


def _entry(G: Matrix, values: list[Fraction], i: int, j: int) -> Fraction:
    """What an entry on or above the diagonal is multiplied by in a trace."""
    if i >= len(G):
        return values[i - len(G)]
    return G[i][j] if i == j else 2 * G[i][j]
