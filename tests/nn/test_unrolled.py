"""k steps of a layer as a static graph: within their certified error, and exported."""

import copy

import pytest
import torch
from torch import nn

import splitkit as sk
import splitkit_nn as sknn
from tests.sampling import every_other, is_thorough, pairwise

KINDS = {
    "dense": (lambda: sknn.MonotoneDense(3, 6), (3,)),
    "conv": (lambda: sknn.MonotoneConv2d(1, 2, (2, 3)), (1, 2, 3)),
    "tiers": (lambda: sknn.MonotoneMultiTier(1, (1, 2), (2, 4)), (1, 2, 4)),
    "triangular": (lambda: sknn.MonotoneTriangular(3, 4), (3,)),
    "lipschitz": (lambda: sknn.MonotoneLipschitz(3, 4, 2, gamma=0.7), (3,)),
    "infinity": (lambda: sknn.MonotoneInfinity(3, 4), (3,)),
}
METHODS = (sk.PeacemanRachford, sk.DouglasRachford, sk.ForwardBackward)


def make(kind, activation="tanh", method=None, **options):
    """A layer that has chosen its step size, and inputs."""
    torch.manual_seed(0)
    parametrization, shape = KINDS[kind][0](), KINDS[kind][1]
    options = {"tol": 1e-12, "max_iter": 3000} | options
    layer = sknn.MonDEQ(parametrization, activation, method, **options).double().eval()
    x = torch.randn(4, *shape, dtype=torch.float64)
    layer(x)
    return layer, x


@pytest.mark.parametrize(
    ("kind", "method", "activation"),
    pairwise(KINDS, METHODS, ("relu", "sigmoid")),  # σ(0) = 0, and not
)
def test_the_error_is_within_the_certified_one(kind, method, activation):
    layer, x = make(kind, activation, method())
    z = layer(x).detach()
    for k in (1, 2, 7):
        unrolled = layer.unrolled(k)
        error = (unrolled(x) - z).flatten(1).norm(dim=1)
        bound = unrolled.error_bound(x)
        assert (error <= bound + 1e-9).all()
        assert (unrolled.error_bound(0 * x) <= bound).any()
    assert (layer.unrolled(200).error_bound(x) < 0.1 * bound).all()


def test_the_bound_is_attained_by_a_layer_of_one_unit():
    """With W = (1 − m)I, σ the identity on z ≥ 0 and forward-backward, of which each step shrinks
    the error by its factor.
    """
    parametrization = sknn.MonotoneDense(1, 1, m=0.5)
    with torch.no_grad():
        parametrization.A.zero_()
    method = sk.ForwardBackward(alpha=0.5)
    layer = sknn.MonDEQ(parametrization, "relu", method, tol=1e-12).double().eval()
    with torch.no_grad():
        layer.parametrization.U.weight.fill_(1.0)
        layer.parametrization.U.bias.zero_()
    x = torch.ones(1, 1, dtype=torch.float64)
    unrolled = layer.unrolled(3)
    error = (layer(x) - unrolled(x)).norm(dim=1)
    torch.testing.assert_close(unrolled.error_bound(x), error, rtol=1e-9, atol=0)


@pytest.mark.parametrize(("kind", "method"), every_other(["dense", "conv", "tiers"], METHODS))
def test_they_are_the_layers_own_steps(kind, method):
    layer, x = make(kind, method=method())
    unrolled = layer.unrolled(5)
    layer.tol, layer.max_iter, layer.on_failure = 1e-15, 5, "warn"
    layer.method = unrolled.method
    with pytest.warns(sk.NotConvergedWarning):
        z = layer(x)
    torch.testing.assert_close(unrolled(x), z.detach(), rtol=0, atol=1e-13)


def test_learned_activations_and_other_precisions_and_states_are_taken_as_they_are():
    sigma = sknn.SoftThreshold(nn.Parameter(torch.tensor(0.2)))
    layer, x = make("conv", sigma)
    unrolled = layer.unrolled(60)
    z = layer(x).detach()
    torch.testing.assert_close(unrolled(x), z, rtol=0, atol=1e-9)
    single = copy.deepcopy(unrolled).float()
    assert single(x.float()).dtype == torch.float32
    torch.testing.assert_close(single(x.float()).double(), z, rtol=0, atol=1e-5)
    other, _ = make("conv", sigma)
    with torch.no_grad():
        other.parametrization.A.mul_(0.5)
        other.parametrization.g.mul_(2.0)
    assert other.unrolled(60).rate != unrolled.rate
    unrolled.load_state_dict(other.unrolled(1).state_dict())
    assert unrolled.rate == other.unrolled(60).rate
    torch.testing.assert_close(unrolled(x), other(x).detach(), rtol=0, atol=1e-7)


def test_it_stays_as_it_is_when_the_layer_goes_on():
    layer, x = make("dense")
    unrolled = layer.unrolled(4)
    before = unrolled(x)
    with torch.no_grad():
        layer.parametrization.A.mul_(3.0)
    assert torch.equal(unrolled(x), before)
    assert not any(p.requires_grad for p in unrolled.parameters())


def test_what_has_no_error_is_refused():
    torch.manual_seed(0)
    layer = sknn.MonDEQ(sknn.MonotoneDense(3, 6))
    with pytest.raises(ValueError, match="no step size yet: call it once"):
        layer.unrolled(3)
    for steps in (0, 2.5, True):
        with pytest.raises((TypeError, ValueError), match="steps"):
            layer.unrolled(steps)
    layer.method = sk.Anderson(sk.PeacemanRachford())
    with pytest.raises(TypeError, match=r"sk\.PeacemanRachford\(\)"):
        layer.unrolled(3)
    layer, x = make("dense")
    with pytest.raises(ValueError, match="x has shape"):
        layer.unrolled(3)(x[:, :2])


def test_it_is_as_exact_in_compiled_models_and_under_autocast_and_says_what_is_no_input():
    layer, x = make("dense")
    layer.float()
    unrolled, x = layer.unrolled(4), x.float()
    expected = unrolled(x)
    compiled = torch.compile(nn.Sequential(unrolled, nn.Tanh()), backend="eager")
    torch.testing.assert_close(compiled(x), expected.tanh(), rtol=0, atol=1e-6)
    torch.compiler.reset()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(layer.unrolled(4)(x), expected)
        assert unrolled(x.bfloat16()).dtype == torch.float32
    for wrong, name in ((x.tolist(), "list"), (x.long(), "int64")):
        with pytest.raises(TypeError, match=f"x (is a|has dtype).*{name}"):
            unrolled(wrong)


def test_inputs_are_those_of_the_layer():
    """Of its dtype, with any axes in front."""
    layer, x = make("conv")
    unrolled = layer.unrolled(3)
    with pytest.raises(
        TypeError, match=r"x has dtype torch\.float32, but the layer torch\.float64"
    ):
        unrolled(x.float())
    with pytest.raises(TypeError, match="x has dtype"):
        unrolled.error_bound(x.float())
    z, error = unrolled(x), unrolled.error_bound(x)
    pairs = x.reshape(2, 2, 1, *x.shape[1:])
    assert torch.equal(unrolled(pairs), z.reshape(2, 2, 1, *z.shape[1:]))
    assert torch.equal(unrolled.error_bound(pairs), error.reshape(2, 2, 1))
    with pytest.raises(ValueError, match="x has shape"):
        unrolled(x[0])


@pytest.mark.parametrize("kind", ["dense", "tiers"])
def test_on_meta_it_waits_for_values(kind):
    layer, x = make(kind)
    unrolled = layer.unrolled(3)
    z, state = unrolled(x), unrolled.state_dict()
    deferred = copy.deepcopy(unrolled).to("meta")
    assert "error" not in repr(copy.deepcopy(deferred))
    assert "error" in repr(unrolled)
    for use in (deferred, deferred.error_bound, lambda x: deferred.rate):
        with pytest.raises(ValueError, match="on meta, where its parameters have no values"):
            use(x)
    deferred.to_empty(device="cpu")
    deferred.load_state_dict(state)
    assert torch.equal(deferred(x), z)
    assert deferred.rate == unrolled.rate


def exported(kind, activation="relu"):
    """An exported model with a layer in it, in single precision, the model, and inputs."""
    layer, x = make(kind, activation)
    model, x = nn.Sequential(layer.unrolled(2), nn.Flatten()).float().eval(), x.float()
    program = torch.export.export(model, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    return program, model, x


@pytest.mark.parametrize(
    ("kind", "activation"),
    [("dense", "tanh"), ("conv", "relu"), ("tiers", "relu")],
)
def test_an_exported_model_gives_the_same_numbers_for_batches_of_any_size(kind, activation):
    program, model, x = exported(kind, activation)
    module = program.module()
    for batch in (x, torch.cat((x, 2 * x))):
        torch.testing.assert_close(module(batch), model(batch), rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["conv", *(["dense", "tiers"] if is_thorough() else [])])
@pytest.mark.filterwarnings("ignore")  # of Torch's exporter, many
def test_onnx_runtime_gives_the_same_numbers(kind, tmp_path):
    """Of all kinds in a thorough run: the exporter takes seconds for each."""
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    program, model, x = exported(kind)
    file = str(tmp_path / "model.onnx")
    torch.onnx.export(program, (x,), dynamo=True, verbose=False).save(file)
    session = runtime.InferenceSession(file, providers=["CPUExecutionProvider"])
    for batch in (x, torch.cat((x, 2 * x))):
        (found,) = session.run(None, {session.get_inputs()[0].name: batch.numpy()})
        torch.testing.assert_close(torch.from_numpy(found), model(batch), rtol=0, atol=1e-5)
