"""The Fourier transform at frequencies on no grid, and parts of complex arrays."""

from types import SimpleNamespace

import numpy as np
import pytest

import splitkit as sk
from splitkit.backend import Space, to_numpy
from splitkit.linear import ImaginaryPart, NonuniformFourier, RealPart
from tests.sampling import sampled

rng = np.random.default_rng(4)
f = sk.functions
SHAPES = [(5,), (4, 3), (2, 3, 4)]


def matrix(points, shape):
    """exp(−i⟨ω, k⟩)/√N by its definition."""
    k = np.stack(np.meshgrid(*[np.arange(n) - n // 2 for n in shape], indexing="ij"), -1)
    return np.exp(-1j * points @ k.reshape(-1, len(shape)).T) / np.sqrt(np.prod(shape))


def drawn(shape, count=7, xp=np):
    points = rng.uniform(-5, 5, (count, len(shape)))
    return NonuniformFourier(xp.asarray(points), shape), matrix(points, shape)


def complex_points(*shape):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


@sampled(lambda given: SHAPES.index(given["shape"]))
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_sums_on_every_library(shape, xp):
    L, E = drawn(shape, xp=xp)
    x, y = complex_points(2, *shape), complex_points(2, 7)
    np.testing.assert_allclose(to_numpy(L(xp.asarray(x))), x.reshape(2, -1) @ E.T, atol=1e-12)
    back = to_numpy(L.T(xp.asarray(y))).reshape(2, -1)
    np.testing.assert_allclose(back, y @ E.conj(), atol=1e-12)
    pair = L((xp.asarray(x.real), xp.asarray(x.imag)))
    np.testing.assert_allclose(to_numpy(pair[0]), (x.reshape(2, -1) @ E.T).real, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_norm_is_exact_or_a_bound(shape, monkeypatch):
    L, E = drawn(shape, 30)
    exact = np.linalg.norm(E, 2)
    np.testing.assert_allclose(L.norm, exact, rtol=1e-9)
    monkeypatch.setattr("splitkit.linear.nonuniform_fourier.SMALL", 0)
    bound = NonuniformFourier(L.points, shape).norm
    assert exact <= bound <= 2 * exact


def test_on_the_grid_it_is_fourier_s():
    n = 6
    L = NonuniformFourier(2 * np.pi * np.arange(n)[:, None] / n, n)
    x = complex_points(n)
    shifted = np.fft.fft(np.fft.ifftshift(x)) / np.sqrt(n)
    np.testing.assert_allclose(L(x), shifted, atol=1e-12)
    np.testing.assert_allclose(L.norm, 1.0)


def like_finufft():
    """Types 1 and 2 as finufft documents them, by sums."""

    def of(d):
        def phases(columns, modes, isign):
            k = [np.arange(n) - n // 2 for n in modes]
            grid = np.stack(np.meshgrid(*k, indexing="ij"), -1).reshape(-1, d)
            return np.exp(isign * 1j * np.stack(columns, -1) @ grid.T)

        def type_1(*args, isign, eps):
            *columns, c, modes = args
            modes = (modes,) if d == 1 else modes
            return (c @ phases(columns, modes, isign)).reshape(modes)

        def type_2(*args, isign, eps):
            *columns, modes = args
            return phases(columns, modes.shape, isign) @ modes.ravel()

        return {f"nufft{d}d1": type_1, f"nufft{d}d2": type_2}

    return SimpleNamespace(**of(1), **of(2), **of(3))


@pytest.mark.parametrize("real", [False, True], ids=["as documented", "installed"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_fast_transform_is_the_same_map(shape, real, monkeypatch):
    module = pytest.importorskip("finufft") if real else like_finufft()
    monkeypatch.setattr("splitkit.linear.nonuniform_fourier.SMALL", 0)
    L, _ = drawn(shape)
    slow = L.norm
    fast = NonuniformFourier(L.points, shape)
    vars(fast)["_fast"] = module
    x, y = complex_points(2, *shape), complex_points(2, 7)
    np.testing.assert_allclose(fast(x), L(x), atol=1e-10)
    np.testing.assert_allclose(fast.T(y), L.T(y), atol=1e-10)
    np.testing.assert_allclose(fast.norm, slow, rtol=1e-8)


def test_least_squares_of_what_it_measured():
    L, _ = drawn((4, 3), 30)
    x = complex_points(4, 3)
    found = sk.minimize(f.SquaredL2(center=L(x)) @ L, np.zeros((4, 3), complex), tol=1e-9).x
    np.testing.assert_allclose(found, x, atol=1e-6)


@pytest.mark.parametrize(
    ("points", "shape", "error", "says"),
    [
        (np.ones((3, 4)), (2, 2, 2, 2), ValueError, "points has shape"),
        (np.ones(3), 4, ValueError, "points has shape"),
        (1j * np.ones((3, 1)), 4, TypeError, "points has dtype complex128"),
        (np.ones((3, 2)), 4, ValueError, "shape = 4"),
    ],
)
def test_what_no_frequencies_are_is_refused(points, shape, error, says):
    with pytest.raises(error, match=says):
        NonuniformFourier(points, shape)


def test_real_points_alone_are_refused():
    L, _ = drawn((5,))
    with pytest.raises(ValueError, match="acts on complex arrays, or pairs"):
        L.check_space(Space.of(np.zeros(5)))
    with pytest.raises(TypeError, match=r"RealPart\(\) acts on complex arrays"):
        sk.minimize(f.SquaredL2() + f.NonNegative() @ RealPart(), np.zeros(3))


@pytest.mark.parametrize("part", [RealPart, ImaginaryPart])
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_parts_and_their_adjoints(part, dtype, xp):
    L, z = part(), xp.asarray(complex_points(4), dtype=getattr(xp, dtype))
    y = L(z)
    expected = to_numpy(z).real if part is RealPart else to_numpy(z).imag
    np.testing.assert_array_equal(to_numpy(y), expected)
    assert L.T(y).dtype == z.dtype
    np.testing.assert_array_equal(to_numpy(L(L.T(y))), to_numpy(y))
    other = to_numpy(L.T(y))
    np.testing.assert_allclose(
        np.sum(expected**2),
        np.vdot(other, to_numpy(z)).real,
        rtol=1e-5 if dtype[7:] == "64" else 1e-12,
    )


@pytest.mark.parametrize("method", [None, sk.ADMM(), sk.ChambollePock(), sk.PD3O(), sk.Ryu()])
def test_methods_take_values_that_are_real(method):
    A = rng.normal(size=(6, 4)) + 1j * rng.normal(size=(6, 4))
    b = A @ complex_points(4)
    quadrant = f.NonNegative() @ RealPart() + f.NonNegative() @ ImaginaryPart()
    found = sk.minimize(f.LeastSquares(A, b) + quadrant, np.zeros(4, complex), method, tol=1e-8).x
    M = np.block([[A.real, -A.imag], [A.imag, A.real]])
    both = np.concatenate([b.real, b.imag])
    expected = sk.minimize(f.LeastSquares(M, both) + f.NonNegative(), np.zeros(8), tol=1e-10).x
    np.testing.assert_allclose(np.concatenate([found.real, found.imag]), expected, atol=1e-5)
