"""One set in units of every size: P of s·C at s·y is s P(y); for what scales with f too.

With f_s(x) = s²f(x/s), prox_{αf_s}(sy) = s prox_{αf}(y). Of a registered function f_s is f with
parameters times powers of s, here said class by class.
"""

from dataclasses import fields

import array_api_compat.torch
import numpy as np
import pytest

from splitkit import functions
from splitkit.backend import is_array, norm, to_numpy
from splitkit.functions.base import Function
from splitkit.testing import registered
from splitkit.testing.strategies import make_array
from tests.sampling import sampled

# of the parameters that are not numbers of their own: the power of s
POWERS = {
    "weight": 1, "l1_weight": 1, "group_weight": 1, "weights": 1, "radius": 1, "center": 1,
    "lower": 1, "upper": 1, "point": 1, "total": 1, "value": 1, "bound": 1, "b": 1, "rows": 1,
    "columns": 1, "delta": 1, "epsilon": 1, "coefficients": 1,
    "theta": 1, "magnitudes": 1,
}  # fmt: skip
# their weight is of the square, or of the entries of a set's points
QUADRATIC = (
    "SquaredL2", "Huber", "SquaredKSupportNorm", "Fair", "LogCosh", "PseudoHuber", "WeightedL1Ball",
    "Cauchy", "Amplitude",
)  # fmt: skip
SCALED = (
    "L1Norm", "L2Norm", "GroupL2Norm", "LInfNorm", "Max", "SortedL1", "SparseGroupNorm",
    "SumOfKLargest", "TotalVariation1D", "TotalVariation2D", "ElasticNet", "SquaredL2", "Huber",
    "SquaredKSupportNorm", "Quantile", "EpsilonInsensitive", "NuclearNorm", "L0Ball", "L1Ball",
    "L2Ball", "NuclearBall", "Box", "Simplex", "CappedSimplex", "Singleton", "Slab", "HalfSpace",
    "Hyperplane", "AffineSet", "Polyhedron", "TransportPolytope", "ExponentialCone", "PowerCone",
    "SecondOrderCone", "RotatedSecondOrderCone", "Isotonic", "NonNegative", "NonPositive",
    "PositiveSemidefinite", "ZeroCone", "PolarCone", "NegativeCone", "GraphOfLinearMap",
    "LargestEigenvalue", "BerHu", "Fair", "LogCosh", "PseudoHuber", "Linear", "BallBox",
    "BoxHyperplane", "L21Ball", "RankBall", "SolidSimplex", "SolutionSet", "SpectralBall", "Sphere",
    "WeightedL1Ball", "CappedL1", "L1MinusL2", "Cauchy", "WeightedNuclearNorm",
    "Amplitude", "LpBall", "PackedPositiveSemidefinite", "SparseSimplex",
)  # fmt: skip
# Σ h(xᵢ) of one shape, or made of others, which are here themselves
OTHERS = (
    "Birkhoff", "Composed", "Conjugate", "Distance", "Hinge", "InexactComposition",
    "InfimalConvolution", "Intersection", "KullbackLeibler", "L0Norm", "LeastSquares", "LogBarrier",
    "LogSum", "LogSumExp", "Logistic", "LpPower", "MCP", "MoreauEnvelope", "NegativeEntropy",
    "NegativeLogDet", "Perspective", "Quadratic", "Raised", "Rank", "Rescaled", "SCAD", "Scaled",
    "SchattenNorm", "SeparableSum", "SimplexEntropy", "Spectral", "SpectralSymmetric",
    "SquaredDistance", "SquaredHinge", "SumOfFunctions", "SupportFunction", "SupportedSet",
    "Tilted", "Translated", "WeightedSum", "Along", "AlongSet", "OnGroups", "SetOnGroups",
    "Exponential", "RelativeEntropy", "Geman", "ETP", "LqPenalty",
    "SublevelSet", "Epigraph", "BoxBarrier", "OrdinalLogistic", "Stiefel",
    "Permutahedron", "PermutationMatrices", "JointChiSquared", "JointHellinger", "JointJeffrey",
    "JointKullbackLeibler", "JointRenyi", "TransportEntropy",
)  # fmt: skip
THINGS = [each for each in registered() if isinstance(each.make()[0], Function)]


def test_every_function_is_in_one_of_the_lists():
    assert {each.name for each in THINGS} == {*SCALED, *OTHERS}


def in_units(f, s, a):
    """f_s."""
    if isinstance(f, functions.HalfSpace):
        return functions.HalfSpace(f.normal, s * f.upper, batch_ndim=f.batch_ndim)
    if isinstance(f, functions.Hyperplane):
        return functions.Hyperplane(f.normal, s * f.upper, batch_ndim=f.batch_ndim)
    if isinstance(f, functions.GraphOfLinearMap):
        return f
    given = {each.name: getattr(f, each.name) for each in fields(f) if each.init}
    fixed = ("weight",) if type(f).__name__ in QUADRATIC else ()
    for name, value in given.items():
        if name in POWERS and name not in fixed and value is not None:
            given[name] = a(s * np.asarray(value)) if is_array(value) else s * value
    return type(f)(**given)


@pytest.mark.parametrize(("dtype", "size"), [("float32", 30), ("float64", 200)])
@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("thing", [each for each in THINGS if each.name in SCALED], ids=str)
def test_a_prox_in_other_units(thing, dtype, size, sign):
    f, shape = thing.make(np, np.dtype(dtype))[:2]
    if not isinstance(f, Function) or not f.has_prox:
        pytest.skip("no proximal map")
    s, rng = 10.0 ** (sign * size), np.random.default_rng(1)

    def array(v):
        return make_array(v, np, np.dtype(dtype))

    f_s = in_units(f, s, array)
    for y in rng.normal(size=(3, *(() if isinstance(shape[0], tuple) else shape))):
        if isinstance(shape[0], tuple):
            y = tuple(rng.normal(size=part) for part in shape)
            found = f_s.prox(tuple(array(s * part) for part in y), 0.7)
            expected = f.prox(tuple(map(array, y)), 0.7)
        else:
            found, expected = (f_s.prox(array(s * y), 0.7),), (f.prox(array(y), 0.7),)
        for p, q in zip(found, expected, strict=True):
            limit = 400 * np.finfo(dtype).eps * max(1, np.max(abs(q)))
            assert np.max(abs(p.astype(float) / s - q)) <= limit


@sampled(0, lambda library, double, position: not (library == "jax" and double))
@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize(
    ("dtype", "size"),
    [("float32", -30), ("float32", 0), ("float32", 30), ("float64", -200), ("float64", 200)],
)
def test_norms_hold_at_every_size(dtype, size, xp_backend, xp):
    if dtype == "float64" and xp_backend.gpu:
        pytest.skip("squares in double precision are plain where a look would wait for a device")
    s = 10.0**size

    def array(v):
        return xp.asarray(np.asarray(v) * s, dtype=getattr(xp, dtype))

    x = array([[3.0, -4.0], [0.0, 0.0]])
    for found, expected in (
        (norm(x, 1), [5.0, 0.0]),
        (norm(x, 0), 5.0),
        (norm(x[0, :], 0), 5.0),
        (norm((x, array([[12.0], [1.0]])), 1), [13.0, 1.0]),
        (functions.L2Norm(2.0)(x), 10.0),
        (functions.Distance(functions.NonNegative())(x), 4.0),
        (functions.Distance(functions.NonNegative()).prox(x, s), [[3.0, -3.0], [0.0, 0.0]]),
    ):
        unit = np.dtype(dtype).type(s)
        np.testing.assert_allclose(to_numpy(found) / unit, expected, rtol=1e-6)
    assert np.isnan(to_numpy(norm(array([np.nan, 1.0]), 0)))
    assert to_numpy(norm(array([np.inf, 1.0]), 0)) == np.inf


@pytest.mark.parametrize("size", [-165, 0, 165])
def test_norms_are_differentiated_at_every_size(size):
    xp = array_api_compat.torch
    x = xp.asarray([[3.0, -4.0], [0.0, 0.0]], dtype=xp.float64) * 10.0**size
    x.requires_grad = True
    norm(x, 1).sum().backward()
    np.testing.assert_allclose(to_numpy(x.grad), [[0.6, -0.8], [0.0, 0.0]], rtol=1e-12)
