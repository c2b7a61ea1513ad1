"""Whole models: an equilibrium layer and a head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from torch import Tensor, nn
from torch.nn import functional

from splitkit.arguments import check_integer
from splitkit_nn.layers import MonDEQ
from splitkit_nn.linear.base import Parametrization
from splitkit_nn.linear.conv2d import MonotoneConv2d
from splitkit_nn.linear.dense import MonotoneDense
from splitkit_nn.linear.multitier import MonotoneMultiTier

POOL = 4  # side of the squares over which the single convolution is averaged


class Classifier(nn.Module):
    """Logits of an equilibrium layer: the dense ``head`` of what ``features`` makes of z.

    Parameters
    ----------
    parametrization : Parametrization
    features, classes : int
        How many numbers the head reads and gives.
    tol : float
        Relative tolerance of the solves; the paper trains at 1e-2.
    max_iter : int
    layer
        What else ``MonDEQ`` takes, by keyword: activation, method, gradient, on_failure, ….

    Raises
    ------
    TypeError, ValueError
        A size is no positive integer, or m, ``tol`` or ``max_iter`` is beyond its
        range; called, inputs of another shape, dtype or device.

    Examples
    --------
    >>> class Mean(sknn.Classifier):  # a head that reads the mean over the image
    ...     def features(self, z):
    ...         return z.mean((-2, -1))
    >>> W = sknn.MonotoneConv2d(1, 4, side=6)
    >>> model = Mean(W, 4, 10, tol=1e-2, max_iter=300)
    >>> model(torch.randn(5, 1, 6, 6)).shape
    torch.Size([5, 10])
    """

    def __init__(
        self,
        parametrization: Parametrization,
        features: int,
        classes: int,
        *,
        tol: float,
        max_iter: int,
        **layer: Any,
    ) -> None:
        super().__init__()
        self.layer = MonDEQ(parametrization, tol=tol, max_iter=max_iter, **layer)
        self.head = nn.Linear(features, check_integer("classes", classes, 1))

    @classmethod
    def of(cls, layer: MonDEQ, head: nn.Linear) -> Self:
        """A model of this class from its two parts."""
        model = cls.__new__(cls)
        nn.Module.__init__(model)
        model.layer, model.head = layer, head
        return model

    def inputs(self, x: Tensor) -> Tensor:
        """What the layer takes, of the model's input."""
        return x

    def features(self, z: Tensor) -> Tensor:
        """What the head reads, shape (batch, features), linear in the equilibrium z."""
        raise NotImplementedError

    def readout(self, z: Tensor) -> Tensor:
        """Logits of equilibria, affine in them."""
        return self.head(self.features(z))

    def forward(self, x: Tensor) -> Tensor:
        """Logits for each sample."""
        return self.readout(self.layer(self.inputs(x)))


class DenseClassifier(Classifier):
    """Logits of a dense equilibrium network: flatten, ``MonDEQ``, linear head.

    Parameters
    ----------
    in_features, features, classes : int
    m : float
        Strong monotonicity.
    tol : float
        Relative tolerance of the solves; the paper trains at 1e-2.
    max_iter : int
    layer
        What else ``MonDEQ`` takes, by keyword: activation, method, gradient, on_failure, ….

    Notes
    -----
    Input (batch, …) with in_features entries a sample; output (batch, classes). 784 → 87 → 10 has
    the 84,313 parameters of the paper's fully connected MNIST model.

    Raises
    ------
    TypeError, ValueError
        A size is no positive integer, or m, ``tol`` or ``max_iter`` is beyond its
        range; called, inputs of another shape, dtype or device.

    Examples
    --------
    >>> model = sknn.DenseClassifier(4, 8, 3)
    >>> model(torch.randn(5, 4)).shape
    torch.Size([5, 3])
    """

    def __init__(
        self,
        in_features: int,
        features: int,
        classes: int,
        *,
        m: float = 1.0,
        tol: float = 1e-2,
        max_iter: int = 300,
        **layer: Any,
    ) -> None:
        super().__init__(
            MonotoneDense(in_features, features, m),
            features,
            classes,
            tol=tol,
            max_iter=max_iter,
            **layer,
        )

    def inputs(self, x: Tensor) -> Tensor:
        return x.flatten(1)

    def features(self, z: Tensor) -> Tensor:
        return z


class ConvClassifier(Classifier):
    """Logits of a single convolution: ``MonDEQ``, average over squares of side 4, linear head.

    Parameters
    ----------
    in_channels, channels : int
    side : int or (int, int)
        Of the image.
    classes : int
    kernel_size : int
    m, tol, max_iter, layer
        As in ``DenseClassifier``.

    Notes
    -----
    Input (batch, in_channels, *side). The hidden grid with its border is averaged; rows and columns
    that fill no square are left out. The paper's models are 1, 54, 28 (79,500 parameters) and
    3, 81, 32 (172,218), the large one 3, 200, 32 (853,612).

    Raises
    ------
    TypeError, ValueError
        A size is no positive integer, or m, ``tol`` or ``max_iter`` is beyond its
        range; called, inputs of another shape, dtype or device.

    Examples
    --------
    >>> model = sknn.ConvClassifier(1, channels=4, side=8, classes=3)
    >>> model(torch.randn(2, 1, 8, 8)).shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        side: int | tuple[int, int],
        classes: int,
        kernel_size: int = 3,
        *,
        m: float = 1.0,
        tol: float = 1e-2,
        max_iter: int = 300,
        **layer: Any,
    ) -> None:
        convolution = MonotoneConv2d(in_channels, channels, side, kernel_size, m)
        height, width = (n // POOL for n in (convolution.grid.height, convolution.grid.width))
        if not height * width:
            raise ValueError(
                f"side = {side}: the hidden grid needs at least {POOL} rows and columns"
            )
        super().__init__(
            convolution, channels * height * width, classes, tol=tol, max_iter=max_iter, **layer
        )

    def features(self, z: Tensor) -> Tensor:
        return functional.avg_pool2d(z, POOL).flatten(1)


class MultiTierClassifier(Classifier):
    """Logits of a multi-tier network: ``MonDEQ``, linear head on the whole last tier.

    Parameters
    ----------
    in_channels : int
    channels : sequence of int
        Of the tiers.
    side : int or (int, int)
        Of the image.
    classes : int
    kernel_size : int
    m, tol, max_iter, layer
        As in ``DenseClassifier``.

    Notes
    -----
    Input (batch, in_channels, *side). The paper's models are 1, (16, 32, 32), 28 (81,394
    parameters) and 3, (16, 32, 60), 32 (170,194), the large one 3, (64, 128, 128), 32 (1,014,546).

    Raises
    ------
    TypeError, ValueError
        A size is no positive integer, or m, ``tol`` or ``max_iter`` is beyond its
        range; called, inputs of another shape, dtype or device.

    Examples
    --------
    >>> model = sknn.MultiTierClassifier(1, channels=(4, 4), side=8, classes=3)
    >>> model(torch.randn(2, 1, 8, 8)).shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int],
        side: int | tuple[int, int],
        classes: int,
        kernel_size: int = 3,
        *,
        m: float = 1.0,
        tol: float = 1e-2,
        max_iter: int = 300,
        **layer: Any,
    ) -> None:
        tiers = MonotoneMultiTier(in_channels, channels, side, kernel_size, m)
        last = tiers.lattices[-1]
        features = tiers.channels[-1] * last.height * last.width
        super().__init__(tiers, features, classes, tol=tol, max_iter=max_iter, **layer)

    def features(self, z: Tensor) -> Tensor:
        return z[:, -self.head.in_features :]
