"""The step size at which a layer's errors fall fastest, found on random ones.

An iteration multiplies an error of the governing sequence by N = C_{αM}(2J_α − I), J_α the Jacobian
of prox_{αf}. The step of least ‖N‖, which bounds the rate, is chosen for the worst direction, and
is too short for most; that of least E‖Ng‖ for a random g regards all directions alike, and is too
long on trained weights, whose worst directions errors do favour. Between the two lies

    min over α of E‖N Nᵀ N g‖,

the mean of the sixth powers of N's singular values: on the paper's models, random and trained, the
iterations to 1e-2 and to 1e-5 are then the fewest of any α, or one more. Where σ is piecewise the
identity or a constant, 2J_α − I has the eigenvalues ±1, and J may be taken at Ux + b. That of other
activations is taken near the equilibrium, at which I − W may have damped what saturates them at
Ux + b: where a few steps of Douglas-Rachford splitting, which forget no direction, end.

Only the choice rests on an estimate: at every α the theorem holds, with a rate of its own.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import minimize_scalar

from splitkit import Affine, LinearOperator
from splitkit.backend import Array, device, from_numpy, namespace, norm, zeros
from splitkit_nn.activations import Activation
from splitkit_nn.activations.jacobians import Jacobian
from splitkit_nn.activations.masked import tells_apart

NUMBERS = 2**14  # that are drawn, or those of one sample if it has more
ACCURACY = 0.03  # of log α: iterations hardly depend on it
STEPS = 20  # of Douglas-Rachford splitting


def typical_step(M: LinearOperator, bias: Array, activation: Activation) -> float:
    """α for M = I − W and a batch of Ux + b."""
    m, L = M.properties.strong_monotonicity, M.norm
    assert m is not None
    xp, batch = namespace(bias), bias.shape[0]
    samples = max(1, NUMBERS // max(1, math.prod(bias.shape[1:])))
    if not batch:
        bias = zeros((1, *bias.shape[1:]), bias)
    each = tells_apart(activation.mask, bias)  # then every sample of the batch is taken, once
    y = bias if each else bias[:samples]
    if not _switches(activation.jacobian(y)):
        y = _near_equilibrium(M, y, activation, 1 / math.sqrt(m * max(m, L)))
    if not each:
        y = xp.take(y, xp.arange(samples, device=device(y)) % y.shape[0], axis=0)
    J = activation.jacobian(y)
    g = from_numpy(np.random.default_rng(0).normal(size=tuple(y.shape)), y)

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


def _switches(J: Jacobian) -> bool:
    """Whether its entries are 0 and 1."""
    return all(bool(namespace(a).all((a == 0) | (a == 1))) for a in J.arrays)


def _near_equilibrium(
    M: LinearOperator, bias: Array, activation: Activation, alpha: float
) -> Array:
    """Wz + Ux + b at a z on the way to the equilibrium."""
    F, G = Affine.of_finite(M, bias), activation.operator
    C_F, C_G = F.make_cayley(alpha), G.make_cayley(alpha)
    u = 0 * bias
    for _ in range(STEPS):
        u = (u + C_F(C_G(u))) / 2
    z = G.make_resolvent(alpha)(u)
    return z - M(z) + bias
