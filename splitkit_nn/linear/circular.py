"""The linear map of a circular convolution, by its blocks M̂(ω) ∈ C^{n×n} over the half spectrum.

The DFT is unitary up to scale, so ‖M‖ = max_ω ‖M̂(ω)‖, the symmetric part has the eigenvalues of
the Hermitian parts of M̂(ω), and (I + αM)⁻¹ has the blocks (I + αM̂(ω))⁻¹. The other half of the
spectrum is conjugate. Source: Winston, Kolter (2020), App. C.1.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np

from splitkit.backend import Array, Point, Space, device, namespace
from splitkit.linear.base import kept_for_last_step
from splitkit.linear.last_axes import LastAxesMap
from splitkit.properties import Properties
from splitkit_nn.linear.lattice import Lattice

REFLECTED_EXACT_SIZE = 128  # channels: one batch of singular values for each α that is tried
FACTORED_ENTRIES = 2**18  # of the blocks that are inverted at once: a few MiB, which caches hold


class CircularConvolution(LastAxesMap):
    """z ↦ Mz on points of shape (…, channels, height, width), M commuting with shifts.

    Parameters
    ----------
    blocks : array, complex, shape (frequencies, r²·channels, r²·channels)
        M̂(ω) in the order of ``lattice.spectrum``; not copied: don't change it.
    lattice : Lattice
        With a stride r, M need only commute with shifts by r.
    strong_monotonicity, lipschitz : float, optional
        Known constants, believed instead of being computed.
    proved : float
        An m that holds, which the computed one may fall below by rounding.
    """

    costly = True

    def __init__(
        self,
        blocks: Array,
        lattice: Lattice,
        *,
        strong_monotonicity: float | None = None,
        lipschitz: float | None = None,
        proved: float = -math.inf,
    ) -> None:
        self.blocks, self.lattice, self._proved = blocks, lattice, proved
        self.channels = blocks.shape[1] // lattice.phases
        self._declared = strong_monotonicity, lipschitz
        self.domain_shape = self.range_shape = (self.channels, lattice.height, lattice.width)

    @property
    def xp(self) -> Any:
        """The namespace of the blocks."""
        return namespace(self.blocks)

    @cached_property
    def _right(self) -> tuple[Array, Array]:
        """M̂ᵀ and the conjugate of M̂, which multiply rows."""
        return self.xp.permute_dims(self.blocks, (0, 2, 1)), self.xp.conj(self.blocks)

    def _apply(self, z: Array, right: Array) -> Array:
        if math.prod(z.shape) == 0:
            return self.xp.zeros_like(z)
        batch = math.prod(z.shape[:-3])
        Z = self.lattice.transform(self.xp.reshape(z, (batch, *z.shape[-3:])))
        return self.xp.reshape(self.lattice.inverse(Z @ right), z.shape)

    def __call__(self, x: Point) -> Point:
        return self._apply(x, self._right[0])

    def adjoint(self, y: Point) -> Point:
        return self._apply(y, self._right[1])

    @cached_property
    def norm(self) -> float:
        m, L = self._declared
        if L is not None:
            return L
        computed = float(self.xp.max(self.xp.linalg.svdvals(self.blocks)))
        return max(computed, self._proved if m is None else m)

    @cached_property
    def properties(self) -> Properties:
        m = self._declared[0]
        if m is None:
            hermitian = (self.blocks + self.xp.conj(self._right[0])) / 2
            computed = float(self.xp.min(self.xp.linalg.eigvalsh(hermitian)))
            eps = float(self.xp.finfo(self.blocks.dtype).eps)
            rounding = 4 * self.blocks.shape[1] * eps * self.norm
            m = max(self._proved, computed - rounding)
        return self.square_properties(m)

    @cached_property
    def _identity(self) -> Array:
        M = self.blocks
        return self.xp.eye(M.shape[1], dtype=M.dtype, device=device(M))

    @kept_for_last_step
    def shifted_inverse(self, alpha: float) -> CircularConvolution:
        """(I + αM̂(ω))⁻¹, a few frequencies at a time, so that what is made on the way is small."""
        count = self.blocks.shape[0]
        step = max(1, FACTORED_ENTRIES // math.prod(self.blocks.shape[1:]))
        parts = [
            self._inverse_of(self.blocks[i : min(i + step, count), ...], alpha)
            for i in range(0, count, step)
        ]
        return CircularConvolution(
            self.xp.concat(parts), self.lattice, strong_monotonicity=0.0, lipschitz=1.0
        )

    def _inverse_of(self, blocks: Array, alpha: float) -> Array:
        """The inverses of I + αM̂(ω) for these blocks, verified by the residual."""
        xp = self.xp
        shifted = self._identity + alpha * blocks
        V = xp.linalg.inv(shifted)
        R = shifted @ V - self._identity
        residual = float(xp.maximum(xp.max(xp.abs(xp.real(R))), xp.max(xp.abs(xp.imag(R)))))
        # backward stability, and ‖V‖ ≤ 1 for monotone M, as for a dense matrix
        size = float(xp.max(xp.sum(xp.abs(shifted), axis=-1)))
        allowed = 100 * V.shape[1] * float(xp.finfo(V.dtype).eps) * size
        if not residual <= allowed:
            raise np.linalg.LinAlgError(
                f"the inverse of I + αM over frequencies (alpha = {alpha:g}) has residual "
                f"{residual:.2g}, above {allowed:.2g}: M is not monotone, or the factorization of "
                f"{xp.__name__} failed; check M, or give a smaller alpha"
            )
        return V

    @kept_for_last_step
    def reflected_inverse(self, alpha: float) -> CircularConvolution:
        C = 2 * self.shifted_inverse(alpha).blocks - self._identity
        return CircularConvolution(C, self.lattice, strong_monotonicity=-1.0, lipschitz=1.0)

    def reflected_norm(self, alpha: float) -> float | None:
        if self.blocks.shape[1] > REFLECTED_EXACT_SIZE or None not in self._declared:
            return None
        xp, M = self.xp, alpha * self.blocks
        reflected = xp.linalg.solve(self._identity + M, self._identity - M)
        return float(xp.max(xp.linalg.svdvals(reflected)))

    def check_kind(self, space: Space, name: str) -> None:
        space.check_array(self.like, name)

    @cached_property
    def like(self) -> Array:
        """An array of the library, dtype and device that points must have."""
        return self.xp.real(self.blocks[0, :1, :1])

    def __repr__(self) -> str:
        grid = f"{self.lattice.height}×{self.lattice.width}"
        return f"CircularConvolution({self.channels} channels on {grid})"
