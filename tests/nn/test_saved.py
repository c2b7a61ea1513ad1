"""A model in a file is the same model again; what a file is not is said."""

import inspect

import pytest
import torch

import splitkit as sk
import splitkit_nn as sknn
from splitkit.testing import check_layer

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
    "infinity": lambda: sknn.MonDEQ(sknn.MonotoneInfinity(36, 6, m=0.7), "hardtanh"),
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
    assert torch.equal(found(x), expected)
    assert [p.name for p in tmp_path.iterdir()] == ["layer.pt"]


def arguments(thing):
    """What the constructor takes, as attributes that compare."""
    if isinstance(thing, sknn.MonDEQ):
        return {name: arguments(value) for name, value in thing.arguments().items()}
    if isinstance(thing, (sknn.Parametrization, sknn.Activation)):
        names = inspect.signature(type(thing)).parameters
        return type(thing), {name: getattr(thing, name) for name in names}
    return thing


PARAMETRIZATIONS = [
    sknn.MonotoneDense(4, 5, m=0.3),
    sknn.MonotoneTriangular(4, 6, block=3, m=0.7),
    sknn.MonotoneLipschitz(4, 6, 2, gamma=0.5, m=0.8, learned=True),
    sknn.MonotoneInfinity(4, 6, m=0.8),
    sknn.MonotoneConv2d(1, 3, (6, 8), 5, m=0.6, border=2),
    sknn.MonotoneMultiTier(2, (2, 3), (6, 9), 5, m=0.6, stride=3, border=3),
]
SETTINGS = {
    "activation": sknn.LeakyReLU(0.2),
    "method": sk.ForwardBackward(alpha=0.01),
    "tol": sk.CertifiedError(1e-3),
    "max_iter": 77,
    "backward_tol": 0.02,
    "gradient": sknn.Truncated(steps=7),
    "solve_in": "numpy",
    "on_failure": "damp",
}


@pytest.mark.parametrize("parametrization", PARAMETRIZATIONS, ids=lambda p: type(p).__name__)
def test_no_argument_is_lost(parametrization, tmp_path):
    defaults = inspect.signature(sknn.MonDEQ).parameters
    assert set(SETTINGS) == set(defaults) - {"parametrization"}
    assert all(SETTINGS[name] != defaults[name].default for name in SETTINGS)
    layer = sknn.MonDEQ(parametrization, **SETTINGS)
    for name, parameter in inspect.signature(type(parametrization)).parameters.items():
        assert getattr(parametrization, name) != parameter.default
    sknn.save(layer, tmp_path / "layer.pt")
    assert arguments(sknn.load(tmp_path / "layer.pt")) == arguments(layer)


class Scaled(sknn.Parametrization):
    """W = (1 − m)I − diag(a)², and Ux is c times a part of x: one's own, derived from nothing."""

    def __init__(self, kept, gain=1.0, m=1.0):
        super().__init__(m)
        self.kept, self.gain = kept, gain
        self.a = torch.nn.Parameter(torch.linspace(-1, 1, int(kept.sum())))

    @property
    def input_shape(self):
        return (len(self.kept),)

    def bias(self, x):
        return self.gain * x[:, self.kept]

    def weight(self):
        return 1 - self.m - self.a**2

    def multiply(self, W, z):
        return W * z

    multiply_transpose = multiply

    def outer(self, W, p, z):
        return (p * z).sum(0)

    def input_norm(self):
        return abs(self.gain)

    def operator(self, W=None, *, exact):
        W = self.weight() if W is None else W
        return sk.linear.Diagonal(1 - W.detach())


def one_s_own():
    torch.manual_seed(0)
    kept = torch.arange(6) % 3 > 0
    layer = sknn.MonDEQ(Scaled(kept, gain=2.0, m=0.5), "tanh", tol=1e-5, solve_in="numpy")
    return sknn.DenseClassifier.of(layer, torch.nn.Linear(4, 3, bias=False)).eval()


def test_a_parametrization_of_one_s_own_is_saved_loaded_and_certified(tmp_path):
    model, x = one_s_own(), torch.randn(8, 6, generator=torch.Generator().manual_seed(0))
    sknn.save(model, tmp_path / "model.pt")
    found = sknn.load(tmp_path / "model.pt")
    assert type(found.layer.parametrization) is Scaled
    assert found.layer.solve_in.name == "numpy"
    assert torch.equal(found(x), model(x))
    with pytest.raises(ValueError, match=r"x has shape \(8, 5\): give \(batch, 6\)"):
        found(x[:, :5])
    certificate = sknn.certify(found, x)
    W = model.layer.parametrization.weight().detach()
    assert certificate.m == pytest.approx(float((1 - W).min()), rel=1e-6)
    jacobian = torch.autograd.functional.jacobian(lambda v: found(v[None])[0], x[0])
    assert float(torch.linalg.matrix_norm(jacobian, 2)) <= certificate.lipschitz
    labels = found(x).argmax(1)
    radii = sknn.certify_robustness(found, x, labels, steps=30)
    assert bool((radii.l2 >= radii.simple).all())
    assert bool((radii.simple > 0).all())
    check_layer(found.layer, max_examples=2)


def test_a_class_that_moved_is_found_and_one_that_is_gone_is_named(tmp_path):
    path = tmp_path / "model.pt"
    sknn.save(one_s_own(), path)
    content = torch.load(path, weights_only=True)
    part = content["description"]["of"]["layer"]
    assert part["class"] == f"{__name__}:Scaled"
    part["class"] = "__main__:Scaled"
    torch.save(content, path)
    assert type(sknn.load(path).layer.parametrization) is Scaled
    part["class"] = "__main__:Gone"
    torch.save(content, path)
    with pytest.raises(ValueError, match="__main__:Gone, which is not defined: import"):
        sknn.load(path)


def test_a_library_that_is_missing_here_is_said(tmp_path):
    path = tmp_path / "layer.pt"
    layer = sknn.MonDEQ(sknn.MonotoneDense(2, 3), solve_in="numpy").eval()
    sknn.save(layer, path)
    content = torch.load(path, weights_only=True)
    content["description"]["arguments"]["solve_in"] = "array_library_of_tomorrow"
    torch.save(content, path)
    with pytest.warns(UserWarning, match="pip install array_library_of_tomorrow"):
        found = sknn.load(path)
    assert found.solve_in is None
    torch.testing.assert_close(found(torch.ones(1, 2)), layer(torch.ones(1, 2)))


def test_a_file_of_the_first_version(tmp_path):
    """Without ``solve_in`` and the head's ``bias``, and with the old name of a gradient."""
    layer = {
        "layer": {
            "class": "MonotoneDense",
            "arguments": {"in_features": 2, "features": 3, "m": 0.5},
        },
        "arguments": {
            "method": {"class": "PeacemanRachford", "arguments": {"check": True, "alpha": 0.5}},
            "tol": {"class": "CertifiedError", "arguments": {"tol": 0.001}},
            "max_iter": 400,
            "gradient": {"class": "Adjoint", "arguments": {}},
            "on_failure": "damp",
            "activation": {"class": "LeakyReLU", "arguments": {"slope": 0.2}},
        },
    }
    description = {"model": "DenseClassifier", "of": layer, "head": {"features": 3, "classes": 2}}
    made = sknn.MonDEQ(
        sknn.MonotoneDense(2, 3, m=0.5),
        sknn.LeakyReLU(0.2),
        sk.PeacemanRachford(alpha=0.5),
        sk.CertifiedError(1e-3),
        400,
        on_failure="damp",
    )
    model = sknn.DenseClassifier.of(made, torch.nn.Linear(3, 2)).eval()
    content = {"format": "splitkit_nn model, 1", "description": description}
    torch.save(content | {"state": model.state_dict()}, tmp_path / "old.pt")
    found = sknn.load(tmp_path / "old.pt")
    assert arguments(found.layer) == arguments(made)
    assert torch.equal(found(torch.ones(1, 2)), model(torch.ones(1, 2)))


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


@pytest.mark.parametrize("name", ["dense", "infinity", "conv", "tiers"])
def test_a_bare_layer_from_its_state_dict(name, tmp_path):
    torch.manual_seed(0)
    layer = {
        "dense": lambda: sknn.MonDEQ(sknn.MonotoneDense(36, 5)),
        "infinity": lambda: sknn.MonDEQ(sknn.MonotoneInfinity(36, 5)),
        "conv": lambda: sknn.MonDEQ(sknn.MonotoneConv2d(1, 3, 6)),
        "tiers": lambda: sknn.MonDEQ(sknn.MonotoneMultiTier(1, (2, 3), 6)),
    }[name]().eval()
    torch.save(layer.state_dict(), tmp_path / "state.pt")
    flat = name in ("dense", "infinity")
    x = images().flatten(1) if flat else images()
    if not flat:
        with pytest.raises(ValueError, match="without its images' side"):
            sknn.load(tmp_path / "state.pt")
    found = sknn.load(tmp_path / "state.pt", side=None if flat else 6)
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
    class Forgetful(sknn.MonotoneDense):
        def __init__(self, size):
            super().__init__(size, size)

    tanh = sknn.ScalarActivation(torch_tanh, torch_tanh_slope)
    for model, match in (
        (torch.nn.Linear(2, 2), "model is a Linear without an equilibrium layer"),
        (sknn.MonDEQ(Forgetful(2)), r"Forgetful without the attribute size.*self\.size = size"),
        (sknn.MonDEQ(sknn.MonotoneDense(2, 3), tanh), r"activation\.function = <function"),
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


def infinite(path):
    state = sknn.DenseClassifier(2, 3, 2).state_dict()
    torch.save(state | {"head.bias": torch.tensor([0.0, torch.inf])}, path)


def headless(path):
    state = sknn.DenseClassifier(2, 3, 2).state_dict()
    torch.save({key: state[key] for key in state if not key.startswith("head")}, path)


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
        (infinite, "head.bias has NaN or Inf"),
        (headless, "lacks 'head.weight'"),
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


class Residual(torch.nn.Module):
    """A functional model of one's own: x ↦ head(σ(x + layer(norm(x))))."""

    def __init__(self, features, layer, classes=3):
        super().__init__()
        self.features, self.classes = features, classes
        self.norm = torch.nn.BatchNorm1d(features)
        self.layer = layer
        self.head = torch.nn.Linear(features, classes, bias=False)

    def forward(self, x):
        return self.head(torch.relu(x + self.layer(self.norm(x))))


def own_models():
    torch.manual_seed(0)
    image = sknn.MonDEQ(sknn.MonotoneConv2d(3, 4, (4, 4)), sk_activation(), tol=1e-5)
    yield (
        torch.nn.Sequential(
            torch.nn.Conv2d(2, 3, 3, padding=1, stride=2, bias=False),
            torch.nn.GroupNorm(1, 3),
            image,
            torch.nn.AvgPool2d(2),
            torch.nn.Flatten(),
            torch.nn.Dropout(0.25),
            torch.nn.Linear(36, 5),
        ),
        (2, 8, 8),
    )
    dense = sknn.MonDEQ(sknn.MonotoneDense(4, 4, m=0.5), "tanh", backward_tol=1e-3)
    yield Residual(4, dense), (4,)
    parts = Residual(4, sknn.MonDEQ(sknn.MonotoneDense(4, 4))), torch.nn.LayerNorm(3)
    yield torch.nn.Sequential(*parts, torch.nn.ELU(0.5)).double(), (4,)


def sk_activation():
    return sknn.LeakyReLU(0.2)


@pytest.mark.parametrize("which", range(3))
def test_a_model_of_one_s_own_comes_back(which, tmp_path):
    model, shape = list(own_models())[which]
    dtype = next(model.parameters()).dtype
    x = torch.randn(5, *shape, dtype=dtype)
    model(x)  # running statistics, a step size
    model.eval()
    path = tmp_path / "model.pt"
    sknn.save(model, path)
    loaded = sknn.load(path)
    assert repr(loaded) == repr(model)
    assert not loaded.training
    assert torch.equal(loaded(x), model(x))
    assert next(loaded.parameters()).dtype == dtype


def test_containers_come_back(tmp_path):
    inner = sknn.MonDEQ(sknn.MonotoneDense(4, 4))
    model = torch.nn.ModuleDict({"a": torch.nn.ModuleList([inner]), "b": torch.nn.Identity()})
    sknn.save(model, tmp_path / "model.pt")
    loaded = sknn.load(tmp_path / "model.pt")
    assert loaded.state_dict().keys() == model.state_dict().keys()
    assert repr(loaded) == repr(model)


class Configured(torch.nn.Module):
    def __init__(self, config, layer, dtype=torch.float32):
        super().__init__()
        self.config, self.layer, self.again, self.dtype = config, layer, layer, dtype
        self.out = torch.nn.Linear(config["width"], config["sizes"][0])

    def forward(self, x):
        return self.out(self.again(self.layer(x)))


def test_what_occurs_again_and_dicts_of_values_come_back(tmp_path):
    torch.manual_seed(0)
    layer, config = sknn.MonDEQ(sknn.MonotoneDense(4, 4)), {"width": 4, "sizes": [3], "deep": {}}
    linear, x = torch.nn.Linear(3, 3), torch.randn(2, 4)
    for model in (
        torch.nn.Sequential(layer, torch.nn.ReLU(), layer),
        torch.nn.Sequential(Configured(config, layer), linear, torch.nn.Tanh(), linear),
    ):
        sknn.save(model.eval(), tmp_path / "model.pt")
        loaded = sknn.load(tmp_path / "model.pt")
        assert len(list(loaded.parameters())) == len(list(model.parameters()))
        assert torch.equal(loaded(x), model(x))
    assert loaded[0].config == config
    assert loaded[0].dtype is torch.float32
    other = Configured(config, layer)
    other.out.weight = torch.nn.Parameter(torch.ones(3, 4))
    other.bias = other.out.bias = torch.nn.Parameter(torch.ones(3))
    with pytest.raises(TypeError, match="changed since it was made"):
        sknn.save(other, tmp_path / "model.pt")


OF_TORCH = {
    "lstm": torch.nn.LSTM(4, 5, 2, batch_first=True, proj_size=2),
    "gru": torch.nn.GRU(4, 5, bias=False, bidirectional=True),
    "rnn": torch.nn.RNN(4, 5, nonlinearity="relu"),
    "attention": torch.nn.MultiheadAttention(4, 2, bias=False, add_bias_kv=True, batch_first=True),
    "transformer": torch.nn.TransformerEncoder(
        torch.nn.TransformerEncoderLayer(4, 2, 8, 0.2, "gelu", batch_first=True, bias=False),
        2,
        enable_nested_tensor=False,
    ),
    "embedding": torch.nn.Embedding(7, 4, padding_idx=0),
    "parameters": torch.nn.ParameterList([torch.ones(2), torch.ones(3)]),
    "named": torch.nn.ParameterDict({"a": torch.ones(2)}),
    "clamp": torch.nn.Hardtanh(-2, 3),
}


@pytest.mark.parametrize("name", OF_TORCH)
def test_modules_of_torch_come_back(name, tmp_path):
    layer = sknn.MonDEQ(sknn.MonotoneDense(4, 4))
    model = torch.nn.ModuleDict({"layer": layer, "other": OF_TORCH[name]}).eval()
    sknn.save(model, tmp_path / "model.pt")
    loaded = sknn.load(tmp_path / "model.pt")
    assert repr(loaded) == repr(model)
    state = loaded["other"].state_dict()
    assert state.keys() == model["other"].state_dict().keys()
    assert all(torch.equal(state[key], each) for key, each in model["other"].state_dict().items())


def test_a_model_that_its_arguments_do_not_make_is_refused(tmp_path):
    changed = Residual(4, sknn.MonDEQ(sknn.MonotoneDense(4, 4)))
    changed.norm.eps = 0.5

    class Open(torch.nn.Sequential):
        def __init__(self, *parts):
            super().__init__(*parts)

    class Forgotten(Residual):
        def __init__(self, side):
            super().__init__(side, sknn.MonDEQ(sknn.MonotoneDense(side, side)))

    layer = sknn.MonDEQ(sknn.MonotoneDense(2, 2))
    for model, match in (
        (changed, r"changed since it was made, in its parts: .*eps=0\.5.*made as .*eps=1e-05"),
        (Open(layer), r"whose constructor takes \*parts"),
        (Forgotten(2), "without the attribute side"),
        (torch.nn.Sequential(layer, torch.nn.Softmax2d(), Forgotten(2)), r"model\.2 is a Forgott"),
    ):
        with pytest.raises(TypeError, match=match):
            sknn.save(model, tmp_path / "model.pt")
    assert not list(tmp_path.iterdir())


def test_no_class_that_takes_code_is_made(tmp_path):
    path = tmp_path / "model.pt"
    sknn.save(torch.nn.Sequential(sknn.MonDEQ(sknn.MonotoneDense(2, 2))), path)
    content = torch.load(path, weights_only=True)
    for name in ("torch.fx.graph_module:GraphModule", "GraphModule", "os:system"):
        part = {"class": name, "arguments": {}}
        content["description"]["module"]["parts"]["1"] = part
        torch.save(content, path)
        with pytest.raises(ValueError, match="which is not defined"):
            sknn.load(path)
