"""Planted faults: each is found, by the property that it breaks."""

import numpy as np
import pytest

import splitkit as sk
from splitkit.functions import Huber, L1Norm, SquaredL2
from splitkit.testing import check_function, check_linear_operator, check_operator

RNG = np.random.default_rng(5)
MATRIX = RNG.standard_normal((10, 10))
MONOTONE = MATRIX @ MATRIX.T + (MATRIX - MATRIX.T)
LIPSCHITZ = float(np.linalg.norm(MONOTONE, 2))
STRONG = float(np.linalg.eigvalsh((MONOTONE + MONOTONE.T) / 2)[0])
GRADIENT = MATRIX @ MATRIX.T
COCOERCIVE = 1 / float(np.linalg.norm(GRADIENT, 2))
SYMMETRIC_PART = (MONOTONE + MONOTONE.T) / 2


def linear_operator(matrix=MONOTONE, **declared):
    return sk.Operator.from_callable(lambda x: matrix @ x, **declared)


def soft(y, threshold):
    return np.sign(y) * np.maximum(np.abs(y) - threshold, 0)


class InPlace(L1Norm):
    def prox(self, x, alpha=1.0):
        x *= 1 / (1 + alpha)
        return x


class AlwaysOne(Huber):
    def prox(self, x, alpha=1.0):
        return super().prox(x, 1.0)


class HalfThreshold(L1Norm):
    def prox(self, x, alpha=1.0):
        return super().prox(x, alpha / 2)


class KeywordOnlyByAnotherName(L1Norm):
    def prox(self, x, tau=1.0):
        return super().prox(x, tau)


class ItsOwnConjugate(L1Norm):
    @property
    def conjugate(self):
        return self


class ConjugateWithTheValueOfF(SquaredL2):
    @property
    def conjugate(self):
        class Wrong(SquaredL2):
            def __call__(wrong, x):
                return self(x)

        return Wrong(1 / self.weight)


class WrongGradient(SquaredL2):
    def gradient(self, x):
        return 1.02 * super().gradient(x)


class TooConvex(Huber):
    strong_convexity = 0.01


class TooSmooth(Huber):
    def __init__(self):
        super().__init__()
        self.smoothness = 0.9


class Doubles(L1Norm):
    def prox(self, x, alpha=1.0):
        return super().prox(x, alpha).astype(np.float64)


class FloatValue(L1Norm):
    def __call__(self, x):
        return np.asarray(float(super().__call__(x)), dtype=np.float64)


class Wrong(sk.LinearOperator):
    norm = 10.0

    def __init__(self, matrix, adjoint, norm=None):
        self.matrix, self.transposed = np.asarray(matrix), np.asarray(adjoint)
        self.norm = float(np.linalg.norm(self.matrix, 2)) if norm is None else norm

    def __call__(self, x):
        return self.matrix @ x

    def adjoint(self, y):
        return self.transposed @ y


class WrongShifted(sk.DenseMatrix):
    def shifted_inverse(self, alpha):
        return super().shifted_inverse(1.1 * alpha)


class WrongReflected(sk.DenseMatrix):
    def reflected_inverse(self, alpha):
        return self.shifted_inverse(alpha)


class WrongStep(sk.Affine):
    def make_resolvent(self, alpha):
        return super().make_resolvent(alpha * alpha)


class WrongCayley(sk.Affine):
    def make_cayley(self, alpha):
        resolvent = self.make_resolvent(alpha)
        return lambda y: 2 * resolvent(y) + y


class Aliasing(sk.Operator):
    """Returns the same buffer each time."""

    properties = sk.Properties.of(strong_monotonicity=1.0, lipschitz=1.0)

    def __init__(self):
        self.calls = 0

    def __call__(self, x):
        self.calls += 1
        return x + 1e-3 * self.calls


A3 = np.array([[2.0, 1.0, 0.0], [-1.0, 1.0, 0.5], [0.0, -0.5, 3.0]])

OPERATORS = {
    "lipschitz 1 % too small": (linear_operator(lipschitz=0.99 * LIPSCHITZ), (10,), r"L²‖x"),
    "strong monotonicity 1 % too large": (
        linear_operator(SYMMETRIC_PART + np.eye(10), strong_monotonicity=1.01 * (1 + STRONG)),
        (10,), r"≥ m‖x",
    ),
    "cocoercivity 1 % too large": (
        linear_operator(GRADIENT, cocoercivity=1.01 * COCOERCIVE), (10,), r"≥ β‖u|L²‖x",
    ),
    "not monotone": (
        linear_operator(MONOTONE - 1.01 * (STRONG + 1e-3) * np.eye(10), monotone=True),
        (10,), r"≥ m‖x",
    ),
    "not monotone far from 0": (
        sk.Operator.from_callable(lambda x: x - np.sin(1.2 * x), monotone=True), (3,), r"≥ m‖x",
    ),
    "no gradient": (
        linear_operator(np.array([[2.0, 1.0], [-1.0, 2.0]]), gradient=True,
                        strong_monotonicity=2.0, lipschitz=5**0.5),
        (2,), r"≥ β‖u|‖u − v‖² ≥ 0",
    ),
    "resolvent of the wrong step": (WrongStep(A3), (3,), r"R_\{αA\}x"),
    "Cayley operator 2R + I": (WrongCayley(A3), (3,), "C\\[|C x = 2R x"),
    "resolvent of another weight": (
        sk.Operator.from_callable(resolvent=lambda y, alpha: soft(y, alpha * alpha),
                                  monotone=True, maximal=True),
        (3,), r"R_\{βA\}",
    ),
    "expansive resolvent": (
        sk.Operator.from_callable(resolvent=lambda y, alpha: 1.02 * y, monotone=True, maximal=True),
        (3,), r"≥ m‖x|firmly",
    ),
    "another value at each call": (Aliasing(), (3,), "the same at the same argument"),
    "NaN at zero": (
        sk.Operator.from_callable(lambda x: x / np.abs(x).sum() * np.abs(x).sum(), monotone=True),
        (3,), "finite",
    ),
    "another shape": (
        sk.Operator.from_callable(lambda x: x[None, :], monotone=True), (3,), "shape of its arg",
    ),
}  # fmt: skip

FUNCTIONS = {
    "in-place prox": (InPlace(), "does not change"),
    "prox at alpha = 1 always": (AlwaysOne(), "R_|prox"),
    "threshold off by a factor": (HalfThreshold(), "prox"),
    "conjugate returns f": (ItsOwnConjugate(), r"f\*"),
    "value of the conjugate is f's": (ConjugateWithTheValueOfF(3.0), r"f\*\(u\)"),
    "gradient 2 % too large": (WrongGradient(), "∇f|∂|L²"),
    "not as strongly convex": (TooConvex(), r"m‖x|m/8"),
    "not as smooth": (TooSmooth(), "L²‖x|L/2"),
}

LINEAR = {
    "adjoint with a wrong sign": (
        Wrong(A3, A3.T * [[1], [-1], [1]]), (3,), (3,), "⟨Lx, y⟩",
    ),
    "flipped adjoint": (Wrong(A3, A3), (3,), (3,), "⟨Lx, y⟩"),
    "norm 1 % too small": (
        Wrong(MATRIX, MATRIX.T, 0.99 * float(np.linalg.norm(MATRIX, 2))), (10,), (10,), "norm",
    ),
    "shifted inverse of another step": (WrongShifted(A3), (3,), (3,), r"\(I \+ αL\)v = x"),
    "reflected inverse without the reflection": (WrongReflected(A3), (3,), (3,), "reflected"),
}  # fmt: skip


def message_of(check, *arguments, **options):
    with pytest.raises(AssertionError) as found, np.errstate(all="ignore"):
        check(*arguments, **options)
    return str(found.value)


@pytest.mark.parametrize("fault", OPERATORS)
def test_an_operator_with_a_fault_is_found(fault):
    A, shape, formula = OPERATORS[fault]
    message = message_of(check_operator, A, shape)
    assert formula_in(formula, message), message


@pytest.mark.parametrize("fault", FUNCTIONS)
def test_a_function_with_a_fault_is_found(fault):
    f, formula = FUNCTIONS[fault]
    message = message_of(check_function, f, (3,))
    assert formula_in(formula, message), message


@pytest.mark.parametrize("fault", LINEAR)
def test_a_linear_map_with_a_fault_is_found(fault):
    L, domain, range_, formula = LINEAR[fault]
    message = message_of(check_linear_operator, L, domain, range_)
    assert formula_in(formula, message), message


@pytest.mark.parametrize("f", [Doubles(), FloatValue()], ids=["prox", "value"])
def test_double_precision_that_leaks_is_found(f):
    message = message_of(check_function, f, (3,), dtype=np.float32)
    assert "dtype of its argument" in message


def test_a_prox_without_the_keyword_alpha_is_found():
    with pytest.raises(TypeError, match="alpha"):
        check_function(KeywordOnlyByAnotherName(), (3,))


def test_a_message_can_be_reproduced():
    A, shape, _ = OPERATORS["lipschitz 1 % too small"]
    first, second = message_of(check_operator, A, shape), message_of(check_operator, A, shape)
    assert first == second
    lines = {line.split(" = ")[0]: line.split(" = ", 1)[1] for line in first.splitlines()[4:]}
    point = lambda text: np.array(eval(text[len("asarray(") : text.rindex(", dtype")]))  # noqa: E731
    x, y = point(lines["x"]), point(lines["x′"])
    gain = np.linalg.norm(A(x) - A(y)) / np.linalg.norm(x - y)
    assert gain > 0.99 * LIPSCHITZ * (1 + 1e-6)


@pytest.mark.parametrize(
    ("check", "arguments", "wrong"),
    [
        (check_operator, (L1Norm(), (3,)), "no operator"),
        (check_function, (sk.Identity(), (3,)), "no function"),
        (check_linear_operator, (A3, (3,), (3,)), "no linear map"),
    ],
)
def test_what_is_not_of_the_kind_is_refused(check, arguments, wrong):
    with pytest.raises(TypeError, match=wrong):
        check(*arguments)


def formula_in(pattern, message):
    import re

    return re.search(pattern, "\n".join(message.splitlines()[:2])) is not None
