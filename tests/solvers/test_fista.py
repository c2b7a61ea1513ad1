"""FISTA with restarts beside the textbook's, which has none and t⁺ = (1 + √(1 + 4t²))/2."""

import math
from functools import partial

import numpy as np
import pytest

import splitkit as sk

f = sk.functions
SIDE = 64


def deconvolution(seed, side=SIDE):
    """A picture of a disk and a bar, blurred, with noise: ½‖k ∗ x − b‖² by Fourier transforms."""
    rng = np.random.default_rng(seed)
    along = np.exp(-0.5 * (np.arange(-4, 5) / 1.5) ** 2)
    kernel = np.zeros((side, side))
    kernel[:9, :9] = np.outer(along, along) / along.sum() ** 2
    y, x = np.mgrid[:side, :side] / side
    picture = 0.6 * ((x - 0.5) ** 2 + (y - 0.4) ** 2 < 0.06) + 0.9 * (abs(x - 0.2) < 0.05)
    H = np.fft.fft2(np.roll(kernel, (-4, -4), (0, 1)))
    b = np.fft.ifft2(H * np.fft.fft2(picture)).real + 1e-3 * rng.normal(size=picture.shape)

    class Fit(f.Function):
        smoothness, strong_convexity = 1.0, 0.0

        def residual(self, x):
            return np.fft.ifft2(H * np.fft.fft2(x)).real - b

        def __call__(self, x):
            return np.sum(self.residual(x) ** 2) / 2

        def gradient(self, x):
            return np.fft.ifft2(np.conj(H) * np.fft.fft2(self.residual(x))).real

    return Fit()


def textbook(fit, g, steps, side=SIDE):
    x = y = np.zeros((side, side))
    t = 1.0
    for _ in range(steps):
        after = g.prox(y - fit.gradient(y), 1.0)
        longer = (1 + math.sqrt(1 + 4 * t * t)) / 2
        x, y, t = after, after + (t - 1) / longer * (after - x), longer
    return x


@pytest.mark.parametrize("g", [f.Box(0.0, 1.0), f.L1Norm(1e-4)], ids=repr)
def test_restarts_do_not_lose_to_the_textbook(g):
    fit, x0 = deconvolution(0), np.zeros((SIDE, SIDE))
    value = partial((fit + g).value, feasibility_tol=1e-9)
    best = value(textbook(fit, g, 4000))
    options = {"tol": 0, "max_iter": 400, "on_failure": "return"}
    x = sk.minimize(fit + g, x0, sk.FISTA(alpha=1.0), **options).x
    assert value(x) - best <= 1.1 * (value(textbook(fit, g, 400)) - best)


def test_the_linear_rate_holds_from_the_start():
    """Of a function whose curvature changes by 2.7, where more momentum than that of q never turns
    uphill, and falls by .86.
    """
    q, more = 0.25, 0.4247309921803616 / 2

    class Bent(f.Function):
        strong_convexity, smoothness = q, 1.0

        def __call__(self, x):
            return q / 2 * np.sum(x**2) + more * np.maximum(x[1] - 1, 0) ** 2

        def gradient(self, x):
            return q * x + 2 * more * np.array([0.0, max(x[1] - 1, 0.0)])

    F, G, method = sk.Subdifferential(Bent()), sk.Zero(), sk.FISTA(alpha=1.0)
    start = np.array([9.673375678779012, 53.31118357452846])
    rate = method.guarantee(F, G).rate
    assert rate == pytest.approx(math.sqrt(0.5))
    for k in (50, 100, 200):
        x = sk.solve(F + G, start, method, tol=0, max_iter=k, on_failure="return").x
        assert np.linalg.norm(x) <= rate**k * np.linalg.norm(start)


@pytest.mark.parametrize("size", [1e19, 1e30, 1e37])
def test_a_start_whose_squares_are_no_numbers(size):
    """⟨y − x⁺, x⁺ − x⟩ overflows, and momentum waits."""
    A, b = np.array([[1.0, 2.0], [0.0, 1.0]], np.float32), np.array([1.0, 2.0], np.float32)
    fit = f.LeastSquares(A, b) + f.L1Norm(0.1)
    x0 = np.full(2, size, np.float32)
    found = sk.minimize(fit, x0, sk.FISTA(), max_iter=5000)
    wanted = sk.minimize(fit, np.zeros(2, np.float32), sk.FISTA())
    np.testing.assert_allclose(found.x, wanted.x, rtol=1e-3)


BY_NORMS = {
    "FISTA": (sk.FISTA, lambda L: {"alpha": 1 / L}),
    "Frank-Wolfe": (sk.FrankWolfe, lambda L: {"alpha": 1 / L}),
    "SAGA": (sk.SAGA, lambda L: {"alpha": sk.SAGA().chosen(*ROLES["SAGA"]).alpha}),
    "Chambolle-Pock": (sk.ChambollePock, lambda L: {"tau": L**-0.5, "sigma": L**-0.5}),
    "linearized ADMM": (sk.LinearizedADMM, lambda L: {"tau": 0.5 / L, "rho": 2.0}),
}
DATA = np.random.default_rng(0).standard_normal((12, 4))
FIT = sk.Subdifferential(sk.functions.SquaredL2(center=np.ones(12)) @ DATA)
BALL = sk.NormalCone(sk.functions.L1Ball(1.0))
FAR = sk.Subdifferential(sk.functions.L1Norm()).pullback(DATA)
ROLES = {
    "FISTA": (FIT, BALL),
    "Frank-Wolfe": (FIT, BALL),
    "SAGA": (FIT, BALL),
    "Chambolle-Pock": (BALL, FAR),
    "linearized ADMM": (BALL, FAR),
}


@pytest.mark.parametrize("name", BY_NORMS)
def test_a_step_by_a_norm_without_the_margin_of_its_bound_is_shortened_to_what_is_proved(name):
    # norms of large matrices are bounds up to 1e-6 above them
    kind, longest = BY_NORMS[name]
    L = np.linalg.norm(DATA, 2) ** 2
    last = {"Chambolle-Pock": "sigma", "linearized ADMM": "rho"}.get(name, "alpha")
    steps = longest(L)
    beyond = kind(**steps | {last: steps[last] * (1 + 1e-6)}).chosen(*ROLES[name])
    assert beyond.guarantee(*ROLES[name]).holds
    assert getattr(beyond, last) == pytest.approx(steps[last], rel=1e-12)
    if last == "alpha":
        assert not kind(alpha=steps[last] * (1 + 1e-4)).guarantee(*ROLES[name]).holds
