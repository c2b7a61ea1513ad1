"""Every expression has a LaTeX form that a renderer takes, and that reads as mathematics."""

import re

import numpy as np
import pytest
from matplotlib.mathtext import MathTextParser

import splitkit as sk
from splitkit.notation import ATOM, FACTOR, LATEX, PRODUCT, SUM, Notation, name_in_latex, tightness
from splitkit.testing import registered

f = sk.functions
RENDERER = MathTextParser("path")


def in_a_line(source):
    """Matrices, which this renderer does not know, row by row."""
    for matrix, line in (
        (r"\begin{pmatrix}", r"\left("),
        (r"\end{pmatrix}", r"\right)"),
        (" & ", ", "),
        (r" \\ ", "; "),
    ):
        source = source.replace(matrix, line)
    return source


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
    assert RENDERER.parse(in_a_line(source)).width > 0


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
        a.pullback(L): r"M^\top \, A \, M",
        sk.BlockDiagonal((a, b)): r"\left(A \times B\right)",
        sk.NormalCone(f.Simplex()): r"N_{\{x \geq 0, \sum x_i = 1\}}",
        sk.Subdifferential(norm + norm): r"\partial \|\cdot\|_1 + \partial \|\cdot\|_1",
        sk.Affine(np.eye(2), np.ones(2)): "M - q",
        (2.0 * norm).translate(np.ones(2)): r"\left(2\,\|\cdot\|_1\right)(\cdot - v)",
        sk.Affine(L - 2.0 * (L @ L.T)): r"M - 2\,M \, M^\top",
        (L + L).T: r"\left(M + M\right)^\top",
        sk.linear.ScaledIdentity(-2.0): r"-2\,I",
        f.Conjugate(norm): r"\left(\|\cdot\|_1\right)^*",
        norm @ L: r"\|M\,\cdot\|_1",
        norm.translate(np.ones(2)): r"\|(\cdot - v)\|_1",
        sk.Subdifferential(f.L1Norm(2.0)): r"\partial \left(2\,\|\cdot\|_1\right)",
        sk.Subdifferential(norm)
        + sk.Subdifferential(f.SquaredL2(center=np.ones(2)) @ L): r"\partial \|\cdot\|_1 + "
        r"M^\top \, (M\,\cdot - c)",
        sk.Subdifferential(f.SquaredL2(np.ones(2)) @ L): r"M^\top \, w\,(M\,\cdot)",
        f.Box(-1, np.inf): r"[-1, \infty]",
        f.L2Ball(2.0): r"\{\|x\| \leq 2\}",
        f.L2Ball(2.0, center=np.ones(2)): r"\{\|x - c\| \leq 2\}",
        f.LogSumExp(np.array([0.5, 0.5])): r"\log\sum e^{\cdot} - \langle p, \cdot\rangle",
        f.Intersection((f.NonNegative(), f.ZeroCone())): r"\{x \geq 0\} \cap \{0\}",
    }
    for expression, source in expected.items():
        assert expression.latex() == source


@pytest.mark.parametrize("thing", registered(), ids=str)
def test_nothing_is_written_by_the_name_of_its_class(thing):
    expression = thing.make()[0]
    names = re.findall(r"\\mathrm\{(\\_|[A-Z])(\w{2,})\}", expression.latex())
    assert {"".join(name) for name in names} <= {"MCP", "SCAD"}, "as these are called in papers"


def test_how_tightly_a_formula_holds_its_parts():
    for latex, place in {
        r"\|\cdot - c\|_1": FACTOR, r"\{x \geq 0\}": ATOM, r"[-1, 1]": ATOM, "M": ATOM,
        r"2\,\|\cdot\|": PRODUCT, r"\sum(1 - \cdot)_+": PRODUCT,
        r"\|\cdot\|_1 + x": SUM, r"-\log\cdot": SUM,
    }.items():  # fmt: skip
        assert tightness(latex) == place, latex


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
    """Whoever writes a node last writes both its text and its LaTeX, or its text alone."""
    kind = type(thing.make()[0])

    def owner(name):
        return next(i for i, base in enumerate(kind.__mro__) if name in vars(base))

    text, both = owner("__repr__"), owner("write")
    assert text <= both or kind.__mro__[text] is Notation
