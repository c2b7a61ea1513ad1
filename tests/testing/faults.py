r"""Planted faults, one a property, and the table of which check finds them.

    python -m tests.testing.faults [--seeds 20] [--correct 200] [--first 0] [--examples N] \
        [--only NAME]

runs each check with default settings, once a seed, and prints how often the fault was caught by a
property that it breaks, and the slowest run in processor time; then it sends everything registered
through its check and prints what was accused, which must be nothing. Seeds count from ``--first``,
so that a long run can be made in parts; ``--examples`` cases are drawn for each correct thing,
Hypothesis' 100 by default. ``--only`` takes the faults and things whose name contains this.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.special import ndtr

import splitkit as sk
import splitkit_nn as sknn
from splitkit.functions import Box, Huber, L1Norm, SquaredL2
from splitkit.testing import Registered, Violation, registered, suite
from splitkit.testing.strategies import rotation


@dataclass(frozen=True)
class Fault:
    """A thing with one fault.

    Attributes
    ----------
    name : str
    property : str
        The one that it breaks; the check of this property must find it.
    make : callable
        Makes the thing with the shapes of its points.
    options : dict
        Of the check, beside the shapes.
    """

    name: str
    property: str
    make: Callable[[], tuple[Any, ...]]
    options: dict[str, Any]

    def found(self, only: str | None = None, seed: int = 0) -> Violation | None:
        """What the check of everything, or of one property, reports."""
        thing, *shapes = self.make()
        try:
            with np.errstate(all="ignore"):
                suite(thing, *shapes, **self.options).run(seed=seed, only=only)
        except Violation as violation:
            return violation
        return None


FAULTS: list[Fault] = []


def fault(name: str, property: str, **options: Any) -> Callable[..., Any]:
    """Register what a function makes, or a class with the shape (3,), as a fault."""

    def register(make: Any) -> Any:
        built = (lambda: (make(), (3,))) if isinstance(make, type) else make
        FAULTS.append(Fault(name, property, built, options))
        return make

    return register


def matrix(seed: int = 5) -> Any:
    return np.random.default_rng(seed).standard_normal((10, 10))


def linear(M: Any, **declared: Any) -> sk.Operator:
    return sk.Operator.from_callable(lambda x: M @ x, **declared)


class Linear(sk.Operator):
    """x ↦ Mx with any declared properties."""

    def __init__(self, M: Any, **declared: Any) -> None:
        self.M, self.properties = np.asarray(M), sk.Properties.of(**declared)

    def __call__(self, x: Any) -> Any:
        return x @ self.M.T


class Map(sk.LinearOperator):
    """x ↦ Mx with an adjoint of its own."""

    def __init__(self, M: Any, adjoint: Any = None, **declared: Any) -> None:
        self.M = np.asarray(M, dtype=float)
        self.Mt = self.M.T if adjoint is None else np.asarray(adjoint, dtype=float)
        self.norm = float(np.linalg.norm(self.M, 2))
        vars(self).update(declared)

    def __call__(self, x: Any) -> Any:
        return x @ self.M.T

    def adjoint(self, y: Any) -> Any:
        return y @ self.Mt.T


def soft(y: Any, threshold: Any) -> Any:
    return np.sign(y) * np.maximum(np.abs(y) - threshold, 0)


A3 = np.array([[2.0, 1.0, 0.0], [-1.0, 1.0, 0.5], [0.0, -0.5, 3.0]])

# -- constants ------------------------------------------------------------------------------------


@fault("Lipschitz constant 1 % too small, dimension 10", "lipschitz")
def _():
    M = matrix()
    return linear(M, lipschitz=0.99 * float(np.linalg.norm(M, 2))), (10,)


@fault("Lipschitz constant 1 % too small, dimension 40", "lipschitz")
def _():
    M = np.random.default_rng(0).standard_normal((40, 40))
    M = M @ M.T
    return linear(M, lipschitz=0.99 * float(np.linalg.norm(M, 2))), (40,)


@fault("strong monotonicity 1 % too large", "strongly_monotone")
def _():
    M = matrix() @ matrix().T + np.eye(10) + matrix() - matrix().T
    m = float(np.linalg.eigvalsh((M + M.T) / 2)[0])
    return linear(M, strong_monotonicity=1.01 * m), (10,)


@fault("cocoercivity 1 % too large", "cocoercive")
def _():
    M = matrix() @ matrix().T
    return linear(M, cocoercivity=1.01 / float(np.linalg.norm(M, 2))), (10,)


@fault("averagedness 1 % too small", "averaged")
def _():
    return Linear(0.4 * np.eye(10) + 0.6 * rotation(10, 0.0, 1.0), averagedness=0.99 * 0.6), (10,)


@fault("comonotonicity 1 % too large", "comonotone")
def _():
    return Linear(np.linalg.inv(rotation(4, 0.0, 1.0) - 0.3 * np.eye(4)), cocoercivity=-0.297), (4,)


@fault("not monotone", "monotone")
def _():
    M = matrix() @ matrix().T + matrix() - matrix().T
    m = float(np.linalg.eigvalsh((M + M.T) / 2)[0])
    return linear(M - (m + 1e-3) * np.eye(10), monotone=True), (10,)


@fault("not monotone, far from 0", "monotone")
def _():
    return sk.Operator.from_callable(lambda x: x - np.sin(1.2 * x), monotone=True), (3,)


@fault("not monotone for entries about 5.3 only", "monotone")
def _():
    def falling(x: Any) -> Any:
        return x + 1.2 * np.tanh((5.3 - x) / 0.5) * (np.abs(x - 5.3) < 1)

    return sk.Operator.from_callable(falling, monotone=True), (3,)


@fault("one entry not monotone about 30 only, dimension 10", "monotone")
def _():
    def falling(x: Any) -> Any:
        return x + np.eye(10)[4] * 15 * np.tanh((30 - x) / 5)

    return sk.Operator.from_callable(falling, monotone=True), (10,)


@fault("wrong sign", "strongly_monotone")
def _():
    return sk.Operator.from_callable(lambda x: -x, strong_monotonicity=1.0), (3,)


@fault("no gradient: a rotation by 3 degrees", "gradient")
def _():
    angle = np.deg2rad(3)
    M = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    return Linear(M, monotone=True, gradient=True, linear=True), (2,)


@fault("no gradient: a rotation by 10 degrees that is not affine", "gradient")
def _():
    angle = np.deg2rad(10)
    M = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    properties = {"monotone": True, "gradient": True}
    return linear(M, **properties), (2,)


@fault("not skew by 1 %", "skew")
def _():
    return Linear(rotation(4, 0.0, 1.0) + 0.01 * np.eye(4), skew=True), (4,)


@fault("not affine", "affine")
def _():
    class Cubic(sk.Operator):
        properties = sk.Properties.of(monotone=True, linear=True)

        def __call__(self, x: Any) -> Any:
            return x + 1e-6 * x**3

    return Cubic(), (3,)


@fault("constant of the Cayley operator 1 % too small", "cayley_constants")
def _():
    class Claims(sk.Affine):
        def cayley_properties(self, alpha: float) -> sk.Properties:
            norm = self.M.reflected_norm(alpha)
            return super().cayley_properties(alpha).also_lipschitz(0.99 * norm)

    return Claims(A3), (3,)


# -- resolvents -----------------------------------------------------------------------------------


@fault("resolvent of the wrong step", "resolvent_solves")
class WrongStep(sk.Affine):
    def __init__(self) -> None:
        super().__init__(A3)

    def make_resolvent(self, alpha: Any) -> Any:
        return super().make_resolvent(alpha * alpha)


@fault("resolvent of the inverse", "resolvent_solves")
class OfTheInverse(sk.Affine):
    def __init__(self) -> None:
        super().__init__(A3)

    def make_resolvent(self, alpha: Any) -> Any:
        return self.inverse.make_resolvent(alpha)

    @property
    def inverse(self) -> Any:
        return sk.Affine(np.linalg.inv(A3))


@fault("stale inverse: that of the first step for ever", "resolvent_solves")
class Stale(sk.Affine):
    def __init__(self) -> None:
        super().__init__(A3)
        self.kept = None

    def make_resolvent(self, alpha: Any) -> Any:
        if self.kept is None:
            self.kept = super().make_resolvent(alpha)
        return self.kept


@fault("expansive resolvent", "firmly_nonexpansive")
def _():
    return sk.Operator.from_callable(
        resolvent=lambda y, alpha: 1.02 * y, monotone=True, maximal=True
    ), (3,)


@fault("resolvent with the weight squared", "resolvent_identity")
def _():
    return sk.Operator.from_callable(
        resolvent=lambda y, alpha: soft(y, alpha * alpha), monotone=True, maximal=True
    ), (3,)


@fault("resolvent undefined far away (not maximal)", "finite")
def _():
    return sk.Operator.from_callable(
        resolvent=lambda y, alpha: np.where(np.abs(y) > 300, np.nan, y / (1 + alpha)),
        strong_monotonicity=1.0, maximal=True,
    ), (3,)  # fmt: skip


@fault("Cayley operator 2R + I", "cayley_is_reflection")
class PlusIdentity(sk.Affine):
    def __init__(self) -> None:
        super().__init__(A3)

    def make_cayley(self, alpha: Any) -> Any:
        resolvent = self.make_resolvent(alpha)
        return lambda y: 2 * resolvent(y) + y


@fault("inverse that forgets to divide by the step", "moreau")
class WrongInverse(sk.Affine):
    def __init__(self) -> None:
        super().__init__(A3)

    @property
    def inverse(self) -> sk.Operator:
        A = self

        class Forgets(sk.Operator):
            properties = A.properties.inverse()

            def make_resolvent(self, alpha: Any) -> Any:
                resolvent = A.make_resolvent(1 / alpha)
                return lambda y: y - alpha * resolvent(y)

        return Forgets()


@fault("inverse of the inverse is the inverse", "inverse_of_inverse")
class Involution(sk.Affine):
    def __init__(self) -> None:
        super().__init__(A3)

    @property
    def inverse(self) -> sk.Operator:
        inverse = super().inverse

        class Itself(type(inverse)):  # type: ignore[misc]
            inverse = property(lambda self: self)

        return Itself(self)


@fault("prepared evaluation of another map", "prepared")
class PreparedWrongly(Linear):
    def __init__(self) -> None:
        super().__init__(A3)

    def make_evaluation(self) -> Any:
        return lambda x: 1.01 * self(x)


@fault("trace of another map", "prepared")
class TracedWrongly(Linear):
    def __init__(self) -> None:
        super().__init__(A3)

    def trace(self, x: Any) -> Any:
        return self(x) + 1, ()


@fault("resolvent under a misspelt name", "defined")
class Misspelt(sk.Operator):
    properties = sk.Properties.of(strong_monotonicity=5.0)

    def make_resolvant(self, alpha: Any) -> Any:
        return lambda y: y / (1 + 5 * alpha)


# -- what a map keeps -----------------------------------------------------------------------------


@fault("another value at each call", "deterministic")
class Drifts(sk.Operator):
    properties = sk.Properties.of(strong_monotonicity=1.0, lipschitz=1.0)
    calls = 0

    def __call__(self, x: Any) -> Any:
        self.calls += 1
        return x + 1e-3 * self.calls


@fault("returns a buffer that the next call overwrites", "no_aliasing")
class Buffer(sk.Operator):
    properties = sk.Properties.of(strong_monotonicity=1.0, lipschitz=1.0)

    def __init__(self) -> None:
        self.buffer = np.zeros(3)

    def __call__(self, x: Any) -> Any:
        self.buffer[:] = x
        return self.buffer


@fault("changes its argument in place", "no_mutation")
class InPlace(sk.Operator):
    properties = sk.Properties.of(monotone=True)

    def __call__(self, x: Any) -> Any:
        x *= 2
        return x


@fault("NaN at zero", "finite")
def _():
    A = sk.Operator.from_callable(lambda x: x / np.abs(x).sum() * np.abs(x).sum(), monotone=True)
    return A, (3,)


@fault("another shape", "like_its_argument")
def _():
    return sk.Operator.from_callable(lambda x: x[None, :], monotone=True), (3,)


@fault("a list in place of a tuple of blocks", "like_its_argument")
def _():
    return sk.Operator.from_callable(list, monotone=True), ((3,), (2,))


@fault("the wrong block", "monotone")
def _():
    A = sk.Operator.from_callable(lambda x: (x[1], x[0]), monotone=True, lipschitz=1.0)
    return A, ((3,), (3,))


@fault("double precision that leaks", "like_its_argument", dtype=np.float32)
def _():
    return sk.Operator.from_callable(lambda x: x * np.float64(1.0), monotone=True), (3,)


@fault("NaN taken for a number", "nan")
def _():
    return sk.Operator.from_callable(np.nan_to_num, strong_monotonicity=1.0), (3,)


@fault("pickle loses a parameter", "serialization")
class Forgetful(sk.Operator):
    properties = sk.Properties.of(monotone=True)

    def __init__(self, scale: float = 2.0) -> None:
        self.scale = scale

    def __call__(self, x: Any) -> Any:
        return self.scale * x

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.scale = 1.0


@fault("a norm over the batch", "batch_independence", batch_ndim=1)
def _():
    A = sk.Operator.from_callable(lambda x: x / (1 + np.linalg.norm(x)))
    return A, (4, 3)


@fault("the first step size for the whole batch", "step_of_each_element", batch_ndim=1)
def _():
    def resolvent(y: Any, alpha: Any) -> Any:
        return y / (1 + np.ravel(alpha)[0])

    A = sk.Operator.from_callable(resolvent=resolvent, strong_monotonicity=1.0, maximal=True)
    return A, (4, 3)


# -- functions ------------------------------------------------------------------------------------


class WithConjugate(sk.functions.Function):
    """‖x‖₁, for a value of its conjugate."""

    elementwise = True

    def __call__(self, x: Any) -> Any:
        return np.sum(abs(x))

    def prox(self, x: Any, alpha: Any = 1.0) -> Any:
        return soft(x, alpha)


@fault("prox in place", "no_mutation")
class InPlaceProx(L1Norm):
    def prox(self, x: Any, alpha: Any = 1.0) -> Any:
        x *= 1 / (1 + alpha)
        return x


@fault("prox at alpha = 1 always", "prox_minimizes")
class AlwaysOne(Huber):
    def prox(self, x: Any, alpha: Any = 1.0) -> Any:
        return super().prox(x, 1.0)


@fault("threshold off by a factor", "prox_minimizes")
class HalfThreshold(L1Norm):
    def prox(self, x: Any, alpha: Any = 1.0) -> Any:
        return super().prox(x, alpha / 2)


@fault("threshold 0.1 % off", "prox_minimizes")
class NearlyRight(L1Norm):
    def prox(self, x: Any, alpha: Any = 1.0) -> Any:
        return super().prox(x, 1.001 * alpha)


@fault("prox wrong for steps in (0.5, 0.9) only", "resolvent_identity")
class BetweenSteps(L1Norm):
    def prox(self, x: Any, alpha: Any = 1.0) -> Any:
        p = super().prox(x, alpha)
        return p + 1e-3 if 0.5 < alpha < 0.9 else p


@fault("prox that saturates at 1e6", "prox_minimizes")
class Saturated(L1Norm):
    def prox(self, x: Any, alpha: Any = 1.0) -> Any:
        return np.clip(super().prox(x, alpha), -1e6, 1e6)


@fault("prox without the keyword alpha", "prox_keyword")
class AnotherName(L1Norm):
    def prox(self, x: Any, tau: Any = 1.0) -> Any:
        return super().prox(x, tau)


@fault("prox prepared at twice the step", "prepared")
class PreparedProx(L1Norm):
    def make_prox(self, alpha: Any) -> Any:
        return lambda x: self.prox(x, 2 * alpha)


@fault("operator of another function", "prepared")
class AnotherFunction(L1Norm):
    operator = sk.Subdifferential(L1Norm(1.01))


@fault("conjugate returns f", "moreau_of_conjugate")
class OwnConjugate(L1Norm):
    @property
    def conjugate(self) -> Any:
        return self


@fault("value of the conjugate is f's", "fenchel_young")
class ValueOfF(SquaredL2):
    def __init__(self) -> None:
        super().__init__(3.0)

    @property
    def conjugate(self) -> Any:
        f = self

        class Wrong(SquaredL2):
            def __call__(self, x: Any) -> Any:
                return f(x)

        return Wrong(1 / self.weight)


@fault("conjugate_value wrong where f.conjugate is another way", "fenchel_young")
class WrongConjugateValue(SquaredL2):
    def __init__(self) -> None:
        super().__init__(3.0)

    def conjugate_value(self, u: Any) -> Any:
        return 1.01 * super().conjugate_value(u)


@fault("conjugate that has a wrong value and no prox", "fenchel_young")
class NoProx(SquaredL2):
    @property
    def conjugate(self) -> Any:
        class Wrong(sk.functions.Function):
            def __call__(self, u: Any) -> Any:
                return 0.505 * np.sum(u * u)

        return Wrong()


@fault("conjugate finite everywhere", "fenchel_young")
class FiniteConjugate(WithConjugate):
    def conjugate_value(self, u: Any) -> Any:
        return np.sum(0 * u)


@fault("domain of the conjugate 1 % too large", "fenchel_young")
class LargeDomain(WithConjugate):
    def conjugate_value(self, u: Any) -> Any:
        return np.sum(np.where(abs(u) > 1.01, np.inf, 0.0))


@fault("gradient 2 % too large", "finite_difference")  # fmt: skip
class WrongGradient(SquaredL2):
    def gradient(self, x: Any) -> Any:
        return 1.02 * super().gradient(x)


@fault("support point within the ball", "support_point")
class Short(sk.functions.L1Ball):
    def support_point(self, v: Any) -> Any:
        return 0.9 * super().support_point(v)


@fault("gradient beside the value without the center", "value_and_gradient")
class WrongPair(SquaredL2):
    def __init__(self) -> None:
        super().__init__(center=1.0)

    def value_and_gradient(self, x: Any) -> Any:
        return self(x), self.weight * x


@fault("sL for f(s·), where s²L holds", "gradient_upper_bound")
class WrongRule(SquaredL2):
    def __init__(self) -> None:
        super().__init__(9.0)
        self.smoothness = 3.0
        self.strong_convexity = 0.0


@fault("strong convexity of a function that is not", "convex")
class TooConvex(Huber):
    strong_convexity = 0.01


@fault("smoothness 10 % too small", "gradient_upper_bound")  # fmt: skip
class TooSmooth(Huber):
    def __init__(self) -> None:
        super().__init__()
        self.smoothness = 0.9


@fault("not convex", "convex")
class NotConvex(L1Norm):
    def __call__(self, x: Any) -> Any:
        return np.sum(np.sqrt(np.abs(x)))


@fault("projection onto a set 1 % too large", "prox_in_domain")
class TooLarge(Box):
    def __init__(self) -> None:
        super().__init__(-1.0, 1.0)

    def prox(self, x: Any, alpha: Any = 1.0) -> Any:
        return np.clip(x, -1.01, 1.01)


class SumOfZero(sk.functions.Indicator):
    """{x: Σx = 0}."""

    def project(self, x: Any) -> Any:
        centered = x - np.mean(x)
        return centered - np.mean(centered)  # without the rounding of a mean that is large

    def violation(self, x: Any) -> Any:
        return abs(np.sum(x))


@fault("projection that keeps the rounding of a point far away", "prox_in_domain")
class KeepsRounding(SumOfZero):
    def project(self, x: Any) -> Any:
        return x - np.mean(x)


class OnePoint(sk.functions.Indicator):
    """{x: Qx = c} of an orthogonal Q."""

    Q = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    c = np.asarray([1.0, -2.0, 0.5])

    def step(self, x: Any) -> Any:
        return x - self.Q.T @ (self.Q @ x - self.c)

    def project(self, x: Any) -> Any:
        return self.step(self.step(self.step(x)))

    def violation(self, x: Any) -> Any:
        return np.linalg.norm(self.Q @ x - self.c)


@fault("projection that keeps the rounding of its own rounding", "prox_in_domain")
class KeepsRoundingTwice(OnePoint):
    def project(self, x: Any) -> Any:
        return self.step(self.step(x))


@fault("membership with a tolerance that has a unit", "prox_in_domain")
class MeansUnits(SumOfZero):
    def __call__(self, x: Any) -> Any:
        return np.asarray(0.0 if abs(np.sum(x)) <= 1e-12 else np.inf)


@fault("every tiny point is inside", "outside")
class LetsTinyIn(sk.functions.NonNegative):
    def __call__(self, x: Any) -> Any:
        return np.asarray(0.0 if np.all(x >= -1e-6) else np.inf)


@fault("norm whose squares overflow", "homogeneous", dtype=np.float32)
class PlainNorm(sk.functions.L2Norm):
    def __call__(self, x: Any) -> Any:
        return np.sqrt(np.sum(x * x))


@fault("prox of a norm whose squares underflow", "homogeneous", dtype=np.float32)
class PlainNormProx(sk.functions.L2Norm):
    def prox(self, x: Any, alpha: Any = 1.0) -> Any:
        size = np.sqrt(np.sum(x * x))
        return x * np.float32(max(0.0, 1 - alpha / size) if size > 0 else 0.0)


@fault("prox with a threshold that has a unit", "homogeneous")
class SafeDivision(sk.functions.L2Norm):
    def prox(self, x: Any, alpha: Any = 1.0) -> Any:
        size = np.sqrt(np.sum(x * x))
        return x * max(0.0, 1 - alpha / max(size, 1e-12))


@fault("called a norm, and quadratic near 0", "homogeneous")
class NearlyNorm(L1Norm):
    def __call__(self, x: Any) -> Any:
        return np.sum(np.where(abs(x) < 1e-3, 500 * x * x + 5e-4, abs(x)))


TORCH: dict[str, Any] = {"xp": torch, "dtype": torch.float64}


@fault("prox cut from the record", "prox_derivative", **TORCH)
class DetachedProx(L1Norm):
    def prox(self, x: Any, alpha: Any = 1.0) -> Any:
        return super().prox(x, alpha).detach()


@fault("prox whose derivative is the identity", "prox_derivative", **TORCH)
class StraightThrough(L1Norm):
    def prox(self, x: Any, alpha: Any = 1.0) -> Any:
        return x + (super().prox(x, alpha) - x).detach()


@fault("prox whose derivative is 1 % too large", "prox_derivative", **TORCH)
class LargeDerivative(SquaredL2):
    def prox(self, x: Any, alpha: Any = 1.0) -> Any:
        p = super().prox(x, alpha)
        return p + 0.01 * (p - p.detach())


@fault("prox whose derivative is NaN", "prox_derivative", **TORCH)
class NaNDerivative(sk.functions.NonNegative):
    def prox(self, x: Any, alpha: Any = 1.0) -> Any:
        return torch.where(x > 0, torch.sqrt(x) ** 2, 0.0)

    project = prox


@fault("called elementwise, and is not", "elementwise")
class NotElementwise(sk.functions.Simplex):
    elementwise = True


@fault("value in double precision", "value_like_its_argument", dtype=np.float32)
class FloatValue(L1Norm):
    def __call__(self, x: Any) -> Any:
        return np.asarray(float(super().__call__(x)), dtype=np.float64)


@fault("value counts NaN as inside", "nan")
class Inside(Box):
    def __init__(self) -> None:
        super().__init__(-1.0, 1.0)

    def __call__(self, x: Any) -> Any:
        outside = np.any(np.abs(x) > 1 + 1e-12)
        return np.asarray(np.inf if outside else 0.0)


# -- linear maps ----------------------------------------------------------------------------------


@fault("adjoint with a wrong sign", "adjoint")
def _():
    return Map(A3, A3.T * [[1], [-1], [1]]), (3,), (3,)


@fault("adjoint without the flip", "adjoint")
def _():
    return Map(A3, A3), (3,), (3,)


@fault("circular shift off by one in the adjoint", "adjoint")
def _():
    S = np.roll(np.eye(5), 1, axis=0)
    return Map(S, np.eye(5)), (5,), (5,)


@fault("L.T is another map than the adjoint", "transpose")
class OtherTranspose(Map):
    def __init__(self) -> None:
        super().__init__(A3)

    T = property(lambda self: self)  # type: ignore[assignment]


FAULTS[-1] = replace(FAULTS[-1], make=lambda: (OtherTranspose(), (3,), (3,)))


@fault("affine, not linear", "linear")
def _():
    class Moved(Map):
        def __call__(self, x: Any) -> Any:
            return super().__call__(x) + 1.0

    return Moved(A3), (3,), (3,)


@fault("norm 1 % too small", "norm")
def _():
    M = matrix()
    return Map(M, norm=0.99 * float(np.linalg.norm(M, 2))), (10,), (10,)


@fault("least gain 1 % too large", "least_gain")
def _():
    M = matrix()
    return Map(M, least_gain=1.01 * float(np.linalg.svd(M)[1][-1])), (10,), (10,)


@fault("LLᵀ = νI with ν wrong", "gram")
def _():
    return Map(2 * np.eye(3), gram=2.0), (3,), (3,)


def wide(**declared: Any) -> Any:
    """x ↦ 2x, permuted, on 20 × 20 entries."""
    order = np.random.default_rng(0).permutation(400)
    forward = sk.linear.MatrixFree(
        lambda x: 2 * x.reshape(400)[order].reshape(20, 20),
        lambda y: 2 * y.reshape(400)[np.argsort(order)].reshape(20, 20),
        (20, 20),
        (20, 20),
    )
    vars(forward).update({"norm": 2.0, "least_gain": 2.0, "gram": 4.0} | declared)
    return forward, (20, 20), (20, 20)


fault("norm 1 % too small, dimension 400", "norm")(lambda: wide(norm=1.98))
fault("least gain 1 % too large, dimension 400", "least_gain")(lambda: wide(least_gain=2.02))
fault("LLᵀ = νI with ν wrong, dimension 400", "gram")(lambda: wide(gram=4.04))


@fault("y − Lx in place of y + Lx", "add_to")
def _():
    class Subtracts(Map):
        def add_to(self, y: Any, x: Any) -> Any:
            return y - self(x)

    return Subtracts(A3), (3,), (3,)


@fault("sum written into its first term", "no_mutation")
def _():
    class Writes(Map):
        def add_to(self, y: Any, x: Any) -> Any:
            y += self(x)
            return y

    return Writes(A3), (3,), (3,)


@fault("space of the values", "range_space")
def _():
    class Wrong(sk.DenseMatrix):
        def range_space(self, space: Any) -> Any:
            return space

    return Wrong(A3[:2]), (3,), (2,)


@fault("shifted inverse of another step", "shifted_inverse")
def _():
    class Wrong(sk.DenseMatrix):
        def shifted_inverse(self, alpha: Any) -> Any:
            return super().shifted_inverse(1.1 * alpha)

    return Wrong(A3), (3,), (3,)


@fault("shifted inverse of the last step that was asked for", "shifted_inverse")
def _():
    class Kept(sk.LinearOperator):
        norm, linear = 1.0, True

        def __init__(self, L: Any) -> None:
            self.L = L

        def __call__(self, x: Any) -> Any:
            return x @ self.L.made.T

        def adjoint(self, y: Any) -> Any:
            return y @ self.L.made

    class Wrong(sk.DenseMatrix):
        def shifted_inverse(self, alpha: Any) -> Any:
            self.made = super().shifted_inverse(alpha).matrix
            return Kept(self)

        def reflected_inverse(self, alpha: Any) -> Any:
            return None

    return Wrong(A3), (3,), (3,)


@fault("stale shifted inverse: that of the first step for ever", "shifted_inverse")
def _():
    class Wrong(sk.DenseMatrix):
        kept = None

        def shifted_inverse(self, alpha: Any) -> Any:
            if self.kept is None:
                self.kept = super().shifted_inverse(alpha)
            return self.kept

    return Wrong(A3), (3,), (3,)


@fault("transposed solve that is not transposed", "shifted_inverse_transpose")
def _():
    class Symmetric(sk.DenseMatrix):
        @property
        def T(self) -> Any:
            return self

        def adjoint(self, y: Any) -> Any:
            return y @ self.matrix.T

    class Wrong(sk.DenseMatrix):
        def shifted_inverse(self, alpha: Any) -> Any:
            return Symmetric(super().shifted_inverse(alpha).matrix)

    return Wrong(A3), (3,), (3,)


@fault("reflected inverse without the reflection", "reflected_inverse")
def _():
    class Wrong(sk.DenseMatrix):
        def reflected_inverse(self, alpha: Any) -> Any:
            return self.shifted_inverse(alpha)

    return Wrong(A3), (3,), (3,)


@fault("norm of the reflected inverse too small", "reflected_norm")
def _():
    class Wrong(sk.DenseMatrix):
        def reflected_norm(self, alpha: Any) -> Any:
            return 0.5 * super().reflected_norm(alpha)

    return Wrong(A3), (3,), (3,)


# -- activations and layers -----------------------------------------------------------------------


class ByName(sknn.Activation):
    """σ of a torch function, with a resolvent that a subclass gives."""

    def sigma(self, y: Any) -> Any:
        raise NotImplementedError

    def slope(self, y: Any) -> Any:
        raise NotImplementedError

    def __call__(self, y: Any) -> Any:
        return self.sigma(y)

    def derivative(self, y: Any) -> Any:
        return self.slope(y)

    @property
    def operator(self) -> sk.Operator:
        return sk.Operator.from_callable(
            resolvent=lambda y, alpha: self.sigma(y), monotone=True, maximal=True
        )


def activation(make: type) -> Any:
    return lambda: (make(), (2, 4))


class GELU(ByName):
    def sigma(self, y: Any) -> Any:
        return y * ndtr(y)

    def slope(self, y: Any) -> Any:
        return ndtr(y) + y * np.exp(-y * y / 2) / np.sqrt(2 * np.pi)


class Tanh(ByName):
    def sigma(self, y: Any) -> Any:
        return np.tanh(y)

    def slope(self, y: Any) -> Any:
        return 1 - np.tanh(y) ** 2


class WrongSlope(sknn.ReLU):
    def derivative(self, y: Any) -> Any:
        return 0.9 * super().derivative(y)


class Steep(sknn.ReLU):
    def derivative(self, y: Any) -> Any:
        return 1.05 * super().derivative(y)


class AnotherOperator(sknn.ReLU):
    @property
    def operator(self) -> sk.Operator:
        return sk.NormalCone(Box(0.0, 6.0, batch_ndim=1))


fault("GELU, which is not monotone", "firmly_nonexpansive")(activation(GELU))
fault("σ in place of prox at every alpha", "prox_at_every_step")(activation(Tanh))
fault("derivative of σ 10 % too small", "jacobian")(activation(WrongSlope))
fault("slope of σ above 1", "jacobian_range")(activation(Steep))
fault("σ is not the prox of its operator", "prox_at_one")(activation(AnotherOperator))


class NegativeScale(sknn.MonotoneDense):
    """I − W = mI + gAᵀA with a learned g that nothing keeps from becoming negative."""

    def __init__(self) -> None:
        super().__init__(3, 4)
        self.g = torch.nn.Parameter(torch.ones(()))

    def weight(self) -> Any:
        return (1 - self.m) * torch.eye(4, dtype=self.A.dtype) - self.g * self.A.T @ self.A


class TransposedOperator(sknn.MonotoneDense):
    def operator(self, W: Any = None, *, exact: bool) -> Any:
        return sk.DenseMatrix(super().operator(W, exact=True).matrix.T)


class SeesTheBatch(sknn.MonotoneDense):
    def bias(self, x: Any) -> Any:
        return super().bias(x - x.mean(dim=0))


class UnsavedWeight(sknn.MonotoneDense):
    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.offset = torch.rand(sizes[1])

    def bias(self, x: Any) -> Any:
        return super().bias(x) + self.offset.to(x)


class Detached(sknn.MonDEQ):
    def forward(self, x: Any) -> Any:
        return super().forward(x).detach()


class IgnoresNaN(sknn.MonDEQ):
    def forward(self, x: Any) -> Any:
        return super().forward(torch.nan_to_num(x))


class StaleInverse(sknn.MonDEQ):
    def forward(self, x: Any) -> Any:
        if self._kept is not None:
            W = self.parametrization.weight().detach()
            self._kept = self._kept._replace(weight=W)
        return super().forward(x)


class NoJacobian(sknn.ReLU):
    def derivative(self, y: Any) -> Any:
        return 1 + 0 * y


class TrainedM(sknn.MonotoneDense):
    """I − W = (m + s²)I + AᵀA − B + Bᵀ with a trained s, of whose gradient a part is kept."""

    kept = 0.0

    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.s = torch.nn.Parameter(torch.zeros(()))

    def weight(self) -> Any:
        s = self.kept * self.s + (1 - self.kept) * self.s.detach()
        return super().weight() - s * s * self.identity()


class CutM(TrainedM):
    def weight(self) -> Any:
        s = self.s.detach()
        return sknn.MonotoneDense.weight(self) - s * s * self.identity()


class HalfM(TrainedM):
    kept = 0.5


class HalfBias(sknn.MonotoneDense):
    def bias(self, x: Any) -> Any:
        return super().bias(x) - self.U.bias / 2 + self.U.bias.detach() / 2


class KeptWeight(sknn.MonotoneDense):
    known = None

    def weight(self) -> Any:
        if self.known is None:
            self.known = super().weight()
        return self.known


class ShortInputNorm(sknn.MonotoneDense):
    def input_norm(self) -> float:
        return 0.99 * super().input_norm()


class NoSecondDerivative(sknn.Tanh):
    def derivative(self, y: Any) -> Any:
        return super().derivative(y.detach() if isinstance(y, torch.Tensor) else y)


class Overconfident(sknn.MonDEQ):
    def forward(self, x: Any) -> Any:
        value = super().forward(x)
        record = self.last_solve.forward
        iterations, residual, bound = record.measured
        measured = iterations, residual, 1e-3 * bound
        self.last_solve.forward = replace(record, measured=measured)
        return value


class Drifting(sknn.MonDEQ):
    def forward(self, x: Any) -> Any:
        self.age += 1
        return super().forward(x) + 1e-9 * self.age


def layer(kind: type, parametrization: Any = sknn.MonotoneDense, **options: Any) -> Any:
    def make() -> tuple[Any, ...]:
        torch.manual_seed(0)
        inner = parametrization() if parametrization is NegativeScale else parametrization(3, 4)
        return (kind(inner, **options).double(),)

    return make


fault("learned scale that may become negative", "strongly_monotone")(
    layer(sknn.MonDEQ, NegativeScale)
)
fault("weight kept without its graph", "tracked_weight")(layer(sknn.MonDEQ, KeptWeight))
fault("I − Wᵀ solved in place of I − W", "equilibrium")(layer(sknn.MonDEQ, TransposedOperator))
fault("inverse of the parameters before they changed", "equilibrium")(layer(StaleInverse))
fault("input normalized by the batch", "batch_independence")(layer(sknn.MonDEQ, SeesTheBatch))
fault("input norm 1 % too small", "input_norm")(layer(sknn.MonDEQ, ShortInputNorm))
fault("value depends on what the state dict lacks", "state_dict")(layer(sknn.MonDEQ, UnsavedWeight))
fault("J cut from the graph", "second_derivative")(
    layer(sknn.MonDEQ, activation=NoSecondDerivative())
)
fault("backward pass without J", "derivative")(layer(sknn.MonDEQ, activation=NoJacobian()))
fault("value cut from the graph", "derivative")(layer(Detached))
fault("gradient of a trained m cut", "derivative")(layer(sknn.MonDEQ, CutM))
fault("gradient of a trained m that is zero", "derivative")(layer(sknn.MonDEQ, TrainedM))
fault("gradient of a trained m halved", "derivative")(layer(sknn.MonDEQ, HalfM))
fault("gradient of the bias halved", "derivative")(layer(sknn.MonDEQ, HalfBias))
fault("NaN taken for convergence", "nan")(layer(IgnoresNaN))
fault("error bound that does not hold", "error_bound")(layer(Overconfident))
fault("another output at each call", "deterministic")(layer(Drifting))


# -- methods --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Boasts(sk.DouglasRachford):
    def theorem(self, *operators: Any) -> Any:
        said = super().theorem(*operators)
        return said if said.rate is None else replace(said, rate=said.rate / 2)


@dataclass(frozen=True, kw_only=True)
class Gullible(sk.DouglasRachford):
    def theorem(self, *terms: Any) -> Any:
        return replace(super().theorem(*terms), holds=True)


@dataclass(frozen=True, kw_only=True)
class AnotherInclusion(sk.PeacemanRachford):
    def iteration(self, *terms: Any) -> Any:
        F, G = terms
        return super().iteration(replace(F, operator=2.0 * F.operator), G)


@dataclass(frozen=True, kw_only=True)
class LongDualStep(sk.CondatVu):
    def iteration(self, *terms: Any) -> Any:
        return replace(self, sigma=3 * self.sigma, balance=False)._unrestrained(*terms)

    def _unrestrained(self, *terms: Any) -> Any:
        return super().iteration(*terms)


@dataclass(frozen=True, kw_only=True)
class WrongCorrection(sk.Tseng):
    def iteration(self, *terms: Any) -> Any:
        iteration = super().iteration(*terms)
        advance = iteration.advance

        def backwards(x: Any) -> Any:
            after, trace = advance(x)
            return 2 * trace[1] - after, trace

        iteration.advance = backwards
        return iteration


@dataclass(frozen=True, kw_only=True)
class Aliased(sk.ProximalPoint):
    def iteration(self, *terms: Any) -> Any:
        iteration = super().iteration(*terms)
        advance = iteration.advance

        def in_place(u: Any) -> Any:
            after, trace = advance(u)
            u[:] = after
            return u, trace

        iteration.advance = in_place
        return iteration


@dataclass(frozen=True, kw_only=True)
class NeverGuaranteed(sk.DavisYin):
    def theorem(self, *terms: Any) -> Any:
        return self.refused("no theorem")


class Rescaled(sk.ForwardBackward):
    """Reads with every term, and what rounding is beside, changed."""

    elements: ClassVar[float] = 1.0

    def iteration(self, *terms: Any) -> Any:
        iteration = super().iteration(*terms)
        read = iteration.read

        def changed(trace: Any) -> Any:
            found = read(trace)
            return replace(found, terms=tuple(self.elements * point for point in found.terms))

        iteration.read = changed
        return iteration


@dataclass(frozen=True, kw_only=True)
class Flattered(Rescaled):
    elements: ClassVar[float] = 1e-2


@dataclass(frozen=True, kw_only=True)
class InUnits(sk.ForwardBackward):
    """Counts 1 among what cancels."""

    def iteration(self, *terms: Any) -> Any:
        iteration = super().iteration(*terms)
        read = iteration.read

        def changed(trace: Any) -> Any:
            found = read(trace)
            return replace(found, sizes=(*found.sizes, 0.0 * found.x + 1.0))

        iteration.read = changed
        return iteration


fault("verdict beside a number without a unit", "units")(lambda: (InUnits(),))
fault("residual a hundredth of what it is", "error_bound")(lambda: (Flattered(),))
fault("method that claims half of its rate", "rate")(lambda: (Boasts(),))
fault("method that refuses nothing", "refusal")(lambda: (Gullible(),))
fault("method that runs on another operator", "solution")(lambda: (AnotherInclusion(),))
fault("dual step three times too long", "fejer")(lambda: (LongDualStep(),))
fault("last step of Tseng's method with a wrong sign", "fejer")(lambda: (WrongCorrection(),))
fault("iterate that aliases the one before", "no_mutation")(lambda: (Aliased(),))
fault("method that no theorem covers", "guarantee")(lambda: (NeverGuaranteed(),))


# -- the table ------------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    """Print the table; the exit status is 1 if a fault was missed or something correct accused."""
    parser = argparse.ArgumentParser(description="Plant faults, and accuse what is correct.")
    parser.add_argument("--seeds", type=int, default=20, help="runs of each fault (20)")
    parser.add_argument("--correct", type=int, default=0, help="runs of all registered things (0)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (0)")
    parser.add_argument("--examples", type=int, help="cases drawn for each registered thing (100)")
    parser.add_argument("--only", default="", help="those whose name contains this")
    options = parser.parse_args(arguments)
    faults = [each for each in FAULTS if options.only in each.name]
    things = [each for each in registered() if options.only in str(each)]
    if not (faults or things):
        parser.error(f"--only {options.only}: no fault's or thing's name contains this")
    seeds, correct = (
        range(options.first, options.first + count) for count in (options.seeds, options.correct)
    )
    caught = len(faults)
    if seeds and faults:
        print("| fault | its check | caught | the whole check reports | slowest run |")
        print("|---|---|---|---|---|")
        caught = sum(row(each, seeds) for each in faults)
        print(f"{caught} of {len(faults)} faults caught every time, with {said(seeds)}")
    accused = 0
    if correct and things:
        accused = sum(accusations(thing, correct, options.examples) for thing in things)
        print(f"{accused} accusations of {len(things)} correct things, with {said(correct)}")
    return int(caught < len(faults) or accused > 0)


def said(seeds: range) -> str:
    return f"seeds {seeds[0]} to {seeds[-1]}"


def row(fault: Fault, seeds: range) -> bool:
    """Print a fault's row; whether every seed found it."""
    reported, slowest, caught = set(), 0.0, 0
    for seed in seeds:
        start = time.process_time()
        own = fault.found(fault.property, seed)
        slowest = max(slowest, time.process_time() - start)
        anything = fault.found(None, seed)
        reported.add(anything.property if anything else "nothing")
        caught += own is not None and anything is not None
    names = ", ".join(sorted(reported))
    cells = (fault.name, fault.property, f"{caught}/{len(seeds)}", names, f"{slowest:.2f} s")
    print(f"| {' | '.join(cells)} |", flush=True)
    return caught == len(seeds)


def accusations(thing: Registered, seeds: range, examples: int | None) -> int:
    """How many seeds find fault with something that has none."""
    accused = 0
    for seed in seeds:
        try:
            thing.check(seed=seed, max_examples=examples)
        except Exception as error:  # one that the thing itself raises accuses it as well
            accused += 1
            print(f"accused: {thing}, seed {seed}: {type(error).__name__}: {error}", flush=True)
    return accused


if __name__ == "__main__":
    sys.exit(main())
