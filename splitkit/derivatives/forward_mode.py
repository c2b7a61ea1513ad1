"""What a ``jvp`` of a ``torch.autograd.Function`` needs, so that it has tangents in its turn.

Torch calls it with forward mode turned off, that of the levels around it too: tangents of functions
that it applies would be 0 there, without a word. So forward mode is on in ours, and what was saved
loses the tangents of the level at hand, but keeps those of others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad


def whole(tangents: Sequence[Tensor | None], like: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The tangents, zero where there is none."""
    pairs = zip(tangents, like, strict=True)
    return tuple(torch.zeros_like(x) if t is None else t for t, x in pairs)


def primals(ctx: Any) -> list[Tensor]:
    """What was saved, without the tangents of the level at which a ``jvp`` runs."""
    with forward_mode():
        return [forward_ad.unpack_dual(each).primal for each in ctx.saved_tensors]  # type: ignore[no-untyped-call]


@contextmanager
def forward_mode() -> Iterator[None]:
    """Torch turns forward mode off in a ``jvp``, and that of the levels around it too, whose
    tangents of functions such as these would then be 0 without a word. Leaving inference mode turns
    it on; whether reverse mode records stays as it is.
    """
    recorded = torch.is_grad_enabled()
    with torch.inference_mode(False), torch.set_grad_enabled(recorded):
        yield
