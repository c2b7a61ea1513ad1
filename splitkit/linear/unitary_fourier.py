"""The unitary discrete Fourier transform of complex arrays, or of pairs of real ones."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import check_integer
from splitkit.backend import Point, Space, join, namespace
from splitkit.linear.base import LinearOperator
from splitkit.properties import Properties


class Fourier(LinearOperator):
    """z ↦ Fz, and (Re z, Im z) ↦ (Re Fz, Im Fz), F over the last axes, with the factor 1/√N.

    The unitary discrete Fourier transform F of complex arrays, or of pairs (real part, imaginary
    part) of real ones.

    ⟨·, ·⟩ is the real part of the complex inner product, so that Fᵀ is the inverse.

    Parameters
    ----------
    dimensions : int, default 1
        Over how many axes; those before are transformed one by one.

    Raises
    ------
    TypeError, ValueError
        It is no positive integer.

    Notes
    -----
    The transform of real arrays x, as pairs, is that of (x, 0):
    ``Fourier() @ BlockColumn((ScaledIdentity(), ScaledIdentity(0.0)))``.

    Examples
    --------
    >>> L = sk.linear.Fourier(1)
    >>> x = (np.array([1.0, 1.0, 1.0, 1.0]), np.zeros(4))
    >>> L(x)
    (array([2., 0., 0., 0.]), array([0., 0., 0., 0.]))
    >>> print(L(np.array([1.0, 1.0j, -1.0, -1.0j])))
    [0.+0.j 2.+0.j 0.+0.j 0.+0.j]
    """

    formula = r"\mathcal{F}"
    norm = least_gain = gram = 1.0
    acts_on_complex = True
    properties = Properties.of(lipschitz=1.0, linear=True)

    def __init__(self, dimensions: int = 1) -> None:
        self.dimensions = check_integer("dimensions", dimensions, 1)

    def _transformed(self, x: Point, name: str) -> Point:
        xp = namespace(x)
        z = join(x[0], x[1], xp) if isinstance(x, tuple) else x
        transform = getattr(xp.fft, name)
        z = transform(z, axes=tuple(range(-self.dimensions, 0)), norm="ortho")
        return (xp.real(z), xp.imag(z)) if isinstance(x, tuple) else z

    def __call__(self, x: Point) -> Point:
        return self._transformed(x, "fftn")

    def adjoint(self, y: Point) -> Point:
        return self._transformed(y, "ifftn")

    def check_space(self, space: Space, name: str = "L") -> None:
        shapes = space.shapes
        pair = space.is_tuple and len(shapes) == 2 and shapes[0] == shapes[1]
        takes = not space.is_tuple if space.is_complex else pair
        if not takes or len(shapes[0]) < self.dimensions:
            raise ValueError(
                f"{name} = {self!r} acts on complex arrays, or pairs (real part, imaginary part) "
                f"of real arrays of one shape, with {self.dimensions} axes or more, got "
                f"{space.dtype} of shapes {shapes}"
            )

    def __repr__(self) -> str:
        return f"Fourier({self.dimensions})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        image = (2, 3, 2), (2, 3, 2)
        return [(cls(), ((4,), (4,)), ((4,), (4,))), (cls(2), image, image)]
