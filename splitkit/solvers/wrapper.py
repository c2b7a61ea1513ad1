"""A method around another one: it takes the same terms in the same roles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from splitkit.backend import Point, Space
from splitkit.linear.base import LinearOperator
from splitkit.operators.base import Operator
from splitkit.solvers.method import Method
from splitkit.solvers.terms import Role, Term


@dataclass(frozen=True, kw_only=True)
class Wrapper(Method):
    """Base of the methods that wrap a method.

    Parameters
    ----------
    method : Method
        Such as ``DouglasRachford()``.
    """

    method: Method = field(kw_only=False)

    name: ClassVar[str]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.method, Method):
            raise TypeError(f"method = {self.method!r}: give a method, as sk.DouglasRachford()")

    @property
    def label(self) -> str:  # type: ignore[override]
        return f"{self.name} of {self.method.label}"

    @property
    def roles(self) -> tuple[Role, ...]:  # type: ignore[override]
        return self.method.roles

    @property
    def many(self) -> bool:  # type: ignore[override]
        return self.method.many

    @property
    def cost(self) -> int:  # type: ignore[override]
        return self.method.cost

    @property
    def stationary(self) -> bool:  # type: ignore[override]
        return self.method.stationary

    @property
    def sequence(self) -> str:  # type: ignore[override]
        return self.method.sequence

    @property
    def alpha(self) -> Any:
        """The step size of the method, if it has one."""
        return getattr(self.method, "alpha", None)

    @property
    def scaling(self) -> LinearOperator | None:
        """S of x = Sy, if the method works in y; None: it works in x."""
        return None

    def within(self, terms: tuple[Term, ...]) -> Sequence[Term]:
        """The terms that the method takes."""
        return terms

    def constant(self) -> Self:
        inner = self.method.constant()
        return self if inner is self.method else self._with(method=inner)

    def with_alpha(self, alpha: Any) -> Self:
        """The same with this step size of the method."""
        return replace(self, method=self.method.with_alpha(alpha))  # type: ignore[attr-defined]

    def unconfined(self) -> Self:
        inner = self.method.unconfined()
        return self if inner is self.method else self._with(method=inner)

    def evaluated_slot(self, A: Operator) -> int:
        return self.method.evaluated_slot(A)

    def work(self, *terms: Term) -> float:
        return self.method.work(*terms)

    def caveat(self, *terms: Term) -> str:
        return self.method.caveat(*terms)

    def missing(self, *terms: Term) -> str | None:
        return self.method.missing(*terms)

    def choosing(self, *terms: Term) -> Self:
        return replace(self, method=self.method.choosing(*terms))

    def scaled(self, terms: tuple[Term, ...], x0: Point, space: Space) -> Self:
        inner = self.method.scaled(terms, x0, space)
        return self if inner is self.method else self._with(method=inner)

    def exact_element(self, *terms: Term) -> bool:
        return self.method.exact_element(*terms)

    def judged(self, *terms: Term) -> Sequence[Term]:
        return self.method.judged(*terms)

    def dual(self, u: Point) -> Point | None:
        return self.method.dual(u)

    def moved(self, u: Point, S: LinearOperator, E: LinearOperator) -> Point:
        return self.method.moved(u, S, E)

    def check_space(self, space: Space) -> None:
        self.method.check_space(space)
