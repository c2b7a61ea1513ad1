"""Inside of JAX's ``jit``, ``vmap``, ``jvp`` and ``vjp`` projections and proximal maps have the
derivatives that differences show, in the point and in what they are made of.

The maps are those of JAXopt's own tests, and their neighbours, one that searches on the host among
them: https://github.com/google/jaxopt, ``tests/projection_test.py``, ``prox_test.py`` and
``isotonic_test.py``.
"""

import numpy as np
import pytest

from splitkit import functions as f
from splitkit.backend import namespace

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")
jax.config.update("jax_enable_x64", True)  # as splitkit.testing.backends does

RNG = np.random.default_rng(3)
STEP = 1e-6
X, C, BOUND = RNG.normal(size=5), RNG.normal(size=5), 0.2 + RNG.random(5)
ROWS, SIDES, MATRIX = RNG.normal(size=(3, 5)), RNG.random(3), RNG.normal(size=(3, 3))
SOME, OTHERS = 1 + RNG.random(3), 1 + RNG.random(3)


def number(value):
    return np.asarray(value)


def shares(p):
    return p / namespace(p).sum(p)


def elsewhere(point):
    """Weights of the library of the point."""
    return namespace(point).asarray([1.0, 0.5, 0.2, 0.1, 0.0], dtype=point.dtype)


CASES = {
    "simplex": (lambda x, r: f.Simplex(r).project(x), X, number(1.3)),
    "box section": (lambda x, u, r: f.CappedSimplex(r, u).project(x), X, BOUND, number(0.9)),
    "L1 ball": (lambda x, r: f.L1Ball(r).project(x), X, number(0.8)),
    "L2 ball": (lambda x, r, c: f.L2Ball(r, center=c).project(x), X, number(0.8), C),
    "box": (lambda x, u: f.Box(-u, u).project(x), X, BOUND / 2),
    "hyperplane": (lambda x, a, b: f.Hyperplane(a, b).project(x), X, C, number(0.8)),
    "half-space": (lambda x, a, b: f.HalfSpace(a, b).project(x), X, C, number(-4.0)),
    "affine set": (lambda x, A, b: f.AffineSet(A, b).project(x), X, ROWS, SIDES),
    "polyhedron": (lambda x, A, b: f.Polyhedron(A, b).project(x), X, ROWS, -SIDES),
    "transport": (
        lambda Y, p, q: f.TransportPolytope(shares(p), shares(q)).project(Y), MATRIX, SOME, OTHERS,
    ),
    "Birkhoff": (lambda Y: f.Birkhoff().project(Y), MATRIX),
    "isotonic": (lambda x: f.Isotonic().project(x), X),
    "exponential cone": (lambda x: f.ExponentialCone().project(x), X[:3]),
    "lasso": (lambda x, w, t: f.L1Norm(w).prox(x, t), X, BOUND, number(0.4)),
    "ridge": (lambda x, c, t: f.SquaredL2(center=c).prox(x, t), X, C, number(0.4)),
    "elastic net": (lambda x, t: f.ElasticNet(0.5, 0.3).prox(x, t), X, number(0.4)),
    "group lasso": (lambda x, t: f.L2Norm().prox(x, t), X, number(0.4)),
    "fused lasso": (lambda x, t: f.TotalVariation1D().prox(x, t), X, number(0.4)),
    "OSCAR": (lambda x, t: f.SortedL1(elsewhere(x)).prox(x, t), X, number(0.3)),
    "logistic": (lambda x, t: f.Logistic().prox(x, t), X, number(0.4)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_derivatives_agree_with_differences(name):
    made, *data = CASES[name]
    moves = [RNG.normal(size=a.shape) for a in data]
    v = RNG.normal(size=data[0].shape)

    def at(t):
        return made(*(a + t * d for a, d in zip(data, moves, strict=True)))

    def both(*data):
        value, forward = jax.jvp(made, data, tuple(jnp.asarray(d) for d in moves))
        return value, forward, jax.vjp(made, *data)[1](jnp.asarray(v))

    twice = [jnp.stack([a, a]) for a in data]
    value, forward, cotangents = jax.jit(jax.vmap(both))(*twice)
    expected = (at(STEP) - at(-STEP)) / (2 * STEP)
    for i in range(2):
        np.testing.assert_allclose(value[i], at(0.0), atol=1e-12)
        np.testing.assert_allclose(forward[i], expected, atol=1e-7)
        along = sum(np.sum(each[i] * d) for each, d in zip(cotangents, moves, strict=True))
        np.testing.assert_allclose(along, np.sum(v * expected), atol=1e-7)
