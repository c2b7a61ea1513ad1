"""Methods keep what they guarantee; tests/testing/faults.py plants some that do not."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import splitkit as sk
from splitkit.backend import Space, solving
from splitkit.solvers.methods import METHODS
from splitkit.testing import check_method, suite
from splitkit.testing._inclusions import known_term
from splitkit.testing._place import Place
from splitkit.testing.checks_method import AtMethod
from tests.sampling import is_thorough, sampled
from tests.testing.conformance import method_check

# whose theorem is of function values, or of residuals: no energy of points
OF_VALUES = (sk.FISTA, sk.AdaptiveProximalGradient, sk.AcceleratedProximalPoint)
# constant steps: where both are left open they may follow the residuals
CONSTANT = {kind: {"tau": 0.2} for kind in (sk.CondatVu, sk.ChambollePock, sk.PD3O)}
CONSTANT[sk.ADMM] = {"balance": False}
WRAPPED = (
    sk.Anderson(sk.DavisYin()),
    sk.Halpern(sk.DouglasRachford()),
    sk.Inertial(sk.DouglasRachford(), inertia=0.2),
    sk.Relaxed(sk.ProximalPoint(), relaxation=1.5),
)


@pytest.mark.parametrize("kind", METHODS, ids=lambda kind: kind.label)
def test_each_method(kind):
    check_method(kind(), max_examples=2 if is_thorough() else 1)


EVERYWHERE = [sk.DavisYin, sk.MalitskyTam]


@sampled(lambda given: EVERYWHERE.index(given["kind"]))
@pytest.mark.parametrize("kind", EVERYWHERE)
def test_methods_on_each_library(kind, xp_backend, xp, dtype):
    if xp_backend.name == "numpy":
        suite(kind(), xp=xp, dtype=dtype).run(max_examples=1, only="solution")
    else:  # which computes the same, where it has what is called
        method_check(kind)(xp, dtype, 1)


@pytest.mark.parametrize("method", WRAPPED, ids=lambda method: method.label)
def test_accelerated_methods(method):
    check_method(method, max_examples=1)


@pytest.mark.parametrize("kind", METHODS, ids=lambda kind: kind.label)
def test_what_is_promised_of_each_method_is_known(kind):
    at = AtMethod(kind(**CONSTANT.get(kind, {})), Place.of((4,)), "gradient", 0)
    terms, _ = at.guaranteed
    iteration = at.method.bind(*terms)
    with solving(at.start):
        first = iteration.begin(at.start, Space.of(at.start))
        second = iteration.step(first)
        known = kind.averaged or iteration.energy(first, second, first) is not None
    assert known == (kind not in OF_VALUES)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("rows", [None, 3])
def test_the_known_element_is_a_subgradient(rows, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(4)
    L = None if rows is None else rng.standard_normal((rows, 4))
    A, element = known_term(rng, x, L, np.asarray)
    # ∂h(· − v), where L is not given, is (∂h)(· − v)
    h = A if L is None else A.A
    f = h.A.f.translate(h.v) if L is None else h.A.f.translate(h.v) @ sk.DenseMatrix(L)
    for d in rng.standard_normal((50, 4)):
        assert f(x + d) >= f(x) + element @ d - 1e-12


class Tripling(sk.Iteration):
    """u⁺ = 3u."""

    def advance(self, u):
        return 3 * u, (u,)


@dataclass(frozen=True, kw_only=True)
class Diverging(sk.Method):
    """‖u‖ overflows long before u does."""

    label: ClassVar[str] = "diverging"
    roles: ClassVar[tuple[sk.Role, ...]] = (sk.Role.RESOLVED,)
    averaged: ClassVar[bool] = True
    sequence: ClassVar[str] = "u"

    def theorem(self, A):
        return sk.Guarantee(True, None, "claimed", self.sequence)

    def iteration(self, A):
        return Tripling()


def test_an_iteration_that_overflows_is_not_taken_for_one_at_its_limit():
    with pytest.raises(AssertionError, match=r"violates fejer:\n    ‖u‖ stays bounded"):
        suite(Diverging()).run(max_examples=1, only="fejer")


def test_what_is_no_method_is_refused():
    with pytest.raises(TypeError, match="no method: give one such as"):
        check_method("Douglas-Rachford")
