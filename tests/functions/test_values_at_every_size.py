"""Values in single precision at every size: those of double precision, rounded; inf only beyond."""

import numpy as np
import pytest

import splitkit as sk
from splitkit import functions as f
from splitkit.functions.base import Function

SIZES = (-42, -30, -20, -10, 0, 10, 18, 20, 30, 37)
SLACK = 1e-4
FUNCTIONS = sorted(
    (
        kind
        for kind in vars(f).values()
        if isinstance(kind, type)
        and issubclass(kind, Function)
        and hasattr(kind, "examples")
        and kind is not f.SolutionSet  # it projects by a solve, and says where rounding ends it
    ),
    key=lambda kind: kind.__name__,
)
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def single(a):
    return np.asarray(a, dtype=np.float32)


def double(a):
    return np.asarray(a, dtype=np.float64)


def drawn(shape, rng, size):
    """A point of entries of this size, representable in single precision."""
    if shape and isinstance(shape[0], tuple):
        return tuple(drawn(part, rng, size) for part in shape)
    return single(rng.normal(size=shape) * size)


def positive(x):
    return tuple(map(abs, x)) if isinstance(x, tuple) else abs(x)


def in_double(x):
    return tuple(map(double, x)) if isinstance(x, tuple) else double(x)


@pytest.mark.parametrize("kind", FUNCTIONS, ids=lambda kind: kind.__name__)
def test_a_value_is_that_of_double_precision(kind):
    # 1/x of numbers with fewer digits overflows
    sizes = SIZES[1:] if kind is f.KullbackLeibler else SIZES
    for (g, shape), (exact, _) in zip(kind.examples(single), kind.examples(double), strict=True):
        rng = np.random.default_rng(0)
        for x in (drawn(shape, rng, 10.0**k) for k in sizes):
            for point in (x, positive(x)):
                value, wanted = double(g(point)), double(exact(in_double(point)))
                largest = np.finfo(np.float32).max
                # a step of the way to a value may overflow where that is just below the largest
                beyond = np.isinf(value) & (abs(wanted) > largest / 4)
                wanted = np.where(beyond, value, wanted)
                np.testing.assert_allclose(value, wanted, rtol=SLACK, atol=1e-43, err_msg=f"{x}")


def test_products_that_overflow_and_cancel():
    flat = f.Quadratic(np.zeros((2, 2), dtype=np.float32), single([1e20, -1e20]))
    assert flat(single([1e20, 1e20])) == 0
    curved = f.Quadratic(single([[2, -1], [-1, 2]]))
    assert curved(single([3e20, 1e20])) == np.inf
    rows = f.Quadratic(single([[2, -1], [-1, 2]]), batch_ndim=1)
    np.testing.assert_array_equal(rows(single([[3e20, 1e20], [1, 1]])), [np.inf, 1])


def test_a_weight_of_zero_counts_no_overflow():
    g = f.SumOfKLargest(2, single([0.0, 1.0]), batch_ndim=1)
    np.testing.assert_array_equal(g(single([[3e38, 3e38], [1, 2]])), [0, 3])


@pytest.mark.parametrize("kind", [f.PseudoHuber, f.LogCosh, f.Fair])
@pytest.mark.parametrize(("asarray", "far"), [(single, 38), (double, 308)])
@pytest.mark.parametrize("delta", [1e-20, 1e-3, 1.0, 1e10])
def test_even_losses_are_linear_as_far_as_numbers_reach(kind, asarray, far, delta):
    x = asarray([1.7, -1.7, 1.0, -1e-3]) * asarray(10.0) ** far
    rtol = 64 * float(np.finfo(x.dtype).eps)
    for weight in (0.0, 1e-4, 1.0):
        g = kind(delta, asarray(weight), batch_ndim=1)
        slope = weight * delta
        wanted = slope * double(abs(x)[:, None].sum(axis=1))
        wanted = np.where(wanted < np.finfo(x.dtype).max, wanted, np.inf)
        np.testing.assert_allclose(g(x[:, None]), wanted, rtol=rtol)
        np.testing.assert_allclose(g.gradient(x[:, None])[:, 0], slope * np.sign(x), rtol=rtol)
        np.testing.assert_allclose(g.prox(x[:, None], 3.0)[:, 0], x, rtol=rtol)


@pytest.mark.parametrize(("asarray", "far"), [(single, 38), (double, 308)])
def test_berhu_of_no_weight_is_0_as_far_as_numbers_reach(asarray, far):
    x = asarray([1.7, -0.1]) * asarray(10.0) ** far
    for delta in (1e-20, 1.0):
        g = f.BerHu(delta, asarray([0.0, 0.0]))
        assert g(x) == 0
        np.testing.assert_array_equal(g.prox(x), x)


# -- ratios that the dtype has no numbers for ------------------------------------------------------

FAR_APART = {
    "ball": (lambda: f.L2Ball(1e-25), 5e25, 1.0),
    "sphere": (lambda: f.Sphere(1e-25), 5e25, 1.0),
    "sphere about": (lambda: f.Sphere(1e25), 1e-25, 1.0),
    "group ball": (lambda: f.L21Ball(1e-25), 5e25, 1.0),
    "group norm's conjugate": (lambda: f.GroupL2Norm(1e-25).conjugate, 5e25, 1.0),
    "norm's conjugate": (lambda: f.L2Norm(1e-25).conjugate, 5e25, 1.0),
    "ℓ₃ ball": (lambda: f.LpBall(3.0, 1e-25), 5e25, 1.0),
    "ball in a box": (lambda: f.BallBox(1e-25), 5e25, 1.0),
    "large ball in a box": (lambda: f.BallBox(1e25), 1e-25, 1.0),
    "pseudo-Huber": (lambda: f.PseudoHuber(1e25), 1e-25, 1.0),
    "Fair": (lambda: f.Fair(1e25), 1e-25, 1.0),
    "log cosh": (lambda: f.LogCosh(1e25), 1e-25, 1.0),
    "entropy": (f.NegativeEntropy, 1e25, 1e-20),
    "relative entropy": (f.RelativeEntropy, 1e25, 1e-20),
    "simplex entropy": (f.SimplexEntropy, 1e25, 1e-20),
    "cube": (lambda: f.LpPower(3), 1e36, 1e-20),
    "barrier": (f.BoxBarrier, 1e-30, 1e-20),
}


@pytest.mark.parametrize("name", FAR_APART)
def test_single_precision_where_ratios_are_no_numbers(name):
    make, size, alpha = FAR_APART[name]
    y = np.array([[0.6, -0.8, 0.2, 0.4]])
    expected = make().prox(size * y, alpha)
    found = make().prox((size * y).astype(np.float32), alpha)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())


def test_a_barrier_on_a_tiny_box_is_as_convex_as_can_be_said():
    assert 1e30 < f.BoxBarrier(0.0, 1e-160).strong_convexity < np.inf


@pytest.mark.parametrize("kind", [float, np.float32])
@pytest.mark.parametrize("size", [1e-21, 1e21])
def test_squares_that_no_number_holds_are_refused(kind, size):
    """AᵀA would be 0, and every point a solution, or inf."""
    size = size ** (8 if kind is float else 1)
    A, b = np.asarray([[1.0], [2.0]]) * size, np.asarray([1.0, 2.0]) * size
    A, b, x0 = A.astype(kind), b.astype(kind), np.zeros(1, kind)
    for fit in (f.LeastSquares(A, b), f.SquaredL2(center=b) @ A, f.L1Norm().translate(b) @ A):
        with pytest.raises(ValueError, match=r"has the norm .*whose square is beyond the range"):
            sk.minimize(fit + f.NonNegative(), x0)


def test_norms_near_the_end_of_numbers_whose_reciprocal_is_none():
    """A library may divide by multiplying, and take numbers below the normal ones for 0."""
    jnp = pytest.importorskip("jax.numpy")
    x = jnp.asarray([9e37, -3e37, 6e37], dtype=jnp.float32)
    assert float(f.L2Norm()(x)) == pytest.approx(1.1225e38, rel=1e-4)
