"""A layer that solves in another array library: same numbers, same memory, on Torch's stream."""

import copy
import pickle
import sys
from contextlib import contextmanager
from functools import wraps
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import splitkit as sk
import splitkit_nn as sknn
from splitkit.linear.base import kept_for_last_step
from splitkit.linear.dense import DenseMatrix
from splitkit.testing.backends import BACKENDS
from splitkit_nn.layers import exchange

CASES = {
    "dense": (sknn.MonotoneDense, (3, 6), (4, 3), "tanh", sk.PeacemanRachford()),
    "softmax": (sknn.MonotoneDense, (3, 6), (4, 3), "softmax", sk.ForwardBackward()),
    "anderson": (
        sknn.MonotoneTriangular, (3, 6), (4, 3), "relu", sk.Anderson(sk.DouglasRachford()),
    ),
    "convolution": (sknn.MonotoneConv2d, (2, 3, 4), (4, 2, 4, 4), "relu", None),
    "tiers": (sknn.MonotoneMultiTier, (2, (2, 3), 4), (4, 2, 4, 4), "leakyrelu", None),
}  # fmt: skip


def make(case, **options):
    kind, sizes, shape, activation, method = CASES[case]
    torch.manual_seed(0)
    layer = sknn.MonDEQ(
        kind(*sizes).double(), activation, method, tol=1e-13, max_iter=5000, **options
    )
    return layer, torch.randn(shape, dtype=torch.float64)


def derivatives(layer, x):
    """z, first derivatives, and second ones."""
    x = x.clone().requires_grad_()
    z = layer(x)
    v = torch.linspace(0.1, 1.0, z.numel(), dtype=z.dtype).reshape(z.shape)
    inputs = [x, *(p for p in layer.parameters() if p.numel())]
    first = torch.autograd.grad((v * z * z).sum(), inputs, create_graph=True)
    total = sum(each.square().sum() for each in first)
    return [each.detach() for each in (z, *first, *torch.autograd.grad(total, inputs))]


def use(name):
    """The library's name, if it can be used here."""
    backend = BACKENDS[{"jax.numpy": "jax"}.get(name, name)]
    try:
        backend.load()
    except LookupError as error:
        pytest.skip(str(error))
    return name


@pytest.mark.parametrize(
    ("case", "name"), [*((case, "numpy") for case in CASES), ("convolution", "jax.numpy")]
)
def test_agrees_with_the_solve_in_torch_to_second_derivatives(case, name):
    layer, x = make(case)
    elsewhere, _ = make(case, solve_in=use(name))
    for found, expected in zip(derivatives(elsewhere, x), derivatives(layer, x), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    assert elsewhere.last_solve.forward.iterations == layer.last_solve.forward.iterations
    assert f"solve_in={name}" in repr(elsewhere)


@pytest.mark.gpu
@pytest.mark.parametrize("case", CASES)
def test_agrees_on_the_gpu(case):
    use("cupy")
    expected = derivatives(*make(case))
    layer, x = make(case, solve_in="cupy")
    for stream in (torch.cuda.default_stream(), torch.cuda.Stream()):
        with torch.cuda.stream(stream):
            found = derivatives(layer.cuda(), x.cuda())
        stream.synchronize()
        for a, b in zip(found, expected, strict=True):
            torch.testing.assert_close(a.cpu(), b, rtol=0, atol=1e-9)


def address(array):
    return array.__array_interface__["data"][0]


def test_tensors_and_arrays_are_one_memory(monkeypatch):
    crossings = []
    there, back = exchange.Library.array, exchange.Library.tensor

    def array(self, tensor):
        crossings.append((there(self, tensor), tensor))
        return crossings[-1][0]

    def tensor(self, array):
        crossings.append((array, back(self, array)))
        return crossings[-1][1]

    monkeypatch.setattr(exchange.Library, "array", array)
    monkeypatch.setattr(exchange.Library, "tensor", tensor)
    layer, x = make("convolution", solve_in="numpy")
    z = layer(x)
    z.backward(torch.ones_like(z))
    kinds = {array.dtype.kind for array, _ in crossings}
    assert kinds == {"f", "c", "b", "i"}  # points, spectra, the border's mask, iterations
    for array, tensor in crossings:
        assert type(array) is np.ndarray
        assert address(array) == tensor.data_ptr()


def test_the_factorization_serves_both_solves_and_later_ones(monkeypatch):
    made = []
    inverse = DenseMatrix._factored.__wrapped__

    @kept_for_last_step
    @wraps(inverse)
    def counted(self, alpha):
        made.append(self)
        return inverse(self, alpha)

    monkeypatch.setattr(DenseMatrix, "_factored", counted)
    layer, x = make("dense", solve_in="numpy")
    layer.method = sk.PeacemanRachford(alpha=1.0)  # to choose it takes factorizations
    for _ in range(2):
        layer(x).sum().backward()
    assert [type(M.matrix) for M in made] == [np.ndarray]
    assert address(made[0].matrix) == layer._kept.solver.M.matrix.data_ptr()
    assert torch.equal(layer._kept.weight, layer.parametrization.weight())


def test_a_stretched_cotangent_is_taken():
    """A sum's cotangent is one number at all places, which not every library's arrays can be."""
    layer, x = make("dense", solve_in=use("jax.numpy"))
    expected, _ = make("dense")
    for each in (layer, expected):
        each(x).sum().backward()
    torch.testing.assert_close(layer.parametrization.A.grad, expected.parametrization.A.grad)


def test_what_fails_fails_as_in_torch():
    layer, x = make("dense", solve_in="numpy")
    layer.max_iter = 1
    with pytest.raises(sk.NotConvergedError) as caught:
        layer(x)
    solution = caught.value.solution
    for each in (solution.x, solution.u, solution.residual, *solution.history.residual):
        assert isinstance(each, torch.Tensor)
    assert not layer.last_solve.forward.converged


def test_copies_transforms_and_empty_batches():
    layer, x = make("dense", solve_in="numpy")
    expected = layer(x)
    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        torch.testing.assert_close(again(x), expected)
    torch.testing.assert_close(torch.func.vmap(layer)(x[:, None])[:, 0], expected)
    assert layer(x[:0]).shape == (0, 6)


@pytest.mark.parametrize("gradient", ["direct", "truncated", "jacobian_free"])
def test_other_gradients_take_torch_or_the_library(gradient):
    found = []
    for solve_in in (None, "numpy"):
        layer, x = make("dense", gradient=gradient, solve_in=solve_in)
        layer(x).square().sum().backward()
        found.append(layer.parametrization.B.grad)
    torch.testing.assert_close(*found, rtol=0, atol=1e-10)


def test_what_cannot_be_is_said_before_anything_is_solved(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(ImportError, match=r"pip install 'splitkit\[cupy\]'"):
        make("dense", solve_in="cupy")
    with pytest.raises(ValueError, match="'math' has no from_dlpack"):
        make("dense", solve_in="math")
    with pytest.raises(TypeError, match="solve_in = 3: give the name"):
        make("dense", solve_in=3)
    with pytest.raises(ValueError, match="leave one of them out"):
        make("dense", solve_in="numpy", gradient="unrolled")


class Cupy(ModuleType):
    """NumPy in CuPy's place: it writes down where arrays are made, and on which stream."""

    def __init__(self):
        super().__init__("cupy")
        self.entered, self.seen = [], []
        self.cuda = SimpleNamespace(Device=self.device, ExternalStream=self.stream)

    @contextmanager
    def device(self, index):
        with self.within(("device", index)):
            yield

    @contextmanager
    def stream(self, pointer, device):
        with self.within(("stream", pointer, device)):
            yield

    @contextmanager
    def within(self, what):
        self.entered.append(what)
        yield
        assert self.entered.pop() == what

    def from_dlpack(self, tensor):
        self.seen.append(tuple(self.entered))
        return np.from_dlpack(tensor)


def test_cupy_needs_tensors_on_a_gpu(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", Cupy())
    layer, x = make("dense", solve_in="cupy")
    with pytest.raises(ValueError, match=r'layer is on cpu: move .* \.to\("cuda"\)'):
        layer(x)


def test_cupy_works_on_torchs_device_and_stream(monkeypatch):
    fake, asked = Cupy(), []

    def current_stream(device):
        asked.append(device)
        return SimpleNamespace(cuda_stream=4321 + len(asked))

    monkeypatch.setitem(sys.modules, "cupy", fake)
    monkeypatch.setitem(exchange.DEVICES, "cupy", "cpu")  # the fake one's arrays are here
    monkeypatch.setattr(torch.cuda, "current_stream", current_stream)
    monkeypatch.setattr(torch.cuda, "device", lambda device: fake.within(("torch", device)))
    layer, x = make("convolution", solve_in="cupy")
    expected, _ = make("convolution")
    z = layer(x)
    forward = set(fake.seen)
    z.sum().backward()
    backward = set(fake.seen) - forward
    cpu = torch.device("cpu")
    assert asked == [cpu, cpu]
    for where, pointer in ((forward, 4322), (backward, 4323)):
        # Torch exports from its current device; a CuPy stream belongs to the current CuPy device
        assert where == {(("torch", cpu), ("device", None), ("stream", pointer, None))}
    assert fake.entered == []
    torch.testing.assert_close(z, expected(x))


def test_a_layer_inside_of_a_model_is_switched_by_its_attribute():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), sknn.MonDEQ(sknn.MonotoneDense(3, 6), tol=1e-5))
    x = torch.randn(4, 2)
    expected = model(x)
    model[1].solve_in = exchange.find_library("numpy")
    torch.testing.assert_close(model(x), expected)
