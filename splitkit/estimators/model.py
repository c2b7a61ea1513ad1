"""What both estimators share: parameters, the design, a solve, and a path as one batch."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from splitkit import functions as f
from splitkit.arguments import NON_NEGATIVE, Range, check_number
from splitkit.backend import blocks
from splitkit.estimators.design import Design
from splitkit.estimators.terms import PENALTIES, chosen, elastic_net, with_batch
from splitkit.functions.base import Function
from splitkit.solvers.minimize import minimize
from splitkit.solvers.solution import Solution, Status


@dataclass(frozen=True)
class Path:
    """Models along a path of penalties.

    Attributes
    ----------
    alphas : array, shape (n_alphas,)
    coef : array, shape (n_alphas, *shape of coef_)
    intercept : array, shape (n_alphas, *shape of intercept_)
    n_iter : array, shape (n_alphas,)
    residual : array, shape (n_alphas,)
        As ``residual_``.
    converged : bool
        Whether all of them met the tolerance.

    Examples
    --------
    >>> from splitkit.estimators import Regressor
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([1.0, 3.0, 5.0, 7.0])
    >>> path = Regressor(penalty='l1').path(X, y, alphas=[1.0, 0.1])
    >>> print(path.coef.shape, path.converged)
    (2, 1) True
    """

    alphas: Any
    coef: Any
    intercept: Any
    n_iter: Any
    residual: Any
    converged: bool


class LinearModel(BaseEstimator):  # type: ignore[misc]
    """Base of the estimators; see ``Regressor`` and ``Classifier``."""

    def __init__(
        self,
        loss: Any,
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
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.method = method
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start

    # -- what a kind of model gives ----------------------------------------------------------------

    def _targets(self, y: Any) -> Any:
        """y as the loss takes it, the samples along its first axis; sets what the kind learns."""
        raise NotImplementedError

    def _shape(self) -> tuple[int | None, int | None]:
        """How many models there are that share nothing but X, and how many columns η has."""
        return None, None

    def _data_term(self, design: Design, y: Any, weights: Any, batch_ndim: int) -> Function:
        """Σ wᵢℓ(yᵢ, ηᵢ) as a function of (z, c)."""
        raise NotImplementedError

    # -- fitting -----------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array or sparse array, shape (n_samples, n_features)
        y : array, shape (n_samples,)
        sample_weight : array, shape (n_samples,), optional
            Non-negative.
        """
        alpha = check_number("alpha", self.alpha, NON_NEGATIVE)
        solution, self.coef_, self.intercept_ = self._solved(X, y, sample_weight, alpha)
        self._earlier = solution if self.warm_start else None
        self.n_iter_ = max(1, int(np.max(solution.iterations)))
        self.residual_ = float(np.max(solution.residual))
        return self

    def path(self, X: Any, y: Any, alphas: Any, sample_weight: Any = None) -> Path:
        """The models of all these alphas, solved for as one batch; the estimator is not fitted.

        Parameters
        ----------
        X, y, sample_weight
            As of ``fit``.
        alphas : array, shape (n_alphas,)
            Non-negative.

        Raises
        ------
        TypeError, ValueError
            alphas is no such vector, or the penalty is a function, which has no alphas apart.
        """
        alphas = np.asarray(alphas, dtype=float)
        if alphas.ndim != 1 or not len(alphas) or not np.all((alphas >= 0) & (alphas < np.inf)):
            raise ValueError(f"alphas = {alphas!r}: give a vector of non-negative numbers")
        if isinstance(self.penalty, Function):
            raise TypeError(
                f"penalty = {self.penalty!r}: paths are of the penalties that have names; fit one "
                "alpha after the other, with warm_start=True"
            )
        other = clone(self)
        solution, coef, intercept = other._solved(X, y, sample_weight, alphas)
        each = np.asarray(solution.iterations), np.asarray(solution.residual)
        n_iter, residual = (np.max(a.reshape(len(alphas), -1), axis=1) for a in each)
        return Path(alphas, coef, intercept, n_iter, residual, solution.converged)

    def _solved(self, X: Any, y: Any, sample_weight: Any, alpha: Any) -> tuple[Solution, Any, Any]:
        """The solution, and w and b, for a number alpha or for a batch."""
        warm = self.warm_start and hasattr(self, "coef_")
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=np.float64)
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        seen = weights > 0
        if not np.any(seen):
            raise ValueError("sample_weight is 0 for all samples: give a positive one")
        if not np.all(seen):
            X, y, weights = X[seen], y[seen], weights[seen]
        y, weights = self._targets(y), weights / np.sum(weights)
        penalty = chosen("penalty", self.penalty, PENALTIES)
        check_number("l1_ratio", self.l1_ratio, Range(0.0, 1.0, "[]"))
        ratio = {"l1": 1.0, "elasticnet": self.l1_ratio}.get(penalty, 0.0)
        own = isinstance(penalty, Function)
        design = Design(X, weights, intercept=self.fit_intercept, apart=own)
        models, outputs = self._shape()
        each = () if models is None else (models,)
        rows = () if outputs is None else (outputs,)
        batch = (*np.shape(alpha), *each)
        alphas = np.asarray(0.0 * alpha if penalty is None else alpha)
        data = self._data_term(design, y, weights, len(batch))
        free = not (np.any(alphas) or isinstance(penalty, Function))
        total = (
            data if free else data + self._penalty_term(design, penalty, alphas, ratio, len(batch))
        )
        x0 = np.zeros((*batch, *rows, design.features + int(design.intercept)))
        earlier = None
        if warm and self.coef_.shape == (*each, *rows, design.features):
            x0 = design.start(self.coef_, self.intercept_)
            earlier = getattr(self, "_earlier", None)
        start = self._arranged(design, x0)
        solution = minimize(
            total,
            earlier if earlier is not None and _alike(earlier.x, start) else start,
            self.method,
            tol=self.tol,
            max_iter=self.max_iter,
            batch_ndim=len(batch),
            progress=None,
            on_failure="return",
        )
        if not solution.converged and solution.status is not Status.PRECISION:
            warnings.warn(solution.message, ConvergenceWarning, stacklevel=3)
        coef, intercept = design.undone(self._rearranged(solution.x))
        return solution, coef, intercept

    def _arranged(self, design: Design, x: Any) -> Any:
        """Points of the solve, of arrays (…, outputs, features and intercept)."""
        if self._shape()[1] is not None:
            x = np.ascontiguousarray(np.swapaxes(x, -1, -2))
            axis = -2
        else:
            axis = -1
        if not (design.apart and design.intercept):
            return x
        return tuple(np.split(x, [design.features], axis=axis))

    def _rearranged(self, x: Any) -> Any:
        """The inverse of ``_arranged``."""
        columns = self._shape()[1] is not None
        if isinstance(x, tuple):
            x = np.concatenate(x, axis=-2 if columns else -1)
        return np.swapaxes(x, -1, -2) if columns else x

    def _penalty_term(
        self, design: Design, penalty: Any, alpha: Any, ratio: float, batch_ndim: int
    ) -> Function:
        """α pen(z/σ) of (z, c)."""
        if isinstance(penalty, Function):
            own = with_batch(penalty, batch_ndim)
            own = float(alpha) * own if alpha > 0 else f.L1Norm(0.0, batch_ndim=batch_ndim)
            free = f.L1Norm(0.0, batch_ndim=batch_ndim)
            return f.SeparableSum((own, free)) if design.intercept else own
        models, outputs = self._shape()
        wide = alpha[..., None] if models is None else alpha[..., None, None]
        l1 = design.weights_of(ratio * wide, 1)
        l2 = design.weights_of((1 - ratio) * wide, 2)
        if outputs is not None:
            l1, l2 = l1[..., None], l2[..., None]
        return elastic_net(l1, l2, batch_ndim)

    # -- predicting --------------------------------------------------------------------------------

    def _decision(self, X: Any) -> Any:
        """Xw + b, of shape (n_samples,), or (n_samples, models)."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        return X @ self.coef_.T + self.intercept_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _alike(x: Any, y: Any) -> bool:
    """Whether two points are the same but for rounding, as in the units of one design."""
    pairs = list(zip(blocks(x), blocks(y), strict=False))
    same = len(blocks(x)) == len(blocks(y)) and all(a.shape == b.shape for a, b in pairs)
    return same and all(np.allclose(a, b, rtol=1e-9, atol=0.0) for a, b in pairs)
