"""Maps that move, repeat, drop and add up entries are what NumPy's functions of those names do."""

import math

import numpy as np
import pytest

import splitkit as sk
from splitkit.linear import (
    Crop,
    Flip,
    MeanOver,
    Pad,
    Reshape,
    Restriction,
    Roll,
    SumOver,
    Transpose,
)

rng = np.random.default_rng(0)
WIDTHS = ((1, 2), (0, 1))
MODES = {"zero": "constant", "edge": "edge", "reflect": "reflect", "symmetric": "symmetric",
         "periodic": "wrap"}  # fmt: skip
# name: the map, the shape of x, what NumPy says
MAPS = {
    "roll": (Roll((2, -1), (-2, -1)), (3, 4), lambda x: np.roll(x, (2, -1), axis=(-2, -1))),
    "flip": (Flip((-2, -1)), (3, 4), lambda x: np.flip(x, axis=(-2, -1))),
    "transpose": (Transpose(), (3, 4), lambda x: np.swapaxes(x, -1, -2)),
    "transpose of three": (
        Transpose((-1, -3, -2)), (3, 2, 4), lambda x: np.moveaxis(x, -1, -3),
    ),
    "reshape": (Reshape((3, 4), (2, 6)), (3, 4), lambda x: x.reshape(*x.shape[:-2], 2, 6)),
    "restriction": (
        Restriction(np.array([3, 0, 2]), 4), (3, 4), lambda x: x[..., [3, 0, 2]],
    ),
    "repeated indices": (
        Restriction(np.array([1, 1, 2, 1, 0]), 3, axis=-2), (3, 4),
        lambda x: x[..., [1, 1, 2, 1, 0], :],
    ),
    "crop": (Crop((4, 4), WIDTHS), (4, 4), lambda x: x[..., 1:-2, :-1]),
    "sum": (SumOver((3, 4), -2), (3, 4), lambda x: x.sum(axis=-2, keepdims=True)),
    "sum of all": (SumOver((3, 4)), (3, 4), lambda x: x.sum(axis=(-2, -1), keepdims=True)),
    "mean": (MeanOver((3, 4), -1), (3, 4), lambda x: x.mean(axis=-1, keepdims=True)),
    **{
        rule: (
            Pad((3, 4), WIDTHS, rule), (3, 4),
            lambda x, mode=mode: np.pad(x, [(0, 0)] * (x.ndim - 2) + list(WIDTHS), mode=mode),
        )
        for rule, mode in MODES.items()
    },
}  # fmt: skip


@pytest.mark.parametrize("name", MAPS)
def test_a_map_is_numpys(name):
    L, shape, expected = MAPS[name]
    x = rng.standard_normal((2, *shape))
    np.testing.assert_allclose(L(x), expected(x), atol=1e-15)
    basis = np.eye(math.prod(shape)).reshape(-1, *shape)
    M = expected(basis).reshape(len(basis), -1).T
    y = rng.standard_normal(L(x).shape)
    back = y.reshape(2, -1) @ M
    np.testing.assert_allclose(L.adjoint(y).reshape(2, -1), back, atol=1e-14)
    gains = np.linalg.svd(M, compute_uv=False)
    least = gains[-1] if M.shape[0] >= M.shape[1] else 0.0
    assert L.norm == pytest.approx(gains[0], rel=1e-14)
    assert L.least_gain == pytest.approx(least, abs=1e-14)
    multiple = np.allclose(M @ M.T, M[0] @ M[0] * np.eye(len(M)))
    assert L.gram == (pytest.approx(M[0] @ M[0]) if multiple else None)


def test_a_crop_is_the_transpose_of_a_border_of_zeros():
    P, C = Pad((3, 4), WIDTHS), Crop((6, 5), WIDTHS)
    y = rng.standard_normal((6, 5))
    np.testing.assert_array_equal(P.adjoint(y), C(y))
    np.testing.assert_array_equal(C.adjoint(C(y)), P(C(y)))


def test_the_prox_of_a_function_of_some_entries_is_a_formula():
    f = sk.functions.L1Norm(0.5) @ Restriction(np.array([2, 0]), 3)
    np.testing.assert_allclose(f.prox(np.array([2.0, 3.0, -0.2])), [1.5, 3.0, 0.0])
    mean = sk.functions.SquaredL2(center=np.array([1.0])) @ MeanOver(4)
    x = mean.prox(np.zeros(4), 1e9)
    np.testing.assert_allclose(x, np.ones(4), rtol=1e-6)


INVALID = [
    (lambda: Roll(1.5), TypeError, "shift = 1.5"),
    (lambda: Roll((1, 2)), ValueError, r"one integer for each of the axes \(-1,\)"),
    (lambda: Flip(0), ValueError, "axes = 0"),
    (lambda: Transpose((-1, -3)), ValueError, "give -1, -2 in some order"),
    (lambda: Reshape((2, 3), 4), ValueError, "6 and 4 entries"),
    (lambda: Reshape(None, (2, 3)), TypeError, "domain_shape = None: give"),
    (lambda: Reshape(6, (2, 3.0)), TypeError, "range_shape = 3.0: give"),
    (lambda: Restriction(np.array([0.0]), 3), TypeError, "vector of integers"),
    (lambda: Restriction(np.array([3]), 3), ValueError, "from 0 to size − 1"),
    (lambda: Pad(3, -1), ValueError, "widths = -1"),
    (lambda: Pad((3, 4), (1, 2, 3)), ValueError, r"widths = \(1, 2, 3\)"),
    (lambda: Pad(3, 3, "reflect"), ValueError, "at most 2"),
    (lambda: Pad(3, 1, "wrap"), ValueError, "rule = 'wrap'"),
    (lambda: Crop(3, 2), ValueError, "nothing is left"),
    (lambda: SumOver((3,), -2), ValueError, "axes = -2"),
    (lambda: Crop(3, 1)(np.ones(4)), ValueError, "length 3"),
    (lambda: Transpose()(np.ones(3)), ValueError, "2 axes"),
    (lambda: Restriction(np.array([0]), 3)(np.ones(2)), ValueError, "length 3 along axis -1"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "error", "message"), INVALID)
def test_what_does_not_fit_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
