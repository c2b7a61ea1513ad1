"""Each method on complex points takes the steps of the real problem of their parts."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

import splitkit as sk
from splitkit.backend import as_real, blocks, to_numpy
from splitkit.functions.subdifferential import Subdifferential
from splitkit.solvers.methods import METHODS
from splitkit.testing import real_form
from tests.sampling import sampled
from tests.testing.test_complex import complex_of, maker

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


@sampled(0)
def test_a_solve_is_the_same_on_every_library(xp, dtype):
    a = maker(xp, dtype)
    x, wanted = (
        sk.minimize(F.LeastSquares(m(A), m(b)) + F.L1Norm(0.8), m(0 * x0), tol=tol).x
        for m, tol in ((a, 1e-5 if dtype == xp.float32 else 1e-10), (np.asarray, 1e-12))
    )
    assert x.dtype == complex_of(xp, dtype)
    rounding = 1e-3 if dtype == xp.float32 else 1e-8
    np.testing.assert_allclose(to_numpy(x), wanted, atol=rounding)


@pytest.mark.parametrize("wrapper", [sk.Anderson, sk.Halpern, sk.SuperMann, sk.Restarted])
def test_accelerated_steps_are_those_of_the_real_problem(wrapper):
    terms, method = problem()[1], wrapper(sk.DouglasRachford())
    options = {"tol": 0.0, "max_iter": STEPS, "on_failure": "return"}
    found = sk.solve(inclusion(terms, lambda f: f), x0, method, **options)
    wanted = sk.solve(inclusion(terms, real_form), as_real(x0), method, **options)
    np.testing.assert_allclose(pairs(found.x), wanted.x.ravel(), rtol=1e-6, atol=1e-9)


def test_points_of_complex_and_real_blocks():
    f = F.SeparableSum((F.L1Norm(0.5), F.NonNegative()))
    g = F.SeparableSum((F.SquaredL2(center=x0), F.SquaredL2(center=np.asarray([1.0, -1.0]))))
    start = (0 * x0, np.zeros(2))
    found = sk.minimize(f + g, start, tol=1e-10)
    z, y = found.x
    assert (z.dtype, y.dtype) == (np.complex128, np.float64)
    np.testing.assert_allclose(z, F.L1Norm(0.5).prox(x0), atol=1e-8)
    np.testing.assert_allclose(y, [1.0, 0.0], atol=1e-8)
    with pytest.raises(TypeError, match=r"NonNegative.* acts on real points"):
        sk.minimize(f + g, (start[0], start[1] + 0j))


def test_units_that_are_bad_are_changed_of_complex_points_too():
    d = np.asarray([1.0, 1e4, 1e-3, 10.0])
    found = sk.minimize(F.LeastSquares(A * d, b) + F.L1Norm(0.8 * d), 0 * x0, tol=1e-9)
    wanted = sk.minimize(F.LeastSquares(A, b) + F.L1Norm(0.8), 0 * x0, tol=1e-11)
    np.testing.assert_allclose(d * found.x, wanted.x, atol=1e-5)


def loss(x, xp):
    return xp.sum(xp.abs(x) ** 2) + xp.sum(xp.real(x) * 0.3 - xp.imag(x))


def recorded(torch, method=None):
    """The solution as a function of b."""
    return sk.implicit(
        lambda b: F.LeastSquares(torch.asarray(A), b) + F.L1Norm(0.8), method, tol=1e-12
    )


@pytest.mark.parametrize("method", [None, sk.DouglasRachford()], ids=["natural", "DR"])
def test_torch_differentiates_a_solution(method):
    torch = pytest.importorskip("torch")
    start, given = torch.asarray(0 * x0), torch.asarray(b).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda b: recorded(torch, method)(start, b), given, atol=1e-5, fast_mode=True
    )


def test_gradients_are_those_of_each_library_s_convention():
    torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)  # as splitkit.testing.backends does
    jnp = jax.numpy
    start, given = torch.asarray(0 * x0), torch.asarray(b).requires_grad_()
    (gradient,) = torch.autograd.grad(loss(recorded(torch)(start, given), torch), given)

    @jax.jit
    @jax.grad
    def of_jax(b):
        return loss(recorded(jnp)(jnp.asarray(0 * x0), b), jnp)

    # Torch gives ∂/∂Re + i ∂/∂Im, which is ∇ in this space, and JAX its conjugate
    np.testing.assert_allclose(np.conj(of_jax(jnp.asarray(b))), gradient.numpy(), atol=1e-7)


def test_what_there_is_to_read_is_there(tmp_path):
    found = sk.minimize(
        F.LeastSquares(A, b) + F.L1Norm(0.8), 0 * x0, sk.DouglasRachford(), tol=1e-9
    )
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.x, found.x)
    assert repr(found)
    assert found._repr_html_()
    assert all(np.isrealobj(value) for value in found.history.residual)
    explained = sk.explain(F.LeastSquares(A, b) + F.L1Norm(0.8))
    assert "DouglasRachford" in str(explained) or "Douglas" in str(explained)


PREPARED = """
import numpy as np
import splitkit as sk
from splitkit.functions import L1Norm

f, z = L1Norm(), np.array([3 + 4j, 0.1j])
K = sk.linear.Convolution(np.array([1.0, 2.0]), 2)
A = sk.Subdifferential(f)
R, prox, map = A.resolvent(0.5), f.make_prox(0.5), K.make_evaluation()
R(z.real), prox(z.real), map(z.real)
print([bool(abs(v - w).max() < 1e-12) for v, w in (
    (prox(z), [2.7 + 3.6j, 0.0]), (map(z), K(z)), (R(z), [2.7 + 3.6j, 0.0]),
)])
"""


def test_what_real_points_prepared_acts_on_the_first_complex_ones_of_a_process():
    """The prox comes first: nothing has looked at its point."""
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", PREPARED], check=False, capture_output=True, text=True
    )
    assert found.stdout == "[True, True, True]\n", found.stderr
