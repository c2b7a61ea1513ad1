"""The real and the imaginary part of complex arrays."""

from __future__ import annotations

from dataclasses import replace

from splitkit.backend import Point, Space, join, namespace
from splitkit.linear.base import LinearOperator
from splitkit.properties import Properties


def RealPart() -> LinearOperator:
    """z ↦ Re z of complex arrays, with the adjoint y ↦ y + 0i: LLᵀ = I.

    Linear over the real numbers, which is what points are a space over: ⟨Re z, y⟩ = Re⟨z, y⟩. So
    what has no meaning of complex points is asked of their real parts, and has a closed-form prox:
    prox_{f∘Re}(z) = prox_f(Re z) + i Im z.

    Source: Bauschke, Combettes (2017), Prop. 24.14, with LLᵀ = I.

    Examples
    --------
    >>> L = sk.linear.RealPart()
    >>> z = np.array([1.0 + 2.0j, -3.0 - 1.0j])
    >>> print(L(z), L.T(np.array([1.0, 2.0])), L.gram)
    [ 1. -3.] [1.+0.j 2.+0.j] 1.0
    >>> print((sk.functions.NonNegative() @ L).prox(z))
    [1.+2.j 0.-1.j]
    """
    return _Part("RealPart", 1.0)


def ImaginaryPart() -> LinearOperator:
    """z ↦ Im z of complex arrays, with the adjoint y ↦ iy: LLᵀ = I; see ``RealPart``.

    Source: Bauschke, Combettes (2017), Prop. 24.14, with LLᵀ = I.

    Examples
    --------
    >>> L = sk.linear.ImaginaryPart()
    >>> print(L(np.array([1.0 + 2.0j])), L.T(np.array([2.0])))
    [2.] [0.+2.j]
    """
    return _Part("ImaginaryPart", 1.0j)


class _Part(LinearOperator):
    """z ↦ Re(c̄z) for c = 1 or i."""

    acts_on_complex = True
    norm = gram = 1.0
    properties = Properties(linear=True)

    def __init__(self, name: str, c: complex) -> None:
        self.name, self.c = name, c
        self.formula = r"\mathrm{Re}" if c == 1 else r"\mathrm{Im}"

    def __call__(self, x: Point) -> Point:
        xp = namespace(x)
        return xp.real(x) if self.c == 1 else xp.imag(x)

    def adjoint(self, y: Point) -> Point:
        parts = (y, 0.0 * y) if self.c == 1 else (0.0 * y, y)
        return join(*parts, namespace(y))

    def check_space(self, space: Space, name: str = "L") -> None:
        if space.is_tuple or not space.is_complex:
            raise TypeError(
                f"{name} = {self!r} acts on complex arrays, but x0 has {space.dtype}: give a "
                "complex x0"
            )

    def range_space(self, space: Space) -> Space:
        self.check_space(space)
        return replace(space, dtype=space.xp.zeros(0, dtype=space.real_dtype).dtype)

    def domain_space(self, space: Space) -> Space:
        return space.complexified()

    def __repr__(self) -> str:
        return f"{self.name}()"
