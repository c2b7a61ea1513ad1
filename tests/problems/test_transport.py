"""Dantzig's transport as a complementarity problem: shipments in cases, prices in thousands of
dollars a case, in one array, whose units only right-hand sides show.

Source: Dantzig, *Linear Programming and Extensions* (1963), §3.3; Ferris, Munson, *Complementarity
problems in GAMS and the PATH solver* (2000).
"""

import numpy as np
import pytest
from scipy.optimize import linprog

import splitkit as sk
from splitkit.solvers.methods import METHODS

SUPPLY, DEMANDED = np.array([350.0, 600.0]), np.array([325.0, 300.0, 275.0])
FREIGHT = 0.09 * np.array([2.5, 1.7, 1.8, 2.5, 1.8, 1.4])
ENDS = np.vstack((np.kron(np.eye(2), np.ones(3)), -np.kron(np.ones(2), np.eye(3))))
M = np.block([[np.zeros((6, 6)), ENDS.T], [-ENDS, np.zeros((5, 5))]])
Q = np.concatenate((FREIGHT, SUPPLY, -DEMANDED))
LEAST = linprog(FREIGHT, ENDS, np.concatenate((SUPPLY, -DEMANDED))).fun

F = sk.Affine(M, -Q)
BOX = sk.MixedComplementarity(F, 0.0, np.inf)
APPLICABLE = [
    way
    for way in METHODS
    if any(type(o.method) is way and o.guarantee.holds for o in sk.explain(BOX).options)
]


def check(problem, method, order=slice(None)):
    found = sk.solve(problem, np.zeros(11), method)
    x = found.x[order]
    assert problem.is_solution(found.x, 1e-6), found.method.label
    assert FREIGHT @ x[:6] == pytest.approx(LEAST, rel=1e-6), found.method.label
    return found


@pytest.mark.parametrize(
    "way", [None, *APPLICABLE], ids=lambda m: "default" if m is None else m.label
)
def test_every_method_finds_it_by_default(way):
    check(BOX, None if way is None else way())


def test_in_any_order_and_beside_another():
    """Entries of two problems, and shipments among prices, fall into the same sides."""
    shuffled = np.random.default_rng(0).permutation(11)
    F = sk.Affine(M[np.ix_(shuffled, shuffled)], -Q[shuffled])
    check(sk.MixedComplementarity(F, 0.0, np.inf), None, np.argsort(shuffled))
    two, zero = np.zeros((22, 22)), np.zeros((11, 11))
    two = np.block([[M, zero], [zero, M]])
    both = sk.LCP(two, np.concatenate((Q, Q * np.where(np.arange(11) < 6, 1e3, 1e-3))))
    found = sk.solve(both, np.zeros(22))
    assert FREIGHT @ found.x[:6] == pytest.approx(LEAST, rel=1e-6)
    assert FREIGHT @ found.x[11:17] == pytest.approx(1e-3 * LEAST, rel=1e-6)
