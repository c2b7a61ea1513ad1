"""State dicts of the paper's code, and an independent rendering of that code's forward pass."""

import pytest
import torch

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
        (lambda s: s.update({"Wout.bias": 3}), "not a dict of tensors"),
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
