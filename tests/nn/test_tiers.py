"""The multi-tier map on every library, its geometry, and what it refuses."""

import array_api_compat.numpy as xnp
import array_api_compat.torch as xtorch
import array_api_strict
import numpy as np
import pytest
import torch

import splitkit as sk
import splitkit_nn as sknn
from splitkit.backend import to_numpy
from splitkit.testing import check_linear_operator
from splitkit_nn.activations import ReLU
from splitkit_nn.activations.masked import Masked
from splitkit_nn.equilibrium.inclusions import forward_inclusion
from splitkit_nn.linear.circular import CircularConvolution
from splitkit_nn.linear.tiers import TieredConvolution

LIBRARIES = {"numpy": xnp, "torch": xtorch, "array_api_strict": array_api_strict}


def on_library(M, xp, precision):
    """The same map with its blocks in another library."""
    kind = {"float64": xp.complex128, "float32": xp.complex64}[precision]

    def convert(blocks):
        return xp.asarray(blocks.numpy(), dtype=kind)

    return TieredConvolution(
        [CircularConvolution(convert(D.blocks), D.lattice) for D in M.diagonal],
        [convert(S) for S in M.strided],
        [convert(C) for C in M.carried],
        strong_monotonicity=M.properties.strong_monotonicity,
    )


@pytest.fixture
def tiers():
    torch.manual_seed(0)
    return sknn.MonotoneMultiTier(1, (1, 2), (2, 4)).double()


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("xp", LIBRARIES.values(), ids=LIBRARIES)
def test_operator_passes_the_public_check(xp, precision, tiers):
    original = tiers.operator(exact=True)
    M, dtype = on_library(original, xp, precision), getattr(xp, precision)
    total = sum(M.sizes)
    first = xp is LIBRARIES["numpy"] and dtype == xp.float64
    examples = 8 if first else 2  # elsewhere the same is computed with other functions
    check_linear_operator(M, (total,), (total,), xp=xp, dtype=dtype, max_examples=examples)
    shape = (2, total)
    check_linear_operator(M, shape, shape, xp=xp, dtype=dtype, batch_ndim=1, max_examples=2)
    z = np.random.default_rng(0).normal(size=shape)
    expected, found = original(torch.as_tensor(z)).numpy(), to_numpy(M(xp.asarray(z, dtype=dtype)))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e3 * float(xp.finfo(dtype).eps))


def test_equilibrium_on_plain_arrays(tiers):
    """The same operator, mask and bias give the layer's equilibrium without Torch."""
    x = torch.randn(3, 1, 2, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    layer = sknn.MonDEQ(tiers, tol=1e-12)
    expected = layer(x).detach().numpy()
    M = on_library(tiers.operator(exact=True), xnp, "float64")
    bias = tiers.bias(x).detach().numpy()
    F, G = forward_inclusion(M, bias, Masked(ReLU(), tiers.interior.numpy()).operator)
    solution = sk.solve(F + G, 0 * bias, sk.PeacemanRachford(), tol=1e-12, batch_ndim=1)
    np.testing.assert_allclose(solution.x, expected, rtol=0, atol=1e-10)


def test_tiers_and_their_borders():
    layer = sknn.MonDEQ(sknn.MonotoneMultiTier(3, (2, 4, 5), 32), tol=1e-3)
    z = layer(torch.randn(2, 3, 32, 32)).detach()
    tiers = layer.parametrization.tiers(z)
    assert [tuple(t.shape) for t in tiers] == [(2, 2, 34, 34), (2, 4, 18, 18), (2, 5, 10, 10)]
    assert torch.equal(torch.cat([t.flatten(1) for t in tiers], dim=1), z)
    for tier in tiers:
        inside = tier[:, :, 1:-1, 1:-1]
        assert inside.count_nonzero() == tier.count_nonzero() > 0


def test_an_activation_along_channels_is_refused(tiers):
    with pytest.raises(ValueError, match=r"Softmax.*not elementwise"):
        sknn.MonDEQ(tiers, "softmax")
    convolution = sknn.MonDEQ(sknn.MonotoneConv2d(1, 3, 4).double(), sknn.Softmax(), tol=1e-9)
    z = convolution(torch.randn(2, 1, 4, 4, dtype=torch.float64)).detach()
    inside = z[:, :, 1:-1, 1:-1]
    torch.testing.assert_close(inside.sum(1), torch.ones(2, 4, 4, dtype=torch.float64))
    assert z.count_nonzero() == inside.count_nonzero()


@pytest.mark.parametrize(
    ("arguments", "options", "error", "match"),
    [
        ((1, (2, 2), 7), {}, ValueError, r"side = \(7, 7\).*multiples of 2"),
        ((1, (2, 2, 2), (8, 6)), {}, ValueError, "multiples of 4"),
        ((1, (2, 2), 9), {"stride": 3}, ValueError, "stride = 3.*border = 1"),
        ((1, 16, 8), {}, TypeError, "channels = 16"),
        ((1, (), 8), {}, TypeError, "channels"),
        ((1, (2, 0), 8), {}, ValueError, "channels = 0"),
        ((1, (2, 2), 8, 4), {}, ValueError, "kernel_size = 4.*odd"),
        ((1, (2, 2), 8.0), {}, TypeError, r"side = 8\.0"),
        ((1, (2, 2), (8, 8, 8)), {}, TypeError, "side"),
        ((1, (2, 2), 0), {}, ValueError, "side = 0"),
    ],
)
def test_bad_arguments(arguments, options, error, match):
    with pytest.raises(error, match=match):
        sknn.MonotoneMultiTier(*arguments, **options)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "match"),
    [
        ((1, 2, 8, 2), {}, ValueError, "kernel_size = 2.*odd"),
        ((1, 2, 8), {"border": -1}, ValueError, "border = -1"),
        ((1, 2, (8, True)), {}, TypeError, "side"),
        ((0, 2, 8), {}, ValueError, "in_channels = 0"),
        ((1, 2, 8, 3, 0.0), {}, ValueError, r"m = 0\.0"),
    ],
)
def test_bad_arguments_of_the_single_convolution(arguments, options, error, match):
    with pytest.raises(error, match=match):
        sknn.MonotoneConv2d(*arguments, **options)
