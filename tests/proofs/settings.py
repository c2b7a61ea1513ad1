"""Examples of PEPit, written for ``Setting``: a claim each, with the arguments of theirs.

``EXAMPLES`` holds them by PEPit's names; ``benchmarks/pepit.py`` runs both beside each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import inf, log2, sqrt
from typing import Any

from splitkit.linear.base import LinearOperator
from splitkit.proofs import Proof
from splitkit.proofs.interpolation import (
    ConvexLipschitz,
    Forms,
    Indicator,
    Quadratic,
    QuadraticGrowth,
    Restricted,
    Smooth,
)
from splitkit.proofs.quantity import inner, norm2
from splitkit.proofs.setting import Setting
from splitkit.properties import Properties


@dataclass(frozen=True)
class Example:
    """A claim as we write it, and the arguments that PEPit's function of this name takes."""

    name: str  # of PEPit's module
    write: Callable[..., Proof]
    arguments: dict[str, Any]
    only_theirs: dict[str, Any]  # arguments that say nothing here

    def prove(self) -> Proof:
        return self.write(**self.arguments)


EXAMPLES: dict[str, Example] = {}


def example(name: str, theirs: dict[str, Any] | None = None, **arguments: Any) -> Any:
    def register(write: Callable[..., Proof]) -> Callable[..., Proof]:
        EXAMPLES[name] = Example(name, write, arguments, theirs or {})
        return write

    return register


def forms(**properties: Any) -> Forms:
    """The class of operators with these properties."""
    known = Properties.of(**properties)
    return Forms(tuple(dict.fromkeys(known.forms)), known.lipschitz is not None)


MONOTONE = {"monotone": True}
CONVEX = Smooth()


def distance(s: Setting, *members: Any) -> tuple[Any, Any, Any]:
    """x*, x₀ and ‖x₀ − x*‖²."""
    xs, x0 = s.minimizer(*members), s.point("x₀")
    return xs, x0, norm2(x0 - xs)


# -- monotone inclusions --------------------------------------------------------------------------

INCLUSIONS = "monotone_inclusions_variational_inequalities"


@example(f"{INCLUSIONS}.proximal_point", alpha=2, n=10)
def proximal_point(alpha, n):
    s = Setting()
    A = s.operator(forms(**MONOTONE))
    _xs, x, start = distance(s, A)
    for _ in range(n):
        before, x = x, A.prox(x, alpha)
    return s.bound(norm2(x - before), start)


@example(f"{INCLUSIONS}.accelerated_proximal_point", alpha=2, n=10)
def accelerated_proximal_point(alpha, n):
    s = Setting()
    A = s.operator(forms(**MONOTONE))
    _xs, x0, start = distance(s, A)
    x, y = [x0] * (n + 1), [x0] * (n + 1)
    for i in range(n - 1):
        x[i + 1] = A.prox(y[i + 1], alpha)
        y[i + 2] = x[i + 1] + i / (i + 2) * (x[i + 1] - x[i]) - i / (i + 2) * (x[i] - y[i])
    return s.bound(norm2(A.prox(y[n], alpha) - y[n]), start)


@example(f"{INCLUSIONS}.optimal_strongly_monotone_proximal_point", n=10, mu=0.05)
def optimal_strongly_monotone_proximal_point(n, mu):
    def phi(i):
        return 0 if i == -1 else sum((1 + 2 * mu) ** (2 * k) for k in range(i + 1))

    s = Setting()
    A = s.operator(forms(strong_monotonicity=mu))
    _xs, x, start = distance(s, A)
    y = before = x
    for i in range(n):
        z = A.prox(y, 1.0)
        then = (
            z
            + (phi(i) - 1) / phi(i + 1) * (z - x)
            - 2 * mu * phi(i) / phi(i + 1) * (y - z)
            + (1 + 2 * mu) * phi(i - 1) / phi(i + 1) * (before - x)
        )
        x, before, y = z, y, then
    return s.bound(norm2(before - x), start)


def two_runs(s, step, times=1):
    """‖Tⁿw − Tⁿv‖² ≤ t‖w − v‖²."""
    w, v = s.point("w"), s.point("v")
    start = norm2(w - v)
    for _ in range(times):
        w, v = step(w), step(v)
    return s.bound(norm2(w - v), start)


@example(f"{INCLUSIONS}.douglas_rachford_splitting", L=1, mu=0.1, alpha=1.3, theta=0.9)
def douglas_rachford(L, mu, alpha, theta):
    s = Setting()
    A = s.operator(forms(strong_monotonicity=0.0, lipschitz=L))
    B = s.operator(forms(strong_monotonicity=mu))
    return two_runs(s, lambda w: splitting(A, B, alpha, theta, w))


@example(f"{INCLUSIONS}.douglas_rachford_splitting_2", beta=1.2, mu=0.1, alpha=0.3, theta=1.5)
def douglas_rachford_2(beta, mu, alpha, theta):
    s = Setting()
    A, B = s.operator(forms(cocoercivity=beta)), s.operator(forms(strong_monotonicity=mu))
    return two_runs(s, lambda w: splitting(A, B, alpha, theta, w))


def splitting(A, B, alpha, theta, w, forward=None):
    """A step of Douglas-Rachford or Davis-Yin."""
    x = B.prox(w, alpha)
    y = 2 * x - w if forward is None else 2 * x - w - alpha * forward(x)
    return w + theta * (A.prox(y, alpha) - x)


for mark, alpha in (("#", 1.0), ("##", 0.5)):  # other arguments
    name = f"{INCLUSIONS}.douglas_rachford_splitting_2{mark}"
    example(name, beta=0.2, mu=0.2, alpha=alpha, theta=1.2)(douglas_rachford_2)


@example(f"{INCLUSIONS}.three_operator_splitting", L=1, mu=0.1, beta=1, alpha=0.9, theta=1.3)
def three_operators(L, mu, beta, alpha, theta):
    s = Setting()
    A, B = s.operator(forms(**MONOTONE)), s.operator(forms(cocoercivity=beta))
    C = s.function(Smooth(mu, L))
    return two_runs(s, lambda w: splitting(A, B, alpha, theta, w, C.gradient))


def constrained(L):
    s = Setting()
    P, F = s.function(Indicator()), s.operator(forms(strong_monotonicity=0.0, lipschitz=L))
    return s, P, F, *distance(s, P, F)


@example(f"{INCLUSIONS}.optimistic_gradient", n=5, gamma=1 / 4, L=1)
def optimistic_gradient(n, gamma, L):
    s, P, F, _xs, x, start = constrained(L)
    x = y = P.prox(x, gamma)
    V = F(y)
    for _ in range(n):
        before, y = y, P.prox(x - gamma * V, gamma)
        W, V = V, F(y)
        x = y + gamma * (W - V)
    return s.bound(norm2(y - before), start)


@example(f"{INCLUSIONS}.past_extragradient", n=5, gamma=1 / 4, L=1)
def past_extragradient(n, gamma, L):
    s, P, F, _xs, x, start = constrained(L)
    x = P.prox(x, gamma)
    V = F(x)
    for _ in range(n):
        V = F(P.prox(x - gamma * V, gamma))
        before, x = x, P.prox(x - gamma * V, gamma)
    return s.bound(norm2(x - before), start)


# -- fixed points ---------------------------------------------------------------------------------

FIXED = "fixed_point_problems"


def fixed_point(L):
    s = Setting()
    T = s.operator(forms(lipschitz=L))
    xs, x0 = s.point("x*"), s.point("x₀")
    T.passes(xs, xs)
    return s, T, xs, x0, norm2(x0 - xs)


@example(f"{FIXED}.halpern_iteration", n=10)
def halpern(n):
    s, T, _xs, x0, start = fixed_point(1.0)
    x = x0
    for i in range(n):
        x = 1 / (i + 2) * x0 + (1 - 1 / (i + 2)) * T(x)
    return s.bound(norm2(x - T(x)), start)


@example(f"{FIXED}.inconsistent_halpern_iteration", n=3)
def inconsistent_halpern(n):
    """v = x* − Tx* is the least displacement: ⟨x − Tx − v, v⟩ ≥ 0."""
    s = Setting()
    T = s.operator(forms(lipschitz=1.0))
    xs, x0 = s.point("x*"), s.point("x₀")
    v, x = xs - T(xs), x0
    for i in range(n):
        x = 1 / (i + 2) * x0 + (1 - 1 / (i + 2)) * T(x)
    final = norm2(x - T(x) - v)
    s.assume(*(inner(p.x - p.u - v, v) for p in T.leaf.pairs[1:]))
    return s.bound(final, norm2(x0 - xs))


@example(f"{FIXED}.krasnoselskii_mann_constant_step_sizes", n=3, gamma=3 / 4)
def krasnoselskii_mann(n, gamma):
    s, T, _xs, x, start = fixed_point(1.0)
    for _ in range(n):
        x = (1 - gamma) * x + gamma * T(x)
    return s.bound(norm2((x - T(x)) / 2), start)


@example(f"{FIXED}.krasnoselskii_mann_increasing_step_sizes", n=3)
def krasnoselskii_mann_increasing(n):
    s, T, _xs, x, start = fixed_point(1.0)
    for i in range(n):
        x = 1 / (i + 2) * x + (1 - 1 / (i + 2)) * T(x)
    return s.bound(norm2((x - T(x)) / 2), start)


@example(f"{FIXED}.optimal_contractive_halpern_iteration", n=10, gamma=1.1)
def contractive_halpern(n, gamma):
    s, T, _xs, x0, start = fixed_point(1 / gamma)
    x = x0
    for i in range(n):
        phi = (gamma ** (2 * i + 4) - 1) / (gamma**2 - 1)
        x = 1 / phi * x0 + (1 - 1 / phi) * T(x)
    return s.bound(norm2(x - T(x)), start)


# -- composite convex minimization ----------------------------------------------------------------

COMPOSITE = "composite_convex_minimization"


def two_functions(first, second):
    s = Setting()
    f, g = s.function(first), s.function(second)
    return s, f, g, *distance(s, f, g)


@example(f"{COMPOSITE}.proximal_gradient", L=1, mu=0.1, gamma=1, n=2)
def proximal_gradient(L, mu, gamma, n, known=Smooth):
    s, f, g, xs, x, start = two_functions(known(mu, L), CONVEX)
    for _ in range(n):
        x = g.prox(x - gamma * f.gradient(x), gamma)
    return s.bound(norm2(x - xs), start)


@example(f"{COMPOSITE}.proximal_gradient_quadratics", L=1, mu=0.1, gamma=1, n=2)
def proximal_gradient_quadratics(L, mu, gamma, n):
    """The Hessian is applied to x − x₀, for a point x₀ where the gradient is 0."""
    s = Setting()
    f, g = s.function(Quadratic(mu, L)), s.function(CONVEX)
    xs, x = s.minimizer(f, g), s.point("x₀")
    start = norm2(x - xs)
    for _ in range(n):
        x = g.prox(x - gamma * f.gradient(x), gamma)
    return s.bound(norm2(x - xs), start)


def fista(L, mu, n, momentum):
    s, f, g, xs, x, start = two_functions(Smooth(mu, L), CONVEX)
    y = x
    for i in range(n):
        before, x = x, g.prox(y - 1 / L * f.gradient(y), 1 / L)
        y = x + momentum(i) * (x - before)
    final = f.value(x) + g.value(x) - f.value_at(xs) - g.value_at(xs)
    return s.bound(final, start)


def nesterov(n):
    """(λᵢ − 1)/λᵢ₊₁ for λᵢ₊₁² − λᵢ₊₁ = λᵢ²."""
    numbers = [1.0]
    for _ in range(n):
        numbers.append((1 + sqrt(4 * numbers[-1] ** 2 + 1)) / 2)
    return [(a - 1) / b for a, b in pairwise(numbers)]


@example(f"{COMPOSITE}.accelerated_proximal_gradient", L=1, mu=0, n=4)
def accelerated_proximal_gradient(L, mu, n):
    return fista(L, mu, n, nesterov(n).__getitem__)


@example(f"{COMPOSITE}.accelerated_proximal_gradient_simplified", L=1, mu=0, n=4)
def accelerated_proximal_gradient_simplified(L, mu, n):
    return fista(L, mu, n, lambda i: i / (i + 3))


@example(f"{COMPOSITE}.accelerated_douglas_rachford_splitting", mu=0.1, L=1, alpha=0.9, n=2)
def accelerated_douglas_rachford(mu, L, alpha, n):
    s = Setting()
    g, f = s.function(CONVEX), s.function(Smooth(mu, L))
    xs, u = s.minimizer(g, f), s.point("x₀")
    ws = xs + alpha * f.gradient(xs)
    start, theta = norm2(ws - u), (1 - alpha * L) / (1 + alpha * L)
    before = u
    for i in range(n):
        x = f.prox(u, alpha)
        y = g.prox(2 * x - u, alpha)
        w = u + theta * (y - x)
        u = w + (i - 1) / (i + 2) * (w - before) if i >= 1 else w
        before = w
    final = f.value(y) + g.value(y) - f.value_at(xs) - g.value_at(xs)
    return s.bound(final, start)


@example(f"{COMPOSITE}.douglas_rachford_splitting", L=1, alpha=1, theta=1, n=5)
def douglas_rachford_values(L, alpha, theta, n):
    s = Setting()
    g, f = s.function(CONVEX), s.function(Smooth(0.0, L))
    xs, w = s.minimizer(g, f), s.point("x₀")
    for i in range(n):
        x = f.prox(w, alpha)
        if i == 0:
            start = norm2(x - xs)
        y = g.prox(2 * x - w, alpha)
        w = w + theta * (y - x)
    return s.bound(f.value(y) + g.value(y) - f.value_at(xs) - g.value_at(xs), start)


@example(f"{COMPOSITE}.douglas_rachford_splitting_contraction", mu=0.1, L=1, alpha=3, theta=1, n=2)
def douglas_rachford_contraction(mu, L, alpha, theta, n):
    s = Setting()
    f, g = s.function(Smooth(mu, L)), s.function(CONVEX)
    return two_runs(s, lambda w: splitting(f, g, alpha, theta, w), n)


@example(f"{COMPOSITE}.three_operator_splitting", mu1=0.1, L1=10, L3=1, alpha=1, theta=1, n=2)
def three_operators_n(mu1, L1, L3, alpha, theta, n):
    s = Setting()
    f, g, h = s.function(Smooth(mu1, L1)), s.function(CONVEX), s.function(Smooth(0.0, L3))
    return two_runs(s, lambda w: splitting(f, g, alpha, theta, w, h.gradient), n)


@example(f"{COMPOSITE}.frank_wolfe", {"R": inf, "center": None}, L=1, D=1, n=10)
def frank_wolfe(L, D, n):
    s = Setting()
    f, C = s.function(Smooth(0.0, L)), s.function(Indicator(diameter=D))
    xs, x = s.minimizer(f, C), s.point("x₀")
    C.another(x)
    for i in range(n):
        y = s.point("y")
        C.passes(y, -f.gradient(x))
        x = (1 - 2 / (i + 2)) * x + 2 / (i + 2) * y
    return s.bound(f.value(x) - f.value_at(xs))


@example(f"{COMPOSITE}.bregman_proximal_point", gamma=3, n=5)
def bregman_proximal_point(gamma, n):
    s = Setting()
    f, h = s.function(CONVEX), s.function(CONVEX_TOO)
    xs, x0 = f.minimizer(), s.point("x₀")
    g = h(x0)
    start = h.value(xs) - h.value(x0) - inner(g, xs - x0)
    for _ in range(n):
        x, u = s.point("x"), s.point("u")
        f.passes(x, u)
        g = g - gamma * u
        h.passes(x, g)
    return s.bound(f.value(x) - f.value_at(xs), start)


CONVEX_TOO = Smooth()  # another one


@example(f"{COMPOSITE}.no_lips_in_function_value", L=1, gamma=1 / 2, n=3)
def no_lips_in_function_value(L, gamma, n):
    s, f, h_step, _h_value, xs, x0, start = mirror(L)
    x = x0
    for _ in range(n):
        x = h_step(x, gamma)
    return s.bound(f.value_at(x) - f.value_at(xs), start)


@example(f"{COMPOSITE}.no_lips_in_bregman_divergence", L=1, gamma=1, n=5)
def no_lips_in_bregman_divergence(L, gamma, n):
    s, _f, h_step, h_value, _xs, x0, start = mirror(L)
    x, found = x0, []
    for _ in range(n):
        before, x = x, h_step(x, gamma)
        found.append(h_value(before, x))
    return s.bound(s.least(found), start)


def mirror(L):
    """h = (d + f)/L, steps ∇h(x⁺) + N_C(x⁺) ∋ ∇h(x) − γ∇f(x), and D_h."""
    s = Setting()
    d, f, C = s.function(CONVEX), s.function(CONVEX_TOO), s.function(Indicator())
    xs, x0 = s.minimizer(f, C), s.point("x₀")
    of_f = {id(xs): f.leaf.pairs[0].u, id(x0): f(x0)}
    of_h = {id(x0): (d(x0) + of_f[id(x0)]) / L}

    def value(x):
        return (d.value(x) + f.value(x)) / L

    def divergence(p, q):
        return value(p) - value(q) - inner(of_h[id(q)], p - q)

    def step(x, gamma):
        y = s.point("x")
        of_f[id(y)] = f(y)
        of_h[id(y)] = (d(y) + of_f[id(y)]) / L
        C.passes(y, of_h[id(x)] - gamma * of_f[id(x)] - of_h[id(y)])
        return y

    return s, f, step, divergence, xs, x0, divergence(xs, x0)


@example(f"{COMPOSITE}.improved_interior_algorithm", L=1, mu=1, c=25 / 6, lam=1, n=2)
def improved_interior(L, mu, c, lam, n):
    s, c = Setting(), Fraction(c).limit_denominator(100)
    f, C, h = s.function(Smooth(0.0, L)), s.function(Indicator()), s.function(Smooth(mu))
    xs, x0 = s.minimizer(f, C), s.point("x₀")
    g, gh, x, z, ck = f.gradient(x0), h(x0), x0, x0, c
    start = c * (h.value(xs) - h.value(x0) - inner(gh, xs - x0)) + f.value(x0) - f.value_at(xs)
    for i in range(n):
        root = Fraction(sqrt((ck * lam) ** 2 + 4 * ck * lam)).limit_denominator(1000)
        share = (root - lam * ck) / 2
        ck = (1 - share) * ck
        if i:
            g = f.gradient((1 - share) * x + share * z)
        z = s.point("z")
        then = h(z)
        C.passes(z, gh - share / ck * g - then)
        gh, x = then, (1 - share) * x + share * z
    C.another(x)
    return s.bound(f.value(x) - f.value_at(xs), start)


# -- unconstrained convex minimization ------------------------------------------------------------

UNCONSTRAINED = "unconstrained_convex_minimization"


def one_function(known):
    s = Setting()
    f = s.function(known)
    return s, f, *distance(s, f)


def gradient_method(known, steps, final="value", initial="distance"):
    """x ← x − hᵢ∇f(x)."""
    s, f, xs, x, start = one_function(known)
    if initial == "value":
        start = f.value(x) - f.value_at(xs)
    for h in steps:
        x = x - h * f.gradient(x)
    end = norm2(x - xs) if final == "distance" else f.value(x) - f.value_at(xs)
    return s.bound(end, start)


@example(f"{UNCONSTRAINED}.gradient_descent", L=3, gamma=1 / 3, n=4)
def gradient_descent(L, gamma, n):
    return gradient_method(Smooth(0.0, L), [gamma] * n)


@example(f"{UNCONSTRAINED}.gradient_descent_quadratics", mu=0.3, L=3, gamma=1 / 3, n=4)
def gradient_descent_quadratics(mu, L, gamma, n):
    s = Setting()
    f = s.function(Quadratic(mu, L))
    x = s.point("x₀")
    start = norm2(x)
    for _ in range(n):
        x = x - gamma * f.gradient(x)
    return s.bound(f.value(x), start)


@example(f"{UNCONSTRAINED}.gradient_descent_qg_convex", L=1, gamma=0.2, n=4)
def gradient_descent_qg(L, gamma, n):
    return gradient_method(QuadraticGrowth(L), [gamma] * n)


@example(f"{UNCONSTRAINED}.gradient_descent_qg_convex_decreasing", L=1, n=6)
def gradient_descent_qg_decreasing(L, n):
    steps, u = [], 1.0
    for _ in range(n):
        u = u / 2 + sqrt((u / 2) ** 2 + 2)
        steps.append(1 / (L * u))
    return gradient_method(QuadraticGrowth(L), steps)


@example(f"{UNCONSTRAINED}.gradient_descent_silver_stepsize_convex", L=10, n=7)
def silver_convex(L, n):
    valuation = [(i & -i).bit_length() - 1 for i in range(1, n + 1)]
    return gradient_method(Smooth(0.0, L), [(1 + (1 + sqrt(2)) ** (v - 1)) / L for v in valuation])


@example(f"{UNCONSTRAINED}.gradient_descent_silver_stepsize_strongly_convex", L=3.2, mu=0.1, n=8)
def silver_strongly_convex(L, mu, n):
    def psi(t):
        return (1 + L / mu * t) / (1 + t)

    y = z = mu / L
    steps = [psi(z)]
    for _ in range(int(log2(n))):
        root = (1 - z) + sqrt(1 + (1 - z) ** 2)
        y, z = z / root, z * root
        steps = [*steps[:-1], psi(y), *steps[:-1], psi(z)]
    return gradient_method(Smooth(mu, L), [h / L for h in steps], "distance")


@example(f"{UNCONSTRAINED}.subgradient_method_rsi_eb", mu=0.1, L=1, gamma=0.1, n=4)
def rsi_eb(mu, L, gamma, n):
    return gradient_method(Restricted(mu, L), [gamma] * n, "distance")


@example(f"{UNCONSTRAINED}.subgradient_method", M=2, n=6, gamma=1 / (2 * sqrt(7)))
def subgradient_method(M, n, gamma):
    s, f, xs, x, start = one_function(ConvexLipschitz(M))
    s.assume(start <= 1)
    found = []
    for _ in range(n + 1):
        u = f(x)
        found.append(f.value_at(x) - f.value_at(xs))
        x = x - gamma * u
    return s.bound(s.least(found))


@example(f"{UNCONSTRAINED}.epsilon_subgradient_method", M=2, n=6, gamma=1 / sqrt(7), eps=0.1, R=1)
def epsilon_subgradient_method(M, n, gamma, eps, R):
    """u ∈ ∂f(y) with f(x) − f(y) − ⟨u, x − y⟩ ≤ ε is an ε-subgradient at x."""
    s, f, xs, x, start = one_function(CONVEX)
    s.assume(start <= R**2)
    found = []
    for _ in range(n):
        y, u = s.point("y"), s.point("u")
        f.passes(y, u)
        value = f.value(x)
        s.assume(value - f.value_at(y) - inner(u, x - y) <= eps, norm2(u) <= M**2)
        found.append(value - f.value_at(xs))
        x = x - gamma * u
    s.assume(norm2(f(x)) <= M**2)
    return s.bound(s.least([*found, f.value_at(x) - f.value_at(xs)]))


def accelerated(known, L, n, momentum, initial="distance", mu=0.0):
    s, f, xs, x, start = one_function(known)
    if initial != "distance":
        start = f.value(x) - f.value_at(xs) + mu / 2 * start
    y = x
    for i in range(n):
        before, x = x, y - 1 / L * f.gradient(y)
        y = x + momentum(i) * (x - before)
    return s.bound(f.value(x) - f.value_at(xs), start)


@example(f"{UNCONSTRAINED}.accelerated_gradient_convex", mu=0, L=1, n=3)
def accelerated_gradient(mu, L, n):
    return accelerated(Smooth(mu, L), L, n, nesterov(n).__getitem__)


@example(f"{UNCONSTRAINED}.accelerated_gradient_convex_simplified", mu=0, L=1, n=4)
def accelerated_gradient_simplified(mu, L, n):
    return accelerated(Smooth(mu, L), L, n, lambda i: i / (i + 3))


@example(f"{UNCONSTRAINED}.accelerated_gradient_strongly_convex", mu=0.1, L=1, n=2)
def accelerated_gradient_strongly_convex(mu, L, n):
    root = sqrt(mu / L)
    return accelerated(Smooth(mu, L), L, n, lambda _: (1 - root) / (1 + root), "value", mu)


@example(f"{UNCONSTRAINED}.accelerated_proximal_point", A0=5, gammas=[0.1, 0.2, 0.4], n=3)
def accelerated_proximal_point_values(A0, gammas, n):
    s, f, xs, x, start = one_function(CONVEX)
    start = f.value(x) - f.value_at(xs) + A0 / 2 * start
    v, A = x, A0
    for gamma in gammas[:n]:
        share = (sqrt((A * gamma) ** 2 + 4 * A * gamma) - A * gamma) / 2
        y = (1 - share) * x + share * v
        x = f.prox(y, gamma)
        v, A = v + 1 / share * (x - y), (1 - share) * A
    return s.bound(f.value(x) - f.value_at(xs), start)


@example(f"{UNCONSTRAINED}.proximal_point", gamma=3, n=4)
def proximal_point_values(gamma, n):
    s, f, xs, x, start = one_function(CONVEX)
    for _ in range(n):
        x = f.prox(x, gamma)
    return s.bound(f.value(x) - f.value_at(xs), start)


def line_search(s, f, x, directions):
    """The minimizer of f in x and these directions."""
    y = s.point("x")
    u = f.gradient(y)
    s.equal(inner(y - x, u), *(inner(d, u) for d in directions))
    return y


def conjugate_gradients(known, n):
    s, f, xs, x, start = one_function(known)
    span = [f.gradient(x)]
    for _ in range(n):
        before, x = x, line_search(s, f, x, span)
        span += [f.gradient(x), before - x]
    return s.bound(f.value(x) - f.value_at(xs), start)


@example(f"{UNCONSTRAINED}.conjugate_gradient", L=1, n=2)
def conjugate_gradient(L, n):
    return conjugate_gradients(Smooth(0.0, L), n)


@example(f"{UNCONSTRAINED}.conjugate_gradient_qg_convex", L=1, n=4)
def conjugate_gradient_qg(L, n):
    return conjugate_gradients(SingleQuadraticGrowth(L), n)


class SingleQuadraticGrowth(QuadraticGrowth):
    """A convex function of quadratic growth that gives one subgradient at a point."""

    single_valued = True


@example(f"{UNCONSTRAINED}.gradient_exact_line_search", L=1, mu=0.1, n=2)
def exact_line_search(L, mu, n):
    s, f, xs, x, _ = one_function(Smooth(mu, L))
    start = f.value(x) - f.value_at(xs)
    for _ in range(n):
        x = line_search(s, f, x, [f.gradient(x)])
    return s.bound(f.value(x) - f.value_at(xs), start)


def inexact(s, f, x, epsilon):
    """d with ‖d − ∇f(x)‖ ≤ ε‖∇f(x)‖."""
    d, u = s.point("d"), f.gradient(x)
    s.assume(norm2(d - u) <= epsilon**2 * norm2(u))
    return d


@example(f"{UNCONSTRAINED}.inexact_gradient_descent", L=1, mu=0.1, epsilon=0.1, n=2)
def inexact_gradient_descent(L, mu, epsilon, n):
    s, f, xs, x, _ = one_function(Smooth(mu, L))
    start, gamma = f.value(x) - f.value_at(xs), 2 / ((1 + epsilon) * L + (1 - epsilon) * mu)
    for _ in range(n):
        x = x - gamma * inexact(s, f, x, epsilon)
    return s.bound(f.value(x) - f.value_at(xs), start)


@example(f"{UNCONSTRAINED}.inexact_gradient_exact_line_search", L=1, mu=0.1, epsilon=0.1, n=2)
def inexact_gradient_line_search(L, mu, epsilon, n):
    s, f, xs, x, _ = one_function(Smooth(mu, L))
    start = f.value(x) - f.value_at(xs)
    for _ in range(n):
        x = line_search(s, f, x, [inexact(s, f, x, epsilon)])
    return s.bound(f.value(x) - f.value_at(xs), start)


@example(f"{UNCONSTRAINED}.inexact_accelerated_gradient", L=1, epsilon=0.1, n=5)
def inexact_accelerated_gradient(L, epsilon, n):
    s, f, xs, x, start = one_function(Smooth(0.0, L))
    y = x
    for i in range(n):
        before, x = x, y - 1 / L * inexact(s, f, y, epsilon)
        y = x + i / (i + 3) * (x - before)
    return s.bound(f.value(x) - f.value_at(xs), start)


def heavy_ball(s, f, x, n, alpha, beta):
    before = x
    for i in range(n):
        before, x = x, x - alpha(i) * f.gradient(x) + beta(i) * (x - before)
    return x


@example(f"{UNCONSTRAINED}.heavy_ball_momentum", mu=0.1, L=1.0, alpha=0.5, beta=sqrt(0.475), n=2)
def heavy_ball_momentum(mu, L, alpha, beta, n):
    s, f, xs, x, _ = one_function(Smooth(mu, L))
    start = f.value(x) - f.value_at(xs)
    x = heavy_ball(s, f, x, n, lambda _: alpha, lambda _: beta)
    return s.bound(f.value(x) - f.value_at(xs), start)


@example(f"{UNCONSTRAINED}.heavy_ball_momentum_qg_convex", L=1, n=5)
def heavy_ball_qg(L, n):
    s, f, xs, x, start = one_function(QuadraticGrowth(L))
    x = heavy_ball(s, f, x, n, lambda t: 1 / (L * (t + 2)), lambda t: t / (t + 2))
    return s.bound(f.value(x) - f.value_at(xs), start)


def optimized_thetas(n):
    thetas = [1.0]
    for i in range(n):
        thetas.append((1 + sqrt((4 if i < n - 1 else 8) * thetas[i] ** 2 + 1)) / 2)
    return thetas


@example(f"{UNCONSTRAINED}.optimized_gradient", L=3, n=4)
def optimized_gradient(L, n):
    s, f, xs, x, start = one_function(Smooth(0.0, L))
    y, thetas = x, optimized_thetas(n)
    for now, then in pairwise(thetas):
        before, x = x, y - 1 / L * f.gradient(y)
        y = x + (now - 1) / then * (x - before) + now / then * (x - y)
    return s.bound(f.value(y) - f.value_at(xs), start)


@example(f"{UNCONSTRAINED}.optimized_gradient_for_gradient", L=3, n=4)
def optimized_gradient_for_gradient(L, n):
    s, f, xs, x, _ = one_function(Smooth(0.0, L))
    start, y = f.value(x) - f.value_at(xs), x
    for a, b in pairwise(reversed(optimized_thetas(n))):
        before, y = y, x - 1 / L * f.gradient(x)
        along = (2 * b - 1) / (2 * a - 1)
        x = y + (a - 1) * along / a * (y - before) + along * (y - x)
    return s.bound(norm2(f.gradient(x)), start)


@example(f"{UNCONSTRAINED}.information_theoretic_exact_method", mu=0.001, L=1, n=4)
def information_theoretic(mu, L, n):
    s, f, xs, x, start = one_function(Smooth(mu, L))
    z, A, q = x, 0.0, mu / L
    for _ in range(n):
        before = A
        A = ((1 + q) * A + 2 * (1 + sqrt((1 + A) * (1 + q * A)))) / (1 - q) ** 2
        beta = before / (1 - q) / A
        delta = ((1 - q) ** 2 * A - (1 + q) * before) / (1 + q + q * before) / 2
        y = (1 - beta) * z + beta * x
        x = y - 1 / L * f.gradient(y)
        z = (1 - q * delta) * z + q * delta * y - delta / L * f.gradient(y)
    return s.bound(norm2(z - xs), start)


@example(f"{UNCONSTRAINED}.triple_momentum", mu=0.0625, L=1.0, n=4)
def triple_momentum(mu, L, n):
    s, f, xs, x, start = one_function(Smooth(mu, L))
    rho = 1 - 1 / Fraction(sqrt(L / mu))
    alpha, beta = (1 + rho) / Fraction(L), rho**2 / (2 - rho)
    gamma, delta = rho**2 / (1 + rho) / (2 - rho), rho**2 / (1 - rho**2)
    before = y = x
    for _ in range(n):
        then = (1 + beta) * x - beta * before - alpha * f.gradient(y)
        y, out = (1 + gamma) * then - gamma * x, (1 + delta) * then - delta * x
        before, x = x, then
    return s.bound(f.value(out) - f.value_at(xs), start)


@example(f"{UNCONSTRAINED}.robust_momentum", mu=0.0625, L=1, lam=0.2)
def robust_momentum(mu, L, lam):
    s = Setting()
    f = s.function(Smooth(mu, L))
    xs, x0, x1 = f.minimizer(), s.point("x₀"), s.point("x₁")
    mu, lam, root = Fraction(mu), Fraction(lam).limit_denominator(100), Fraction(sqrt(L / mu))
    kappa = root**2
    rho = lam * (1 - 1 / kappa) + (1 - lam) * (1 - 1 / root)
    alpha = kappa * (1 - rho) ** 2 * (1 + rho) / L
    beta = kappa * rho**3 / (kappa - 1)
    gamma = rho**3 / ((kappa - 1) * (1 - rho) ** 2 * (1 + rho))
    weight = mu**2 * (kappa - kappa * rho**2 - 1) / (2 * rho * (1 - rho))

    def step(before, x):
        y = x + gamma * (x - before)
        g = f.gradient(y)
        then = x + beta * (x - before) - alpha * g
        z = (then - rho**2 * x) / (1 - rho**2)
        rise = f.value(y) - f.value_at(xs) - mu / 2 * norm2(y - xs)
        q = (L - mu) * rise - norm2(g - mu * (y - xs)) / 2
        return then, weight * norm2(z - xs) + q

    x2, start = step(x0, x1)
    _, end = step(x1, x2)
    return s.bound(end, start)


class Map(LinearOperator):
    """A linear map of which the norm is known."""

    def __init__(self, norm):
        self.norm = norm


@example(
    f"{UNCONSTRAINED}.gradient_descent_lc", {"muM": 0.1, "typeM": "gen"},
    mug=0.3, Lg=3, LM=1.0, gamma=1 / 3, n=3,
)  # fmt: skip
def gradient_descent_of_a_composition(mug, Lg, LM, gamma, n):
    s = Setting()
    g, M = s.function(Smooth(mug, Lg)), s.linear(Map(LM))
    xs, x = s.point("x*"), s.point("x₀")
    start = norm2(x - xs)
    s.vanish(M.adjoint(g.gradient(M(xs))))
    for _ in range(n):
        x = x - gamma * M.adjoint(g.gradient(M(x)))
    return s.bound(g.value(M(x)) - g.value_at(M(xs)), start)


# -- continuous time ------------------------------------------------------------------------------

FLOWS = "continuous_time_models"


@example(f"{FLOWS}.gradient_flow_strongly_convex", mu=0.1)
def gradient_flow_strongly_convex(mu):
    s, f, xs, x, _ = one_function(Smooth(mu))
    g = f.gradient(x)
    return s.bound(-norm2(g), f.value_at(x) - f.value_at(xs), least=-1e3)


@example(f"{FLOWS}.gradient_flow_convex", t=2.5)
def gradient_flow_convex(t):
    s, f, xs, x, _ = one_function(CONVEX)
    g = f.gradient(x)
    return s.bound(f.value_at(x) - f.value_at(xs) - t * norm2(g) - inner(x - xs, g))


@example(f"{FLOWS}.accelerated_gradient_flow_convex", t=3.4)
def accelerated_flow_convex(t):
    s, f, xs, x, _ = one_function(CONVEX)
    g, v = f.gradient(x), s.point("ẋ")
    rate = -3 / t * v - g
    of_value = 2 * t * (f.value_at(x) - f.value_at(xs)) + t**2 * inner(v, g)
    return s.bound(of_value + 4 * inner(x - xs + t / 2 * v, 3 / 2 * v + t / 2 * rate))


@example(f"{FLOWS}.accelerated_gradient_flow_strongly_convex", {"psd": True}, mu=0.1)
def accelerated_flow_strongly_convex(mu):
    s, f, xs, x, _ = one_function(Smooth(mu))
    g, v, root = f.gradient(x), s.point("ẋ"), sqrt(mu)
    mixed = root * (x - xs) + v
    start = f.value_at(x) - f.value_at(xs) + norm2(mixed) / 2
    return s.bound(inner(g, v) + inner(mixed, -root * v - g), start, least=-1e3)


# -- expectations written out ---------------------------------------------------------------------

STOCHASTIC = "stochastic_and_randomized_convex_minimization"


def mean(quantities):
    quantities = list(quantities)
    return sum(quantities[1:], quantities[0]) / len(quantities)


def several(s, n, mu, L):
    return [s.function(Smooth(mu, L)) for _ in range(n)]


@example(f"{STOCHASTIC}.sgd", L=1, mu=0.1, gamma=0.7, v=1, R=2, n=3)
def sgd(L, mu, gamma, v, R, n):
    s = Setting()
    fs = several(s, n, mu, L)
    xs, x = s.minimizer(*fs), s.point("x₀")
    s.assume(norm2(x - xs) <= R**2, mean(norm2(f.gradient(xs)) for f in fs) <= v**2)
    return s.bound(mean(norm2(x - gamma * f.gradient(x) - xs) for f in fs))


@example(f"{STOCHASTIC}.sgd_overparametrized", L=1, mu=0.1, gamma=2.3, n=5)
def sgd_overparametrized(L, mu, gamma, n):
    s = Setting()
    fs = several(s, n, mu, L)
    xs, x = fs[0].minimizer(), s.point("x₀")
    for f in fs[1:]:
        f.passes(xs, s.scene.zero())
    return s.bound(mean(norm2(x - gamma * f.gradient(x) - xs) for f in fs), norm2(x - xs))


@example(f"{STOCHASTIC}.saga", L=1, mu=0.1, n=3)
def saga(L, mu, n):
    s = Setting()
    h, fs = s.function(CONVEX), several(s, n, mu, L)
    xs, x = s.point("x*"), s.point("x₀")
    at_xs = [f.gradient(xs) for f in fs]
    h.passes(xs, -1 / n * total(at_xs))
    gamma = 1 / 2 / (mu * n + L)
    c = 1 / 2 / gamma / (1 - mu * gamma) / n
    phi = [s.point("φ") for _ in range(n)]
    g = [f.gradient(p) for f, p in zip(fs, phi, strict=True)]

    def gap(i, p):
        f = fs[i]
        return (f.value(p) - f.value_at(xs) - inner(at_xs[i], p - xs)) / n

    start = c * norm2(xs - x) + total(gap(i, phi[i]) for i in range(n))
    ends = []
    for i in range(n):
        w = x - gamma * (fs[i].gradient(x) - g[i]) - gamma / n * total(g)
        after = c * norm2(h.prox(w, gamma) - xs)
        ends.append(after + total(gap(j, x if j == i else phi[j]) for j in range(n)))
    return s.bound(mean(ends), start)


def total(parts):
    parts = list(parts)
    return sum(parts[1:], parts[0])


@example(f"{STOCHASTIC}.point_saga", L=1, mu=0.01, n=4)
def point_saga(L, mu, n):
    s = Setting()
    fs = several(s, n, mu, L)
    xs, x = s.minimizer(*fs), s.point("x₀")
    phi = [s.point("φ") for _ in range(n)]
    gamma = sqrt((n - 1) ** 2 + 4 * n * L / mu) / 2 / L / n - (1 - 1 / n) / 2 / L
    c = 1 / (mu * L)
    at_xs = [f.gradient(xs) for f in fs]
    start = norm2(xs - x) + total(c / n * norm2(a - p) for a, p in zip(at_xs, phi, strict=True))
    ends = []
    for i in range(n):
        w = x + gamma * phi[i] - gamma / n * total(phi)
        x1 = fs[i].prox(w, gamma)
        u = [(w - x1) / gamma if j == i else phi[j] for j in range(n)]
        ends.append(
            norm2(xs - x1) + total(c / n * norm2(p - a) for p, a in zip(u, at_xs, strict=True))
        )
    return s.bound(mean(ends), start)


def blocks(s, v, d):
    """v as a sum of d orthogonal vectors."""
    parts = [s.point("block") for _ in range(d - 1)]
    parts.append(v - total(parts))
    s.equal(*(inner(p, q) for i, p in enumerate(parts) for q in parts[:i]))
    return parts


@example(f"{STOCHASTIC}.randomized_coordinate_descent_smooth_strongly_convex",
         L=1, mu=0.1, gamma=2 / 1.1, d=2)  # fmt: skip
def coordinate_descent_strongly_convex(L, mu, gamma, d):
    s, f, xs, x, start = one_function(Smooth(mu, L))
    return s.bound(
        mean(norm2(x - gamma * part - xs) for part in blocks(s, f.gradient(x), d)), start
    )


@example(f"{STOCHASTIC}.randomized_coordinate_descent_smooth_convex", L=1, gamma=1, d=2, t=4)
def coordinate_descent_convex(L, gamma, d, t):
    s, f, xs, x, _ = one_function(Smooth(0.0, L))

    def phi(k, x):
        return (k * gamma * L / d + 1) * (f.value(x) - f.value_at(xs)) + L / 2 * norm2(x - xs)

    start = phi(t - 1, x)
    parts = blocks(s, f.gradient(x), d)
    return s.bound(mean(phi(t, x - gamma * part) for part in parts), start)


# -- potential functions, Polyak's steps, inexact proximal steps, projections ---------------------


@example("potential_functions.gradient_descent_lyapunov_1", L=1, gamma=1, n=10)
def gradient_descent_potential_1(L, gamma, n):
    s, f, xs, x, _ = one_function(Smooth(0.0, L))

    def V(k, x):
        return k * (f.value(x) - f.value_at(xs)) + L / 2 * norm2(x - xs)

    return s.bound(V(n + 1, x - gamma * f.gradient(x)) - V(n, x))


@example("potential_functions.gradient_descent_lyapunov_2", L=1, gamma=1, n=10)
def gradient_descent_potential_2(L, gamma, n):
    s, f, xs, x, _ = one_function(Smooth(0.0, L))

    def V(k, x):
        value = (2 * k + 1) * L * (f.value(x) - f.value_at(xs))
        return value + k * (k + 2) * norm2(f.gradient(x)) + L**2 * norm2(x - xs)

    return s.bound(V(n + 1, x - gamma * f.gradient(x)) - V(n, x))


@example("potential_functions.accelerated_gradient_method", L=1, gamma=1, lam=4.9875)
def accelerated_potential(L, gamma, lam):
    s, f, xs, x, _ = one_function(Smooth(0.0, L))
    lam = Fraction(lam).limit_denominator(100)
    z, after = s.point("z"), (1 + Fraction(sqrt(4 * lam**2 + 1)).limit_denominator(1000)) / 2
    y = (1 - 1 / after) * x + 1 / after * z

    def V(k, x, z):
        return k**2 * (f.value(x) - f.value_at(xs)) + L / 2 * norm2(z - xs)

    g = f.gradient(y)
    then = V(after, y - gamma * g, z - (after**2 - lam**2) / L * g)
    return s.bound(then - V(lam, x, z))


@example("adaptive_methods.polyak_steps_in_distance_to_optimum", L=1, mu=0.1, gamma=2 / 1.1)
def polyak_distance(L, mu, gamma):
    s, f, xs, x, start = one_function(Smooth(mu, L))
    g = f.gradient(x)
    s.equal(gamma * norm2(g) - 2 * (f.value_at(x) - f.value_at(xs)))
    f.gradient(x - gamma * g)
    return s.bound(norm2(x - gamma * g - xs), start)


@example("adaptive_methods.polyak_steps_in_function_value", L=1, mu=0.1, gamma=2 / 1.1)
def polyak_value(L, mu, gamma):
    s, f, xs, x, _ = one_function(Smooth(mu, L))
    g = f.gradient(x)
    start = f.value_at(x) - f.value_at(xs)
    s.equal(norm2(g) - 2 * L * (2 - L * gamma) * start)
    return s.bound(f.value(x - gamma * g) - f.value_at(xs), start)


def inexact_prox(s, f, y, gamma):
    """x = y − γu + e with u ∈ ∂f(x)."""
    e, u = s.point("e"), s.point("u")
    x = y - gamma * u + e
    f.passes(x, u)
    return x, u, e


@example(
    "inexact_proximal_methods.relatively_inexact_proximal_point_algorithm",
    n=4,
    gamma=10,
    sigma=0.65,
)
def relatively_inexact(n, gamma, sigma):
    s, f, xs, x, start = one_function(CONVEX)
    for _ in range(n):
        before = x
        x, _, e = inexact_prox(s, f, x, gamma)
        s.assume(norm2(e) / 2 <= norm2(sigma * (x - before)) / 2)
    return s.bound(f.value(x) - f.value_at(xs), start)


@example(
    "inexact_proximal_methods.partially_inexact_douglas_rachford_splitting",
    mu=0.1, L=5, n=3, gamma=1.4, sigma=0.2,
)  # fmt: skip
def partially_inexact(mu, L, n, gamma, sigma):
    s = Setting()
    f, g = s.function(Smooth(mu, L)), s.function(CONVEX)
    xs, z = s.minimizer(f, g), s.point("z₀")
    zs = xs + gamma * f.gradient(xs)
    start = norm2(z - zs)
    for _ in range(n):
        x, u, e = inexact_prox(s, f, z, gamma)
        y = g.prox(x - gamma * u, gamma)
        s.assume(norm2(e) / 2 <= norm2(sigma * (y - z + gamma * u)) / 2)
        z = z + (y - x)
    return s.bound(norm2(z - zs), start)


@example("inexact_proximal_methods.accelerated_inexact_forward_backward", L=1.3, zeta=0.45, n=4)
def accelerated_inexact(L, zeta, n):
    s, f, h, xs, x, start = two_functions(Smooth(0.0, L), CONVEX)
    gamma = 1 / L
    eta, A, z = (1 - zeta**2) * gamma, 0.0, x
    for _ in range(n):
        after = A + (eta + sqrt(eta**2 + 4 * eta * A)) / 2
        y = x + (1 - A / after) * (z - x)
        g = f.gradient(y)
        w, v, x = s.point("w"), s.point("v"), s.point("x")
        h.passes(w, v)
        h.another(x)
        e = x - (y - gamma * g) + gamma * v
        gap = h.value_at(x) - h.value_at(w) - inner(v, x - w)
        s.assume(norm2(e) / 2 + gamma * gap <= (zeta * gamma) ** 2 / 2 * norm2(v + g))
        z, A = z - (after - A) * (v + g), after
    return s.bound(f.value(x) + h.value_at(x) - f.value_at(xs) - h.value_at(xs), start)


@example("tutorials.gradient_descent_contraction", L=1, mu=0.1, gamma=1, n=2)
def gradient_contraction(L, mu, gamma, n):
    s = Setting()
    f = s.function(Smooth(mu, L))
    return two_runs(s, lambda x: x - gamma * f.gradient(x), n)


LOW = "low_dimensional_worst_cases_scenarios"


def two_sets():
    s = Setting()
    C, D = s.function(Indicator()), s.function(Indicator())
    return s, C, D, *distance(s, C, D)


@example(f"{LOW}.alternate_projections", n=4)
def alternate_projections(n):
    s, C, D, _xs, x, start = two_sets()
    for _ in range(n):
        x = D.prox(C.prox(x, 1.0), 1.0)
    return s.bound(norm2(x - C.prox(x, 1.0)), start)


@example(f"{LOW}.averaged_projections", n=4)
def averaged_projections(n):
    s, C, D, _xs, x, start = two_sets()
    for _ in range(n):
        x = (C.prox(x, 1.0) + D.prox(x, 1.0)) / 2
    return s.bound(norm2(D.prox(x, 1.0) - C.prox(x, 1.0)), start)


@example(f"{LOW}.dykstra", n=4)
def dykstra(n):
    s, C, D, _xs, x, start = two_sets()
    p = q = s.scene.zero()
    for _ in range(n):
        y = C.prox(x + p, 1.0)
        p = x + p - y
        x, q = D.prox(y + q, 1.0), y + q
        q = q - x
    return s.bound(norm2(x - C.prox(x, 1.0)), start)
