"""Total variations and trend filters, which are compositions, against Clarabel."""

import clarabel
import numpy as np
import pytest
import scipy.sparse

import splitkit as sk
from splitkit.functions import GroupL2Norm, L1Norm, L2Norm, SquaredL2
from splitkit.linear import Differences, Gradient

rng = np.random.default_rng(0)
IMAGE = rng.standard_normal((2, 3, 4))  # channels first
WEIGHTS = rng.uniform(0, 1, size=(2, 3, 4, 2))
WEIGHTS[0, 0] = 0.0


def least(D, y, groups, weights):
    """min ½‖x − y‖² + Σ w_g‖(Dx)_g‖ by Clarabel."""
    n, m = len(y), len(groups)
    P = scipy.sparse.block_diag((scipy.sparse.eye(n), scipy.sparse.csc_matrix((m, m))), "csc")
    rows, cones = [], []
    for g, group in enumerate(groups):
        top = np.zeros((1, n + m))
        top[0, n + g] = -1.0
        rows += [top, np.hstack([-D[group], np.zeros((len(group), m))])]
        cones.append(clarabel.SecondOrderConeT(1 + len(group)))
    A, q = scipy.sparse.csc_matrix(np.vstack(rows)), np.concatenate([-y, weights])
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    found = clarabel.DefaultSolver(P, q, A, np.zeros(A.shape[0]), cones, settings).solve()
    return found.obj_val + y @ y / 2


def objective(f, x, y):
    return float(np.sum((x - y) ** 2) / 2 + f(x))


places = np.arange(48).reshape(2, 3, 4, 2)
VARIATIONS = {
    "anisotropic, weighted": (
        L1Norm(WEIGHTS) @ Gradient(), places.reshape(-1, 1), WEIGHTS.ravel(),
    ),
    "isotropic, weighted": (
        GroupL2Norm(WEIGHTS[..., 0]) @ Gradient(boundary="dirichlet"), places.reshape(-1, 2),
        WEIGHTS[..., 0].ravel(),
    ),
    "vectorial": (
        L2Norm(0.4).along((-4, -1)) @ Gradient(boundary="periodic"),
        places.transpose(1, 2, 0, 3).reshape(-1, 4), np.full(12, 0.4),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", VARIATIONS)
def test_an_image_is_denoised_as_by_clarabel(name):
    f, groups, weights = VARIATIONS[name]
    D = np.stack([f.L(e.reshape(IMAGE.shape)).ravel() for e in np.eye(24)], axis=1)
    x = sk.minimize(f + SquaredL2(center=IMAGE), np.zeros_like(IMAGE), tol=1e-8).x
    expected = least(D, IMAGE.ravel(), groups, weights)
    assert objective(f, x, IMAGE) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_trend_filter_is_clarabels(order):
    n = 16
    y = np.abs(np.linspace(-1, 1, n)) + 0.1 * rng.standard_normal(n)
    f = L1Norm(0.3) @ Differences(order, size=n)
    x = sk.minimize(f + SquaredL2(center=y), y, tol=1e-8).x
    D = np.diff(np.eye(n), n=order, axis=0)
    groups = np.arange(n - order)[:, None]
    expected = least(D, y, groups, np.full(n - order, 0.3))
    assert objective(f, x, y) == pytest.approx(expected, rel=1e-7)
