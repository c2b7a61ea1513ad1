"""The estimators keep scikit-learn's contract, and are right on its bundled data."""

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse
from sklearn import datasets, linear_model
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

import splitkit as sk
from splitkit.estimators import Classifier, Regressor
from splitkit.estimators.poisson import Poisson

f = sk.functions
X, Y = datasets.load_diabetes(return_X_y=True)
CANCER, LABELS = datasets.load_breast_cancer(return_X_y=True)
WINE, KINDS = datasets.load_wine(return_X_y=True)
N = len(X)
UNITS = X * np.geomspace(1e-3, 1e4, 10) + np.arange(10.0)
ESTIMATORS = [
    Regressor(),
    Regressor("huber", "elasticnet", alpha=0.1),
    Regressor("poisson"),
    Classifier(tol=1e-12),
    Classifier("squared_hinge", alpha=0.1, tol=1e-12),
]


@parametrize_with_checks(ESTIMATORS)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def close(model, coef, intercept, tol):
    coef, intercept = np.asarray(coef), np.asarray(intercept)
    np.testing.assert_allclose(model.coef_, coef, atol=tol * np.abs(coef).max())
    np.testing.assert_allclose(model.intercept_, intercept, rtol=tol)


@pytest.mark.parametrize("data", [X, UNITS], ids=["diabetes", "in other units"])
@pytest.mark.parametrize(
    ("model", "peer"),
    [
        (Regressor(penalty="l1", alpha=0.05), linear_model.Lasso(0.05, tol=1e-13)),
        (
            Regressor(penalty="elasticnet", alpha=0.05, l1_ratio=0.3),
            linear_model.ElasticNet(0.05, l1_ratio=0.3, tol=1e-13),
        ),
        (Regressor(alpha=0.05), linear_model.Ridge(0.05 * N, tol=1e-13)),
    ],
)
def test_squares_of_scikit_learn(model, peer, data):
    peer = clone(peer)
    if hasattr(peer, "max_iter"):
        peer.max_iter = 10**6
    peer.fit(data, Y)
    close(clone(model).fit(data, Y), peer.coef_, peer.intercept_, 1e-5)


def test_no_penalty_in_any_units():
    plain, scaled = (Regressor(penalty=None).fit(data, Y) for data in (X, UNITS))
    peer = linear_model.LinearRegression().fit(X, Y)
    close(plain, peer.coef_, peer.intercept_, 1e-5)
    np.testing.assert_allclose(scaled.predict(UNITS), peer.predict(X), rtol=1e-5)


def test_other_losses_of_scikit_learn():
    peer = linear_model.PoissonRegressor(alpha=0.1, tol=1e-12, max_iter=10_000).fit(X, Y)
    model = Regressor("poisson", alpha=0.1).fit(X, Y)
    close(model, peer.coef_, peer.intercept_, 1e-4)
    np.testing.assert_allclose(model.predict(X), peer.predict(X), rtol=1e-4)

    # with its scale σ: Σ σ(1 + h(r/σ)·2) + α‖w‖², h Huber's function with δ = ε
    peer = linear_model.HuberRegressor(alpha=0.3, tol=1e-10, max_iter=100_000).fit(X, Y)
    loss = f.Huber(1.35 * peer.scale_, 1 / peer.scale_)
    model = Regressor(loss, alpha=0.3 / N).fit(X, Y)
    close(model, peer.coef_, peer.intercept_, 1e-3)


def test_quantiles_are_those_of_linear_programming():
    for quantile, alpha in ((0.5, 0.05), (0.9, 0.02)):
        peer = linear_model.QuantileRegressor(quantile=quantile, alpha=alpha).fit(UNITS / 100, Y)
        model = Regressor(f.Quantile(quantile), "l1", alpha, tol=1e-5).fit(UNITS / 100, Y)

        def value(m, quantile=quantile, alpha=alpha):
            loss = f.Quantile(quantile, 1 / N)(Y - m.predict(UNITS / 100))
            return loss + alpha * np.abs(m.coef_).sum()

        assert value(model) <= value(peer) * (1 + 1e-5)


@pytest.mark.parametrize("scaled", [False, True])
def test_logistic_regression_of_scikit_learn(scaled):
    data = (CANCER - CANCER.mean(0)) / CANCER.std(0) if scaled else CANCER
    peer = linear_model.LogisticRegression(solver="newton-cholesky", tol=1e-12, max_iter=1000)
    peer.fit(data, LABELS)
    model = Classifier(alpha=1 / len(data)).fit(data, LABELS)
    close(model, peer.coef_, peer.intercept_, 1e-4)
    np.testing.assert_allclose(model.predict_proba(data), peer.predict_proba(data), atol=1e-4)
    assert model.score(data, LABELS) == peer.score(data, LABELS)


def test_multinomial_logistic_regression_of_scikit_learn():
    peer = linear_model.LogisticRegression(solver="newton-cg", tol=1e-12, max_iter=10_000)
    peer.fit(WINE, KINDS)
    model = Classifier(alpha=1 / len(WINE)).fit(WINE, KINDS)
    np.testing.assert_allclose(model.coef_, peer.coef_, atol=1e-5)
    np.testing.assert_allclose(model.predict_proba(WINE), peer.predict_proba(WINE), atol=1e-5)


def test_margins_of_scikit_learn_with_one_model_for_each_class():
    data = (WINE - WINE.mean(0)) / WINE.std(0)
    n = len(data)
    hinge = LinearSVC(C=0.1, loss="squared_hinge", intercept_scaling=1e4, tol=1e-10, max_iter=10**6)
    hinge.fit(data, KINDS)
    model = Classifier("squared_hinge", alpha=1 / (2 * 0.1 * n)).fit(data, KINDS)
    np.testing.assert_allclose(model.coef_, hinge.coef_, atol=2e-3)
    signs = 2.0 * (KINDS == np.arange(3)[:, None]) - 1
    model = Classifier("hinge", alpha=0.1, tol=1e-6, max_iter=50_000).fit(data, KINDS)

    def value(coef, intercept):
        margins = signs * (coef @ data.T + intercept[:, None])
        return np.maximum(1 - margins, 0).mean(1) + 0.05 * (coef**2).sum(1)

    best = value(model.coef_, model.intercept_)
    rng = np.random.default_rng(0)
    for size in np.geomspace(1e-4, 1e-1, 20):
        moved = value(
            model.coef_ + size * rng.normal(size=model.coef_.shape),
            model.intercept_ + size * rng.normal(size=3),
        )
        assert np.all(best <= moved + 1e-7)


def test_a_penalty_may_be_any_function_of_the_coefficients():
    model = Regressor(penalty=f.NonNegative(), fit_intercept=False, tol=1e-10).fit(X, Y)
    np.testing.assert_allclose(model.coef_, scipy.optimize.nnls(X, Y)[0], atol=1e-4)
    model = Regressor(penalty=f.L1Norm(), alpha=0.05, tol=1e-10).fit(X, Y)
    peer = linear_model.Lasso(0.05, tol=1e-13).fit(X, Y)
    close(model, peer.coef_, peer.intercept_, 1e-5)
    labels = (Y > 140).astype(int) + (Y > 200)
    rows = Classifier(penalty=f.GroupL2Norm(), alpha=2e-3, tol=1e-6).fit(X, labels)
    assert rows.coef_.shape == (3, 10)
    zero = np.all(rows.coef_ == 0, axis=0)
    assert 0 < zero.sum() < 10
    with pytest.raises(TypeError, match="penalties that have names"):
        rows.path(X, labels, [0.1])


@pytest.mark.parametrize(
    ("model", "target"),
    [
        (Regressor(penalty="l1", tol=1e-10), Y),
        (Regressor("huber", "elasticnet", tol=1e-10), Y),
        (Classifier(tol=1e-10), KINDS),
        (Classifier("squared_hinge", tol=1e-10), KINDS),
        (Classifier(penalty="l1", tol=1e-10), (Y > 140).astype(int)),
    ],
)
def test_a_path_is_its_fits_one_by_one(model, target):
    data = X if len(target) == N else WINE
    alphas = [0.5, 0.1, 0.02]
    path = model.path(data, target, alphas)
    assert not hasattr(model, "coef_")
    for alpha, coef, intercept in zip(alphas, path.coef, path.intercept, strict=True):
        single = clone(model).set_params(alpha=alpha).fit(data, target)
        scale = np.abs(single.coef_).max() + 1e-3
        np.testing.assert_allclose(coef, single.coef_, atol=1e-4 * scale)
        np.testing.assert_allclose(intercept, single.intercept_, rtol=1e-4, atol=1e-5)
    assert path.n_iter.shape == path.residual.shape == (3,)


def test_sparse_data_give_what_dense_ones_do():
    sparse = scipy.sparse.csr_array(np.where(np.abs(X) > 0.03, X, 0.0))
    for model, target in (
        (Regressor(penalty="l1", alpha=0.05), Y),
        (Classifier(), (Y > 140).astype(int)),
        (Classifier(), (Y > 140).astype(int) + (Y > 200)),
    ):
        dense = clone(model).fit(sparse.toarray(), target)
        model.fit(sparse, target)
        close(model, dense.coef_, dense.intercept_, 1e-4)


def test_weights_count_samples_and_a_warm_start_continues():
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 3, size=len(WINE))
    twice = np.repeat(np.arange(len(WINE)), weights)
    for loss in ("logistic", "squared_hinge"):
        weighted = Classifier(loss, tol=1e-10).fit(WINE, KINDS, weights)
        repeated = Classifier(loss, tol=1e-10).fit(WINE[twice], KINDS[twice])
        close(weighted, repeated.coef_, repeated.intercept_, 1e-5)
    for again, data, target, part in (
        (Classifier(warm_start=True), WINE, KINDS, 0.7),
        (Classifier(warm_start=True), WINE, KINDS > 0, 0.7),
        (Regressor("huber", warm_start=True), X, Y, 0.7),
        # ADMM and restarts, which go on from multipliers and steps
        (Regressor("absolute", alpha=0.01, warm_start=True), X, Y, 0.01),
        (Regressor("quantile", "l1", 0.01, warm_start=True), X, Y, 0.01),
        # a method of resolvents has to find the subgradients again
        (Regressor("huber", f.L1Norm(), warm_start=True), X, Y, 1.0),
    ):
        first = again.fit(data, target).n_iter_
        assert again.fit(data, target).n_iter_ < part * first


def test_grid_search():
    search = GridSearchCV(
        Regressor("huber"), {"penalty": ["l1", "l2"], "alpha": [1e-2, 10.0]}, cv=3
    ).fit(X, Y)
    assert search.best_params_["alpha"] == 1e-2
    assert search.best_score_ > 0.4


def test_wrong_arguments_are_named():
    for model, match in (
        (Regressor("cubic"), r"loss = 'cubic': give one of 'squared'"),
        (Regressor(penalty="l3"), "penalty = 'l3'"),
        (Regressor(alpha=-1.0), "alpha = -1"),
        (Regressor(penalty="elasticnet", l1_ratio=2.0), "l1_ratio = 2"),
    ):
        with pytest.raises(ValueError, match=match):
            model.fit(X, Y)
    with pytest.raises(ValueError, match="counts"):
        Regressor("poisson").fit(X, Y - 200)
    with pytest.raises(ValueError, match="alphas"):
        Regressor().path(X, Y, [-1.0])
    with pytest.warns(ConvergenceWarning, match="did not meet the tolerance"):
        Classifier(max_iter=3).fit(WINE, KINDS)


def test_poissons_loss_has_the_prox_of_its_gradient_and_the_conjugate_of_its_value():
    y = np.array([0.0, 2.0, 5.0])
    loss, x = Poisson(y), np.array([-3.0, 0.4, 2.0])
    for alpha in (1e-3, 0.7, 1e3):
        p = loss.prox(x, alpha)
        np.testing.assert_allclose(p + alpha * loss.gradient(p), x, rtol=1e-9, atol=1e-9)
        dual = loss.conjugate_prox(x, alpha)
        np.testing.assert_allclose(dual, x - alpha * loss.prox(x / alpha, 1 / alpha), atol=1e-9)
    u = loss.gradient(x)
    assert loss(x) + loss.conjugate_value(u) == pytest.approx(x @ u)
    assert loss.conjugate_value(-y - 1) == np.inf


@pytest.mark.parametrize("q", [0.5, 0.9])
@pytest.mark.parametrize("columns", ["apart", "dependent"])
def test_unpenalized_quantiles_are_those_of_the_linear_program(q, columns):
    """Solved with a factorization where columns are independent, without one elsewhere."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 8))
    y = X @ rng.standard_normal(8) + rng.standard_t(2, 200)
    if columns == "dependent":
        X = np.c_[X, X[:, 0] + X[:, 1]]
    ours = Regressor(f.Quantile(q), penalty=None).fit(X, y)
    theirs = linear_model.QuantileRegressor(quantile=q, alpha=0.0).fit(X, y)

    def loss(model):
        r = y - model.predict(X)
        return np.where(r > 0, q * r, (q - 1) * r).mean()

    assert loss(ours) == pytest.approx(loss(theirs), rel=1e-7)
    assert ours.n_iter_ <= 3000
