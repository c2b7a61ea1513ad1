"""Lipschitz bounds against Jacobians and a semidefinite program; no attack breaks a radius."""

import pytest
import torch
from scipy.optimize import minimize_scalar

import splitkit_nn as sknn
from splitkit_nn.linear.bounds.convolution import _Spectral, shared_bounds
from splitkit_nn.linear.bounds.scalar import scalar_bounds
from splitkit_nn.linear.kernels import circular_conv2d
from splitkit_nn.linear.multitier import TIGHTER


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


def small_convolution(border, seed=0):
    torch.manual_seed(seed)
    p = sknn.MonotoneConv2d(2, 3, (4, 3), m=0.3, border=border).double()
    with torch.no_grad():
        p.g.mul_(3), p.h.mul_(2)
    rows = torch.randn(4, 3, p.grid.height, p.grid.width, dtype=torch.float64)
    return p, rows * p.interior


def convolution_bounds(p, rows, activation="relu", **options):
    sigma = sknn.MonDEQ(p, activation).activation
    return p.lipschitz_bounds(sigma, rows, torch.eye(len(rows)).double(), **options)


def dense_parts(p):
    """W, and U on the whole torus, as matrices."""
    n = p.channels * p.grid.height * p.grid.width
    basis = torch.eye(n, dtype=torch.float64).reshape(n, p.channels, *p.interior.shape)
    W = p.multiply(p.weight().detach(), basis).reshape(n, n).T
    images = torch.zeros(1, p.in_channels, *p.interior.shape, dtype=torch.float64)
    U = torch.func.jacrev(lambda x: circular_conv2d(x, p.U.weight.detach()).flatten())(images)
    return W, U.reshape(n, -1).detach()


@pytest.mark.parametrize("border", [0, 1])
def test_frequencies_give_what_the_whole_matrix_gives(border):
    """γ² = min over τ of wᵀ(S − τΛUUᵀΛ)⁻¹w/τ, at the same Λ; and its gradient in log λ."""
    p, rows = small_convolution(border)
    W, U = dense_parts(p)
    log_multipliers = torch.tensor([0.3, -0.2, 0.1], dtype=torch.float64)
    with torch.no_grad():
        grid = p.grid
        weight = torch.as_tensor(grid.multiplicity)[:, None]
        blocks = grid.spectrum(p.weight()), grid.spectrum(p.U.weight), grid.transform(rows).mT
        spectral = _Spectral(*blocks, weight / (grid.height * grid.width))
        found = spectral(log_multipliers)
        for c, slope in enumerate(found.gradient):
            h = 1e-5 * torch.eye(3, dtype=torch.float64)[c]
            ahead, behind = (spectral(log_multipliers + e).gamma for e in (h, -h))
            difference = (ahead.log().mean() - behind.log().mean()) / 2e-5
            assert float(slope) == pytest.approx(float(difference), rel=1e-6, abs=1e-9)
    multiplier = log_multipliers.exp().repeat_interleave(p.interior.numel())
    LW, LU = multiplier[:, None] * W, multiplier[:, None] * U
    S = 2 * torch.diag(multiplier) - LW - LW.T
    longest = 1 / float(torch.linalg.eigvals(torch.linalg.solve(S, LU @ LU.T)).real.max())
    for w, gamma in zip(rows.flatten(1), found.gamma, strict=True):
        least = minimize_scalar(
            lambda tau, w=w: float(w @ torch.linalg.solve(S - tau * LU @ LU.T, w)) / tau,
            bounds=(1e-6 * longest, (1 - 1e-6) * longest),
            method="bounded",
            options={"xatol": 1e-10},
        )
        assert float(gamma) ** 2 == pytest.approx(least.fun, rel=1e-7)


@pytest.mark.parametrize("border", [0, 1])
def test_bounds_of_a_convolution_are_ordered_and_hold(border):
    p, rows = small_convolution(border, seed=1)
    equal = convolution_bounds(p, rows, steps=0)
    found = convolution_bounds(p, rows, steps=60)
    assert found.verified
    assert bool((found.l2 <= equal.l2).all())
    assert float(found.l2.sum()) < 0.99 * float(equal.l2.sum())
    assert bool((equal.l2 < 0.7 * equal.simple).all())
    for sigma in ("relu", "softmax"):  # every channel by itself, and all of them together
        layer = sknn.MonDEQ(p, sigma, tol=1e-12, max_iter=3000)
        bounds = found if sigma == "relu" else convolution_bounds(p, rows, "softmax")
        a, b = 3 * torch.randn(2, 50, 2, 4, 3, dtype=torch.float64)
        with torch.no_grad():
            change = ((layer(a) - layer(b)).flatten(1) @ rows.flatten(1).T).abs()
        d = (a - b).flatten(1)
        assert bool((change <= bounds.l2 * d.norm(dim=1, keepdim=True)).all())
        assert bool((change <= bounds.linf * d.abs().amax(dim=1, keepdim=True)).all())
    assert bool((convolution_bounds(p, 0 * rows, steps=1).l2 == 0).all())


def test_conjugate_gradients_bound_the_quadratic_form():
    """γ² = (2/m)‖U‖²wᵀS⁻¹w on the entries inside of the border, from above at every step."""
    p, rows = small_convolution(1)
    W, _ = dense_parts(p)
    inside = p.interior.repeat(3, 1, 1).flatten()
    S = (2 * torch.eye(len(W), dtype=W.dtype) - W - W.T)[inside][:, inside]
    differences = torch.tensor([[1.0, -1.0, 0.0, 0.0], [0.0, 0.5, 0.0, 2.0]], dtype=torch.float64)
    w = differences @ rows.flatten(1)[:, inside]
    m = p.operator(exact=True).properties.strong_monotonicity
    exact = p.input_norm() * (2 / m * (torch.linalg.solve(S, w.T).T * w).sum(dim=1)).sqrt()
    sigma = sknn.MonDEQ(p).activation
    for steps in (0, 1, 3, 10, 80):
        M, gain = p.operator(exact=True), p.input_norm()
        found = scalar_bounds(M, gain, sigma.mask, rows, differences, 24, steps=steps)
        assert bool((found.l2 >= exact * (1 - 1e-12)).all())
        assert bool((found.l2 <= found.simple).all())
        if steps == 0:
            torch.testing.assert_close(found.l2, found.simple)
    torch.testing.assert_close(found.l2, exact, rtol=1e-4, atol=0.0)
    assert bool((found.l2 < 0.8 * found.simple).all())


IMAGE_MODELS = {
    "convolution": lambda: sknn.ConvClassifier(1, 4, 6, 3, tol=1e-10, max_iter=5000),
    "tiers": lambda: sknn.MultiTierClassifier(1, (2, 3), 6, 3, tol=1e-10, max_iter=5000),
    "wide": lambda: sknn.DenseClassifier(36, 520, 3, tol=1e-10, max_iter=5000),
}


@pytest.mark.parametrize("name", IMAGE_MODELS)
def test_no_attack_breaks_a_radius_of_other_layers(name):
    torch.manual_seed(2)
    model = IMAGE_MODELS[name]().double()
    with torch.no_grad():
        for n, value in model.layer.parametrization.named_parameters():
            if n.split(".")[0] in ("g", "gs"):
                value.mul_(4)
    x = 2 * torch.randn(6, 1, 6, 6, dtype=torch.float64)
    labels = model(x).argmax(1)
    watched = []
    found = sknn.certify_robustness(
        model, x, labels, steps=20, watch=lambda done, of: watched.append(done / of)
    )
    assert watched == sorted(watched)
    assert watched[-1] == 1.0
    assert found.bounds.verified == (name != "tiers")
    assert bool((found.bounds.l2 < found.bounds.simple).all())
    assert bool((found.l2 > found.simple).all())

    def on_rows(rows):
        return model(rows.unflatten(1, (1, 6, 6)))

    for norm, radii in (("l2", found.l2), ("linf", found.linf)):
        assert not bool(attack(on_rows, x.flatten(1), labels, 0.999 * radii, norm, 2, 8).any())


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (
            lambda m, x, y: sknn.certify_robustness(len, x, y),
            TypeError,
            r"give a torch\.nn\.Module",
        ),
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


def test_one_multiplier_for_all_rows_lies_between_one_number_and_one_for_each():
    torch.manual_seed(0)
    p = sknn.MonotoneDense(6, 30, m=0.3).double()
    W, U = p.weight().detach(), p.U.weight.detach()
    rows = torch.randn(5, 30, dtype=torch.float64)
    simple = rows.norm(dim=1) * p.input_norm() / 0.3
    shared = shared_bounds(W, U, rows, simple).l2
    scalar = sknn.lipschitz_bounds(W, U, rows, diagonal=False).l2
    each = sknn.lipschitz_bounds(W, U, rows).l2
    torch.testing.assert_close(
        shared_bounds(W, U, rows, simple, diagonal=False).l2, scalar, rtol=1e-5, atol=0
    )
    assert float(shared.log().mean()) < float(scalar.log().mean()) - 0.02
    assert float(each.log().mean()) < float(shared.log().mean())
    old = scalar_bounds(
        p.operator(exact=True), p.input_norm(), None, rows, torch.eye(5).double(), 6
    )
    assert bool((shared < old.l2).all())


@pytest.mark.parametrize("channels", [(2, 3), (2, 2, 3)])
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_multipliers_of_tiers_keep_what_is_claimed_of_the_whole_matrix(channels, scale):
    """S̃ ⪰ 2(1 − θ)mI and ‖S̃^{−½}U‖² on all entries; γ on those inside of the border, at least that
    of the best Λ, and less than by one number.
    """
    torch.manual_seed(0)
    p = sknn.MonotoneMultiTier(1, channels, 4, m=0.4).double()
    with torch.no_grad():
        for g in p.g:
            g.fill_(scale)
    M = p.operator(exact=True)
    n, inside = sum(M.sizes), p.interior
    U = p.bias(torch.eye(16).double().reshape(16, 1, 4, 4)).detach() - p.bias(
        torch.zeros(1, 1, 4, 4).double()
    )
    U, sigma = U.detach().T, sknn.MonDEQ(p).activation
    rows = torch.randn(3, n, dtype=torch.float64) * inside
    rows[:, : -M.sizes[-1]] = 0.0  # the last tier is read, as by a classifier
    best, before = torch.full((3,), torch.inf, dtype=torch.float64), None
    for theta in TIGHTER:
        with torch.no_grad():
            weighted, roots, reach = p._weighted(M, theta)
            D = weighted(torch.eye(n).double()).T
        Lambda = torch.cat([torch.full((k,), r) for k, r in zip(M.sizes, roots, strict=True)])
        torch.testing.assert_close(
            D, Lambda.double()[:, None] * M(torch.eye(n).double()).detach().T / Lambda.double()
        )
        S, w = D + D.T, rows / Lambda.double()
        assert float(torch.linalg.eigvalsh(S)[0]) >= 2 * (1 - theta) * p.m * (1 - 1e-9)
        true = float(torch.linalg.eigvalsh(U.T @ torch.linalg.solve(S, U))[-1])
        assert true <= reach < 6 * true
        S, V, w = S[inside][:, inside], U[inside], w[:, inside]
        inner = torch.linalg.eigvalsh(V.T @ torch.linalg.solve(S, V))[-1]
        best = torch.minimum(best, 2 * (inner * (w * torch.linalg.solve(S, w.T).T).sum(1)).sqrt())
        before = best if before is None else before
    found = p.lipschitz_bounds(sigma, rows, torch.eye(3).double(), steps=200)
    parts = M, p.input_norm(), sigma.mask, rows, torch.eye(3).double(), 16
    assert bool((found.l2 >= best * (1 - 1e-9)).all())
    assert bool((found.l2 < 0.92 * scalar_bounds(*parts, steps=200).l2).all())
    assert bool((best < 0.92 * before).all())


def test_tiers_that_are_not_coupled_read_nothing_of_the_input():
    torch.manual_seed(0)
    p = sknn.MonotoneMultiTier(1, (2, 3), 4).double()
    rows = torch.randn(2, sum(p.operator(exact=True).sizes), dtype=torch.float64) * p.interior
    rows[:, : -p.operator(exact=True).sizes[-1]] = 0.0
    sigma, unit = sknn.MonDEQ(p).activation, torch.eye(2).double()
    before = p.lipschitz_bounds(sigma, rows, unit).l2
    with torch.no_grad():
        p.gs[0].zero_()
    assert bool((p.lipschitz_bounds(sigma, rows, unit).l2 < 0.1 * before).all())
