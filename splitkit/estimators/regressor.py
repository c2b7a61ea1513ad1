"""Regression: Σ sᵢ ℓ(yᵢ − ηᵢ)/Σ sᵢ + α pen(w), η = Xw + b; or Poisson's, of η itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from sklearn.base import RegressorMixin

from splitkit import functions as f
from splitkit.estimators.design import Design
from splitkit.estimators.model import LinearModel
from splitkit.estimators.poisson import Poisson
from splitkit.estimators.terms import REGRESSION, chosen, weighted
from splitkit.functions.base import Function
from splitkit.linear.dense import EXACT_SIZE


class Regressor(RegressorMixin, LinearModel):  # type: ignore[misc]
    """A linear model of any loss and penalty.

    Parameters
    ----------
    loss : str or Function
        "squared" ½r², "huber" (δ = 1.35), "absolute", "quantile" (the median's),
        "epsilon_insensitive" (ε = 0.1), each of the residual r = y − η, or "poisson" eᵑ − yη; or a
        function of ``splitkit.functions`` of the residuals, such as ``Quantile(0.9)``.
    penalty : str, None or Function
        "l1" ‖w‖₁, "l2" ½‖w‖², "elasticnet", None; or a function of w, such as ``NonNegative()``.
        The intercept has none.
    alpha : float
        α ≥ 0, beside the mean of the losses.
    l1_ratio : float
        Of "elasticnet", l1_ratio ‖w‖₁ + (1 − l1_ratio) ½‖w‖².
    fit_intercept : bool
    method, tol, max_iter
        Of ``splitkit.solve``; ``tol`` may be a stopping rule such as ``Gap(1e-6)``.
    warm_start : bool
        Whether ``fit`` starts from the coefficients of the last one.

    Attributes
    ----------
    coef_ : array, shape (n_features,)
    intercept_ : float
    n_iter_ : int
        Iterations.
    residual_ : float
        ‖r‖ for a subgradient r of what is minimized, in units in which columns are comparable.

    Raises
    ------
    TypeError, ValueError
        From ``fit``: a parameter is none of those named, or beyond its range.

    Examples
    --------
    >>> from splitkit.estimators import Regressor
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([1.0, 3.0, 5.0, 7.0])
    >>> model = Regressor(sk.functions.Huber(1.0), sk.functions.L1Norm(), alpha=0.01).fit(X, y)
    >>> print(model.predict(np.array([[4.0]])))
    [8.98]
    """

    def __init__(
        self,
        loss: Any = "squared",
        penalty: Any = "l2",
        alpha: float = 1.0,
        *,
        l1_ratio: float = 0.5,
        fit_intercept: bool = True,
        method: Any = None,
        tol: Any = 1e-8,
        max_iter: int = 10_000,
        warm_start: bool = False,
    ) -> None:
        super().__init__(
            loss,
            penalty,
            alpha,
            l1_ratio=l1_ratio,
            fit_intercept=fit_intercept,
            method=method,
            tol=tol,
            max_iter=max_iter,
            warm_start=warm_start,
        )

    def predict(self, X: Any) -> Any:
        """η, or the mean eᵑ of Poisson's distribution."""
        η = self._decision(X)
        return np.exp(η) if self.loss == "poisson" else η

    def _targets(self, y: Any) -> Any:
        y = np.asarray(y, dtype=np.float64)
        loss = chosen("loss", self.loss, (*REGRESSION, "poisson"))
        if loss == "poisson" and np.any(y < 0):
            raise ValueError("y has negative entries: a Poisson loss takes counts")
        return y

    def _data_term(self, design: Design, y: Any, weights: Any, batch_ndim: int) -> Function:
        if self.loss == "poisson":
            return weighted(Poisson(y), weights, batch_ndim) @ design.map()
        dense = not (design.apart or scipy.sparse.issparse(design.columns))
        if self.loss == "squared" and dense and min(design.columns.shape) <= EXACT_SIZE:
            roots = np.sqrt(weights)
            if design.intercept:  # the columns are orthogonal to that of the intercept
                design.know(weights @ y)
                y = y - design.known
            return f.LeastSquares(roots[:, None] * design.matrix, roots * y, batch_ndim=batch_ndim)
        named = not isinstance(self.loss, Function)
        loss = weighted(REGRESSION[self.loss]() if named else self.loss, weights, batch_ndim)
        return loss.translate(-y) @ design.map(-1.0)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = self.loss == "poisson"
        return tags
