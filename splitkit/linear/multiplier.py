"""Maps that multiply by numbers λ in an orthonormal basis.

‖L‖ = max|λ|, the least gain is min|λ|, m = min Re λ; (I + αL)⁻¹ multiplies by 1/(1 + αλ), and its
reflection by (1 − αλ)/(1 + αλ).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from splitkit.backend import Array, Point, Scalar, align, extremes, is_array, is_traced
from splitkit.linear.base import LinearOperator, is_samplewise, require_number, rounded
from splitkit.properties import Properties


class SamplewiseInverse(LinearOperator):
    """(I + αL)⁻¹ for an α of batch shape, L having the spectrum λ in the basis of ``like``."""

    norm = 1.0
    acts_on_complex = True

    def __init__(
        self, like: Callable[[Array], LinearOperator], spectrum: Scalar, alpha: Array
    ) -> None:
        self.like, self.spectrum, self.alpha = like, spectrum, alpha

    def _at(self, x: Array) -> LinearOperator:
        return self.like(1 / (1 + align(self.alpha, x) * self.spectrum))

    def __call__(self, x: Point) -> Point:
        return self._at(x)(x)

    def adjoint(self, y: Point) -> Point:
        return self._at(y).adjoint(y)


class Multiplier(LinearOperator):
    """Base of the maps that know their eigenvalues λ; a subclass gives ``like``."""

    acts_on_complex = True

    spectrum: Scalar  # λ
    symmetric: bool = True
    skew: bool = False

    def like(self, spectrum: Scalar) -> LinearOperator:
        """The map that multiplies by these numbers in the same basis."""
        raise NotImplementedError(f"{type(self).__name__} must define like")

    def reciprocal(self) -> LinearOperator:
        return self.like(1 / self.spectrum)

    @property
    def rounding(self) -> float:
        """What counts as 0 among the λ and their differences."""
        return 0.0

    @property
    def real(self) -> Array:
        """Re λ."""
        return self.spectrum

    @cached_property
    def _gains(self) -> tuple[float, float]:
        return extremes(abs(self.spectrum))

    @cached_property
    def norm(self) -> float:
        return self._gains[1]

    @cached_property
    def least_gain(self) -> float:
        return self._gains[0]

    @cached_property
    def gram(self) -> float | None:
        least, greatest = self._gains
        return least * greatest if greatest - least <= self.rounding else None

    @cached_property
    def properties(self) -> Properties:
        m = rounded(extremes(self.real)[0], self.rounding)
        return self.square_properties(m, symmetric=self.symmetric, skew=self.skew)

    def _shifted(self, alpha: Scalar) -> Scalar:
        require_number(alpha, self)
        shifted = 1 + alpha * self.spectrum
        if is_traced(shifted):
            return shifted
        if not (extremes(abs(shifted))[0] if is_array(shifted) else abs(shifted)) > 0:
            raise np.linalg.LinAlgError(
                f"1 + αλ is 0 for alpha = {alpha:g} and an eigenvalue λ of {self!r}, which is not "
                "monotone: give a smaller alpha"
            )
        return shifted

    def inverted(self) -> LinearOperator:
        least, greatest = self.least_gain, self.norm
        if not least > self.rounding:
            raise np.linalg.LinAlgError(
                f"{self!r} is singular to rounding: its gains are {least:.2g} to {greatest:.2g}"
            )
        return self.reciprocal()

    def shifted_inverse(self, alpha: Scalar) -> LinearOperator:
        if is_samplewise(alpha):
            return self.samplewise_inverse(alpha)
        return self.like(1 / self._shifted(alpha))

    def samplewise_inverse(self, alpha: Scalar) -> LinearOperator:
        if not self.properties.monotone:
            return super().samplewise_inverse(alpha)
        return SamplewiseInverse(self.like, self.spectrum, alpha)

    def reflected_inverse(self, alpha: float) -> LinearOperator:
        return self.like((1 - alpha * self.spectrum) / self._shifted(alpha))

    def reflected_norm(self, alpha: float) -> float:
        return self.reflected_inverse(alpha).norm
