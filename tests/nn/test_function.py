"""The layer for JAX is Torch's: in its values, and its first and second derivatives."""

import numpy as np
import pytest
import torch

import splitkit as sk
import splitkit_nn as sknn
from splitkit.backend import to_numpy

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")
jax.config.update("jax_enable_x64", True)  # as splitkit.testing.backends does

EXACT = {"rtol": 0, "atol": 1e-10}
NAMES = {"A": "A", "B": "B", "U": "U.weight", "b": "U.bias"}
X = np.random.default_rng(0).normal(size=(4, 3))


def of_both(activation):
    """Torch's layer, and the parameters and the function of the same."""
    torch.manual_seed(0)
    p = sknn.MonotoneDense(3, 6, m=0.7).double()
    tracked = dict(p.named_parameters())
    parameters = {name: jnp.asarray(to_numpy(tracked[named])) for name, named in NAMES.items()}
    layer = sknn.MonDEQ(p, activation, tol=1e-13, max_iter=20_000)
    return layer, tracked, parameters, sknn.mondeq(activation, 0.7, tol=1e-13, max_iter=20_000)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_values_and_derivatives_are_those_of_torch(activation):
    layer, tracked, parameters, function = of_both(activation)
    x = torch.tensor(X, requires_grad=True)
    z = layer(x)
    np.testing.assert_allclose(function(parameters, jnp.asarray(X)), to_numpy(z), **EXACT)

    chosen = [tracked[named] for named in NAMES.values()]
    first = torch.autograd.grad((z**3).sum(), [*chosen, x], create_graph=True)
    second = torch.autograd.grad(sum((g**2).sum() for g in first), [*chosen, x])

    def loss(parameters, x):
        return (function(parameters, x) ** 3).sum()

    def squares(parameters, x):
        of_parameters, of_x = jax.grad(loss, (0, 1))(parameters, x)
        return sum((g**2).sum() for g in jax.tree.leaves((of_parameters, of_x)))

    given = parameters, jnp.asarray(X)
    for order, expected in ((loss, first), (squares, second)):
        of_parameters, of_x = jax.grad(order, (0, 1))(*given)
        for found, wanted in zip(
            [*(of_parameters[name] for name in NAMES), of_x], expected, strict=True
        ):
            np.testing.assert_allclose(found, to_numpy(wanted), **EXACT)


def test_it_is_the_same_inside_of_jit_and_forward():
    _, _, parameters, function = of_both("relu")
    along = jax.tree.map(jnp.ones_like, parameters)
    x = jnp.asarray(X)
    z, tangent = jax.jit(
        lambda parameters: jax.jvp(lambda p: function(p, x), (parameters,), (along,))
    )(parameters)
    np.testing.assert_allclose(z, function(parameters, x), **EXACT)

    def moved(t):
        return function(jax.tree.map(lambda a: a + t, parameters), x)

    ahead, behind = moved(1e-6), moved(-1e-6)
    np.testing.assert_allclose(tangent, (ahead - behind) / 2e-6, rtol=0, atol=1e-7)


def test_single_precision_is_solved_by_default():
    layer, tracked, parameters, _ = of_both("tanh")
    x = jnp.asarray(X)
    single, x32 = jax.tree.map(lambda a: a.astype("float32"), (parameters, x))
    function = sknn.mondeq("tanh", 0.7)
    found, z = function(single, x32), layer(torch.tensor(X))
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, to_numpy(z), atol=1e-5)
    of_single = jax.grad(lambda p: (function(p, x32) ** 3).sum())(single)
    of_double = torch.autograd.grad((z**3).sum(), [tracked[named] for named in NAMES.values()])
    for name, expected in zip(NAMES, of_double, strict=True):
        np.testing.assert_allclose(of_single[name], to_numpy(expected), rtol=1e-3, atol=1e-4)


def test_what_is_wrong_is_named():
    _, _, parameters, function = of_both("relu")
    x = jnp.asarray(X)
    with pytest.raises(ValueError, match="m = 0"):
        sknn.mondeq("relu", 0.0)
    with pytest.raises(TypeError, match="b is a NoneType: give an array of JAX"):
        function({name: a for name, a in parameters.items() if name != "b"}, x)
    with pytest.raises(TypeError, match="x is a ndarray"):
        function(parameters, X)
    with pytest.raises(ValueError, match="in_features = 3"):
        function(parameters, x[:, :2])
    with pytest.raises(sk.NotConvergedError, match="max_iter = 1"):
        sknn.mondeq("relu", 0.7, tol=1e-13, max_iter=1)(parameters, x)
