"""Every prox takes a step size for each sample: it does to each what a number does to it alone.

The public checks look at this where an example has a batch; these are the functions without one.
"""

import numpy as np
import pytest

from splitkit.functions import (
    Huber,
    L1Norm,
    LargestEigenvalue,
    LeastSquares,
    LogSumExp,
    Max,
    NegativeLogDet,
    Perspective,
    Quadratic,
    SeparableSum,
    Simplex,
    SimplexEntropy,
    SortedL1,
    SquaredKSupportNorm,
    SquaredL2,
    TotalVariation1D,
)
from splitkit.linear import DenseMatrix

RNG = np.random.default_rng(0)
L = np.array([[0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
SINGULAR = np.array([[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 0.0, 2.0]])
FUNCTIONS = {
    "composition": L1Norm(batch_ndim=1) @ DenseMatrix(L),
    "composition by iteration": (L1Norm(batch_ndim=1) @ DenseMatrix(L + 0.5)).with_accuracy(None),
    "conjugate": Huber(batch_ndim=1).conjugate,
    "multiple": 2.5 * Max(batch_ndim=1),
    "translation": Max(batch_ndim=1).translate(np.ones(3)),
    "envelope": (Max(batch_ndim=1) + SquaredL2(batch_ndim=1)).conjugate,
    "softmax": LogSumExp(np.array([0.0, 1.0, 0.0]), batch_ndim=1),
    "largest entry": Max(0.7, batch_ndim=1),
    "entropy": SimplexEntropy(batch_ndim=1),
    "sorted": SortedL1(np.array([2.0, 0.7, 0.1]), batch_ndim=1),
    "k-support": SquaredKSupportNorm(2, batch_ndim=1),
    "variation": TotalVariation1D(batch_ndim=1),
    "quadratic": Quadratic(SINGULAR, np.ones(3), batch_ndim=1),
    "least squares": LeastSquares(L, np.ones(2), batch_ndim=1),
    "eigenvalue": LargestEigenvalue(batch_ndim=1),
    "determinant": NegativeLogDet(batch_ndim=1),
    "perspective": Perspective(SquaredL2(batch_ndim=1)),
    "pairs": SeparableSum((L1Norm(batch_ndim=1), Simplex(batch_ndim=1))),
}
MATRICES = {"eigenvalue", "determinant"}


def drawn(name):
    x = RNG.normal(size=(4, 3, 3) if name in MATRICES else (4, 3))
    if name in ("perspective", "pairs"):
        return x, RNG.normal(size=(4, 1 if name == "perspective" else 2))
    return x


def sample(x, i):
    return tuple(block[i : i + 1] for block in x) if isinstance(x, tuple) else x[i : i + 1]


@pytest.mark.parametrize("dual", [False, True])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_step_for_each_sample(name, dual):
    f, x, alpha = FUNCTIONS[name], drawn(name), np.array([1e-3, 0.3, 2.0, 1e3])
    prox = f.conjugate.prox if dual else f.prox
    together = prox(x, alpha)
    for i, a in enumerate(alpha):
        alone = prox(sample(x, i), float(a))
        pairs = zip(
            *(p if isinstance(p, tuple) else (p,) for p in (sample(together, i), alone)),
            strict=True,
        )
        for p, q in pairs:
            np.testing.assert_allclose(p, q, rtol=1e-9, atol=1e-9)
