"""The dense parametrization W = (1−m)I − AᵀA + B − Bᵀ.

I − W = mI + AᵀA − B + Bᵀ has symmetric part mI + AᵀA ⪰ mI, whatever A and B; and every W with
I − W ⪰ mI is of this form. Source: Winston, Kolter (2020), Prop. 1.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from splitkit import DenseMatrix, Properties
from splitkit.arguments import check_integer
from splitkit_nn.activations import Activation
from splitkit_nn.linear.affine import matrix_of
from splitkit_nn.linear.base import Parametrization, frobenius_bound
from splitkit_nn.linear.bounds.base import LipschitzBounds
from splitkit_nn.linear.bounds.comparison import comparison_bounds
from splitkit_nn.linear.bounds.convolution import shared_bounds
from splitkit_nn.linear.bounds.matrix import LARGE, lipschitz_bounds
from splitkit_nn.linear.bounds.scalar import scalar_bounds

LARGEST = 2048  # features for which matrices are factored to bound a Lipschitz constant


class MatrixParametrization(Parametrization):
    """Base of those whose W is a matrix and whose input map is dense.

    A subclass adds its parameters (``new_parameter``) and ``weight``, the matrix W with I − W ⪰ mI
    for every value of theirs.

    Parameters
    ----------
    in_features, features : int
        Sizes of the input x and of the equilibrium z.
    m : float
        Strong monotonicity of I − W, positive.

    Raises
    ------
    TypeError, ValueError
        A size is no positive integer, or m no positive number.

    Examples
    --------
    >>> class Skew(sknn.MatrixParametrization):  # I − W = mI + S − Sᵀ
    ...     def __init__(self, in_features, features, m=1.0):
    ...         super().__init__(in_features, features, m)
    ...         self.S = torch.nn.Parameter(torch.randn(features, features) / features)
    ...     def weight(self):
    ...         return (1 - self.m) * self.identity() + (self.S.T - self.S)
    >>> layer = sknn.MonDEQ(Skew(4, 8))
    >>> print(sknn.certify(layer.eval(), torch.randn(5, 4)).m)
    1.
    """

    def __init__(self, in_features: int, features: int, m: float) -> None:
        super().__init__(m)
        self.in_features = check_integer("in_features", in_features, 1)
        self.features = check_integer("features", features, 1)
        self.U = nn.Linear(self.in_features, self.features)

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (self.in_features,)

    def bias(self, x: Tensor) -> Tensor:
        return self.U(x)

    def identity(self, like: Tensor | None = None) -> Tensor:
        """I, like a tensor, by default the parameters."""
        like = self.like if like is None else like
        return torch.eye(self.features, dtype=like.dtype, device=like.device)

    def multiply(self, W: Tensor, z: Tensor) -> Tensor:
        return z @ W.T

    def multiply_transpose(self, W: Tensor, v: Tensor) -> Tensor:
        return v @ W

    def outer(self, W: Tensor, p: Tensor, z: Tensor) -> Tensor:
        return p.T @ z

    def input_matrix(self, *, exact: bool = False) -> Tensor:
        """U, tracked; ``exact``: TypeError unless the input map is x ↦ Ux + b."""
        return matrix_of(self.U, self.like, self.in_features, exact=exact)

    def input_norm(self) -> float:
        return float(torch.linalg.matrix_norm(self.input_matrix(exact=True).detach(), 2))

    def operator(self, W: Tensor | None = None, *, exact: bool) -> DenseMatrix:
        with torch.no_grad():
            W = self.weight() if W is None else W
            M = self.identity(W) - W
            if exact:
                return _ComputedMatrix(M, self.m)
            # rounded up, the bound and what follows from it are the same in many steps
            bound = max(self.m, frobenius_bound(M))
            bound = 2 ** (math.ceil(64 * math.log2(bound)) / 64) if bound < math.inf else bound
            return _ProvenMatrix(M, strong_monotonicity=self.m, lipschitz=bound)

    def lipschitz_bounds(
        self, activation: Activation, rows: Tensor, differences: Tensor, **search: Any
    ) -> LipschitzBounds:
        U = self.input_matrix(exact=True)
        found = self.bounds_of(U, activation, rows, differences, **search)
        by_entries = None
        if activation.elementwise:
            by_entries = comparison_bounds(self.weight(), U, differences @ rows)
        if by_entries is None:
            return found
        l2, linf = torch.minimum(found.l2, by_entries[0]), torch.minimum(found.linf, by_entries[1])
        return replace(found, l2=l2, linf=linf)

    def bounds_of(
        self, U: Tensor, activation: Activation, rows: Tensor, differences: Tensor, **search: Any
    ) -> LipschitzBounds:
        """``lipschitz_bounds`` with another matrix in the place of U."""
        W, diagonal = self.weight(), activation.elementwise
        if self.features > LARGE:
            U = U.detach().double()
            M, gain = self.operator(exact=True), float(torch.linalg.matrix_norm(U, 2))
            if self.features > LARGEST:
                return scalar_bounds(M, gain, None, rows, differences, U.shape[1], **search)
            pairs = differences @ rows.detach().double()
            simple = pairs.norm(dim=1) * gain / self.constants(M)[0]
            return shared_bounds(W, U, pairs, simple, diagonal=diagonal, **search)
        return lipschitz_bounds(W, U, differences @ rows, diagonal=diagonal, **search)

    def new_parameter(self, *shape: int) -> nn.Parameter:
        """Entries drawn uniformly in ±1/√features."""
        parameter = nn.Parameter(torch.empty(*shape))
        self._draw(parameter)
        return parameter

    def reset_parameters(self) -> None:
        """Draw the parameters of ``new_parameter`` anew; ``U`` has a method of its own."""
        for parameter in self.parameters(recurse=False):
            self._draw(parameter)

    def _draw(self, parameter: Tensor) -> None:
        bound = 1 / math.sqrt(self.features)
        nn.init.uniform_(parameter, -bound, bound)


class _ComputedMatrix(DenseMatrix):
    """A matrix with computed constants; its m is at least a proved one, which the computed one may
    fall below by rounding, and which alone is known of a large matrix.
    """

    def __init__(self, matrix: Tensor, proved: float) -> None:
        super().__init__(matrix)
        self._proved = proved

    @cached_property
    def norm(self) -> float:
        return max(self._proved, super().norm)

    def _least(self) -> float:
        computed = super()._least()
        return self._proved if computed is None else max(self._proved, computed - self.rounding)


class _ProvenMatrix(DenseMatrix):
    """A matrix whose given constants are proved, so that no solve compares them with its values."""

    @property
    def has_declared_constants(self) -> bool:
        return False

    @property
    def properties(self) -> Properties:
        m, L = self._declared
        return _properties(m, L)


@lru_cache(maxsize=64)
def _properties(m: float | None, L: float | None) -> Properties:
    return Properties.of(strong_monotonicity=m, lipschitz=L, linear=True)


class MonotoneDense(MatrixParametrization):
    """W of shape (features, features) and a dense input map.

    Parameters
    ----------
    in_features, features : int
        Sizes of the input x and of the equilibrium z.
    m : float
        Strong monotonicity of I − W, positive; the paper takes 1.

    Attributes
    ----------
    A, B : torch.nn.Parameter
        Of shape (features, features), initialized uniformly in ±1/√features.
    U : torch.nn.Linear
        The input map, with bias.

    Raises
    ------
    TypeError, ValueError
        A size is no positive integer, or m no positive number.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> layer = sknn.MonDEQ(sknn.MonotoneDense(in_features=4, features=8, m=1.0))
    >>> W = layer.parametrization.weight().detach()
    >>> smallest = torch.linalg.eigvalsh(torch.eye(8) - (W + W.T) / 2).min()
    >>> print(float(smallest) >= 1 - 1e-5)  # I − W ⪰ mI
    True
    """

    formula = r"W = (1 - m)I - A^\top A + B - B^\top"

    def __init__(self, in_features: int, features: int, m: float = 1.0) -> None:
        super().__init__(in_features, features, m)
        self.A = self.new_parameter(features, features)
        self.B = self.new_parameter(features, features)

    def weight(self) -> Tensor:
        # what is huge and symmetric in B cancels before it can hide AᵀA
        return (1 - self.m) * self.identity(self.A) - self.A.T @ self.A + (self.B - self.B.T)
