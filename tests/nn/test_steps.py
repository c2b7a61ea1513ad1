"""The step that a layer chooses is nearly the best of all, also where W is large."""

import warnings

import numpy as np
import pytest
import torch

import splitkit as sk
import splitkit_nn as sknn
from tests.sampling import pairwise

KINDS = {
    "triangular": lambda: sknn.MonotoneTriangular(3, 8, 2),
    "dense": lambda: sknn.MonotoneDense(3, 8),
}


def iterations(kind, activation, factor, alpha=None):
    torch.manual_seed(0)
    p = KINDS[kind]()
    method = None if alpha is None else sk.PeacemanRachford(alpha=alpha)
    layer = sknn.MonDEQ(p, activation, method, max_iter=100, on_failure="warn")
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", sk.NotConvergedWarning)
        for each in p.weights().values():
            each.mul_(factor)
        layer(torch.randn(6, 3))
    return layer.last_solve.forward.iterations, float(layer.alpha)


@pytest.mark.parametrize(
    ("activation", "factor", "kind"),
    pairwise(["relu", "tanh", "softplus", "sigmoid", "elu"], [10, 30], KINDS),
)
def test_few_steps_save_iterations(kind, activation, factor):
    """At Ux + b such activations are saturated that are not at the damped equilibrium."""
    own, alpha = iterations(kind, activation, factor)
    best = min(iterations(kind, activation, factor, a)[0] for a in alpha * np.geomspace(0.1, 10, 5))
    assert own <= 1.5 * best
