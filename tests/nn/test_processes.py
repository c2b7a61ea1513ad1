"""Layers in worker processes, in forks, and in long loops."""

import gc
import multiprocessing
import tracemalloc

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

import splitkit_nn as sknn

# other tests of the same process may have started JAX's threads, of which no worker here makes use
pytestmark = pytest.mark.filterwarnings("ignore:os.fork")

KINDS = {
    "dense": (lambda: sknn.MonotoneDense(3, 6), (3,)),
    "conv": (lambda: sknn.MonotoneConv2d(1, 2, 4), (1, 4, 4)),
    "tiers": (lambda: sknn.MonotoneMultiTier(1, (1, 2), 4), (1, 4, 4)),
}


def make(kind):
    torch.manual_seed(0)
    build, shape = KINDS[kind]
    return sknn.MonDEQ(build(), tol=1e-6).eval(), torch.randn(8, *shape)


class Equilibria(Dataset):
    """Of each sample, computed where it is asked for."""

    def __init__(self, layer, x):
        self.layer, self.x = layer, x

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        with torch.no_grad():
            return self.layer(self.x[i : i + 1])[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("warm", [True, False])
def test_workers_of_a_loader_find_the_same_equilibria(kind, warm):
    layer, x = make(kind)
    with torch.no_grad():
        expected = layer(x)
    if not warm:
        layer._kept = None
    loader = DataLoader(Equilibria(layer, x), batch_size=4, num_workers=2)
    torch.testing.assert_close(torch.cat(list(loader)), expected, rtol=0, atol=1e-4)


def in_child(layer, x, queue):
    torch.set_num_threads(1)
    x.requires_grad_()
    z = layer(x)
    z.square().sum().backward()
    queue.put((z.detach().numpy(), x.grad.numpy()))


def test_a_fork_finds_the_same_derivatives():
    layer, x = make("dense")
    layer(x)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=in_child, args=(layer, x.clone(), queue))
    child.start()
    z, gradient = queue.get(timeout=120)
    child.join(timeout=120)
    assert child.exitcode == 0
    x.requires_grad_()
    expected = layer(x)
    expected.square().sum().backward()
    torch.testing.assert_close(torch.from_numpy(z), expected.detach(), rtol=0, atol=1e-4)
    torch.testing.assert_close(torch.from_numpy(gradient), x.grad, rtol=0, atol=1e-3)


def steps(layer, x, optimizer, count):
    """So many training steps; the tensors that are alive after them."""
    for _ in range(count):
        optimizer.zero_grad()
        layer(x).square().sum().backward()
        optimizer.step()
    gc.collect()
    return sum(isinstance(each, torch.Tensor) for each in gc.get_objects())


@pytest.mark.parametrize("kind", KINDS)
def test_a_long_training_keeps_no_tensor(kind):
    layer, x = make(kind)
    training = layer.train(), x, torch.optim.SGD(layer.parameters(), lr=1e-3)
    assert steps(*training, 5) >= steps(*training, 20)


def test_a_long_training_grows_by_half_a_megabyte_in_a_thousand_steps_at_most():
    layer, x = make("dense")
    training = layer.train(), x, torch.optim.SGD(layer.parameters(), lr=1e-3)
    tracemalloc.start()
    try:
        steps(*training, 80)  # until what is remembered of constants is full
        before, _ = tracemalloc.get_traced_memory()
        steps(*training, 80)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before <= 80 * 500
