"""Formulas in plain symbols are told from words, and drawn."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from splitkit import functions
from tests.docs.hooks import hook

DOCS = Path(__file__).parents[2] / "docs"
SYMBOLS = hook("_symbols")
TOLD = {
    "½‖Ax − b‖² + λ‖x‖₁, convex": ["½‖Ax − b‖² + λ‖x‖₁"],
    "F is m-strongly monotone, 1/β-Lipschitz": ["F", "m", "1/β"],
    "A step of a method; A and B are maximal": ["A", "B"],
    "the prox of f's conjugate, as f* is": ["f", "f*"],
    "{x: Ax ≤ b}, the log of a number (a ≠ 0, finite)": ["{x: Ax ≤ b}", "a ≠ 0"],
    "x* = argmin_x f(x), see 24.8(ii), e.g. in 2D": ["x* = argmin_x f(x)"],
    "Condat-Vũ, Xu 2012; 10 s; 10⁻⁶ at most": ["10⁻⁶"],
    "an upper bound of ‖L‖ ≤ tol · S, `code_of_it`": ["‖L‖ ≤ tol · S"],
}
DRAWN = {
    "x̂ᵢ²": "msubsup mover mi mo mrow mrow mi mrow mrow mn",
    "√(1 + t)": "msqrt mrow mn mo mi",
    "R_{αA}y": "msub mi mrow mrow mi mi mi",
    "‖x‖∞": "mo mi msub mo mrow mrow mi",
    "e^−c": "msup mi mrow mrow mo mi",
    "log x": "mi mspace mi",
}


@pytest.mark.parametrize("text", TOLD)
def test_words_stay(text):
    found = list(SYMBOLS.spans(text))
    assert "".join(part for part, _ in found) == text
    assert [part for part, is_formula in found if is_formula] == TOLD[text]


@pytest.mark.parametrize("text", DRAWN)
def test_a_formula_is_a_tree(text):
    row = ElementTree.fromstring(SYMBOLS.mathml(text))[0]
    assert [each.tag for each in row.iter()][1:] == DRAWN[text].split()


def test_a_minus_that_begins_is_no_difference():
    assert 'form="prefix"' in SYMBOLS.mathml("f(−x)")
    assert 'form="prefix"' not in SYMBOLS.mathml("y − x")


def test_code_stays_and_lines_by_themselves_are_drawn():
    class Page:
        url = "reference/methods.html"

    block = '<div class="highlight"><pre><span></span><code>{}</code></pre></div>'
    drawn = SYMBOLS.on_page_content(
        f"<p><code>x₁</code> ≥ x₁</p>{block.format('x⁺ = R_{αA}x,  y⁺ = x⁺.')}", page=Page
    )
    assert "<code>x₁</code>" in drawn
    assert drawn.count("<math>") == 3
    session = block.format("&gt;&gt;&gt; α = 1")
    assert SYMBOLS.on_page_content(session, page=Page) == session


def left(text):
    """The symbols that are in no formula."""
    rest = "".join(part for part, is_formula in SYMBOLS.spans(text) if not is_formula)
    return re.findall("[‖∂∇√½ᵢⱼ₀-₉⁰-⁹⁺⁻²ᵀΣ]", rest)


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.stem)
def test_no_symbol_of_a_page_is_left(page):
    text = re.sub(r"```.*?```|`[^`]*`|\$[^$]+\$", "", page.read_text(), flags=re.DOTALL)
    cells = re.split(r" \| |\n", text.replace(r"\|", "|").replace(r"\*", "*").replace("**", ""))
    assert [cell for cell in cells if left(cell)] == []


def test_no_symbol_of_a_function_is_left():
    docs = {name: kind.__doc__ for name, kind in vars(functions).items() if isinstance(kind, type)}
    lines = [line for doc in docs.values() for line in doc.splitlines() if ">>>" not in line]
    assert [line for line in lines if left(re.sub(r"``.*?``", "", line))] == []
