"""What docstrings of methods say of them is said by all, and is so."""

import inspect
import re
from collections import Counter

import numpy as np
import pytest

import splitkit as sk
from splitkit.backend import Space
from splitkit.solvers.methods import BY_NAME, METHODS
from splitkit.solvers.methods.drawing import Drawing
from splitkit.solvers.terms import Maps, Role, Term
from tests.docs.hooks import hook

TABLE = hook("_methods")
KINDS = (*METHODS, *BY_NAME, *TABLE.ACCELERATORS)
NAMED = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


@NAMED
def test_a_method_says_what_it_takes_assumes_and_costs(kind):
    assert set(TABLE.facts(kind)) == set(TABLE.COLUMNS)
    doc = inspect.getdoc(kind)
    for wanted in ("\n    ", "NoGuaranteeError", ">>> ", "check : bool"):  # a formula first
        assert wanted in doc, wanted


@NAMED
def test_every_parameter_is_documented(kind):
    documented = inspect.getdoc(kind).partition("\nParameters\n")[2].partition("\nRaises\n")[0]
    entries = re.findall(r"^(\w[\w, ]*) : ", documented, flags=re.MULTILINE)
    names = {name for entry in entries for name in entry.split(", ")}
    assert names == set(inspect.signature(kind).parameters)


class Counting(Maps):
    """Counts how often each kind of map is applied."""

    def __init__(self):
        self.calls = Counter()

    def counted(self, kind, f):
        def apply(x):
            self.calls[kind] += 1
            return f(x)

        return apply

    def evaluation(self, A):
        return self.counted(Role.EVALUATED, super().evaluation(A))

    def valued(self, term):
        return self.counted(Role.EVALUATED, super().valued(term))

    def resolvent(self, A, alpha):
        return self.counted(Role.RESOLVED, super().resolvent(A, alpha))

    def cayley(self, A, alpha):
        return self.counted(Role.RESOLVED, super().cayley(A, alpha))

    def dual_resolvent(self, A, sigma):
        return self.counted(Role.RESOLVED, super().dual_resolvent(A, sigma))

    def solution(self, A, make, H):
        return self.counted(Role.SOLVED, super().solution(A, make, H))


TURN = np.array([[1.0, 1.0], [-1.0, 1.0]])
EVALUATED = sk.Subdifferential(sk.functions.SquaredL2(center=np.array([3.0, -1.0])))
RESOLVED = sk.NormalCone(sk.functions.Box(-1.0, 1.0))


def playing(role):
    if role is Role.COMPOSED:
        return RESOLVED.pullback(TURN)
    return RESOLVED if role is Role.RESOLVED else EVALUATED


# what evaluates parts of a term, or takes support points, applies no map of it that is counted
UNCOUNTED = Drawing, sk.FrankWolfe
COUNTED = [*METHODS, *(kind for kind in BY_NAME if not issubclass(kind, UNCOUNTED))]


@pytest.mark.parametrize("kind", COUNTED, ids=lambda kind: kind.__name__)
def test_an_iteration_applies_the_operators_that_it_says(kind):
    said = Counter()
    for count, what in re.findall(
        r"(\d|n) (\S+(?: \+ \S+)?)", TABLE.facts(kind)["Oracles"].partition(";")[0].rstrip(",")
    ):
        role = Role.SOLVED if "⁻¹" in what and "R_" not in what else Role.EVALUATED
        role = Role.RESOLVED if what.startswith("R_") else role
        if what.rstrip(",") not in ("L", "Lᵀ"):
            said[role] += len(kind.roles) if count == "n" else int(count)
    steps = {"alpha": 0.4, "tau": 0.3, "rho": 1.0}
    taken = inspect.signature(kind).parameters
    method = kind(**{name: value for name, value in steps.items() if name in taken})
    maps = Counting()
    terms = [Term.playing(playing(role), role).seen_by(maps) for role in kind.roles]
    x0 = np.array([0.3, 0.2])
    iteration = method.chosen(*terms).iteration(*terms)
    state = iteration.begin(x0, Space.of(x0))
    for _ in range(3):
        state = iteration.step(state)
    before = maps.calls.copy()
    for _ in range(10):
        state = iteration.step(state)
    found = {role: n / 10 for role, n in (maps.calls - before).items()}
    if "halving" in TABLE.facts(kind)["Oracles"]:  # which applies both once more
        more = found[Role.RESOLVED] - said[Role.RESOLVED]
        assert 0 < more < 1
        said = {role: n + more for role, n in said.items()}
    assert found == pytest.approx(said)
