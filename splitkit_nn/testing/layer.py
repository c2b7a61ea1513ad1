"""``check_layer``: is a layer a monotone equilibrium network, whatever its parameters?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from hypothesis import strategies as st

from splitkit.backend import namespace
from splitkit.testing import Suite, suite
from splitkit.testing._place import Place
from splitkit.testing._shared import wrong_kind
from splitkit.testing._suite import Case, Property
from splitkit_nn.layers import MonDEQ
from splitkit_nn.testing.case import KINDS, AtLayer
from splitkit_nn.testing.derivatives import first_order, second_order
from splitkit_nn.testing.equilibria import (
    adversarial,
    fixed_point,
    from_afar,
    monotone,
    one_by_one,
    tracked,
    value_law,
)
from splitkit_nn.testing.input_map import input_norm
from splitkit_nn.testing.module import certificate, kept, nan, stored

EXAMPLES = 8


def check_layer(
    layer: MonDEQ,
    input_shape: tuple[int, ...] | None = None,
    *,
    max_examples: int | None = None,
    seed: int = 0,
) -> None:
    """Look for parameters and inputs for which a layer is not a monotone equilibrium network.

    Checked, for parameters as they are, drawn, and sought by gradient descent on the least
    eigenvalue: I − W ⪰ mI, with W tracked by autograd; z = σ(Wz + Ux + b), also after the
    parameters were changed in place; the same z from other starts; batch elements independent; the
    same value twice; shape, dtype and input kept; NaN refused; the certified error bound;
    ‖U‖ ≤ input_norm(), where there is one; a state dict and a pickle give the same layer, whatever
    stands in tensors that are neither parameters nor buffers; first and second derivatives against
    finite differences. The layer is not changed.

    Parameters
    ----------
    layer : MonDEQ
    input_shape : tuple of int, optional
        Of one input, without batch; default: the parametrization's.
    max_examples : int, optional
        How many parameters and inputs are drawn; 8 by default.
    seed : int
        Which: the same ones for the same seed.

    Raises
    ------
    AssertionError
        A property is violated; the message states it, the numbers of both sides, and code that
        shows it again.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> layer = sknn.MonDEQ(sknn.MonotoneDense(in_features=4, features=8, m=1.0))
    >>> from splitkit_nn.testing import check_layer
    >>> check_layer(layer, max_examples=1)
    """
    __tracebackhide__ = True
    if not isinstance(layer, MonDEQ):
        raise wrong_kind("layer", layer, "layer")
    shapes = () if input_shape is None else (input_shape,)
    suite(layer, *shapes).run(max_examples, seed)


@suite.register(MonDEQ)
def layer_suite(
    layer: MonDEQ, input_shape: tuple[int, ...] | None = None, *, xp: Any = None
) -> Suite:
    """The properties of a layer; see ``check_layer``. A case is (kind of parameters, seed), and the
    library Torch, as messages of all checks name it.

    Examples
    --------
    >>> from splitkit_nn.testing import layer_suite
    >>> layer = sknn.MonDEQ(sknn.MonotoneDense(in_features=2, features=3), tol=1e-7)
    >>> layer_suite(layer).run(max_examples=1, only="equilibrium")
    """
    given = () if input_shape is None else (input_shape,)
    shape = layer.parametrization.input_shape if input_shape is None else input_shape
    xp = namespace(torch.zeros(1))
    place = Place.of(shape, xp=xp)
    loose = 1e-5 * max(1.0, 1 / layer.parametrization.m)
    cases = st.tuples(st.sampled_from(KINDS), st.integers(0, 999))

    def once(effort: int, seed: int) -> Iterator[Case]:
        yield "own", seed

    def off_zero(effort: int, seed: int) -> Iterator[Case]:
        # a parameter that starts at 0 may have no derivative there
        yield from (("own", seed), ("normal", seed))

    properties = (
        Property(kept, ("deterministic", "no_mutation", "like_its_argument"), once, drawn=False),
        Property(tracked, ("tracked_weight",), once, drawn=False),
        Property(monotone, ("strongly_monotone",), partial(adversarial, layer, shape)),
        value_law(
            "equilibrium",
            "layer(x) = σ(Wz + Ux + b) for z = layer(x), W as the parameters are now",
            fixed_point,
        ),
        value_law("unique", "layer(x) is the equilibrium from another start", from_afar, loose),
        value_law("batch_independence", "layer(x)[i] = layer(x[i])", one_by_one),
        Property(input_norm, ("input_norm",)),
        Property(nan, ("nan",), once, drawn=False),
        Property(certificate, ("error_bound",), once, drawn=False),
        Property(stored, ("state_dict", "serialization"), once, drawn=False),
        Property(first_order, ("derivative",), off_zero, drawn=False),
        Property(second_order, ("second_derivative",), once, drawn=False),
    )
    at = partial(AtLayer.of, layer, shape)
    return Suite(layer, given, place, cases, at, properties, EXAMPLES)
