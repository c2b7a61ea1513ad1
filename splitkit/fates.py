"""Which process of a mesh ended what all of them do together, and what it said.

The others see no more than that it does not answer. A process that fails leaves its error in the
store by which the processes of Torch found each other; one that waits for it in vain reads it
there. Who left nothing was killed, or hangs.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

PATIENCE = 2.0  # seconds in which a process that failed alike leaves its word
_INSIDE: ContextVar[bool] = ContextVar("a fate is shared", default=False)
_begun: Counter[tuple[int, ...]] = Counter()  # by the processes


@contextmanager
def shared_fate(mesh: Any) -> Iterator[None]:
    """A context for what all processes of a mesh do together: an error that ends it on one of them
    is left for the others, whose own errors get a note of it.
    """
    if _INSIDE.get():
        yield
        return
    ranks = tuple(mesh.mesh.flatten().tolist())
    _begun[ranks] += 1
    token = _INSIDE.set(True)
    try:
        yield
    except Exception as error:
        # a store that ended with its process says nothing, nor does one that Torch hides
        with suppress(AttributeError, RuntimeError):
            _share(error, f"splitkit/{ranks}/{_begun[ranks]}", ranks)
        raise
    finally:
        _INSIDE.reset(token)


def _share(error: Exception, place: str, ranks: tuple[int, ...]) -> None:
    distributed = sys.modules["torch.distributed"]
    store = distributed.distributed_c10d._get_default_store()
    lost = isinstance(error, RuntimeError) and any(
        part in str(error) for part in ("onnection", "imed out")
    )
    said = "; ".join([str(error), *getattr(error, "__notes__", ())])
    store.set(f"{place}/{distributed.get_rank()}", "" if lost else said)
    if lost:
        error.add_note(_told(store, place, ranks))


def _told(store: Any, place: str, ranks: tuple[int, ...]) -> str:
    """Who ended, and with what words."""
    silent, until = list(ranks), time.monotonic() + PATIENCE
    while silent and time.monotonic() < until:
        for rank in filter(lambda rank: store.check([f"{place}/{rank}"]), list(silent)):
            said = store.get(f"{place}/{rank}").decode()
            if said:
                return f"process {rank} of the mesh ended with: {said}"
            silent.remove(rank)
        time.sleep(0.05)
    if not silent:
        return "the processes of the mesh wait for each other"
    listed = ", ".join(map(str, silent))
    return f"process {listed} of the mesh left no word: it was killed, or hangs"
