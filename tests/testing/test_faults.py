"""Planted faults: each is found by the check of the property that it breaks, and says so."""

import pickle

import array_api_compat.torch
import numpy as np
import pytest
import torch

import splitkit as sk
from splitkit.functions import L1Norm
from splitkit.testing import (
    check_function,
    check_linear_operator,
    check_method,
    check_operator,
    replay,
    suite,
)
from splitkit.testing.strategies import orthogonal
from tests.sampling import is_thorough
from tests.testing.faults import FAULTS, main


def code_in(message):
    """The code at the end of a message."""
    lines = message[message.index("reproduce it:") :].splitlines()[1:]
    return "\n".join(line.strip() for line in lines)


def test_there_are_enough_faults_of_enough_kinds():
    assert len(FAULTS) >= 40
    assert len({fault.property for fault in FAULTS}) >= 40


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_found_by_its_check_and_the_printed_code_shows_it_again(fault):
    violation = fault.found(fault.property)
    assert violation is not None
    assert violation.property == fault.property
    message = str(violation)
    another, *_ = fault.make()
    with pytest.raises(AssertionError) as again, np.errstate(all="ignore"):
        exec(code_in(message), {"A": another})
    assert again.value.property == fault.property
    assert str(again.value).splitlines()[1] == message.splitlines()[1]


@pytest.mark.parametrize(
    "fault", FAULTS[:: 4 if is_thorough() else 12], ids=lambda fault: fault.name
)
def test_a_fault_is_found_among_all_checks(fault):
    assert fault.found(seed=1) is not None


def test_the_table_can_be_printed(capsys, monkeypatch):
    monkeypatch.setattr("tests.testing.faults.FAULTS", FAULTS[:1])
    assert main(["--seeds", "1"]) == 0
    printed = capsys.readouterr().out
    assert "| lipschitz | 1/1 |" in printed
    assert "1 of 1 faults caught every time" in printed


class TurnsOver(sk.Operator):
    """x ↦ x at first, x ↦ −x from some call on."""

    properties = sk.Properties.of(monotone=True)

    def __init__(self, calls):
        self.calls = calls

    def __call__(self, x):
        self.calls -= 1
        return x.copy() if self.calls >= 0 else -x


@pytest.mark.parametrize("calls", [0, 2, 6])
def test_the_code_of_a_message_repeats_the_cases_that_bring_the_object_there(calls):
    with pytest.raises(AssertionError) as found:
        suite(TurnsOver(calls), (2,)).run(only="monotone")
    code = code_in(str(found.value))
    assert (code.count("replay(A") > 1) == (calls > 0)
    with pytest.raises(AssertionError, match="violates monotone"):
        exec(code, {"A": TurnsOver(calls)})


def test_what_is_seen_once_is_reported():
    class Once(TurnsOver):
        def __call__(self, x):
            self.calls -= 1
            return x.copy() if self.calls else -x

    with pytest.raises(AssertionError, match=r"violates monotone(?s:.*)as the checks left it"):
        suite(Once(70), (2,)).run(only="monotone")


def test_a_message_says_what_to_check_again():
    M = sk.DenseMatrix(np.eye(3)[:2])
    with pytest.raises(AssertionError, match="# A: the object that was checked, DenseMatrix"):
        check_linear_operator(M, (3,), (3,))


def test_the_code_of_a_message_names_dtype_device_and_batch():
    A = sk.Operator.from_callable(lambda x: 2 * x, lipschitz=1.9, name="A")
    options = {"xp": array_api_compat.torch, "dtype": torch.float32, "device": "cpu"}
    with pytest.raises(AssertionError) as found:
        check_operator(A, (3, 2), batch_ndim=1, **options)
    code = code_in(str(found.value))
    assert "dtype=xp.float32, device='cpu', batch_ndim=1)" in code
    with pytest.raises(AssertionError, match="violates lipschitz"):
        exec(code, {"A": A})


def test_a_dtype_that_is_not_floating_is_refused():
    with pytest.raises(TypeError, match="give a floating one"):
        check_operator(sk.Identity(), (3,), dtype=np.int64)


def test_a_message_holds_formula_points_and_both_sides():
    M = np.diag([1.0, 2.0])
    A = sk.Operator.from_callable(lambda x: M @ x, lipschitz=1.9, name="stretch")
    with pytest.raises(AssertionError) as found:
        check_operator(A, (2,))
    lines = str(found.value).splitlines()
    assert lines[0] == "stretch violates lipschitz:"
    assert "‖u − v‖² ≤ L²‖x − y‖² with L = 1.9" in lines[1]
    left, right = (float(line.split()[1]) for line in lines[2:4])
    assert left / right == pytest.approx(4 / 1.9**2)
    assert lines[4] == "x = xp.asarray([0.0, 0.0], dtype=xp.float64)"


def test_a_violation_travels_between_processes():
    with pytest.raises(AssertionError) as caught:
        check_operator(sk.Affine(sk.DenseMatrix(np.eye(2), lipschitz=0.5)), (2,))
    message = str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == message


def test_a_counterexample_found_by_search_is_simplified():
    M = orthogonal(np.random.default_rng(0), 10)
    M = M @ np.diag(np.linspace(1.0, 2.0, 10)) @ M.T
    A = sk.Operator.from_callable(lambda x: M @ x, lipschitz=1.99)
    with pytest.raises(AssertionError) as found:
        check_operator(A, (10,))
    y = found.value.where["y"]
    assert np.array_equal(found.value.where["x"], np.zeros(10))
    assert np.array_equal(y, np.round(y, 1))


def test_a_message_is_the_same_at_every_call_and_seeds_differ():
    fault = next(each for each in FAULTS if each.name == "not monotone, far from 0")
    assert str(fault.found()) == str(fault.found())
    messages = {str(fault.found(seed=seed)) for seed in range(3)}
    assert len(messages) > 1


def test_replay_refuses_what_it_does_not_know():
    case = (np.zeros(3), np.ones(3), 1.0, 0.3)
    replay(sk.Identity(), (3,), check="lipschitz", case=case)
    with pytest.raises(ValueError, match=r"check = 'norm'.*lipschitz"):
        replay(sk.Identity(), (3,), check="norm", case=case)
    with pytest.raises(TypeError, match="is a str"):
        replay("operator", (3,), check="norm", case=case)


@pytest.mark.parametrize(
    ("check", "arguments", "wrong"),
    [
        (check_operator, (L1Norm(), (3,)), "no operator: check_function is for it"),
        (check_operator, (sk.Identity, (3,)), r"give an object of this class, Identity\("),
        (check_operator, (np.sin, (3,)), r"no operator: .*Operator\.from_callable"),
        (check_function, (sk.Identity(), (3,)), "no function: check_operator is for it"),
        (check_linear_operator, (np.eye(3), (3,), (3,)), r"(?s)no linear map: .*DenseMatrix"),
        (check_method, (sk.DouglasRachford,), r"an object of this class, DouglasRachford\("),
        (check_method, (sk.Identity(),), "no method: check_operator is for it"),
    ],
)
def test_what_is_not_of_the_kind_is_refused(check, arguments, wrong):
    with pytest.raises(TypeError, match=wrong):
        check(*arguments)


def test_an_error_of_the_operator_itself_carries_the_way_back():
    def broken(x):
        if np.any(x > 0):
            raise RuntimeError("broken")
        return x

    with pytest.raises(RuntimeError, match="broken") as found:
        check_operator(sk.Operator.from_callable(broken), (2,))
    (note,) = found.value.__notes__  # Hypothesis' own, which names an inner function, is left out
    assert "replay(A, (2,)" in note


def test_a_batch_that_the_function_was_not_made_for_is_named():
    with pytest.raises(ValueError, match=r"batch_ndim = 0.*make it with batch_ndim=1"):
        check_function(L1Norm(), (4, 3), batch_ndim=1)
    check_function(L1Norm(batch_ndim=1), (4, 3), batch_ndim=1, max_examples=2)


def test_a_wrong_shape_of_the_values_is_named_by_its_argument():
    L = sk.DenseMatrix(np.eye(3)[:2])
    with pytest.raises(AssertionError, match="Lx has the shape that was given as range_shape"):
        check_linear_operator(L, (3,), (3,))


def test_a_step_size_that_is_not_aligned_is_told_how():
    A = sk.Operator.from_callable(
        resolvent=lambda y, alpha: y / (1 + alpha), strong_monotonicity=1.0, maximal=True
    )
    with pytest.raises(AssertionError, match=r"(?s)step_of_each_element.*align\(alpha, x\)"):
        check_operator(A, (4, 3), batch_ndim=1)


@pytest.mark.parametrize("xp", [np, torch], ids=["numpy", "torch"])
def test_a_library_may_be_given_as_it_is_imported(xp):
    check_operator(sk.Identity(), (3,), xp=xp, dtype=xp.float32, max_examples=5)


@pytest.mark.parametrize(
    ("options", "error", "wrong"),
    [
        ({"xp": "torch"}, TypeError, "xp = 'torch'"),
        ({"dtype": "float32"}, TypeError, r"dtype = 'float32'.*xp\.float32"),
        ({"shape": 3}, TypeError, "shape = 3"),
        ({"shape": (3.5,)}, TypeError, r"shape = \(3.5,\)"),
        ({"shape": (2, (3,))}, TypeError, "shape = "),
        ({"shape": (-3,)}, ValueError, r"shape = \(-3,\)"),
        ({"shape": ()}, ValueError, r"shape = \(\).*give \(1,\)"),
        ({"device": "nowhere"}, ValueError, "device = 'nowhere'"),
        ({"max_examples": 0}, ValueError, "max_examples = 0"),
        ({"max_examples": "9"}, TypeError, "max_examples = '9'"),
        ({"seed": -1}, ValueError, "seed = -1"),
        ({"seed": None}, TypeError, "seed = None"),
    ],
)
def test_wrong_arguments_are_named(options, error, wrong):
    with pytest.raises(error, match=wrong):
        check_operator(sk.Identity(), **{"shape": (3,), **options})


@pytest.mark.parametrize(("shape", "batch_ndim"), [((0,), 0), ((0, 3), 1)])
def test_points_may_be_empty(shape, batch_ndim):
    check_operator(sk.Identity(), shape, batch_ndim=batch_ndim)
    check_function(L1Norm(batch_ndim=batch_ndim), shape)


def test_an_empty_point_keeps_its_shape_in_the_code():
    A = sk.Operator.from_callable(lambda x: x[None], monotone=True)
    with pytest.raises(AssertionError, match=r"xp\.zeros\(\(0, 3\), dtype=xp\.float64\)"):
        check_operator(A, (0, 3), batch_ndim=1)


@pytest.mark.parametrize("xp", [np, torch], ids=["numpy", "torch"])
def test_a_point_that_was_changed_is_printed_as_it_was(xp):
    def absolute(x):
        x[x < 0] *= -1
        return x

    A = sk.Operator.from_callable(absolute, lipschitz=1.0, name="absolute")
    with pytest.raises(AssertionError) as found:
        suite(A, (2,), xp=xp).run(only="no_mutation")
    message = str(found.value)
    assert "left:  [" in message
    assert "x = xp.asarray([" in message
    assert "shows nothing" not in message
    with pytest.raises(AssertionError, match="violates no_mutation"):
        exec(code_in(message), {"A": A})


def test_a_map_between_two_spaces_that_does_not_say_so_is_told_what_to_define():
    class Differences(sk.LinearOperator):
        def __call__(self, x):
            return x[1:] - x[:-1]

    with pytest.raises(AssertionError, match=r"(?s)defines range_space.*left:  \(3,\)\n.*\(2,\)"):
        suite(Differences(), (3,), (2,)).run(only="range_space")


def test_sides_that_nearly_agree_are_printed_in_full():
    A = sk.Operator.from_callable(
        lambda x: x,
        resolvent=lambda y, alpha: (1 + 1e-10) * y / (1 + alpha),
        strong_monotonicity=1.0,
    )
    with pytest.raises(AssertionError) as found:
        check_operator(A, (2,))
    lines = str(found.value).splitlines()
    assert lines[2].removeprefix("left:  ") != lines[3].removeprefix("right: ")
