"""Each property a test of its own, known failures declared."""

import importlib
import sys

import numpy as np
import pytest

import splitkit as sk
from splitkit.testing import parametrize_with_checks, suite
from tests.testing.faults import FAULTS
from tests.testing.test_faults import TurnsOver


class Wavelet(sk.LinearOperator):
    """A rotation, with a norm that does not hold."""

    norm = 0.9

    def __init__(self):
        self.M = np.array([[0.6, 0.8], [-0.8, 0.6]])

    def __call__(self, x):
        return x @ self.M.T

    def adjoint(self, y):
        return y @ self.M


@parametrize_with_checks(
    [
        (sk.Identity(), (3,)),
        (sk.functions.Huber(), (4, 2)),
        (sk.BlockDiagonal((sk.Identity(), sk.Zero())), ((2,), (3,))),
        (sk.DenseMatrix(np.ones((2, 3))), (3,), (2,)),
        (Wavelet(), (2,), (2,), {"norm": "declared below the true one, to see it fail"}),
    ],
    max_examples=5,
)
def test_each_property_by_itself(check):
    check()


def test_every_property_is_a_test_with_its_name():
    mark = parametrize_with_checks([(sk.Identity(), (3,))]).args[1]
    assert [each.id for each in mark] == [f"I-{name}" for name in suite(sk.Identity(), (3,)).names]
    assert "I-strongly_monotone" in [each.id for each in mark]


def test_a_failure_shows_the_line_that_called_and_the_message_and_nothing_between(pytester):
    pytester.makepyfile(
        """
        import splitkit as sk
        from splitkit.testing import check_operator

        def test_stretch():
            A = sk.Operator.from_callable(lambda x: 2 * x, lipschitz=1.9, name="stretch")
            check_operator(A, (2,), max_examples=2)
        """
    )
    done = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    shown = done.stdout.str()
    assert "splitkit.testing.Violation: stretch violates lipschitz" in shown
    assert "_suite.py" not in shown
    assert "checks_operator.py" not in shown


def test_without_hypothesis_it_says_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("splitkit.testing")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sk, "testing", None)  # the package's attribute comes back too
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'splitkit\[testing\]'"):
        importlib.import_module("splitkit.testing")


def test_a_known_failure_that_names_nothing_is_refused():
    with pytest.raises(ValueError, match=r"known failures lipshitz of I name no property.*lipschi"):
        parametrize_with_checks([(sk.Identity(), (3,), {"lipshitz": "a slip"})])


def test_what_is_no_tuple_or_lacks_its_shape_says_what_to_give():
    with pytest.raises(TypeError, match=r"^things has I: give \(thing, shape, …\) tuples"):
        parametrize_with_checks([sk.Identity()])
    with pytest.raises(TypeError, match=r"^things has I with .*'shape': give \(thing, shape, …\)"):
        parametrize_with_checks([(sk.Identity(),)])
    with pytest.raises(TypeError, match=r"'shapes': give \(thing, shape, …\)"):
        parametrize_with_checks([(sk.Identity(), (3,))], shapes=(3,))


class Shared(TurnsOver):
    def __deepcopy__(self, memo):
        raise TypeError("there is only one")


def outcomes(thing, order):
    """Which tests find something, run in this order."""
    found = {}
    for each in parametrize_with_checks([(thing, (2,))], max_examples=2).args[1][::order]:
        try:
            each.values[0]()
        except AssertionError as violation:
            found[each.id] = str(violation)
    return found


@pytest.mark.parametrize("calls", [6, 20])
def test_no_test_sees_what_another_left_in_the_object(calls):
    assert outcomes(TurnsOver(calls), 1) == outcomes(TurnsOver(calls), -1)


def test_what_cannot_be_copied_is_looked_at_itself():
    A = Shared(20)
    assert set(outcomes(A, -1)) == {"Shared-serialization"}
    assert A.calls < 0


def test_what_copying_loses_is_found():
    fault = next(fault for fault in FAULTS if fault.property == "serialization")
    tests = parametrize_with_checks([fault.make()]).args[1]
    (check,) = (each.values[0] for each in tests if each.id.endswith("-serialization"))
    with pytest.raises(AssertionError, match="violates serialization"):
        check()
