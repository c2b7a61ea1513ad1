"""Every expression has a LaTeX form that a renderer takes, and that reads as mathematics."""

import re

import numpy as np
import pytest
from matplotlib.mathtext import MathTextParser

import splitkit as sk
from splitkit.notation import LATEX, Notation, name_in_latex
from splitkit.testing import registered

f = sk.functions
RENDERER = MathTextParser("path")


@pytest.mark.parametrize("thing", registered(), ids=str)
def test_everything_that_stands_is_written_in_latex(thing):
    expression = thing.make()[0]
    source = expression._repr_latex_()
    assert source == f"${expression.latex()}$"
    bare = re.sub(r"\\[{}]", "", source)
    depths = np.cumsum([(c == "{") - (c == "}") for c in bare])
    assert min(depths) >= 0
    assert depths[-1] == 0
    assert source.count(r"\left") == source.count(r"\right")
    assert RENDERER.parse(source).width > 0


def test_latex_reads_as_the_text_does():
    a = sk.Operator.from_callable(lambda x: x, name="A")
    b = sk.Operator.from_callable(lambda x: x, name="B")
    norm = f.L1Norm()
    L = sk.DenseMatrix(np.eye(2))
    expected = {
        a - 0.5 * b: r"A - 0.5\,B",
        sk.Identity() - 2e-6 * a: r"I - 2\cdot 10^{-6}\,A",
        -1.0 * (a + b): r"-\left(A + B\right)",
        (a + b).inverse: r"\left(A + B\right)^{-1}",
        a @ (2.0 * b): r"A \, \left(2\,B\right)",
        a.cayley(0.5): r"C_{0.5\,A}",
        a.resolvent(np.array([1.0, 2.0])): r"R_{\alpha A}",
        a.shift(np.ones(2)): r"A - v",
        a.translate(np.ones(2)): r"A(\cdot - v)",
        a.pullback(L): r"\mathrm{DenseMatrix}^\top \, A \, \mathrm{DenseMatrix}",
        sk.BlockDiagonal((a, b)): r"\left(A \times B\right)",
        sk.NormalCone(f.Simplex()): r"N_{\mathrm{Simplex}}",
        sk.Subdifferential(norm + norm): r"\partial \mathrm{L1Norm} + \partial \mathrm{L1Norm}",
        sk.Affine(np.eye(2), np.ones(2)): r"\mathrm{DenseMatrix} - q",
        (2.0 * norm).translate(np.ones(2)): r"\left(2\,\mathrm{L1Norm}\right)(\cdot - v)",
        sk.Affine(L - 2.0 * (L @ L.T)): r"\mathrm{DenseMatrix} - 2\,\mathrm{DenseMatrix} \, "
        r"\mathrm{DenseMatrix}^\top",
        (L + L).T: r"\left(\mathrm{DenseMatrix} + \mathrm{DenseMatrix}\right)^\top",
        sk.linear.ScaledIdentity(-2.0): r"-2\,I",
        f.Conjugate(norm): r"\mathrm{L1Norm}^*",
        norm @ L: r"\mathrm{L1Norm} \circ \mathrm{DenseMatrix}",
    }
    for expression, source in expected.items():
        assert expression.latex() == source


def test_a_class_of_ones_own_is_written_by_its_name():
    class My_Operator(sk.Operator):
        pass

    assert My_Operator().latex() == r"\mathrm{My\_Operator}"
    assert (2.0 * My_Operator())._repr_latex_() == r"$2\,\mathrm{My\_Operator}$"


def test_names_and_numbers():
    assert name_in_latex("A") == "A"
    assert name_in_latex("<lambda>") == r"\mathrm{<lambda>}"
    assert name_in_latex(r"a\b{c}$") == r"\mathrm{ab\{c\}\$}"
    assert [LATEX.number(v) for v in (0.5, 1e-7, -2.5e10)] == [
        "0.5", r"10^{-7}", r"-2.5\cdot 10^{10}",
    ]  # fmt: skip


@pytest.mark.parametrize("thing", registered(), ids=str)
def test_a_node_is_written_alike_in_both_styles(thing):
    """Whoever writes a node last writes its text and its LaTeX, unless text is all that it gives."""
    kind = type(thing.make()[0])

    def owner(name):
        return next(i for i, base in enumerate(kind.__mro__) if name in vars(base))

    text, both = owner("__repr__"), owner("write")
    assert text <= both or kind.__mro__[text] is Notation
