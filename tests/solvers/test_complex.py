"""Each method on complex points takes the steps of the real problem of their parts."""

import numpy as np
import pytest

import splitkit as sk
from splitkit.backend import as_real, blocks, to_numpy
from splitkit.functions.subdifferential import Subdifferential
from splitkit.solvers.methods import METHODS
from splitkit.testing import real_form

F = sk.functions
RNG = np.random.default_rng(0)
A = RNG.standard_normal((6, 4)) + 1j * RNG.standard_normal((6, 4))
K = RNG.standard_normal((3, 4)) + 1j * RNG.standard_normal((3, 4))
b = RNG.standard_normal(6) + 1j * RNG.standard_normal(6)
x0 = RNG.standard_normal(4) + 1j * RNG.standard_normal(4)
STEPS = 12


def problem(a=np.asarray):
    """Terms of every kind: smooth, with a prox, composed."""
    return [
        (F.LeastSquares(a(A), a(b)),),
        (F.LeastSquares(a(A), a(b)), F.L1Norm(0.8)),
        (F.LeastSquares(a(A), a(b)), F.L2Ball(0.5), F.L1Norm(0.8)),
        (F.SquaredL2(center=a(x0)), F.L1Norm(0.8) @ sk.DenseMatrix(a(K))),
        (F.L2Norm(3.0), F.L1Norm(0.8) @ sk.DenseMatrix(a(K)), F.LeastSquares(a(A), a(b))),
    ]


def inclusion(terms, form):
    total = None
    for f in terms:
        if isinstance(f, F.Composed):
            term = Subdifferential(form(f.f)).pullback(form(f.L))
        else:
            term = Subdifferential(form(f))
        total = term if total is None else total + term
    return total


def pairs(x):
    return np.concatenate([to_numpy(as_real(a)).ravel() for a in blocks(x)])


@pytest.mark.parametrize("which", range(5))
@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.__name__)
def test_steps_are_those_of_the_real_problem(method, which):
    terms = problem()[which]
    options = {"tol": 0.0, "max_iter": STEPS, "on_failure": "return"}
    try:
        found = sk.solve(inclusion(terms, lambda f: f), x0, method(), **options)
        wanted = sk.solve(inclusion(terms, real_form), as_real(x0), method(), **options)
    except (sk.NoGuaranteeError, TypeError) as error:
        pytest.skip(str(error))
    assert found.x.dtype == np.complex128
    assert found.residual.dtype == np.float64
    if found.method == wanted.method:  # with the same steps
        np.testing.assert_allclose(pairs(found.x), to_numpy(wanted.x).ravel(), rtol=1e-6, atol=1e-9)
