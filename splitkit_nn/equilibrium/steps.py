"""The step size at which a layer's errors fall fastest, found on random ones.

An iteration multiplies an error of the governing sequence by N = C_{αM}(2J_α − I), J_α the Jacobian
of prox_{αf}. The step of least ‖N‖, which bounds the rate, is chosen for the worst direction, and
is too short for most; that of least E‖Ng‖ for a random g regards all directions alike, and is too
long on trained weights, whose worst directions errors do favour. Between the two lies

    min over α of E‖N Nᵀ N g‖,

the mean of the sixth powers of N's singular values: on the paper's models, random and trained, the
iterations to 1e-2 and to 1e-5 are then the fewest of any α, or one more. J is taken at Ux + b; that
of ReLU, whose 2J_α − I has the eigenvalues ±1, does not matter.

Only the choice rests on an estimate: at every α the theorem holds, with a rate of its own.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import minimize_scalar

from splitkit import Affine, LinearOperator
from splitkit.backend import Array, device, from_numpy, namespace, norm, zeros
from splitkit_nn.activations import Activation
from splitkit_nn.activations.masked import tells_apart

NUMBERS = 2**14  # that are drawn, or those of one sample if it has more
ACCURACY = 0.03  # of log α: iterations hardly depend on it


def typical_step(M: LinearOperator, bias: Array, activation: Activation) -> float:
    """α for M = I − W and a batch of Ux + b."""
    m, L = M.properties.strong_monotonicity, M.norm
    assert m is not None
    xp, batch = namespace(bias), bias.shape[0]
    samples = max(1, NUMBERS // max(1, math.prod(bias.shape[1:])))
    if tells_apart(activation.mask, bias):
        pass  # each sample of the batch, once
    elif batch:
        bias = xp.take(bias, xp.arange(samples, device=device(bias)) % batch, axis=0)
    else:
        bias = zeros((samples, *bias.shape[1:]), bias)
    J = activation.jacobian(bias)
    g = from_numpy(np.random.default_rng(0).normal(size=tuple(bias.shape)), bias)

    def size(log_alpha: float) -> float:
        alpha = math.exp(log_alpha)
        C, Ct = Affine(M).make_cayley(alpha), Affine(M.T).make_cayley(alpha)
        D = J.proximal(alpha).reflected()
        found = float(norm(C(D(D(Ct(C(D(g)))))), 0))
        return found if math.isfinite(found) else math.inf

    # each direction alone would have its α between these
    bounds = -math.log(max(m, L)), -math.log(m)
    found = minimize_scalar(size, bounds=bounds, method="bounded", options={"xatol": ACCURACY})
    return math.exp(float(found.x))
