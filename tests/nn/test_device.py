"""What a solve asks of its device: nothing between two polls, a few numbers at a poll.

Reading a tensor's value makes the host wait until the device has done all that is queued. The
operations that do so on CUDA are recognized here by their names, on the CPU; and steps run on
tensors that have no values, and on which mixing devices is an error.
"""

import weakref
from collections import Counter
from importlib import import_module

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

import splitkit as sk
import splitkit_nn as sknn
from splitkit import backend
from splitkit.backend import Space, extremes
from splitkit.solvers import engine
from splitkit_nn.equilibrium.inclusions import cotangent_inclusion, forward_inclusion
from splitkit_nn.layers.exchange import converted
from splitkit_nn.linear import lattice

READING = {
    "_linalg_check_errors",
    "_local_scalar_dense",
    "equal",
    "is_nonzero",
    "masked_select",
    "nonzero",
    "_unique2",
}
CROSSING = {"__array__", "as_tensor", "asarray", "cpu", "from_numpy", "numpy", "tensor", "tolist"}

PARAMETRIZATIONS = {
    "dense": lambda: sknn.MonotoneDense(3, 6),
    "convolution": lambda: sknn.MonotoneConv2d(3, 2, 4),
    "tiers": lambda: sknn.MonotoneMultiTier(3, (2, 3), 4),
}
METHODS = {
    "PR": sk.PeacemanRachford(),
    "DR": sk.DouglasRachford(),
    "FB": sk.ForwardBackward(),
    "Anderson": sk.Anderson(sk.PeacemanRachford()),
}


def make(kind, method, **options):
    torch.manual_seed(0)
    layer = sknn.MonDEQ(PARAMETRIZATIONS[kind](), "relu", METHODS[method], **options)
    return layer, torch.randn((5, 3) if kind == "dense" else (5, 3, 4, 4))


class Reads(TorchDispatchMode):
    """Counts what makes the host wait."""

    def __init__(self, events):
        super().__init__()
        self.events = events

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        indices = args[1] if name == "index" else ()
        if name in READING or any(i is not None and i.dtype == torch.bool for i in indices):
            self.events.append(name)
        return function(*args, **(kwargs or {}))


class Crossings(TorchFunctionMode):
    """Counts what is copied between host and device."""

    def __init__(self, events):
        super().__init__()
        self.events = events

    def __torch_function__(self, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "")
        if name in CROSSING:
            self.events.append(name)
        return function(*args, **(kwargs or {}))


@pytest.fixture
def events(monkeypatch):
    """The events of each solve: reads and copies, and where a poll begins and ends."""
    events = []
    look, judge, advance = engine._look, engine._judge, engine.advance

    def polled(*args, **options):
        events.append("poll")
        seen = look(*args, **options)
        if seen is None:
            events.append("steps")
        return seen

    def judged(*args):
        judge(*args)
        events.append("steps")

    def solving(run, task, **options):
        events.append("solve")
        yield from advance(run, task, **options)
        events.append("done")

    monkeypatch.setattr(engine, "_look", polled)
    monkeypatch.setattr(engine, "_judge", judged)
    monkeypatch.setattr(import_module("splitkit.solvers.plan"), "advance", solving)
    return events


def solves(events):
    """For each solve, the events of its polls, after each of which came those of its steps."""
    text = " ".join(events)
    for solve in text.split("solve")[1:]:
        first, *polls = solve.split("done")[0].split("poll")
        yield first.split(), [[part.split() for part in poll.split("steps")] for poll in polls]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", PARAMETRIZATIONS)
def test_the_host_reads_a_few_numbers_a_poll_and_none_between(monkeypatch, events, kind, method):
    monkeypatch.setattr(lattice, "SHORT", 0)  # of matrices at hand only a CPU makes use
    layer, x = make(kind, method, tol=1e-5, max_iter=5000)
    layer(x).sum().backward()  # α is chosen and I + αM factored
    events.clear()
    with Reads(events), Crossings(events):
        layer(x).square().sum().backward()
    found = list(solves(events))
    assert len(found) == 2
    for (before, polls), last in zip(
        found, (layer.last_solve.forward, layer.last_solve.backward), strict=True
    ):
        assert before == []
        assert 2 < len(polls) < last.iterations / 2 + 4
        for during, between in polls[1:]:
            # what the step promises; the least and the greatest ratio; the greatest that is open;
            # where it has hardly fallen, the greatest of those that are rounding, and of the others
            assert 1 <= during.count("_local_scalar_dense") == len(during) <= 6, during
            assert between == []
    assert events.count("_linalg_check_errors") == 0


def test_beside_the_polls_a_training_step_reads_five_numbers(events):
    """Whether input and bias are finite, the parameters as they were; α and age. Whether the
    cotangent is finite.
    """
    layer, x = make("dense", "PR", tol=1e-5)
    layer(x).sum().backward()
    events.clear()
    with Reads(events):
        z = layer(x)
        events.append("backward")
        z.square().sum().backward()
    first, *polls = " ".join(events).split("poll")
    beside = " ".join([first, *(poll.split("steps", 1)[1] for poll in polls)])
    read, equal = "_local_scalar_dense", "equal"
    expected = [read, equal, read, read, "solve", "done", "backward", read, "solve", "done"]
    assert beside.split() == expected


class Passes(TorchDispatchMode):
    """The shapes of what is looked at as a whole."""

    def __init__(self):
        super().__init__()
        self.over = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if str(function) in ("aten.sum.default", "aten.isfinite.default", "aten.all.default"):
            self.over.append(tuple(args[0].shape))
        return function(*args, **(kwargs or {}))


def test_each_input_is_looked_at_once():
    """The input, its bias and where the solve starts, then the cotangent, all by their sums."""
    layer, x = make("dense", "PR")
    z0 = layer(x).detach()
    with Passes() as forward:
        z = layer(x, z0)
    assert [shape for shape in forward.over if shape] == [(5, 3), (5, 6), (5, 6)]
    with Passes() as backward:
        z.backward(torch.ones_like(z))
    assert [shape for shape in backward.over if shape] == [(5, 6)]


class Allocated(TorchDispatchMode):
    """The most bytes that results of operations hold at once."""

    def __init__(self):
        super().__init__()
        self.holders, self.now, self.peak = Counter(), 0, 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        results = function(*args, **(kwargs or {}))
        for result in results if isinstance(results, (tuple, list)) else (results,):
            if isinstance(result, torch.Tensor):
                storage = result.untyped_storage()
                self.change(storage.data_ptr(), storage.nbytes(), 1)
                weakref.finalize(result, self.change, storage.data_ptr(), storage.nbytes(), -1)
        return results

    def change(self, at, size, by):
        before = self.holders[at] > 0
        self.holders[at] += by
        self.now += size * ((self.holders[at] > 0) - before)
        self.peak = max(self.peak, self.now)


@pytest.mark.parametrize("kind", PARAMETRIZATIONS)
def test_a_solve_allocates_no_more_for_more_iterations(kind):
    peaks, iterations = [], []
    for tol in (1e-4, 1e-14):
        layer, x = make(kind, "DR", tol=tol, max_iter=5000)
        layer, x = layer.double(), x.double()
        layer(x)
        with Allocated() as allocated, torch.no_grad():
            layer(x)
        peaks.append(allocated.peak)
        iterations.append(layer.last_solve.forward.iterations)
    assert iterations[1] > 2 * iterations[0]
    two_numbers_a_poll = 10 * 2 * 8 * len(x)
    assert peaks[1] <= peaks[0] + two_numbers_a_poll


def without_values(tensor):
    return torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", PARAMETRIZATIONS)
def test_steps_take_no_value_and_stay_on_their_device(monkeypatch, kind, method):
    layer, x = make(kind, method)
    F, G = layer.inclusion(x)
    chosen, bias = layer.method.chosen(F, G), F.q
    M = layer.parametrization.operator(exact=method == "FB")
    M.shifted_inverse(chosen.alpha)  # once, and verified by numbers
    assert M.properties.strong_monotonicity  # so are the constants
    J = layer.activation.jacobian(bias)
    monkeypatch.setattr(Space, "isfinite", lambda self, x: True)
    with torch.no_grad(), FakeTensorMode():
        bias, M = without_values(bias), converted(M, without_values)
        forward = forward_inclusion(M, bias, converted(G, without_values))
        backward = cotangent_inclusion(M, J.of(*map(without_values, J.arrays)), bias)
        for operators in (forward, backward):
            iteration = chosen.iteration(*chosen.terms(*operators))
            state = iteration.begin(bias, Space.of(bias, 1))
            for _ in range(3):
                state = iteration.step(state)
            state, trace = iteration.advance(state)
            reading = iteration.read(trace)
            assert reading.x.device.type == "meta"
            assert reading.x.shape == bias.shape


def test_two_numbers_of_another_device_are_one_wait(monkeypatch, xp):
    x = xp.asarray([3.0, -1.0, 2.0])
    here = extremes(x)
    monkeypatch.setattr(backend, "device", lambda x: "another")
    assert extremes(x) == here == (-1.0, 3.0)
    with Reads(events := []):
        extremes(torch.tensor([3.0, -1.0, 2.0]))
    assert "_local_scalar_dense" not in events  # both are in one copy


def test_mixing_devices_would_be_noticed():
    with FakeTensorMode(), pytest.raises(RuntimeError, match="on the same device"):
        torch.empty(3, device="meta") + torch.empty(3)
