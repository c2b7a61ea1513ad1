"""The solves of a Torch layer in another array library, over the same memory.

Tensors go there and back by DLPack: a contiguous tensor and the array that stands for it are one
piece of memory. The solver is that of ``equilibrium``, whatever the library; Torch keeps the
parameters and the derivatives. CuPy works on the stream and the device that are Torch's at the
moment, so that nothing has to wait for the other's kernels.

Source: the Python specification of DLPack, which the Array API standard takes over
(``from_dlpack``, ``__dlpack__``).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from typing import Any

import torch
from torch import Tensor
from torch.utils.dlpack import from_dlpack

import splitkit as sk
from splitkit.backend import Array, is_array
from splitkit.solvers.solution import History
from splitkit_nn.activations import Activation
from splitkit_nn.activations.jacobians import Jacobian
from splitkit_nn.equilibrium.solver import Solver, StepMethod

DEVICES = {"numpy": "cpu", "cupy": "cuda"}  # of libraries that live on one kind of device
EXTRAS = {"cupy": "cupy", "jax.numpy": "jax"}  # what of splitkit's own extras installs a library


@dataclass(frozen=True)
class Library:
    """An array library by the name of its module; it speaks DLPack and the Array API standard.

    Raises
    ------
    ImportError
        It is not installed.
    ValueError
        The module has no ``from_dlpack``.
    """

    name: str

    def __post_init__(self) -> None:
        if not hasattr(self.xp, "from_dlpack"):
            raise ValueError(
                f"solve_in = {self.name!r} has no from_dlpack: give the module of an array "
                'library, such as "cupy", "numpy" or "jax.numpy"'
            )

    @property
    def xp(self) -> Any:
        """The module."""
        try:
            return import_module(self.name)
        except ImportError as error:
            root = self.name.partition(".")[0]
            wanted = f"'splitkit[{EXTRAS[self.name]}]'" if self.name in EXTRAS else root
            raise ImportError(
                f"solve_in = {self.name!r} cannot be imported ({error}): pip install {wanted}, or "
                "leave solve_in out and the layer solves in torch"
            ) from error

    def array(self, tensor: Tensor) -> Array:
        """The library's array over the tensor's memory (over a copy's, if it is not contiguous).

        Raises
        ------
        ValueError
            The tensor is on a device that the library cannot reach.
        """
        needed = DEVICES.get(self.name, tensor.device.type)
        if tensor.device.type != needed:
            raise ValueError(
                f"solve_in = {self.name!r} works on {needed} arrays, but the layer is on "
                f'{tensor.device}: move the layer and its input with .to("{needed}"), or leave '
                "solve_in out"
            )
        # the conjugate and the negative of a tensor may be marks, which DLPack has no words for
        return self.xp.from_dlpack(tensor.detach().resolve_conj().resolve_neg().contiguous())

    def tensor(self, array: Array) -> Tensor:
        """The tensor over the array's memory."""
        return from_dlpack(array)

    @contextmanager
    def beside(self, tensor: Tensor) -> Iterator[None]:
        """A context in which the library queues its work where Torch queues the tensor's."""
        if self.name != "cupy" or tensor.device.type != DEVICES["cupy"]:
            yield
            return
        cuda, device = self.xp.cuda, tensor.device
        stream = torch.cuda.current_stream(device).cuda_stream
        # Torch exports what is on its current device alone
        with (
            torch.cuda.device(device),
            cuda.Device(device.index),
            cuda.ExternalStream(stream, device.index),
        ):
            yield

    def brought_back(self, solution: sk.Solution) -> sk.Solution:
        """The solution as tensors; without its checkpoint, from which only the library goes on."""
        seen, back = solution.history, self.tensor
        arrays: dict[str, Any] = {
            name: back(each) for name, each in vars(solution).items() if is_array(each)
        }
        residual, steps = ([*map(back, a)] for a in (seen.residual, seen.fixed_point_residual))
        history = History(seen.iteration, residual, steps)
        return replace(solution, **arrays, history=history, checkpoint=None)


class SolverElsewhere(Solver):
    """A solver of tensors that works in a library."""

    def __init__(
        self,
        library: Library,
        M: sk.LinearOperator,
        activation: Activation,
        method: StepMethod,
        known: Solver | None = None,
    ) -> None:
        super().__init__(M, activation, method, known)
        self.library = library
        self._there: Solver | None = None
        if isinstance(known, SolverElsewhere) and known.library == library and known.M is M:
            self._there = known._there

    def forward(self, bias: Tensor, z0: Tensor | None = None, **how: Any) -> sk.Solution:
        array = self.library.array
        with self.library.beside(bias):
            start = None if z0 is None else array(z0)
            return self.library.brought_back(self._solver().forward(array(bias), start, **how))

    def cotangent(self, J: Jacobian, v: Tensor, **how: Any) -> sk.Solution:
        array = self.library.array
        with self.library.beside(v):
            J = J.of(*map(array, J.arrays))
            return self.library.brought_back(self._solver().cotangent(J, array(v), **how))

    def _solver(self) -> Solver:
        """The solver there; with the same M it is factored once."""
        there, array = self._there, self.library.array
        if there is None or there.given is not self.method:
            M = converted(self.M, array) if there is None else there.M
            there = Solver(M, converted(self.activation, array), self.method, there)
            self._there = there
        return there


def find_library(solve_in: str | Library | None) -> Library | None:
    """A library by name, or the object itself; None: the layer solves in torch."""
    if solve_in is None or isinstance(solve_in, Library):
        return solve_in
    if not isinstance(solve_in, str):
        raise TypeError(
            f"solve_in = {solve_in!r}: give the name of an array library's module, such as "
            '"cupy", or None'
        )
    return Library(solve_in)


def converted(
    thing: Any, convert: Callable[[Tensor], Array], made: dict[int, Any] | None = None
) -> Any:
    """The same operator, map or activation on converted arrays. Of what it has cached the constants
    are kept, and the rest is made again from the arrays. ``made``: the copies so far, by ``id``.
    """
    made = {} if made is None else made
    if isinstance(thing, Tensor):
        return convert(thing)
    if type(thing) in (list, tuple):
        return type(thing)(converted(each, convert, made) for each in thing)
    if type(thing) is dict:
        return {key: converted(each, convert, made) for key, each in thing.items()}
    if not isinstance(thing, (sk.LinearOperator, sk.Operator, sk.functions.Function, Activation)):
        return thing
    if id(thing) not in made:
        twin, kind = copy.copy(thing), type(thing)
        made[id(thing)] = twin
        vars(twin).clear()
        for name, value in vars(thing).items():
            cached = isinstance(getattr(kind, name, None), cached_property)
            if not cached or isinstance(value, (int, float, sk.Properties)):
                vars(twin)[name] = converted(value, convert, made)
    return made[id(thing)]
