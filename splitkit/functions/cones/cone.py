"""Closed convex cones K with their polar K° = {u: ⟨u, x⟩ ≤ 0 for x ∈ K} and dual K* = −K°."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from splitkit.backend import Array, Point, Space, lincomb, scale, subtract
from splitkit.functions.base import Function, Indicator, Modified


class Cone(Indicator):
    """A closed convex cone; a subclass gives ``project``.

    Closed convex cones K with their polar K° = {u: ⟨u, x⟩ ≤ 0 for x ∈ K} and dual K* = −K°.

    Moreau's decomposition: y = P_K(y) + P_{K°}(y), the two parts orthogonal; so the projection onto
    K gives those onto K°, −K and K*. The conjugate of K's indicator is the indicator of K°. Source:
    Moreau, *Décomposition orthogonale d'un espace hilbertien selon deux cônes mutuellement
    polaires* (1962); Bauschke, Combettes (2017), Thm. 6.30.

    Examples
    --------
    >>> K = sk.functions.SecondOrderCone()
    >>> x = np.array([0.0, 3.0, 4.0])
    >>> print(K.project(x) + K.polar.project(x))  # Moreau: x again
    [0. 3. 4.]
    """

    @property
    def polar(self) -> Cone:
        """K° = {u: ⟨u, x⟩ ≤ 0 for all x in K}."""
        return PolarCone(self)

    @property
    def negative(self) -> Cone:
        """−K."""
        return NegativeCone(self)

    @property
    def dual(self) -> Cone:
        """K* = {u: ⟨u, x⟩ ≥ 0 for all x in K} = −K°."""
        return self.polar.negative

    def recession(self, d: Point) -> Point:
        return self.project(d)

    def _support(self, v: Point) -> Array:
        return 0.0 * Space.of(v, self.batch_ndim, name="v").norm(v)

    @property
    def conjugate(self) -> Function:
        return self.polar

    def conjugate_value(self, u: Point) -> Array:
        return self.polar(u)


class SelfDualCone(Cone):
    """A cone with K* = K, so that K° = −K."""

    @property
    def polar(self) -> Cone:
        return self.negative

    @property
    def dual(self) -> Cone:
        return self


class Subspace(Cone):
    """A linear subspace, with −K = K; the polar and the dual are its orthogonal complement."""

    @property
    def negative(self) -> Cone:
        return self


class OfCone(Modified, Cone):
    """Base of the cones made of another one.

    Parameters
    ----------
    K : Cone
    """

    K: Cone = field()
    batch_ndim: int = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.K, Cone):
            raise TypeError(
                f"K = {self.K!r}: give a cone, such as splitkit.functions.SecondOrderCone()"
            )
        super().__init__(self.K)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        from splitkit.functions.cones.second_order_cone import SecondOrderCone  # it is a Cone

        return [(cls(SecondOrderCone(batch_ndim=1)), (4, 3))]


class PolarCone(OfCone):
    """K°, with the projection y − P_K(y).

    Examples
    --------
    >>> K = sk.functions.Isotonic()
    >>> K.polar, K.polar.project(np.array([1.0, 0.0]))
    (PolarCone(Isotonic), array([ 0.5, -0.5]))
    """

    formula = r"(<K>)^\circ"

    subtracts = True

    @property
    def polar(self) -> Cone:
        return self.K

    @property
    def negative(self) -> Cone:
        return self if isinstance(self.K, Subspace) else NegativeCone(self)

    def project(self, x: Point) -> Point:
        return subtract(x, self.K.project(x))

    def reflect(self, x: Point) -> Point:
        """2 project(x) − x."""
        return lincomb(1.0, x, -2.0, self.K.project(x))

    def violation(self, x: Point) -> Array:
        return Space.of(x, self.batch_ndim, name="x").norm(self.K.project(x))


class NegativeCone(OfCone):
    """−K, with the projection −P_K(−y).

    Examples
    --------
    >>> K = sk.functions.SecondOrderCone()
    >>> K.polar, K.polar.project(np.array([0.0, 3.0, 4.0]))
    (NegativeCone(SecondOrderCone), array([-2.5,  1.5,  2. ]))
    """

    formula = r"-<K>"

    @property
    def polar(self) -> Cone:
        return self.K.polar.negative

    @property
    def negative(self) -> Cone:
        return self.K

    def project(self, x: Point) -> Point:
        return scale(-1.0, self.K.project(scale(-1.0, x)))

    def violation(self, x: Point) -> Array:
        return self.K.violation(scale(-1.0, x))
