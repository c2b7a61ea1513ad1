"""What splitkit_nn offers passes its own public checks, on every library and dtype."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import settings

import splitkit as sk
import splitkit.testing
import splitkit_nn as sknn
from splitkit.testing import check_activation, check_layer, parametrize_with_checks, replay, suite
from splitkit_nn.activations import ACTIVATIONS
from tests.sampling import of_pairs, sampled, share


@sampled(lambda given: list(ACTIVATIONS).index(given["name"]), of_pairs)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_activation(name, xp_backend, xp, dtype):
    shape = (2, 4)
    examples = min(8, int(settings().max_examples / share(xp_backend, dtype == xp.float64)))
    splitkit.testing.suite(ACTIVATIONS[name](), shape, xp=xp, dtype=dtype).run(examples)


@pytest.mark.parametrize("m", [1.0, 0.05])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_dense_layer(m, dtype):
    torch.manual_seed(0)
    layer = sknn.MonDEQ(sknn.MonotoneDense(2, 4, m=m), tol=1e-5).to(dtype)
    before = copy.deepcopy(layer.state_dict())
    check_layer(layer, max_examples=4)
    for name, value in layer.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0, equal_nan=True)


torch.manual_seed(0)
LAYER = sknn.MonDEQ(sknn.MonotoneDense(2, 3))


@parametrize_with_checks([(sknn.ReLU(), (2, 3)), (LAYER,)], max_examples=3)
def test_each_property_by_itself(check):
    check()


def test_what_is_no_activation_or_layer_is_refused():
    with pytest.raises(TypeError, match="give a splitkit_nn Activation"):
        check_activation(torch.nn.ReLU())
    with pytest.raises(TypeError, match=r"give a splitkit_nn\.MonDEQ"):
        check_layer(torch.nn.Linear(2, 2))
    with pytest.raises(TypeError, match=r"Linear\(.*is a Linear: give an operator"):
        suite(torch.nn.Linear(2, 2))
    with pytest.raises(AttributeError, match="check_nothing"):
        _ = splitkit.testing.check_nothing


def test_a_layer_whose_input_is_not_stated_needs_its_shape():
    class Reshaping(sknn.MonotoneDense):
        input_shape = sknn.Parametrization.input_shape

        def check_input(self, x):
            assert x.shape[1:] == (2,)

    layer = sknn.MonDEQ(Reshaping(2, 3))
    with pytest.raises(NotImplementedError, match="Reshaping must define input_shape"):
        check_layer(layer)
    check_layer(layer, (2,), max_examples=1)


def test_a_layer_is_replayed_by_its_case():
    replay(LAYER, check="equilibrium", case=("negative", 3))
    assert isinstance(LAYER.method, sk.Method)


def test_a_parametrization_without_input_norm_claims_none():
    class Silent(sknn.MonotoneDense):
        def input_norm(self):
            raise NotImplementedError

    suite(sknn.MonDEQ(Silent(2, 3))).run(1, only="input_norm")


def test_a_tensor_that_no_state_dict_holds_is_named():
    class Loose(sknn.MonotoneDense):
        def __init__(self):
            super().__init__(2, 3)
            self.offset = torch.rand(3)

        def bias(self, x):
            return super().bias(x) + self.offset.to(x)

    with pytest.raises(AssertionError, match=r"violates state_dict:\n.*make offset a parameter"):
        suite(sknn.MonDEQ(Loose())).run(1, only="state_dict")


def test_what_is_kept_of_the_parameters_and_made_anew_with_them_is_no_state():
    class Keeping(sknn.MonotoneDense):
        known = None

        def weight(self):
            if self.known is None or not torch.equal(self.known, self.A):
                self.known, self.square = self.A.detach().clone(), (self.A.T @ self.A).detach()
            return (1 - self.m) * self.identity() - self.square + self.B - self.B.T

    suite(sknn.MonDEQ(Keeping(2, 3))).run(1, only="state_dict")


def test_a_frozen_layer_passes():
    check_layer(copy.deepcopy(LAYER).requires_grad_(False), max_examples=1)


def test_a_long_direction_from_a_kink_accuses_no_clamp():
    y, d = np.zeros((2, 4)), np.zeros((2, 4))
    d[1, 3] = 1e8
    suite(sknn.Clamp(0.0, 1.0), (2, 4)).replay("jacobian", (y, d, 1.0, 1.0))
