"""Copies of modules to work on."""

from __future__ import annotations

import copy
from typing import TypeVar

from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


def copied(module: M) -> M:
    """A deep copy, also of modules that keep what a hook computed from parameters, as pruning and
    weight norm do: there those tensors are constants, until the hook computes them anew.
    """
    computed = [
        value
        for each in module.modules()
        for value in vars(each).values()
        if isinstance(value, Tensor) and not value.is_leaf
    ]
    return copy.deepcopy(module, {id(value): value.detach().clone() for value in computed})
