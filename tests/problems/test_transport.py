"""Dantzig's transport as a complementarity problem: shipments in cases, prices in thousands of
dollars a case, in one array, whose units only right-hand sides show.

Source: Dantzig, *Linear Programming and Extensions* (1963), §3.3; Ferris, Munson, *Complementarity
problems in GAMS and the PATH solver* (2000).
"""

import numpy as np
import pytest
from scipy.optimize import linprog

import splitkit as sk
from splitkit.backend import to_numpy
from splitkit.solvers.methods import METHODS
from tests.collection.problems import asarray

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


# -- free variables -------------------------------------------------------------------------------


def with_equations(sign):
    """min ½‖v‖² − ⟨c, v⟩ with Ev = e, v ≥ 0, and Hu = v − h with free u, signs as they come."""
    rng = np.random.default_rng(4)
    H, B = rng.normal(size=(3, 3)) + 3 * np.eye(3), rng.normal(size=(4, 4))
    B = B @ B.T + np.eye(4) + (B - B.T)
    C, D = rng.normal(size=(3, 4)), rng.normal(size=(4, 3))
    B = B + D @ np.linalg.solve(H, C)  # so that what is left is monotone
    M = np.block([[sign * H, sign * C], [D, B]])
    return M, np.concatenate((sign * rng.normal(size=3), rng.normal(size=4)))


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_free_variables_are_eliminated_where_that_makes_it_monotone(sign, library):
    M, q = with_equations(sign)
    low = np.where(np.arange(7) < 3, -np.inf, 0.0)
    problem = sk.MixedComplementarity(
        sk.Affine(*(asarray(library, "float64")(a) for a in (M, q))),
        asarray(library, "float64")(low),
        float("inf"),
    )
    x0 = asarray(library, "float64")(np.zeros(7))
    if np.linalg.eigvalsh(M + M.T)[0] < 0:
        with pytest.raises(sk.NoGuaranteeError):
            sk.solve(problem, x0)
    else:
        assert sign > 0
    rest = problem.eliminated()
    v = sk.solve(rest.problem, rest.bounded_part(x0), tol=1e-11).x
    x = to_numpy(rest.restore(v))
    np.testing.assert_array_equal(rest.bounded, low == 0)
    slope = M @ x - q
    np.testing.assert_allclose(slope[:3], 0, atol=1e-10)
    np.testing.assert_allclose(np.minimum(x[3:], slope[3:]), 0, atol=1e-8)
    assert type(rest.restore(v)) is type(x0)


def test_what_cannot_be_eliminated_is_named():
    M = np.ones((2, 2))
    free = sk.MixedComplementarity(sk.Affine(M, np.ones(2)), -np.inf, np.inf)
    with pytest.raises(ValueError, match="M of the 2 free variables is singular"):
        free.eliminated()
    F = sk.Operator.from_callable(lambda x: x, monotone=True)
    with pytest.raises(TypeError, match="eliminated of Affine"):
        sk.MixedComplementarity(F, 0.0, np.inf).eliminated()
