"""A batch in slices that caches hold.

The samples of a batch are independent, so that a solve may take them a few at a time. On a CPU it
is then several times faster: an array of many MiB is memory that the system hands out anew, page by
page, wherever one is made, and that of a slice is at hand. On a GPU one slice is best.
"""

from __future__ import annotations

from torch import Tensor

SLICE_BYTES = 6 * 2**20


def slices(x: Tensor) -> list[slice]:
    """Slices of the first axis of points like x, of equal lengths but for the last."""
    size = x.element_size() * x.numel()
    if x.device.type != "cpu" or size <= SLICE_BYTES:
        return [slice(None)]
    count = min(len(x), -(-size // SLICE_BYTES))
    length = -(-len(x) // count)
    return [slice(i, i + length) for i in range(0, len(x), length)]
