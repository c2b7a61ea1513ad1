"""Convolution that does not wrap around: a border, a periodic convolution, what is kept of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from splitkit.arguments import check_choice, check_sizes
from splitkit.backend import Array, device, integer_dtype, namespace
from splitkit.linear.base import LinearOperator
from splitkit.linear.channels import ChannelConvolution
from splitkit.linear.fourier import Convolution
from splitkit.linear.padding import RULES, Crop, Pad
from splitkit.linear.rearranged import Transpose
from splitkit.linear.restriction import Restriction


def LinearConvolution(
    kernel: Array,
    shape: int | Sequence[int],
    *,
    mode: Literal["same", "full", "valid"] = "same",
    boundary: Literal["zero", "edge", "reflect", "symmetric", "periodic"] = "zero",
    origin: int | Sequence[int] | None = None,
    stride: int | Sequence[int] = 1,
    channels: Literal["first", "last"] = "first",
) -> LinearOperator:
    """x ↦ h ∗ x on the last axes of x, (h ∗ x)ᵢ = Σₖ hₖ xᵢ₋ₖ₊ₒ, with x beyond its ends by a rule.

    It is C H P for a border P (``Pad``), the periodic convolution H with h on the larger grid, and
    a crop C, so that ‖L‖ ≤ ‖P‖ max|ĥ|, which is attained as the grid grows where x is 0 beyond. A
    kernel that is symmetric about its origin makes PᵀHP, with its constants.

    Source: Golub, Van Loan, *Matrix Computations* (2013), §4.7.7, §4.8.

    Parameters
    ----------
    kernel : array of one, two or three axes, or of two more
        h, real and finite; dtype and device of x. With two more in front, outputs and inputs, it
        mixes channels: (Lx)ₒ = Σ_c hₒ_c ∗ x_c, see ``ChannelConvolution``.
    shape : int or tuple of int
        The last axes of x, without that of channels.
    mode : "same", "full" or "valid"
        Lx has the shape of x; or all that is not 0, one less than the sum of the sizes; or what
        does not depend on the rule.
    boundary : "zero", "edge", "reflect", "symmetric" or "periodic"
        As in ``Pad``; of "same" alone.
    origin : int or tuple of int, optional
        o, for "same": the index of the kernel's entry that leaves a point in its place. None: its
        middle, ``size // 2``.
    stride : int or tuple of int, default 1
        Of Lx every so many-th entry along each axis is kept, the first one always.
    channels : "first" or "last"
        Whether the axis of channels stands before those of the grid, or behind them.

    Raises
    ------
    TypeError, ValueError
        What ``Convolution`` and ``Pad`` refuse; a kernel larger than x for "valid"; a boundary or
        an origin for "full" or "valid".

    Notes
    -----
    O(N log N) for N entries of the larger grid, whatever the size of the kernel.

    Examples
    --------
    >>> L = sk.linear.LinearConvolution(np.array([1.0, 2.0, 3.0]), 4)
    >>> x = np.array([1.0, 0.0, 0.0, 1.0])
    >>> print(L(x), L.T(x))
    [2. 3. 1. 2.] [2. 1. 3. 2.]
    """
    check_choice("mode", mode, ("same", "full", "valid"))
    check_choice("boundary", boundary, RULES)
    if mode != "same" and (boundary != "zero" or origin is not None):
        raise ValueError(f'mode = "{mode}" depends on no boundary and no origin: leave them out')
    count = 1 if isinstance(shape, int) else len(shape)
    mixes = kernel.ndim == count + 2
    if check_choice("channels", channels, ("first", "last")) == "last" and not mixes:
        raise ValueError('channels = "last": give a kernel of outputs, inputs and the grid\'s axes')
    kind = ChannelConvolution if mixes else Convolution
    H = kind(kernel, shape, origin=origin)  # which refuses what does not fit
    sizes = H.shape
    L = _of_mode(kind, kernel, H, mode, boundary, origin)
    steps = check_sizes(
        "stride", (stride,) * count if isinstance(stride, int) else stride, 1, count
    )
    xp = namespace(kernel)
    ends = [n if mode == "same" else n - k + 1 if mode == "valid" else n + k - 1
            for n, k in zip(sizes, kernel.shape[-count:], strict=True)]  # fmt: skip
    for axis, (step, size) in enumerate(zip(steps, ends, strict=True), start=-count):
        if step > 1:
            kept = xp.arange(0, size, step, dtype=integer_dtype(kernel), device=device(kernel))
            L = Restriction(kept, size, axis) @ L
    if channels == "last":
        forward = tuple(range(-count - 1, 0))
        L = Transpose((*forward[1:], forward[0])) @ L @ Transpose((forward[-1], *forward[:-1]))
    return L


def _of_mode(
    kind: Callable[..., LinearOperator],
    kernel: Array,
    given: Any,
    mode: str,
    boundary: Any,
    origin: Any,
) -> LinearOperator:
    sizes, middle = given.shape, given.origin
    reach = tuple(k - 1 for k in kernel.shape[-len(sizes) :])
    if mode == "valid":
        if any(r >= n for r, n in zip(reach, sizes, strict=True)):
            raise ValueError(
                f'mode = "valid": the kernel of shape {tuple(kernel.shape)} is larger than '
                f"shape = {sizes}"
            )
        H: LinearOperator = kind(kernel, sizes, origin=(0,) * len(sizes))
        return Crop(sizes, tuple((r, 0) for r in reach)) @ H
    if mode == "full":
        P = Pad(sizes, tuple((0, r) for r in reach))
        H = kind(kernel, P.range_shape, origin=(0,) * len(sizes))
        return H @ P
    if any(o > r for r, o in zip(reach, middle, strict=True)):
        raise ValueError(f"origin = {origin}: give an index of the kernel's entries")
    widths = tuple((r - o, o) for r, o in zip(reach, middle, strict=True))
    P = Pad(sizes, widths, boundary)
    H = kind(kernel, P.range_shape, origin=middle)
    return (P.T if boundary == "zero" else Crop(P.range_shape, widths)) @ H @ P
