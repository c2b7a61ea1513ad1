"""Certified radii of a classification: within them no perturbation changes the class.

With logits W_o z + c, the margin of class c over j at the true equilibrium is at least
y_c − y_j − ‖w_c − w_j‖e, e ≥ ‖z − z*‖ the certified solve error, and it changes by at most
γ_cj‖δ‖ under an input perturbation δ. So the class stays for

    ‖δ‖ < min over j of (y_c − y_j − ‖w_c − w_j‖e)/γ_cj,

γ_cj the constant of the one row w_c − w_j (see ``linear.bounds``): much larger than margin/(√2γ) or
margin/(2γ) with one constant γ = ‖W_o‖‖U‖/m for all.

Of any other model than a classifier of this package the stages are followed one by one (see
``stages``): w_c − w_j are the rows of what is affine behind its last stage that is not, and γ_cj is
that of the row on this stage, if it is an equilibrium layer, times the constant of all before it.

The radii are of the network with exact equilibria, in exact arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from splitkit.arguments import check_integer
from splitkit.display import Shown
from splitkit.progress import Progress
from splitkit_nn.certify.constants import NOTHING, Gain
from splitkit_nn.certify.distance import distance_bound
from splitkit_nn.certify.readout import readout_rows, rows_of
from splitkit_nn.certify.stages import Flow, inputs_gain, trace
from splitkit_nn.layers import MonDEQ
from splitkit_nn.layers.copies import copied
from splitkit_nn.linear.bounds.base import LipschitzBounds, Watch
from splitkit_nn.linear.dense import MatrixParametrization
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

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> model, x = sknn.DenseClassifier(4, 8, 3, tol=1e-6).eval(), torch.randn(5, 4)
    >>> found = sknn.certify_robustness(model, x, model(x).argmax(-1), steps=5)
    >>> print(found.accuracy(0.0), found.accuracy(1e6))
    1.0 0.0
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
    model: nn.Module,
    x: Tensor,
    labels: Tensor,
    *,
    scale: float | Tensor = 1.0,
    tol: float = 1e-8,
    steps: int = 60,
    watch: Watch | None = None,
) -> Robustness:
    """Certified ℓ2 and ℓ∞ radii of a classifier on a batch.

    Parameters
    ----------
    model : torch.nn.Module
        Not changed. Of a classifier of this package the ``readout`` is affine (a pooling and a
        linear head), and of its ``inputs`` each stage has a known Lipschitz constant. Of any other
        each stage has one (see ``stages``), as those of a ``torch.nn.Sequential`` of convolutions,
        pooling, normalization and equilibrium layers.
    x, labels : Tensor
        Inputs as the model takes them, and their classes.
    scale : float or Tensor
        x = (input − mean)/scale; of several values (one a channel) the least counts. Radii are in
        the input's units.
    tol : float
        Relative tolerance of the equilibria, in float64; what it leaves is subtracted.
    steps : int
        Of the search for multipliers: one for each entry of z in a dense layer, for each channel of
        a convolution; tiers have one each, other layers multiples of the identity (see
        ``linear.bounds``).
    watch : callable, optional
        Called with (steps done, of all) after each. Default: a bar after three seconds, on a
        terminal.

    Raises
    ------
    TypeError
        Its readout is not affine, or of a stage nothing is known, which the message names.
    ValueError
        Empty batch, wrong labels, scale not positive, steps negative.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> model = sknn.DenseClassifier(4, 8, 3, tol=1e-6).eval()
    >>> x = torch.randn(5, 4)
    >>> found = sknn.certify_robustness(model, x, model(x).argmax(-1), steps=5)
    >>> print(found.l2.shape, bool((found.l2 >= 0).all()))
    torch.Size([5]) True
    """
    _check(model, x, labels)
    check_integer("steps", steps, 0)
    scales = torch.as_tensor(scale, dtype=torch.float64).flatten()
    if len(scales) == 0 or not bool(((scales > 0) & torch.isfinite(scales)).all()):
        raise ValueError(f"scale = {scale}: give positive numbers")
    twin = copied(model).double().eval()
    for layer in twin.modules():
        if isinstance(layer, MonDEQ):
            layer.tol, layer.max_iter = tol, max(layer.max_iter, 10_000)
    last = _of_classifier(twin, x) if isinstance(twin, Classifier) else _of_model(twin, x)
    _check_labels(labels, last.logits.shape[1])
    rows, logits = last.rows, last.logits
    signs = torch.eye(len(rows), dtype=rows.dtype, device=rows.device)
    first, second = torch.triu_indices(len(rows), len(rows), 1)
    with ExitStack() as stack:
        if watch is None:
            bar = Progress(None, what="multipliers", package="splitkit_nn")
            watch = stack.enter_context(bar).step
        pairs = signs[first] - signs[second]
        bounds = last.bounds(pairs, x[0].numel(), steps=steps, watch=watch)
    size = torch.cdist(rows.flatten(1), rows.flatten(1))[labels]
    margin = logits.gather(1, labels[:, None]) - logits - size * last.error[:, None]
    whole = 2 * torch.linalg.matrix_norm(rows.flatten(1), 2) * last.simple
    correct = logits.argmax(1) == labels
    l2, linf, simple = (
        torch.where(correct, _radii(margin, labels, constants), 0.0) * float(scales.min())
        for constants in (bounds.l2, bounds.linf, whole.expand(len(first)))
    )
    return Robustness(correct, l2, linf, simple, bounds)


class _Last(NamedTuple):
    """The last stage of a model that is not affine: a layer, or another of which z is the value.

    ``before`` are the constants of what the layer is given, ``gain`` those of z; ``factor`` is the
    matrix of what comes before, Δ = Hh with ‖h‖ ≤ reach‖Δx‖.
    """

    layer: MonDEQ | None
    rows: Tensor
    logits: Tensor
    error: Tensor
    before: Gain
    gain: Gain
    simple: float
    factor: Tensor | None = None
    reach: float = 1.0

    def bounds(self, differences: Tensor, entries: int, **search: Any) -> LipschitzBounds:
        """Of each pair of classes, in the model's input."""
        pairs = (differences @ self.rows.flatten(1)).double()
        size = pairs.norm(dim=1)
        simple, l2, linf = size * self.simple, size * self.gain.l2, pairs.abs().sum(1)
        linf, verified = linf * self.gain.linf, False
        if self.layer is not None:
            p, sigma = self.layer.parametrization, self.layer.activation
            found = p.lipschitz_bounds(sigma, self.rows, differences, **search)
            l2 = torch.minimum(l2, found.l2 * self.before.l2)
            linf = torch.minimum(linf, found.linf * self.before.linf)
            verified = found.verified
            if self.factor is not None and isinstance(p, MatrixParametrization):
                UH = p.input_matrix() @ self.factor
                found = p.bounds_of(UH, sigma, self.rows, differences, **search)
                l2 = torch.minimum(l2, found.l2 * self.reach)
        # in ℓ∞ by the stages' own constants, or through ℓ2
        return LipschitzBounds(l2, torch.minimum(linf, l2 * entries**0.5), simple, verified)


def _of_classifier(model: Classifier, x: Tensor) -> _Last:
    before = inputs_gain(model, x.double())
    layer = model.layer
    with torch.no_grad():
        inputs = model.inputs(x.double())
        z = layer(inputs)
        F, _ = layer.inclusion(inputs)
        logits = model.readout(z)
    m, _ = layer.parametrization.constants(F.M)
    own = layer.parametrization.input_norm() / m
    error, rows = distance_bound(F, z, layer, m), readout_rows(model, z)
    gain = Gain(own * before.l2, float("inf"))
    return _Last(layer, rows, logits, error, before, gain, gain.l2)


def _of_model(model: nn.Module, x: Tensor) -> _Last:
    # a layer alone is a stage of a model
    model = nn.Sequential(model) if isinstance(model, MonDEQ) else model
    stages = trace(model, x.double(), ranked=True)
    source = stages.result.source
    z, flow = stages.env[source], stages.flows[source]
    rows = rows_of(stages.readout, z)
    with torch.no_grad():
        logits = stages.readout(z)
    if not torch.allclose(logits, stages.output, rtol=1e-8, atol=1e-8):
        raise TypeError(
            f"{type(model).__name__} changes in place what it uses again, so that its stages are "
            "not what they seem: leave inplace=True out"
        )
    before: Flow | None = stages.inputs.get(source)
    if before is None:
        return _Last(None, rows, logits, flow.error, NOTHING, flow.gain, flow.gain.l2)
    return _Last(
        stages.layer_of(source),
        rows,
        logits,
        flow.error,
        before.gain,
        flow.gain,
        flow.gain.l2,
        before.factor,
        before.reach,
    )


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


def _check(model: nn.Module, x: Tensor, labels: Tensor) -> None:
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is a {type(model).__name__}: give a torch.nn.Module")
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
