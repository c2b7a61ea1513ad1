"""A prox that states an accuracy is held to it: errors within pass, errors beyond are found."""

import numpy as np
import pytest

from splitkit.functions import Conjugate, L1Norm, MoreauEnvelope, Rescaled, SeparableSum, Tilted
from splitkit.linear import ScaledIdentity
from splitkit.testing import check_function


class Sloppy(L1Norm):
    """A soft threshold whose error is a multiple of the size of its argument."""

    def __init__(self, accuracy, error):
        super().__init__()
        self.elementwise, self.accuracy, self.error = False, accuracy, error

    def prox(self, x, alpha=1.0):
        off = np.sin(100 * np.sum(x)) * np.max(np.abs(x)) / np.sqrt(x.size)
        return super().prox(x, alpha) + self.error * off

    @property
    def conjugate(self):
        box = super().conjugate
        box.accuracy = self.accuracy
        return box


@pytest.mark.parametrize("accuracy", [1e-3, 1e-6])
def test_errors_within_the_accuracy_pass(accuracy):
    check_function(Sloppy(accuracy, accuracy / 10), (3,), max_examples=30)


@pytest.mark.parametrize("accuracy", [None, 1e-6])
def test_errors_beyond_the_accuracy_are_found(accuracy):
    with pytest.raises(AssertionError, match="prox"):
        check_function(Sloppy(accuracy, 1e-3), (3,), max_examples=30)


def test_what_is_made_of_an_inexact_function_is_as_accurate():
    f = Sloppy(1e-3, 1e-4)
    made = [
        2.0 * f, f.translate(np.ones(3)), Rescaled(f, 2.0), Tilted(f, rho=1.0), Conjugate(f),
        MoreauEnvelope(f), SeparableSum((L1Norm(), f)), f @ ScaledIdentity(2.0),
    ]  # fmt: skip
    assert {g.accuracy for g in made} == {1e-3}
    assert SeparableSum((L1Norm(), L1Norm())).accuracy is None
    check_function(3.0 * f, (3,), max_examples=20)
