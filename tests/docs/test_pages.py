"""The Python on the pages runs as it stands, and does what the page says; links lead somewhere."""

import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import splitkit as sk
from splitkit.testing import check_function, check_method, check_operator

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def run(page, about=""):
    """The names that the page's Python, or those blocks of it that contain a word, leaves."""
    names = {}
    for block in re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL):
        if about in block:
            exec(block, names)
    return names


def contributed(name):
    """A class of CONTRIBUTING.md, defined outside of the package."""
    return run("CONTRIBUTING.md", f"class {name}(")[name]


def test_the_contributed_function_is_right():
    kind = contributed("ShiftedSquare")
    for f, shape in kind.examples(np.asarray):
        check_function(f, shape)


def test_the_contributed_operator_is_right():
    kind = contributed("QuarterTurn")
    for A, shape in kind.examples(np.asarray):
        check_operator(A, shape)
    x = sk.solve(
        kind().shift(np.array([1.0, 2.0])) + sk.NormalCone(sk.functions.Box(-3, 3)), np.zeros(2)
    ).x
    np.testing.assert_allclose(x, [-2.0, 1.0], atol=1e-6)
    with pytest.raises(ValueError, match="turns pairs"):
        sk.solve(kind(), np.zeros(3))


def test_the_contributed_method_is_right():
    kind = contributed("ReflectedStep")
    method = kind()
    F = sk.Affine(np.array([[1.0, 3.0], [-3.0, 1.0]]), np.ones(2))
    G = sk.NormalCone(sk.functions.NonNegative())
    x = sk.solve(F + G, np.zeros(2), method, tol=1e-10).x
    np.testing.assert_allclose(x, [0.0, 1.0], atol=1e-8)
    assert method.proof(F, G).holds
    check_method(method)
    assert not kind(alpha=1.0).guarantee(F, G).holds


def test_the_contributed_parametrization_is_right(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    import splitkit_nn as sknn
    from splitkit_nn.testing import check_layer

    kind = contributed("MonotoneDiagonal")
    layer = sknn.MonDEQ(kind(4, 3, m=0.5), "tanh")
    check_layer(layer, max_examples=2)
    model = sknn.DenseClassifier.of(layer.eval(), torch.nn.Linear(3, 2))
    x = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(import_module(__name__), kind.__name__, kind, raising=False)
    kind.__module__ = __name__  # as in a file of one's own
    sknn.save(model, tmp_path / "model.pt")
    assert torch.equal(sknn.load(tmp_path / "model.pt")(x), model(x))
    certificate = sknn.certify(model, x)
    jacobian = torch.autograd.functional.jacobian(lambda v: model(v[None])[0], x[0])
    assert float(torch.linalg.matrix_norm(jacobian, 2)) <= certificate.lipschitz


def test_the_best_step_of_the_page_is_the_textbook_s():
    names = run("docs/mathematics.md")
    assert names["alpha"] == pytest.approx(1 / 4, rel=1e-3)
    assert names["proof"].rate == pytest.approx(np.sqrt(1 - 4 * 0.5 / (2 * 4 + 2 * 0.5)), rel=1e-6)


def test_a_method_of_one_s_own_is_proved_and_its_bound_attained():
    names = run("docs/proofs.md")
    assert (names["alpha"], names["beta"]) == pytest.approx((2.95, 1.15), abs=0.01)
    assert names["proof"].value == pytest.approx(0.6069, abs=1e-4)
    assert names["plain"].value == pytest.approx(0.6126, abs=1e-4)
    assert names["attained"] == pytest.approx(names["proof"].value, rel=1e-5)
    assert names["halpern"].holds
    assert names["rate"].lyapunov.rate < 1
    quadratic = names["s"].bound(
        names["norm2"](names["q"].gradient(names["x2"])), names["norm2"](names["x0"])
    )
    assert quadratic.value == pytest.approx(16 / 729, rel=1e-5)


def test_all_doors_lead_to_one_answer():
    names = run("docs/front_doors.md")
    x = names["program"].x
    np.testing.assert_allclose(names["functions"].x, x, atol=1e-6)
    np.testing.assert_allclose(names["complementarity"].x, x, atol=1e-6)
    K, b = names["K"], names["b"]
    np.testing.assert_allclose(names["program"].bound_multipliers, K.T @ (b - K @ x), atol=1e-6)
    assert abs(names["lasso"].duality_gap) <= 1e-7 * names["lasso"].objective


def test_what_the_doors_are_called_is_there():
    """Every name in the table's second column."""
    import splitkit.estimators
    import splitkit.problems

    text = (ROOT / "docs" / "front_doors.md").read_text()
    rows = [line.split("|")[2] for line in text.splitlines() if line.startswith("| ")]
    called = set(re.findall(r"(sk\.)?\b([A-Z]\w+|read_\w+)\(", " ".join(rows)))
    assert len(called) >= 12
    places = (sk, splitkit.problems, splitkit.estimators, sk.functions)
    known = {"Splitkit", "MonDEQ"}  # of splitkit.interfaces.cvxpy and splitkit_nn
    for own, name in called:
        assert hasattr(sk, name) if own else name in known or any(hasattr(p, name) for p in places)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text())
    made = re.findall(r": (reference/.*\.md)", (ROOT / "mkdocs.yml").read_text())
    made += [f"gallery/{example.stem}.md" for example in (ROOT / "examples").glob("*.py")]
    local = [link for link in links if not link.startswith("http") and link not in made]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_files_that_the_mathematics_names_are_there():
    text = (ROOT / "docs" / "mathematics.md").read_text()
    for name in set(re.findall(r"`([a-z_0-9/]+\.py)`", text)):
        path = Path(name)
        found = [ROOT / path] if len(path.parts) > 1 else list(ROOT.glob(f"splitkit*/**/{name}"))
        assert any(each.exists() for each in found), name


def test_the_map_between_two_spaces_of_the_page_passes_and_says_where_it_goes():
    L = run("docs/testing.md", about="range_space")["Differences"]()
    f = sk.functions.L1Norm() @ L
    solution = sk.minimize(
        f + sk.functions.SquaredL2(center=np.array([0.0, 0.1, 5.0])), np.zeros(3)
    )
    np.testing.assert_allclose(solution.x, [0.55, 0.55, 4.0], atol=1e-5)


def test_a_layer_of_the_page_solves_in_another_library():
    layer = run("docs/backends.md", about="solve_in")["layer"]
    assert layer.solve_in.name == "numpy"
    assert layer.parametrization.A.grad is not None
