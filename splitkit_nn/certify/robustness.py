"""Certified radii of a classification: within them no perturbation changes the class.

With logits W_o z + c, the margin of class c over j at the true equilibrium is at least
y_c − y_j − ‖w_c − w_j‖e, e ≥ ‖z − z*‖ the certified solve error, and it changes by at most
γ_cj‖δ‖ under an input perturbation δ. So the class stays for

    ‖δ‖ < min over j of (y_c − y_j − ‖w_c − w_j‖e)/γ_cj,

γ_cj the constant of the one row w_c − w_j (see ``linear.bounds``): much larger than margin/(√2γ) or
margin/(2γ) with one constant γ = ‖W_o‖‖U‖/m for all.

The radii are of the network with exact equilibria, in exact arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from splitkit.arguments import check_integer
from splitkit.display import Shown
from splitkit_nn.certify.certificate import distance_bound
from splitkit_nn.certify.readout import readout_rows
from splitkit_nn.certify.stages import inputs_gain
from splitkit_nn.layers.copies import copied
from splitkit_nn.linear.bounds.base import LipschitzBounds, Watch, unwatched
from splitkit_nn.models import Classifier

Norm = Literal["l2", "linf", "rule 2", "rule √2"]


@dataclass(frozen=True, repr=False)
class Robustness(Shown):
    """Certified radii for a batch, in the units of the input before normalization.

    Attributes
    ----------
    correct : bool Tensor, shape (batch,)
    l2, linf : Tensor, shape (batch,)
        Certified radii; 0 where the classification is wrong.
    simple : Tensor, shape (batch,)
        margin/(2γ), γ = ‖W_o‖‖U‖/m, for comparison.
    bounds : LipschitzBounds
        Of the pairs of classes, in the units of the model's input.
    """

    correct: Tensor
    l2: Tensor
    linf: Tensor
    simple: Tensor
    bounds: LipschitzBounds

    def heading(self) -> str:
        """Of how many samples."""
        right = int(self.correct.sum())
        return f"Robustness: {right} of {len(self.correct)} samples are classified correctly"

    def rows(self) -> Iterator[tuple[str, Any]]:
        """Radii in the median, and what they are for."""
        yield "median ℓ2 radius", float(self.l2.median())
        yield "median ℓ∞ radius", float(self.linf.median())
        yield "median margin/(2γ)", float(self.simple.median())

    def accuracy(self, epsilon: float, norm: Norm = "l2") -> float:
        """The share of samples that are right for every perturbation of norm at most ε.

        "rule 2" and "rule √2" are margin/(2γ) and margin/(√2γ) in ℓ2.
        """
        if not epsilon >= 0:
            raise ValueError(f"epsilon = {epsilon}: give a radius ≥ 0")
        radii = {
            "l2": self.l2,
            "linf": self.linf,
            "rule 2": self.simple,
            "rule √2": self.simple * 2**0.5,
        }
        if norm not in radii:
            raise ValueError(f"norm = {norm!r}: give one of {', '.join(radii)}")
        inside = radii[norm] > epsilon if epsilon > 0 else self.correct
        return float((self.correct & inside).double().mean())

    def table(
        self,
        l2: Sequence[float] = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0),
        linf: Sequence[float] = (0.0, 1 / 255, 2 / 255, 4 / 255, 8 / 255),
    ) -> str:
        """Certified accuracy over ε, as lines of text."""
        lines = ["ℓ2 radius   certified   margin/(√2γ)   margin/(2γ)"]
        for e in l2:
            values = [100 * self.accuracy(e, norm) for norm in ("l2", "rule √2", "rule 2")]
            lines.append(f"{e:<9.3g} {values[0]:9.2f} % {values[1]:12.2f} % {values[2]:11.2f} %")
        lines.append("ℓ∞ radius   certified")
        lines += [f"{e:<9.4f} {100 * self.accuracy(e, 'linf'):9.2f} %" for e in linf]
        return "\n".join(lines)

    __str__ = table


def certify_robustness(
    model: Classifier,
    x: Tensor,
    labels: Tensor,
    *,
    scale: float | Tensor = 1.0,
    tol: float = 1e-8,
    steps: int = 60,
    watch: Watch = unwatched,
) -> Robustness:
    """Certified ℓ2 and ℓ∞ radii of a classifier on a batch.

    Parameters
    ----------
    model : Classifier
        Not changed. Its ``readout`` is affine (a pooling and a linear head), and of its ``inputs``
        each stage has a known Lipschitz constant (see ``stages``).
    x, labels : Tensor
        Inputs as the model takes them, and their classes.
    scale : float or Tensor
        x = (input − mean)/scale; of several values (one a channel) the least counts. Radii are in
        the input's units.
    tol : float
        Relative tolerance of the equilibria, in float64; what it leaves is subtracted.
    steps : int
        Of the search for multipliers: one for each entry of z in a dense layer, for each channel of
        a convolution; other layers have multiples of the identity (see ``linear.bounds``).
    watch : callable
        Called with (steps done, of all) after each.

    Raises
    ------
    TypeError
        Not a classifier, its readout is not affine, or of a stage of its inputs nothing is known.
    ValueError
        Empty batch, wrong labels, scale not positive, steps negative.
    """
    _check(model, x, labels)
    check_integer("steps", steps, 0)
    scales = torch.as_tensor(scale, dtype=torch.float64).flatten()
    if len(scales) == 0 or not bool(((scales > 0) & torch.isfinite(scales)).all()):
        raise ValueError(f"scale = {scale}: give positive numbers")
    twin = copied(model).double().eval()
    layer, p = twin.layer, twin.layer.parametrization
    layer.tol, layer.max_iter = tol, max(layer.max_iter, 10_000)
    gain = inputs_gain(twin, x.double())
    with torch.no_grad():
        inputs = twin.inputs(x.double())
        z = layer(inputs)
        F, _ = layer.inclusion(inputs)
        logits = twin.readout(z)
    _check_labels(labels, logits.shape[1])
    m, _ = p.constants(F.M)
    rows = readout_rows(twin, z)
    signs = torch.eye(len(rows), dtype=rows.dtype, device=rows.device)
    first, second = torch.triu_indices(len(rows), len(rows), 1)
    bounds = p.lipschitz_bounds(
        layer.activation, rows, signs[first] - signs[second], steps=steps, watch=watch
    )
    # in ℓ∞ by the stages' own constants, or through ℓ2
    by_l2 = bounds.l2 * gain.l2
    bounds = replace(
        bounds,
        l2=by_l2,
        linf=torch.minimum(bounds.linf * gain.linf, by_l2 * x[0].numel() ** 0.5),
        simple=bounds.simple * gain.l2,
    )
    size = torch.cdist(rows.flatten(1), rows.flatten(1))[labels]
    error = distance_bound(F, z, layer, m)[:, None]
    margin = logits.gather(1, labels[:, None]) - logits - size * error
    whole = 2 * torch.linalg.matrix_norm(rows.flatten(1), 2) * p.input_norm() / m * gain.l2
    correct = logits.argmax(1) == labels
    l2, linf, simple = (
        torch.where(correct, _radii(margin, labels, constants), 0.0) * float(scales.min())
        for constants in (bounds.l2, bounds.linf, whole.expand(len(first)))
    )
    return Robustness(correct, l2, linf, simple, bounds)


def _radii(margin: Tensor, labels: Tensor, constants: Tensor) -> Tensor:
    """The least of margin/γ over the other classes, γ those of the pairs in order; 0 or more."""
    classes = margin.shape[1]
    first, second = torch.triu_indices(classes, classes, 1)
    gamma = constants.new_zeros(classes, classes)
    gamma[first, second] = gamma[second, first] = constants
    # logits that are equal for every input have γ = 0 and margin 0
    quotient = torch.where(margin > 0, margin / gamma[labels], 0.0)
    own = torch.nn.functional.one_hot(labels, classes).bool()
    return quotient.masked_fill(own, float("inf")).amin(dim=1).clamp_min(0.0)


def _check(model: Classifier, x: Tensor, labels: Tensor) -> None:
    if not isinstance(model, Classifier):
        raise TypeError(f"model is a {type(model).__name__}: give a Classifier")
    if len(x) == 0:
        raise ValueError("x is an empty batch: give at least one sample")
    if not isinstance(labels, Tensor):
        raise TypeError(f"labels is a {type(labels).__name__}: give a torch.Tensor of integers")
    if labels.shape != (len(x),) or labels.dtype != torch.int64:
        raise ValueError(
            f"labels has shape {tuple(labels.shape)} and dtype {labels.dtype}: give one class, an "
            f"int64, for each of the {len(x)} samples"
        )


def _check_labels(labels: Tensor, classes: int) -> None:
    wrong = labels[(labels < 0) | (labels >= classes)]
    if len(wrong):
        raise ValueError(f"labels has {int(wrong[0])}: give classes in 0 … {classes - 1}")
