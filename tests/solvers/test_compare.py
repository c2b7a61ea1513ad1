"""One inclusion by several methods: all that converge agree, and what is refused says why."""

import numpy as np
import pytest

import splitkit as sk

rng = np.random.default_rng(0)
M = np.eye(4) + (lambda S: S - S.T)(rng.normal(size=(4, 4)))
INCLUSION = sk.Affine(M, rng.normal(size=4)) + sk.NormalCone(sk.functions.Box(-0.3, 0.3))


def test_all_guaranteed_methods_agree():
    compared = sk.compare(INCLUSION, np.zeros(4), max_iter=100_000)
    labels = {
        option.method.label for option in sk.explain(INCLUSION).options if option.guarantee.holds
    }
    assert set(compared.solutions) <= labels
    assert len(compared.solutions) >= 10
    assert compared.refused == {}
    reference = sk.solve(INCLUSION, np.zeros(4), tol=1e-12).x
    for name, solution in compared.solutions.items():
        assert solution.converged, name
        # the primal-dual methods have a residual of the pair, and so no bound
        bound = 1e-6 if solution.error_bound is None else float(solution.error_bound)
        assert np.linalg.norm(solution.x - reference) <= bound + 1e-11, name
    assert compared.plot().get_lines()
    assert len(str(compared).split("\n")) == 1 + len(compared.solutions)


def test_methods_of_one_name_are_told_apart_and_a_refusal_is_kept():
    methods = [sk.DouglasRachford(alpha=0.5), sk.DouglasRachford(alpha=2.0), sk.FISTA()]
    compared = sk.compare(INCLUSION, np.zeros(4), methods)
    assert [repr(method) for method in methods[:2]] == list(compared.solutions)
    assert list(compared.refused) == ["FISTA"]
    assert "refused" in repr(compared)
    with pytest.raises(sk.NoGuaranteeError):
        sk.compare(INCLUSION, np.zeros(4), [sk.FISTA()])


def test_what_is_no_sequence_of_methods_is_refused():
    with pytest.raises(ValueError, match="methods is empty"):
        sk.compare(INCLUSION, np.zeros(4), [])
    with pytest.raises(TypeError, match="give methods"):
        sk.compare(INCLUSION, np.zeros(4), ["fista"])
