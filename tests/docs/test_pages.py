"""The Python on the pages runs as it stands, and does what the page says; links lead somewhere."""

import re
from pathlib import Path

import numpy as np
import pytest

import splitkit as sk
from splitkit.testing import check_function, check_method

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def run(page, about=""):
    """The names that the page's Python, or those blocks of it that contain a word, leaves."""
    names = {}
    for block in re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL):
        if about in block:
            exec(block, names)
    return names


def test_the_contributed_function_and_method_are_right():
    names = run("CONTRIBUTING.md")
    check_function(names["ShiftedSquare"](), (3,))
    method = names["ReflectedStep"]()
    F = sk.Affine(np.array([[1.0, 3.0], [-3.0, 1.0]]), np.ones(2))
    G = sk.NormalCone(sk.functions.NonNegative())
    x = sk.solve(F + G, np.zeros(2), method, tol=1e-10).x
    np.testing.assert_allclose(x, [0.0, 1.0], atol=1e-8)
    assert method.proof(F, G).holds
    check_method(method)
    assert not names["ReflectedStep"](alpha=1.0).guarantee(F, G).holds


def test_the_best_step_of_the_page_is_the_textbook_s():
    names = run("docs/mathematics.md")
    assert names["alpha"] == pytest.approx(1 / 4, rel=1e-3)
    assert names["proof"].rate == pytest.approx(np.sqrt(1 - 4 * 0.5 / (2 * 4 + 2 * 0.5)), rel=1e-6)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text())
    local = [link for link in links if not link.startswith("http")]
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
