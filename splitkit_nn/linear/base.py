"""A parametrization gives W with I − W ⪰ mI for every value of its parameters.

It is a module with an input map Ux + b; a *weight*, the tensor that stands for W at one moment and
by which gradients reach the parameters; and I − W as a linear operator of the core, which is never
differentiated.

Points are arrays of any shape that starts with the batch: (batch, features), or (batch, channels,
height, width). Parts of different shapes are kept in one array, flattened one after the other, as
the tiers of ``MonotoneMultiTier``: the layer, its solver and its derivatives then know one kind of
point, and a step of the solver costs one sum in place of one for each part.
"""

from __future__ import annotations

import inspect
import math
from typing import Any

import torch
from torch import Tensor, nn

from splitkit import LinearOperator, NoGuaranteeError
from splitkit.arguments import POSITIVE, check_number
from splitkit.functions.declared import show
from splitkit_nn.activations import Activation
from splitkit_nn.linear.bounds.base import LipschitzBounds
from splitkit_nn.linear.bounds.scalar import scalar_bounds


class Parametrization(nn.Module):
    """Base class; a subclass holds the parameters and gives the methods below.

    What its constructor takes it keeps as attributes of the same names: so ``save`` can keep it.

    Parameters
    ----------
    m : float
        Strong monotonicity of I − W, positive.

    Raises
    ------
    TypeError, ValueError
        m is no positive number; called, inputs of another dtype, device or shape.

    Examples
    --------
    >>> W = sknn.MonotoneDense(in_features=4, features=8, m=0.5)
    >>> M = W.operator(exact=True)  # I − W
    >>> m, L = W.constants(M)
    >>> print(W.input_shape, m >= 0.5, W.input_norm() > 0)
    (4,) True True
    """

    formula = r"I - W \succeq mI"  # how W is made, in LaTeX

    def __init__(self, m: float) -> None:
        super().__init__()
        self.m = check_number("m", m, POSITIVE)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """W and Ux + b. The layer calls its parametrization as a module, so that what hangs on such
        calls works on parameters here too: pruning, weight and spectral norm, sharding.
        """
        W = self.weight()
        check_like(x, W)
        return W, self.bias(x)

    @property
    def like(self) -> Tensor:
        """A parameter, whose dtype and device are the parametrization's."""
        return next(self.parameters())

    def weights(self) -> dict[str, Tensor]:
        """The parameters on which W depends, by name: all but those of the input map ``U``."""
        return {name: p for name, p in self.named_parameters() if not name.startswith("U.")}

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *rest: Any) -> None:
        # a scale without an axis, of the paper's code and of older files, means the same
        for name, parameter in self.named_parameters():
            value = state.get(prefix + name)
            if isinstance(value, Tensor) and value.ndim == 0 and parameter.shape == (1,):
                state[prefix + name] = value.reshape(1)
        super()._load_from_state_dict(state, prefix, *rest)

    def bias(self, x: Tensor) -> Tensor:
        """Ux + b, a point for each sample of the batch."""
        raise NotImplementedError

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one input, without the batch."""
        raise NotImplementedError(f"{type(self).__name__} must define input_shape")

    def check_input(self, x: Tensor) -> None:
        """Raise ValueError unless x has the shape of an input."""
        if tuple(x.shape[1:]) != self.input_shape:
            wanted = ", ".join(map(str, self.input_shape))
            raise ValueError(f"x has shape {tuple(x.shape)}: give (batch, {wanted})")

    def weight(self) -> Tensor:
        """The tensor that stands for W as it is now, tracked by autograd."""
        raise NotImplementedError

    def multiply(self, W: Tensor, z: Tensor) -> Tensor:
        """Wz of a weight W, differentiable; it reads no parameter."""
        raise NotImplementedError

    def multiply_transpose(self, W: Tensor, v: Tensor) -> Tensor:
        """Wᵀv of a weight W, differentiable; it reads no parameter."""
        raise NotImplementedError

    def outer(self, W: Tensor, p: Tensor, z: Tensor) -> Tensor:
        """The derivative of ⟨p, Wz⟩ in the weight, at W and like it; differentiable.

        Where W is linear in the weight it does not depend on W.
        """
        raise NotImplementedError

    def confine(self, activation: Activation) -> Activation:
        """The activation with which the layer runs: the given one, or it on a part of z alone."""
        return activation

    def input_norm(self) -> float:
        """An upper bound of ‖U‖ that holds."""
        raise NotImplementedError

    def linf_gain(self, activation: Activation) -> float:
        """A Lipschitz constant of x ↦ z in ℓ∞ that holds; inf where nothing is known but by ℓ2."""
        return math.inf

    def operator(self, W: Tensor | None = None, *, exact: bool) -> LinearOperator:
        """I − W of a weight W, by default the present one, detached. ``exact=False``: its constants
        may be the declared m and a cheap bound of L that holds.
        """
        raise NotImplementedError

    def constants(self, M: LinearOperator) -> tuple[float, float]:
        """m and L of I − W, which is M; m is at least the one that is proved.

        Raises
        ------
        splitkit.NoGuaranteeError
            M knows no Lipschitz constant.
        """
        m, L = M.properties.strong_monotonicity, M.properties.lipschitz
        if L is None:
            raise NoGuaranteeError(
                f"operator(exact=True) of {type(self).__name__} has no Lipschitz constant, of "
                "which steps and certificates are made: give its map a norm"
            )
        m = self.m if m is None else max(self.m, m)
        return m, max(m, L)

    def lipschitz_bounds(
        self, activation: Activation, rows: Tensor, differences: Tensor, **search: Any
    ) -> LipschitzBounds:
        """Lipschitz constants of x ↦ ⟨w, z⟩ for each w that is a combination of rows; in float64.

        Parameters
        ----------
        activation : Activation
            The layer's, so that z is zero where its ``mask`` is false.
        rows, differences : Tensor, shapes (classes, *point), (k, classes)
            ``differences`` holds the coefficients of each w.
        search
            ``steps`` and ``watch``, as for ``splitkit_nn.lipschitz_bounds``.
        """
        return scalar_bounds(
            self.operator(exact=True),
            self.input_norm(),
            activation.mask,
            rows,
            differences,
            math.prod(self.input_shape),
            **search,
        )

    def extra_repr(self) -> str:
        """What the constructor takes."""
        names = inspect.signature(type(self)).parameters
        return show(**{name: getattr(self, name, None) for name in names})


def prepare(container: nn.Module) -> None:
    """Run the hooks before the call of a module that nothing calls, as a list of parameters: those
    of pruning, weight norm and sharding make its entries what they are.
    """
    for number, hook in container._forward_pre_hooks.items():
        hook(container, (), {}) if number in container._forward_pre_hooks_with_kwargs else hook(
            container, ()
        )


def check_like(x: Tensor, W: Tensor) -> None:
    """Raise TypeError or ValueError unless an input has the weight's precision and device."""
    if W.dtype not in (torch.float32, torch.float64):
        raise TypeError(
            f"the layer has dtype {W.dtype}, in which nothing can be solved: make it "
            "float32 or float64 (.float()); torch.autocast gives it other inputs"
        )
    if x.device != W.device:
        raise ValueError(f"x is on {x.device}, but the layer on {W.device}: move one")
    if x.dtype != W.dtype:
        raise TypeError(
            f"x has dtype {x.dtype}, but the layer {W.dtype}: convert x or the layer (.to)"
        )


def frobenius_bound(M: Tensor) -> float:
    """max ‖M‖_F ≥ max ‖M‖ over a batch of matrices; in double precision where squares overflow."""
    # a norm of reals is several times as fast as one of complex numbers
    entries, axes = (torch.view_as_real(M), (-3, -2, -1)) if M.is_complex() else (M, (-2, -1))
    bound = float(torch.linalg.vector_norm(entries, dim=axes).max())
    if not math.isfinite(bound):
        bound = float(torch.linalg.vector_norm(entries, dim=axes, dtype=torch.float64).max())
    return bound
