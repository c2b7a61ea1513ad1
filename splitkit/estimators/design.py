"""The map from coefficients to predictions, in units in which columns are comparable.

With the means μ and deviations σ of the columns, weighted by the samples, η = Xw + b is Zz + c,
Z = (X − μ)/σ, for w = z/σ and b = c − ⟨μ, w⟩: what is minimized stays the same where the penalty is
that of z/σ and c is free, as b is. Of squares c is the mean of y, and no part of the problem.
Sparse columns are scaled and not centred.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from splitkit.linear.base import LinearOperator
from splitkit.linear.block import BlockRow
from splitkit.linear.kronecker import Kronecker
from splitkit.linear.wrapped import wrap

CONSTANT = 1e-12  # of a column's mean: a deviation that is rounding


class Design:
    """Columns of X, and one of ones for the intercept.

    Parameters
    ----------
    X : array or sparse array, shape (samples, features)
    weights : array, shape (samples,)
        They add up to 1.
    intercept : bool
        Whether c is there, after z.
    apart : bool
        Whether z and c are two blocks of a point, in units of their own: σ = 1.

    Attributes
    ----------
    columns : array or sparse array, shape (samples, features)
        Z.
    scales : array, shape (features,)
        σ.
    known : float or None
        c, where it is no part of the points.
    """

    def __init__(self, X: Any, weights: Any, *, intercept: bool, apart: bool) -> None:
        self.intercept, self.apart, self.features = intercept, apart, X.shape[1]
        self.known: Any = None
        sparse = scipy.sparse.issparse(X)
        self.means, constant = np.zeros(self.features), np.zeros(self.features, dtype=bool)
        if intercept and not sparse:
            self.means = weights @ X
            X = X - self.means
        squares = weights @ (X.multiply(X) if sparse else X * X)
        scales = np.sqrt(np.asarray(squares, dtype=float))
        constant = scales <= CONSTANT * np.abs(self.means)
        self.scales = np.where(constant | (scales == 0) | apart, 1.0, scales)
        if sparse:
            self.columns = scipy.sparse.csr_array(X @ scipy.sparse.diags_array(1 / self.scales))
        else:
            self.columns = np.where(constant, 0.0, X / self.scales)

    @property
    def ones(self) -> Any:
        """The column of the intercept, if it is there."""
        return np.ones((self.columns.shape[0], int(self.intercept)))

    @property
    def matrix(self) -> Any:
        """(Z, 1)."""
        if scipy.sparse.issparse(self.columns):
            return scipy.sparse.csr_array(scipy.sparse.hstack([self.columns, self.ones]))
        return np.hstack([self.columns, self.ones])

    def know(self, c: Any) -> None:
        """c is this, and no part of the points any more."""
        self.known, self.intercept = c, False

    def map(self, sign: float = 1.0, outputs: int | None = None) -> LinearOperator:
        """(z, c) ↦ ±(Zz + c), of so many columns."""
        parts = [self.columns, self.ones] if self.apart and self.intercept else [self.matrix]
        maps = [wrap(sign * part) for part in parts]
        if outputs is not None:
            maps = [Kronecker(L, np.eye(outputs)) for L in maps]
        return maps[0] if len(maps) == 1 else BlockRow(maps)

    def weights_of(self, weight: Any, power: int) -> Any:
        """weight/σᵖᵒʷᵉʳ for the entries of z along the last axis, and 0 for c; (…, 1) weights."""
        inner = weight / self.scales**power
        return np.concatenate([inner, np.zeros((*inner.shape[:-1], int(self.intercept)))], axis=-1)

    def start(self, w: Any, b: Any) -> Any:
        """(z, c) in one array of w, of shape (…, features), and b."""
        c = np.asarray(b + w @ self.means)[..., None]
        return np.concatenate([w * self.scales, c[..., : int(self.intercept)]], axis=-1)

    def undone(self, z: Any) -> tuple[Any, Any]:
        """w and b of (z, c), in one array."""
        w = z[..., : self.features] / self.scales
        c = z[..., -1] if self.intercept else np.zeros(z.shape[:-1]) + (self.known or 0.0)
        return w, c - w @ self.means
