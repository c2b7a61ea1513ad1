"""Schatten's norms ‖X‖ = ‖σ(X)‖_p for p = 1 (nuclear), 2 (Frobenius) and ∞ (spectral)."""

from __future__ import annotations

import math
from dataclasses import field
from typing import Any

from splitkit.functions.base import Function
from splitkit.functions.norms.l1_norm import L1Norm
from splitkit.functions.norms.l2_norm import L2Norm
from splitkit.functions.norms.linf_norm import LInfNorm
from splitkit.functions.spectral.spectral import Spectral, Weighted

GAUGES: dict[float, Any] = {1: L1Norm, 2: L2Norm, math.inf: LInfNorm}


class NuclearNorm(Weighted, Spectral):
    """w Σ σᵢ, summed over the matrices in the last two axes.

    Parameters
    ----------
    weight : float, default 1
        Non-negative.

    Examples
    --------
    >>> f = sk.functions.NuclearNorm()
    >>> x = np.diag([3.0, 0.5])
    >>> print(f(x), f.prox(x))
    3.5 [[2. 0.]
     [0. 0.]]
    """

    formula = r"<weight*>\|@\|_*"
    of = L1Norm
    acts_on_complex = True

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(0.3, batch_ndim=1), (4, 3, 2))]


class SchattenNorm(Spectral):
    """w‖σ(X)‖_p, over all matrices in the last two axes as one block-diagonal one.

    Schatten's norms ‖X‖ = ‖σ(X)‖_p for p = 1 (nuclear), 2 (Frobenius) and ∞ (spectral).

    prox shrinks each singular value by αw for p = 1; all by one factor for p = 2; and the largest
    to one level for p = ∞. Source: Cai, Candès, Shen, *A singular value thresholding algorithm*
    (2010), Thm. 2.1; the others by ``Spectral``.

    Parameters
    ----------
    p : 1, 2 or inf
        Other gauges: ``Spectral(f)``.
    weight : float, default 1
        Non-negative.

    Raises
    ------
    ValueError
        Another p.

    Examples
    --------
    >>> f = sk.functions.SchattenNorm(p=2)
    >>> x = np.diag([3.0, 4.0])
    >>> print(f(x), f.prox(x))
    5.0 [[2.4 0. ]
     [0.  3.2]]
    """

    formula = r"<weight*>\|\sigma(@)\|_{<p>}"

    p: float = field()
    weight: float = field(default=1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.p not in GAUGES:
            raise ValueError(f"p = {self.p}: give 1, 2 or inf, or Spectral(f) for another gauge f")
        super().__init__(GAUGES[self.p](self.weight, batch_ndim=self.batch_ndim))

    __repr__ = Function.__repr__

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [
            (cls(2), (2, 2)),
            (cls(math.inf, 0.7, batch_ndim=1), (4, 2, 3)),
        ]
