"""Cones: projections against an interior-point method, Moreau's decomposition, limits, accuracy."""

import numpy as np
import pytest
from scipy import sparse

from splitkit import backend
from splitkit.backend import Space
from splitkit.functions import (
    Cone,
    ExponentialCone,
    GraphOfLinearMap,
    Isotonic,
    NegativeCone,
    NonNegative,
    NonPositive,
    PolarCone,
    PositiveSemidefinite,
    PowerCone,
    RotatedSecondOrderCone,
    SecondOrderCone,
    ZeroCone,
)
from tests.functions.namespaces import every_library

clarabel = pytest.importorskip("clarabel")


def nearest(y, cones, map_=None):
    """argmin ½‖x − y‖² with map_ x in the cones, by an interior-point method."""
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-10
    identity = sparse.eye_array(len(y), format="csc")
    A = -identity if map_ is None else sparse.csc_array(-map_)
    problem = (identity, -y, A, np.zeros(A.shape[0]), cones, settings)
    return np.asarray(clarabel.DefaultSolver(*problem).solve().x)


ROTATION = np.asarray(
    [[0.5, 0.5, 0, 0], [0.5, -0.5, 0, 0], [0, 0, 0.5**0.5, 0], [0, 0, 0, 0.5**0.5]]
)
DIFFERENCES = np.diff(np.eye(4), axis=0)
REFERENCES = [
    (NonNegative(), 3, lambda y: nearest(y, [clarabel.NonnegativeConeT(3)])),
    (NonPositive(), 3, lambda y: -nearest(-y, [clarabel.NonnegativeConeT(3)])),
    (ZeroCone(), 3, lambda y: nearest(y, [clarabel.ZeroConeT(3)])),
    (SecondOrderCone(), 4, lambda y: nearest(y, [clarabel.SecondOrderConeT(4)])),
    (RotatedSecondOrderCone(), 4, lambda y: nearest(y, [clarabel.SecondOrderConeT(4)], ROTATION)),
    (Isotonic(), 4, lambda y: nearest(y, [clarabel.NonnegativeConeT(3)], DIFFERENCES)),
    (ExponentialCone(), 3, lambda y: nearest(y, [clarabel.ExponentialConeT()])),
    (PowerCone(0.3), 3, lambda y: nearest(y, [clarabel.PowerConeT(0.3)])),
    (PowerCone(0.95), 3, lambda y: nearest(y, [clarabel.PowerConeT(0.95)])),
]  # fmt: skip
every_cone = pytest.mark.parametrize(
    ("K", "n"), [pytest.param(K, n, id=repr(K)) for K, n, _ in REFERENCES]
)


@pytest.mark.parametrize(("K", "n", "solve"), REFERENCES, ids=lambda v: repr(v)[:24])
def test_projection_equals_an_interior_point_method(K, n, solve):
    rng = np.random.default_rng(0)
    for y in rng.standard_normal((20, n)):
        np.testing.assert_allclose(K.project(y), solve(y), atol=2e-5)


def test_semidefinite_projection_equals_an_interior_point_method():
    rng = np.random.default_rng(1)
    triangle = [(i, j) for j in range(3) for i in range(j + 1)]  # column by column
    scaled = np.zeros((6, 9))
    symmetric = np.zeros((3, 9))
    for k, (i, j) in enumerate(triangle):
        scaled[k, 3 * i + j] += 0.5 * (1 if i == j else 2**0.5)
        scaled[k, 3 * j + i] += 0.5 * (1 if i == j else 2**0.5)
    for k, (i, j) in enumerate([(0, 1), (0, 2), (1, 2)]):
        symmetric[k, 3 * i + j], symmetric[k, 3 * j + i] = 1, -1
    cones = [clarabel.PSDTriangleConeT(3), clarabel.ZeroConeT(3)]
    for Y in rng.standard_normal((8, 3, 3)):
        found = nearest(Y.ravel(), cones, np.vstack([scaled, symmetric])).reshape(3, 3)
        p = PositiveSemidefinite().project(Y)
        np.testing.assert_allclose(p, found, atol=1e-6)
        np.testing.assert_array_equal(p, p.T)
        assert np.linalg.eigvalsh(p)[0] >= -1e-15
    u = PositiveSemidefinite().polar.project(Y)
    assert np.linalg.eigvalsh(u + u.T)[-1] <= 1e-14


# -- polars and duals ------------------------------------------------------------------------------


@every_cone
def test_moreau_decomposition(K, n):
    """y = P_K(y) + P_{K°}(y), orthogonal; K* = −K°; (K°)° = K = (K*)*."""
    rng = np.random.default_rng(2)
    for y in rng.standard_normal((10, n)) * 10.0 ** rng.uniform(-6, 6, (10, 1)):
        size = np.linalg.norm(y)
        p, u = K.project(y), K.polar.project(y)
        np.testing.assert_allclose(p + u, y, atol=1e-14 * size)
        assert abs(p @ u) <= 1e-14 * size**2
        np.testing.assert_allclose(K.dual.project(-y), -u, atol=1e-14 * size)
        np.testing.assert_allclose(K.polar.polar.project(y), p, atol=1e-14 * size)
        np.testing.assert_allclose(K.dual.dual.project(y), p, atol=1e-14 * size)
        np.testing.assert_allclose(K.negative.project(-y), -p, atol=1e-14 * size)
        np.testing.assert_allclose(K.conjugate.prox(y, 3.0), u, atol=1e-14 * size)


@every_cone
def test_elements_of_a_cone_and_its_dual_have_an_inner_product_of_one_sign(K, n):
    rng = np.random.default_rng(3)
    inside = [K.project(z) for z in rng.standard_normal((30, n))]
    dual = [K.dual.project(z) for z in rng.standard_normal((30, n))]
    products = np.asarray(inside) @ np.asarray(dual).T
    assert np.min(products) >= -1e-14
    assert max(float(K(z)) for z in inside) == 0
    assert max(float(K.dual(z)) for z in dual) == 0


def test_known_duals():
    for K in (NonNegative(), NonPositive(), SecondOrderCone(), RotatedSecondOrderCone()):
        assert K.dual is K
        assert isinstance(K.polar, Cone)
    assert isinstance(NonNegative().conjugate, NonPositive)
    assert isinstance(NonPositive().polar, NonNegative)
    L = GraphOfLinearMap(np.eye(2))
    assert L.negative is L
    complement = L.polar
    assert complement.negative is complement
    everything = ZeroCone().dual
    assert float(everything(np.asarray([1e9, -3.0]))) == 0
    # −u exp(v/u) ≤ e w for u < 0, and (u/a)^a (v/(1 − a))^(1 − a) ≥ |w|
    v = np.asarray([-2.0, 0.7, 2.0 * np.exp(-0.35 - 1)])
    away = np.asarray([0.0, 0.0, 1e-9])
    assert float(ExponentialCone().dual(v + away)) == 0
    assert float(ExponentialCone().dual(v - away)) == np.inf
    v = np.asarray([0.6, 1.4, 2.0**0.3 * 2.0**0.7])
    assert float(PowerCone(0.3).dual(v - away)) == 0
    assert float(PowerCone(0.3).dual(v + away)) == np.inf


def test_reflections():
    rng = np.random.default_rng(4)
    for K in (NonNegative(), NonPositive(), ZeroCone(), ExponentialCone().polar):
        for y in rng.standard_normal((5, 3)):
            np.testing.assert_allclose(K.reflect(y), 2 * K.project(y) - y, atol=1e-15)


# -- to the stated accuracy ------------------------------------------------------------------------


def many_vectors(count, seed):
    """Vectors of three entries over 24 decades, with zeros, and some on the boundary or near it."""
    rng = np.random.default_rng(seed)
    spread = rng.choice([-1, 1, 1, 0, -1], (count, 3)) * 10.0 ** rng.uniform(-24, 0, (count, 3))
    plain = rng.standard_normal((count, 3))
    return np.concatenate([spread, plain])


def exact_pair(K, y):
    """The sizes of what is wrong with a Moreau pair, in units of ‖y‖: it bounds the error, as
    P_K(p + u) = p wherever p in K and u in K° are orthogonal.
    """
    size = np.linalg.norm(y, axis=-1)
    size = np.where(size > 0, size, 1.0)
    p = K.project(y)
    u = y - p
    return K.violation(p) / size, K.polar.violation(u) / size, abs(np.sum(p * u, axis=-1)) / size**2


@pytest.mark.parametrize(
    "K",
    [ExponentialCone(batch_ndim=1), *(PowerCone(a, batch_ndim=1) for a in (0.5, 0.3, 0.02, 0.999))],
    ids=repr,
)
def test_exponential_and_power_cones_to_stated_accuracy(K):
    y = many_vectors(10_000, 5)
    boundary = K.project(y)
    polar = y - boundary
    near = [boundary + e * polar for e in (1e-12, 1e-9, 1e-5)]
    near += [polar + e * boundary for e in (1e-12, 1e-9, 1e-5)]
    for points in (y, boundary, (1 + 1e-15) * boundary, polar, *near, 1e200 * y, 1e-200 * y):
        for wrong in exact_pair(K, points / np.max(abs(points))):
            assert np.max(wrong) <= 1e-14
    # a cone: every scale is the same
    np.testing.assert_allclose(K.project(1e200 * y) / 1e200, boundary, atol=1e-15)
    np.testing.assert_allclose(K.project(1e-200 * y) * 1e200, boundary, atol=1e-15)
    np.testing.assert_allclose(K.project(boundary), boundary, atol=1e-15)


@every_library
def test_exponential_and_power_cones_on_every_library(asarray, dtype):
    y = many_vectors(60, 6).astype(dtype)
    limit = 50 * float(np.finfo(dtype).eps)
    for K in (ExponentialCone(batch_ndim=1), PowerCone(0.3, batch_ndim=1)):
        found = backend.to_numpy(K.project(asarray(y))).astype(float)
        exact = K.project(y.astype(float))
        errors = np.linalg.norm(found - exact, axis=-1)
        assert np.all(errors <= limit * np.linalg.norm(y.astype(float), axis=-1))


def test_power_cones_of_many_shares_are_projected_at_once():
    y, a = many_vectors(40, 8), np.random.default_rng(9).uniform(0.01, 0.99, 80)
    found = PowerCone(a[:, None], batch_ndim=1).project(y)
    for share, one, p in zip(a, y, found, strict=True):
        np.testing.assert_allclose(p, PowerCone(share).project(one), atol=1e-15)
    with pytest.raises(ValueError, match=r"a of PowerCone.*\(3,\).*last axis with length 1"):
        PowerCone(np.full(3, 0.5)).project(y[:3])


@pytest.mark.parametrize("K", [ExponentialCone(batch_ndim=1), PowerCone(0.3, batch_ndim=1)])
def test_projections_where_no_value_can_be_looked_at(K):
    """Traced by JAX and mapped by Torch, by the same steps as on the host."""
    jax, torch = pytest.importorskip("jax"), pytest.importorskip("torch")
    y = many_vectors(500, 10)[500:].astype(np.float32)
    exact = K.project(y.astype(float))
    single = type(K)(*([0.3] if isinstance(K, PowerCone) else []))
    mapped = torch.func.vmap(single.make_prox(1.0))(torch.tensor(y))
    traced = jax.jit(K.make_prox(1.0))(jax.numpy.asarray(y))
    limit = 50 * float(np.finfo(np.float32).eps) * np.linalg.norm(y.astype(float), axis=-1)
    for found in (mapped.numpy(), np.asarray(traced)):
        assert np.all(np.linalg.norm(found - exact, axis=-1) <= limit)


def test_the_exponential_cone_near_its_degenerate_ends_where_no_value_can_be_looked_at():
    """y₂ → 0 from both sides, on the faces, beside the polar cone, and the tangents' corners."""
    jax = pytest.importorskip("jax")
    y = []
    for e in np.concatenate((10.0 ** np.arange(-12, 3), -(10.0 ** np.arange(-12, 3)))):
        y += [(-1, e, 1), (-1, e, 0), (1, e, -1), (e, 0, 1), (e, 1, 0), (-100, e, 100),
              (100, e, 1), (0, e, 0), (e, abs(e), abs(e)), (1, 1, np.e + e), (50, 1, 1),
              (-50, 1, e), (1e3, 1, e), (1, e, -1 / np.e), (1, -1 + e, -1 / np.e)]  # fmt: skip
    y = np.array(y, dtype=np.float32)
    K = ExponentialCone(batch_ndim=1)
    exact = K.project(y.astype(float))
    traced = np.asarray(jax.jit(K.make_prox(1.0))(jax.numpy.asarray(y)))
    limit = 50 * float(np.finfo(np.float32).eps) * np.linalg.norm(y.astype(float), axis=-1)
    assert np.all(np.linalg.norm(traced - exact, axis=-1) <= limit)


def test_limits_of_the_exponential_cone():
    K = ExponentialCone()
    for y, expected in [
        ([0, 0, 0], [0, 0, 0]), ([-1, 0, 2], [-1, 0, 2]), ([-1, 0, -2], [-1, 0, 0]),
        ([-1, -1, 2], [-1, 0, 2]), ([0, -1, 3], [0, 0, 3]), ([0, -1, -3], [0, 0, 0]),
        ([-1000, 1, 0], [-1000, 1, 0]), ([1e-300, -1, 1], [0, 0, 1]), ([0, 1, 1], [0, 1, 1]),
        ([1, 0, -1 / np.e], [0, 0, 0]), ([-3, 2, 2 * np.exp(-1.5)], [-3, 2, 2 * np.exp(-1.5)]),
    ]:  # fmt: skip
        np.testing.assert_allclose(K.project(np.asarray(y, dtype=float)), expected, atol=1e-15)


def test_limits_of_the_power_cone():
    K = PowerCone(0.5)
    for y, expected in [
        ([0, 0, 0], [0, 0, 0]), ([1, -1, 0], [1, 0, 0]), ([-1, -2, 0], [0, 0, 0]),
        ([4, 1, 2], [4, 1, 2]), ([4, 1, -2], [4, 1, -2]), ([-0.5, -0.5, 1], [0, 0, 0]),
    ]:  # fmt: skip
        np.testing.assert_allclose(K.project(np.asarray(y, dtype=float)), expected, atol=1e-15)
    # a = ½: √(xy) ≥ |z| is the rotated second-order cone 2xy ≥ (√2 z)²
    rng = np.random.default_rng(7)
    for y in rng.standard_normal((10, 3)):
        straight = ROTATION[:3, :3] @ np.diag([1, 1, 2**0.5])
        stretched = nearest(y, [clarabel.SecondOrderConeT(3)], straight)
        np.testing.assert_allclose(K.project(y), stretched, atol=2e-6)


@every_library
def test_second_order_cone_at_any_size(asarray, dtype):
    K = SecondOrderCone()
    for size in (1e-30, 1.0, 1e30):
        p = backend.to_numpy(K.project(asarray([0.0, 3 * size, 4 * size])))
        np.testing.assert_allclose(p / size, [2.5, 1.5, 2.0], rtol=1e-6)
    assert np.all(backend.to_numpy(K.project(asarray([-1.0, 0.0, 0.0]))) == 0)
    assert np.all(backend.to_numpy(K.project(asarray([-5.0, 3.0, 4.0]))) == 0)


# -- errors ----------------------------------------------------------------------------------------


def test_wrong_arguments_are_named():
    for a in (0.0, 1.0, float("nan")):
        with pytest.raises(ValueError, match=r"a = .*\(0, 1\)"):
            PowerCone(a)
    with pytest.raises(TypeError, match="a = 'x'"):
        PowerCone("x")
    for make in (PolarCone, NegativeCone):
        with pytest.raises(TypeError, match="give a cone"):
            make(3)


@pytest.mark.parametrize(
    ("K", "shape", "message"),
    [
        (ExponentialCone(), (4,), "length 3"),
        (PowerCone(0.3), (2, 2), "length 3"),
        (SecondOrderCone(), (1,), "at least 2"),
        (RotatedSecondOrderCone(), (2,), "at least 3"),
        (PositiveSemidefinite(), (2, 3), "square matrices"),
        (ExponentialCone().polar, (4,), "length 3"),
        (PowerCone(0.3).dual, (4,), "length 3"),
        (SecondOrderCone(batch_ndim=1), (3,), "batch_ndim"),
    ],
)
def test_spaces_that_do_not_fit_are_refused(K, shape, message):
    with pytest.raises(ValueError, match=message):
        K.check_space(Space.of(np.ones(shape)))
