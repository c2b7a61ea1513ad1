"""Convolutions by frequencies and phases, on every library, against matrices."""

import array_api_compat.numpy as xnp
import array_api_compat.torch as xtorch
import array_api_strict
import numpy as np
import pytest

import splitkit as sk
from splitkit.backend import to_numpy
from splitkit.testing import check_linear_operator
from splitkit_nn.linear.circular import CircularConvolution
from splitkit_nn.linear.lattice import Lattice, cross_spectrum
from tests.nn.dense_matrices import convolution_matrix

LIBRARIES = {"numpy": xnp, "torch": xtorch, "array_api_strict": array_api_strict}
# height, width, stride, side of the kernel
GRIDS = [(6, 8, 1, 3), (5, 7, 1, 5), (1, 3, 1, 3), (6, 8, 2, 3), (6, 10, 2, 5), (9, 6, 3, 3)]
on_grids = pytest.mark.parametrize(("height", "width", "stride", "k"), GRIDS)
on_libraries = pytest.mark.parametrize("xp", LIBRARIES.values(), ids=LIBRARIES)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def vectors(z):
    """Each sample as a vector."""
    z = to_numpy(z)
    return z.reshape(len(z), -1)


@on_libraries
@on_grids
def test_convolutions(xp, rng, height, width, stride, k):
    lattice = Lattice(height, width, stride)
    kernel, z = rng.normal(size=(2, 3, k, k)), rng.normal(size=(4, 3, height, width))
    K, Z = xp.asarray(kernel), lattice.transform(xp.asarray(z))
    np.testing.assert_allclose(to_numpy(lattice.inverse(Z)), z, atol=1e-13)
    for strided, target in ((False, lattice), (True, Lattice(*lattice.coarse))):
        blocks = lattice.spectrum(K, strided=strided)
        result = target.inverse(Z @ xp.permute_dims(blocks, (0, 2, 1)))
        matrix = convolution_matrix(kernel, height, width, stride if strided else 1)
        np.testing.assert_allclose(vectors(result), vectors(z) @ matrix.T, atol=1e-12)


@on_libraries
@on_grids
def test_taps_are_the_transpose_of_the_spectrum(xp, rng, height, width, stride, k):
    """⟨p, Kz⟩ = ⟨taps of the cross spectrum of p and z, K⟩ for every K."""
    lattice = Lattice(height, width, stride)
    z = rng.normal(size=(4, 3, height, width))
    Z = lattice.transform(xp.asarray(z))
    for strided, target in ((False, lattice), (True, Lattice(*lattice.coarse))):
        p = rng.normal(size=(4, 2, target.height, target.width))
        Γ = cross_spectrum(target.transform(xp.asarray(p)), Z)
        taps = lattice.taps(Γ, k, strided=strided)
        for _ in range(3):
            kernel = rng.normal(size=(2, 3, k, k))
            matrix = convolution_matrix(kernel, height, width, stride if strided else 1)
            expected = np.sum(vectors(p) * (vectors(z) @ matrix.T))
            assert np.sum(to_numpy(taps) * kernel) == pytest.approx(expected, rel=1e-11)


@on_libraries
def test_energy_by_frequencies(xp, rng):
    """Parseval: the half spectrum counts with its multiplicity."""
    for height, width, stride in ((4, 6, 2), (5, 7, 1), (3, 4, 1)):
        lattice = Lattice(height, width, stride)
        z = rng.normal(size=(1, 2, height, width))
        sizes = np.abs(to_numpy(lattice.transform(xp.asarray(z)))) ** 2
        total = np.sum(lattice.multiplicity[:, None, None] * sizes)
        size = height * width / stride**2
        assert total / size == pytest.approx(np.sum(z**2), rel=1e-12)


def monotone_convolution(xp, dtype, stride=1, **constants):
    """½I + AᵀA + B − Bᵀ with a strided A, as the tiers of a network have it."""
    lattice = Lattice(4, 2 * stride, stride)
    rng = np.random.default_rng(1)
    A = lattice.spectrum(xp.asarray(rng.normal(size=(1, 2, 3, 3)) / 4, dtype=dtype), strided=True)
    B = lattice.spectrum(xp.asarray(rng.normal(size=(2, 2, 3, 3)) / 4, dtype=dtype))
    identity = xp.eye(B.shape[1], dtype=B.dtype)

    def adjoint(M):
        return xp.conj(xp.permute_dims(M, (0, 2, 1)))

    return CircularConvolution(
        0.5 * identity + adjoint(A) @ A + B - adjoint(B), lattice, **constants
    )


@on_libraries
@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("stride", [1, 2])
def test_operator_passes_the_public_check(xp, precision, stride):
    dtype = getattr(xp, precision)
    M = monotone_convolution(xp, dtype, stride)
    shape = (2, 4, 2 * stride)
    check_linear_operator(M, shape, shape, xp=xp, dtype=dtype, max_examples=6)
    batch = (3, *shape)
    check_linear_operator(M, batch, batch, xp=xp, dtype=dtype, batch_ndim=1, max_examples=3)
    assert sk.Affine(M).strong_monotonicity == pytest.approx(0.5, rel=1e-4)


def test_operator_refuses_other_points_and_failed_inverses():
    M = monotone_convolution(xnp, xnp.float64)
    F = sk.Affine(M) + sk.NormalCone(sk.functions.NonNegative())
    for shape in ((2, 4, 3), (3, 4, 2), (4, 2)):
        with pytest.raises(ValueError, match="last axes must be"):
            sk.solve(F, np.zeros(shape))
    with pytest.raises(TypeError, match="float32"):
        sk.solve(F, np.zeros((2, 4, 2), dtype=np.float32))
    with pytest.raises(TypeError, match="one step size"):
        M.shifted_inverse(np.ones(3))
    broken = CircularConvolution(-M.blocks * np.nan, M.lattice, lipschitz=1.0)
    with pytest.raises(np.linalg.LinAlgError, match="residual nan"):
        broken.shifted_inverse(1.0)
