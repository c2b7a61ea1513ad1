"""Lipschitz bounds against Jacobians and a semidefinite program; no attack breaks a radius."""

import pytest
import torch

import splitkit_nn as sknn


def make_model(seed=0, activation=None):
    torch.manual_seed(seed)
    model = sknn.DenseClassifier(5, 8, 3, m=0.4, tol=1e-10, max_iter=5000).double()
    with torch.no_grad():
        model.layer.parametrization.B.mul_(2)
    if activation is not None:
        model.layer = sknn.MonDEQ(model.layer.parametrization, activation, tol=1e-10, max_iter=5000)
    return model


def parts(model):
    p = model.layer.parametrization
    return p.weight().detach(), p.U.weight.detach()


@pytest.mark.parametrize("activation", ["relu", "tanh", "softmax"])
def test_bounds_hold_and_are_ordered(activation):
    model = make_model(activation=activation)
    W, U = parts(model)
    rows = model.head.weight.detach()
    diagonal = activation != "softmax"
    bounds = sknn.lipschitz_bounds(W, U, rows, diagonal=diagonal, steps=25)
    scalar = sknn.lipschitz_bounds(W, U, rows, diagonal=False, steps=25)
    assert bounds.verified
    assert bool((bounds.l2 <= scalar.l2 * (1 + 1e-6)).all())
    assert bool((scalar.l2 <= scalar.simple).all())
    assert bool((bounds.linf <= 5**0.5 * bounds.l2 * 1.2).all())
    for row in 2 * torch.randn(6, 5, dtype=torch.float64):
        jacobian = torch.autograd.functional.jacobian(lambda v: model(v[None])[0], row)
        assert bool((jacobian.norm(dim=1) <= bounds.l2).all())
        assert bool((jacobian.abs().sum(dim=1) <= bounds.linf).all())
    a, b = 3 * torch.randn(2, 200, 5, dtype=torch.float64)
    with torch.no_grad():
        change = (model(a) - model(b)).abs()
    assert bool((change <= bounds.l2 * (a - b).norm(dim=1, keepdim=True)).all())
    assert bool((change <= bounds.linf * (a - b).abs().amax(dim=1, keepdim=True)).all())


def test_multipliers_come_near_the_semidefinite_program():
    """min γ over diagonal Λ with [[S, ΛU, w], [UᵀΛ, γI, 0], [wᵀ, 0, γ]] ⪰ 0, by Clarabel."""
    clarabel = pytest.importorskip("clarabel")
    import numpy as np
    from scipy import sparse

    model = make_model(seed=3)
    W, U = (a.numpy() for a in parts(model))
    w = model.head.weight.detach().numpy()[0]
    n, d = U.shape
    side = n + d + 1
    basis = []  # the matrix is Σ Λᵢ Aᵢ + γ A_γ + A₀
    for i in range(n):
        e = np.zeros((n, n))
        e[i, i] = 1.0
        A = np.zeros((side, side))
        A[:n, :n] = 2 * e - e @ W - W.T @ e
        A[:n, n : n + d] = e @ U
        A[n : n + d, :n] = (e @ U).T
        basis.append(A)
    identity = np.zeros((side, side))
    identity[n:, n:] = np.eye(d + 1)
    basis.append(identity)
    constant = np.zeros((side, side))
    constant[:n, -1] = constant[-1, :n] = w

    def vector(A):
        """The upper triangle by columns, off the diagonal times √2."""
        columns = [A[: j + 1, j] * np.r_[np.full(j, 2**0.5), 1.0] for j in range(side)]
        return np.concatenate(columns)

    G = -np.stack([vector(A) for A in basis], axis=1)
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    solution = clarabel.DefaultSolver(
        sparse.csc_matrix((n + 1, n + 1)),
        np.r_[np.zeros(n), 1.0],
        sparse.csc_matrix(G),
        vector(constant),
        [clarabel.PSDTriangleConeT(side)],
        settings,
    ).solve()
    best = solution.x[-1]
    found = float(sknn.lipschitz_bounds(*parts(model), torch.tensor(w)[None], steps=400).l2)
    assert best * (1 - 1e-6) <= found <= 1.02 * best
    scalar = sknn.lipschitz_bounds(*parts(model), torch.tensor(w)[None], diagonal=False)
    assert found < 0.98 * float(scalar.l2)


def attack(model, x, labels, radius, norm, starts=4, steps=15):
    """Projected gradient ascent of each wrong class's margin, from many starts, in one batch."""
    targets = torch.arange(3).repeat_interleave(starts * len(x))
    copies = len(targets) // len(x)
    x, own, radius = x.repeat(copies, 1), labels.repeat(copies), radius.repeat(copies)[:, None]
    delta = torch.randn(x.shape, generator=torch.Generator().manual_seed(0), dtype=x.dtype)
    broken = torch.zeros(len(x), dtype=torch.bool)
    for _ in range(steps + 1):
        if norm == "l2":
            delta = radius * delta / delta.norm(dim=1, keepdim=True)
        else:
            delta = torch.clamp(delta, -radius, radius)
        delta = delta.detach().requires_grad_()
        logits = model(x + delta)
        broken |= logits.argmax(1) != own
        margins = logits.gather(1, targets[:, None]) - logits.gather(1, own[:, None])
        (gradient,) = torch.autograd.grad(margins.sum(), delta)
        norms = gradient.norm(dim=1, keepdim=True).clamp_min(1e-12)
        unit = gradient / norms if norm == "l2" else gradient.sign()
        delta = delta + 0.3 * radius * unit + 1e-12
    return broken.reshape(copies, -1).any(dim=0)


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_no_attack_breaks_a_certified_radius(norm):
    model = make_model(seed=1)
    x = 1.5 * torch.randn(48, 5, dtype=torch.float64)
    labels = model(x).argmax(1)
    robustness = sknn.certify_robustness(model, x, labels, steps=30)
    radii = getattr(robustness, norm)
    assert bool((radii > 0).all())
    assert not bool(attack(model, x, labels, 0.999 * radii, norm).any())
    # the attack is no weakling: far outside it succeeds
    assert float(attack(model, x, labels, 4 * radii, norm).double().mean()) > 0.3


def test_robustness_numbers():
    model = make_model(seed=1)
    x = torch.randn(30, 5, dtype=torch.float64)
    labels = model(x).argmax(1)
    labels[:3] = (labels[:3] + 1) % 3
    before = {k: v.clone() for k, v in model.state_dict().items()}
    one = sknn.certify_robustness(model, x, labels, steps=40)
    half = sknn.certify_robustness(model, x, labels, scale=torch.tensor([0.5, 0.7]), steps=40)
    assert all(torch.equal(v, before[k]) or k == "layer.alpha"
               for k, v in model.state_dict().items())  # fmt: skip
    torch.testing.assert_close(half.l2, one.l2 / 2)
    assert one.correct.sum() == 27
    assert bool((one.l2[:3] == 0).all())
    assert one.accuracy(0.0) == pytest.approx(0.9)
    assert bool((one.l2 >= one.simple).all())
    curve = [one.accuracy(e, "l2") for e in (0.0, 0.1, 0.5, 5.0, 1e3)]
    assert curve == sorted(curve, reverse=True)
    assert curve[-1] == 0.0
    # by hand: margins over the pairs' constants
    with torch.no_grad():
        logits = model(x)
    pairs = {(0, 1): 0, (0, 2): 1, (1, 2): 2}
    for i in range(3, 30):
        c = int(labels[i])
        least = min(
            float((logits[i, c] - logits[i, j]) / one.bounds.l2[pairs[min(c, j), max(c, j)]])
            for j in range(3)
            if j != c
        )
        assert float(one.l2[i]) == pytest.approx(least, rel=1e-5)
    assert "margin/(2γ)" in str(one)
    with pytest.raises(ValueError, match="epsilon"):
        one.accuracy(-1.0)
    with pytest.raises(ValueError, match="epsilon = nan"):
        one.accuracy(float("nan"))
    with pytest.raises(ValueError, match="norm = 'l3'"):
        one.accuracy(0.1, "l3")


def test_equal_logits_have_radius_zero():
    model = make_model()
    with torch.no_grad():
        model.head.weight[1] = model.head.weight[0]
        model.head.bias[:] = torch.tensor([100.0, 100.0, 0.0])
    x = torch.randn(4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = sknn.certify_robustness(model, x, torch.zeros(4, dtype=torch.int64), steps=2)
    assert bool((found.l2 == 0).all())
    assert bool((found.linf == 0).all())


def test_other_layers_use_the_closed_form():
    torch.manual_seed(0)

    model = sknn.ConvClassifier(1, 2, 6, 3, tol=1e-4)
    x = torch.randn(6, 1, 6, 6)
    labels = model(x).argmax(1)
    found = sknn.certify_robustness(model, x, labels)
    assert not found.bounds.verified
    assert bool((found.l2 > 0).all())
    # the pooling is part of the readout: averages over 16 entries divide norms by 4
    assert float(found.bounds.simple.max()) < float(
        torch.cdist(model.head.weight, model.head.weight).detach().max()
        * model.layer.parametrization.input_norm()
    )


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda m, x, y: sknn.certify_robustness(m.layer, x, y), TypeError, "give a Classifier"),
        (lambda m, x, y: sknn.certify_robustness(m, x[:0], y[:0]), ValueError, "empty batch"),
        (lambda m, x, y: sknn.certify_robustness(m, x, y[:1]), ValueError, "labels has shape"),
        (lambda m, x, y: sknn.certify_robustness(m, x, y + 2), ValueError, "labels has 3: give"),
        (lambda m, x, y: sknn.certify_robustness(m, x, y > 0), ValueError, "dtype torch.bool"),
        (
            lambda m, x, y: sknn.certify_robustness(m, x, y.numpy()),
            TypeError,
            "labels is a ndarray",
        ),
        (lambda m, x, y: sknn.certify_robustness(m, x, y, scale=0.0), ValueError, "scale = 0"),
        (lambda m, x, y: sknn.certify_robustness(m, x, y, steps=-1), ValueError, "steps = -1"),
        (
            lambda m, x, y: sknn.lipschitz_bounds(2 * torch.eye(3), torch.eye(3), torch.eye(3)),
            ValueError,
            "no bound",
        ),
    ],
)
def test_bad_arguments(call, error, match):
    x = torch.zeros(2, 5, dtype=torch.float64)
    with pytest.raises(error, match=match):
        call(make_model(), x, torch.tensor([0, 1]))


def test_a_readout_that_is_not_affine_is_refused():
    model = make_model()
    model.readout = lambda z: model.head(z).tanh()
    with pytest.raises(TypeError, match="not affine"):
        sknn.certify_robustness(model, torch.ones(2, 5).double(), torch.tensor([0, 1]))


def test_picture():
    pytest.importorskip("matplotlib")
    from splitkit_nn.training.plots import draw_certified_accuracy

    model = make_model()
    x = torch.randn(10, 5, dtype=torch.float64)
    found = sknn.certify_robustness(model, x, model(x).argmax(1), steps=5)
    assert draw_certified_accuracy(found, "title").startswith(b"\x89PNG")
