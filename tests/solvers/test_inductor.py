"""Steps that Torch's Inductor compiles, for ``compile=True``, are the steps as they stand."""

import shutil

import numpy as np
import pytest

import splitkit as sk
from splitkit import functions as f, inductor
from splitkit.backend import to_numpy
from splitkit.loops import repeated_while
from splitkit.solvers import glance, watch

torch = pytest.importorskip("torch")

SMOOTH = (
    sk.ForwardBackward(),
    sk.FISTA(),
    sk.DouglasRachford(),
    sk.DavisYin(),
    sk.ProjectiveSplitting(),
    sk.Tseng(),
    sk.PastExtragradient(),
    sk.ADMM(),
    sk.Halpern(sk.ForwardBackward(alpha=0.05)),
    sk.Anderson(sk.ForwardBackward(alpha=0.05), memory=2),
)
COMPOSED = (sk.ChambollePock(), sk.CondatVu(), sk.LinearizedADMM(), sk.ADMM(rho=1.0))
SEARCHING = (
    sk.GoldenRatio(),
    sk.TsengLineSearch(),
    sk.SuperMann(sk.ForwardBackward(alpha=0.05), memory=2),
    sk.Restarted(sk.DouglasRachford(alpha=0.4)),
    sk.PANOC(memory=2),
)


@pytest.fixture
def graphs(monkeypatch):
    """The graphs to be compiled, each run as it is: what is tested is what they compute."""
    found = []
    monkeypatch.setattr(inductor, "_PROGRAMS", {})

    def as_it_is(graph, given, options):
        found.append(graph)
        return graph.forward

    monkeypatch.setattr(torch._inductor, "compile", as_it_is)
    return found


def lasso(seed, dtype=torch.float64, composed=False, batch_ndim=0):
    """½‖Ax − b‖² + 0.1‖x‖₁, or ‖Kx‖₁."""
    rng = np.random.default_rng(seed)
    A, b, K = (
        torch.as_tensor(rng.normal(size=shape), dtype=dtype) for shape in ((6, 12), 6, (8, 12))
    )
    weight = 0.1 + 0.1 * seed
    g = f.L1Norm(weight, batch_ndim=batch_ndim)
    return f.LeastSquares(A, b, batch_ndim=batch_ndim) + (g @ K if composed else g)


def both(problem, x0, method, **options):
    """The solution by compiled steps, and as they stand."""
    given = {"tol": 0, "max_iter": 60, **options}
    return [sk.minimize(problem, x0, method, compile=way, **given) for way in (True, False)]


@pytest.mark.parametrize(
    ("method", "composed", "steps"),
    [
        *((m, False, 60) for m in SMOOTH),
        *((m, True, 60) for m in COMPOSED),
        *((m, False, 14) for m in SEARCHING),
    ],
    ids=lambda case: getattr(case, "label", None),
)
def test_the_iterates_are_the_same_and_other_data_compile_nothing(method, composed, steps, graphs):
    dtype = torch.float32 if type(method) in (sk.ForwardBackward, sk.CondatVu) else torch.float64
    x0, made = torch.zeros(12, dtype=dtype), []
    for seed in range(2):
        s, plain = both(lasso(seed, dtype, composed), x0, method, max_iter=steps)
        assert s.history.eager == ""
        assert s.iterations == plain.iterations
        size = float(plain.x.abs().max())
        near = 1e6 * torch.finfo(dtype).eps  # Anderson's small systems are far from the unit one
        np.testing.assert_allclose(to_numpy(s.x), to_numpy(plain.x), atol=near * size)
        made.append(len(graphs))
    assert made[0] == made[1] > 0


@pytest.mark.skipif(shutil.which("g++") is None, reason="Inductor compiles C++")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Torch's own
@pytest.mark.filterwarnings("ignore::FutureWarning")  # alike
def test_inductor_compiles_a_step_with_its_search_once(monkeypatch):
    """Of a state that has an array at two places, of which one is passed on."""
    monkeypatch.setattr(inductor, "_PROGRAMS", {})

    def step_with(factor):
        def step(state):
            x, before = state
            start = x + factor * before
            halved = repeated_while(lambda now: now.max() > 1.0, lambda now: 0.5 * now, start, 9)
            return halved, x

        return step

    x = torch.tensor([0.3, 0.9], dtype=torch.float64)
    for factor in (1.5, 7.0):
        step, state = step_with(factor), (x, x)
        found = inductor.repeated(step, state)(state, 4)
        for _ in range(4):
            state = step(state)
        torch.testing.assert_close(found, state, rtol=1e-14, atol=0)
    assert len(inductor._PROGRAMS) == 1


@pytest.mark.parametrize("batched", [False, True])
def test_looks_are_read_in_one_transfer_and_end_where_they_do_as_they_stand(
    batched, graphs, monkeypatch
):
    asked = []
    monkeypatch.setattr(glance, "to_numpy", lambda a: asked.append(a.shape) or to_numpy(a))
    x0, options = torch.zeros(12, dtype=torch.float64), {"tol": 1e-9, "max_iter": 5000}
    if batched:
        x0 = torch.arange(3.0, dtype=torch.float64)[:, None] + x0
        options["batch_ndim"] = 1
    made = []
    for seed in range(2):
        asked.clear()
        s, plain = both(lasso(seed, batch_ndim=x0.ndim - 1), x0, sk.FISTA(), **options)
        assert s.converged
        assert len(s.history.iteration) == len(asked) < int(torch.as_tensor(s.iterations).max())
        assert set(asked) == {(7,)}
        # peeks, which only looks that are not compiled have, may show an end earlier
        last = torch.as_tensor(plain.iterations)
        assert bool((abs(torch.as_tensor(s.iterations) - last) <= last // 10).all())
        np.testing.assert_allclose(to_numpy(s.x), to_numpy(plain.x), rtol=1e-6, atol=1e-8)
        made.append(len(graphs))
    assert made[0] == made[1]


def test_declared_constants_are_compared_within_the_graph_of_a_look(graphs, monkeypatch):
    """Its graph takes x anew, as steps as they stand do where they must: it makes more calls."""
    asked, plain = [], watch._inequalities
    monkeypatch.setattr(watch, "_inequalities", lambda c, *rest: asked.append(c) or plain(c, *rest))
    counts = []
    for lipschitz in (3.0, 3.0, 1.5):
        asked.clear()
        matrix = torch.diag(torch.asarray([3.0, 1.0], dtype=torch.float64))
        x0 = torch.ones(2, dtype=torch.float64)
        problem = sk.Affine(sk.DenseMatrix(matrix, lipschitz=lipschitz), x0)
        problem = problem + sk.Subdifferential(f.L1Norm(0.1))
        method = sk.DouglasRachford(alpha=0.1)
        s = sk.solve(problem, x0, method, compile=True, on_failure="return")
        assert s.history.eager == ""
        counts.append((s.status, len(asked) < len(s.history.iteration)))
    assert counts == [*[(sk.Status.CONVERGED, True)] * 2, (sk.Status.CONTRADICTED, False)]
    assert "DenseMatrix(2×2) − q: 2.25‖Δx‖²" in s.message


def test_what_depends_on_no_state_is_computed_once(graphs):
    """(1 + α)⁻¹ and the like, and none of it where a step writes into an array of its own."""
    c = torch.linspace(1.0, 2.0, 3, dtype=torch.float64)

    def plain(x):
        return 2 * x - c.sqrt()

    def writing(x):
        y = c.sqrt()
        y[0] += 1.0
        y -= 2 * x
        return -y

    for F, operations in ((plain, ["sqrt"]), (writing, [])):
        term = sk.Operator.from_callable(F, lipschitz=2.0, strong_monotonicity=2.0)
        problem = term + sk.NormalCone(f.NonNegative())
        x0, method = torch.ones(3, dtype=torch.float64), sk.ForwardBackward(alpha=0.03)
        given = {"tol": 0, "max_iter": 60, "on_failure": "return"}
        s, eager = (sk.solve(problem, x0, method, compile=way, **given) for way in (True, False))
        torch.testing.assert_close(s.x, eager.x, rtol=1e-14, atol=0)
        names = [str(node.target) for node in graphs[-1].graph.nodes]
        for each in operations:
            assert not [name for name in names if each in name]
    assert [name for name in names if "sqrt" in name]


def test_what_cannot_be_compiled_is_refused_by_name(graphs, monkeypatch):
    x0 = torch.zeros(12, dtype=torch.float64)

    def deciding(x):
        return 2 * x if x.sum() > 1 else x

    F = sk.Operator.from_callable(deciding, lipschitz=2.0, strong_monotonicity=1.0)
    problem = F + sk.NormalCone(f.NonNegative())
    with pytest.raises(ValueError, match=r"deciding.* cannot be traced"):
        sk.solve(problem, x0 + 1, sk.ForwardBackward(alpha=0.03), compile=True)

    def fail(graph, given, options):
        raise RuntimeError("no compiler found\nand much more")

    monkeypatch.setattr(torch._inductor, "compile", fail)
    with pytest.raises(ValueError, match=r"RuntimeError: no compiler found\): it needs a C\+\+"):
        both(lasso(0), x0, sk.ForwardBackward())
    assert not inductor._PROGRAMS
    with pytest.raises(ValueError, match="ndarray are not compiled"):
        sk.solve(sk.Affine(np.eye(2)), np.ones(2), sk.Tseng(), compile=True)


def test_it_is_compiled_only_where_it_is_asked_for(graphs):
    x0 = torch.zeros(12, dtype=torch.float64)
    sk.minimize(lasso(0), x0, sk.FISTA(), tol=0, max_iter=300)
    assert not graphs
