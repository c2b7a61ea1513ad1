"""(aI + bDᵀD)⁻¹ by transforms: what libraries differentiate is its matrix."""

import numpy as np
import pytest

from splitkit.linear import Gradient
from splitkit.linear.second_differences import SecondDifferences

INVERSE = SecondDifferences(Gradient(-1, shape=(5,)), 1.0, 0.5).inverted()
MATRIX = np.stack([INVERSE(e) for e in np.eye(5)])
V = np.arange(5.0) ** 2


def test_jax_differentiates_the_inverse():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)  # as splitkit.testing.backends does
    found = jax.grad(lambda x: V @ INVERSE(x))(jax.numpy.ones(5))
    np.testing.assert_allclose(found, MATRIX @ V, atol=1e-12)


def test_torch_differentiates_the_inverse():
    torch = pytest.importorskip("torch")
    x = torch.ones(5, dtype=torch.float64, requires_grad=True)
    (torch.from_numpy(V) @ INVERSE(x)).backward()
    np.testing.assert_allclose(x.grad, MATRIX @ V, atol=1e-12)


@pytest.mark.parametrize("wrong", [{"a": -1.0}, {"b": -1.0}, {"a": np.nan}], ids=str)
def test_coefficients_below_0_are_refused(wrong):
    with pytest.raises(ValueError, match="give a non-negative finite number"):
        SecondDifferences(Gradient(axes=(-1,)), **wrong)
