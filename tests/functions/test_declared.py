"""A function that declares its parameters is made, shown, checked and copied by the declaration."""

import copy
import pickle
from dataclasses import replace
from inspect import signature
from typing import ClassVar

import numpy as np
import pytest

from splitkit.arguments import POSITIVE
from splitkit.backend import Scalar, Space, sum_of
from splitkit.functions import Function, L1Norm, L2Ball
from splitkit.functions.base import parameter


class Weighted(Function):
    """½ Σ aᵢxᵢ²."""

    a: Scalar = parameter(POSITIVE)
    total: Scalar = parameter(default=0.0, samplewise=True)

    elementwise = True
    units: ClassVar[str] = "m"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.smoothness = float(np.max(self.a))

    def __call__(self, x):
        return sum_of(self.a * x * x, self.batch_ndim) / 2 + self.total


class Shifted(Weighted):
    """One that declares more."""

    center: Scalar = parameter(default=None)


class Tagged(Function):
    """½‖x‖², with a name for each sample."""

    tag: Scalar = parameter(default=None, samplewise=True)


class Both(Tagged, Weighted):
    """One that has its parameters from two bases."""


class WrittenFirst(Tagged):
    """One with a constructor, before others in the order of bases."""

    def __init__(self, A):
        super().__init__(A)


class OfWrittenAndDeclared(WrittenFirst, Weighted):
    """Made as the first of its bases."""

    a = 1.0


class Written(Function):
    """One that a user wrote before parameters were declared."""

    parameters = ("A",)
    notes: list

    def __init__(self, A):
        self.A, self.notes = A, []


class OfWritten(Written):
    """And one that is made of it."""


def test_the_constructor_takes_what_is_declared_in_order_and_the_batch_by_keyword():
    assert list(signature(Weighted).parameters) == ["a", "total", "batch_ndim"]
    assert list(signature(Shifted).parameters) == ["a", "total", "center", "batch_ndim"]
    f = Shifted(2, 1.5, batch_ndim=1)
    assert (f.a, f.total, f.center, f.batch_ndim, f.smoothness) == (2.0, 1.5, None, 1, 2.0)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'a'"):
        Weighted()
    with pytest.raises(TypeError, match="positional"):
        Weighted(2.0, 1.0, 1)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Weighted(0.0), ValueError, r"a = 0\.0: give a positive finite number"),
        (lambda: Weighted("2"), TypeError, "a = '2'"),
        (lambda: Weighted(None), TypeError, "a = None"),
        (lambda: Shifted(1.0, 0.0, np.inf), ValueError, "center = inf"),
        (lambda: Weighted(1.0, batch_ndim=-1), ValueError, "batch_ndim = -1"),
        (lambda: Weighted(1.0, batch_ndim=1.5), TypeError, "batch_ndim = 1.5"),
    ],
)
def test_what_is_declared_is_checked_by_name(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_the_repr_shows_what_is_declared():
    assert repr(Weighted(2)) == "Weighted(a=2, total=0)"
    assert repr(Shifted(np.ones(3), center=1.0)) == "Shifted(a=array(3,), total=0, center=1)"
    assert repr(Function()) == "Function"


def test_arrays_must_fit_the_points():
    space = Space.of(np.ones((2, 3)), 1)
    Shifted(np.ones(3), np.ones(2), np.ones((2, 1)), batch_ndim=1).check_space(space)
    with pytest.raises(ValueError, match=r"a of Weighted.* does not broadcast"):
        Weighted(np.ones(2), batch_ndim=1).check_space(space)
    with pytest.raises(ValueError, match=r"total of Weighted.* batch, shape"):
        Weighted(1.0, np.ones(3), batch_ndim=1).check_space(space)
    assert Shifted.parameters == ("a", "center")
    assert Shifted.samplewise == ("total",)


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))]
)
def test_a_copy_is_the_same_function(copied):
    for f in (Shifted(2.0, center=1.0), L2Ball(0.7, np.ones(3)), OfWritten(np.ones(3))):
        other = copied(f)
        assert vars(other).keys() == vars(f).keys()
        assert repr(other) == repr(f)


def test_one_with_other_parameters_is_made_by_replace():
    f = replace(Weighted(2.0, batch_ndim=1), a=3.0)
    assert (f.a, f.smoothness, f.batch_ndim) == (3.0, 3.0, 1)


def test_a_constructor_that_is_written_stays():
    for cls in (Written, OfWritten):
        f = cls(np.ones(3))
        assert repr(f) == cls.__name__
        f.check_space(Space.of(np.ones(3)))
        with pytest.raises(ValueError, match=r"A of .* does not broadcast"):
            f.check_space(Space.of(np.ones(2)))


def test_parameters_of_several_bases_come_together():
    assert list(signature(Both).parameters) == ["a", "total", "tag", "batch_ndim"]
    assert repr(Both(2.0, tag=3.0)) == "Both(a=2, total=0, tag=3)"
    assert (Both.parameters, Both.samplewise) == (("a",), ("total", "tag"))
    assert list(signature(OfWrittenAndDeclared).parameters) == ["A"]


def test_a_subclass_that_declares_nothing_is_made_as_its_base():
    class Named(L1Norm):
        """With an attribute that is no parameter."""

        label: str = "ℓ1"

        def __init__(self, label):
            super().__init__(0.5)
            self.label = label

    assert repr(Named("x")) == "Named(weight=0.5)"
