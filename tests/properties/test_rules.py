"""Every rule tracks constants that hold, and the ones of a formula where there is one."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import splitkit as sk
from splitkit.functions.base import Function
from splitkit.properties import (
    Properties,
    block_properties,
    composition_properties,
    parallel_properties,
    sum_properties,
)
from tests.properties.matrices import (
    averagedness,
    comonotonicity,
    lipschitz,
    monotone,
    operator,
    positive,
    square,
    strong_monotonicity,
    worst,
    worst_gradient,
)

SLACK = 1e-12
few = settings(max_examples=40, deadline=None, derandomize=True, database=None)


def holds(properties, M):
    """Whether every constant that is claimed holds for the matrix M."""
    size = 1 + lipschitz(M)
    m, L, β, θ = (
        properties.strong_monotonicity,
        properties.lipschitz,
        properties.comonotonicity,
        properties.averagedness,
    )
    assert m is None or m <= strong_monotonicity(M) + SLACK * size
    assert L is None or L >= lipschitz(M) - SLACK * size
    if β is not None and math.isfinite(β):
        assert np.linalg.eigvalsh((M + M.T) / 2 - β * M.T @ M)[0] >= -SLACK * size * size
    if θ is not None and θ > 0:
        assert lipschitz((M - (1 - θ) * np.eye(len(M))) / θ) <= 1 + SLACK * size / θ
    for a, b, c in properties.forms:
        Q = a * np.eye(len(M)) + b * (M + M.T) + c * M.T @ M
        scale = abs(a) + 2 * abs(b) * size + abs(c) * size**2
        assert np.linalg.eigvalsh(Q)[0] >= -SLACK * scale
    return True


def partial_inverse(M):
    """A_V for V the line of the first coordinate: x₁ and u₁ stay, the others change places."""
    stay = np.diag([1.0] + [0.0] * (len(M) - 1))
    X = stay + (np.eye(len(M)) - stay) @ M
    U = stay @ M + np.eye(len(M)) - stay
    return U @ np.linalg.inv(X)


def close(value, expected):
    return value == pytest.approx(expected, rel=1e-12, abs=1e-12)


@few
@given(monotone(strongly=True), positive)
def test_bounds_hold_for_one_matrix(M, c):
    p, eye = operator(M).properties, np.eye(len(M))
    assert holds(p, M)
    assert holds(p.scaled(c), c * M)
    assert holds(p.scaled(-c), -c * M)
    assert holds(p.inverse(), np.linalg.inv(M))
    assert holds(p.resolvent(c), np.linalg.inv(eye + c * M))
    assert holds(p.cayley(c), 2 * np.linalg.inv(eye + c * M) - eye)
    assert holds(p.argument_scaled(-c), c * c * M)
    assert holds(p.yosida(c), np.linalg.inv(c * eye + np.linalg.inv(M)))
    assert holds(p.partially_inverted(), partial_inverse(M))
    for a in (-1.0, 0.0, 1.0, c):
        assert holds(p.combined(a, -c), a * eye - c * M)
        assert holds(p.combined(a, c), a * eye + c * M)


@few
@given(square(2), positive)
def test_bounds_hold_for_a_matrix_that_is_not_monotone(M, c):
    p = operator(M).properties
    assert holds(p, M)
    assert holds(p.combined(1.0, c), np.eye(2) + c * M)
    assert holds(p.scaled(-c), -c * M)


@few
@given(monotone(3), monotone(3), square(3))
def test_bounds_hold_for_two_matrices(A, B, L):
    p, q = operator(A).properties, operator(B).properties
    zero = np.zeros((3, 3))
    assert holds((operator(A) + operator(B)).properties, A + B)
    assert holds((operator(A) @ operator(B)).properties, A @ B)
    assert holds(operator(A).pullback(sk.DenseMatrix(L)).properties, L.T @ A @ L)
    assert holds(block_properties([p, q]), np.block([[A, zero], [zero, B]]))
    S = np.linalg.inv(A + np.eye(3)), np.linalg.inv(B + np.eye(3))
    strong = [p.combined(1.0, 1.0), q.combined(1.0, 1.0)]
    assert holds(parallel_properties(strong), np.linalg.inv(S[0] + S[1]))
    R, C = np.linalg.inv(np.eye(3) + A), 2 * np.linalg.inv(np.eye(3) + B) - np.eye(3)
    assert holds(composition_properties([p.resolvent(1.0), q.cayley(1.0)]), R @ C)


@few
@given(monotone(2, strongly=True), positive)
def test_rules_that_lose_nothing_are_undone(M, c):
    p = operator(M).properties
    for back in (
        p.inverse().inverse(),
        p.scaled(c).scaled(1 / c),
        p.combined(c, 2.0).combined(-c / 2, 0.5),
    ):
        assert close(back.strong_monotonicity, p.strong_monotonicity)
        assert close(back.lipschitz, p.lipschitz)
        assert close(back.cocoercivity, p.cocoercivity)


@few
@given(worst(), positive)
def test_constants_of_a_general_operator_are_the_formulas_and_tight(case, alpha):
    M, m, L = case
    p = Properties.of(strong_monotonicity=m, lipschitz=L)
    eye = np.eye(2)
    R = np.linalg.inv(eye + alpha * M)
    assert close(p.cocoercivity, m / L**2)
    assert close(p.cocoercivity, comonotonicity(M))
    assert close(p.inverse().lipschitz, 1 / m)
    cayley = math.sqrt(1 - 4 * alpha * m / (1 + 2 * alpha * m + alpha**2 * L**2))
    assert close(p.cayley(alpha).lipschitz, cayley)
    assert close(p.cayley(alpha).lipschitz, lipschitz(2 * R - eye))
    forward = math.sqrt(1 - 2 * alpha * m + alpha**2 * L**2)
    assert close(p.combined(1, -alpha).lipschitz, forward)
    assert close(p.combined(1, -alpha).lipschitz, lipschitz(eye - alpha * M))
    resolvent = p.resolvent(alpha)
    assert resolvent.lipschitz <= 1 / (1 + alpha * m) * (1 + 1e-9)
    assert lipschitz(R) <= resolvent.lipschitz * (1 + 1e-9)


@few
@given(worst_gradient(), positive)
def test_constants_of_a_gradient_are_the_formulas_and_tight(case, alpha):
    M, m, L = case
    p = Properties.of(strong_monotonicity=m, lipschitz=L, gradient=True)
    eye = np.eye(2)
    R = np.linalg.inv(eye + alpha * M)
    assert close(p.cocoercivity, 1 / L)
    assert close(p.resolvent(alpha).lipschitz, 1 / (1 + alpha * m))
    assert close(p.resolvent(alpha).lipschitz, lipschitz(R))
    cayley = max((1 - alpha * m) / (1 + alpha * m), (alpha * L - 1) / (alpha * L + 1))
    assert close(p.cayley(alpha).lipschitz, cayley)
    assert close(p.cayley(alpha).lipschitz, lipschitz(2 * R - eye))
    forward = max(abs(1 - alpha * m), abs(1 - alpha * L))
    assert close(p.combined(1, -alpha).lipschitz, forward)
    assert close(p.combined(1, -alpha).lipschitz, lipschitz(eye - alpha * M))


@few
@given(positive, positive)
def test_a_resolvent_of_a_strongly_monotone_operator(m, alpha):
    p = Properties.of(strong_monotonicity=m, maximal=True)
    assert close(p.resolvent(alpha).lipschitz, 1 / (1 + alpha * m))
    assert close(p.resolvent(alpha).cocoercivity, 1 + alpha * m)
    assert p.resolvent(alpha).maximal
    assert close(p.cayley(alpha).lipschitz, 1.0)


@few
@given(positive, st.floats(0.01, 1.99))
def test_averagedness_of_a_forward_step(β, part):
    alpha = part * β
    p = Properties.of(cocoercivity=β)
    assert close(p.lipschitz, 1 / β)
    assert close(p.combined(1, -alpha).averagedness, alpha / (2 * β))
    assert p.combined(1, -2.01 * β).averagedness is None


@few
@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_averagedness_of_a_composition_and_a_relaxation(s, t):
    p, q = Properties.of(averagedness=s), Properties.of(averagedness=t)
    assert close(p.averagedness, s)
    expected = (s + t - 2 * s * t) / (1 - s * t)
    assert close(composition_properties([p, q]).averagedness, expected)
    relaxed = p.combined(1 - t, t)
    assert close(relaxed.averagedness, t * s)
    assert close(p.lipschitz, 1.0)


@few
@given(monotone(2, strongly=True), positive)
def test_averagedness_of_a_resolvent(M, alpha):
    R = np.linalg.inv(np.eye(2) + alpha * M)
    p = operator(M).properties.resolvent(alpha)
    assert p.averagedness <= 0.5 + 1e-9
    assert averagedness(R) <= p.averagedness + 1e-9


@few
@given(positive, positive, positive, positive)
def test_sums_add(m, n, more, excess):
    p = Properties.of(strong_monotonicity=m, lipschitz=m + more)
    q = Properties.of(strong_monotonicity=n, lipschitz=n + excess)
    total = sum_properties([p, q])
    assert total.strong_monotonicity >= (m + n) * (1 - 1e-9)
    assert close(total.lipschitz, m + n + more + excess)
    assert total.maximal
    β = 1 / (1 / p.cocoercivity + 1 / q.cocoercivity)
    assert total.cocoercivity >= β * (1 - 1e-9)


@few
@given(positive, st.floats(1.1, 1e3), st.floats(0.01, 0.99), st.floats(-4, 4))
def test_the_constant_of_a_forward_step_is_that_of_its_image(m, ratio, part, size):
    """‖(I − αA)x‖ ≤ ℓ‖x‖, of an m-strongly monotone, L-Lipschitz and cocoercive A."""
    L = m * ratio
    for known in (
        Properties.of(strong_monotonicity=m, lipschitz=L),
        Properties.of(strong_monotonicity=m, lipschitz=L, gradient=True),
        Properties.of(strong_monotonicity=-m, lipschitz=L),
        Properties.of(lipschitz=L, cocoercivity=part / L),
    ):
        alpha = 10.0**size / L
        expected = known.transform(((1.0, 0.0), (1.0, -alpha))).lipschitz
        assert known.step_lipschitz(alpha) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert Properties.of(strong_monotonicity=m).step_lipschitz(1.0) is None


@few
@given(st.integers(-25, 25), positive, st.floats(1.1, 10))
def test_constants_do_not_depend_on_the_unit(power, m, ratio):
    c = 10.0**power
    for gradient in (False, True):
        p = Properties.of(strong_monotonicity=c * m, lipschitz=c * m * ratio, gradient=gradient)
        assert p.strong_monotonicity == pytest.approx(c * m, rel=1e-12)
        assert p.lipschitz == pytest.approx(c * m * ratio, rel=1e-12)
        assert p.cocoercivity == pytest.approx(
            1 / (c * m * ratio) if gradient else m / (m * ratio) ** 2 / c, rel=1e-12
        )


@few
@given(st.floats(-9, 9), st.floats(-12, 0), st.floats(-9, 9), st.booleans())
def test_a_cayley_operator_is_nonexpansive_at_every_scale(size, part, step, gradient):
    L, alpha = 10.0**size, 10.0**step
    p = Properties.of(strong_monotonicity=L * 10.0**part, lipschitz=L, gradient=gradient)
    assert p.cayley(alpha).lipschitz <= 1 + 1e-6
    q = Properties.of(monotone=True, maximal=True).cayley(alpha)
    half = composition_properties([p.cayley(alpha), q]).combined(0.5, 0.5)
    assert half.averagedness == pytest.approx(0.5, abs=1e-6) or half.averagedness < 0.5


@few
@given(st.floats(-9, 9), st.floats(-9, 9))
def test_constants_of_images_are_known_to_a_rounding_at_every_scale(size, step):
    c, alpha = 10.0**size, 10.0**step
    p = Properties.of(strong_monotonicity=c, lipschitz=c, gradient=True)
    k, r = (1 - alpha * c) / (1 + alpha * c), 1 / (1 + alpha * c)
    C, R = p.cayley(alpha), p.resolvent(alpha)
    rounding = 4 * np.finfo(float).eps
    assert abs(C.strong_monotonicity - k) <= rounding
    assert abs(C.lipschitz - abs(k)) <= rounding
    θ = 1.0 if C.averagedness is None else C.averagedness  # which is no constant
    assert abs(θ - (1 - k) / 2) <= rounding
    assert R.strong_monotonicity == pytest.approx(r, rel=rounding)
    assert R.lipschitz == pytest.approx(r, rel=rounding)
    assert R.cocoercivity == pytest.approx(1 / r, rel=rounding)
    assert R.inverse().combined(-1.0, 1.0).lipschitz == pytest.approx(
        alpha * c, rel=rounding * (1 + 1 / (alpha * c))
    )


@pytest.mark.parametrize("L", [1e-170, 1e-30, 1.0, 1e30, 1e170])
def test_no_lipschitz_constant_vanishes_or_overflows(L):
    p = Properties.of(monotone=True, lipschitz=L)
    assert p.lipschitz == L
    assert p.scaled(3.0).lipschitz == pytest.approx(3 * L, rel=1e-15)
    assert p.inverse().cocoercivity is None or p.inverse().cocoercivity > 0


@pytest.mark.parametrize(
    "declared",
    [
        {"strong_monotonicity": 2.0, "lipschitz": 1.0},
        {"strong_monotonicity": 2e-20, "lipschitz": 1e-20},
        {"strong_monotonicity": 2.0, "cocoercivity": 1.0},
        {"strong_monotonicity": 0.5, "lipschitz": 1.0, "skew": True},
        {"lipschitz": -1.0},
        {"lipschitz": math.nan},
        {"averagedness": 1.5},
        {"strong_monotonicity": math.nan},
        {"cocoercivity": math.nan},
    ],
    ids=str,
)
def test_contradictory_declarations_are_refused(declared):
    with pytest.raises(ValueError, match="|".join(declared)):
        Properties.of(**declared)


def test_unknown_stays_unknown():
    p = Properties()
    rules = [
        p, p.inverse(), p.scaled(2.0), p.combined(1, -1), p.resolvent(1.0), p.cayley(1.0),
        p.argument_scaled(2.0), p.yosida(1.0), p.partially_inverted(), parallel_properties([p, p]),
        p.pulled_back(0.0, 1.0), sum_properties([p, p]), composition_properties([p, p]),
        block_properties([p, p]),
    ]  # fmt: skip
    for q in rules:
        assert q.strong_monotonicity is q.lipschitz is q.cocoercivity is q.averagedness is None
        assert not q.monotone
        assert not q.maximal
    half = Properties.of(lipschitz=1.0)
    assert sum_properties([p, half]).lipschitz is None
    assert composition_properties([half, p]).lipschitz is None
    assert half.strong_monotonicity == -1.0
    monotone_only = Properties.of(monotone=True)
    assert monotone_only.lipschitz is monotone_only.cocoercivity is None
    assert monotone_only.strong_monotonicity == 0.0
    assert not monotone_only.maximal


def test_maximality_is_known_where_a_theorem_says_so():
    continuous = Properties.of(monotone=True, lipschitz=1.0)
    cone = Properties.of(monotone=True, maximal=True)
    assert continuous.maximal
    assert cone.inverse().maximal
    assert cone.scaled(2.0).maximal
    assert not cone.scaled(-2.0).maximal
    assert sum_properties([continuous, cone]).maximal
    assert not sum_properties([cone, cone]).maximal
    assert not cone.pulled_back(0.0, 1.0).maximal


def test_maximal_means_maximal_monotone():
    assert Properties.of(maximal=True).strong_monotonicity == 0.0
    for bad in ({"strong_monotonicity": -1.0}, {"cocoercivity": -0.5}):
        ((name, value),) = bad.items()
        with pytest.raises(ValueError, match=f"maximal = True with {name} = {value}.*≥ 0"):
            Properties.of(maximal=True, **bad)
        with pytest.raises(ValueError, match=f"A: maximal = True with {name} = {value}"):
            sk.Operator.from_callable(resolvent=lambda y, a: y, maximal=True, name="A", **bad)
        for p in (Properties.of(**bad), Properties.of(lipschitz=2.0), Properties()):
            with pytest.raises(ValueError, match="only a monotone operator is maximal monotone"):
                p.as_maximal()


def test_no_weakly_convex_function_passes_for_a_convex_one():
    class Weak(Function):
        strong_convexity = -1.0

    with pytest.raises(ValueError, match=r"strong_convexity = -1\.0 with convex = True"):
        sk.Subdifferential(Weak()).properties  # noqa: B018


@given(st.floats(-3, 3), st.floats(0.1, 3), st.floats(-3, 3))
def test_no_image_of_a_graph_is_maximal_without_being_monotone(a, b, m):
    known = [
        Properties.of(strong_monotonicity=m),
        Properties.of(strong_monotonicity=m, lipschitz=4),
    ]
    if m >= 0:
        known.append(Properties.of(strong_monotonicity=m, maximal=True))
    for p in known:
        for image in (
            p, p.inverse(), p.scaled(b), p.scaled(-b), p.combined(a, b), p.combined(a, -b),
            p.argument_scaled(-b), p.partially_inverted(), p.pulled_back(0.0, b),
            sum_properties([p, Properties.of(strong_monotonicity=a, lipschitz=4)]),
            block_properties([p, Properties.of(strong_monotonicity=abs(a), maximal=True)]),
            parallel_properties([p, Properties.of(strong_monotonicity=b, lipschitz=4)]),
        ):  # fmt: skip
            assert image.monotone or not image.maximal


def test_the_zero_operator_and_its_inverse():
    zero = sk.Zero()
    assert zero.lipschitz == zero.strong_monotonicity == 0.0
    assert zero.cocoercivity == math.inf
    point = zero.inverse
    assert point.strong_monotonicity == math.inf
    assert point.lipschitz is None
    assert point.resolvent(1.0).lipschitz == 0.0
    assert (point + sk.Identity()).strong_monotonicity == math.inf


def test_an_infinite_strong_monotonicity_can_be_declared():
    p = Properties.of(strong_monotonicity=math.inf, maximal=True)
    assert p.strong_monotonicity == math.inf
    assert p.inverse().lipschitz == 0.0
    assert p.resolvent(2.0).lipschitz == 0.0


def test_pulling_back_by_a_map_of_unknown_norm_claims_no_constant():
    class Unknown(sk.LinearOperator):
        pass

    pulled = sk.Affine(np.array([[1.0, 1.0], [-1.0, 0.0]])).pullback(Unknown())
    assert pulled.strong_monotonicity == 0.0
    assert pulled.lipschitz is None


def test_skew_is_read_back():
    rotation = sk.Affine(np.array([[0.0, 2.0], [-2.0, 0.0]]))
    assert rotation.properties.skew
    assert rotation.lipschitz == pytest.approx(2.0)
    assert rotation.cocoercivity is None
    assert rotation.cayley(0.5).lipschitz == pytest.approx(1.0)
    assert not sk.Identity().properties.skew


# -- worst cases: a point z of the plane is the matrix of x ↦ zx, and the set of those that an
# operator's constants allow is its scaled relative graph ------------------------------------------


def graph_of(kind, m, L, count=4001):
    """The border of the scaled relative graph of all operators with these constants."""
    if kind == "gradient":  # the circle on the diameter [m, L]
        angle = np.linspace(0, np.pi, count)
        return (m + L) / 2 + (L - m) / 2 * np.exp(1j * angle)
    top = math.sqrt(L * L - m * m)
    chord = m + 1j * np.linspace(0, top, count)
    arc = L * np.exp(1j * np.linspace(0, math.atan2(top, m), count))
    return np.concatenate([chord, arc])


IMAGES = {
    "argument_scaled": (lambda p, c: p.argument_scaled(c), lambda z, c: c * c * z),
    "yosida": (lambda p, c: p.yosida(c), lambda z, c: z / (1 + c * z)),
    "inverse": (lambda p, c: p.inverse(), lambda z, c: 1 / z),
    "resolvent": (lambda p, c: p.resolvent(c), lambda z, c: 1 / (1 + c * z)),
    "cayley": (lambda p, c: p.cayley(c), lambda z, c: (1 - c * z) / (1 + c * z)),
    "combined": (lambda p, c: p.combined(c, -0.5), lambda z, c: c - 0.5 * z),
}


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize("kind", ["gradient", "general"])
@few
@given(positive, st.floats(1.05, 20), positive)
def test_no_constant_of_a_graphs_image_could_be_better(kind, name, m, ratio, c):
    rule, image = IMAGES[name]
    L = m * ratio
    p = rule(Properties.of(strong_monotonicity=m, lipschitz=L, gradient=kind == "gradient"), c)
    z = image(graph_of(kind, m, L), c)
    size = np.abs(z).max()
    least, greatest = z.real.min(), np.abs(z).max()
    assert p.strong_monotonicity <= least + SLACK * size
    assert p.strong_monotonicity == pytest.approx(least, rel=1e-6, abs=1e-4 * size)
    assert p.lipschitz >= greatest - SLACK * size
    assert p.lipschitz == pytest.approx(greatest, rel=1e-6)
    if p.comonotonicity is None:  # 0 lies within
        assert least < SLACK * size
    elif np.abs(z).min() > 1e-3 * size:
        largest = 1 / np.abs(z).min()
        comonotone = (1 / z).real.min()
        assert p.comonotonicity <= comonotone + SLACK * largest
        assert p.comonotonicity == pytest.approx(comonotone, rel=1e-6, abs=1e-4 * largest)


@few
@given(positive)
def test_the_partial_inverse_of_a_multiple_of_the_identity_is_the_worst_case(c):
    p = Properties.of(strong_monotonicity=c, lipschitz=c, gradient=True).partially_inverted()
    M = partial_inverse(c * np.eye(2))
    assert close(p.strong_monotonicity, min(c, 1 / c))
    assert close(p.lipschitz, max(c, 1 / c))
    assert close(strong_monotonicity(M), min(c, 1 / c))
    assert close(lipschitz(M), max(c, 1 / c))
    assert not p.gradient


@few
@given(positive, positive)
def test_parallel_sums_of_multiples_of_the_identity_are_the_worst_case(a, b):
    parts = [
        Properties.of(strong_monotonicity=c, lipschitz=c, gradient=True, maximal=True)
        for c in (a, b)
    ]
    p = parallel_properties(parts)
    assert close(p.strong_monotonicity, a * b / (a + b))
    assert close(p.lipschitz, a * b / (a + b))
    assert p.maximal
    assert p.gradient


def test_what_partial_inverses_keep():
    skew = Properties.of(skew=True, lipschitz=2.0, linear=True).partially_inverted()
    assert skew.skew
    assert skew.linear
    cone = Properties.of(monotone=True, maximal=True).partially_inverted()
    assert cone.maximal
    assert cone.strong_monotonicity == 0.0
    assert cone.lipschitz is None


@pytest.mark.parametrize("β", [1.4477361246246463, *np.geomspace(1e-3, 1e3, 200)])
def test_a_partial_inverse_of_a_cocoercive_operator_is_monotone_and_no_more(β):
    """x ↦ ux with u → 0 is β-cocoercive, and its partial inverse is not Lipschitz."""
    p = Properties.of(cocoercivity=float(β)).partially_inverted()
    assert p.strong_monotonicity == 0
    assert p.lipschitz is None


@pytest.mark.parametrize("m", [1e-12, 1e-9, 1e-5, 1e-2, 1.0])
def test_a_partial_inverse_keeps_a_small_strong_monotonicity(m):
    """k = inf s/(1 + w) is m/(1 + L²): at s = m, w = L²."""
    p = Properties.of(strong_monotonicity=m, lipschitz=3.0).partially_inverted()
    (k,) = {-a for a, b, c in p.forms if a == c and a}
    assert k == pytest.approx(m / 10, rel=1e-9)
