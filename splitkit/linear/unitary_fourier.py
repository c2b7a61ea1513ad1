"""The unitary discrete Fourier transform of complex arrays, as pairs of real arrays."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import check_integer
from splitkit.backend import Array, Point, Space, namespace
from splitkit.linear.base import LinearOperator
from splitkit.properties import Properties


class Fourier(LinearOperator):
    """(Re z, Im z) ↦ (Re Fz, Im Fz), F over the last axes, with the factor 1/√N.

    The unitary discrete Fourier transform F of complex arrays, as pairs (real part, imaginary
    part).

    In these pairs ⟨·, ·⟩ is the real part of the complex inner product, so that Fᵀ is the inverse.

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
    The transform of real arrays x is that of pairs (x, 0):
    ``Fourier() @ BlockColumn((ScaledIdentity(), ScaledIdentity(0.0)))``.

    Examples
    --------
    >>> L = sk.linear.Fourier(1)
    >>> x = (np.array([1.0, 1.0, 1.0, 1.0]), np.zeros(4))
    >>> L(x)
    (array([2., 0., 0., 0.]), array([0., 0., 0., 0.]))
    """

    formula = r"\mathcal{F}"
    norm = least_gain = gram = 1.0
    properties = Properties.of(lipschitz=1.0, linear=True)

    def __init__(self, dimensions: int = 1) -> None:
        self.dimensions = check_integer("dimensions", dimensions, 1)

    def _transformed(self, x: Point, name: str) -> Point:
        xp = namespace(x)
        real, imaginary = (_complex(part) for part in x)
        transform = getattr(xp.fft, name)
        z = transform(real + 1j * imaginary, axes=tuple(range(-self.dimensions, 0)), norm="ortho")
        return xp.real(z), xp.imag(z)

    def __call__(self, x: Point) -> Point:
        return self._transformed(x, "fftn")

    def adjoint(self, y: Point) -> Point:
        return self._transformed(y, "ifftn")

    def check_space(self, space: Space, name: str = "L") -> None:
        shapes = space.shapes
        if len(shapes) != 2 or shapes[0] != shapes[1] or len(shapes[0]) < self.dimensions:
            raise ValueError(
                f"{name} = {self!r} acts on pairs (real part, imaginary part) of arrays of one "
                f"shape with {self.dimensions} axes or more, got shapes {shapes}"
            )

    def __repr__(self) -> str:
        return f"Fourier({self.dimensions})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        image = (2, 3, 2), (2, 3, 2)
        return [(cls(), ((4,), (4,)), ((4,), (4,))), (cls(2), image, image)]


def _complex(x: Array) -> Array:
    xp = namespace(x)
    return xp.astype(x, xp.complex64 if x.dtype == xp.float32 else xp.complex128)
