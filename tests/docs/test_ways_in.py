"""The pages for those who begin run as they stand, and what they say of errors is said."""

import ast
import builtins
import re
from pathlib import Path

import numpy as np
import pytest

import splitkit as sk
from splitkit import functions, linear

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def blocks(page):
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


def run(page):
    names = {}
    for block in blocks(page):
        if not block.startswith("# raises "):
            exec(block, names)
    return names


def test_the_installed_versions_are_shown(capsys):
    run("install.md")
    assert "numpy" in capsys.readouterr().out


def test_every_extra_stands_on_the_page_of_the_installation():
    project = (ROOT / "pyproject.toml").read_text()
    section = project.partition("[project.optional-dependencies]\n")[2].partition("\n\n[")[0]
    extras = re.findall(r"^(\w+) = \[", section, flags=re.MULTILINE)
    rows = re.findall(r"^\| (`.*?) \|", (DOCS / "install.md").read_text(), flags=re.MULTILINE)
    assert sorted(extras) == sorted(re.findall(r"`(\w+)`", " ".join(rows)))


def test_ten_minutes():
    pytest.importorskip("torch")
    names = run("ten_minutes.md")
    F, x = names["F"], names["solution"].x
    np.testing.assert_allclose(x, np.clip(x - F(x), -1, 1), atol=1e-7)
    assert names["T"].averagedness <= 0.5
    assert names["T"].lipschitz < 1
    np.testing.assert_allclose(names["by_hand"], names["by_name"].x, atol=1e-8)
    assert 0 < names["proof"].rate < 1
    assert names["three"].method.label == "Ryu"
    assert abs(names["three"].x.sum() - 1) < 1e-7
    np.testing.assert_allclose(names["faster"].x, x, atol=1e-6)
    assert names["portfolio"].x.sum() == pytest.approx(1, abs=1e-7)
    assert names["many"].converged
    assert names["layer"].last_solve.backward.converged


def test_the_answer_is_read():
    names = run("answers.md")
    assert names["failed"].status == "iteration_limit"
    solution = names["solution"]
    assert 0 <= solution.duality_gap <= 1e-6 * solution.objective
    x, y = names["constrained"].x, names["constrained"].dual
    np.testing.assert_allclose(x + y[0], 0, atol=1e-6)
    np.testing.assert_allclose(x, 0.5 / 8, atol=1e-6)
    first = re.findall(r"^\| (`.*?) \|", (DOCS / "answers.md").read_text(), flags=re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", "".join(first))) >= {str(status) for status in sk.Status}


def test_what_was_stopped_goes_on_where_it_was():
    names = run("resume.md")
    assert names["part"].status == "iteration_limit"
    assert names["seen"].status == "stopped"
    np.testing.assert_array_equal(names["resumed"].x, names["whole"].x)
    assert names["warm"].iterations < names["cold"].iterations
    np.testing.assert_allclose(names["answers"][0].x, names["answers"][1].x, atol=1e-6)
    kept = (names["path"].x != 0).sum(axis=1)
    assert kept[0] < kept[-1]


def test_ones_own():
    pytest.importorskip("torch")
    names = run("your_own.md")
    np.testing.assert_allclose(names["A"].resolvent(1.0)(np.array([2.0, -10.0])), [1.0, -2.0])
    assert names["alpha"] == pytest.approx(1 / 16, rel=1e-3)
    x, q = names["x"].detach().numpy(), names["q"].detach().numpy()
    np.testing.assert_allclose(x, np.maximum(q, 0) / 2, atol=1e-8)


def test_the_factors_of_other_libraries_are_as_said():
    names = run("coming_from.md")
    assert max(map(abs, names["halves"].values())) < 1e-12
    np.testing.assert_allclose(names["soft"], [2.0, 0.0])
    np.testing.assert_allclose(names["moreau"], names["x"])
    np.testing.assert_allclose(names["zero"], 0, atol=1e-12)
    np.testing.assert_allclose(names["ranks"], [3.0, 1.0, 2.0])


def test_what_other_libraries_names_lead_to_is_there():
    """Every capitalized name in the second column."""
    lines = (DOCS / "coming_from.md").read_text().splitlines()
    cells = [line.split("|")[2] for line in lines if line.startswith("| ") and "---" not in line]
    code = " ".join(re.findall(r"`([^`]+)`", " ".join(cells)))
    called = set(re.findall(r"(?:(sk|sk\.linear)\.)?\b([A-Z][A-Za-z0-9]{2,})\b", code))
    assert len(called) >= 40
    import splitkit.problems
    import splitkit.proofs

    elsewhere = {"ImplicitSolve", "Splitkit"}  # of splitkit_nn and splitkit.interfaces
    for _, name in called:
        places = (sk, functions, linear, splitkit.problems, splitkit.proofs)
        assert name in elsewhere or any(hasattr(place, name) for place in places), name


def test_layers_in_a_model():
    pytest.importorskip("torch")
    names = run("layers.md")
    assert names["losses"][-1] < names["losses"][0]
    assert names["record"].backward.converged
    assert names["biases"]["cotangent"].relative_error < 1e-2


def test_certificates_hold():
    pytest.importorskip("torch")
    names = run("certificates.md")
    x, M, q = names["solution"].x, names["M"], names["q"]
    exact = sk.solve(
        sk.Affine(M, q) + sk.NormalCone(functions.Box(-1.0, 1.0)), np.zeros(2), tol=1e-14
    ).x
    assert np.linalg.norm(x - exact) <= names["solution"].error_bound * (1 + 1e-6)
    assert names["nothing"].status == "infeasible"
    assert names["certificate"].m >= 1
    assert bool((names["found"].l2 >= 0).all())


RAISING = [block for block in blocks("errors.md") if block.startswith("# raises ")]


@pytest.mark.parametrize("block", RAISING)
def test_errors_are_raised_as_the_page_says(block):
    kind, text = re.match(r"# raises (\w+): (.*)\n", block).groups()
    names = run("errors.md")
    error = next(getattr(m, kind) for m in (sk, sk.proofs, builtins) if hasattr(m, kind))
    with pytest.raises(error) as found:
        exec(block, names)
    assert text in str(found.value)


def headings():
    """The texts in backquotes in headings, and in what they say, of the page on errors."""
    page = (DOCS / "errors.md").read_text()
    lines = re.findall(r"^##+ (.*)$|^Says (.*(?:\n.+)*)$", page, flags=re.MULTILINE)
    phrases = re.findall(r"`([^`]+)`", " ".join(a + b for a, b in lines))
    return [text.removesuffix(" …") for text in phrases]


def test_every_status_has_its_paragraph():
    assert {str(status) for status in sk.Status} <= set(headings())


def text_of(node):
    """A string in the source, what is put in left out."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(p.value if isinstance(p, ast.Constant) else "…" for p in parts)


def is_text(node):
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def reasons():
    """All texts by which methods refuse, and by which solves end."""
    for path in (ROOT / "splitkit" / "solvers").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args and is_text(node.args[0]):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if name in ("refused", "NoGuaranteeError"):
                    yield text_of(node.args[0])
            elif isinstance(node, ast.FunctionDef) and node.name in (
                "refusal",
                "missing",
                "obstacle",
                "_message",
            ):
                for inner in ast.walk(node):
                    if isinstance(inner, ast.Return) and inner.value and is_text(inner.value):
                        yield text_of(inner.value)


def raised():
    """All texts that the packages raise."""
    for package in (ROOT / "splitkit", ROOT / "splitkit_nn"):
        for path in package.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                exc = getattr(node, "exc", None) if isinstance(node, ast.Raise) else None
                if isinstance(exc, ast.Call) and exc.args and is_text(exc.args[0]):
                    yield text_of(exc.args[0])


def without_paragraph(texts):
    """Those that no heading has a part of, but `name = value: remedy`, which has no other words."""
    texts = [t for t in texts if not re.fullmatch(r"(\w+ = )?[…:;=\s]*|\w+", t)]
    return [t for t in texts if not any(phrase in t for phrase in headings())]


def test_every_reason_of_a_refusal_has_its_paragraph():
    found = list(reasons())
    assert len(found) > 40
    assert without_paragraph(found) == []


def test_every_text_of_an_error_has_its_paragraph():
    found = list(raised())
    assert len(found) > 600
    assert without_paragraph(found) == []
