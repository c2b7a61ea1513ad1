"""An activation on a part of the entries, and zero on the others."""

from __future__ import annotations

import splitkit as sk
from splitkit.backend import Array, Point, Scalar, Space, namespace
from splitkit.operators.base import PointMap
from splitkit.properties import Properties
from splitkit_nn.activations import Activation
from splitkit_nn.activations.jacobians import Jacobian


class Masked(Activation):
    """Kσ, K keeping the entries where the mask is true.

    An activation on a part of the entries, and zero on the others.

    With f separable over the entries kept and f_K = f there plus the indicator of {z = 0
    elsewhere}, prox_{αf_K} = K prox_{αf}, K the projection onto the entries kept. So a network
    whose hidden grid has a border of zeros stays an equilibrium network: what a circular
    convolution writes over the border is removed by the activation. Source: Winston, Kolter (2020),
    App. C.2.

    Parameters
    ----------
    activation : Activation
        σ; it must act on the kept entries without the others, as an elementwise one does, or one
        that acts along axes over which the mask is constant.
    mask : bool array
        It broadcasts to the points; a first axis as long as the batch holds one for each sample.

    Raises
    ------
    TypeError, ValueError
        It is no activation; applied, the mask does not fit.

    Examples
    --------
    >>> σ = sknn.Masked(sknn.ReLU(), torch.tensor([True, False, True]))
    >>> print(σ(torch.tensor([2.0, 3.0, -1.0])))
    tensor([2., 0., 0.])
    """

    def __init__(self, activation: Activation, mask: Array) -> None:
        if not isinstance(activation, Activation):
            raise TypeError(f"activation = {activation!r}: give a splitkit_nn.Activation")
        inner = activation.mask
        self.activation, self.mask = activation, mask if inner is None else mask & inner
        self.slopes = (0.0, activation.slopes[1])
        self.elementwise = activation.elementwise

    @property
    def operator(self) -> sk.Operator:
        return MaskedOperator(self.activation.operator, self.mask)

    def __call__(self, y: Array) -> Array:
        return _keep(self.mask, self.activation(y))

    def derivative(self, y: Array) -> Array:
        return _keep(self.mask, self.activation.derivative(y))

    def jacobian(self, y: Array) -> Jacobian:
        return self._kept(self.activation.jacobian(y))

    def jacobian_at_value(self, z: Array) -> Jacobian | None:
        J = self.activation.jacobian_at_value(z)
        return None if J is None else self._kept(J)

    def _kept(self, J: Jacobian) -> Jacobian:
        return J.of(*(_keep(self.mask, array) for array in J.arrays))  # KJK

    def prox(self, y: Array, alpha: Scalar = 1.0) -> Array:
        return _keep(self.mask, self.activation.prox(y, alpha))

    def __repr__(self) -> str:
        return f"Masked({self.activation!r})"


def tells_apart(mask: Array | None, points: Array) -> bool:
    """Whether there is a mask for each sample of such points."""
    return mask is not None and mask.ndim == points.ndim and mask.shape[0] != 1


class MaskedOperator(sk.Operator):
    """∂f_K = ∂f on the entries kept, N_{0} on the others: resolvent K R_{αG}, G = ∂f."""

    properties: Properties

    def __init__(self, G: sk.Operator, mask: Array) -> None:
        self.G, self.mask = G, mask
        # N_{0} has every constant of strong monotonicity, and no Lipschitz constant
        self.properties = Properties.of(
            monotone=True,
            strong_monotonicity=G.strong_monotonicity,
            gradient=G.properties.gradient,
            maximal=True,
        )

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        resolvent, mask = self.G.make_resolvent(alpha), self.mask
        return lambda y: _keep(mask, resolvent(y))

    def make_cayley(self, alpha: Scalar) -> PointMap:
        cayley, mask = self.G.make_cayley(alpha), self.mask
        where = namespace(mask).where
        return lambda y: where(mask, cayley(y), -y)

    def check_space(self, space: Space) -> None:
        self.G.check_space(space)

    def __repr__(self) -> str:
        return f"Masked({self.G!r})"


def _keep(mask: Array, x: Point) -> Point:
    xp = namespace(x)
    return xp.where(mask, x, xp.zeros_like(x))
