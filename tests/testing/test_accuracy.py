"""A prox that states an accuracy is held to it: errors within pass, errors beyond are found."""

import numpy as np
import pytest

from splitkit.functions import L1Norm
from splitkit.testing import check_function


class Sloppy(L1Norm):
    """A soft threshold whose error is a multiple of the size of its argument."""

    def __init__(self, accuracy, error):
        super().__init__()
        self.elementwise, self.accuracy, self.error = False, accuracy, error

    def prox(self, x, alpha=1.0):
        off = np.sin(100 * np.sum(x)) * np.linalg.norm(x) / np.sqrt(x.size)
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
