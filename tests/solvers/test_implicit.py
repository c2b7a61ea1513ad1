"""``implicit``: derivatives of solutions on JAX and Torch are those that differences of solves on
NumPy show, and the formulas of the active set.
"""

import numpy as np
import pytest

import splitkit as sk
from splitkit import functions as f

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")
torch = pytest.importorskip("torch")
jax.config.update("jax_enable_x64", True)  # as splitkit.testing.backends does

RNG = np.random.default_rng(0)
A, b, K = (RNG.normal(size=shape) for shape in ((8, 5), 8, (6, 5)))
K_OF_JAX = jnp.asarray(K)
v, d = RNG.normal(size=5), RNG.normal(size=8)
STEP = 1e-5
# torch scripts its own decompositions when forward mode first asks for them
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")


def lasso(A, b, weight):
    return f.LeastSquares(A, b) + f.L1Norm(weight)


def projected(A, b, weight):
    """Of two functions by their proximal maps."""
    return f.LeastSquares(A, b) + f.L1Ball(weight)


def composed(c, weight):
    like = c[:5]
    return f.SquaredL2(center=like) + f.L1Norm(weight) @ known_in(like)


def known_in(like):
    """K in a library; of JAX it is made outside of what traces, and has values."""
    if isinstance(like, torch.Tensor):
        return torch.as_tensor(K)
    return K if isinstance(like, np.ndarray) else K_OF_JAX


CASES = {
    "natural map": (lasso, (A, b, np.asarray(0.5)), sk.ForwardBackward(), 1),
    "chosen": (lasso, (A, b, np.asarray(0.5)), None, 1),
    "two resolvents": (projected, (A, b, np.asarray(0.7)), sk.DouglasRachford(alpha=0.3), 1),
    "primal and dual": (composed, (b, np.asarray(0.3)), sk.ChambollePock(), 0),
    "of the dual map": (composed, (b, np.asarray(0.3)), sk.ADMM(), 0),
}


def along(case):
    """The derivative of ⟨v, x⟩ in the direction d of b, by differences of solves."""
    build, data, _, place = CASES[case]

    def value(t):
        moved = [a + t * d if i == place else a for i, a in enumerate(data)]
        return float(v @ sk.minimize(build(*moved), np.zeros(5), tol=1e-13, max_iter=100_000).x)

    return (value(STEP) - value(-STEP)) / (2 * STEP)


@pytest.mark.parametrize("case", CASES)
def test_torch_agrees_with_differences_in_both_modes(case):
    build, data, method, place = CASES[case]
    solution = sk.implicit(build, method, tol=1e-12, max_iter=100_000)
    given = [torch.as_tensor(a) for a in data]

    def value(b):
        inputs = [b if i == place else a for i, a in enumerate(given)]
        return torch.as_tensor(v) @ solution(torch.zeros(5, dtype=torch.float64), *inputs)

    expected = along(case)
    at = given[place].clone().requires_grad_()
    (found,) = torch.autograd.grad(value(at), at)
    np.testing.assert_allclose(float(found @ torch.as_tensor(d)), expected, rtol=1e-6)
    _, forward = torch.func.jvp(value, (given[place],), (torch.as_tensor(d),))
    np.testing.assert_allclose(float(forward), expected, rtol=1e-6)
    assert solution.last_solution.converged


def test_jax_agrees_with_differences_in_both_modes():
    """By the method that is chosen; that of the dual map has a test of its own inside of jit."""
    build, data, method, place = CASES["chosen"]
    solution = sk.implicit(build, method, tol=1e-12, max_iter=100_000)
    given = [jnp.asarray(a) for a in data]

    def value(b):
        inputs = [b if i == place else a for i, a in enumerate(given)]
        return v @ solution(jnp.zeros(5), *inputs)

    expected = along("chosen")
    _, forward = jax.jvp(value, (given[place],), (jnp.asarray(d),))
    np.testing.assert_allclose(float(forward), expected, rtol=1e-6)
    assert solution.last_solution.converged  # a solve of the host
    gradient = jax.jit(jax.grad(value))
    np.testing.assert_allclose(float(gradient(given[place]) @ d), expected, rtol=1e-6)


def test_second_derivatives_on_torch_are_those_of_the_closed_form():
    """x(t) = (AᵀA + tI)⁻¹Aᵀb has x″ = 2(AᵀA + tI)⁻²x."""
    H, q = torch.as_tensor(A.T @ A), torch.as_tensor(A.T @ b)
    one = torch.eye(5, dtype=torch.float64)
    solution = sk.implicit(lambda t: sk.Affine(H + t * one, q), tol=1e-13)

    def value(t):
        return torch.as_tensor(v) @ solution(torch.zeros(5, dtype=torch.float64), t)

    found = torch.autograd.functional.hessian(value, torch.tensor(0.7, dtype=torch.float64))
    S = np.linalg.inv(A.T @ A + 0.7 * np.eye(5))
    np.testing.assert_allclose(float(found), 2 * v @ S @ S @ S @ A.T @ b, rtol=1e-9)


def test_second_derivatives_on_jax_of_trees_and_points_of_blocks():
    """x + Kᵀy = a and y − Kx = b."""

    def game(data):
        one, two = (sk.DenseMatrix(jnp.eye(n)) for n in (5, 6))
        return sk.Saddle(sk.Affine(one, data["a"]), sk.Affine(two, data["b"]), K_OF_JAX)

    solution = sk.implicit(game, sk.DouglasRachford(), tol=1e-13)

    def cubes(a):
        x, _ = solution((jnp.zeros(5), jnp.zeros(6)), {"a": a, "b": jnp.ones(6)})
        return (x**3).sum()

    S = np.linalg.inv(np.eye(5) + K.T @ K)
    x = S @ (v - K.T @ np.ones(6))
    _, found = jax.jvp(jax.grad(cubes), (jnp.asarray(v),), (jnp.asarray(d[:5]),))
    np.testing.assert_allclose(found, 6 * S.T @ (x * (S @ d[:5])), atol=1e-9)


def test_what_is_not_solved_is_said():
    solution = sk.implicit(lasso, sk.ForwardBackward(alpha=1e-3), max_iter=3)

    def x(b):
        return solution(jnp.zeros(5), jnp.asarray(A), b, 0.5).sum()

    with pytest.raises(sk.NotConvergedError, match="within max_iter = 3"):
        jax.grad(x)(jnp.asarray(b))
    known = sk.implicit(
        lambda b: lasso(jnp.asarray(A), b, 0.5), sk.DouglasRachford(alpha=1.0), max_iter=3
    )
    assert np.isnan(jax.jit(lambda b: known(jnp.zeros(5), b))(b)).all()


def test_wrong_arguments_are_named():
    with pytest.raises(TypeError, match="build = 3"):
        sk.implicit(3)
    with pytest.raises(TypeError, match=r"wraps the one .* give DouglasRachford"):
        sk.implicit(lasso, sk.Anderson(sk.DouglasRachford()))
    with pytest.raises(ValueError, match="max_iter = 0"):
        sk.implicit(lasso, max_iter=0)
    with pytest.raises(TypeError, match="numpy, which differentiates nothing"):
        sk.implicit(lasso)(np.zeros(5), A, b, 0.5)
    with pytest.raises(TypeError, match="x0 is a list"):
        sk.implicit(lasso)([0.0] * 5, A, b, 0.5)
    start, weight = torch.zeros(5, dtype=torch.float64), torch.tensor(0.5).double()
    with pytest.raises(TypeError, match=r"inputs\[2\] = 0.5: give a floating torch.Tensor"):
        sk.implicit(lasso)(start, torch.as_tensor(A), torch.as_tensor(b), 0.5)
    weight.requires_grad_()
    closed = sk.implicit(lambda b: lasso(torch.as_tensor(A), b, weight))
    with pytest.raises(TypeError, match="neither an input nor a parameter"):
        closed(start, torch.as_tensor(b).requires_grad_())
