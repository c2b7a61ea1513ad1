"""The array libraries that the tests run on: which there are, and why one is left out here.

A library is a namespace of the Array API standard. Those below are tried if they are installed;
``register`` adds another one, from outside the package.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any


@dataclass(frozen=True)
class Backend:
    """A library on a device.

    Attributes
    ----------
    name : str
    module : str
        The namespace, to be imported.
    needs : str
        The distribution whose module must be there.
    gpu : bool
        Whether it needs a CUDA device.
    device : str, optional
        The device on which arrays are to be made, where it is not the library's own choice: the
        namespace's ``device(…)`` is entered.
    prepare : callable, optional
        Called once with the namespace; returns why it cannot be used, or None.
    """

    name: str
    module: str
    needs: str
    gpu: bool = False
    device: str | None = None
    prepare: Callable[[Any], str | None] | None = None

    def load(self) -> Any:
        """The namespace.

        Raises
        ------
        LookupError
            It cannot be used here; the message says why.
        """
        if not _is_installed(self.needs):
            raise LookupError(f"{self.name}: {self.needs} is not installed")
        xp = import_module(self.module)
        reason = None if self.prepare is None else self.prepare(xp)
        if reason is not None:
            raise LookupError(f"{self.name}: {reason}")
        return xp

    def enter(self, stack: ExitStack) -> Any:
        """The namespace, with its arrays made on the backend's device until the stack closes."""
        xp = self.load()
        if self.device is not None:
            stack.enter_context(xp.device(self.device))
        return xp


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of the package that it is in
        return False


def _double_precision(xp: Any) -> None:
    import_module("jax").config.update("jax_enable_x64", True)


def _cuda_of_torch(xp: Any) -> str | None:
    return None if xp.cuda.is_available() else "no CUDA device on this machine"


def _cuda_of_cupy(xp: Any) -> str | None:
    try:
        count = xp.cuda.runtime.getDeviceCount()
    except xp.cuda.runtime.CUDARuntimeError:
        count = 0
    return None if count else "no CUDA device on this machine"


BACKENDS: dict[str, Backend] = {
    each.name: each
    for each in (
        Backend("numpy", "array_api_compat.numpy", "numpy"),
        Backend("strict", "array_api_strict", "array_api_strict"),
        Backend("torch", "array_api_compat.torch", "torch"),
        Backend("jax", "jax.numpy", "jax", prepare=_double_precision),
        Backend("torch-cuda", "array_api_compat.torch", "torch", True, "cuda", _cuda_of_torch),
        Backend("cupy", "array_api_compat.cupy", "cupy", True, prepare=_cuda_of_cupy),
    )
}


def register(backend: Backend) -> None:
    """Add a backend to those that the plugin's ``xp`` fixture runs over.

    Raises
    ------
    ValueError
        There is another one of this name.
    """
    if BACKENDS.setdefault(backend.name, backend) != backend:
        raise ValueError(f"backend {backend.name!r} is registered already: choose another name")
