"""The Lipschitz constants of what a model does to its input, stage by stage.

The stages are those of the graph that ``torch.fx`` records. Of each the constants in ℓ2 and ℓ∞ are
known (``gains``), and along the graph they multiply, or add where two branches meet. So is what an
equilibrium that was not solved exactly moves behind it, for each sample.

Matrices in a row are multiplied before their norm is taken, and an equilibrium layer is one of
them: with S = 2I − W − Wᵀ ≻ 0, ½⟨Δz, SΔz⟩ ≤ ⟨Δz, UΔx⟩ for every proximal activation, so that

    Δz = S^{−½}h,   ‖h‖ ≤ 2‖S^{−½}UΔx‖,

never worse than ‖Δz‖ ≤ ‖U‖‖Δx‖/m. Every other stage is refused by name: nothing is known of it.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor, fx, nn

from splitkit_nn.certify.constants import NOTHING, Gain, average_gain, matrix_gain, scaled
from splitkit_nn.certify.distance import distance_bound
from splitkit_nn.certify.functions import (
    ADD,
    AVERAGES,
    DIVIDE,
    FUNCTIONS,
    GENTLE,
    GREATEST,
    ISOMETRIES,
    JOIN,
    MATMUL,
    MULTIPLY,
    RESHAPES,
    SHAPES,
    as_module,
)
from splitkit_nn.certify.gains import factors, gain_of_module, is_affine
from splitkit_nn.layers import MonDEQ
from splitkit_nn.linear.bounds.base import MARGIN
from splitkit_nn.linear.dense import MatrixParametrization

LARGE = 1024  # entries of an equilibrium, of which S is factored
ENTRIES = 2**22  # of a matrix that is kept


@dataclass(frozen=True)
class Flow:
    """How a value moves with the model's input: Δ = Hh with ‖h‖ ≤ reach·‖Δx‖, H = I where None.

    ``source`` is the last node before it of which it is no affine function; ``error`` is how far it
    is from what exact equilibria give, for each sample in ℓ2.
    """

    gain: Gain
    error: Tensor
    source: fx.Node
    reach: float
    factor: Tensor | None = None

    def through(self, own: Gain, source: fx.Node) -> Self:
        """Behind a stage with these constants."""
        gain = own.after(self.gain)
        return replace(
            self, gain=gain, error=own.l2 * self.error, source=source, reach=gain.l2, factor=None
        )

    def times(self, W: Tensor) -> Self:
        """Behind a matrix."""
        own, H = matrix_gain(W), W if self.factor is None else W @ self.factor
        gain = own.after(self.gain)
        joint = self.reach * float(torch.linalg.matrix_norm(H, 2))
        return replace(
            self,
            gain=Gain(min(gain.l2, joint), gain.linf),
            error=own.l2 * self.error,
            factor=H if H.numel() <= ENTRIES else None,
            reach=self.reach if H.numel() <= ENTRIES else min(gain.l2, joint),
        )


def inputs_gain(model: nn.Module, x: Tensor) -> Gain:
    """The constants of ``model.inputs`` near a batch like x; the model is in evaluation mode.

    Raises
    ------
    TypeError
        A stage has no known constant; the message names it.
    """
    return trace(model, x[:1], "inputs").result.gain


def trace(model: nn.Module, x: Tensor, method: str = "forward", *, ranked: bool = False) -> Stages:
    """The stages of a model, in float64 and in evaluation mode, on a batch; as ``inputs_gain``.

    ``ranked``: without what at its end keeps the order of the classes.
    """
    tracer = _Tracer()
    tracer.traced_func_name = method
    owner = type(model).__name__ if method == "forward" else f"{method} of {type(model).__name__}"
    try:
        graph = tracer.trace(model)
    except Exception as error:  # whatever the user's code does with a proxy
        raise TypeError(
            f"{owner} cannot be followed stage by stage ({error}), so that no Lipschitz constant "
            "of it is known: make it of torch modules and operations"
        ) from error
    whole = fx.GraphModule(model, graph)
    if ranked:
        _leave_out_ranking(whole)
    with torch.no_grad():
        stages = Stages(whole, owner)
        stages.output = stages.run(x)
    return stages


def _leave_out_ranking(whole: fx.GraphModule) -> None:
    """Softmax, its logarithm and sigmoid leave the greatest of a sample's logits the greatest."""
    (output,) = (n for n in whole.graph.nodes if n.op == "output")
    while (last := output.args[0]) and isinstance(last, fx.Node) and len(last.users) == 1:
        module = whole.get_submodule(str(last.target)) if last.op == "call_module" else None
        given = last.args[1:] or (last.kwargs.get("dim", 0),)
        if module is not None:
            given = (getattr(module, "dim", 0),)
        kind = FUNCTIONS.get(last.target) if module is None else type(module)
        hooked = module is not None and (module._forward_hooks or module._forward_pre_hooks)
        softmax = kind in (nn.Softmax, nn.LogSoftmax) and given[0] in (1, -1)
        if hooked or not (softmax or kind is nn.Sigmoid):
            return
        output.replace_input_with(last, last.all_input_nodes[0])
        whole.graph.erase_node(last)


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, MonDEQ) or super().is_leaf_module(m, module_qualified_name)


class Stages(fx.Interpreter):
    """Runs the graph, and finds for each node its flow as a function of x; none: constant."""

    result: Flow
    output: Any

    def __init__(self, module: fx.GraphModule, owner: str) -> None:
        super().__init__(module, garbage_collect_values=False)
        self.flows: dict[fx.Node, Flow] = {}
        self.inputs: dict[fx.Node, Flow] = {}  # of equilibrium layers
        self.owner = owner

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if n.op == "placeholder" and not self.flows:
            zero = value.new_zeros(len(value), dtype=torch.float64)
            self.flows[n] = self.result = Flow(NOTHING, zero, n, 1.0)
        elif any(each in self.flows for each in n.all_input_nodes) and not _is_of_shape(n):
            self.result = self.flows[n] = self._flow(n, value)
        return value

    def readout(self, z: Tensor) -> Tensor:
        """The output as an affine function of its source, in the place of which is z."""
        source = self.result.source
        behind = {n for n, flow in self.flows.items() if flow.source is source and n is not source}
        behind |= {n for n in self.env if n.op == "output"}
        known = {n: value for n, value in self.env.items() if n not in behind} | {source: z}
        found: Tensor = fx.Interpreter(self.module).run(initial_env=known)
        return found

    def layer_of(self, n: fx.Node) -> MonDEQ | None:
        """The equilibrium layer that a node is a call of."""
        module = self.module.get_submodule(str(n.target)) if n.op == "call_module" else None
        return module if isinstance(module, MonDEQ) else None

    def _flow(self, n: fx.Node, value: Any) -> Flow:
        # with repetitions, as in x + x
        parts = [each for each in _nodes(n.args) if each in self.flows]
        flows, before = [self.flows[each] for each in parts], [self.env[each] for each in parts]
        hidden = any(each in self.flows and each not in parts for each in n.all_input_nodes)
        found = None
        # along another axis than the batch
        joined = sum(each.numel() for each in before) == getattr(value, "numel", int)()
        joined = joined and len(value) == len(before[0])
        if parts and not hidden:
            if n.op == "output" and len(parts) == 1:
                return flows[0]
            if len(parts) == 1:
                found = self._of_one(n, parts[0], flows[0], before[0], value)
            elif all(_alike(each, value) for each in before) and n.target in ADD and not n.kwargs:
                found = _sum(n, flows)
            elif n.target in JOIN and set(n.all_input_nodes) == set(parts) and joined:
                found = _join(n, flows)
        if found is None:
            raise TypeError(
                f"stage {n.name} of {self.owner} ({self._words(n)}) has no known Lipschitz "
                "constant, so that nothing can be certified of the whole model: make it of linear "
                "layers, convolutions, pooling, activations, normalizations with running "
                "statistics, constants and equilibrium layers, or certify a model of what is "
                "behind it"
            )
        return found

    def _words(self, n: fx.Node) -> str | None:
        """What a stage is."""
        if n.op == "call_module":
            return f"{n.target}: {self.module.get_submodule(str(n.target))!r}"
        return n.format_node()

    def _of_one(self, n: fx.Node, part: fx.Node, flow: Flow, x: Tensor, value: Any) -> Flow | None:
        """Behind a stage of one varying argument."""
        module = self.module.get_submodule(str(n.target)) if n.op == "call_module" else None
        if isinstance(module, MonDEQ):
            return self._equilibrium(n, module, flow, x, value)
        first = bool(n.args) and n.args[0] is part
        if first and n.target in FUNCTIONS:
            module = as_module(n.target, *self._rest(n))
        overwrites = getattr(module, "inplace", False) or n.kwargs.get("inplace")
        if overwrites and len(part.users) > 1:
            return None  # the others see what it wrote
        if module is not None:
            return _behind(module, n, flow, x, value)
        if n.target is operator.getitem and _is_part(n.args[1]) and value.ndim > 0:
            return flow.through(NOTHING, flow.source)
        if first and n.target in AVERAGES:
            own = average_gain(lambda v: self._again(n, v), x)
            return flow.through(own, flow.source) if own else None
        if first and n.target in GREATEST:
            axes: Any = n.args[1] if len(n.args) > 1 else n.kwargs.get("dim", ())
            each = [axes] if isinstance(axes, int) else list(axes)
            within = each and all(isinstance(i, int) and i % x.ndim for i in each)
            return flow.through(NOTHING, n) if within else None
        if first and n.target in MATMUL and not n.kwargs:
            (W,), _ = self._rest(n)
            return flow.times(W.T.double()) if x.ndim == W.ndim == 2 else None
        if not _alike(x, value):
            return None
        if n.target in GENTLE:
            return flow.through(NOTHING, n)
        if n.target in ADD and not n.kwargs:
            return flow
        if n.target in ISOMETRIES:
            return flow if n.target in RESHAPES else flow.through(NOTHING, flow.source)
        if n.target in MULTIPLY | DIVIDE and not n.kwargs:
            left, right = n.args
            constant = right if left is part else left
            factor = self.env[constant] if isinstance(constant, fx.Node) else constant
            factor = torch.as_tensor(factor, dtype=torch.float64)
            if n.target in MULTIPLY:
                return flow.through(scaled(factor), flow.source)
            if constant is right:
                return flow.through(scaled(1 / factor), flow.source)
        return None

    def _again(self, n: fx.Node, x: Tensor) -> Any:
        """A call with another first argument."""
        rest, kwargs = self._rest(n)
        if n.op == "call_method":
            return getattr(x, str(n.target))(*rest, **kwargs)
        function: Any = n.target
        return function(x, *rest, **kwargs)

    def _rest(self, n: fx.Node) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The values of what follows the first argument of a call."""
        found: Any = self.map_nodes_to_values((n.args[1:], n.kwargs), n)
        return tuple(found[0]), dict(found[1])

    def _equilibrium(
        self, n: fx.Node, layer: MonDEQ, flow: Flow, x: Tensor, z: Tensor
    ) -> Flow | None:
        if layer._forward_hooks or layer._forward_pre_hooks:
            return None
        self.inputs[n] = flow
        p, shape = layer.parametrization, layer.parametrization.input_shape
        flat = z.reshape(-1, *z.shape[x.ndim - len(shape) :])
        F, _ = layer.inclusion(x.reshape(-1, *shape))
        m, _ = p.constants(F.M)
        own = p.input_norm() / m
        linf = min(own * math.prod(shape) ** 0.5, p.linf_gain(layer.activation))
        behind = flow.through(Gain(own, linf), n)
        error = distance_bound(F, flat, layer, m).reshape(len(z), -1).norm(dim=1)
        behind = replace(behind, error=behind.error + error)
        if isinstance(p, MatrixParametrization) and p.features <= LARGE and x.ndim == 2:
            return _jointly(behind, flow, p)
        return behind


def _behind(module: nn.Module, n: fx.Node, flow: Flow, x: Tensor, value: Any) -> Flow | None:
    """Behind one of torch's modules."""
    own = gain_of_module(module, x)
    if own is None or not isinstance(value, Tensor) or len(value) != len(x):
        return None
    if not is_affine(module):
        return flow.through(own, n)
    if x.ndim == 2 and isinstance(module, nn.Linear):
        return flow.times(module.weight.double())
    if x.ndim == 2 and isinstance(module, nn.BatchNorm1d):
        return flow.times(torch.diag(factors(module)))
    keeps = isinstance(module, (nn.Identity, nn.Flatten, nn.Unflatten, nn.Dropout))
    return flow if keeps else flow.through(own, flow.source)


def _jointly(behind: Flow, before: Flow, p: MatrixParametrization) -> Flow:
    """With the matrix S^{−½} of a layer whose S can be factored."""
    W = p.weight().double()
    S = 2 * torch.eye(len(W), dtype=W.dtype, device=W.device) - W - W.T
    L, info = torch.linalg.cholesky_ex(S)
    if bool(info.any()):
        return behind
    U = p.input_matrix(exact=True).double()
    UH = U if before.factor is None else U @ before.factor
    reach = torch.linalg.matrix_norm(torch.linalg.solve_triangular(L, UH, upper=False), 2)
    H = torch.linalg.solve_triangular(L.T, torch.eye(len(W)).to(W), upper=True)
    total = 2 * float(reach) * before.reach * (1 + MARGIN)
    l2 = min(behind.gain.l2, total * float(torch.linalg.matrix_norm(H, 2)))
    return replace(behind, gain=Gain(l2, behind.gain.linf), factor=H, reach=total)


def _sum(n: fx.Node, flows: list[Flow]) -> Flow:
    gain = Gain(sum(each.gain.l2 for each in flows), sum(each.gain.linf for each in flows))
    return Flow(gain, sum(each.error for each in flows), _common(n, flows), gain.l2)  # type: ignore[arg-type]


def _join(n: fx.Node, flows: list[Flow]) -> Flow:
    gain = Gain(
        math.hypot(*(each.gain.l2 for each in flows)), max(each.gain.linf for each in flows)
    )
    error = torch.stack([each.error for each in flows]).norm(dim=0)
    return Flow(gain, error, _common(n, flows), gain.l2)


def _common(n: fx.Node, flows: list[Flow]) -> fx.Node:
    """The source of all; where they have several, the node at which they meet."""
    sources = {each.source for each in flows}
    return sources.pop() if len(sources) == 1 else n


def _nodes(arguments: Any) -> list[fx.Node]:
    """The nodes among arguments, and in lists of them."""
    if isinstance(arguments, fx.Node):
        return [arguments]
    if isinstance(arguments, (tuple, list)):
        return [node for each in arguments for node in _nodes(each)]
    return []


def _is_part(index: Any) -> bool:
    """Whether an index takes all samples, and of each entry once at most."""
    if not isinstance(index, tuple):
        index = (index,)
    whole = index[0] is Ellipsis or index[0] == slice(None)
    return whole and all(each is Ellipsis or isinstance(each, (int, slice)) for each in index)


def _is_of_shape(n: fx.Node) -> bool:
    """Whether it reads of its argument what no values change."""
    return n.target in (len, "size", "dim") or (n.target is getattr and n.args[1] in SHAPES)


def _alike(x: Tensor, value: Any) -> bool:
    """Whether the values are as many numbers a sample."""
    floating = isinstance(value, Tensor) and value.dtype in (torch.float32, torch.float64)
    return floating and value.numel() == x.numel() and len(value) == len(x)
