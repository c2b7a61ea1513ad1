"""Transforms, differences, convolutions and projections against other computations of the same."""

import math
import pickle
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.fft
import scipy.ndimage
import scipy.signal

import splitkit as sk
from splitkit import backend
from splitkit.backend import Space
from splitkit.linear import (
    ChannelConvolution,
    CosineTransform,
    Differences,
    FanBeam,
    Interpolation,
    Laplacian,
    LinearConvolution,
    Radon,
    Resize,
    Wavelet,
)
from tests.functions.namespaces import every_library

rng = np.random.default_rng(0)


def matrix(L, shape):
    size = math.prod(shape)
    return L(np.eye(size).reshape(-1, *shape)).reshape(size, -1).T


# -- cosines -------------------------------------------------------------------------------------


@every_library
@pytest.mark.parametrize("shape", [(7,), (1,), (4, 6)])
def test_the_cosine_transform_is_scipys(asarray, dtype, shape):
    x, L = rng.standard_normal((2, *shape)), CosineTransform(len(shape))
    axes = tuple(range(-len(shape), 0))
    for map, expected in ((L, scipy.fft.dctn), (L.T, scipy.fft.idctn)):
        found = map(asarray(x))
        tol = 1e-14 if dtype == "float64" else 1e-6
        np.testing.assert_allclose(
            backend.to_numpy(found),
            expected(x, axes=axes, norm="ortho"), atol=10 * tol,
        )  # fmt: skip


# -- differences ---------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2, 4])
def test_differences_are_numpys(order):
    n = 9
    L = Differences(order, size=n)
    M = np.diff(np.eye(n), n=order, axis=0)
    np.testing.assert_allclose(matrix(L, (n,)), M, atol=1e-14)
    y = rng.standard_normal(n - order)
    np.testing.assert_allclose(L.T(y), M.T @ y, atol=1e-13)
    exact = np.linalg.norm(M, 2)
    assert exact * (1 - 1e-14) <= L.norm <= exact * (1 + 8 / n**2)
    assert order > 1 or L.norm == pytest.approx(exact, rel=1e-14)
    assert Differences(order).norm == 2.0**order
    np.testing.assert_allclose(Differences(order, -2)(np.eye(n)), M, atol=1e-14)


@pytest.mark.parametrize(("boundary", "mode"), [("neumann", "nearest"), ("periodic", "wrap")])
def test_the_laplacian_is_scipys(boundary, mode):
    x, L = rng.standard_normal((5, 6)), Laplacian(boundary=boundary, shape=(5, 6))
    np.testing.assert_allclose(L(x), scipy.ndimage.laplace(x, mode=mode), atol=1e-14)
    heat = (-L).shifted_inverse(0.3)
    np.testing.assert_allclose(heat(x) - 0.3 * L(heat(x)), x, atol=1e-13)
    assert (-L).properties.monotone
    assert (-L).properties.gradient


# -- convolutions --------------------------------------------------------------------------------

RULES = {"zero": "constant", "edge": "nearest", "symmetric": "reflect", "reflect": "mirror",
         "periodic": "wrap"}  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("kernel", "shape"), [((3,), (5,)), ((3, 5), (6, 7)), ((1, 3, 3), (2, 4, 3))]
)
def test_a_convolution_of_the_same_size_is_scipys(rule, kernel, shape):
    h, x = rng.standard_normal(kernel), rng.standard_normal(shape)
    L = LinearConvolution(h, shape, boundary=rule)
    np.testing.assert_allclose(L(x), scipy.ndimage.convolve(x, h, mode=RULES[rule]), atol=1e-13)
    M = matrix(L, shape)
    y = rng.standard_normal(shape)
    np.testing.assert_allclose(L.T(y).ravel(), M.T @ y.ravel(), atol=1e-12)
    assert L.norm >= np.linalg.norm(M, 2) * (1 - 1e-12)


@pytest.mark.parametrize("mode", ["full", "valid"])
@pytest.mark.parametrize(("kernel", "shape"), [((4,), (6,)), ((2, 3), (5, 4))])
def test_other_sizes_are_scipys(mode, kernel, shape):
    h, x = rng.standard_normal(kernel), rng.standard_normal(shape)
    L = LinearConvolution(h, shape, mode=mode)
    np.testing.assert_allclose(L(x), scipy.signal.convolve(x, h, mode=mode), atol=1e-13)


def test_the_bound_is_attained_as_the_grid_grows():
    h = np.array([1.0, 2.0, -1.0])
    gaps = []
    for n in (8, 16, 64):
        L = LinearConvolution(h, n)
        gaps.append(1 - np.linalg.norm(matrix(L, (n,)), 2) / L.norm)
    assert gaps[0] > gaps[1] > gaps[2] > 0
    assert gaps[2] < 1e-2


def test_a_symmetric_kernel_makes_a_symmetric_map():
    L = LinearConvolution(np.array([0.5, 3.0, 0.5]), 6)
    assert L.properties.gradient
    least = np.linalg.eigvalsh(matrix(L, (6,)))[0]
    assert 0 < L.properties.strong_monotonicity <= least
    shifted = LinearConvolution(np.array([1.0, 2.0, 3.0]), [4], origin=[0])
    np.testing.assert_allclose(shifted(np.eye(4)[0]), [1, 2, 3, 0], atol=1e-14)


# -- wavelets ------------------------------------------------------------------------------------


def spline():
    """The 5/3 filters, by their definition."""
    q = math.sqrt(2) / 8
    return SimpleNamespace(
        dec_lo=q * np.array([0, -1, 2, 6, 2, -1]), dec_hi=q * np.array([0, 2, -4, 2, 0, 0]),
        rec_lo=q * np.array([0, 2, 4, 2, 0, 0]), rec_hi=q * np.array([0, 1, 2, -6, 2, 1]),
    )  # fmt: skip


def test_haar_is_its_definition():
    x, r = rng.standard_normal(4), math.sqrt(0.5)
    a, d = r * (x[::2] + x[1::2]), r * (x[::2] - x[1::2])
    two = np.array([r * (a[0] + a[1]), r * (a[0] - a[1]), *d])
    np.testing.assert_allclose(Wavelet(4, "haar", 2)(x), two, atol=1e-15)


@pytest.mark.parametrize("L", [Wavelet((4, 8), "haar"), Wavelet.examples(np.asarray)[1][0]])
def test_an_orthogonal_wavelet_is_an_orthogonal_map(L):
    M = matrix(L, L.domain_shape)
    np.testing.assert_allclose(M @ M.T, np.eye(len(M)), atol=1e-14)
    assert L.gram == L.norm == L.least_gain == 1
    x = rng.standard_normal(L.domain_shape)
    np.testing.assert_allclose(L.inverted()(L(x)), x, atol=1e-14)


def test_another_wavelet_has_its_dual_as_inverse():
    for levels in (1, 2):
        L = Wavelet((4, 8), spline(), levels)
        M, x = matrix(L, (4, 8)), rng.standard_normal((4, 8))
        np.testing.assert_allclose(L.inverted()(L(x)), x, atol=1e-13)
        gains = np.linalg.svd(M, compute_uv=False)
        assert L.norm >= gains[0] * (1 - 1e-13)
        assert 0 < L.least_gain <= gains[-1] * (1 + 1e-13)
        if levels == 1:
            assert L.norm == pytest.approx(gains[0])
            assert L.least_gain == pytest.approx(gains[-1])


def test_a_wavelet_whose_high_pass_alone_is_not_its_duals_is_not_orthogonal():
    low, s = np.zeros(6), np.sqrt(0.5)
    low[2:4] = s
    dual_low = s * np.array([-0.125, 0.125, 1.0, 1.0, 0.125, -0.125])
    sign = (-1.0) ** np.arange(1, 7)
    filters = SimpleNamespace(
        dec_lo=low, dec_hi=sign * dual_low, rec_lo=dual_low[::-1], rec_hi=(sign * low)[::-1]
    )
    L = sk.linear.Wavelet(8, filters, 1)
    assert not L.is_orthogonal
    assert L.gram is None
    x = np.random.default_rng(0).normal(size=8)
    np.testing.assert_allclose(L.inverted()(L(x)), x, atol=1e-12)


@pytest.mark.parametrize("name", ["haar", "db4", "sym5", "coif2", "bior2.2", "bior4.4"])
def test_coefficients_are_those_of_pywavelets(name):
    pywt = pytest.importorskip("pywt")
    x, L = rng.standard_normal((48, 64)), Wavelet((48, 64), name, 2)
    found = pywt.wavedecn(x, name, mode="periodization", level=2)
    np.testing.assert_allclose(L(x), pywt.coeffs_to_array(found)[0], atol=1e-12)
    np.testing.assert_allclose(L.inverted()(L(x)), x, atol=1e-9)


# -- projections ---------------------------------------------------------------------------------


def test_rays_integrate_pixels():
    H, W, D = 5, 7, 9
    angles = [0.0, 0.3, 1.0, math.pi / 2, 2.5, 4.0]
    image = rng.uniform(size=(H, W))
    found = Radon((H, W), angles, D)(image)
    t = np.linspace(-8, 8, 160_001)
    for i, angle in enumerate(angles):
        for d in range(D):
            s = d - (D - 1) / 2
            c, z = math.cos(angle), math.sin(angle)
            x, y = s * c - t * z, s * z + t * c
            row, column = np.floor(H / 2 - y).astype(int), np.floor(x + W / 2).astype(int)
            inside = (row >= 0) & (row < H) & (column >= 0) & (column < W)
            total = image[row[inside], column[inside]].sum() * (t[1] - t[0])
            assert found[i, d] == pytest.approx(total, abs=1e-3)


def test_every_angle_sees_the_whole_of_a_disc():
    n = 33
    y, x = np.mgrid[:n, :n] - (n - 1) / 2
    disc = (x * x + y * y <= 12**2) * 1.0
    L = Radon((n, n), np.linspace(0, np.pi, 7))
    sums = L(disc).sum(axis=-1)
    np.testing.assert_allclose(sums, disc.sum(), rtol=0.02)
    u, v = rng.standard_normal((n, n)), rng.standard_normal(L(disc).shape)
    assert np.vdot(L(u), v) == pytest.approx(np.vdot(u, L.T(v)))


def test_an_image_is_found_from_its_projections():
    image = np.zeros((6, 6))
    image[2:4, 1:5] = 1.0
    L = Radon((6, 6), np.linspace(0, np.pi, 12, endpoint=False), 9)
    f = sk.functions.LeastSquares(L, L(image)) + sk.functions.NonNegative()
    x = sk.minimize(f, np.zeros((6, 6)), tol=1e-9).x
    np.testing.assert_allclose(x, image, atol=1e-5)


INVALID = [
    (lambda: CosineTransform(0), ValueError, "dimensions = 0"),
    (lambda: Differences(0), ValueError, "order = 0"),
    (lambda: Differences(2, size=2), ValueError, "size = 2"),
    (lambda: Differences(2)(np.ones(2)), ValueError, "more than 2 entries"),
    (lambda: Laplacian(boundary="dirichlet"), ValueError, '"neumann" or "periodic"'),
    (lambda: LinearConvolution(np.ones(3), 4, mode="full", boundary="edge"), ValueError, "mode"),
    (lambda: LinearConvolution(np.ones(5), 4, mode="valid"), ValueError, "larger than"),
    (lambda: LinearConvolution(np.ones(3), 4, origin=3), ValueError, "origin = 3"),
    (lambda: LinearConvolution(np.ones(3), (4, 4)), ValueError, r"shape = \(4, 4\)"),
    (lambda: Wavelet(6, "haar", 2), ValueError, "divisible by 2"),
    (lambda: Wavelet(4, [1.0, 1.0]), ValueError, "orthogonal"),
    (lambda: Radon((3, 3), []), ValueError, "angles"),
    (lambda: Radon((3, 3), [np.nan]), ValueError, "finite"),
    (lambda: Radon((3, 3), [[1.0], [2.0, 3.0]]), ValueError, "angles"),
    (lambda: Radon((3, 3), ["a"]), ValueError, "angles = .*real numbers"),
    (lambda: Radon((3, 3), np.array([1j])), TypeError, "angles = .*real numbers"),
    (lambda: Radon(3, [0.0]), ValueError, "shape = 3: give 2 integers"),
    (lambda: Radon((3,), [0.0]), ValueError, r"shape = \(3,\): give 2 integers"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "error", "message"), INVALID)
def test_what_does_not_fit_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


# -- channels, sizes, fans -------------------------------------------------------------------------


@every_library
@pytest.mark.parametrize("stride", [1, (2, 3)])
@pytest.mark.parametrize("mode", ["same", "full", "valid"])
def test_convolutions_of_channels_are_scipys_summed(asarray, dtype, mode, stride):
    h, x = rng.standard_normal((4, 3, 3, 2)), rng.standard_normal((2, 3, 5, 6))
    expected = [
        [
            sum(map(lambda a, b: scipy.signal.convolve2d(a, b, mode), image, kernels))
            for kernels in h
        ]
        for image in x
    ]
    if mode == "same":  # whose middle SciPy rounds down
        expected = [[sum(map(centred, image, kernels)) for kernels in h] for image in x]
    steps = (stride, stride) if isinstance(stride, int) else stride
    expected = np.asarray(expected)[:, :, :: steps[0], :: steps[1]]
    tol = 1e-13 if dtype == "float64" else 1e-5
    L = LinearConvolution(asarray(h), (5, 6), mode=mode, stride=stride)
    np.testing.assert_allclose(backend.to_numpy(L(asarray(x))), expected, atol=tol)
    last = LinearConvolution(asarray(h), (5, 6), mode=mode, stride=stride, channels="last")
    found = last(asarray(np.moveaxis(x, 1, -1).copy()))
    np.testing.assert_allclose(np.moveaxis(backend.to_numpy(found), -1, 1), expected, atol=tol)


def centred(image, kernel):
    return scipy.ndimage.convolve(image, kernel, mode="constant", origin=(0, 0))


def test_constants_of_periodic_convolutions_of_channels():
    for outputs, inputs in ((2, 3), (3, 2), (2, 2)):
        L = ChannelConvolution(rng.standard_normal((outputs, inputs, 3)), 5)
        M = matrix(L, (inputs, 5))
        sigma = np.linalg.svd(M, compute_uv=False)
        np.testing.assert_allclose(L.norm, sigma[0])
        np.testing.assert_allclose(L.least_gain, sigma[-1] if outputs >= inputs else 0.0)
        y = rng.standard_normal((outputs, 5))
        np.testing.assert_allclose(L.T(y).ravel(), M.T @ y.ravel(), atol=1e-13)
        if outputs == inputs:
            stated = ChannelConvolution(L.kernel + 5 * np.eye(2)[:, :, None], 5, origin=0)
            M = matrix(stated, (2, 5))
            least = np.linalg.eigvalsh((M + M.T) / 2)[0]
            assert stated.properties.strong_monotonicity == pytest.approx(least)
    Q = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    assert ChannelConvolution(2 * Q[:2, :, None], 4).gram == pytest.approx(4)


@pytest.mark.parametrize("corners", [False, True])
def test_resizing_is_scipys_zoom(corners):
    x = rng.standard_normal((5, 6))
    L = Resize((5, 6), (8, 4), corners=corners)
    grids = []
    for old, new in ((5, 8), (6, 4)):
        i = np.arange(new)
        grids.append(i * (old - 1) / (new - 1) if corners else (i + 0.5) * old / new - 0.5)
    at = np.stack(np.meshgrid(*grids, indexing="ij"))
    expected = scipy.ndimage.map_coordinates(x, at, order=1, mode="nearest")
    np.testing.assert_allclose(L(x), expected, atol=1e-14)
    points = np.moveaxis(at, 0, -1).reshape(-1, 2)
    np.testing.assert_allclose(Interpolation((5, 6), points)(x), expected.ravel(), atol=1e-14)
    y = rng.standard_normal((8, 4))
    assert np.sum(L(x) * y) == pytest.approx(np.sum(x * L.T(y)))
    np.testing.assert_array_equal(Resize(3, 6, "nearest")(np.arange(3.0)), [0, 0, 1, 1, 2, 2])


def test_interpolation_keeps_the_corners_around_each_point_only():
    points = np.random.default_rng(0).uniform(0, 299, (50, 2))
    tracemalloc.start()
    L = Interpolation((300, 300), points)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * 300 * 300 < 50 * 300 * 300
    plane = np.add.outer(2.0 * np.arange(300), np.arange(300))
    np.testing.assert_allclose(L(plane), points @ [2.0, 1.0])


def test_fans_are_integrals_and_become_parallel():
    x, angles = rng.standard_normal((9, 7)), np.linspace(0.1, 3.0, 5)
    fan = FanBeam((9, 7), angles, 12, source=1e9)
    np.testing.assert_allclose(fan(x), Radon((9, 7), angles, 12)(x), atol=1e-6)
    c, s = math.cos(0.7), math.sin(0.7)
    found = FanBeam((9, 7), [0.7], 5, source=10.0, detector=8.0, spacing=2.0)(x)[0]
    start, steps = np.asarray([10 * s, -10 * c]), np.linspace(0, 25, 100_001)
    for d in range(5):
        way = np.asarray([-8 * s, 8 * c]) + 2 * (d - 2) * np.asarray([c, s]) - start
        at = start[:, None] + steps * (way / np.linalg.norm(way))[:, None]
        column, row = np.floor(at[0] + 3.5).astype(int), np.floor(4.5 - at[1]).astype(int)
        inside = (column >= 0) & (column < 7) & (row >= 0) & (row < 9)
        sampled = np.sum(x[row[inside], column[inside]]) * (steps[1] - steps[0])
        assert found[d] == pytest.approx(sampled, abs=2e-3)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: FanBeam((3, 3), [0.0], 3, source=2.0), ValueError, "source = 2"),
        (lambda: Interpolation((3, 3), [0.5, 1.0]), ValueError, "points have shape"),
        (lambda: Interpolation(3, np.array([0.5 + 1j])), TypeError, "points = .*real numbers"),
        (lambda: FanBeam((3, 3), [1j], 3, source=9.0), TypeError, "angles = .*real numbers"),
        (lambda: Resize((3, 3), (2,)), ValueError, "sizes"),
        (lambda: LinearConvolution(np.ones(3), 5, channels="last"), ValueError, "channels"),
        (lambda: LinearConvolution(np.ones((2, 2)), 5), ValueError, "shape"),
        (lambda: ChannelConvolution(np.ones((2, 2)), 5), ValueError, "kernel has shape"),
    ],
)
def test_what_no_channels_sizes_or_fans_are_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_complex_kernel_acts_on_complex_points():
    h, x = np.array([0.3 + 1.0j, 1.0 + 2.0j, 2.0 - 1.0j]), np.arange(5) + 1j * np.arange(5)[::-1]
    L = sk.linear.Convolution(h, 5)
    whole = np.roll(np.append(h, [0, 0]), -1)
    np.testing.assert_allclose(L(x), np.fft.ifft(np.fft.fft(whole) * np.fft.fft(x)), atol=1e-12)
    again = pickle.loads(pickle.dumps(L))
    np.testing.assert_array_equal(again.T(x), L.T(x))
    np.testing.assert_allclose(L.shifted_inverse(0.2)(x + 0.2 * L(x)), x, atol=1e-12)
    with pytest.raises(TypeError, match="kernel has dtype complex128"):
        L.check_space(Space.of(x.real))
