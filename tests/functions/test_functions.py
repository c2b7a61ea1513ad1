"""What every function promises beside what its public checks look at (``tests/testing``): libraries
agree, general minimizers find its prox, and conjugates in closed form are those of the definition.
"""

from functools import cache

import numpy as np
import pytest
from scipy.optimize import minimize, minimize_scalar

import splitkit as sk
from splitkit import backend, functions
from splitkit.functions import Conjugate, Function, Indicator
from splitkit.functions.calculus.parts import OfParts
from splitkit.testing.checks_function import has_value
from splitkit.testing.strategies import is_blocks
from tests.functions.namespaces import maker, on_pairs

CLASSES = [
    f
    for f in vars(functions).values()
    if isinstance(f, type) and issubclass(f, Function) and hasattr(f, "examples")
]
CASES = [
    pytest.param(cls, i, id=f"{cls.__name__}-{i}")
    for cls in CLASSES
    for i, (f, shape) in enumerate(cls.examples(maker("numpy")))
    if f.convex and not is_blocks(shape)  # the others have tests of their own
]
every_function = pytest.mark.parametrize(("cls", "i"), CASES)
numpy_array = maker("numpy")
every_convex_function = pytest.mark.parametrize(
    ("cls", "i"), [case for case in CASES if case.values[0].convex]
)


def example(cls, i, asarray=numpy_array):
    f, shape = cls.examples(asarray)[i]
    return f if f.accuracy is None else f.with_accuracy(None), shape


def points(shape, count, seed=0):
    """Points of several sizes, some with zeros and ties."""
    rng = np.random.default_rng(seed)
    scales = 10.0 ** rng.uniform(-1.5, 1.5, count)
    drawn = [s * rng.standard_normal(shape) for s in scales]
    return [np.zeros(shape), np.ones(shape), *drawn]


def flat(f, x):
    """f(x) summed over the batch, a Python float."""
    return float(np.sum(backend.to_numpy(f(x))))


def length(f, x):
    """‖x‖ of each element of a batch."""
    return backend.norm(x, f.batch_ndim)


def test_every_function_of_the_catalogue_is_found():
    assert {c.__name__ for c in CLASSES} >= {
        "AffineSet", "Box", "GroupL2Norm", "Huber", "L1Norm", "L2Ball", "Logistic",
        "NonNegative", "Quadratic", "Simplex", "SquaredL2", "ElasticNet", "EpsilonInsensitive",
        "Hinge", "KullbackLeibler", "L0Norm", "L2Norm", "LInfNorm", "LeastSquares", "LogBarrier",
        "LogSum", "LogSumExp", "LpPower", "MCP", "Max", "NegativeEntropy", "Quantile", "SCAD",
        "SimplexEntropy", "SortedL1", "SparseGroupNorm", "SquaredHinge", "SquaredKSupportNorm",
        "SumOfKLargest", "TotalVariation1D", "TotalVariation2D",
    }  # fmt: skip


@cache
def exact(cls, i):
    """Points with proxes, a point of the domain, the value there, and the gradient, by NumPy."""
    f, shape = example(cls, i)
    found = []
    for x in points(shape, 2, seed=1):
        inside = f.prox(x, 1.0)
        gradient = f.gradient(x) if f.has_gradient else None
        proxes = {alpha: f.prox(x, alpha) for alpha in (1e-3, 0.7, 50)}
        found.append((x, proxes, inside, f(inside), gradient))
    return found


@on_pairs(CASES)
def test_libraries_agree_with_numpy_in_double_precision(cls, i, asarray, dtype):
    """And keep library, dtype, shape and input."""
    f, shape = example(cls, i, asarray)
    xp, rtol = backend.namespace(asarray([1.0])), {"float64": 1e-12, "float32": 2e-5}[dtype]

    def compare(result, expected, size):
        assert backend.namespace(result) is xp
        assert result.dtype == given.dtype
        assert tuple(result.shape) == np.shape(expected)
        atol = rtol * (1 + size)
        np.testing.assert_allclose(backend.to_numpy(result), expected, rtol=rtol, atol=atol)

    for x, proxes, inside, value, gradient in exact(cls, i):
        given, size = asarray(x), np.max(abs(x))
        f.check_space(backend.Space.of(given, f.batch_ndim))
        for alpha, p in proxes.items():
            compare(f.prox(given, alpha), p, size)
        compare(f(asarray(inside)), value, 0.0)
        assert tuple(f(given).shape) == shape[: f.batch_ndim]
        if f.has_gradient:
            compare(f.gradient(given), gradient, size)
        np.testing.assert_array_equal(backend.to_numpy(given), backend.to_numpy(asarray(x)))


@every_function
def test_a_prepared_prox_is_the_prox(cls, i):
    f, shape = example(cls, i)
    for x in points(shape, 3, seed=2):
        for alpha in (1e-3, 0.7, 50.0):
            p = f.prox(x, alpha)
            np.testing.assert_allclose(
                f.make_prox(alpha)(x), p, rtol=1e-12, atol=1e-12 * (1 + np.max(abs(x)))
            )
    with pytest.raises(ValueError, match="alpha = -1"):
        f.make_prox(-1.0)


SMOOTH = [
    case for case in CASES if example(*case.values)[0].has_gradient
]  # a general minimizer finds these
GO_ELSEWHERE = {  # Powell's method stops at kinks across the axes, and steps out of domains
    "KullbackLeibler", "LogBarrier", "Max", "NegativeEntropy", "SimplexEntropy", "SumOfKLargest",
    "TransportEntropy", "TotalVariation1D", "TotalVariation2D", "Spectral", "SpectralSymmetric",
    "OnGroups",
}  # fmt: skip
FINITE = [
    case
    for case in CASES
    if case.values[0].convex
    and not issubclass(case.values[0], Indicator)
    and not {c.__name__ for c in case.values[0].__mro__} & GO_ELSEWHERE
]


@pytest.mark.parametrize(("cls", "i"), FINITE)
def test_prox_equals_brute_force_minimization(cls, i):
    f, shape = example(cls, i)
    rng = np.random.default_rng(3)
    for alpha in (0.3, 4.0):
        y = 2 * rng.standard_normal(shape)

        def objective(z, y=y, alpha=alpha):
            value = min(flat(f, z.reshape(shape)), 1e9)  # the search takes differences of values
            return value + float(np.sum((z - y.ravel()) ** 2)) / (2 * alpha)

        start = f.prox(y, 10 * alpha).ravel()  # in the domain, and not the minimizer
        found = minimize(objective, start, method="Powell", options={"xtol": 1e-9, "ftol": 1e-15})
        for _ in range(3):
            found = minimize(
                objective, found.x, method="Powell", options={"xtol": 1e-9, "ftol": 1e-15}
            )
        best = f.prox(y, alpha)
        assert objective(best.ravel()) <= found.fun + 1e-9
        np.testing.assert_allclose(best.ravel(), found.x, atol=2e-4)


INDICATORS = [case for case in CASES if issubclass(case.values[0], Indicator)]


@pytest.mark.parametrize(("cls", "i"), INDICATORS)
def test_projection_is_in_the_set_idempotent_and_nearest(cls, i):
    C, shape = example(cls, i)
    members = [C.project(x) for x in points(shape, 20, seed=5)]
    for x in points(shape, 8, seed=4):
        p = C.project(x)
        assert flat(C, p) == 0
        np.testing.assert_allclose(C.project(p), p, atol=1e-13 * (1 + np.max(abs(p))))
        np.testing.assert_array_equal(C.prox(x, 7.0), p)
        for z in members:  # the projection theorem: ⟨x − p, z − p⟩ ≤ 0 for z in C
            assert np.sum((x - p) * (z - p)) <= 1e-11 * (1 + np.sum(x * x) + np.sum(z * z))
        if np.max(abs(p - x)) > 0.01:
            assert flat(C, x) == np.inf
            assert np.max(C.violation(x)) > 0


@pytest.mark.parametrize(("cls", "i"), SMOOTH)
def test_the_constants_of_the_gradient_are_properties(cls, i):
    f, _ = example(cls, i)
    assert f.properties.maximal
    assert f.properties.gradient
    assert f.properties.lipschitz == pytest.approx(f.smoothness)
    assert f.properties.strong_monotonicity == pytest.approx(f.strong_convexity)


@every_function
def test_a_conjugate_in_closed_form_is_the_generic_one(cls, i):
    f, shape = example(cls, i)
    closed, generic = f.conjugate, Conjugate(f)
    for y in points(shape, 1, seed=10):
        for alpha in (0.2, 9.0):
            np.testing.assert_allclose(
                closed.prox(y, alpha), generic.prox(y, alpha), atol=1e-12 * (1 + np.max(abs(y)))
            )
            np.testing.assert_allclose(
                closed.conjugate.prox(y, alpha), f.prox(y, alpha), atol=1e-14
            )
    assert closed.smoothness == pytest.approx(generic.smoothness)
    assert closed.strong_convexity == pytest.approx(generic.strong_convexity)


# a positive matrix of a condition that the precision cannot hold is singular to it, and a prox that
# ends where its duality gap is rounding is accurate to the root of that
ROUGH = {"NegativeLogDet", "TotalVariation2D"}


@pytest.mark.parametrize(
    ("cls", "i"), [case for case in CASES if case.values[0].__name__ not in ROUGH]
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_proxes_lie_in_their_domains_at_every_scale(cls, i, dtype):
    """f(p) and f*(u) are finite, although p and u, which are rounded, lie on edges of domains."""
    f, shape = example(cls, i, maker("numpy", dtype))
    rng = np.random.default_rng(13)
    dual = f.conjugate if has_value(f.conjugate, np.zeros(shape, dtype)) else None
    for scale in 10.0 ** np.arange(-8, 9, 4):
        for alpha in (1e-3, 1.0, 1e3):
            y = (scale * rng.standard_normal(shape)).astype(dtype)
            p = f.prox(y, alpha)
            far = length(f, y) > 10 * (1 + length(f, p))  # p is rounded as y is
            assert np.all(far | np.isfinite(f(p)))
            if dual is not None:
                assert np.all(np.isfinite(dual(dual.prox(y, alpha))))


BATCHED = [
    case
    for case in CASES
    if example(*case.values)[0].batch_ndim == 1 and case.values[0].__name__ != "Quadratic"
]


@on_pairs(BATCHED)
def test_alpha_of_batch_shape_equals_looping(cls, i, asarray, dtype):
    f, shape = example(cls, i, asarray)
    x = asarray(3 * np.random.default_rng(11).standard_normal(shape))
    alphas = [0.1, 5.0, 1.0, 40.0][: shape[0]]
    batched = backend.to_numpy(f.prox(x, asarray(alphas)))
    for k, alpha in enumerate(alphas):
        one = backend.to_numpy(f.prox(x, alpha))[k]
        np.testing.assert_allclose(batched[k], one, rtol=1e-6 if dtype == "float32" else 1e-14)
    if not issubclass(cls, Indicator):
        assert not np.allclose(batched, backend.to_numpy(f.prox(x, 1.0)))


@pytest.mark.parametrize(("cls", "i"), BATCHED)
def test_samples_of_a_batch_do_not_touch(cls, i):
    f, shape = example(cls, i)
    x = 3 * np.random.default_rng(12).standard_normal(shape)
    changed = x.copy()
    changed[0] += 1.5
    np.testing.assert_array_equal(f.prox(changed, 0.5)[1:], f.prox(x, 0.5)[1:])
    np.testing.assert_array_equal(f(changed)[1:], f(x)[1:])


@every_function
def test_tuples_and_wrong_dtypes_are_refused(cls, i):
    f, shape = example(cls, i)
    x = np.ones(shape)
    with pytest.raises(TypeError, match="SeparableSum"):
        f.check_space(backend.Space.of((x, x), f.batch_ndim))
    has_array = any(backend.is_array(v) for v in vars(f).values())
    if has_array:
        with pytest.raises(TypeError, match="float32"):
            f.check_space(backend.Space.of(x.astype(np.float32), f.batch_ndim))


@every_function
def test_repr_is_short_and_names_the_class(cls, i):
    f, _ = example(cls, i)
    # what a method makes of another is written by that
    written = f"{f.f!r}." if issubclass(cls, OfParts) else cls.__name__
    assert repr(f).startswith(written)
    assert len(repr(f)) < 60
    assert "\n" not in repr(f)


def test_scalar_prox_against_bracketed_minimization():
    """One dimension, to full accuracy of a bracketing search."""
    cases = [functions.Huber(0.7, 2.0), functions.Logistic(), functions.L1Norm(0.3)]
    for f in cases:
        for y in (-5.0, -0.4, 0.0, 0.9, 12.0):
            found = minimize_scalar(
                lambda z, f=f, y=y: flat(f, np.asarray([z])) + (z - y) ** 2 / 3,
                bracket=(y - 4, y + 4),
                tol=1e-10,
            )
            assert f.prox(np.asarray([y]), 1.5)[0] == pytest.approx(found.x, abs=1e-6)


@pytest.mark.parametrize(
    ("alpha", "error"),
    [(0, ValueError), (-1.0, ValueError), (np.nan, ValueError), (np.inf, ValueError),
     (True, TypeError), ("1", TypeError), (None, TypeError)],
)  # fmt: skip
@pytest.mark.parametrize("f", [functions.L1Norm(), functions.Simplex(), 2.0 * functions.Huber()])
def test_step_sizes_that_are_none_are_refused(f, alpha, error):
    with pytest.raises(error, match="alpha = "):
        f.prox(np.ones(3), alpha)
    with pytest.raises(error, match="alpha = "):
        f.prox(np.ones(3), alpha=alpha)


def test_an_array_that_is_no_parameter_need_not_broadcast():
    """½‖Ax‖² of a matrix that the class keeps; one that is declared is compared with the points."""

    class Energy(sk.functions.Function):
        smoothness = 4.0

        def __init__(self, A):
            self.A = A

        def __call__(self, x):
            return np.sum((self.A @ x) ** 2) / 2

        def gradient(self, x):
            return self.A.T @ (self.A @ x)

    A = np.asarray([[2.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    x = sk.minimize(Energy(A) + functions.L1Norm().translate(np.ones(2)), np.zeros(2), tol=1e-12).x
    np.testing.assert_allclose(x, [0.25, 1.0], atol=1e-10)

    class Declared(Energy):
        parameters = ("A",)

    with pytest.raises(ValueError, match=r"A of Declared has shape \(3, 2\)"):
        sk.solve(sk.Subdifferential(Declared(A)), np.zeros(2))


POLYHEDRAL = [case for case in CASES if case.values[0].polyhedral]


@pytest.mark.parametrize(("cls", "i"), POLYHEDRAL)
def test_the_prox_of_a_polyhedral_function_is_piecewise_affine(cls, i):
    """Near almost every point it is affine: its second differences vanish."""
    f, shape = example(cls, i)
    rng = np.random.default_rng(1)
    affine = 0
    for _ in range(12):
        x, d = rng.standard_normal(shape), 1e-4 * rng.standard_normal(shape)
        p, q, r = (f.prox(x + t * d, 0.7) for t in (-1, 0, 1))
        affine += np.linalg.norm(p - 2 * q + r) <= 1e-12 * (1 + np.linalg.norm(x))
    assert affine >= 11


@pytest.mark.parametrize("cls", [functions.L2Norm, functions.L2Ball, functions.SecondOrderCone])
def test_what_is_round_is_not_called_polyhedral(cls):
    f, shape = example(cls, 0)
    assert not f.polyhedral
    x, d = 10 * np.ones(shape), 1e-3 * np.arange(np.prod(shape)).reshape(shape)
    p, q, r = (
        f.prox(x * np.arange(1, 1 + np.prod(shape)).reshape(shape) + t * d) for t in (-1, 0, 1)
    )
    assert np.linalg.norm(p - 2 * q + r) > 1e-12
