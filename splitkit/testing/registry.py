"""What there is, each thing with the check that it goes through.

Every function, operator and linear map that its room's ``__init__`` exports is listed by its
``examples(asarray)``: tuples of a thing and the shape of its points (of a linear map, of x and of
Lx). A combinator, which has none of its own, is built here of other things.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from splitkit import functions, linear, operators, problems
from splitkit.backend import Array
from splitkit.functions.base import Function, Indicator
from splitkit.linear.base import LinearOperator
from splitkit.operators.base import Operator
from splitkit.testing._suite import suite
from splitkit.testing.real_form import parts_of
from splitkit.testing.strategies import default_namespace, make_array

AsArray = Callable[[Any], Array]
Examples = Callable[[AsArray], list[tuple[Any, ...]]]

ABSTRACT: tuple[type, ...] = (Operator, Function, Indicator, functions.Cone, LinearOperator)


@dataclass(frozen=True)
class Registered:
    """One example of a thing, and its check.

    Examples
    --------
    >>> from splitkit.testing import registered
    >>> thing = next(each for each in registered() if each.name == "L1Norm")
    >>> print(thing.make()[1:])
    ((3,),)
    >>> thing.check(max_examples=2)
    """

    name: str
    index: int
    examples: Examples

    def make(self, xp: Any = None, dtype: Any = None, device: Any = None) -> tuple[Any, ...]:
        """The thing and its shapes, with parameters of this library, dtype (of a complex one that
        of its parts) and device.
        """
        dtype = parts_of(dtype, default_namespace(xp))
        return self.examples(lambda values: make_array(values, xp, dtype, device))[self.index]

    def check(
        self, *, xp: Any = None, dtype: Any = None, device: Any = None, **options: Any
    ) -> None:
        """Send it through ``check_operator``, ``check_function`` or ``check_linear_operator``; with
        a complex dtype on complex points.
        """
        thing, *shapes = self.make(xp, dtype, device)
        suite(thing, *shapes, xp=xp, dtype=dtype, device=device).run(**options)

    def __str__(self) -> str:
        return f"{self.name}-{self.index}"


def exported(room: ModuleType) -> Iterator[type]:
    """The operators, functions and linear maps that a room offers."""
    for name, thing in vars(room).items():
        if name.startswith("_") or not isinstance(thing, type) or thing in ABSTRACT:
            continue
        if issubclass(thing, (Operator, Function, LinearOperator)):
            yield thing


def registered() -> tuple[Registered, ...]:
    """Everything that stands, in the rooms' order; each one example.

    Raises
    ------
    LookupError
        A class is exported without ``examples`` and without a construction in ``COMBINATORS``.

    Examples
    --------
    >>> from splitkit.testing import registered
    >>> len(registered()) > 250
    True
    """
    found = []
    for room in (operators, linear, functions, problems):
        for thing in exported(room):
            examples = COMBINATORS.get(thing.__name__, getattr(thing, "examples", None))
            if examples is None:
                raise LookupError(
                    f"{thing.__name__} has no examples: give it a classmethod examples(asarray), "
                    "or a construction in splitkit.testing.registry.COMBINATORS"
                )
            count = len(examples(make_array))
            found += [Registered(thing.__name__, i, examples) for i in range(count)]
    return tuple(found)


# -- combinators, built of things of known constants -----------------------------------------------


def _general(asarray: AsArray) -> Operator:
    return linear.Affine(asarray([[2.0, 1.0], [-1.0, 1.0]]), asarray([1.0, -0.5]))


def _norm() -> Operator:
    return functions.Subdifferential(functions.L1Norm(0.7))


def _line(asarray: AsArray) -> Operator:
    """N_V with V the line through (1, 2)."""
    return functions.NormalCone(functions.AffineSet(asarray([[2.0, -1.0]]), asarray([0.0])))


def _map(asarray: AsArray) -> LinearOperator:
    return linear.DenseMatrix(asarray([[2.0, 1.0], [-1.0, 1.0]]))


def _shear(asarray: AsArray) -> LinearOperator:
    """LLᵀ is no multiple of I."""
    return linear.DenseMatrix(asarray([[1.0, 0.5], [0.0, 1.0]]))


def _pulled_back(M: LinearOperator, L: LinearOperator) -> LinearOperator:
    return L.T @ M @ L


def _isometry(asarray: AsArray) -> LinearOperator:
    """LLᵀ = 4I."""
    return linear.DenseMatrix(asarray([[1.2, 1.6, 0.0], [0.0, 0.0, 2.0]]))


COMBINATORS: dict[str, Examples] = {
    "BlockDiagonal": lambda a: [
        (operators.BlockDiagonal((_general(a), operators.Identity())), ((2,), (3,))),
        (operators.BlockDiagonal((_norm(), _general(a))), ((2,), (4, 2))),
    ],
    "CallableOperator": lambda a: [
        (Operator.from_callable(lambda x: 2.0 * x, resolvent=lambda y, alpha: y / (1 + 2 * alpha),
                                strong_monotonicity=2.0, lipschitz=2.0), (3,)),
    ],
    "Combination": lambda a: [
        (2.5 * _general(a), (2,)),
        (operators.Identity() - 0.3 * _general(a), (2,)),
        (operators.Identity() + 0.5 * _norm(), (2,)),
        (0.5 * operators.Identity(), (3,)),
    ],
    "Composition": lambda a: [
        (_norm().resolvent(0.3) @ (operators.Identity() - 0.3 * _general(a)), (2,)),
        (_norm().cayley(0.3) @ _general(a).cayley(2.0), (2,)),
    ],
    "Inverse": lambda a: [(_general(a).inverse, (2,)), (_norm().inverse, (3,))],
    "ParallelSum": lambda a: [
        (_norm().parallel(_general(a)), (2,)),
        (_norm().parallel(operators.Identity().inverse.parallel(_general(a))), (2,)),
    ],
    "PartialInverse": lambda a: [
        (operators.PartialInverse(_general(a), _line(a)), (2,)),
        (_general(a).partial_inverse(_line(a)).resolvent(1.0), (2,)),
        (_norm().partial_inverse(_line(a)).cayley(1.0), (2,)),
    ],
    "InexactPullback": lambda a: [
        (operators.InexactPullback(_general(a), _shear(a)), (2,)),
    ],
    "Pullback": lambda a: [
        (_norm().pullback(_isometry(a)), (3,)),
        (_general(a).pullback(_isometry(a)), (3,)),
        (_general(a).pullback(linear.DenseMatrix(a([[1.0, -2.0], [0.5, 3.0]]))), (2,)),
    ],
    "ScaledArgument": lambda a: [
        (_general(a).scale_argument(-3.0), (2,)),
        (0.5 * _norm().scale_argument(2.0), (3,)),
    ],
    "Yosida": lambda a: [
        (_general(a).yosida(0.7), (2,)),
        (_norm().yosida(0.3).yosida(0.2), (3,)),
        (functions.NormalCone(functions.Simplex()).yosida(2.0), (3,)),
    ],
    "Resolvent": lambda a: [(_general(a).resolvent(0.7), (2,)), (_norm().resolvent(2.0), (3,))],
    "Cayley": lambda a: [(_general(a).cayley(0.7), (2,)), (_norm().cayley(2.0), (3,))],
    "Sum": lambda a: [
        (_general(a) + linear.Affine(a([[0.0, 3.0], [-3.0, 0.0]])), (2,)),
        (_general(a) + _norm(), (2,)),
    ],
    "Shift": lambda a: [
        (_general(a).shift(a([1.0, 2.0])), (2,)),
        (_norm().shift(a([0.5, 3.0])), (2,)),
    ],
    "Translation": lambda a: [
        (_general(a).translate(a([1.0, 2.0])), (2,)),
        (_norm().translate(a([0.5, 3.0])), (2,)),
    ],
    "Subdifferential": lambda a: [
        (functions.Subdifferential(functions.Huber(0.5)), (3,)),
        (functions.Subdifferential(functions.NonNegative()), (3,)),
    ],
    "Distance": lambda a: [
        (functions.Distance(functions.NonNegative(), 0.7), (3,)),
        (functions.Distance(functions.L2Ball(0.5, batch_ndim=1)), (4, 3)),
    ],
    "SquaredDistance": lambda a: [
        (functions.SquaredDistance(functions.Simplex(batch_ndim=1), 0.7), (4, 3)),
    ],
    "InfimalConvolution": lambda a: [
        (functions.InfimalConvolution.of(functions.L1Norm(), functions.SquaredL2(2.0)), (3,)),
        (functions.InfimalConvolution(functions.L1Norm(), functions.Huber()), (3,)),
    ],
    "Iterative": lambda a: [(linear.Iterative(_map(a)), (4, 2), (4, 2))],
    "LinearMultiple": lambda a: [
        (-3.0 * _map(a), (2,), (2,)),
        (2.0 * _isometry(a), (3,), (2,)),
    ],
    "LinearProduct": lambda a: [
        (_isometry(a) @ linear.Diagonal(a([1.0, 2.0, 0.5])), (3,), (2,)),
        (_pulled_back(linear.ScaledIdentity(), linear.Gradient(-1)), (2, 4), (2, 4)),
        (_pulled_back(_map(a), _isometry(a)), (3,), (3,)),
    ],
    "LinearSum": lambda a: [
        (_map(a) + linear.Diagonal(a([1.0, 2.0])) + 0.5 * linear.ScaledIdentity(), (2,), (2,)),
        (linear.ScaledIdentity(2.0) + _map(a), (2,), (2,)),
    ],
    "NormalCone": lambda a: [(functions.NormalCone(functions.Simplex()), (3,))],
    "Scaled": lambda a: [(2.5 * functions.L1Norm(), (3,)), (0.3 * functions.Huber(), (3,))],
    "Translated": lambda a: [(functions.L1Norm().translate(a([1.0, -2.0])), (2,))],
    "Perspective": lambda a: [
        (functions.Perspective(functions.SquaredL2(0.7)), ((2,), (1,))),
        (functions.Perspective(functions.Huber(0.5)), ((2,), (1,))),
        (functions.Perspective(functions.RelativeEntropy(a([0.5, 2.0]))), ((2,), (1,))),
    ],
    "Raised": lambda a: [
        (functions.SquaredL2() - 2.0, (3,)),
        (functions.L2Norm(0.5, batch_ndim=1) + 0.5, (2, 3)),
    ],
    "Rescaled": lambda a: [
        (functions.Rescaled(functions.Simplex(), -2.0), (3,)),
        (functions.Rescaled(functions.Huber(0.5, batch_ndim=1), a([0.5, -2.0, 1.0])), (4, 3)),
    ],
    "Spectral": lambda a: [
        (functions.Spectral(functions.Huber(0.7, batch_ndim=1)), (2, 2, 3)),
    ],
    "SpectralSymmetric": lambda a: [
        (functions.SpectralSymmetric(functions.Box(0.0, 1.0)), (2, 2)),
        (functions.SpectralSymmetric(functions.LpPower(3.0, 0.7)), (2, 2)),
    ],
    "SumOfFunctions": lambda a: [(functions.SquaredL2() + functions.Huber(), (3,))],
    "InexactComposition": lambda a: [
        (functions.InexactComposition(functions.L1Norm(0.7, batch_ndim=1), _shear(a),
                                      accuracy=1e-6), (2, 2)),
    ],
    "Composed": lambda a: [
        (functions.L1Norm() @ _isometry(a), (3,)),
        (functions.SquaredL2() @ linear.DenseMatrix(a([[1.0, -2.0], [0.5, 3.0]])), (2,)),
    ],
    "Tilted": lambda a: [
        (functions.Tilted(functions.L1Norm(0.3), a([1.0, -0.2, 0.0]), 0.5), (3,)),
        (functions.Tilted(functions.Huber(), rho=2.0), (3,)),
        (functions.Tilted(functions.Simplex(), a([1.0, -0.2, 0.0])), (3,)),
    ],
    "Conjugate": lambda a: [
        (functions.Conjugate(functions.Huber(0.5)), (3,)),
        (functions.Conjugate(functions.Simplex()), (3,)),
    ],
    "MoreauEnvelope": lambda a: [
        (functions.MoreauEnvelope(functions.L1Norm(0.7), 0.5), (3,)),
        (functions.MoreauEnvelope(functions.Simplex(batch_ndim=1), 2.0), (4, 3)),
        (functions.MoreauEnvelope(functions.Quadratic(a([[2.0, 1.0], [1.0, 2.0]])), 0.3), (2,)),
    ],
    "SeparableSum": lambda a: [
        (functions.SeparableSum((functions.L1Norm(), functions.Simplex())), ((3,), (2,))),
        (functions.SeparableSum((functions.SquaredL2(0.5), functions.Huber())), ((3,), (2, 2))),
    ],
}  # fmt: skip
