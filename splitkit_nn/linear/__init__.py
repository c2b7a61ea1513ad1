"""Parametrizations of W with I − W ⪰ mI; one line each is their registry."""

from splitkit_nn.linear.base import Parametrization as Parametrization
from splitkit_nn.linear.conv2d import MonotoneConv2d as MonotoneConv2d
from splitkit_nn.linear.dense import (
    MatrixParametrization as MatrixParametrization,
    MonotoneDense as MonotoneDense,
)
from splitkit_nn.linear.infinity import MonotoneInfinity as MonotoneInfinity
from splitkit_nn.linear.lipschitz import MonotoneLipschitz as MonotoneLipschitz
from splitkit_nn.linear.multitier import MonotoneMultiTier as MonotoneMultiTier
from splitkit_nn.linear.triangular import MonotoneTriangular as MonotoneTriangular
