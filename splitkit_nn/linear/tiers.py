"""The linear map of a multi-tier network, block lower bidiagonal over grids of falling size.

    M_ii = D_i,   M_{i+1,i} = C_{i+1} E S_i

S_i is a convolution with stride r from tier i, E puts its coarse grid into the first rows and
columns of the grid of tier i + 1, and C_{i+1} is a convolution there. D_i commutes with shifts by r
(``lattice``). I + αM is solved by forward substitution over the tiers, its transpose by backward
substitution, each diagonal block by frequencies.

D_i couples the r² frequencies that alias, by blocks of side r²n_i. They are inverted as they are:
applying the inverse takes r²n_i² products a fine frequency, where applying the Woodbury form of
Winston, Kolter (2020), Prop. D1, takes n_i² + 2n_i n_{i+1} + n_{i+1}²/r², which is more for n_{i+1}
above n_i, and a third step.

The tiers share no Fourier transform, so M's constants are not the blocks': ‖M‖ is at most the norm
of the matrix of the blocks' norms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from splitkit.backend import Array, Point, Space, namespace, zeros
from splitkit.linear.base import LinearOperator, kept_for_last_step
from splitkit.linear.last_axes import LastAxesMap
from splitkit.properties import Properties
from splitkit_nn.linear.circular import CircularConvolution
from splitkit_nn.linear.lattice import Lattice


class TieredConvolution(LastAxesMap):
    """z ↦ Mz on points of shape (…, total), the tiers flattened one after the other.

    Parameters
    ----------
    diagonal : sequence of CircularConvolution
        D_i, one for each tier.
    strided : sequence of arrays, complex
        The blocks of S_i on the lattice of tier i, one for each tier but the last.
    carried : sequence of arrays, complex
        The blocks of C_i on the lattice of tier i, one for each tier but the first.
    strong_monotonicity : float
        A constant that is known to hold.
    lipschitz : float, optional
        Believed instead of being computed.
    """

    costly = True

    def __init__(
        self,
        diagonal: Sequence[CircularConvolution],
        strided: Sequence[Array],
        carried: Sequence[Array],
        *,
        strong_monotonicity: float,
        lipschitz: float | None = None,
    ) -> None:
        self.diagonal, self.strided, self.carried = tuple(diagonal), tuple(strided), tuple(carried)
        self._declared = strong_monotonicity, lipschitz
        self.domain_shape = self.range_shape = (sum(self.sizes),)

    @property
    def xp(self) -> Any:
        """The namespace of the blocks."""
        return namespace(self.diagonal[0].blocks)

    @property
    def lattices(self) -> tuple[Lattice, ...]:
        """The grids of the tiers."""
        return tuple(D.lattice for D in self.diagonal)

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """How many entries each tier has."""
        return tuple(D.channels * D.lattice.height * D.lattice.width for D in self.diagonal)

    def transform(self, z: Array) -> list[Array]:
        """The blocks of every tier of z, shape (batch, total)."""
        parts = split(z, self.sizes)
        return [
            D.lattice.transform(
                self.xp.reshape(part, (-1, D.channels, D.lattice.height, D.lattice.width))
            )
            for D, part in zip(self.diagonal, parts, strict=True)
        ]

    def inverse(self, Z: Sequence[Array]) -> Array:
        """z with the blocks Z."""
        parts = [lattice.inverse(each) for lattice, each in zip(self.lattices, Z, strict=True)]
        flat = [self.xp.reshape(part, (part.shape[0], -1)) for part in parts]
        return self.xp.concat(flat, axis=1)

    def descend(self, i: int, Z: Array) -> Array:
        """The blocks on tier i + 1 of E S_i z, z with the blocks Z on tier i."""
        down = Lattice(*self.lattices[i].coarse).inverse(Z @ _transposed(self.strided[i]))
        return self.lattices[i + 1].transform(embed(down, self.lattices[i + 1]))

    def ascend(self, i: int, Z: Array) -> Array:
        """The blocks on tier i of S_iᵀEᵀz, z with the blocks Z on tier i + 1."""
        height, width = self.lattices[i].coarse
        up = self.lattices[i + 1].inverse(Z)[:, :, :height, :width]
        return Lattice(height, width).transform(up) @ self.xp.conj(self.strided[i])

    def __call__(self, x: Point) -> Point:
        return self._on_batch(self._forward, x)

    def adjoint(self, y: Point) -> Point:
        return self._on_batch(self._backward, y)

    def _forward(self, X: list[Array]) -> list[Array]:
        Y = [Z @ _transposed(D.blocks) for Z, D in zip(X, self.diagonal, strict=True)]
        for i, C in enumerate(self.carried):
            Y[i + 1] = Y[i + 1] + self.descend(i, X[i]) @ _transposed(C)
        return Y

    def _backward(self, Y: list[Array]) -> list[Array]:
        conj = self.xp.conj
        X = [Z @ conj(D.blocks) for Z, D in zip(Y, self.diagonal, strict=True)]
        for i, C in enumerate(self.carried):
            X[i] = X[i] + self.ascend(i, Y[i + 1] @ conj(C))
        return X

    def _on_batch(self, f: Any, x: Array) -> Array:
        """f between blocks, applied to a point."""
        if math.prod(x.shape) == 0:
            return self.xp.zeros_like(x)
        flat = self.xp.reshape(x, (-1, x.shape[-1]))
        return self.xp.reshape(self.inverse(f(self.transform(flat))), x.shape)

    @cached_property
    def norm(self) -> float:
        (m, L), xp = self._declared, self.xp
        if L is not None:
            return L
        return max(m, self._bound(lambda B: float(xp.max(xp.linalg.svdvals(B)))))

    def with_cheap_norm(self, norm: Callable[[Array], float]) -> TieredConvolution:
        """The same map, with an upper bound of ‖M‖ from those that ``norm`` gives of its blocks."""
        m, L = self._declared[0], self._bound(norm)
        return TieredConvolution(
            self.diagonal, self.strided, self.carried, strong_monotonicity=m, lipschitz=max(m, L)
        )

    def _bound(self, norm: Callable[[Array], float]) -> float:
        """The norm of the matrix of the blocks' norms, ``norm`` being the greatest over ω."""
        D = [norm(each.blocks) for each in self.diagonal]
        below = [norm(C) * norm(S) for C, S in zip(self.carried, self.strided, strict=True)]
        return float(np.linalg.norm(np.diag(D) + np.diag(below, -1), 2))

    @cached_property
    def properties(self) -> Properties:
        return self.square_properties(self._declared[0])

    @kept_for_last_step
    def shifted_inverse(self, alpha: float) -> LinearOperator:
        return TieredInverse(self, alpha)

    @kept_for_last_step
    def reflected_inverse(self, alpha: float) -> LinearOperator:
        return TieredInverse(self, alpha, reflected=True)

    def check_kind(self, space: Space, name: str) -> None:
        space.check_array(self.diagonal[0].like, name)

    def __repr__(self) -> str:
        return f"TieredConvolution({', '.join(map(repr, self.diagonal))})"


class TieredInverse(LinearOperator):
    """V = (I + αM)⁻¹ by substitution over the tiers; 2V − I if ``reflected``.

    With V_i = (I + αD_i)⁻¹: x_{i+1} = V_{i+1}(y_{i+1} − αC_{i+1}E S_i x_i), and backward
    x_i = V_iᵀ(y_i − αS_iᵀEᵀC_{i+1}ᵀx_{i+1}).
    """

    norm = 1.0
    costly = True

    def __init__(self, M: TieredConvolution, alpha: float, *, reflected: bool = False) -> None:
        # M keeps this inverse: without a copy that does not, both would outlive their use
        self.M = TieredConvolution(M.diagonal, M.strided, M.carried, strong_monotonicity=0.0)
        self.alpha, self.reflected = alpha, reflected
        self.properties = Properties.of(
            strong_monotonicity=-1.0 if reflected else 0.0, lipschitz=1.0, linear=True
        )
        # each D_i keeps its factor; products from the right, forward and backward, with the x_i
        # doubled if they are to be reflected
        double = 2.0 if reflected else 1.0
        V, part = [D.shifted_inverse(alpha).blocks for D in M.diagonal], alpha / double
        self.right = [(double * _transposed(each), double * M.xp.conj(each)) for each in V]
        self.carried = [(part * _transposed(C), part * M.xp.conj(C)) for C in M.carried]

    def __call__(self, x: Point) -> Point:
        return self.M._on_batch(self._forward, x)

    def adjoint(self, y: Point) -> Point:
        return self.M._on_batch(self._backward, y)

    def _forward(self, Y: list[Array]) -> list[Array]:
        X = [Y[0] @ self.right[0][0]]
        for i, (carried, _) in enumerate(self.carried):
            rest = Y[i + 1] - self.M.descend(i, X[i]) @ carried
            X.append(rest @ self.right[i + 1][0])
        return self._reflect(X, Y)

    def _backward(self, Y: list[Array]) -> list[Array]:
        X = [Y[-1] @ self.right[-1][1]]
        for i in reversed(range(len(self.carried))):
            rest = Y[i] - self.M.ascend(i, X[0] @ self.carried[i][1])
            X.insert(0, rest @ self.right[i][1])
        return self._reflect(X, Y)

    def _reflect(self, X: list[Array], Y: list[Array]) -> list[Array]:
        return [x - y for x, y in zip(X, Y, strict=True)] if self.reflected else X


def split(z: Array, sizes: Sequence[int]) -> list[Array]:
    """The parts of the last axis, of these sizes."""
    ends = np.cumsum(sizes).tolist()
    return [z[..., end - size : end] for size, end in zip(sizes, ends, strict=True)]


def embed(z: Array, lattice: Lattice) -> Array:
    """z in the first rows and columns of a larger grid of zeros."""
    xp = namespace(z)
    for axis, length in ((2, lattice.height), (3, lattice.width)):
        missing = length - z.shape[axis]
        if missing:
            border = zeros((*z.shape[:axis], missing, *z.shape[axis + 1 :]), z)
            z = xp.concat([z, border], axis=axis)
    return z


def _transposed(blocks: Array) -> Array:
    return namespace(blocks).permute_dims(blocks, (0, 2, 1))
