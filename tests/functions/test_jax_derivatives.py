"""Inside of JAX's ``jit``, ``vmap``, ``jvp`` and ``vjp`` projections and proximal maps have the
derivatives that differences show, in the point and in all that they are made of; and what JAXopt's
tests ask of its maps holds of these, by its names (``jaxopt_names``).

Those tests are https://github.com/google/jaxopt, ``tests/projection_test.py``, ``prox_test.py`` and
``isotonic_test.py``, of which each has its statement here; a few neighbours follow.
"""

import numpy as np
import pytest
from sklearn.isotonic import isotonic_regression

from splitkit import functions as f
from splitkit.backend import namespace

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")
jax.config.update("jax_enable_x64", True)  # as splitkit.testing.backends does

from tests.functions import jaxopt_names as names  # noqa: E402  # which imports JAX

RNG = np.random.default_rng(7)
STEP = 1e-6
X, W, V = RNG.normal(size=5), 0.3 + RNG.random(5), RNG.normal(size=5)
ROWS, SIDES, MORE, BOUNDS = (RNG.normal(size=s) for s in ((2, 5), 2, (2, 5), 2))
S, A, B = RNG.random((2, 3)), RNG.random(2), RNG.random(3)
SQUARE = RNG.random((3, 3))
TREE = (1.0, {"k1": 2.0, "k2": (2.0, 1.0)}, 2.0)


def number(value):
    return np.asarray(value)


def shares(p):
    return p / p.sum()


def of_params(name):
    """A map whose second argument is a tuple, of so many arguments."""
    return lambda x, *params: getattr(names, name)(x, params)


def of(name):
    return getattr(names, name)


def section(x, beta, w, c):
    return names.projection_box_section(x, (0.0 * x, beta, w, c))


def transport(S, a, b):
    return names.projection_transport(S, (shares(a), shares(b)))


def between(y):
    return names.isotonic_l2_pav(y, -0.7, 0.6)


def elsewhere(point):
    """Weights of the library of the point."""
    return namespace(point).asarray([1.0, 0.5, 0.2, 0.1, 0.0], dtype=point.dtype)


CASES = {
    "non-negative": (of("projection_non_negative"), X),
    "box": (of_params("projection_box"), X, -W / 2, W / 3),
    "hypercube": (of("projection_hypercube"), X, number(0.4)),
    "simplex": (of("projection_simplex"), X, number(0.8)),
    "sparse simplex": (lambda x, r: names.projection_sparse_simplex(x, 3, r), X, number(2.0)),
    "L1 ball": (of("projection_l1_ball"), X, number(0.8)),
    "L1 sphere": (of("projection_l1_sphere"), X, number(0.9)),
    "L2 ball": (of("projection_l2_ball"), X, number(0.8)),
    "L2 ball, inside": (of("projection_l2_ball"), X, number(9.0)),
    "L2 sphere": (of("projection_l2_sphere"), X, number(3.2)),
    "L∞ ball": (of("projection_linf_ball"), X, number(0.5)),
    "hyperplane": (of_params("projection_hyperplane"), X, V, number(1.0)),
    "half-space": (of_params("projection_halfspace"), X, V, number(-9.0)),
    "half-space, inside": (of_params("projection_halfspace"), X, V, number(9.0)),
    "affine set": (of_params("projection_affine_set"), X, ROWS, SIDES),
    "polyhedron": (of_params("projection_polyhedron"), X, ROWS, SIDES, MORE, BOUNDS),
    "box section": (section, X, W + 0.5, V, number(0.4)),
    "transport": (transport, S, A, B),
    "Birkhoff": (of("projection_birkhoff"), SQUARE),
    "none": (of("prox_none"), X),
    "lasso": (of("prox_lasso"), X, W, number(0.4)),
    "lasso of trees": (
        lambda x, y, w: names.prox_lasso({"a": x, "b": y}, {"a": w, "b": 0.1})["a"], X, V, W
    ),
    "elastic net": (lambda x, w, r: names.prox_elastic_net(x, (w, r)), X, W, V**2),
    "group lasso": (of("prox_group_lasso"), X, number(0.4)),
    "ridge": (of("prox_ridge"), X, number(3.0)),
    "non-negative ridge": (of("prox_non_negative_ridge"), X, number(3.0)),
    "non-negative lasso": (of("prox_non_negative_lasso"), X, number(0.3)),
    "isotonic": (of("isotonic_l2_pav"), X[:4]),
    "isotonic between": (between, X[:4]),
    # neighbours
    "L2 ball elsewhere": (lambda x, r, c: f.L2Ball(r, center=c).project(x), X, number(0.8), V),
    "capped simplex": (lambda x, u, r: f.CappedSimplex(r, u).project(x), X, W, number(0.9)),
    "exponential cone": (lambda x: f.ExponentialCone().project(x), X[:3]),
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


def jacobians(f, *data, argnums=0):
    """Forward and reverse."""
    return jax.jacfwd(f, argnums)(*data), jax.jacrev(f, argnums)(*data)


def on_face(x):
    """The Jacobian of the projection onto a simplex."""
    support = (names.projection_simplex(x) > 0).astype(float)
    return np.diag(support) - np.outer(support, support) / support.sum()


def test_the_simplex_at_all_scales_in_single_precision():
    rng = np.random.default_rng(0)
    x, there = rng.normal(size=(10, 50)), rng.random(5).astype(np.float32)
    derivatives = jax.jit(lambda x: jacobians(names.projection_simplex, x))
    for scale in (1.0, 1e9):
        for radius in (1.0, 0.8):
            found = [names.projection_simplex(np.float32(scale * each), radius) for each in x]
            np.testing.assert_allclose(np.sum(found, 1), radius, rtol=1e-6)
            assert (np.array(found) >= 0).all()
        for found in derivatives(np.float32(scale) * there):
            np.testing.assert_allclose(found, on_face(np.float32(scale) * there), atol=1e-6)


def test_an_entry_of_minus_infinity_has_no_part_of_a_simplex():
    found = names.projection_simplex(np.array([0.0, 0.0, -np.inf]))
    np.testing.assert_allclose(found, [0.5, 0.5, 0.0])


@pytest.mark.parametrize("p", [1, 2])
def test_on_its_boundary_a_ball_leaves_all_directions(p):
    """An element of the generalized Jacobian, that of what is inside."""
    ball, x = getattr(names, f"projection_l{p}_ball"), jnp.asarray([3.0, 4.0, 12.0])
    radius = jnp.linalg.norm(x, ord=p)  # 19 or 13
    found = jax.jit(lambda x, r: jacobians(ball, x, r, argnums=(0, 1)))(x, radius)
    for of_x, of_radius in found:
        np.testing.assert_allclose(of_x, np.eye(3), atol=1e-15)
        np.testing.assert_allclose(of_radius, 0.0)
    np.testing.assert_allclose(ball(x, radius), x)


def test_trees_are_projected_as_one_vector():
    x = (-1.0, {"k1": 1.0, "k2": (1.0, 3.0)}, 1.0)
    assert names.projection_non_negative(x) == (0.0, {"k1": 1.0, "k2": (1.0, 3.0)}, 1.0)
    low, high = (jax.tree.map(lambda _, c=c: c, x) for c in (0.0, 2.0))
    for bounds in ((0.0, 2.0), (low, high)):
        assert names.projection_box(x, bounds) == (0.0, {"k1": 1.0, "k2": (1.0, 2.0)}, 1.0)
    normal = (1.0, {"k1": 1.0, "k2": (1.0, 0.0)}, 1.0)
    on_plane = (-0.5, {"k1": 0.5, "k2": (0.5, 1.0)}, 0.5)
    assert names.projection_hyperplane(TREE, (normal, 1.0)) == on_plane
    assert names.projection_halfspace(TREE, (normal, 1.0)) == on_plane
    assert names.projection_halfspace(TREE, (normal, 10000.0)) == TREE
    big, small = 2 * np.linalg.norm([1, 2, 2, 1, 2]), 0.5
    assert names.projection_l2_ball(TREE, big) == TREE
    found = jax.tree.leaves(names.projection_l2_ball(TREE, small))
    np.testing.assert_allclose(np.linalg.norm(found), small)


def test_proximal_maps_of_trees_are_those_of_their_leaves():
    x = {"a": SQUARE, "b": X}
    for name in ("none", "lasso", "non_negative_lasso", "ridge", "non_negative_ridge"):
        prox = getattr(names, f"prox_{name}")
        found, expected = prox(x), jax.tree.map(prox, x)
        for key in x:
            np.testing.assert_allclose(found[key], expected[key])
    found = names.prox_elastic_net(x, ({"a": 0.5, "b": 0.2}, 0.1))
    np.testing.assert_allclose(found["b"], names.prox_elastic_net(X, (0.2, 0.1)))


def test_what_is_empty_is_refused():
    A, b = np.array([[1.0, 1.0], [0.0, 1.0], [-1.0, 1.0]]), np.array([1.0, 1.0, -1.0])
    with pytest.raises(ValueError, match="is empty"):
        names.projection_polyhedron(np.zeros(2), (A, b, -np.eye(2), np.zeros(2)))
    x, w = np.array([1.2, 3.0, 0.7]), np.array([1.0, 2.0, 3.0])
    for alpha, beta in ((1.5, 1.0), (0.0, -0.5)):
        with pytest.raises(ValueError, match="box"):
            names.projection_box_section(x, (alpha, beta, w, 1.0))


def test_values_are_those_of_the_definitions():
    alpha, size = 0.5, np.linalg.norm(X)
    soft = np.sign(X) * np.maximum(abs(X) - alpha, 0.0)
    cases = {
        "lasso": (alpha, soft),
        "non_negative_lasso": (alpha, np.maximum(X - alpha, 0.0)),
        "elastic_net": ((alpha, 0.1), soft / (1 + alpha * 0.1)),
        "ridge": (alpha, X / (1 + alpha)),
        "non_negative_ridge": (alpha, np.maximum(X, 0.0) / (1 + alpha)),
        "group_lasso": (alpha, max(1 - alpha / size, 0.0) * X),
    }
    for name, (params, expected) in cases.items():
        np.testing.assert_allclose(getattr(names, f"prox_{name}")(X, params), expected, atol=1e-15)
    np.testing.assert_array_equal(names.prox_group_lasso(X, 10.0), 0.0)
    onto = names.make_prox_from_projection(names.projection_simplex)
    np.testing.assert_array_equal(onto(X, 1.0, 3.0), names.projection_simplex(X))
    large = np.where(np.isin(np.arange(5), np.argsort(X)[-3:]), X, -np.inf)
    for radius in (1.0, 2.0):
        expected = names.projection_simplex(large, radius)
        np.testing.assert_allclose(names.projection_sparse_simplex(X, 3, radius), expected)


def test_a_section_of_the_box_is_a_simplex():
    def onto_section(x):
        return names.projection_box_section(x, (0.0, 1.0, namespace(x).ones(5), 1.0))

    np.testing.assert_allclose(onto_section(W), names.projection_simplex(W), atol=1e-14)
    found = jax.jit(jax.jacrev(onto_section))(W)
    np.testing.assert_allclose(found, on_face(W), atol=1e-14)


def test_transport_has_its_marginals_and_sinkhorns_plan_by_entropy():
    a, b = shares(A), shares(B)
    plans = names.projection_transport(S, (a, b)), names.kl_projection_transport(S, (a, b))
    for plan in plans:
        np.testing.assert_allclose(plan.sum(1), a, atol=1e-7)
        np.testing.assert_allclose(plan.sum(0), b, atol=1e-7)
    kernel, v = np.exp(S), np.ones(3)
    for _ in range(100):
        u = a / (kernel @ v)
        v = b / (kernel.T @ u)
    np.testing.assert_allclose(plans[1], u[:, None] * kernel * v, atol=1e-7)
    even = np.ones(3)
    for plan in (
        names.projection_birkhoff(SQUARE), names.kl_projection_transport(SQUARE, (even, even))
    ):  # fmt: skip
        np.testing.assert_allclose([plan.sum(0), plan.sum(1)], 1.0, atol=1e-7)
    stochastic = np.array([[0.6, 0.4], [0.4, 0.6]])
    np.testing.assert_allclose(names.projection_birkhoff(stochastic), stochastic)


@pytest.mark.parametrize("increasing", [True, False])
def test_isotonic_regression_is_scikit_learns(increasing):
    y = np.random.default_rng(1).normal(size=10)
    for bounds in ((-np.inf, np.inf), (np.sort(y)[2], np.sort(y)[5])):
        found = names.isotonic_l2_pav(y, *bounds, increasing=increasing)
        low, high = (None if np.isinf(each) else each for each in bounds)
        expected = isotonic_regression(y, y_min=low, y_max=high, increasing=increasing)
        np.testing.assert_allclose(found, expected, atol=1e-14)
    assert names.isotonic_l2_pav(y.astype(np.float32)).dtype == np.float32


def test_second_derivatives_of_isotonic_regression():
    def loss(y):
        return (names.isotonic_l2_pav(y**3) + names.isotonic_l2_pav(y) ** 2).mean()

    both = jax.jit(lambda y, d: jax.jvp(jax.grad(loss), (y,), (d,)))
    y, d = X[:4], RNG.normal(size=4)
    ahead, behind = (both(y + t * d, d)[0] for t in (STEP, -STEP))
    np.testing.assert_allclose(both(y, d)[1], (ahead - behind) / (2 * STEP), atol=1e-7)
