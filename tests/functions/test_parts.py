"""f.along(axes) and f.on(groups) are f of each part by itself, and its optima those of programs."""

import numpy as np
import pytest
import scipy.optimize
import torch

import splitkit as sk
from splitkit.functions import (
    GroupL2Norm,
    Hyperplane,
    Isotonic,
    L1Ball,
    L1Norm,
    L2Ball,
    L2Norm,
    LInfNorm,
    LogSumExp,
    Max,
    NuclearNorm,
    Simplex,
    SortedL1,
    TotalVariation1D,
)
from splitkit.linear import Restriction

rng = np.random.default_rng(0)
GROUPS = [[4, 0], [2], [6, 1, 3]]
COUPLED = [
    L2Norm(0.7), LInfNorm(), Max(0.5), SortedL1(np.array([2.0, 1.0, 0.5])), LogSumExp(),
    TotalVariation1D(0.4), Simplex(), L1Ball(0.8), L2Ball(0.5), Isotonic(),
    Hyperplane(np.array([1.0, -2.0, 0.5]), 0.3),
]  # fmt: skip


@pytest.mark.parametrize("f", COUPLED, ids=lambda f: type(f).__name__)
def test_each_vector_along_an_axis_is_on_its_own(f):
    x, F = rng.standard_normal((2, 3, 2)), f.along(-2)
    vectors = [x[i, :, j] for i in range(2) for j in range(2)]
    near = F.prox(x, 0.6)
    for i in range(2):
        for j in range(2):
            np.testing.assert_allclose(near[i, :, j], f.prox(x[i, :, j], 0.6), atol=1e-14)
    assert F(near) == pytest.approx(sum(f(f.prox(v, 0.6)) for v in vectors))
    u = F.conjugate.prox(x, 0.6)
    v = f.conjugate.prox(vectors[1], 0.6)
    np.testing.assert_allclose(u[0, :, 1], v, atol=1e-14)
    assert F.convex
    assert F.polyhedral == f.polyhedral
    assert isinstance(F, sk.functions.Indicator) == isinstance(f, sk.functions.Indicator)


def test_matrices_along_two_axes():
    x, f = rng.standard_normal((3, 2, 4)), NuclearNorm(0.3)
    F = f.along((-3, -1))
    near = F.prox(x, 0.5)
    for j in range(2):
        np.testing.assert_allclose(near[:, j], f.prox(x[:, j], 0.5), atol=1e-13)


def test_the_l2_norm_along_an_axis_is_the_group_norm():
    x, w = rng.standard_normal((4, 3)), np.array([0.5, 0.0, 2.0, 1.0])
    for F, G in (
        (L2Norm().along(-1, w), GroupL2Norm(w)),
        (L2Norm(0.3).along(-2), GroupL2Norm(0.3, axis=-2)),
    ):
        assert F(x) == pytest.approx(G(x))
        np.testing.assert_allclose(F.prox(x, 0.4), G.prox(x, 0.4), atol=1e-15)
        np.testing.assert_allclose(F.conjugate.prox(x, 0.4), G.conjugate.prox(x, 0.4), atol=1e-15)
        u = G.conjugate.prox(x)
        assert F.conjugate(u) == pytest.approx(G.conjugate(u))
    assert L2Norm().along(-1, w).conjugate(x[::-1] * 9) == np.inf


def test_groups_of_unequal_size():
    x, w = 2 * rng.standard_normal(8), np.array([0.5, 0.0, 2.0])
    F = L2Norm().on(GROUPS, w)
    near = F.prox(x, 0.3)
    for group, weight in zip(GROUPS, w, strict=True):
        expected = L2Norm(weight).prox(x[group], 0.3)
        np.testing.assert_allclose(near[group], expected, atol=1e-15)
    np.testing.assert_array_equal(near[[5, 7]], x[[5, 7]])
    assert F(x) == pytest.approx(
        sum(v * np.linalg.norm(x[g]) for g, v in zip(GROUPS, w, strict=True))
    )
    rows = rng.standard_normal((2, 3, 8))
    batch = L2Norm(batch_ndim=1).on(GROUPS, w)
    np.testing.assert_allclose(batch(rows), [sum(F(row) for row in each) for each in rows])
    alpha = np.array([0.1, 2.0])
    found = batch.prox(rows, alpha)
    np.testing.assert_allclose(found[1, 2], F.prox(rows[1, 2], 2.0), atol=1e-15)


def test_sets_on_groups_with_a_radius_each():
    radius = np.array([0.5, 1.0, 2.0])
    C, x = L1Ball(radius).on(GROUPS), 4 * rng.standard_normal(8)
    y = C.project(x)
    for group, r in zip(GROUPS, radius, strict=True):
        np.testing.assert_allclose(y[group], L1Ball(float(r)).project(x[group]), atol=1e-15)
    assert C(y) == 0
    assert C(x) == np.inf
    d = C.recession(x)
    np.testing.assert_array_equal(np.flatnonzero(d), [5, 7])


def test_a_product_of_simplices_is_the_linear_program():
    cost = rng.standard_normal((3, 4))
    rows = rng.uniform(size=(2, 12))
    f = Simplex().along(-1) + sk.functions.Tilted(sk.functions.SquaredL2(0.0), cost)
    limits = sk.functions.Polyhedron(rows, rows @ np.full(12, 0.25)) @ sk.linear.Reshape(
        (3, 4), (12,)
    )
    found = sk.minimize(f + limits, np.zeros((3, 4)), tol=1e-9)
    sums = np.kron(np.eye(3), np.ones((1, 4)))
    program = scipy.optimize.linprog(
        cost.ravel(), A_ub=rows, b_ub=rows @ np.full(12, 0.25), A_eq=sums, b_eq=np.ones(3),
        bounds=(0, None),
    )  # fmt: skip
    assert np.sum(cost * found.x) == pytest.approx(program.fun, abs=1e-6)


def test_overlapping_groups_through_copies():
    order = np.array([0, 1, 2, 1, 2, 3])
    f = L2Norm().on([[0, 1, 2], [3, 4, 5]]) @ Restriction(order, 4)
    y = np.array([3.0, 0.1, 0.2, -1.0])
    x = sk.minimize(f + sk.functions.SquaredL2(center=y), np.zeros(4), tol=1e-10).x

    def objective(x):
        return np.linalg.norm(x[:3]) + np.linalg.norm(x[1:]) + np.sum((x - y) ** 2) / 2

    best = scipy.optimize.minimize(objective, y, method="BFGS", options={"gtol": 1e-9})
    assert objective(x) <= best.fun + 1e-9


def test_torch_differentiates_through_parts():
    F = L2Norm().on(GROUPS, torch.tensor([0.5, 0.0, 2.0], dtype=torch.float64))
    x = torch.as_tensor(rng.standard_normal(8) + 2).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: F.prox(x, 0.3), (x,))
    assert torch.autograd.gradcheck(lambda x: LInfNorm().along(-1).prox(x, 0.3), (x[None],))


INVALID = [
    (lambda: L2Norm().along(0), ValueError, "axes = 0"),
    (lambda: (2.0 * LogSumExp()).along(-1), TypeError, "made of other functions"),
    (lambda: L2Norm().on([]), ValueError, "groups ="),
    (lambda: L2Norm().on([[0], []]), ValueError, "none of them empty"),
    (lambda: L2Norm().on([[0, 1], [1]]), ValueError, "index 1 comes twice"),
    (lambda: L2Norm().on([[-1]]), ValueError, "groups = -1"),
    (lambda: L2Norm().on([[0.5]]), TypeError, "groups = 0.5"),
    (lambda: Simplex().on([[0]], np.ones(1)), ValueError, "none of a set"),
    (lambda: L2Norm().along(-1, np.array([-1.0])), ValueError, "weights"),
    (lambda: L2Norm().along(-1, np.ones(2))(np.ones((3, 2))), ValueError, r"shape \(3,\)"),
    (lambda: L2Norm().on([[0], [1]], np.ones(3))(np.ones(2)), ValueError, r"shape \(2,\)"),
    (lambda: L2Norm().on([[0, 5]])(np.ones(3)), ValueError, "indices up to 5"),
    (lambda: L2Norm(batch_ndim=1).along(-1).prox(np.ones(3)), ValueError, "not batch"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "error", "message"), INVALID)
def test_what_does_not_fit_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_blocks_are_given_one_by_one_or_as_a_sequence():
    blocks = L2Norm(), Simplex()
    x = rng.standard_normal(3), rng.standard_normal(2)
    for f in (sk.functions.SeparableSum(*blocks), sk.functions.SeparableSum(list(blocks))):
        assert f.functions == blocks
        np.testing.assert_array_equal(f.prox(x)[1], Simplex().project(x[1]))
    assert len(sk.functions.SeparableSum(L2Norm()).functions) == 1
    with pytest.raises(TypeError, match="non-empty sequence"):
        sk.functions.SeparableSum()


def test_entries_of_no_group_are_free():
    f = sk.functions.SquaredL2().on([[0, 1]])
    assert (f.strong_convexity, f.smoothness) == (0.0, 1.0)
    assert f.conjugate.smoothness is None


def test_weights_of_entries_go_along_the_axis():
    x = np.arange(1.0, 7.0).reshape(3, 2)
    weights = np.array([1.0, 2.0, 3.0])
    f = L1Norm(weights).along(-2)
    assert f(x) == pytest.approx(np.sum(weights[:, None] * x))
    np.testing.assert_array_equal(f.prox(x, 1.0), np.maximum(x - weights[:, None], 0.0))


def test_a_function_of_each_entry_needs_no_parts():
    f = L1Norm(0.5)
    assert f.along(-1) is f
