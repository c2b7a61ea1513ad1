"""f(X) = w λ_max(X) on symmetric matrices."""

from __future__ import annotations

from typing import Any

from splitkit.functions.base import Function
from splitkit.functions.norms.max_entry import Max
from splitkit.functions.norms.sublinear import Sublinear
from splitkit.functions.spectral.spectral import SpectralSymmetric, Weighted


class LargestEigenvalue(Sublinear, Weighted, SpectralSymmetric):
    """w λ_max of the symmetric matrix in the last two axes, the largest of several; inf on others.

    f(X) = w λ_max(X) on symmetric matrices; its conjugate is the indicator of the U
    whose symmetric part is positive semidefinite with trace w.

    prox lowers the eigenvalues above one level to it. Source: Lewis, *Convex analysis on the
    Hermitian matrices* (1996), §4.

    Parameters
    ----------
    weight : float, default 1
        Non-negative.

    Examples
    --------
    >>> f = sk.functions.LargestEigenvalue()
    >>> x = np.diag([3.0, 1.0])
    >>> print(f(x), f.prox(x))
    3.0 [[2. 0.]
     [0. 1.]]
    """

    formula = r"<weight*>\lambda_{\max}(@)"
    of = Max
    acts_on_complex = True

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(0.4, batch_ndim=1), (4, 3, 3))]
