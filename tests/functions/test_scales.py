"""Proximal maps without a closed form, from 10⁻⁸ to 10⁸ in the point and in the step.

In single precision they agree with double precision to a few roundings of the larger of ‖y‖ and
‖p‖; the projections p of y have, in double precision, ⟨y − p, q − p⟩ ≤ 0 for points q of the set.
"""

import numpy as np
import pytest

from splitkit.functions import (
    Birkhoff,
    CappedSimplex,
    ExponentialCone,
    Intersection,
    L0Ball,
    L1Ball,
    L2Ball,
    LInfNorm,
    Logistic,
    LogSumExp,
    LpPower,
    Max,
    NegativeEntropy,
    NonNegative,
    Polyhedron,
    PowerCone,
    Simplex,
    SimplexEntropy,
    SortedL1,
    SquaredKSupportNorm,
    SumOfKLargest,
    TransportPolytope,
)

SCALES = [1e-8, 1e-3, 1.0, 1e3, 1e8]
PENALTIES = {
    "4/3 power": lambda a: LpPower(4 / 3),
    "3/2 power": lambda a: LpPower(1.5),
    "cube": lambda a: LpPower(3.0),
    "fourth power": lambda a: LpPower(4.0),
    "k-support": lambda a: SquaredKSupportNorm(3),
    "sorted": lambda a: SortedL1(a(np.linspace(2.0, 0.5, 6))),
    "softmax": lambda a: LogSumExp(),
    "logistic": lambda a: Logistic(),
    "entropy": lambda a: NegativeEntropy(),
    "entropy on the simplex": lambda a: SimplexEntropy(),
}
A = np.random.default_rng(2).normal(size=(4, 3))
SETS = {
    "exponential cone": (lambda a: ExponentialCone(), (3, 3)),
    "power cone": (lambda a: PowerCone(0.3), (3, 3)),
    "polyhedron": (lambda a: Polyhedron(a(A), a(np.ones(4))), (3,)),
    "Birkhoff": (lambda a: Birkhoff(), (3, 3)),
    "transport": (
        lambda a: TransportPolytope(a([0.25, 0.75]), a([0.5, 0.125, 0.375])), (2, 3),
    ),
    "intersection": (lambda a: Intersection((NonNegative(), L2Ball(1.0))), (3,)),
}  # fmt: skip


def single(a):
    return np.asarray(a, dtype=np.float32)


def close(p32, p64, y, roundings):
    size = max(np.linalg.norm(y), np.linalg.norm(p64))
    assert p32.dtype == np.float32
    assert np.linalg.norm(p32 - p64) <= roundings * np.finfo(np.float32).eps * size


@pytest.mark.parametrize("alpha", SCALES)
@pytest.mark.parametrize("name", PENALTIES)
def test_penalties_at_every_scale_in_both_precisions(name, alpha):
    rng = np.random.default_rng(0)
    make = PENALTIES[name]
    for scale in SCALES:
        y = single(scale * rng.normal(size=6))
        p = make(np.asarray).prox(y.astype(float), alpha)
        assert np.all(np.isfinite(p))
        close(make(single).prox(y, alpha), p, y, 8)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", SETS)
def test_projections_at_every_scale_in_both_precisions(name, scale):
    rng = np.random.default_rng(1)
    make, shape = SETS[name]
    for _ in range(4):
        y = single(scale * rng.normal(size=shape))
        C = make(np.asarray)
        p = C.project(y.astype(float))
        size = np.linalg.norm(y) + np.linalg.norm(p)
        rounding = np.finfo(float).eps * size
        assert np.max(C.violation(p)) <= 200 * rounding
        for q in (C.project(rng.normal(size=shape) * s) for s in (1.0, scale)):
            # ⟨y − p, q − p⟩ ≤ 0 for q in C
            assert np.sum((y - p) * (q - p)) <= 1000 * rounding * (size + np.linalg.norm(q))
        close(make(single).project(y), p, y, 16)


@pytest.mark.parametrize("scale", [1.0, 1e3, 1e6, 1e9])
def test_transport_plans_of_matrices_far_beyond_the_marginals(scale):
    """Where the matrix is large, the support has to grow together from parts far from each other.

    By the projection theorem the support function of C at Y − X is ⟨Y − X, X⟩.
    """
    rng = np.random.default_rng(4)
    for _ in range(12):
        p, q = rng.random(12), rng.random(9)
        p, q = p / p.sum(), q / q.sum()
        C, Y = TransportPolytope(p, q), scale * rng.normal(size=(12, 9))
        X = C.project(Y)
        assert C(X) == 0
        size = np.linalg.norm(Y) + 1
        gap = float(C.conjugate(Y - X)) - np.sum((Y - X) * X)
        assert abs(gap) <= 200 * np.finfo(float).eps * size * size


@pytest.mark.parametrize(
    "x",
    [
        np.asarray([2e-6, 1.428, 1.297, -3.884e-19]),
        single([1.3249762, 1.6194519, -1.1106761, 9.5392409e-12]),
        single([2.8227766, 1.7961814e-9, -1.5633796e-12, -2.0726340]),
        single([-1.2385499e-7, -1.2297781, -3.8935983, -0.48239881]),
    ],
)
def test_entries_far_below_the_others_do_not_disturb_the_k_support_norm(x):
    assert SquaredKSupportNorm(1)(x) == pytest.approx(abs(x).sum() ** 2 / 2, rel=1e-5)
    assert SquaredKSupportNorm(3)(x) == pytest.approx((x * x).sum() / 2, rel=1e-5)


@pytest.mark.parametrize("alpha", [1.0, 1e-3])
def test_a_step_below_the_rounding_of_the_point_leaves_it(alpha):
    y = single([1e9, -1.0, 2.0])
    assert np.array_equal(LInfNorm().prox(y, alpha), y)
    assert np.array_equal(LInfNorm().prox(single([1e9, 1e9]), alpha), single([1e9, 1e9]))


@pytest.mark.parametrize(
    ("x", "p"),
    [
        ([1e8, 1e8, 0.0], [0.5, 0.5, 0.0]),
        ([1e9, 1.0, 2.0], [1.0, 0.0, 0.0]),
        ([-1e8, 3e7, 5.0], [0.0, 1.0, 0.0]),
        ([-1e8, -3e8, -1e8], [0.5, 0.0, 0.5]),
    ],
)
def test_a_set_smaller_than_the_rounding_of_the_point_is_reached(x, p):
    for C in (CappedSimplex(), CappedSimplex(upper=single([1.0, 2.0, 3.0])), Simplex()):
        assert np.array_equal(C.project(single(x)), single(p))


@pytest.mark.parametrize(
    "f",
    [
        CappedSimplex(batch_ndim=1),
        L0Ball(1, batch_ndim=1),
        L1Ball(batch_ndim=1),
        LInfNorm(batch_ndim=1),
        Max(batch_ndim=1),
        Simplex(batch_ndim=1),
        SortedL1(np.asarray([2.0, 1.0]), batch_ndim=1),
        SquaredKSupportNorm(2, batch_ndim=1),
        SumOfKLargest(1, batch_ndim=1),
    ],
    ids=repr,
)
def test_a_batch_may_be_empty(f):
    y = np.zeros((0, 2))
    assert f.prox(y, np.zeros(0)).shape == (0, 2)
    assert f(y).shape == (0,)
