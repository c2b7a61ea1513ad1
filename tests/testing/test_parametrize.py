"""Each property a test of its own, known failures declared."""

import numpy as np
import pytest

import splitkit as sk
from splitkit.testing import parametrize_with_checks, suite


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


def test_a_known_failure_that_names_nothing_is_refused():
    with pytest.raises(ValueError, match=r"known failures lipshitz of I name no property.*lipschi"):
        parametrize_with_checks([(sk.Identity(), (3,), {"lipshitz": "a slip"})])
