"""A method in a diagonal metric: steps of their own for each entry.

With S = diag(√d), d > 0, x = Sy turns 0 ∈ ΣAᵢx into 0 ∈ ΣSAᵢ(Sy), and a method's step α in y is
the step αd in x. S A S is monotone if A is; of ∂f, f elementwise, its resolvent is the proximal map
with the step αdᵢ in the i-th entry; of x ↦ Mx − q it is that of the matrix SMS; and S LᵀBL S is
KᵀBK with K = LS, which leaves the dual variable as it is. A good d makes SMS or K better
conditioned: dᵢ = 1/Mᵢᵢ, 1/Lᵢ for curvatures Lᵢ along the axes, or 1/‖Leᵢ‖².

Source: Giselsson, Boyd, *Linear convergence and metric selection for Douglas-Rachford splitting and
ADMM* (2017); Pock, Chambolle, *Diagonal preconditioning for first order primal-dual algorithms in
convex optimization* (2011).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Self

from splitkit.arguments import POSITIVE, check_parameter
from splitkit.backend import Array, Point, Scalar, Space, is_array, namespace
from splitkit.functions.calculus.metric import metric_prox
from splitkit.functions.subdifferential import Subdifferential
from splitkit.linear.affine import Affine
from splitkit.linear.dense import DenseMatrix
from splitkit.linear.diagonal import Diagonal
from splitkit.operators.base import Operator, PointMap
from splitkit.operators.identity import Zero
from splitkit.operators.pullback import Pullback
from splitkit.properties import Properties
from splitkit.solvers.iteration import Iteration, Reading, State, Trace
from splitkit.solvers.method import Guarantee
from splitkit.solvers.wrapper import Wrapper


@dataclass(frozen=True, kw_only=True)
class Preconditioned(Wrapper):
    """A method in the metric of a diagonal; see the module's docstring.

    Parameters
    ----------
    method : Method
        Such as ``DouglasRachford()`` or ``ChambollePock()``.
    diagonal : array
        d, positive, of x's shape without its batch axes, or like x.
    """

    diagonal: Array

    name: ClassVar[str] = "preconditioning"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not is_array(self.diagonal):
            raise TypeError(f"diagonal = {self.diagonal!r}: give an array of positive entries")
        check_parameter("diagonal", self.diagonal, POSITIVE)

    @property
    def averaged(self) -> bool:  # type: ignore[override]
        return self.method.averaged

    @property
    def sequence(self) -> str:  # type: ignore[override]
        return f"{self.method.sequence}, x = √d y"

    @cached_property
    def root(self) -> Array:
        """√d."""
        return namespace(self.diagonal).sqrt(self.diagonal)

    def within(self, operators: tuple[Operator, ...]) -> list[Operator]:
        """S A S for each operator."""
        return [InMetric.of(A, self.root) for A in operators]

    def missing(self, *operators: Operator) -> str | None:
        return self.method.missing(*self.within(operators))

    def chosen(self, *operators: Operator) -> Self:
        return replace(self, method=self.method.chosen(*self.within(operators)))

    def theorem(self, *operators: Operator) -> Guarantee:
        inner = self.method.theorem(*self.within(operators))
        return replace(inner, sequence=self.sequence)

    def check_space(self, space: Space) -> None:
        Diagonal(self.diagonal).check_space(space, "diagonal")
        self.method.check_space(space)

    def iteration(self, *operators: Operator) -> Iteration:
        return _InMetric(self.method.iteration(*self.within(operators)), self.root)

    def dual(self, u: Point) -> Point | None:
        return self.method.dual(u)


class InMetric(Operator):
    """S A S for S = diag(s)."""

    def __init__(self, A: Operator, s: Array) -> None:
        self.A, self.s = A, s

    @classmethod
    def of(cls, A: Operator, s: Array) -> Operator:
        """The simplest operator equal to S A S; ``A`` may be watched."""
        if not isinstance(A, Pullback):
            return A if isinstance(getattr(A, "A", A), Zero) else cls(A, s)
        dense = isinstance(A.L, DenseMatrix) and s.ndim == 1  # with an exact norm
        return Pullback(A.A, DenseMatrix(A.L.matrix * s) if dense else A.L @ Diagonal(s))

    @cached_property
    def affine(self) -> Affine | None:
        """x ↦ SMSx − Sq of an affine A, with its exact constants."""
        inner: Any = getattr(self.A, "A", self.A)
        if not isinstance(inner, Affine):
            return None
        q = None if inner.q is None else self.s * inner.q
        if isinstance(inner.M, DenseMatrix):
            M = inner.M.matrix
            # (s sᵀ) ⊙ M is symmetric, to the last bit, where M is
            return Affine((self.s[:, None] * self.s[None, :]) * M, q)
        S = Diagonal(self.s)
        return Affine(S @ inner.M @ S, q)

    @cached_property
    def elementwise(self) -> Any:
        """f of A = ∂f, if each entry is by itself."""
        inner: Any = getattr(self.A, "A", self.A)
        f = inner.f if isinstance(inner, Subdifferential) else None
        return f if f is not None and f.elementwise and f.has_prox else None

    @cached_property
    def properties(self) -> Properties:
        if self.affine is not None:
            return self.affine.properties
        xp = namespace(self.s)
        least, greatest = float(xp.min(self.s)), float(xp.max(self.s))
        pulled = self.A.properties.pulled_back(least, greatest)
        # S is invertible, so that maximality is kept (Cor. 25.6)
        return pulled.as_maximal() if self.A.properties.maximal else pulled

    @property
    def has_evaluation(self) -> bool:
        return self.A.has_evaluation

    @property
    def has_resolvent(self) -> bool:
        return self.affine is not None or self.elementwise is not None

    def __call__(self, x: Point) -> Point:
        return self.s * self.A(self.s * x)

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        if self.affine is not None:
            return self.affine.make_resolvent(alpha)
        f, s = self.elementwise, self.s
        if f is None:
            return super().make_resolvent(alpha)
        return lambda y: metric_prox(f, s * y, 1 / (s * s) + 0.0 * y, alpha) / s

    def check_space(self, space: Space) -> None:
        self.A.check_space(space)

    def __repr__(self) -> str:
        return f"S {self.A!r} S"


class _InMetric(Iteration):
    def __init__(self, inner: Iteration, s: Array) -> None:
        self.inner, self.s = inner, s

    def init(self, x0: Point) -> State:
        self.inner.space = self.space
        return self.inner.init(x0 / self.s)

    def advance(self, state: State) -> tuple[State, Trace]:
        return self.inner.advance(state)

    def read(self, trace: Trace) -> Reading:
        reading = self.inner.read(trace)
        terms, sizes = (tuple(map(self._unscaled, each)) for each in (reading.terms, reading.sizes))
        return Reading(self.s * reading.x, terms, sizes)

    def _unscaled(self, term: Point) -> Point:
        """S⁻¹ of an element at x, or of the first of a pair at (x, y)."""
        return (term[0] / self.s, *term[1:]) if isinstance(term, tuple) else term / self.s

    def governing(self, state: State) -> Point:
        return self.inner.governing(state)
