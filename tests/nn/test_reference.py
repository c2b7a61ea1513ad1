"""State dicts of the paper's code, and an independent rendering of that code's forward pass."""

from itertools import pairwise

import pytest
import torch
from torch.nn import functional

import splitkit_nn as sknn


def reference_state(seed=0, inputs=784, features=87, classes=10):
    generator = torch.Generator().manual_seed(seed)

    def uniform(rows, columns):
        return (2 * torch.rand(rows, columns, generator=generator) - 1) / columns**0.5

    return {
        "mon.linear_module.U.weight": uniform(features, inputs),
        "mon.linear_module.U.bias": uniform(1, features)[0],
        "mon.linear_module.A.weight": 2 * uniform(features, features),
        "mon.linear_module.B.weight": 2 * uniform(features, features),
        "Wout.weight": uniform(classes, features),
        "Wout.bias": uniform(1, classes)[0],
    }


def reference_logits(state, x, tol, alpha=1.0, max_iter=500):
    """Peaceman-Rachford as the paper's Algorithm 2, stopped by the whole batch's step."""
    A, B = state["mon.linear_module.A.weight"], state["mon.linear_module.B.weight"]
    W = -A.T @ A + B - B.T
    V = torch.linalg.inv((1 + alpha) * torch.eye(len(W)) - alpha * W)
    bias = x @ state["mon.linear_module.U.weight"].T + state["mon.linear_module.U.bias"]
    z = u = torch.zeros_like(bias)
    for _ in range(max_iter):
        u_half = 2 * z - u
        z_half = (u_half + alpha * bias) @ V.T
        u = 2 * z_half - u_half
        z_new = u.relu()
        error = (z_new - z).norm() / (1e-6 + z_new.norm())
        z = z_new
        if error <= tol:
            break
    z = (z @ W.T + bias).relu()  # the released code ends with one application of the layer
    return z @ state["Wout.weight"].T + state["Wout.bias"]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "model.pt"
    torch.save(reference_state(), path)
    return path


def test_whole_model_with_its_head(path):
    model = sknn.load_reference(path)
    assert sum(p.numel() for p in model.parameters()) == 84_313
    assert not model.training
    x = torch.randn(64, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    for tol, allowed in ((1e-2, 3e-2), (1e-5, 1e-4)):
        model.layer.tol = tol
        with torch.no_grad():
            logits = model(x)
        expected = reference_logits(reference_state(), x.flatten(1), tol)
        torch.testing.assert_close(logits, expected, rtol=0, atol=allowed)
    assert torch.equal(logits.argmax(1), expected.argmax(1))


def test_refuses_other_files(tmp_path, path):
    with pytest.raises(FileNotFoundError, match="nothing"):
        sknn.load_reference(tmp_path / "nothing.pt")
    foreign = tmp_path / "foreign.pt"
    foreign.write_bytes(b"no such thing")
    with pytest.raises(ValueError, match="foreign"):
        sknn.load_reference(foreign)
    whole = path.read_bytes()
    foreign.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="foreign"):
        sknn.load_reference(foreign)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda s: s.pop("Wout.bias"), r"missing \['Wout.bias'\]"),
        (lambda s: s.update(extra=torch.zeros(1)), "unexpected"),
        (lambda s: s.update({"Wout.bias": 3}), "no dict of named tensors"),
        (lambda s: s.update({1: torch.zeros(1)}), "no dict of named tensors"),
        (lambda s: s.update({"Wout.bias": torch.zeros(10).half()}), "save dense float32"),
        (lambda s: s.update({"Wout.weight": torch.eye(10).to_sparse()}), "torch.sparse_coo"),
        (lambda s: s.update({"Wout.bias": torch.zeros(4)}), "do not fit"),
        (lambda s: s.update({"Wout.bias": torch.zeros(10, 1)}), r"\(10, 1\)"),
        (lambda s: s["Wout.bias"].fill_(float("nan")), "NaN"),
        (lambda s: s.update({"Wout.bias": torch.zeros(10, dtype=torch.int64)}), "int64"),
    ],
)
def test_refuses_other_states(tmp_path, change, match):
    state = reference_state()
    change(state)
    path = tmp_path / "model.pt"
    torch.save(state, path)
    with pytest.raises(ValueError, match=match):
        sknn.load_reference(path)


# -- the single convolution and the multi-tier model -----------------------------------------------

LAYER = "mon.linear_module."


def kernel(generator, outputs, inputs):
    return (2 * torch.rand(outputs, inputs, 3, 3, generator=generator) - 1) / (9 * inputs) ** 0.5


def head(generator, features, classes=10):
    weight = (2 * torch.rand(classes, features, generator=generator) - 1) / features**0.5
    return {"Wout.weight": 5 * weight, "Wout.bias": weight[:, 0].clone()}


def conv_state(channels=6, inputs=1, side=28, g=0.7, h=1.3):
    generator = torch.Generator().manual_seed(0)
    return {
        f"{LAYER}g": torch.tensor(g),
        f"{LAYER}h": torch.tensor(h),
        f"{LAYER}U.weight": kernel(generator, channels, inputs),
        f"{LAYER}U.bias": torch.rand(channels, generator=generator) - 0.5,
        f"{LAYER}A.weight": kernel(generator, channels, channels),
        f"{LAYER}B.weight": kernel(generator, channels, channels),
    } | head(generator, channels * ((side + 2) // 4) ** 2)


def tier_state(channels=(3, 4, 5), inputs=1, side=28):
    generator = torch.Generator().manual_seed(0)
    state = {
        f"{LAYER}U.weight": kernel(generator, channels[0], inputs),
        f"{LAYER}U.bias": torch.rand(channels[0], generator=generator) - 0.5,
    }
    for i, n in enumerate(channels):
        for name in ("A0", "B0"):
            state[f"{LAYER}{name}.{i}.weight"] = kernel(generator, n, n)
        state[f"{LAYER}g.{i}"] = torch.tensor(0.6 + 0.2 * i)
        state[f"{LAYER}h.{i}"] = torch.tensor(1.2 - i)
    for i, (n, after) in enumerate(pairwise(channels)):
        state[f"{LAYER}A_n0.{i}.weight"] = kernel(generator, after, n)
        state[f"{LAYER}gn.{i}"] = torch.tensor(1.1 - 0.3 * i)
    last = side // 2 ** (len(channels) - 1) + 2
    return state | head(generator, channels[-1] * last**2)


def wrapped(z, weight, bias=None, stride=1):
    return functional.conv2d(functional.pad(z, (1,) * 4, mode="circular"), weight, bias, stride)


def whole_spectrum(weight, side):
    """The blocks of a circular convolution at all side² frequencies, the wave e^{−iω}."""
    placed = torch.zeros(*weight.shape[:2], side, side)
    placed[:, :, :3, :3] = weight.flip(2, 3)
    return torch.fft.fft2(placed.roll((-1, -1), (2, 3))).permute(2, 3, 0, 1)


def by_frequencies(blocks, z):
    spectrum = torch.fft.fft2(z.to(blocks.dtype)).permute(2, 3, 1, 0)
    return torch.fft.ifft2((blocks @ spectrum).permute(3, 2, 0, 1)).real


def adjoint(M):
    return M.conj().transpose(-1, -2)


class ReferenceTiers:
    """W and its resolvent as that code has them; a single convolution is one tier."""

    def __init__(self, state, tiers, side, alpha, root):
        def scaled(name, scale):
            weight = state[f"{LAYER}{name}.weight"]
            return scale * weight / weight.norm()

        self.state, self.sides = state, [side // 2**i + 2 for i in range(tiers)]
        if root:
            A = [scaled(f"A0.{i}", state[f"{LAYER}g.{i}"].sqrt()) for i in range(tiers)]
            B = [scaled(f"B0.{i}", state[f"{LAYER}h.{i}"]) for i in range(tiers)]
            S = [scaled(f"A_n0.{i}", state[f"{LAYER}gn.{i}"].sqrt()) for i in range(tiers - 1)]
            gains = [1.0] * tiers
        else:
            A, B, S = [scaled("A", 1.0)], [scaled("B", state[f"{LAYER}h"])], []
            gains = [state[f"{LAYER}g"]]
        self.A, self.S, self.alpha = A, S, alpha
        self.inverses = []
        for i, n in enumerate(self.sides):
            Â, B̂ = whole_spectrum(A[i], n), whole_spectrum(B[i], n)
            W = -gains[i] * adjoint(Â) @ Â + B̂ - adjoint(B̂)
            P = (1 + alpha) * torch.eye(len(A[i])) - alpha * W
            self.inverses.append(torch.linalg.inv(P))

    def diagonal_inverse(self, i, z):
        """P⁻¹, with the strided term by Woodbury over the four aliases of a coarse frequency."""
        V = self.inverses[i]
        if i == len(self.S):
            return by_frequencies(V, z)
        n = self.sides[i]
        D = self.alpha**0.5 * whole_spectrum(self.S[i], n)

        def fold(blocks):
            return blocks.unflatten(1, (2, n // 2)).unflatten(0, (2, n // 2)).sum((0, 2))

        H = torch.linalg.inv(torch.eye(len(self.S[i])) + fold(D @ V @ adjoint(D)) / 4)
        Z = torch.fft.fft2(z.to(V.dtype)).permute(2, 3, 1, 0)
        correction = H @ fold(D @ V @ Z) / 4
        X = V @ Z - V @ adjoint(D) @ correction.repeat(2, 2, 1, 1)
        return torch.fft.ifft2(X.permute(3, 2, 0, 1)).real

    def below(self, i, z):
        """A_{i+1}ᵀ A_{i+1,i} z, a row and a column of zeros added to the coarse grid."""
        coarse = functional.pad(wrapped(z, self.S[i], stride=2), (0, 1, 0, 1))
        return wrapped(coarse, self.A[i + 1].transpose(0, 1).flip(2, 3))

    def resolvent(self, z):
        x = [self.diagonal_inverse(0, z[0])]
        for i in range(len(self.S)):
            x.append(self.diagonal_inverse(i + 1, z[i + 1] - 2 * self.alpha * self.below(i, x[i])))
        return x

    def equilibrium(self, x, tol, max_iter=2000):
        """Peaceman-Rachford from zero, stopped by the whole batch's step."""

        def activate(z):
            inside = functional.pad(torch.ones(z.shape[-1] - 2, z.shape[-1] - 2), (1,) * 4)
            return z.relu() * inside

        bias = wrapped(
            functional.pad(x, (1,) * 4),
            self.state[f"{LAYER}U.weight"],
            self.state[f"{LAYER}U.bias"],
        )
        z = [torch.zeros(len(x), len(A), n, n) for A, n in zip(self.A, self.sides, strict=True)]
        u = z
        for _ in range(max_iter):
            half = [2 * a - b for a, b in zip(z, u, strict=True)]
            moved = [half[0] + self.alpha * bias, *half[1:]]
            u = [2 * a - b for a, b in zip(self.resolvent(moved), half, strict=True)]
            new = [activate(each) for each in u]
            error = sum((a - b).norm() / (1e-6 + a.norm()) for a, b in zip(new, z, strict=True))
            z = new
            if error <= tol:
                break
        return z

    def logits(self, features):
        return features @ self.state["Wout.weight"].T + self.state["Wout.bias"]


def images(side, count=24):
    return torch.randn(count, 1, side, side, generator=torch.Generator().manual_seed(3))


def save(state, tmp_path):
    path = tmp_path / "reference.pt"
    torch.save(state, path)
    return path


def test_single_convolution_classifies_as_the_paper_s_code(tmp_path):
    state, x = conv_state(), images(28)
    model = sknn.load_reference(save(state, tmp_path))
    assert isinstance(model, sknn.ConvClassifier)
    model.layer.tol = 1e-5
    with torch.no_grad():
        logits = model(x)
    reference = ReferenceTiers(state, 1, 28, alpha=1.0, root=False)
    z = reference.equilibrium(x, 1e-5)[0]
    expected = reference.logits(functional.avg_pool2d(z, 4).flatten(1))
    torch.testing.assert_close(logits, expected, rtol=0, atol=2e-4)
    assert torch.equal(logits.argmax(1), expected.argmax(1))
    assert float(expected.std(0).min()) > 1e-2  # the images are told apart


def test_multi_tier_classifies_as_the_paper_s_code(tmp_path):
    state, x = tier_state(), images(28, count=12)
    model = sknn.load_reference(save(state, tmp_path))
    assert isinstance(model, sknn.MultiTierClassifier)
    assert model.layer.parametrization.side == (28, 28)
    model.layer.tol = 1e-5
    with torch.no_grad():
        logits = model(x)
    reference = ReferenceTiers(state, 3, 28, alpha=1.0, root=True)
    expected = reference.logits(reference.equilibrium(x, 1e-5)[-1].flatten(1))
    torch.testing.assert_close(logits, expected, rtol=0, atol=2e-4)
    assert torch.equal(logits.argmax(1), expected.argmax(1))
    assert float(expected.std(0).min()) > 1e-3


def test_parameters_are_taken_as_they_are(tmp_path):
    state = conv_state(side=32)
    p = sknn.load_reference(save(state, tmp_path)).layer.parametrization
    assert p.side == (32, 32)
    for name in ("A", "B", "g", "h", "U.weight", "U.bias"):
        key = f"{LAYER}{name}" + (".weight" if name in "AB" else "")
        assert torch.equal(p.get_parameter(name), state[key].reshape(p.get_parameter(name).shape))


@pytest.mark.parametrize(
    ("state", "change", "match"),
    [
        (conv_state, {"g": torch.tensor(-0.1)}, r"linear_module\.g = -0\.1 is negative"),
        (tier_state, {"g.1": torch.tensor(-2.0)}, r"linear_module\.g\.1 = -2 is negative"),
        (tier_state, {"gn.0": torch.tensor(-2.0)}, r"linear_module\.gn\.0 = -2 is negative"),
        (tier_state, {"gn.2": torch.tensor(1.0)}, r"unexpected .*gn\.2"),
        (tier_state, {"A0.1.weight": torch.zeros(4, 4)}, r"A0\.1\.weight has shape \(4, 4\)"),
        (tier_state, {"A0.1.weight": torch.zeros(4, 3, 3, 3)}, "do not fit"),
        (conv_state, {"h": torch.zeros(2)}, r"h has shape \(2,\)"),
    ],
)
def test_refuses_convolutional_states(tmp_path, state, change, match):
    changed = state() | {LAYER + key: value for key, value in change.items()}
    with pytest.raises(ValueError, match=match):
        sknn.load_reference(save(changed, tmp_path))


def test_double_precision_is_kept(tmp_path):
    state = {key: value.double() / 3 for key, value in conv_state().items()}
    model = sknn.load_reference(save(state, tmp_path))
    assert torch.equal(model.layer.parametrization.A, state[f"{LAYER}A.weight"])
    assert torch.equal(model.head.weight, state["Wout.weight"])


def test_side(tmp_path):
    path = save(conv_state(side=40), tmp_path)
    with pytest.raises(ValueError, match="give side"):
        sknn.load_reference(path)
    assert sknn.load_reference(path, side=40).layer.parametrization.side == (40, 40)
    with pytest.raises(ValueError, match="do not fit"):
        sknn.load_reference(path, side=20)
    with pytest.raises(ValueError, match="side = 28 belongs"):
        sknn.load_reference(save(reference_state(), tmp_path), side=28)
