"""What the strategies promise: exact constants, singular values, solutions, any library."""

import numpy as np
import pytest
from hypothesis import HealthCheck, find, given, settings, strategies as st

import splitkit as sk
from splitkit.backend import device, namespace, to_numpy
from splitkit.testing import check_operator, strategies

quick = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
constants = st.sampled_from([(0.5, 2.0), (0.0, 1.0), (1.0, 1.0)])


def test_step_sizes_of_every_size_shrink_to_one():
    plain = settings(database=None, derandomize=True)
    assert find(strategies.step_sizes(), lambda alpha: True, settings=plain) == 1.0
    for low, high in ((0.01, 0.02), (0.5, 0.9), (60.0, 100.0)):
        found = find(
            strategies.step_sizes(), lambda a, b=(low, high): b[0] < a < b[1], settings=plain
        )
        assert low < found < high


@quick
@given(st.data(), st.integers(2, 7), constants)
def test_matrices_have_exactly_these_constants(data, n, bounds):
    for kind in strategies.KINDS:
        M = data.draw(strategies.matrices(n, *bounds, kinds=(kind,)))
        assert np.linalg.eigvalsh((M + M.T) / 2)[0] == pytest.approx(bounds[0], abs=1e-12)
        assert np.linalg.norm(M, 2) == pytest.approx(bounds[1])
        if kind == "gradient":
            np.testing.assert_allclose(M, M.T, atol=1e-14)


@pytest.mark.parametrize("n", [2, 3, 6])
def test_a_rotation_is_the_worst_case_everywhere(n):
    M, x = strategies.rotation(n, 0.5, 2.0), np.random.default_rng(0).standard_normal(n)
    x[n - n % 2 :] = 0
    assert x @ M @ x == pytest.approx(0.5 * (x @ x))
    assert np.linalg.norm(M @ x) == pytest.approx(2 * np.linalg.norm(x))


@quick
@given(A=strategies.operators(4, strong_monotonicity=0.3, lipschitz=1.5))
def test_operators_keep_what_they_declare(A):
    assert (A.strong_monotonicity, A.lipschitz) == (pytest.approx(0.3), pytest.approx(1.5))
    check_operator(A, (4,), max_examples=2)


@quick
@given(L=strategies.linear_operators(3, 5, (2.0, 1.0, 0.5)))
def test_linear_maps_have_these_singular_values(L):
    np.testing.assert_allclose(np.linalg.svd(L.matrix)[1], [2.0, 1.0, 0.5])
    assert (L.norm, L.gram) == (pytest.approx(2.0), None)


@quick
@given(st.data(), st.integers(2, 5))
def test_the_solution_of_an_inclusion_is_known(data, n):
    known = data.draw(strategies.inclusions(n))
    found = sk.solve(known.inclusion, np.zeros(n), tol=1e-10, max_iter=2000, on_failure="return")
    # a row of small constants, whose products with a large x cancel, may be rounding
    assert found.status in ("converged", "precision")
    size = 1 + np.linalg.norm(known.solution) + np.linalg.norm(known.F.q)
    assert np.linalg.norm(found.x - known.solution) <= 1e-7 * size


def test_points_and_operators_of_every_library(xp, dtype):
    @quick
    @given(st.data())
    def run(data):
        x = data.draw(strategies.points(((2,), (3, 2)), xp=xp, dtype=dtype))
        assert [tuple(a.shape) for a in x] == [(2,), (3, 2)]
        known = data.draw(strategies.inclusions(3, xp=xp, dtype=dtype))
        for a in (*x, known.solution, known.F(known.solution)):
            assert namespace(a) is namespace(xp.zeros(1))
            assert (a.dtype, device(a)) == (dtype, device(xp.zeros(1)))
        assert np.isfinite(to_numpy(known.solution)).all()

    run()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: strategies.rotation(1, 0.5, 2.0), "give n ≥ 2"),
        (lambda: strategies.matrices(3, 2.0, 1.0).example(), "0 ≤ m ≤ L"),
        (lambda: strategies.linear_operators(2, 2, (1.0,)).example(), "give 2 non-negative"),
    ],
)
@pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")
def test_what_does_not_exist_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
