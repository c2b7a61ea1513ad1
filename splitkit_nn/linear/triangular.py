"""Block lower triangular W, with as many parameters as W has entries.

Let I − W ⪰ mI with W block lower triangular, and P = (I − W + I − Wᵀ)/2 − mI ⪰ 0. Below the
diagonal blocks I − W is 2P, and on them mI + P_ii − K_i with K_i antisymmetric. P = AAᵀ for a lower
triangular A (Cholesky), and each K_i is free: every such W is reached, and every A and K_i gives
one. Triangular W turns the network into a sequence of smaller ones, as the tiers of Winston,
Kolter (2020), §4.3.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from splitkit.arguments import check_integer
from splitkit_nn.linear.dense import MatrixParametrization


class MonotoneTriangular(MatrixParametrization):
    """W of shape (features, features), zero above its diagonal blocks, and a dense input map.

    Parameters
    ----------
    in_features, features : int
        Sizes of the input x and of the equilibrium z.
    block : int
        Side of the diagonal blocks, a divisor of ``features``; 1: W is lower triangular.
    m : float
        Strong monotonicity of I − W, positive.

    Attributes
    ----------
    A : torch.nn.Parameter
        The features·(features + 1)/2 entries of A, row by row, initialized uniformly in
        ±1/√features.
    B : torch.nn.Parameter or None
        The entries below the diagonal of the K_i, of shape (features/block, block·(block − 1)/2),
        initialized like A; None where block = 1 leaves none: torch's tools do not all take
        parameters without entries.
    U : torch.nn.Linear
        The input map, with bias.

    Raises
    ------
    TypeError, ValueError
        A size is no positive integer, m no positive number, or ``block`` does not
        divide ``features``.

    Examples
    --------
    >>> W = sknn.MonotoneTriangular(in_features=4, features=8)
    >>> sknn.MonDEQ(W)(torch.randn(2, 4)).shape
    torch.Size([2, 8])
    """

    formula = r"I - W \succeq mI,\ W_{ij} = 0 \text{ for blocks } i < j"

    def __init__(self, in_features: int, features: int, block: int = 1, m: float = 1.0) -> None:
        super().__init__(in_features, features, m)
        self.block = check_integer("block", block, 1)
        if features % block:
            raise ValueError(f"block = {block} does not divide features = {features}")
        self.A = self.new_parameter(features * (features + 1) // 2)
        pairs = block * (block - 1) // 2
        self.B = self.new_parameter(features // block, pairs) if pairs else None

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *rest: Any) -> None:
        if self.B is None and prefix + "B" in state and not state[prefix + "B"].numel():
            del state[prefix + "B"]  # as older files have it
        super()._load_from_state_dict(state, prefix, *rest)

    def weight(self) -> Tensor:
        n, k = self.features, self.block
        A = self._lower(self.A, n, 0)
        P = A @ A.T
        tier = torch.arange(n, device=P.device) // k
        factor = torch.sign(tier[:, None] - tier) + 1  # 0 above, 1 on, 2 below the blocks
        W = (1 - self.m) * self.identity(A) - factor * P
        if self.B is None:
            return W
        K = self._lower(self.B, k, -1)
        return W + (K - K.T)

    def _lower(self, entries: Tensor, side: int, diagonal: int) -> Tensor:
        """The matrix with these entries on and below a diagonal of its blocks, row by row."""
        n = self.features
        rows, columns = torch.tril_indices(side, side, offset=diagonal, device=entries.device)
        first = torch.arange(0, n, side, device=entries.device)[:, None]
        result = entries.new_zeros((n, n))
        result[first + rows, first + columns] = entries
        return result
