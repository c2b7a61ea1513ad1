"""How the layer finds ũ = J(v + Wᵀũ), exactly or not: the menu of gradients.

| name | ũ | bias |
|---|---|---|
| cotangent | the layer's method on the cotangent inclusion, to its tolerance | the tolerance's |
| direct | one dense linear solve for each sample | none; memory n² a sample |
| truncated | the same as cotangent, stopped after so many steps | O(rateᵏ) |
| jacobian_free | Jv: Wᵀũ is left out | that of one step; a descent direction if W is small |
| unrolled | reverse mode through k forward-backward steps from 0 | of z itself; memory ∝ k |

Sources: Winston, Kolter (2020); Fung et al., *JFB: Jacobian-free backpropagation for implicit
networks* (2022); Geng et al., *On training implicit models* (2021).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

import splitkit as sk
from splitkit.arguments import POSITIVE, check_integer, check_number, check_options, option
from splitkit_nn.activations import Activation
from splitkit_nn.activations.base import number
from splitkit_nn.activations.jacobians import Jacobian

# σ with the given values of its learned parameters, in the layer's order
Learned = Callable[[Sequence[Tensor] | Sequence[float]], Activation]
# (J, v, transposed, steps=None) ↦ ũ by the layer's method; to its tolerance, or after so many steps
Solver = Callable[..., Tensor]


@dataclass(frozen=True)
class GradientRule:
    """A way to find ũ; a subclass gives ``solve``, and says whether it is ``exact``.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from typing import ClassVar
    >>> @dataclass(frozen=True)
    ... class TwoSteps(sknn.GradientRule):  # ũ = J(v + WᵀJv), W = I − M
    ...     name: ClassVar[str] = "two steps"
    ...     def solve(self, M, J, v, transposed, iterate):
    ...         u = J(v)
    ...         return J(v + u - (M.T if transposed else M)(u))
    >>> layer = sknn.MonDEQ(sknn.MonotoneDense(in_features=4, features=8), gradient=TwoSteps())
    >>> found = sknn.compare_gradients(layer, torch.randn(5, 4), gradients=[TwoSteps(), "direct"])
    >>> print(found["two steps"].relative_error > found["direct"].relative_error)
    True
    """

    name: ClassVar[str]
    exact: ClassVar[bool] = False

    def solve(
        self, M: sk.LinearOperator, J: Jacobian, v: Tensor, transposed: bool, iterate: Solver
    ) -> Tensor:
        """ũ for M = I − W; ``iterate`` is the layer's own solver."""
        raise NotImplementedError(f"{type(self).__name__} must define solve")


@dataclass(frozen=True)
class CotangentSolve(GradientRule):
    """The layer's own method, to its own tolerance: exact to it.

    Examples
    --------
    >>> W = sknn.MonotoneDense(in_features=4, features=8)
    >>> layer = sknn.MonDEQ(W, gradient=sknn.CotangentSolve())
    >>> layer(torch.randn(5, 4)).shape
    torch.Size([5, 8])
    """

    name: ClassVar[str] = "cotangent"
    exact: ClassVar[bool] = True

    def solve(
        self, M: sk.LinearOperator, J: Jacobian, v: Tensor, transposed: bool, iterate: Solver
    ) -> Tensor:
        return iterate(J, v, transposed)


@dataclass(frozen=True)
class Direct(GradientRule):
    """(I − JWᵀ)ũ = Jv by a dense factorization for each sample.

    Examples
    --------
    >>> W = sknn.MonotoneDense(in_features=4, features=8)
    >>> layer = sknn.MonDEQ(W, gradient=sknn.Direct())
    >>> layer(torch.randn(5, 4)).shape
    torch.Size([5, 8])
    """

    name: ClassVar[str] = "direct"
    exact: ClassVar[bool] = True

    def solve(
        self, M: sk.LinearOperator, J: Jacobian, v: Tensor, transposed: bool, iterate: Solver
    ) -> Tensor:
        size = v[0].numel() if len(v) else 0
        basis = torch.eye(size, dtype=v.dtype, device=v.device).reshape(size, *v.shape[1:])
        images = (M.T if transposed else M)(basis)
        # column i of I − JWᵀ = I + J(Mᵀ − I)
        columns = [
            (e + J((image - e).expand_as(v))).flatten(1)
            for e, image in zip(basis, images, strict=True)
        ]
        if not columns:
            return v.clone()
        u_tilde: Tensor = torch.linalg.solve(torch.stack(columns, dim=2), J(v).flatten(1))
        return u_tilde.reshape(v.shape)


@dataclass(frozen=True)
class JacobianFree(GradientRule):
    """ũ = Jv.

    Examples
    --------
    >>> W = sknn.MonotoneDense(in_features=4, features=8)
    >>> layer = sknn.MonDEQ(W, gradient=sknn.JacobianFree())
    >>> layer(torch.randn(5, 4)).shape
    torch.Size([5, 8])
    """

    name: ClassVar[str] = "jacobian_free"

    def solve(
        self, M: sk.LinearOperator, J: Jacobian, v: Tensor, transposed: bool, iterate: Solver
    ) -> Tensor:
        return J(v)


@dataclass(frozen=True)
class Truncated(GradientRule):
    """The cotangent solve, stopped after ``steps`` iterations.

    Parameters
    ----------
    steps : int

    Raises
    ------
    TypeError, ValueError
        ``steps`` is no positive integer.

    Examples
    --------
    >>> W = sknn.MonotoneDense(in_features=4, features=8)
    >>> layer = sknn.MonDEQ(W, gradient=sknn.Truncated(steps=5))
    >>> layer(torch.randn(5, 4)).shape
    torch.Size([5, 8])
    """

    steps: int = option(5, check_integer, least=1)
    name: ClassVar[str] = "truncated"

    def __post_init__(self) -> None:
        check_options(self)

    def solve(
        self, M: sk.LinearOperator, J: Jacobian, v: Tensor, transposed: bool, iterate: Solver
    ) -> Tensor:
        return iterate(J, v, transposed, self.steps)


@dataclass(frozen=True)
class Unrolled(GradientRule):
    """z is the k-th forward-backward iterate from 0, and its gradient is that of the iteration.

    Parameters
    ----------
    steps : int
        k.
    alpha : float, optional
        Step size, one at which forward-backward is guaranteed to converge; default m/L².

    Raises
    ------
    TypeError, ValueError
        ``steps`` is no positive integer, or ``alpha`` no positive number.

    Examples
    --------
    >>> W = sknn.MonotoneDense(in_features=4, features=8)
    >>> layer = sknn.MonDEQ(W, gradient=sknn.Unrolled(steps=50))
    >>> layer(torch.randn(5, 4)).shape
    torch.Size([5, 8])
    """

    steps: int = option(50, check_integer, least=1)
    alpha: float | None = option(None, check_number, within=POSITIVE)
    name: ClassVar[str] = "unrolled"

    def __post_init__(self) -> None:
        check_options(self)

    def unroll(
        self,
        product: Callable[[Tensor], Tensor],
        bias: Tensor,
        sigma: Learned,
        theta: Sequence[Tensor],
        alpha: float,
    ) -> Tensor:
        """z⁺ = prox_{αf}(z − α(z − Wz − bias)), recorded; ``product`` is z ↦ Wz."""
        z = torch.zeros_like(bias)
        for _ in range(self.steps):
            y = (1 - alpha) * z + alpha * (product(z) + bias)
            z = ProximalMap.apply(y, alpha, sigma, *theta)  # type: ignore[no-untyped-call]
        return z


class ProximalMap(torch.autograd.Function):
    """(y, θ) ↦ x = prox_{αf}(y); its Jacobian is J_α at s = (y − (1 − α)x)/α, in the attached x.

    From x = σ_θ(s), the derivative in θ is (I − (1 − α)J_α) ∂σ_θ(s)/∂θ.
    """

    @staticmethod
    def forward(ctx: Any, y: Tensor, alpha: float, sigma: Learned, *theta: Tensor) -> Tensor:
        x: Tensor = sigma([number(each) for each in theta]).prox(y, alpha)
        ctx.alpha, ctx.sigma = alpha, sigma
        ctx.save_for_backward(y, x, *theta)
        return x

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        y, x, *theta = ctx.saved_tensors
        v, alpha = cotangents[0], ctx.alpha
        s = (y - (1 - alpha) * x) / alpha
        of_y = ctx.sigma(theta).jacobian(s).proximal(alpha)(v)
        if not theta:
            return of_y, None, None
        return of_y, None, None, *parameter_gradient(ctx.sigma, theta, s, v - (1 - alpha) * of_y)


def parameter_gradient(
    sigma: Learned, theta: Sequence[Tensor], y: Tensor, g: Tensor
) -> tuple[Tensor, ...]:
    """The derivative of ⟨g, σ_θ(y)⟩ in θ, differentiable again."""
    pull: Any = torch.func.vjp(lambda *values: sigma(values)(y), *theta)[1]
    return pull(g)


GRADIENTS: dict[str, type[GradientRule]] = {
    kind.name: kind for kind in (CotangentSolve, Direct, JacobianFree, Truncated, Unrolled)
}


def find_gradient(gradient: str | GradientRule) -> GradientRule:
    """A gradient by name, or the object itself; ValueError if the name is unknown."""
    if isinstance(gradient, GradientRule):
        return gradient
    if gradient not in GRADIENTS:
        raise ValueError(
            f"gradient = {gradient!r}: use one of {', '.join(GRADIENTS)}, or an object such as "
            "Truncated(steps=5)"
        )
    return GRADIENTS[gradient]()
