"""What a compiled model leaves as it stands: a graph break.

The decorator imports Torch's compiler, which takes about as long as Torch itself: this module is
imported while a model is compiled, when it is there.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch

REASON = (
    'unrolled, under torch.func transforms, in forward mode and with gradient="unrolled" a '
    "MonDEQ runs as it stands in a compiled model: leave fullgraph=True out"
)
_HAS_REASON = "reason" in inspect.signature(torch.compiler.disable).parameters  # Torch 2.7 has not


@torch.compiler.disable(**({"reason": REASON} if _HAS_REASON else {}))  # type: ignore[no-untyped-call, untyped-decorator]
def outside(function: Callable[..., Any], *given: Any) -> Any:
    """The function of these, not compiled."""
    return function(*given)
