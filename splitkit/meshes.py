"""Arrays that Torch cuts over processes: each is cut or the same on all, none a sum to be taken.

On a mesh of processes a ``DTensor`` is the same on each of them, or stacked of their parts, or the
sum of their terms, which Torch takes when it must. A number that the host reads of such a sum is
the process's own term. Within ``whole_sums`` sums are taken where they arise, so that all processes
read the same numbers and decide alike, and tensors made on the way count as the same on each.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any


def mesh_of(x: Any) -> Any:
    """The mesh over which Torch cuts x; None for all that is no ``DTensor``."""
    return x.device_mesh if hasattr(x, "full_tensor") else None


def _library() -> Any:
    """Where DTensors come from, so that it is loaded where there is one."""
    return sys.modules["torch.distributed.tensor"]


def on_each(x: Any, like: Any) -> Any:
    """A tensor that is the same on every process, on the mesh of ``like`` where that has one."""
    mesh = mesh_of(like)
    if mesh is None:
        return x
    return _from_parts(x, mesh, _library().Replicate())


def _from_parts(x: Any, mesh: Any, place: Any) -> Any:
    return _library().DTensor.from_local(x, mesh, [place] * mesh.ndim, run_check=False)


def is_cut(x: Any) -> bool:
    """Whether x is a DTensor of which processes have parts."""
    return mesh_of(x) is not None and any(each.is_shard() for each in x.placements)


def is_cut_along(x: Any, axis: int) -> bool:
    """Whether processes have parts of this axis."""
    return is_cut(x) and any(each.is_shard(axis % x.ndim) for each in x.placements)


def cut_along(x: Any, axis: int) -> Any:
    """x; what processes have parts of, with parts of this axis."""
    if not is_cut(x):
        return x
    place = _library().Shard(axis % x.ndim)
    return x.redistribute(placements=[place if p.is_shard() else p for p in x.placements])


def _is_sum(x: Any) -> bool:
    """Whether x is a DTensor of which sums are to be taken, or holds one."""
    if isinstance(x, tuple):
        return any(map(_is_sum, x))
    return mesh_of(x) is not None and any(each.is_partial() for each in x.placements)


def require_taken(x: Any, name: str) -> None:
    """Raise ValueError if x is a sum to be taken."""
    if _is_sum(x):
        raise ValueError(
            f"{name} is a sum over the processes that is not yet taken, {x.placements}: give "
            f"{name}.redistribute(placements=[Replicate(), …]), or cut it along an axis"
        )


def laid_as(x: Any, like: Any) -> Any:
    """x, a point, where ``like`` lies."""
    if isinstance(x, tuple):
        return tuple(map(laid_as, x, like))
    if mesh_of(x) is None or x.placements == like.placements:
        return x
    return x.redistribute(placements=like.placements)


def gathered(x: Any) -> Any:
    """x, as a tensor that each process has all of; TypeError where it is too large."""
    if is_scattered(x):
        raise _refused("what the host computes", x)
    return x if mesh_of(x) is None else x.full_tensor()


def whole(x: Any) -> Any:
    """x; of a DTensor, or a tuple of some, with the sums taken."""
    if isinstance(x, tuple):
        parts = map(whole, x)
        return tuple(parts) if type(x) is tuple else type(x)(parts)
    if not _is_sum(x):
        return x
    everywhere = _library().Replicate()
    places = [everywhere if each.is_partial() else each for each in x.placements]
    return x.redistribute(placements=places)


def together(arrays: Iterable[Any]) -> AbstractContextManager[None]:
    """A context for what is computed of arrays: ``whole_sums`` if Torch cuts one."""
    return nullcontext() if all(mesh_of(a) is None for a in arrays) else whole_sums()


def spread(numbers: list[int], like: Any) -> tuple[list[int], list[int]]:
    """The least and the greatest over the processes of a mesh of integers that each has its own."""
    own = sys.modules["torch"].tensor(numbers, device=like.device)

    def over_all(kind: str) -> list[int]:
        terms = _from_parts(own, mesh_of(like), _library().Partial(kind))
        found: list[int] = terms.full_tensor().tolist()
        return found

    return over_all("min"), over_all("max")


def at_fault(x: Any) -> str:
    """Where some processes alone have NaN or Inf in what they have of x, the first of them."""
    if mesh_of(x) is None:
        return ""
    distributed = sys.modules["torch.distributed"]
    rank, is_bad = distributed.get_rank(), not bool(x.to_local().isfinite().all())
    (fewest, first), _ = spread([int(is_bad), rank if is_bad else distributed.get_world_size()], x)
    return "" if fewest else f" on process {first}"


def rolled(x: Any, by: int, axis: int) -> Any:
    """A DTensor rolled by ±1 along an axis: of one that is cut evenly each process needs no more
    than the first or last entries of each part, of another all of it.
    """
    torch, (part, rest) = sys.modules["torch"], (slice(1, None), slice(None, 1))
    if by > 0:
        part, rest = slice(None, -1), slice(-1, None)
    axis %= x.ndim
    places = zip(x.device_mesh.shape, x.placements, strict=True)
    cuts = [size for size, each in places if each.is_shard(axis)]
    (p,) = cuts if len(cuts) == 1 and x.shape[axis] % cuts[0] == 0 else (1,)
    # the entries of an axis as p parts of those that a process has
    y = x.reshape(*x.shape[:axis], p, x.shape[axis] // p, *x.shape[axis + 1 :])
    before = (slice(None),) * (axis + 1)
    ends = y[(*before, rest)]
    if p > 1:
        everywhere = [_library().Replicate()] * len(x.placements)
        ends = torch.roll(ends.redistribute(placements=everywhere), by, dims=axis)
        ends = ends.redistribute(placements=y.placements)
    parts = [y[(*before, part)], ends]
    return torch.cat(parts if by < 0 else parts[::-1], dim=axis + 1).reshape(x.shape)


def folding(*arrays: Any) -> AbstractContextManager[Any]:
    """A context for what things keep of arrays: numbers, and neither traces, as JAX, if it is there
    and traces, computes what has values, nor terms of a sum over processes.
    """
    if arrays and any(hasattr(each, "device_mesh") for each in arrays):
        return whole_sums()
    fold = getattr(sys.modules.get("jax"), "ensure_compile_time_eval", nullcontext)
    context: AbstractContextManager[Any] = fold()
    return context


if TYPE_CHECKING:
    constant = cached_property
else:

    class constant(cached_property):
        """What is computed once of a thing's arrays, of all of those that Torch cuts, and no trace
        where they have values.
        """

        def __get__(self, instance, owner=None):
            if instance is None:
                return self
            with folding(*vars(instance).values()):
                return super().__get__(instance, owner)


_WHOLE: ContextVar[bool] = ContextVar("sums are whole", default=False)
_GATHERS: ContextVar[bool] = ContextVar("what is cut may be gathered", default=False)
GATHERED_FREELY = 2**20  # bytes, which each process may be sent without being asked


@contextmanager
def gathering() -> Iterator[None]:
    """A context in which what needs all entries of an axis that is cut over processes gets them.

    Sorting, factorizations and Fourier transforms along such an axis send all of it to each
    process, which is refused from a mebibyte on, with its size, unless this context allows it.
    Cut another axis instead, such as that of samples, where there is one.

    Examples
    --------
    >>> with sk.gathering():  # nothing is cut here
    ...     print(sk.functions.Simplex().project(np.array([1.0, 0.5])))
    [0.75 0.25]
    """
    token = _GATHERS.set(True)
    try:
        yield
    finally:
        _GATHERS.reset(token)


def _is_gathered_freely(x: Any) -> bool:
    return x.nbytes < GATHERED_FREELY or _GATHERS.get()


def is_scattered(x: Any) -> bool:
    """Whether processes, of Torch or of JAX, have parts of x, and none may be sent all of it."""
    if hasattr(x, "_trace"):  # of JAX, which has no values, and says nothing of where they are
        return False
    if mesh_of(x) is not None:
        return is_cut(x) and not _is_gathered_freely(x)
    on_several = not getattr(x, "is_fully_addressable", True)
    return on_several and not x.is_fully_replicated and not _is_gathered_freely(x)


def _require_cut(f: Any, given: tuple[Any, ...], value: Any) -> None:
    """Raise TypeError if a function had all of something large gathered that it was given cut."""
    first = value[0] if isinstance(value, tuple) and value else value
    if mesh_of(first) is None or is_cut(first) or _is_gathered_freely(first):
        return
    arrays = [a for each in given for a in (each if isinstance(each, (list, tuple)) else [each])]
    cut = filter(is_cut, arrays)
    if any(2 * first.numel() >= a.numel() for a in cut):
        raise _refused(f.__name__, first)


def _refused(name: str, x: Any) -> TypeError:
    return TypeError(
        f"{name} along an axis that is cut gathers {x.nbytes / 2**20:.3g} MiB on each process"
        ": cut another axis, such as that of samples, or allow it by splitkit.gathering()"
    )


def whole_along(x: Any, axis: int, name: str) -> Any:
    """x, with an axis that is cut over processes gathered for what has this name; TypeError where
    it is too large.
    """
    if not is_cut_along(x, axis):
        return x
    if is_scattered(x):
        raise _refused(name, x)
    everywhere = _library().Replicate()
    places = [everywhere if each.is_shard(axis % x.ndim) else each for each in x.placements]
    return x.redistribute(placements=places)


@contextmanager
def whole_sums() -> Iterator[None]:
    """A context in which no DTensor is a sum to be taken, and other tensors stand beside it."""
    if _WHOLE.get():  # the end of a second ``implicit_replication`` would end the first
        yield
        return
    # Torch loads it only when asked
    from torch.distributed.tensor.experimental import implicit_replication

    token = _WHOLE.set(True)
    try:
        with implicit_replication(), _mode()():
            yield
    finally:
        _WHOLE.reset(token)


@cache
def _mode() -> Any:
    torch = sys.modules["torch"]
    products = {torch.matmul, torch.Tensor.matmul, torch.Tensor.__matmul__}
    written, conjugate = torch.Tensor.__setitem__, {torch.conj, torch.conj_physical}

    class WholeSums(torch.overrides.TorchFunctionMode):  # type: ignore[misc, name-defined]
        def __torch_function__(self, f: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if f in products and args[0].ndim == 1 and args[1].ndim == 2:
                # a cut matrix times a row vector keeps the axis of length 1 that Torch inserts
                args = args[1].T, args[0]
            elif f is written and getattr(args[1], "dtype", None) is torch.bool:
                x, mask, value = args  # Torch writes nowhere by a mask that is cut
                return x.copy_(torch.where(mask, value, x))
            elif f in conjugate and mesh_of(args[0]) and args[0].is_complex():
                return torch.complex(args[0].real, -args[0].imag)  # the rest Torch has for DTensors
            value = f(*args, **(kwargs or {}))
            if _is_sum(value):
                return whole(value)
            if f not in products:
                _require_cut(f, args, value)
            return value

    return WholeSums
