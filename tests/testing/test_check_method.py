"""Methods keep what they guarantee, and the check finds those that do not."""

from dataclasses import dataclass, replace

import pytest

import splitkit as sk
from splitkit.solvers.registry import METHODS
from splitkit.testing import check_method

SMALL = [kind for kind in METHODS if len(kind.roles) < 3 and sk.Role.COMPOSED not in kind.roles]


@pytest.mark.parametrize("kind", SMALL, ids=lambda kind: kind.label)
def test_each_method_of_one_or_two_operators(kind):
    check_method(kind(), max_examples=2)


@dataclass(frozen=True, kw_only=True)
class Boasts(sk.DouglasRachford):
    """Claims half of its rate."""

    def theorem(self, *operators):
        said = super().theorem(*operators)
        return said if said.rate is None else replace(said, rate=said.rate / 2)


@dataclass(frozen=True, kw_only=True)
class Gullible(sk.DouglasRachford):
    """Refuses nothing."""

    def theorem(self, *operators):
        return replace(super().theorem(*operators), holds=True)


@dataclass(frozen=True, kw_only=True)
class WrongSequence(sk.PeacemanRachford):
    """Runs with another operator than it was given."""

    def iteration(self, *operators):
        F, G = operators
        return super().iteration(2.0 * F, G)


@pytest.mark.parametrize(
    ("method", "name"),
    [(Boasts(), "rate"), (Gullible(), "refusal"), (WrongSequence(), "solution")],
)
def test_a_method_with_a_fault_is_found(method, name):
    with pytest.raises(AssertionError) as found:
        check_method(method)
    assert found.value.property == name


def test_what_is_no_method_is_refused():
    with pytest.raises(TypeError, match="give a method"):
        check_method("Douglas-Rachford")
    with pytest.raises(ValueError, match="one or two operators"):
        check_method(sk.DavisYin())
