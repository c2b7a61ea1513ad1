"""Classification: Σ sᵢ ℓ(yᵢ, ηᵢ)/Σ sᵢ + α pen(W), η = XWᵀ + b."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets

from splitkit import functions as f
from splitkit.estimators.design import Design
from splitkit.estimators.model import LinearModel
from splitkit.estimators.terms import chosen, weighted
from splitkit.functions.base import Function

MARGINS = {"hinge": f.Hinge, "squared_hinge": f.SquaredHinge, "logistic": f.Logistic}


def _has_probabilities(model: Any) -> bool:
    return bool(model.loss == "logistic")


class Classifier(ClassifierMixin, LinearModel):  # type: ignore[misc]
    """A linear model of any loss of margins and any penalty.

    Parameters
    ----------
    loss : str
        "logistic", of more than two classes multinomial; "hinge" or "squared_hinge", of more than
        two classes one model for each against the rest, all of them as one batch.
    penalty, alpha, l1_ratio, fit_intercept, method, tol, max_iter, warm_start
        As of ``Regressor``; α is 1/(nC) of scikit-learn's C. A function is of W's rows, or of
        Wᵀ, of shape (n_features, n_classes), for a multinomial loss.

    Attributes
    ----------
    classes_ : array, shape (n_classes,)
    coef_ : array, shape (1, n_features) or (n_classes, n_features)
    intercept_ : array, shape (1,) or (n_classes,)
    n_iter_, residual_
        As of ``Regressor``.

    Raises
    ------
    TypeError, ValueError
        From ``fit``: a parameter is none of those named, or beyond its range; y has one
        class.

    Examples
    --------
    >>> from splitkit.estimators import Classifier
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])
    >>> model = Classifier().fit(X, y)
    >>> print(model.predict(X))
    [0 0 1 1]
    """

    def __init__(
        self,
        loss: Any = "logistic",
        penalty: Any = "l2",
        alpha: float = 1e-2,
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

    def decision_function(self, X: Any) -> Any:
        """η, of shape (n_samples,) for two classes: positive for the second."""
        η = self._decision(X)
        return η[:, 0] if η.shape[1] == 1 else η

    def predict(self, X: Any) -> Any:
        """The likeliest class."""
        η = self.decision_function(X)
        return self.classes_[(η > 0).astype(int) if η.ndim == 1 else np.argmax(η, axis=1)]

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Any:
        """The probabilities of the classes, of the logistic loss."""
        η = self.decision_function(X)
        if η.ndim == 1:
            return np.stack([expit(-η), expit(η)], axis=1)
        return softmax(η, axis=1)

    def _targets(self, y: Any) -> Any:
        chosen("loss", self.loss, MARGINS)
        check_classification_targets(y)
        self.classes_, y = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y has one class, {self.classes_[0]!r}: a classifier needs samples of two at least"
            )
        return y

    def _shape(self) -> tuple[int | None, int | None]:
        count = len(self.classes_)
        if count == 2:
            return 1, None
        return (None, count) if self.loss == "logistic" else (count, None)

    def _data_term(self, design: Design, y: Any, weights: Any, batch_ndim: int) -> Function:
        models, outputs = self._shape()
        if outputs is not None:
            loss: Function = f.LogSumExp(np.eye(outputs)[y])
            return weighted(loss, weights, batch_ndim) @ design.map(outputs=outputs)
        ours = y == 1 if models == 1 else y == np.arange(models or 0)[:, None]
        labels = 2.0 * ours - 1
        return weighted(MARGINS[self.loss](labels), weights, batch_ndim) @ design.map()
