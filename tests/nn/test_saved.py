"""A model in a file is the same model again; what a file is not is said."""

import pytest
import torch

import splitkit as sk
import splitkit_nn as sknn

LAYERS = {
    "dense": lambda: sknn.MonDEQ(
        sknn.MonotoneDense(36, 5, m=0.3),
        sknn.LeakyReLU(0.2),
        sk.ForwardBackward(alpha=0.01),
        sk.CertifiedError(1e-3),
        5000,
        gradient=sknn.Truncated(steps=7),
        on_failure="damp",
    ),
    "triangular": lambda: sknn.MonDEQ(sknn.MonotoneTriangular(36, 6, 3, m=0.7), "softmax"),
    "lipschitz": lambda: sknn.MonDEQ(sknn.MonotoneLipschitz(36, 6, 2, gamma=0.5), "celu"),
    "conv": lambda: sknn.MonDEQ(
        sknn.MonotoneConv2d(1, 3, 6, 5, m=0.6, border=2),
        sknn.GroupShrinkage(0.1, groups=3),
        sk.Anderson(sk.PeacemanRachford(), memory=3),
    ),
    "tiers": lambda: sknn.MonDEQ(sknn.MonotoneMultiTier(1, (2, 3), 6), sknn.Clamp(-1.0, 2.0)),
}
MODELS = {
    "dense": lambda: sknn.DenseClassifier(36, 7, 3, m=0.4, tol=1e-5),
    "conv": lambda: sknn.ConvClassifier(1, 2, (6, 10), 3, 5, tol=1e-5),
    "tiers": lambda: sknn.MultiTierClassifier(1, (2, 3), 6, 3, tol=1e-5),
}


def images(side=(6, 6), dtype=torch.float32):
    return torch.randn(4, 1, *side, generator=torch.Generator().manual_seed(0), dtype=dtype)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_comes_back_with_all_that_it_was_made_of(name, tmp_path):
    torch.manual_seed(0)
    layer = LAYERS[name]().eval()
    x = images() if name in ("conv", "tiers") else images().flatten(1)
    expected = layer(x)
    sknn.save(layer, tmp_path / "layer.pt")
    found = sknn.load(tmp_path / "layer.pt")
    assert repr(found) == repr(layer)
    assert found.method == layer.method
    assert found.tol == layer.tol
    assert found.max_iter == layer.max_iter
    assert found.gradient == layer.gradient
    assert found.on_failure == layer.on_failure
    assert found.parametrization.m == layer.parametrization.m
    assert torch.equal(found(x), expected)
    assert [p.name for p in tmp_path.iterdir()] == ["layer.pt"]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_model_comes_back_with_its_head(name, dtype, tmp_path):
    torch.manual_seed(0)
    model = MODELS[name]().to(dtype).eval()
    model.layer = sknn.MonDEQ(model.layer.parametrization, "tanh", tol=1e-5).to(dtype).eval()
    x = images((6, 10) if name == "conv" else (6, 6), dtype)
    expected = model(x)
    sknn.save(model, tmp_path / "model.pt")
    found = sknn.load(tmp_path / "model.pt")
    assert type(found) is type(model)
    assert not found.training
    assert torch.equal(found(x), expected)
    assert float(found.layer.alpha) == float(model.layer.alpha)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("checkpoint", [False, True])
def test_a_state_dict_says_what_it_is_of(name, checkpoint, tmp_path):
    """m, tolerances and a side that is not square have to be given."""
    torch.manual_seed(0)
    model = MODELS[name]().eval()
    with torch.no_grad():
        for n, value in model.named_parameters():
            value.sub_(2.0) if n.endswith(".g") else value.mul_(1.1)  # a negative scale is no error
    state = model.state_dict()
    path = tmp_path / "state.pt"
    torch.save({"model": state, "optimizer": {}} if checkpoint else state, path)
    side = {"conv": (6, 10), "tiers": None, "dense": None}[name]
    found = sknn.load(path, m=model.layer.parametrization.m, side=side)
    assert type(found) is type(model)
    found.layer.tol = model.layer.tol
    x = images((6, 10) if name == "conv" else (6, 6))
    assert torch.equal(found(x), model(x))


@pytest.mark.parametrize("name", ["dense", "conv", "tiers"])
def test_a_bare_layer_from_its_state_dict(name, tmp_path):
    torch.manual_seed(0)
    layer = {
        "dense": lambda: sknn.MonDEQ(sknn.MonotoneDense(36, 5)),
        "conv": lambda: sknn.MonDEQ(sknn.MonotoneConv2d(1, 3, 6)),
        "tiers": lambda: sknn.MonDEQ(sknn.MonotoneMultiTier(1, (2, 3), 6)),
    }[name]().eval()
    torch.save(layer.state_dict(), tmp_path / "state.pt")
    x = images().flatten(1) if name == "dense" else images()
    if name != "dense":
        with pytest.raises(ValueError, match="without its images' side"):
            sknn.load(tmp_path / "state.pt")
    found = sknn.load(tmp_path / "state.pt", side=None if name == "dense" else 6)
    assert torch.equal(found(x), layer(x))


def test_the_papers_code(tmp_path):
    A = torch.randn(3, 5, 5, generator=torch.Generator().manual_seed(0)) / 2
    inner = {"U.weight": A[0], "U.bias": A[0, 0], "A.weight": A[1], "B.weight": A[2]}
    state = {f"mon.linear_module.{key}": value for key, value in inner.items()}
    path = tmp_path / "released.pt"
    torch.save(state | {"Wout.weight": A[0, :2], "Wout.bias": A[1, 0, :2]}, path)
    x = torch.ones(2, 5)
    assert torch.equal(sknn.load(path)(x), sknn.load_reference(path)(x))


def test_what_cannot_be_saved_is_refused(tmp_path):
    class Own(sknn.MonotoneDense):
        pass

    tanh = sknn.ScalarActivation(torch_tanh, torch_tanh_slope)
    for model, match in (
        (torch.nn.Linear(2, 2), "model is a Linear"),
        (sknn.MonDEQ(Own(2, 3)), r"parametrization = Own"),
        (sknn.MonDEQ(sknn.MonotoneDense(2, 3), tanh), "activation = ScalarActivation"),
    ):
        with pytest.raises(TypeError, match=match):
            sknn.save(model, tmp_path / "model.pt")
    assert not list(tmp_path.iterdir())


def torch_tanh(y):
    return y.tanh() if isinstance(y, torch.Tensor) else __import__("numpy").tanh(y)


def torch_tanh_slope(y):
    return 1 - torch_tanh(y) ** 2


def whole(path):
    torch.save(sknn.DenseClassifier(2, 3, 2), path)


def foreign(path):
    torch.save(torch.nn.Linear(2, 2).state_dict(), path)


def tensor(path):
    torch.save(torch.ones(3), path)


def text(path):
    path.write_text("no model")


def broken(path):
    sknn.save(sknn.DenseClassifier(2, 3, 2), path)
    path.write_bytes(path.read_bytes()[:300])


def later(path):
    sknn.save(sknn.MonDEQ(sknn.MonotoneDense(2, 3)), path)
    content = torch.load(path, weights_only=True)
    content["description"]["layer"]["class"] = "MonotoneOfTomorrow"
    torch.save(content, path)


def reshaped(path):
    state = sknn.DenseClassifier(2, 3, 2).state_dict()
    torch.save(state | {"layer.parametrization.A": torch.ones(2, 2)}, path)


@pytest.mark.parametrize(
    ("write", "match"),
    [
        (whole, "whole objects.*run their code"),
        (foreign, "state dict with bias, weight"),
        (tensor, "holds a Tensor, but no dict"),
        (text, "no file of tensors"),
        (broken, "damaged"),
        (later, "MonotoneOfTomorrow"),
        (reshaped, "shapes that do not fit"),
    ],
)
def test_what_a_file_is_not_is_said(write, match, tmp_path):
    path = tmp_path / "file.pt"
    write(path)
    with pytest.raises(ValueError, match=match) as caught:
        sknn.load(path)
    assert str(path) in str(caught.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        sknn.load(tmp_path / "none.pt")
