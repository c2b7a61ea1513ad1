"""Everything that stands goes through its public check, on each library and dtype."""

import types

import numpy as np
import pytest

import splitkit as sk
from splitkit.solvers.methods import METHODS
from splitkit.testing import registered, replay
from splitkit.testing.registry import COMBINATORS, exported
from tests.sampling import examples, is_searched, of_pairs, sampled

THINGS = registered()


@sampled(lambda given: THINGS.index(given["thing"]), of_pairs)
@pytest.mark.parametrize("thing", THINGS, ids=str)
def test_keeps_what_it_declares(thing, xp_backend, xp, dtype):
    made, *_ = thing.make()
    count = examples(made, xp_backend, dtype == xp.float64)
    thing.check(xp=xp, dtype=dtype, max_examples=count, search=is_searched(xp_backend))


ACCUSED = [  # by rounding alone: the thing, the property, the case
    ("Slab-1", "fenchel_young", (np.full((2, 3), 28.0181884765625), np.full((2, 3), 1e8),
                                 0.0372, 1.0)),
    ("LeastSquares-1", "resolvent_solves", (np.asarray([[0, 0], [0, 1e4]]), np.zeros((2, 2)),
                                            1.0, 53.8)),
    ("InexactComposition-0", "prox_minimizes", (np.asarray([[0, 0], [0.01, 0]]), np.zeros((2, 2)),
                                                108.0, 1.0)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "check", "case"), ACCUSED, ids=[name for name, *_ in ACCUSED])
def test_what_long_runs_accused_is_acquitted(name, check, case):
    (thing,) = (thing for thing in THINGS if str(thing) == name)
    made, *shapes = thing.make()
    replay(made, *shapes, check=check, case=case)


def test_a_class_without_examples_is_refused(monkeypatch):
    class Forgotten(sk.Operator):
        pass

    monkeypatch.setattr(sk.operators, "Forgotten", Forgotten, raising=False)
    with pytest.raises(LookupError, match=r"Forgotten has no examples"):
        registered()


def test_every_exported_class_is_listed():
    names = {thing.name for thing in THINGS}
    for room in (sk.operators, sk.linear, sk.functions, sk.problems):
        for cls in exported(room):
            given = getattr(cls, "examples", lambda asarray: [])
            assert cls.__name__ in names or given(np.asarray) == [], cls


def test_every_combinator_that_is_built_here_is_exported():
    rooms = (sk.operators, sk.linear, sk.functions, sk.problems)
    assert set(COMBINATORS) <= {cls.__name__ for room in rooms for cls in exported(room)}


def test_every_method_is_public_and_named():
    assert isinstance(sk, types.ModuleType)
    labels = [method.label for method in METHODS]
    assert len(set(labels)) == len(labels)
    for method in METHODS:
        assert getattr(sk, method.__name__) is method
