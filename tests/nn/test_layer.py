"""The layer behaves as torch's users expect, and is loud where it cannot."""

import copy
import gc
import pickle
import weakref
from functools import wraps

import pytest
import torch
from torch import nn

import splitkit as sk
import splitkit_nn as sknn
from splitkit.linear.base import kept_for_last_step


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return sknn.MonDEQ(sknn.MonotoneDense(5, 7), tol=1e-6)


@pytest.fixture
def x():
    return torch.randn(4, 5, generator=torch.Generator().manual_seed(1))


def true_equilibrium(layer, x):
    """From a fresh layer, so that nothing can be stale."""
    fresh = sknn.MonDEQ(sknn.MonotoneDense(5, 7), tol=1e-6)
    fresh.load_state_dict(layer.state_dict())
    return fresh(x).detach()


def test_parameters_and_state_dict(layer, x):
    names = {name: tuple(p.shape) for name, p in layer.named_parameters()}
    assert names == {
        "parametrization.A": (7, 7),
        "parametrization.B": (7, 7),
        "parametrization.U.weight": (7, 5),
        "parametrization.U.bias": (7,),
    }
    expected = layer(x).detach()
    other = sknn.MonDEQ(sknn.MonotoneDense(5, 7), tol=1e-6)
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other.eval()(x).detach(), expected)
    assert float(other.alpha) == float(layer.alpha)  # the step size is kept with the model


def test_deepcopy_and_pickle(layer, x):
    expected = layer(x).detach()
    layer.eval()
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(copied(x).detach(), expected)
        with torch.no_grad():
            copied.parametrization.A.zero_()
        assert torch.equal(layer(x).detach(), expected)


def clamp(layer):
    layer.parametrization.A.data.clamp_(-0.05, 0.05)


def to_vector_and_back(layer):
    vector = nn.utils.parameters_to_vector(layer.parameters())
    nn.utils.vector_to_parameters(vector.detach() * 0.5, layer.parameters())


def load(layer):
    layer.load_state_dict({k: 2 * v for k, v in layer.state_dict().items()} | {"age": layer.age})


def optimize(layer):
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.3)
    layer(torch.ones(2, 5)).square().sum().backward()
    optimizer.step()


@pytest.mark.parametrize("change", [clamp, to_vector_and_back, load, optimize])
@pytest.mark.parametrize("training", [True, False])
def test_the_inverse_is_never_stale(layer, x, change, training):
    layer.train(training)
    before = layer(x).detach()
    change(layer)
    after = layer(x).detach()
    assert not torch.allclose(before, after, atol=1e-3)
    torch.testing.assert_close(after, true_equilibrium(layer, x), rtol=0, atol=1e-4)


def test_the_inverse_is_kept_while_parameters_do_not_change(layer, x, monkeypatch):
    layer(x)
    calls = []
    inverse = sk.DenseMatrix._factored.__wrapped__

    @kept_for_last_step
    @wraps(inverse)
    def counted(self, alpha):
        calls.append(alpha)
        return inverse(self, alpha)

    monkeypatch.setattr(sk.DenseMatrix, "_factored", counted)
    layer.eval()
    layer(x).sum().backward()
    layer(x)
    assert calls == []  # forward and backward share one factor


def test_to_dtype(layer, x):
    single = layer(x).detach()
    double = layer.double()(x.double()).detach()
    assert double.dtype == torch.float64
    assert single.dtype == torch.float32
    torch.testing.assert_close(double.float(), single, rtol=0, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_refused(layer, x, dtype):
    with pytest.raises(TypeError, match=r"\.float\(\)"):
        layer.to(dtype)(x.to(dtype))


def test_no_grad_and_eval(layer, x):
    with torch.no_grad():
        z = layer(x)
    assert not z.requires_grad
    assert layer(x).requires_grad
    layer.eval()
    assert torch.equal(layer(x).detach(), layer(x).detach())


def test_second_backward_without_retain_graph_is_refused(layer, x):
    z = layer(x).sum()
    z.backward()
    with pytest.raises(RuntimeError, match="second time"):
        z.backward()


def test_parameters_changed_between_forward_and_backward(layer, x):
    z = layer(x).sum()
    with torch.no_grad():
        layer.parametrization.A.mul_(2)
    with pytest.raises(RuntimeError, match="inplace operation"):
        z.backward()


def test_records_of_the_solves(layer, x):
    layer(x).sum().backward()
    for record in (layer.last_solve.forward, layer.last_solve.backward):
        assert record.converged
        assert 1 <= record.iterations < 100
        assert record.error_bound >= record.residual >= 0
        assert 0 < record.rate < 1
        assert record.alpha == pytest.approx(float(layer.alpha))


def test_input_is_not_changed_and_empty_batch_works(layer, x):
    before = x.clone()
    layer(x)
    assert torch.equal(x, before)
    assert layer(x[:0]).shape == (0, 7)


def sixth_moment(layer, alpha):
    """Of the singular values of the Cayley operator of I − W."""
    M = layer.parametrization.operator(exact=True)
    return float((torch.linalg.svdvals(M.reflected_inverse(alpha).matrix) ** 6).sum())


@pytest.mark.parametrize("scale", [1.0, 5.0, 20.0])
def test_alpha_makes_typical_errors_fall_fastest(x, scale):
    torch.manual_seed(0)
    layer = sknn.MonDEQ(sknn.MonotoneDense(5, 30), tol=1e-3)
    layer.parametrization.B.data.mul_(scale)
    layer(x)
    best = sixth_moment(layer, float(layer.alpha))
    for factor in (0.5, 0.75, 1.33, 2.0):
        assert sixth_moment(layer, float(layer.alpha) * factor) > best


def test_alpha_is_chosen_again_when_parameters_change_in_evaluation(layer, x):
    layer.eval()
    layer(x)
    first = float(layer.alpha)
    layer(2 * x)
    assert float(layer.alpha) == first
    with torch.no_grad():
        layer.parametrization.B.mul_(20)
    layer.tol = 1e-1  # met before the iteration is accelerated, of which no rate is known
    layer(x)
    own = float(layer.alpha)
    assert own < first
    assert sixth_moment(layer, own) < sixth_moment(layer, first)
    F, _ = layer.inclusion(x)
    assert layer.last_solve.forward.rate >= F.cayley(own).lipschitz  # a bound, at any step


@pytest.mark.parametrize("batch", [0, 1, 300])
def test_alpha_is_chosen_at_any_size_of_the_batch(layer, batch):
    layer(torch.ones(batch, 5))
    assert 0.1 < float(layer.alpha) <= 1


def test_slopes_count_in_the_choice_of_alpha(x):
    """At α = J/(1 − J) the Cayley operator of a sigmoid of slope J is 0; J is nearly the same at
    all entries of the equilibrium here.
    """
    torch.manual_seed(0)
    layer = sknn.MonDEQ(sknn.MonotoneDense(5, 7), "sigmoid", tol=1e-5)
    z = layer(0.1 * x).detach()
    J = float((z * (1 - z)).mean())
    assert float(layer.alpha) == pytest.approx(J / (1 - J), rel=0.1)
    chosen = layer.last_solve.forward.iterations
    layer.method = sk.PeacemanRachford(alpha=0.65)
    layer(0.1 * x)
    assert chosen < layer.last_solve.forward.iterations


def test_alpha_of_a_state_dict_is_kept(layer, x):
    layer(x)
    saved = {k: v.clone() for k, v in layer.state_dict().items()} | {"alpha": torch.tensor(0.125)}
    layer.eval()
    layer.parametrization.B.data.mul_(20)
    layer(x)
    layer.load_state_dict(saved)
    layer(x)
    assert float(layer.alpha) == 0.125


@pytest.mark.parametrize("kind", ["dense", "convolution", "tiers"])
def test_a_factorization_lives_no_longer_than_its_parameters(kind):
    """Nothing waits for the collector of cycles, which does not know how large an array is."""
    torch.manual_seed(0)
    parametrization, x = {
        "dense": lambda: (sknn.MonotoneDense(5, 7), torch.randn(4, 5)),
        "convolution": lambda: (sknn.MonotoneConv2d(1, 2, 4), torch.randn(4, 1, 4, 4)),
        "tiers": lambda: (sknn.MonotoneMultiTier(1, (2, 3), 4), torch.randn(4, 1, 4, 4)),
    }[kind]()
    layer = sknn.MonDEQ(parametrization)
    gc.collect()
    gc.disable()
    try:
        layer(x).sum().backward()
        operator = weakref.ref(layer._kept.solver.M)
        assert operator() is not None
        with torch.no_grad():
            for value in parametrization.weights().values():
                value += torch.rand_like(value)
        layer(x).sum().backward()
        assert operator() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("method", [sk.PeacemanRachford(alpha=0.5), sk.ForwardBackward()])
def test_what_a_layer_keeps_is_what_a_new_one_finds(layer, x, method):
    """After each change of what a guarantee depends on: m and L, α, the method; none is stale."""
    layer.method, layer.max_iter, rates = method, 5000, []
    for factor in (1.0, 1.0, 2.0, 0.5, 1.0):
        with torch.no_grad():
            layer.parametrization.A.mul_(factor)
        layer(x).sum().backward()
        fresh = copy.deepcopy(layer)
        fresh(x).sum().backward()
        assert layer.last_solve.forward == fresh.last_solve.forward
        assert layer.last_solve.backward == fresh.last_solve.backward
        rates.append(layer.last_solve.forward.rate)
    assert rates[0] == rates[1] == rates[4] < rates[2]
    layer.method = sk.DouglasRachford(alpha=2.0)
    layer(x)
    assert layer.last_solve.forward.method == "Douglas-Rachford"
    assert layer.last_solve.forward.alpha == 2.0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nonfinite_input_parameter_and_cotangent(layer, x, value):
    bad = x.clone()
    bad[1, 2] = value
    with pytest.raises(ValueError, match="x has NaN or Inf"):
        layer(bad)
    (layer(x) * value).sum().backward()
    assert all(p.grad.isnan().any() for p in layer.parameters())
    layer.parametrization.U.weight.data[0, 0] = value
    with pytest.raises(ValueError, match="parameter U"):
        layer(x)
    layer.parametrization.U.weight.data[0, 0] = 0
    layer.parametrization.B.data[0, 0] = value
    with pytest.raises(ValueError, match="parameter B"):
        layer(x)


def test_iteration_limit_is_loud(layer, x):
    layer.tol, layer.max_iter = 1e-7, 2
    with pytest.raises(sk.NotConvergedError, match="max_iter = 2") as caught:
        layer(x)
    assert caught.value.solution.x.shape == (4, 7)
    assert not layer.last_solve.forward.converged


def test_failed_backward_is_loud(layer, x):
    z = layer(x).square().sum()
    layer.tol, layer.max_iter = 1e-7, 1
    with pytest.raises(sk.NotConvergedError):
        z.backward()


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: sknn.MonotoneDense(0, 7), ValueError, "in_features = 0"),
        (lambda: sknn.MonotoneDense(5, 7.0), TypeError, r"features = 7\.0"),
        (lambda: sknn.MonotoneDense(5, 7, m=0), ValueError, "m = 0"),
        (lambda: sknn.MonotoneDense(5, 7, m=-1.0), ValueError, r"m = -1\.0"),
        (lambda: sknn.MonotoneDense(5, 7, m=float("nan")), ValueError, "m = nan"),
        (lambda: sknn.MonDEQ(nn.Linear(5, 7)), TypeError, "MonotoneDense"),
        (lambda: sknn.MonDEQ(sknn.MonotoneDense(5, 7), "gelu"), ValueError, "not a proximal map"),
        (lambda: sknn.MonDEQ(sknn.MonotoneDense(5, 7), nn.GELU()), ValueError, "not monotone"),
        (lambda: sknn.MonDEQ(sknn.MonotoneDense(5, 7), "selu"), ValueError, r"1\.76"),
        (lambda: sknn.MonDEQ(sknn.MonotoneDense(5, 7), "rleu"), ValueError, "unknown.*relu"),
        (lambda: sknn.MonDEQ(sknn.MonotoneDense(5, 7), torch.relu), TypeError, "activation"),
        (lambda: sknn.MonDEQ(sknn.MonotoneDense(5, 7), tol=0.0), ValueError, r"tol = 0\.0"),
        (lambda: sknn.MonDEQ(sknn.MonotoneDense(5, 7), max_iter=0), ValueError, "max_iter = 0"),
        (lambda: sknn.MonDEQ(sknn.MonotoneDense(5, 7), method="pr"), TypeError, "method = 'pr'"),
        (lambda: sknn.DenseClassifier(5, 7, 0), ValueError, "classes = 0"),
    ],
)
def test_bad_arguments(make, error, match):
    with pytest.raises(error, match=match):
        make()


@pytest.mark.parametrize(
    ("x", "error", "match"),
    [
        (torch.zeros(4, 6), ValueError, r"\(4, 6\): give \(batch, 5\)"),
        (torch.zeros(5), ValueError, "batch"),
        (torch.zeros(4, 5, dtype=torch.float64), TypeError, "float64"),
        (torch.zeros(4, 5, device="meta"), ValueError, "meta"),
        ([[0.0] * 5], TypeError, "torch.Tensor"),
    ],
)
def test_bad_inputs(layer, x, error, match):
    with pytest.raises(error, match=match):
        layer(x)


SHAPES = {
    "dense": (lambda: sknn.MonotoneDense(5, 7), (5,)),
    "lipschitz": (lambda: sknn.MonotoneLipschitz(5, 7, 2, gamma=1.0), (5,)),
    "conv": (lambda: sknn.MonotoneConv2d(2, 3, (4, 5)), (2, 4, 5)),
}


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("lead", [(2, 3), (2, 1, 3), (0, 3)])
def test_axes_in_front_are_kept(kind, lead):
    torch.manual_seed(0)
    make, shape = SHAPES[kind]
    layer = sknn.MonDEQ(make(), tol=1e-8).double()
    x = torch.randn(*lead, *shape, dtype=torch.float64, requires_grad=True)
    z = layer(x)
    flat = layer(x.reshape(-1, *shape))
    assert z.shape == (*lead, *flat.shape[1:])
    assert torch.equal(z.reshape(flat.shape), flat)
    (of_x,) = torch.autograd.grad(z.square().sum(), x)
    (expected,) = torch.autograd.grad(flat.square().sum(), x)
    torch.testing.assert_close(of_x, expected)
    assert torch.allclose(layer(x, z), z, atol=1e-6)
    with pytest.raises(ValueError, match=r"z0 lacks the axes .* of x"):
        layer(x, flat.new_zeros(7, *flat.shape[1:]))
    with pytest.raises(ValueError, match=r"x has shape .*: give \(batch, "):
        layer(torch.randn(*lead, *shape[:-1], shape[-1] + 1, dtype=torch.float64))


def test_a_backward_solve_has_a_tolerance_of_its_own(x):
    torch.manual_seed(0)
    loose = sknn.MonDEQ(sknn.MonotoneDense(5, 7), tol=1e-3).double()
    x = x.double()
    sharp = copy.deepcopy(loose)
    sharp.backward_tol = 1e-12
    work = []
    for layer in (loose, sharp):
        layer(x).sum().backward()
        work.append((layer.last_solve.forward.iterations, layer.last_solve.backward.iterations))
    assert work[0][0] == work[1][0]
    assert work[0][1] < work[1][1]
    assert sharp.last_solve.backward.residual < 1e-10 < loose.last_solve.backward.residual
    assert sharp.arguments()["backward_tol"] == 1e-12
    with pytest.raises(ValueError, match="backward_tol = -1"):
        sknn.MonDEQ(sknn.MonotoneDense(5, 7), backward_tol=-1)
    failing = sknn.MonDEQ(sknn.MonotoneDense(5, 7), backward_tol=1e-12)
    with pytest.raises(sk.NotConvergedError, match=r"backward_tol = 1e-12 in torch\.float32"):
        failing(x.float()).sum().backward()


@pytest.mark.parametrize("kind", ["conv", "tiers"])
def test_a_state_fits_into_images_of_another_side(kind):
    """The kernels know no side; borders, grids and masks are made from the new one."""

    def make(side):
        if kind == "conv":
            return sknn.MonDEQ(sknn.MonotoneConv2d(1, 3, side), tol=1e-6)
        return sknn.MonDEQ(sknn.MonotoneMultiTier(1, (2, 3), side), tol=1e-6)

    torch.manual_seed(0)
    small, large = make(8), make((12, 16))
    small(torch.randn(2, 1, 8, 8))
    state = small.state_dict()
    large.load_state_dict(state, strict=True)
    x = torch.randn(2, 1, 12, 16)
    found, fresh = large(x), make((12, 16))
    fresh.load_state_dict({**state, "alpha": torch.tensor(float("nan"))})
    assert torch.allclose(found, fresh(x), atol=1e-5)
