"""Property-based checks for one's own activations and layers (needs hypothesis).

``check_activation(σ)``: is σ the proximal map that it says it is, at every step size?
``check_layer(layer)``: has the layer one equilibrium under every value of its parameters, does it
return it, and are its gradients those of that equilibrium? Failures read as those of
``splitkit.testing``, and ``replay`` shows them again.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor

import splitkit as sk
from splitkit.backend import Array, Point, namespace, subtract
from splitkit.testing import Suite, suite
from splitkit.testing._place import KEPT, ROUNDINGS, Place
from splitkit.testing._report import require
from splitkit.testing._search import worst_pairs
from splitkit.testing._shared import same_after_round_trip
from splitkit.testing._suite import Case, Property
from splitkit.testing.checks_operator import At, operator_suite
from splitkit_nn.activations import Activation
from splitkit_nn.layers import MonDEQ

SHAPE = (2, 4)  # of the points on which an activation is tried: (batch, features)

# -- activations ----------------------------------------------------------------------------------


def check_activation(
    activation: Activation,
    shape: tuple[int, ...] = SHAPE,
    *,
    xp: Any = None,
    dtype: Any = None,
    device: Any = None,
    max_examples: int | None = None,
    seed: int = 0,
) -> None:
    """Look for points at which σ is not the proximal map that its operator says it is.

    Checked: everything of ``check_operator`` for σ's ∂f; σ = prox_f, firmly nonexpansive;
    prox_{αf}((1 − α)σ(s) + αs) = σ(s) at every step size α; the Jacobian's range in [0, 1] and, in
    float64, the Jacobian against finite differences; input unchanged; library, dtype, shape and
    device kept; NaN not turned into numbers.

    Parameters
    ----------
    activation : Activation
    shape : tuple of int
        The shape of its points; the first axis is the batch.
    xp, dtype, device, max_examples, seed
        As for ``splitkit.testing.check_operator``.

    Raises
    ------
    AssertionError
        A property is violated; the message states it, the numbers of both sides, the points, and
        code that shows it again.
    """
    if not isinstance(activation, Activation):
        raise TypeError(f"activation = {activation!r}: give a splitkit_nn Activation")
    suite(activation, shape, xp=xp, dtype=dtype, device=device).run(max_examples, seed)


@suite.register(Activation)
def activation_suite(
    activation: Activation,
    shape: tuple[int, ...] = SHAPE,
    *,
    xp: Any = None,
    dtype: Any = None,
    device: Any = None,
) -> Suite:
    """The properties of an activation; see ``check_activation``."""
    A = activation.operator
    of_f = operator_suite(A, shape, xp=xp, dtype=dtype, device=device, batch_ndim=1)
    place = of_f.place

    def at(case: Case) -> AtActivation:
        x, y, alpha, beta = case
        return AtActivation(A, place, x, y, alpha, beta, activation)

    derivative = ("jacobian_range", "jacobian") if place.is_double else ("jacobian_range",)
    own = (
        Property(
            values,
            (*KEPT, "firmly_nonexpansive", "prox_at_one"),
            partial(worst_slopes, activation, place),
        ),
        Property(prox_at_every_step, ("prox_at_every_step",)),
        Property(jacobian, derivative),
    )
    options = "" if place.is_double else of_f.options.split(", batch_ndim", maxsplit=1)[0]
    found = own + of_f.properties
    return Suite(activation, (shape,), place, of_f.cases, at, found, options, spread=of_f.spread)


FIRMLY_NONEXPANSIVE = (0.0, 0.5, -1.0)  # ⟨Δx, Δu⟩ ≥ ‖Δu‖²


def worst_slopes(activation: Activation, place: Place, effort: int, seed: int) -> Iterator[Case]:
    """Pairs between which σ is likely to be least firmly nonexpansive."""
    pairs = worst_pairs(activation, [FIRMLY_NONEXPANSIVE], place.flat, seed=seed, effort=effort)
    for x, y in pairs:
        yield x, y, 1.0, 0.3


@dataclass(frozen=True)
class AtActivation(At):
    """σ, and its ∂f as the operator A, at a case."""

    activation: Activation


def values(at: AtActivation) -> None:
    """σ is firmly nonexpansive and the resolvent of its operator at α = 1."""
    place, x, y = at.place, at.x, at.y
    value = place.keeps("σ(y)", at.activation, x)
    other = at.activation(y)
    d, moved = subtract(value, other), subtract(x, y)
    left, right = place.space.inner(d, d), place.space.inner(d, moved)
    sizes = sum(map(place.size, (x, y, value, other)))
    limit = ROUNDINGS * place.eps * sizes * (place.size(d) + place.size(moved))
    formula = "‖σ(x) − σ(y)‖² ≤ ⟨σ(x) − σ(y), x − y⟩ (σ is monotone with slopes in [0, 1])"
    place.at_most("firmly_nonexpansive", formula, left - right, limit, left, right, x=x, y=y)
    p = place.resolvent(at.A, 1.0)(x)
    terms = place.size(x) + place.size(value)
    place.equal("prox_at_one", "R_{1∂f}(x) = σ(x)", p, value, terms, x=x)


def prox_at_every_step(at: AtActivation) -> None:
    """prox_{αf}(y) = σ(s) for y = (1 − α)σ(s) + αs."""
    place, s, alpha = at.place, at.x, at.alpha
    value = at.activation(s)
    y = (1 - alpha) * value + alpha * s
    terms = (1 + alpha) * (place.size(s) + place.size(value))
    formula = "prox_{αf}((1 − α)σ(s) + αs) = σ(s)"
    where = {"s": s, "alpha": alpha}
    place.equal("prox_at_every_step", formula, at.R(y), value, terms, **where)


def jacobian(at: AtActivation) -> None:
    """0 ≤ ⟨d, Jd⟩ ≤ ‖d‖², and Jd against (σ(y + hd) − σ(y − hd))/(2h) where J is continuous."""
    place, y, d = at.place, at.x, at.y
    Jd = apply_jacobian(at.activation, y, d)
    place.kept("the Jacobian's product", Jd, place.space.shapes[0], y)
    low, high = place.space.inner(d, Jd), place.space.inner(d, d)
    slack = ROUNDINGS * place.eps * high
    name, zero = "jacobian_range", 0.0 * high
    place.at_most(name, "⟨d, J(y)d⟩ ≥ 0", -low, slack, low, zero, y=y, d=d)
    place.at_most(name, "⟨d, J(y)d⟩ ≤ ‖d‖²", low - high, slack, low, high, y=y, d=d)
    if not place.is_double:
        return
    h = 1e-5
    right, left = y + h * d, y - h * d
    difference = (at.activation(right) - at.activation(left)) / (2 * h)
    change = [apply_jacobian(at.activation, z, d) - Jd for z in (right, left)]
    # a step over a kink sees a mean of the slopes on its sides
    limit = 2 * (place.size(change[0]) + place.size(change[1]))
    sizes = place.size(y) + place.size(at.activation(y))
    limit = limit + 1e-6 * place.size(d) + ROUNDINGS * place.eps * sizes / h
    gap = place.size(difference - Jd)
    formula = "(σ(y + hd) − σ(y − hd))/(2h) = J(y)d"
    place.at_most("jacobian", formula, gap, limit, difference, Jd, y=y, d=d, h=h)


def apply_jacobian(activation: Activation, y: Array, d: Array) -> Array:
    """J(y)d, whether the activation gives J as a map or its diagonal."""
    matrix = getattr(activation, "jacobian", None)
    return activation.derivative(y) * d if matrix is None else matrix(y)(d)


# -- layers ---------------------------------------------------------------------------------------

KINDS = ("own", "normal", "large", "negative", "zero")  # of parameter values
EXAMPLES = 8
MOST_ITERATIONS = 5000
TIGHT = 1e-11  # the tolerance at which a layer's mathematics is looked at
LARGEST_MATRIX = 300  # entries of an equilibrium for which W is formed
ASCENT_STEPS = 15


def check_layer(
    layer: MonDEQ,
    input_shape: tuple[int, ...] | None = None,
    *,
    max_examples: int | None = None,
    seed: int = 0,
) -> None:
    """Look for parameters and inputs for which a layer is not a monotone equilibrium network.

    Checked, for parameters as they are, drawn, and sought by gradient descent on the least
    eigenvalue: I − W ⪰ mI; z = σ(Wz + Ux + b), also after the parameters were changed in place; the
    same z from other starts; batch elements independent; the same value twice; shape, dtype and
    input kept; NaN refused; the certified error bound; a state dict and a pickle give the same
    layer; first derivatives against finite differences. The layer is not changed.

    Parameters
    ----------
    layer : MonDEQ
    input_shape : tuple of int, optional
        Of one input, without batch. Default: what the parametrization's ``in_features``, or
        ``in_channels`` and ``side``, say.
    max_examples : int, optional
        How many parameters and inputs are drawn; 8 by default.
    seed : int
        Which: the same ones for the same seed.

    Raises
    ------
    AssertionError
        A property is violated; the message states it, the numbers of both sides, and code that
        shows it again.
    """
    if not isinstance(layer, MonDEQ):
        raise TypeError(f"layer = {layer!r}: give a splitkit_nn.MonDEQ")
    shapes = () if input_shape is None else (input_shape,)
    suite(layer, *shapes).run(max_examples, seed)


@suite.register(MonDEQ)
def layer_suite(
    layer: MonDEQ, input_shape: tuple[int, ...] | None = None, *, xp: Any = None
) -> Suite:
    """The properties of a layer; see ``check_layer``. A case is (kind of parameters, seed), and the
    library Torch, as messages of all checks name it.
    """
    given = () if input_shape is None else (input_shape,)
    shape = find_input_shape(layer) if input_shape is None else input_shape
    xp = namespace(torch.zeros(1))
    place = Place.of(shape, xp, xp.float64, None, 0)
    cases = st.tuples(st.sampled_from(KINDS), st.integers(0, 999))

    def once(effort: int, seed: int) -> Iterator[Case]:
        yield "own", seed

    properties = (
        Property(kept, ("deterministic", "no_mutation", "like_its_argument"), once, drawn=False),
        Property(monotone, ("strongly_monotone",), partial(adversarial, layer, shape)),
        Property(equilibrium, ("equilibrium",)),
        Property(unique, ("unique",)),
        Property(batch, ("batch_independence",)),
        Property(nan, ("nan",), once, drawn=False),
        Property(certificate, ("error_bound",), once, drawn=False),
        Property(stored, ("state_dict", "serialization"), once, drawn=False),
        Property(gradients, ("derivative",), once, drawn=False),
    )
    at = partial(AtLayer.of, layer, shape)
    return Suite(layer, given, place, cases, at, properties, usual_examples=EXAMPLES)


def find_input_shape(layer: MonDEQ) -> tuple[int, ...]:
    """The shape of an input as the parametrization states it.

    Raises
    ------
    ValueError
        It does not.
    """
    stated = layer.parametrization
    if hasattr(stated, "in_features"):
        return (int(stated.in_features),)  # type: ignore[arg-type]
    side: Any = getattr(stated, "side", None)
    if side is None or not hasattr(stated, "in_channels"):
        raise ValueError(
            f"input_shape = None: {stated!r} does not state it; give that of one input"
        )
    pair = (side, side) if isinstance(side, int) else tuple(side)
    return (int(stated.in_channels), *pair)  # type: ignore[arg-type]


@dataclass(frozen=True)
class AtLayer:
    """A copy of the layer in float64 at a tight tolerance, with parameters of a kind."""

    original: MonDEQ
    layer: MonDEQ
    x: Tensor

    @classmethod
    def of(cls, original: MonDEQ, shape: tuple[int, ...], case: Case) -> AtLayer:
        """The layer at the case (kind, seed), or (parameters, seed)."""
        kind, seed = case
        generator = torch.Generator().manual_seed(int(seed))
        layer = tight_copy(original)
        x = torch.randn(3, *shape, generator=generator, dtype=torch.float64)
        with torch.no_grad():
            layer(x)  # whatever is cached is of the old parameters
            if isinstance(kind, str):
                draw_parameters(layer, kind, generator)
            else:
                torch.nn.utils.vector_to_parameters(kind, layer.parameters())
        return cls(original, layer, x)

    @property
    def parametrization(self) -> Any:
        """W and the input map."""
        return self.layer.parametrization

    @cached_property
    def bias(self) -> Tensor:
        """Ux + b."""
        with torch.no_grad():
            bias: Tensor = self.parametrization.bias(self.x)
        return bias

    @cached_property
    def z(self) -> Tensor:
        """The layer's value."""
        with torch.no_grad():
            value: Tensor = self.layer(self.x)
        return value

    def matrix(self) -> Tensor:
        """W as a matrix, tracked."""
        return matrix_of(self.layer, tuple(self.bias.shape[1:]))


def tight_copy(layer: MonDEQ) -> MonDEQ:
    """A copy in float64 that solves to ``TIGHT``."""
    made = copy.deepcopy(layer).double().eval()
    made.tol, made.max_iter = TIGHT, MOST_ITERATIONS
    return made


def draw_parameters(layer: MonDEQ, kind: str, generator: torch.Generator) -> None:
    """Overwrite the parameters in place, as optimizers do."""
    if kind == "own":
        return
    scale = {"normal": 0.5, "large": 3.0, "negative": 0.5, "zero": 0.0}[kind]
    for p in layer.parameters():
        drawn = scale * torch.randn(p.shape, generator=generator, dtype=torch.float64)
        p.data.copy_(-drawn.abs() if kind == "negative" else drawn)


def matrix_of(layer: MonDEQ, shape: tuple[int, ...]) -> Tensor:
    """W as a matrix on flattened points, differentiable in the parameters."""
    n = int(np.prod(shape, dtype=int))
    basis = torch.eye(n, dtype=torch.float64).reshape(n, *shape)
    W = layer.parametrization.weight()
    images: Tensor = layer.parametrization.multiply(W, basis)
    return images.reshape(n, n).T


def least_eigenvalue(layer: MonDEQ, shape: tuple[int, ...]) -> Tensor:
    """That of the symmetric part of I − W."""
    W = matrix_of(layer, shape)
    M = torch.eye(W.shape[0], dtype=W.dtype) - W
    eigenvalues: Tensor = torch.linalg.eigvalsh((M + M.T) / 2)
    return eigenvalues[0]


def adversarial(layer: MonDEQ, shape: tuple[int, ...], effort: int, seed: int) -> Iterator[Case]:
    """Parameters found by descent on λ_min(I − W)."""
    for kind in ("own", "normal", "negative")[: 1 + effort]:
        at = AtLayer.of(layer, shape, (kind, seed))
        points = tuple(at.bias.shape[1:])
        if np.prod(points) > LARGEST_MATRIX:
            return
        for p in at.layer.parameters():
            p.requires_grad_(True)
        optimizer = torch.optim.Adam(at.layer.parameters(), lr=0.3)
        for _ in range(ASCENT_STEPS):
            optimizer.zero_grad()
            with torch.enable_grad():
                least_eigenvalue(at.layer, points).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        yield torch.nn.utils.parameters_to_vector(at.layer.parameters()).detach(), seed


def monotone(at: AtLayer) -> None:
    """⟨z, (I − W)z⟩ ≥ m‖z‖²."""
    shape, m = tuple(at.bias.shape[1:]), at.parametrization.m
    with torch.no_grad():
        if np.prod(shape) <= LARGEST_MATRIX:
            W = at.matrix()
            M = torch.eye(W.shape[0], dtype=W.dtype) - W
            values, vectors = torch.linalg.eigh((M + M.T) / 2)
            least, size, z = float(values[0]), float(values.abs().max()), vectors[:, 0]
        else:
            z = torch.randn(
                4, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
            )
            Wz = at.parametrization.multiply(at.parametrization.weight(), z)
            square = float((z * z).sum())
            least = float((z * (z - Wz)).sum()) / square
            size = 1 + float(Wz.norm()) / square**0.5
    formula = f"⟨z, (I − W)z⟩ ≥ m‖z‖² with m = {m:.8g}, whatever the parameters"
    holds = least >= m - 1e-10 * max(1.0, size)
    require(holds, "strongly_monotone", formula, least, m, z=z)


def solve_or_report(at: AtLayer, name: str, formula: str) -> Tensor | None:
    """The layer's value; that there is none is a violation."""
    try:
        return at.z
    except (sk.NotConvergedError, ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
        require(False, name, formula, error, "an equilibrium", x=at.x)
        return None


def equilibrium(at: AtLayer) -> None:
    """z = σ(Wz + Ux + b), with W as it is now."""
    formula = "z = σ(Wz + Ux + b) for z = layer(x), W as the parameters are now"
    z = solve_or_report(at, "equilibrium", formula)
    if z is None:
        return
    with torch.no_grad():
        Wz = at.parametrization.multiply(at.parametrization.weight(), z)
        right = at.layer.activation(Wz + at.bias)
    size = 1 + float(z.norm()) + float(Wz.norm()) + float(at.bias.norm())
    require(float((z - right).norm()) <= 1e-6 * size, "equilibrium", formula, z, right, x=at.x)


def unique(at: AtLayer) -> None:
    """The inclusion's solution from another start is z."""
    formula = "the equilibrium from another start is layer(x)"
    z = solve_or_report(at, "unique", formula)
    if z is None:
        return
    F, G = at.layer.inclusion(at.x)
    start = 10 * torch.randn(z.shape, dtype=z.dtype, generator=torch.Generator().manual_seed(1))
    try:
        found = sk.solve(
            F + G, start, sk.PeacemanRachford(), tol=TIGHT, max_iter=MOST_ITERATIONS, batch_ndim=1
        ).x
    except (sk.NotConvergedError, sk.NoGuaranteeError) as error:
        require(False, "unique", formula, error, z, x=at.x)
        return
    size = (1 + float(z.norm()) + float(at.bias.norm())) * max(1.0, 1 / at.parametrization.m)
    require(float((z - found).norm()) <= 1e-5 * size, "unique", formula, found, z, x=at.x)


def batch(at: AtLayer) -> None:
    """One sample of a batch is what the layer makes of it alone."""
    formula = "layer(x)[i] = layer(x[i])"
    z = solve_or_report(at, "batch_independence", formula)
    if z is None:
        return
    with torch.no_grad():
        alone = torch.cat([at.layer(at.x[i : i + 1]) for i in range(at.x.shape[0])])
    size = 1 + float(z.norm()) + float(at.bias.norm())
    holds = float((z - alone).norm()) <= 1e-6 * size
    require(holds, "batch_independence", formula, z, alone, x=at.x)


def own_input(at: AtLayer) -> Tensor:
    """The input in the dtype, and on the device, of the original layer."""
    return at.x.to(next(at.original.parameters()))


def kept(at: AtLayer) -> None:
    """The layer as it is: its value is like its input, the same twice, the input unchanged."""
    layer, x = copy.deepcopy(at.original).eval(), own_input(at)
    before = x.clone()
    with torch.no_grad():
        first, second = layer(x), layer(x)
    formula = "layer(x) does not change x"
    require(torch.equal(x, before), "no_mutation", formula, x, before)
    formula = "layer(x) is the same at the same x"
    require(torch.equal(first, second), "deterministic", formula, first, second, x=x)
    found = (first.dtype, first.device, first.shape[0])
    wanted = (x.dtype, x.device, x.shape[0])
    formula = "layer(x) has dtype, device and batch of x"
    require(found == wanted, "like_its_argument", formula, found, wanted, x=x)


def nan(at: AtLayer) -> None:
    """An input with NaN is refused, or gives NaN; it does not converge."""
    x = own_input(at).clone()
    x[-1] = float("nan")
    try:
        with torch.no_grad():
            value = copy.deepcopy(at.original).eval()(x)
    except (ValueError, sk.NotConvergedError):
        return
    formula = "layer(x) is not finite where x is NaN"
    require(not bool(torch.isfinite(value[-1]).all()), "nan", formula, value, "NaN", x=x)


def certificate(at: AtLayer) -> None:
    """‖z − z*‖ ≤ the certified error bound, at the layer's own tolerance."""
    layer, x = copy.deepcopy(at.original).eval(), own_input(at)
    with torch.no_grad():
        z = layer(x).double()
    record = layer.last_solve.forward
    assert record is not None
    size = 1 + float(at.z.norm())
    error = float((z - at.z).flatten(1).norm(dim=1).max())
    rounding = ROUNDINGS * float(torch.finfo(x.dtype).eps) * size / at.parametrization.m
    formula = "‖z − z*‖ ≤ layer.last_solve.forward.error_bound"
    holds = error <= record.error_bound * (1 + 1e-6) + rounding
    require(holds, "error_bound", formula, error, record.error_bound, x=x)


def stored(at: AtLayer) -> None:
    """The state dict holds all that the value depends on; so does a pickle."""
    layer, x = copy.deepcopy(at.original).eval(), own_input(at)
    with torch.no_grad():
        z = layer(x)
        other = copy.deepcopy(layer)
        draw_parameters(other, "normal", torch.Generator().manual_seed(0))
        other(x)
        other.load_state_dict(layer.state_dict())
        loaded = other(x)
    formula = "a layer with this state dict does what the layer does"
    require(torch.equal(loaded, z), "state_dict", formula, loaded, z, x=x)

    def value(layer: MonDEQ) -> list[tuple[str, Point]]:
        with torch.no_grad():
            return [("layer(x)", layer(x))]

    same_after_round_trip(layer, value, x)


def gradients(at: AtLayer) -> None:
    """The derivatives in input and parameters are those of the equilibrium, along directions."""
    layer, generator = at.layer, torch.Generator().manual_seed(0)
    names = [name for name, _ in layer.named_parameters()]
    start = [at.x, *(p.detach() for p in layer.parameters())]

    def f(values: list[Tensor]) -> Tensor:
        stated = dict(zip(names, values[1:], strict=True))
        value: Tensor = torch.func.functional_call(layer, stated, (values[0],))
        return value

    tracked = [value.clone().requires_grad_(True) for value in start]
    z = f(tracked)
    v = torch.randn(z.shape, dtype=z.dtype, generator=generator)
    slopes = torch.autograd.grad(z, tracked, v)
    formula = "⟨v, (z(θ + hd) − z(θ − hd))/(2h)⟩ = ⟨∇⟨v, z(θ)⟩, d⟩ for θ = (x, parameters)"
    for part in range(len(start)):
        d = [torch.zeros_like(value) for value in start]
        d[part] = torch.randn(d[part].shape, dtype=z.dtype, generator=generator)
        expected = float((slopes[part] * d[part]).sum())
        gaps = {}
        for h in (1e-4, 1e-5, 1e-6):  # a kink that lies within one step lies outside a shorter one
            with torch.no_grad():
                right = f([value + h * each for value, each in zip(start, d, strict=True)])
                left = f([value - h * each for value, each in zip(start, d, strict=True)])
            difference = float((v * (right - left)).sum()) / (2 * h)
            gaps[abs(difference - expected)] = difference
        scale = float(slopes[part].norm() * d[part].norm()) + float(v.norm())
        name = ("x", *names)[part]
        holds = min(gaps) <= 1e-5 * scale
        where = {"in": name, "d": d[part], "v": v}
        require(holds, "derivative", formula, gaps[min(gaps)], expected, **where)
