"""Derivatives through proximal maps under Torch: right where there is one, an element of the
generalized Jacobian where there are several, and refused in words where none is known.

Clarke's Jacobian of prox_{αf}, f convex, consists of symmetric J with 0 ⪯ J ⪯ I; where the map is
differentiable near the point it is the derivative alone.
"""

import math

import pytest
from scipy.sparse import csr_array
from scipy.sparse.linalg import aslinearoperator

from splitkit import functions, linear
from splitkit.functions import Function
from splitkit.testing.registry import registered
from splitkit.testing.strategies import is_blocks

torch = pytest.importorskip("torch")
xp = pytest.importorskip("array_api_compat.torch")

ALPHA = 0.7
STEP = 1e-6  # of central differences: errors of 1e-9 or so, for maps of this size
CLOSE = 2e-6


class Map:
    """A map of points, as one of vectors."""

    def __init__(self, f, shape, apply):
        self.f, self.apply, self.is_tuple = f, apply, is_blocks(shape)
        self.shapes = shape if self.is_tuple else (shape,)
        self.sizes = [math.prod(s) for s in self.shapes]
        self.size = sum(self.sizes)

    def __call__(self, v):
        parts = [p.reshape(s) for p, s in zip(v.split(self.sizes), self.shapes, strict=True)]
        image = self.apply(tuple(parts) if self.is_tuple else parts[0])
        return torch.cat([p.reshape(-1) for p in (image if self.is_tuple else (image,))])

    def jacobian(self, v):
        """By autograd; of an image that depends on nothing recorded, 0."""
        return torch.autograd.functional.jacobian(self, v)

    def differences(self, v, directions, h=STEP):
        """The derivatives along each direction from the left and from the right."""
        with torch.no_grad():
            at = self(v)
            for d in directions:
                yield (at - self(v - h * d)) / h, (self(v + h * d) - at) / h


def maps(f, shape):
    """The maps that f offers, and whether each is a prox of a convex function."""
    found = {}
    if f.has_prox:  # of a set, the projection
        found["prox"] = Map(f, shape, lambda x: f.prox(x, ALPHA)), f.convex
    if hasattr(f, "reflect"):
        found["reflect"] = Map(f, shape, f.reflect), False
    if f.has_gradient:
        at = (lambda x: f.gradient(f.prox(x, ALPHA))) if f.smooth_inside else f.gradient
        found["gradient"] = Map(f, shape, at), False
    if f.convex and f.conjugate.has_prox:
        dual = f.conjugate
        found["conjugate"] = Map(f, shape, lambda u: dual.prox(u, ALPHA)), True
    return found


FUNCTIONS = [each for each in registered() if isinstance(each.make(xp, torch.float64)[0], Function)]
every_function = pytest.mark.parametrize("registration", FUNCTIONS, ids=str)

# only a value is known of what an iteration finds
REFUSING = {"InexactComposition-0", "Intersection-0", "TotalVariation2D-0"}


def made(registration):
    f, shape = registration.make(xp, torch.float64)
    return f, maps(f, shape)


def drawn(n, seed):
    return torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@every_function
def test_at_generic_points_autograd_agrees_with_finite_differences(registration):
    if str(registration) in REFUSING:
        return
    for name, (F, _) in made(registration)[1].items():
        for size in (0.2, 3.0):
            v = size * drawn(F.size, 1)
            J = F.jacobian(v)
            for seed in (6, 7):  # a column that is wrong shows in each direction
                d = drawn(F.size, seed)
                with torch.no_grad():
                    central = (F(v + STEP * d) - F(v - STEP * d)) / (2 * STEP)
                error = float((J @ d - central).abs().max())
                assert error <= CLOSE * (1 + float(central.abs().max())), (name, size, seed)


@every_function
def test_the_derivative_in_the_step_agrees_with_finite_differences(registration):
    f, shape = registration.make(xp, torch.float64)
    if str(registration) in REFUSING or not f.has_prox:
        return
    F = maps(f, shape)["prox"][0]
    v, c = drawn(F.size, 2), drawn(F.size, 3)

    def total(alpha):
        return c @ Map(f, shape, lambda x: f.prox(x, alpha))(v)

    alpha = torch.tensor(ALPHA, dtype=torch.float64, requires_grad=True)
    value = total(alpha)
    slope = torch.autograd.grad(value, alpha)[0] if value.requires_grad else torch.zeros(())
    central = (total(alpha.detach() + STEP) - total(alpha.detach() - STEP)) / (2 * STEP)
    assert float(abs(slope - central)) <= CLOSE * (1 + float(abs(central)))


def kinks(F):
    """Points with zeros, with ties, on boundaries."""
    yield torch.zeros(F.size, dtype=torch.float64)
    yield torch.ones(F.size, dtype=torch.float64)
    yield torch.round(1.5 * drawn(F.size, 4))
    with torch.no_grad():
        yield F(3.0 * drawn(F.size, 5))


def derivatives(F, v):
    """Directions with the derivatives along them, by differences; None where they show a kink: on
    two sides other ones, or of a sum not the sum.
    """
    d, e = drawn(F.size, 6), drawn(F.size, 7)
    along = []
    for left, right in F.differences(v, [d, e, d + e]):
        if not torch.allclose(left, right, rtol=1e-4, atol=1e-4):
            return None
        along.append((left + right) / 2)
    of_d, of_e, of_both = along
    if not torch.allclose(of_d + of_e, of_both, rtol=1e-4, atol=1e-4):
        return None
    return torch.stack([d, e], dim=1), torch.stack([of_d, of_e], dim=1)


@every_function
def test_at_kinks_the_jacobian_is_a_generalized_one(registration):
    f, found = made(registration)
    if str(registration) in REFUSING:
        return
    for name, (F, is_prox) in found.items():
        if name == "gradient" and f.smoothness is None:
            continue  # it may have no bounded derivative
        for k, v in enumerate(kinks(F)):
            J = F.jacobian(v)
            assert bool(J.isfinite().all()), (name, k)
            if is_prox:
                assert float((J - J.T).abs().max()) <= CLOSE, (name, k)
                values = torch.linalg.eigvalsh((J + J.T) / 2)
                assert -CLOSE <= values[0], (name, k)
                assert values[-1] <= 1 + CLOSE, (name, k)
            smooth = derivatives(F, v)
            if smooth is not None:
                directions, along = smooth
                assert torch.allclose(J @ directions, along, rtol=1e-4, atol=1e-4), (name, k)


@pytest.mark.parametrize("registration", [f for f in FUNCTIONS if str(f) in REFUSING], ids=str)
def test_what_cannot_be_differentiated_says_so(registration):
    for F, _ in made(registration)[1].values():
        v = drawn(F.size, 1)
        with pytest.raises(TypeError, match=r"cannot be differentiated.*detach it, or give"):
            F(v.clone().requires_grad_())
        with torch.no_grad():
            unrecorded = F(v.clone().requires_grad_())
        assert torch.equal(unrecorded, F(v))


def vector(*entries):
    return torch.tensor(entries, dtype=torch.float64)


# a function of its parameters, with values of them and a point
PARAMETERS = {
    "weights that are 0": (functions.L1Norm, vector(0.5, 0.0, 0.0), vector(1.0, 1.0, -2.0)),
    "bounds that meet": (lambda b: functions.Box(b, b), vector(0.5, -1.0), vector(1.0, -3.0)),
    "total variation": (
        lambda w: functions.TotalVariation1D(w[0]), vector(0.3), vector(1.0, -1.0, 2.0, 2.1),
    ),
    "sorted weights": (functions.SortedL1, vector(2.0, 1.0, 0.5), vector(1.5, -4.0, 1.2)),
    "counts that are 0": (functions.KullbackLeibler, vector(0.0, 0.0), vector(2.0, -2.0)),
    "powers": (lambda w: functions.LpPower(1.5, w), vector(0.7, 2.0), vector(3.0, -0.1)),
    "a radius": (lambda r: functions.Simplex(r[0]), vector(1.5), vector(1.0, 0.3, -2.0)),
    "the greatest entries": (
        lambda w: functions.SumOfKLargest(2, w[0]), vector(0.4), vector(1.0, 0.9, 0.8, -1.0),
    ),
    "caps": (
        lambda u: functions.CappedSimplex(upper=u), vector(0.6, 0.5, 0.4), vector(2.0, 0.5, 0.1),
    ),
    "a Frobenius norm": (
        lambda w: functions.Spectral(functions.L2Norm(w[0])), vector(0.4), torch.eye(2).double(),
    ),
    "half-spaces": (
        lambda b: functions.Polyhedron(vector(1.0, 1.0, -1.0, 2.0).reshape(2, 2), b),
        vector(1.0, 2.0), vector(3.0, 4.0),
    ),
    "shares of power cones": (
        lambda a: functions.PowerCone(a[:, None]), vector(0.4, 0.7),
        vector(0.3, 0.1, 2.0, -0.3, 0.9, -1.0).reshape(2, 3),
    ),
    "marginals": (
        lambda p: functions.TransportPolytope(p, p.flip(0)), vector(0.4, 0.6),
        vector(0.3, 0.1, 0.2, 0.9).reshape(2, 2),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", PARAMETERS)
def test_derivatives_reach_the_parameters(case):
    """One-sided ones where a parameter is at the end of its range: both sides are tried."""
    make, at, x = PARAMETERS[case]

    def value(parameters):
        return make(parameters).prox(x, ALPHA).reshape(-1)

    J = torch.autograd.functional.jacobian(value, at)
    assert bool(J.isfinite().all())
    for d in (torch.ones_like(at), vector(*range(1, 1 + len(at)))):
        right = (value(at + STEP * d) - value(at)) / STEP
        assert torch.allclose(J @ d, right, atol=1e-5)


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (functions.LpPower(3.0), vector(1.0, -0.3)),
        (functions.LpPower(1.5), vector(1.0, -0.3)),
        (functions.LogBarrier(0.5), vector(0.0, -0.3)),
        (functions.L2Norm(0.5), vector(1.0, -0.3)),
        (functions.SecondOrderCone(), vector(0.1, 1.0, -0.3)),
        (functions.ExponentialCone(), vector(1.0, -0.3, 0.2)),
        (functions.PowerCone(0.3), vector(-0.3, 0.1, 1.0)),
        (functions.SquaredKSupportNorm(2), vector(1.0, -0.3, 0.8)),
        (functions.SpectralSymmetric(functions.LogBarrier()), vector(1.0, 0.2, 0.2, 3.0)),
        (functions.Spectral(functions.Huber(5.0)), vector(1.0, 0.2, 0.3, 3.0)),
    ],
    ids=str,
)
def test_second_derivatives(f, x):
    x = x.reshape(2, 2) if isinstance(f, functions.Spectral | functions.SpectralSymmetric) else x
    assert torch.autograd.gradgradcheck(f.prox, (x.requires_grad_(),))


MATRIX = [[2.0, 1.0, 0.0], [-1.0, 1.0, 0.3], [0.0, -0.2, 3.0]]


@pytest.mark.parametrize("x", [vector(1.0, 2.0, -1.0), vector(0.0, 0.0, 0.0)], ids=str)
def test_linear_maps_that_no_library_sees_inside_of(x):
    """Of SciPy's, by the adjoint; of an iterative inverse in its matrix, too, of second order."""
    dense = torch.tensor(MATRIX, dtype=torch.float64)
    sparse = linear.wrap(csr_array(dense.numpy()))
    x = x.clone().requires_grad_()
    for L in (sparse, sparse.shifted_inverse(0.3), linear.wrap(aslinearoperator(dense.numpy()))):
        assert torch.autograd.gradcheck(L, (x,))
        assert torch.autograd.gradcheck(L.adjoint, (x,))
        assert torch.autograd.gradgradcheck(lambda x, L=L: L(x) ** 2, (x,))

    def inverse(x, W):
        constants = {"strong_monotonicity": 0.1, "lipschitz": 9.0}
        return linear.Iterative(linear.DenseMatrix(W, **constants)).shifted_inverse(0.7)(x)

    dense.requires_grad_()
    assert torch.autograd.gradcheck(inverse, (x, dense))
    assert torch.autograd.gradgradcheck(inverse, (x, dense))


def test_the_averages_of_a_total_variation_prox():
    """y₁ and y₂ are moved apart by the weight, or meet at their mean."""
    y = vector(0.126, -0.132)
    for weight, J in ((0.01, torch.eye(2)), (0.2, torch.full((2, 2), 0.5))):
        f = functions.TotalVariation1D(weight)
        found = torch.autograd.functional.jacobian(lambda y, f=f: f.prox(y, 1.0), y)
        assert torch.equal(found, J.double())


@pytest.mark.parametrize(
    "f",
    [
        functions.L2Norm(0.7),
        functions.GroupL2Norm(0.7),
        functions.Distance(functions.Box(-1.0, 1.0), 0.7),
    ],
    ids=repr,
)
def test_the_value_of_a_norm_has_a_subgradient_at_zero(f):
    x = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    f(x).backward()
    assert bool(x.grad.isfinite().all())
    assert float(torch.linalg.vector_norm(x.grad)) <= 0.7


def test_where_a_power_cone_has_no_root_to_find_its_projection_is_differentiated():
    """0 at points of the polar cone, the identity at points of the cone."""
    K = functions.PowerCone(0.3)
    polar = vector(-0.01989025, -0.02530247, -0.03872778)
    for x, expected in ((polar, torch.zeros(3, 3)), (vector(2.0, 1.0, -0.5), torch.eye(3))):
        J = torch.autograd.functional.jacobian(K.prox, x)
        assert torch.equal(J, expected.double())


def test_projections_are_mapped_over_points():
    """No look at values stands in the way of ``torch.func.vmap``."""
    points = torch.linspace(-3.0, 4.0, 12, dtype=torch.float64).reshape(4, 3)
    a = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    for C in (functions.Hyperplane(a, 1.0), functions.HalfSpace(a, 1.0)):
        mapped = torch.func.vmap(C.project)(points)
        expected = torch.stack([C.project(point) for point in points])
        torch.testing.assert_close(mapped, expected)
