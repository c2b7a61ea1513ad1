"""Σ ¼xᵢ⁴, which no bound of its curvature holds for everywhere."""

import numpy as np

from splitkit.functions import Function


class Quartic(Function):
    """Σ ¼xᵢ⁴: no Lipschitz constant on the whole space."""

    elementwise = True

    def __call__(self, x):
        return np.sum(x**4, axis=tuple(range(self.batch_ndim, x.ndim))) / 4

    def gradient(self, x):
        return x**3
