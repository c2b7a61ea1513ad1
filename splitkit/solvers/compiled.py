"""Steps between two looks of the host as one compiled loop (``tracing``), where the library of the
points has a compiler. A step in which the host takes a decision (``if`` or ``float`` of a value)
cannot be traced; it runs as it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from splitkit import inductor, tracing
from splitkit.backend import Point, blocks
from splitkit.functions.base import Function
from splitkit.linear.base import LinearOperator
from splitkit.operators.base import Operator
from splitkit.solvers.iteration import Carry, Iteration
from splitkit.tracing import Untraceable

WORTH = 100  # iterations that cost about as much as to compile one


@dataclass
class Compiled:
    """Runs steps of an iteration as compiled loops, until one cannot be.

    Attributes
    ----------
    iteration : Iteration
    asked : bool
        Whether compiling was asked for, or is left to what pays.
    tracer : module
        What traces and compiles arrays of the points' library: ``tracing`` or ``inductor``.
    reason : str
        Why steps run as they stand; "" if they don't.
    blind : str
        Why looks do, alike.
    """

    iteration: Iteration
    asked: bool
    tracer: Any = tracing
    reason: str = ""
    blind: str = ""

    def __post_init__(self) -> None:
        self._bound: dict[Any, Callable[[Carry, int], Carry]] = {}

    @classmethod
    def of(cls, iteration: Iteration, x: Point, wanted: bool | None) -> Compiled | None:
        """What compiles the iteration's steps from points like x; None: nothing does.

        Raises
        ------
        ValueError
            It is wanted, and x's library has no compiler.
        """
        if wanted is not False and tracing.compiles(x):
            return cls(iteration, bool(wanted))
        if wanted:
            if inductor.compiles(x):
                return cls(iteration, True, inductor)
            raise ValueError(
                f"compile = True: steps on {type(blocks(x)[0]).__name__} are not compiled; give x0 "
                "and all data as arrays of JAX or Torch, or leave compile out"
            )
        return None

    def turn(self, first: int, last: int) -> int:
        """The iteration, of those from the first to before the last, from which on steps are
        compiled; the last: none of them is.
        """
        if self.reason:
            return last
        return min(max(first, 1 if self.asked else WORTH), last)

    def run(self, state: Carry, n: int) -> Carry:
        """The state n steps later; where they cannot be compiled, ``reason`` says why.

        Raises
        ------
        ValueError
            They cannot be, and it was asked for.
        """
        try:
            return self.iteration.run(state, n, self._loop)
        except Untraceable as error:
            cause = error.__cause__
            self.reason = str(error) if cause is None else blame(cause)
            if self.asked:
                raise ValueError(
                    f"compile = True: {self.reason}; leave compile out, or take another method"
                ) from cause
        except inductor.NoCompilerError as error:
            raise refusal(error) from error
        for _ in range(n):
            state = self.iteration.step(state)
        return state

    def _loop(self, step: Callable[[Carry], Carry], state: Carry, n: int) -> Carry:
        state = self.tracer.of_arrays(state)
        key = step, self.tracer.kind_of(state)
        if key not in self._bound:
            self._bound[key] = self.tracer.repeated(step, state)
        return self._bound[key](state, n)


def refusal(error: inductor.NoCompilerError) -> ValueError:
    """What to say where nothing can be compiled."""
    return ValueError(
        "compile = True: Torch's Inductor did not compile the step "
        f"({_first_line(error.__cause__)}): it needs a C++ compiler, on a GPU Triton; "
        "leave compile out"
    )


def _first_line(error: BaseException | None) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]


def blame(error: BaseException) -> str:
    """What could not be traced, and what it raised."""
    return f"{_named(error.__traceback__)} cannot be traced ({type(error).__name__})"


def _named(trace: TracebackType | None) -> str:
    """The innermost thing of the algebra that a traceback goes through; the iteration of none."""
    found = "the step"
    while trace is not None:
        thing = trace.tb_frame.f_locals.get("self")
        if isinstance(thing, (Operator, Function, LinearOperator)):
            found = repr(thing)
        elif isinstance(thing, Iteration):
            found = f"the step of {type(thing).__name__.lstrip('_')}"
        trace = trace.tb_next
    return found
