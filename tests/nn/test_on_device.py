"""Layers and a recipe on a GPU, against the numbers of the CPU; here the CPU stands in for one."""

from dataclasses import replace

import pytest
import torch

import splitkit as sk
import splitkit_nn as sknn
from splitkit_nn.training.recipes import find_recipe
from splitkit_nn.training.trainer import Trainer, accuracy

MODELS = {
    "dense": lambda: sknn.DenseClassifier(64, 12, 10),
    "convolution": lambda: sknn.ConvClassifier(1, 4, 8, 10),
    "tiers": lambda: sknn.MultiTierClassifier(1, (2, 3), 8, 10),
}
TOLERANCE = {torch.float64: (1e-13, 1e-11), torch.float32: (1e-6, 1e-5)}


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request):
    return torch.device(request.param)


def make(kind, dtype=torch.float64, **options):
    torch.manual_seed(0)
    model = MODELS[kind]().to(dtype)
    model.layer.method, model.layer.tol = sk.PeacemanRachford(alpha=1.0), TOLERANCE[dtype][0]
    x = torch.randn(6, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    return model, x.to(dtype)


def derivatives(model, x):
    """The equilibrium, first derivatives, and second ones."""
    inputs = list(model.layer.parametrization.parameters())
    z = model.layer(model.inputs(x))
    first = torch.autograd.grad(z.square().mean(), inputs, create_graph=True)
    second = torch.autograd.grad(sum(g.square().sum() for g in first), inputs)
    return [each.detach().double().cpu() for each in (z, *first, *second)]


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("kind", MODELS)
def test_numbers_are_those_of_the_cpu(kind, dtype, device):
    expected = derivatives(*make(kind))
    model, x = make(kind, dtype)
    found = derivatives(model.to(device), x.to(device))
    for a, b in zip(found, expected, strict=True):
        assert float((a - b).abs().max()) <= TOLERANCE[dtype][1] * max(1.0, float(b.abs().max()))


@pytest.mark.gpu
@pytest.mark.parametrize("kind", MODELS)
def test_steps_do_not_wait_for_the_device(kind):
    """CUDA's own account: in this mode torch raises where the host would wait."""
    model, x = (each.cuda() for each in make(kind))
    layer, P = model.layer, model.layer.parametrization
    with torch.no_grad():
        F = sk.Affine(P.operator(exact=False), P.bias(model.inputs(x)))
        iteration = layer.method.bind(F, layer.activation.operator)
        state = iteration.step(0 * F.q)  # plans and factors are made
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode("error")
        try:
            for _ in range(10):
                state = iteration.step(state)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    assert bool(torch.isfinite(state).all())


def test_a_recipe_trains(device):
    recipe = replace(find_recipe("digits"), epochs=1)
    trainer = Trainer(recipe, recipe.load(None), device)
    before = accuracy(trainer.model, trainer.dataset, "test")
    metrics = trainer.run_epoch(lambda epoch, step: None)
    assert next(trainer.model.parameters()).device.type == device.type
    assert metrics.test_accuracy > max(0.5, before)
