"""The layer among torch's own tools: containers, compile, autocast, transforms, DDP, hooks."""

import copy
import io
import subprocess
import sys
import warnings

import pytest
import torch
from torch import nn

import splitkit as sk
import splitkit_nn as sknn
from splitkit_nn.equilibrium import steps as steps_of_layers
from splitkit_nn.layers import solves
from tests.sampling import every_other


def make_layer(activation="tanh", **options):
    torch.manual_seed(0)
    return sknn.MonDEQ(sknn.MonotoneDense(3, 6), activation, **({"tol": 1e-6} | options))


@pytest.fixture
def x():
    return torch.randn(4, 3, generator=torch.Generator().manual_seed(1))


def gradients(model, x):
    for p in model.parameters():
        p.grad = None
    model(x).square().sum().backward()
    return [p.grad.clone() for p in model.parameters()]


def test_sequential_and_hooks(x):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 3), make_layer(), nn.Linear(6, 2))
    seen = []
    model[1].register_forward_hook(lambda module, args, output: seen.append(output.shape))
    model[1].register_full_backward_hook(lambda module, into, out: seen.append(out[0].shape))
    model[1].parametrization.A.register_hook(lambda grad: seen.append(grad.shape))
    model(x).sum().backward()
    assert seen == [(4, 6), (4, 6), (6, 6)] or seen == [(4, 6), (6, 6), (4, 6)]


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.into, self.layer, self.out = nn.Linear(3, 3), make_layer(), nn.Linear(6, 2)

    def forward(self, x):
        z = self.layer(self.into(x).tanh())
        return self.out(z).tanh()


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
def test_compile_gives_the_same_numbers_without_recompiling(x):
    """With the layer in one graph, once."""
    torch.manual_seed(0)
    model, graphs = Model(), []

    def backend(graph, example_inputs):
        graphs.append(graph)
        return graph.forward

    compiled = torch.compile(model, backend=backend, fullgraph=True)
    model.eval()
    expected = gradients(model, x)
    for _ in range(3):
        for a, b in zip(gradients(compiled, x), expected, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-6)
    count = len(graphs)
    assert count == 1
    with torch.no_grad():
        model.layer.parametrization.A.mul_(0.5)
    for a, b in zip(gradients(compiled, x), gradients(model, x), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)
    assert len(graphs) == count
    torch.compiler.reset()


def test_a_compiled_model_learns_what_the_activation_has_learned_and_starts_where_it_is_told(x):
    parametrization = sknn.MonotoneDense(3, 6)
    sigma = sknn.SoftThreshold(nn.Parameter(torch.tensor(0.2)))
    layer = sknn.MonDEQ(parametrization, sigma, tol=1e-6)
    layer.eval()
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    z0 = torch.zeros(len(x), 6)
    for a, b in zip(gradients(compiled, x), gradients(layer, x), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5)
    found = compiled(x.reshape(2, -1, 3), z0.reshape(2, -1, 6))
    torch.testing.assert_close(found.reshape(-1, 6), layer(x), rtol=0, atol=1e-5)
    assert layer.last_solve.forward.converged
    torch.compiler.reset()


def trained_by(call, layer, x, monkeypatch, steps=10):
    """How often a step size was chosen, the last one, and the solves' iterations."""
    chosen, iterations = [], []

    def typical_step(*given):
        chosen.append(1)
        return steps_of_layers.typical_step(*given)

    monkeypatch.setattr(solves, "typical_step", typical_step)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        call(x).square().sum().backward()
        optimizer.step()
        last = layer.last_solve
        iterations.append((last.forward.iterations, last.backward.iterations))
    return len(chosen), float(layer.alpha), iterations


@pytest.mark.parametrize("learned", [False, True])
def test_a_compiled_training_chooses_its_step_size_and_solves_as_often_as_an_eager_one(
    x, monkeypatch, learned
):
    sigma = sknn.SoftThreshold(nn.Parameter(torch.tensor(0.2))) if learned else "tanh"
    layer = make_layer(sigma)
    twin = copy.deepcopy(layer)
    expected = trained_by(layer, layer, x, monkeypatch)
    compiled = torch.compile(twin, backend="aot_eager", fullgraph=True)
    assert trained_by(compiled, twin, x, monkeypatch) == expected
    assert expected[0] == 1
    torch.compiler.reset()


def test_a_pullback_at_an_earlier_weight_chooses_nothing_and_keeps_what_is_kept(x):
    layer = make_layer().eval()
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    expected = gradients(layer, x)
    z = compiled(x)
    others = {name: 1.01 * p.detach() for name, p in layer.named_parameters()}
    torch.func.functional_call(layer, others, (x,))
    kept, alpha = layer._kept, float(layer.alpha)
    found = torch.autograd.grad(z.square().sum(), list(layer.parameters()))
    torch.testing.assert_close(list(found), expected, rtol=0, atol=1e-5)
    assert layer._kept is kept
    assert float(layer.alpha) == alpha
    torch.compiler.reset()


def test_a_compiled_model_warns_once_of_a_solve_that_failed(x):
    layer = make_layer(tol=1e-6, backward_tol=1e-1, max_iter=2, on_failure="warn")
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        compiled(x).square().sum().backward()
    told = [each for each in caught if each.category is sk.NotConvergedWarning]
    assert len(told) == 1
    assert not layer.last_solve.forward.converged
    torch.compiler.reset()


SWAPPED = ((2, 4, 3), (4, 2, 6))


@pytest.mark.parametrize(
    ("shapes", "names"),
    [(SWAPPED, "lacks the axes"), (((4, 3), (2, 6)), "z0 has shape"), (((4, 2), (4, 6)), "x has")],
)
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
def test_a_compiled_layer_refuses_what_an_eager_one_does(shapes, names):
    layer = make_layer()
    given = [torch.ones(shape) for shape in shapes]
    with pytest.raises(ValueError, match=names):
        layer(*given)
    for whole in (False, True):
        with pytest.raises(Exception, match=names):  # Torch's compiler may wrap it
            torch.compile(layer, backend="eager", fullgraph=whole)(*given)
        torch.compiler.reset()


TRANSFORMED = {
    "vmap": lambda layer, x: torch.func.vmap(lambda row: layer(row[None])[0])(x),
    "grad": lambda layer, x: torch.func.grad(lambda x: layer(x).square().sum())(x),
    "jacrev": lambda layer, x: torch.func.jacrev(layer)(x),
    "jvp": lambda layer, x: torch.func.jvp(layer, (x,), (x,))[1],
}


@pytest.mark.parametrize("kind", TRANSFORMED)
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # Torch's, for jvp
def test_what_transforms_a_layer_may_be_compiled_or_says_what_to_leave_out(kind, x):
    layer = make_layer().eval()
    function = TRANSFORMED[kind]
    expected = function(layer, x)
    found = torch.compile(function, backend="aot_eager")(layer, x)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    torch.compiler.reset()
    with pytest.raises(Exception, match="disable"):  # with the remedy since Torch 2.8
        torch.compile(function, backend="aot_eager", fullgraph=True)(layer, x)
    torch.compiler.reset()


def test_autocast_in_a_compiled_model_solves_in_the_parameters_precision(x):
    model = nn.Sequential(nn.Linear(3, 3), make_layer())
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, expected = compiled(x), model(x)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    torch.compiler.reset()


@pytest.mark.filterwarnings("ignore:.*torch.jit.trace:DeprecationWarning")
def test_a_trace_is_refused_in_words(x):
    with pytest.raises(NotImplementedError, match=r"cannot be traced by torch\.jit"):
        torch.jit.trace(make_layer(), x)


def test_export_is_refused_by_name(x):
    with pytest.raises(Exception, match="cannot be exported") as caught:
        torch.export.export(make_layer().eval(), (x,))
    assert "state dict" in str(caught.value)


def test_autocast_solves_in_the_parameters_precision(x):
    model = nn.Sequential(nn.Linear(3, 3), make_layer(), nn.Linear(6, 2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inner = model[0](x)
        assert inner.dtype == torch.bfloat16
        z = model[1](inner)
        assert z.dtype == torch.float32
        loss = model[2](z).float().square().sum()
        loss.backward()
    assert model[1].last_solve.forward.residual < 1e-5
    with_autocast = model[1].parametrization.A.grad.clone()
    layer = copy.deepcopy(model[1])
    layer.zero_grad()
    z = layer(inner.detach().float())
    nn.functional.linear(z, model[2].weight, model[2].bias).square().sum().backward()
    torch.testing.assert_close(layer.parametrization.A.grad, with_autocast, rtol=0.05, atol=0.02)
    with pytest.raises(TypeError, match="bfloat16"):
        layer(inner.detach())


def test_functional_call_and_func_grad(x):
    layer = make_layer()
    expected = gradients(layer, x)
    values = {name: p.detach().clone() for name, p in layer.named_parameters()}
    swapped = {name: 0.5 * value for name, value in values.items()}
    half = copy.deepcopy(layer)
    half.load_state_dict(half.state_dict() | swapped)
    found = torch.func.functional_call(layer, swapped, (x,))
    torch.testing.assert_close(found, half(x))

    def loss(values):
        return torch.func.functional_call(layer, values, (x,)).square().sum()

    for _ in range(2):  # nothing of a transform may be left behind in the layer
        found = torch.func.grad(loss)(values)
        for a, b in zip(found.values(), expected, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-4)
    torch.testing.assert_close(gradients(layer, x), expected)


def test_vmap_over_inputs_gives_gradients_of_each_sample(x):
    layer = make_layer()
    torch.testing.assert_close(
        torch.func.vmap(lambda row: layer(row[None])[0])(x), layer(x), rtol=0, atol=1e-5
    )
    values = {name: p.detach() for name, p in layer.named_parameters()}

    def loss(values, row):
        return torch.func.functional_call(layer, values, (row[None],)).square().sum()

    found = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(values, x)
    for i, row in enumerate(x):
        for a, b in zip(found.values(), gradients(layer, row[None]), strict=True):
            torch.testing.assert_close(a[i], b, rtol=0, atol=1e-4)


@pytest.mark.parametrize("activation", ["tanh", "softmax"])
def test_jacrev_and_hessian(x, activation):
    layer = make_layer(activation, tol=1e-12).double()
    row = x[0].double()

    def function(row):
        return layer(row[None])[0]

    jacobian = torch.func.jacrev(function)(row)
    torch.testing.assert_close(jacobian, torch.autograd.functional.jacobian(function, row))
    hessian = torch.func.jacrev(torch.func.jacrev(lambda row: function(row).square().sum()))(row)
    expected = torch.autograd.functional.hessian(lambda row: function(row).square().sum(), row)
    torch.testing.assert_close(hessian, expected)


def test_vmap_over_parameters_is_refused(x):
    layer = make_layer()
    stacked = {name: torch.stack([p.detach()] * 2) for name, p in layer.named_parameters()}
    call = torch.func.vmap(lambda values: torch.func.functional_call(layer, values, (x,)))
    with pytest.raises(NotImplementedError, match="over the parameters"):
        call(stacked)


def test_state_is_saved_and_loaded_with_weights_only(x):
    layer = make_layer().eval()
    expected = layer(x)
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    other = make_layer().eval()
    for p in other.parameters():
        p.data.zero_()
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(other(x), expected)
    assert torch.equal(other.alpha, layer.alpha)


def saved_bytes(layer, x):
    """What autograd keeps for the backward pass, by its own account."""
    total = 0

    def pack(tensor):
        nonlocal total
        total += tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        layer(x)
    return total, layer.last_solve.forward.iterations


def test_memory_does_not_grow_with_the_iterations(x):
    few, many = (saved_bytes(make_layer(tol=tol).double(), x.double()) for tol in (1e-1, 1e-13))
    assert many[1] > 5 * few[1]
    assert many[0] == few[0] > 0
    unrolled = [
        saved_bytes_of_unrolled(steps, x) for steps in (10, 100)
    ]  # the measurement does see iterations that are recorded
    assert unrolled[1] > 5 * unrolled[0]


def saved_bytes_of_unrolled(steps, x):
    layer = make_layer(gradient=sknn.Unrolled(steps=steps, alpha=0.1))
    total = 0

    def pack(tensor):
        nonlocal total
        total += tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        layer(x)
    return total


def test_deepcopy_in_the_middle_of_a_graph(x):
    layer = make_layer()
    layer(x).sum().backward()
    twin = copy.deepcopy(layer)
    torch.testing.assert_close(gradients(twin, x), gradients(layer, x))


WORKER = """
import sys
import torch
import splitkit_nn as sknn
assert "torch._dynamo" not in sys.modules  # Torch's compiler, which takes as long to import as it
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

rank, where = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", init_method=f"file://{where}", rank=rank, world_size=2)
KINDS = {
    "dense": (lambda: sknn.DenseClassifier(3, 6, 2, tol=1e-6), (3,)),
    "conv": (lambda: sknn.ConvClassifier(1, 2, 4, 2, tol=1e-6), (1, 4, 4)),
    "tiers": (lambda: sknn.MultiTierClassifier(1, (1, 2), 4, 2, tol=1e-6), (1, 4, 4)),
}
for make, shape in KINDS.values():
    torch.manual_seed(0)
    model = DistributedDataParallel(make())
    x = torch.arange(4.0 * torch.Size(shape).numel()).reshape(4, *shape).sin()
    for _ in range(2):
        model.zero_grad()
        model(x[2 * rank : 2 * rank + 2]).square().mean().backward()
    torch.manual_seed(0)
    alone = make()
    alone(x).square().mean().backward()
    for a, b in zip(model.parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=0, atol=1e-5)
dist.destroy_process_group()
print("same gradients")
"""


SHARDED = """
import sys, warnings
import torch
import torch.distributed as dist
from torch.distributed.fsdp import fully_shard
import splitkit_nn as sknn

warnings.simplefilter("ignore")
rank, where = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", init_method=f"file://{where}", rank=rank, world_size=2)
mesh = dist.device_mesh.init_device_mesh("cpu", (2,))
KINDS = {
    "dense": (lambda: sknn.MonotoneDense(3, 6), (3,)),
    "triangular": (lambda: sknn.MonotoneTriangular(3, 4), (3,)),
    "infinity": (lambda: sknn.MonotoneInfinity(3, 4), (3,)),
    "lipschitz": (lambda: sknn.MonotoneLipschitz(3, 4, 2, gamma=0.7), (3,)),
    "conv": (lambda: sknn.MonotoneConv2d(1, 2, (2, 3)), (1, 2, 3)),
    "tiers": (lambda: sknn.MonotoneMultiTier(1, (1, 2), (2, 4)), (1, 2, 4)),
}

def make(kind, part):
    torch.manual_seed(0)
    learned = sknn.SoftThreshold(torch.nn.Parameter(torch.full((1,), 0.1)))
    sigma = learned if part == "learned" else "tanh"
    return sknn.MonDEQ(KINDS[kind][0](), sigma, tol=1e-10).double()

def parts(model, part):
    p = model.parametrization
    within = {"layer": model, "parametrization": p, "learned": model.learned}
    return list(p.children()) if part == "children" else [within[part]]

CASES = [(kind, ("layer", "parametrization")[i % 2]) for i, kind in enumerate(KINDS)]
for kind, part in [*CASES, ("tiers", "children"), ("dense", "learned")]:
    shape = KINDS[kind][1]
    model, alone = make(kind, part), make(kind, part)
    for each in parts(model, part):
        fully_shard(each, mesh=mesh)
    if part in ("children", "learned"):
        fully_shard(model, mesh=mesh)
    x = torch.arange(4.0 * torch.Size(shape).numel(), dtype=torch.float64).sin()
    x = x.reshape(4, *shape)
    optimizers = [torch.optim.SGD(m.parameters(), lr=0.05) for m in (model, alone)]
    for _ in range(2):
        for optimizer in optimizers:
            optimizer.zero_grad()
        model(x[2 * rank : 2 * rank + 2]).square().mean().backward()
        alone(x).square().mean().backward()
        for optimizer in optimizers:
            optimizer.step()
    for (name, a), b in zip(model.named_parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(
            a.full_tensor() if hasattr(a, "full_tensor") else a, b, rtol=0, atol=1e-7,
            msg=lambda m: f"{kind}, {part}, {name}: {m}"
        )
dist.destroy_process_group()
print("same gradients")
"""


# of what is given to torch.distributed.checkpoint; also run by the test itself, in one process
CHECKPOINT = """
import torch
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
import splitkit as sk
import splitkit_nn as sknn

def make_both():
    torch.manual_seed(0)
    layer = sknn.MonDEQ(sknn.MonotoneMultiTier(1, (1, 2), (2, 4)), "tanh", tol=1e-10)
    return layer.double()

def trained(model, optimizer, x, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()

def adam(model):
    return torch.optim.Adam(model.parameters(), lr=0.05)

def saved(model, optimizer, path, **alone):
    model_state, optimizer_state = get_state_dict(model, optimizer)
    dcp.save({"model": model_state, "optimizer": optimizer_state}, checkpoint_id=path, **alone)

def loaded(model, optimizer, path, **alone):
    model_state, optimizer_state = get_state_dict(model, optimizer)
    state = {"model": model_state, "optimizer": optimizer_state}
    dcp.load(state, checkpoint_id=path, **alone)
    set_state_dict(
        model, optimizer, model_state_dict=state["model"], optim_state_dict=state["optimizer"]
    )

def whole(model):
    return [getattr(p, "full_tensor", lambda p=p: p)().detach() for p in model.parameters()]

def make_wide(method):
    torch.manual_seed(0)
    return sknn.MonDEQ(sknn.MonotoneDense(3, 5), "tanh", method, tol=1e-8).double()

PARTS = (("", "A"), ("", "B"), ("U", "weight"), ("U", "bias"))
WIDE = torch.arange(12.0, dtype=torch.float64).reshape(4, 3).sin()
INPUTS = torch.arange(32.0, dtype=torch.float64).reshape(4, 1, 2, 4).sin()
"""

RESUMED = """
rank, where = int(sys.argv[1]), sys.argv[2]
meeting = where + "-once-more"
dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
mesh = dist.device_mesh.init_device_mesh("cpu", (2,))
share = INPUTS[2 * rank : 2 * rank + 2]

model = make_both()
fully_shard(model, mesh=mesh)
optimizer = adam(model)
loaded(model, optimizer, where + "-of-one")
trained(model, optimizer, share, 1)
saved(model, optimizer, where + "-of-two")
alone = make_both()
trained(alone, adam(alone), INPUTS, 3)
for a, b in zip(whole(model), whole(alone), strict=True):
    torch.testing.assert_close(a, b, rtol=0, atol=1e-6)

from splitkit import meshes
from torch.distributed.tensor import Replicate, Shard, distribute_tensor
for method in (None, sk.ForwardBackward()):
    layer, alone = make_wide(method), make_wide(method)
    for module, name in PARTS:
        part = layer.parametrization.get_submodule(module)
        cut = distribute_tensor(getattr(part, name).detach(), mesh, [Shard(0)])
        setattr(part, name, torch.nn.Parameter(cut))
    x = distribute_tensor(WIDE, mesh, [Replicate()])
    z = layer(x)
    assert z.placements == (Shard(1),)  # each process has some features
    assert layer.last_solve.forward.converged
    assert layer.last_solve.forward.error_bound < 1e-6
    torch.testing.assert_close(z.full_tensor(), alone(WIDE), rtol=0, atol=1e-7)
    trained(layer, torch.optim.SGD(layer.parameters(), lr=0.5), x, 1)
    trained(alone, torch.optim.SGD(alone.parameters(), lr=0.5), WIDE, 1)
    for a, b in zip(whole(layer), whole(alone), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)
    assert layer.parametrization.A.grad.placements == (Shard(0),)
dcp.save({"model": layer.state_dict()}, checkpoint_id=where + "-of-features")

meshes.GATHERED_FREELY = 16  # so that even this W is not factored
layer.method, z = sk.PeacemanRachford(), layer(x).full_tensor()
with torch.no_grad():
    torch.testing.assert_close(layer(x).full_tensor(), z, rtol=0, atol=1e-7)
assert layer.last_solve.forward.method == "Peaceman-Rachford"
dist.destroy_process_group()
print("same gradients")
"""


@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch has no distributed part")
@pytest.mark.filterwarnings("ignore::UserWarning")  # Torch's, of loading without processes
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_two_processes_give_the_gradients_of_one(tmp_path):
    """Replicated, then sharded, then resumed from the checkpoint of one process, and theirs by one,
    then with the features of a layer cut: by the same two, as they take long to begin.
    """
    here = {}
    exec(CHECKPOINT, here)  # what the processes run, too
    alone = here["make_both"]()
    optimizer = here["adam"](alone)
    here["trained"](alone, optimizer, here["INPUTS"], 2)
    here["saved"](alone, optimizer, str(tmp_path / "meeting-of-one"), no_dist=True)
    both = WORKER + SHARDED.replace("sys.argv[2]", "sys.argv[2] + '-again'")
    command = [sys.executable, "-c", both + CHECKPOINT + RESUMED]
    workers = [
        subprocess.Popen(
            [*command, str(rank), str(tmp_path / "meeting")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    for worker in workers:
        out, error = worker.communicate(timeout=400)
        assert worker.returncode == 0, error
        assert out.count("same gradients") == 3
    resumed = here["make_both"]()
    here["loaded"](resumed, here["adam"](resumed), str(tmp_path / "meeting-of-two"), no_dist=True)
    here["trained"](alone, optimizer, here["INPUTS"], 1)
    for a, b in zip(here["whole"](resumed), here["whole"](alone), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)
    assert float(resumed.alpha) == float(alone.alpha)
    dcp, method = torch.distributed.checkpoint, sk.ForwardBackward()
    of_features, alone = here["make_wide"](method), here["make_wide"](method)
    state = {"model": of_features.state_dict()}
    dcp.load(state, checkpoint_id=str(tmp_path / "meeting-of-features"), no_dist=True)
    of_features.load_state_dict(state["model"])
    here["trained"](alone, torch.optim.SGD(alone.parameters(), lr=0.5), here["WIDE"], 1)
    for a, b in zip(here["whole"](of_features), here["whole"](alone), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


KINDS = {
    "conv": (lambda: sknn.MonotoneConv2d(1, 2, (2, 3)), (1, 2, 3)),
    "tiers": (lambda: sknn.MonotoneMultiTier(1, (1, 2), (2, 4)), (1, 2, 4)),
    "triangular": (lambda: sknn.MonotoneTriangular(3, 4, 2), (3,)),
    "lipschitz": (lambda: sknn.MonotoneLipschitz(3, 4, 2, gamma=0.7), (3,)),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def layer_and_input(kind, batch=3, **options):
    torch.manual_seed(0)
    make, shape = KINDS[kind]
    layer = sknn.MonDEQ(make(), "tanh", **({"tol": 1e-6} | options))
    return layer, torch.randn(batch, *shape)


def trained(layer):
    """The parameters that an equilibrium depends on."""
    return {n: p.detach() for n, p in layer.named_parameters() if "readout.bias" not in n}


@every_kind
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
def test_every_parametrization_in_a_compiled_model(kind):
    layer, x = layer_and_input(kind)
    layer.eval()
    model, graphs = nn.Sequential(nn.Tanh(), layer, nn.Flatten()), []

    def backend(graph, example_inputs):
        graphs.append(graph)
        return graph.forward

    compiled = torch.compile(model, backend=backend, fullgraph=True)
    for p in trained(layer):
        layer.get_parameter(p).grad = None
    found = torch.autograd.grad(
        compiled(x).square().sum(), [layer.get_parameter(n) for n in trained(layer)]
    )
    expected = torch.autograd.grad(
        model(x).square().sum(), [layer.get_parameter(n) for n in trained(layer)]
    )
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    count = len(graphs)
    compiled(0.5 * x)
    assert len(graphs) == count
    torch.compiler.reset()


@pytest.mark.parametrize(
    "parametrization",
    [
        lambda: sknn.MonotoneConv2d(2, 3, (4, 5)),
        lambda: sknn.MonotoneMultiTier(2, (2, 3), (4, 4)),
    ],
    ids=["conv", "tiers"],
)
def test_a_compiled_backward_step_of_images_has_the_layout_it_was_traced_with(parametrization):
    """The equilibrium of a convolution has its channels last, which a traced view may not fit."""
    torch.manual_seed(0)
    layer = sknn.MonDEQ(parametrization(), "tanh", tol=1e-6).eval()
    model = nn.Sequential(layer, nn.Flatten())
    x = torch.randn(2, *layer.parametrization.input_shape)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    for a, b in zip(gradients(compiled, x), gradients(model, x), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5)
    torch.compiler.reset()


@every_kind
@pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")
def test_every_parametrization_under_transforms(kind):
    """Gradients of each sample by vmap, parameters exchanged by functional_call."""
    layer, x = layer_and_input(kind)
    values = trained(layer)

    def loss(values, row):
        return torch.func.functional_call(layer, values, (row[None],)).square().sum()

    found = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(values, x)
    inner = [layer.get_parameter(n) for n in values]
    for i, row in enumerate(x):
        expected = torch.autograd.grad(layer(row[None]).square().sum(), inner)
        for name, slope in zip(values, expected, strict=True):
            torch.testing.assert_close(found[name][i], slope, rtol=0, atol=1e-4)


@every_kind
def test_every_parametrization_under_autocast(kind):
    layer, x = layer_and_input(kind)
    expected = layer(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        z = layer(x)
        z.square().sum().backward()
    assert z.dtype == torch.float32
    torch.testing.assert_close(z, expected, rtol=0, atol=1e-5)
    assert layer.last_solve.backward.converged


@every_kind
def test_memory_of_every_parametrization_does_not_grow(kind):
    few, many = (
        saved_bytes(*(part.double() for part in layer_and_input(kind, tol=tol)))
        for tol in (1e-1, 1e-12)
    )
    assert many[1] > 3 * few[1]
    assert many[0] == few[0] > 0


@every_kind
def test_every_parametrization_refuses_export(kind):
    layer, x = layer_and_input(kind)
    with pytest.raises(Exception, match="cannot be exported"):
        torch.export.export(layer.eval(), (x,))


@every_kind
def test_hooks_of_every_parametrization(kind):
    layer, x = layer_and_input(kind)
    seen = []
    layer.register_forward_hook(lambda module, args, output: seen.append("forward"))
    layer.register_full_backward_hook(lambda module, into, out: seen.append("backward"))
    layer(x.requires_grad_()).sum().backward()
    assert seen == ["forward", "backward"]


@pytest.mark.parametrize(
    ("kind", "gradient"),
    every_other(KINDS, ["cotangent", "direct", "jacobian_free", "truncated"]),
)
def test_what_is_not_finite_in_a_cotangent_stays_with_its_sample(kind, gradient):
    layer, x = layer_and_input(kind, gradient=gradient)
    x = torch.cat([x, -x]).requires_grad_()
    z = layer(x)
    v = torch.randn(z.shape)
    for bad in (torch.inf, -torch.inf, torch.nan):
        broken = v.clone()
        broken[0].view(-1)[0] = bad
        zero = v.clone()
        zero[0] = 0
        (expected,) = torch.autograd.grad(z, x, zero, retain_graph=True)
        (found,) = torch.autograd.grad(z, x, broken, retain_graph=True)
        assert found[0].isnan().all()
        torch.testing.assert_close(found[1:], expected[1:], rtol=1e-4, atol=1e-6)


@every_kind
def test_a_scaler_skips_steps_whose_gradients_overflow_and_makes_the_others(kind):
    layer, x = layer_and_input(kind)
    before = [p.detach().clone() for p in layer.parameters()]
    optimizer = torch.optim.SGD(layer.parameters(), lr=1e-3)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16)
    scales = []
    for factor in (3e38, 1.0):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.float16):
            loss = factor * layer(x).float().square().sum()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        scales.append(scaler.get_scale())
        moved = [not torch.equal(p, q) for p, q in zip(layer.parameters(), before, strict=True)]
        assert any(moved) is (factor == 1.0)
    assert scales == [2.0**15, 2.0**15]
