"""Results show themselves in at most ten lines, whatever their size, as text and as HTML."""

from html import escape
from html.parser import HTMLParser

import array_api_strict
import numpy as np
import pytest
import torch

import splitkit as sk
import splitkit_nn as sknn
from splitkit.display import LINES, Shown, written
from splitkit.problems import LP, QP

f = sk.functions
rng = np.random.default_rng(0)
LASSO = f.SquaredL2(center=rng.normal(size=40)) @ rng.normal(size=(40, 300)) + f.L1Norm(0.1)
APART = sk.NormalCone(f.Box(-1, 1)) + sk.NormalCone(f.Box(2, 3))


def layer():
    torch.manual_seed(0)
    return sknn.MonDEQ(sknn.MonotoneDense(4, 64, m=1.0), "relu")


def solved():
    made = layer()
    made(torch.ones(3, 4)).sum().backward()
    return made


def classifier():
    torch.manual_seed(0)
    return sknn.DenseClassifier(4, 8, 3).eval()


PLAIN = ("History", "State", "Option")  # which others show
RESULTS = {
    "Solution": lambda: sk.minimize(LASSO, np.zeros(300)),
    "History": lambda: sk.minimize(LASSO, np.zeros(300)).history,
    "State": lambda: next(iter(sk.iterate(sk.Subdifferential(LASSO), np.zeros(300)))),
    "Explanation": lambda: sk.explain(LASSO),
    "Option": lambda: sk.explain(LASSO).options[0],
    "Plan": lambda: sk.plan(LASSO, np.zeros(300)),
    "Guarantee": lambda: sk.plan(LASSO, np.zeros(300)).guarantee,
    "Certificate": lambda: sk.solve(APART, np.zeros(99), on_failure="return").certificate,
    "ProgramSolution": lambda: QP(np.eye(99), -np.ones(99)).solve(),
    "ProgramCertificate": lambda: (
        (
            LP(np.array([1.0]), np.ones((1, 1)), 5.0, bounds=(2, 3)).solve(on_failure="return")
        ).certificate
    ),
    "Proof": lambda: sk.prove(sk.Identity() - 0.5 * sk.Affine(np.eye(5), np.ones(5))),
    "MonDEQ": layer,
    "LastSolve": lambda: solved().last_solve,
    "SolveRecord": lambda: solved().last_solve.forward,
    "layer's Certificate": lambda: sknn.certify(layer(), torch.ones(99, 4)),
    "Robustness": lambda: sknn.certify_robustness(
        classifier(), torch.ones(9, 4), torch.zeros(9, dtype=torch.int64)
    ),
}


class Tags(HTMLParser):
    """Which elements are open, and what was said outside of tags."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_is_short_and_its_html_is_whole(name):
    result = RESULTS[name]()
    lines = repr(result).split("\n")
    assert len(lines) <= LINES + 1
    assert all(len(line) < 600 for line in lines)
    assert hasattr(result, "_repr_html_") or name in PLAIN
    if name not in PLAIN:
        page = Tags()
        page.feed(result._repr_html_())
        assert page.open == []
        assert "table" in page.seen


@pytest.mark.parametrize(
    "made",
    [np.asarray, torch.asarray, array_api_strict.asarray],
    ids=["numpy", "torch", "strict"],
)
def test_arrays_are_abbreviated(made):
    kept = made(np.arange(1000.0).reshape(10, 100))
    assert written(kept) == "float64[10, 100] 0  1  2 … 997  998  999"
    assert written(made(np.array([1.0, 2.5]))) == "float64[2] 1  2.5"
    assert written((kept, made(np.float64(2.0)))) == f"({written(kept)}, 2)"


def test_an_array_that_is_traced_has_no_entries():
    jax = pytest.importorskip("jax")
    seen = []

    def looked_at(x):
        seen.append(written(x))
        return x

    jax.jit(looked_at)(jax.numpy.zeros(3, dtype="float32"))
    assert seen == ["float32[3]"]


def test_what_is_long_is_cut_and_counted():
    class Long(Shown):
        def rows(self):
            for i in range(1000):
                yield f"row {i}", float(i)

    lines = repr(Long()).split("\n")
    assert lines[1].split() == ["row", "0", "0"]
    assert lines[-1].split() == ["…", "and", str(1001 - LINES), "more"]
    assert len(lines) == LINES + 1


def test_html_is_escaped_and_refusals_are_folded():
    class Odd(Shown):
        def rows(self):
            yield "a<b", "<script>"

    assert "<script>" not in Odd()._repr_html_()
    rotation = sk.Affine(np.array([[0.0, 1.0], [-1.0, 0.0]]), np.ones(2))
    explanation = sk.explain(sk.NormalCone(f.Simplex()) + rotation)
    shown, folded = explanation._repr_html_().split("<details>")
    for labels in explanation.refusals.values():
        assert escape(", ".join(labels)) in folded
    assert f"→ {escape(explanation.chosen.method.label)}" in shown
