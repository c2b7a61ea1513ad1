"""Many threads over one cold layer: each gets what it would get alone."""

import copy
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch

import splitkit_nn as sknn
from tests.sampling import every_other

THREADS, ROUNDS = 8, 2
KINDS = {
    "dense": lambda: sknn.MonotoneDense(3, 4),
    "triangular": lambda: sknn.MonotoneTriangular(3, 4, 2),
    "lipschitz": lambda: sknn.MonotoneLipschitz(3, 4, 2, gamma=1.0),
    "conv": lambda: sknn.MonotoneConv2d(1, 2, (2, 3)),
    "tiers": lambda: sknn.MonotoneMultiTier(1, (2, 1), 2),
}


@pytest.fixture
def hurried():
    """Threads that take turns as often as the interpreter can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.parametrize(("kind", "training"), every_other(KINDS, [True, False]))
def test_threads_share_a_cold_layer(kind, training, hurried):
    torch.manual_seed(0)
    cold = sknn.MonDEQ(KINDS[kind](), "tanh", tol=1e-10).double().train(training)
    xs = torch.randn(THREADS, 2, *cold.parametrization.input_shape, dtype=torch.float64)

    def run(layer, x, barrier=None):
        x = x.clone().requires_grad_()
        if barrier:
            barrier.wait()
        z = layer(x)
        (found,) = torch.autograd.grad(z.square().sum(), x)
        return z.detach(), found

    expected = [run(copy.deepcopy(cold), x) for x in xs]
    for _ in range(ROUNDS):
        layer, barrier = copy.deepcopy(cold), Barrier(THREADS)
        with ThreadPoolExecutor(THREADS) as pool:
            found = list(pool.map(run, [layer] * THREADS, xs, [barrier] * THREADS))
        for ours, theirs in zip(found, expected, strict=True):
            for a, b in zip(ours, theirs, strict=True):
                torch.testing.assert_close(a, b, rtol=0, atol=1e-7)
