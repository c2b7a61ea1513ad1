"""The product space: 0 ∈ A₁x + … + Aₙx as 0 ∈ (A₁ × … × Aₙ)(x₁, …, xₙ) + N_D(x₁, …, xₙ).

D = {x₁ = … = xₙ} is the diagonal; its normal cone is {u: u₁ + … + uₙ = 0} on D, and the projection
onto D puts the mean in every block. Any number of resolvents is so brought to two.
Source: Pierra, *Decomposition through formalization in a product space* (1984); Bauschke,
Combettes (2017), Props. 26.4 and 29.16.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

from splitkit.arguments import check_integer
from splitkit.backend import Array, Point, Scalar, Space, add, namespace
from splitkit.operators.base import Operator, PointMap
from splitkit.operators.block import BlockDiagonal
from splitkit.operators.sum import Sum, add_operators, terms_of
from splitkit.properties import Properties


class Consensus(Operator):
    """The normal cone of the diagonal {x₁ = … = xₙ} of tuples of n arrays of one shape, or of
    arrays of n rows, which may lie on as many processes.

    Parameters
    ----------
    n : int
        How many blocks, or rows along the first axis, there are.

    Raises
    ------
    TypeError, ValueError
        n is no positive integer.

    Examples
    --------
    >>> x = (np.array([1.0, 0.0]), np.array([3.0, 4.0]))
    >>> sk.Consensus(2).resolvent(1.0)(x)
    (array([2., 2.]), array([2., 2.]))
    """

    properties = Properties.of(monotone=True, maximal=True, gradient=True, linear=True)
    acts_on_complex = True

    def __init__(self, n: int) -> None:
        self.n = check_integer("n", n, 1, "give the number of blocks, an integer ≥ 1")

    def mean(self, x: Point) -> Array:
        """(x₁ + … + xₙ)/n, the block that all share in the projection."""
        return reduce(add, x) / self.n if isinstance(x, tuple) else namespace(x).mean(x, axis=0)

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        return self._project

    def _project(self, y: Point) -> Point:
        if isinstance(y, tuple):
            return copies(self.mean(y), self.n)
        return self.mean(y) + namespace(y).zeros_like(y)

    def check_space(self, space: Space) -> None:
        if not space.is_tuple and not space.batch_ndim and space.shapes[0][:1] == (self.n,):
            return
        if not space.is_tuple or len(space.shapes) != self.n or len(set(space.shapes)) > 1:
            raise ValueError(
                f"{self!r} acts on tuples of {self.n} arrays of one shape, or one array of "
                f"{self.n} rows, got shapes {space.shapes}: make one with splitkit.copies(x, "
                f"{self.n})"
            )

    def __repr__(self) -> str:
        return f"Consensus({self.n})"

    def latex(self) -> str:
        return rf"N_{{x_1 = \cdots = x_{{{self.n}}}}}"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Operator, Any]]:
        return [(cls(3), ((2,), (2,), (2,))), (cls(1), ((3,),)), (cls(2), (2, 3))]


def copies(x: Array, n: int) -> Point:
    """(x, …, x), n times: a point of the diagonal.

    Parameters
    ----------
    x : array
    n : int
        How many.

    Examples
    --------
    >>> sk.copies(np.array([1.0, 2.0]), 2)
    (array([1., 2.]), array([1., 2.]))
    """
    return (x,) * n


def product_space(A: Operator) -> Operator:
    """A₁ × … × Aₙ + N_D for A = A₁ + … + Aₙ: (x₁, …, xₙ) is a zero of it if and only if all blocks
    are equal to one zero of A. Start from ``copies(x0, n)``; the solution is any block.

    Parameters
    ----------
    A : Operator
        A sum of at least two terms.

    Raises
    ------
    TypeError
        A is no sum of at least two terms.

    Examples
    --------
    >>> A = sk.NormalCone(sk.functions.Box(0.0, 2.0)) + sk.NormalCone(sk.functions.Box(1.0, 3.0))
    >>> inclusion = sk.product_space(A)
    >>> x = sk.copies(np.array([5.0]), 2)
    >>> sk.solve(inclusion, x).x
    (array([1.75]), array([1.75]))
    """
    if not isinstance(A, Sum):
        raise TypeError(f"A = {A!r}: give a sum of two or more operators")
    terms = terms_of(A)
    return add_operators(BlockDiagonal(terms), Consensus(len(terms)))
