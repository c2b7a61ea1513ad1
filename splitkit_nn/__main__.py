"""The command line: ``python -m splitkit_nn`` train, evaluate, certify, figures, reproduce.

A command first gathers all that it needs, where a mistake of the user's ends it with status 2, and
then works, where trouble ends it with status 1; Ctrl-C and SIGTERM end it with status 130.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence

import torch

import splitkit as sk
from splitkit_nn.reproduce.command import add_reproduce
from splitkit_nn.training.command import add_train
from splitkit_nn.training.inspection import add_inspections
from splitkit_nn.training.subject import Work

OUT_OF_MEMORY = (MemoryError, torch.OutOfMemoryError)
TROUBLE = (sk.NotConvergedError, FloatingPointError, ValueError, OSError, ImportError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status."""
    options = _parser().parse_args(arguments)
    status = 2
    try:
        work: Work = options.prepare(options)
        status = 1
        work()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (*TROUBLE, *OUT_OF_MEMORY) as error:
        if isinstance(error, OUT_OF_MEMORY):
            error.add_note("the memory is too small: give a smaller --batch-size")
        print("\n".join((f"error: {error}", *getattr(error, "__notes__", ()))), file=sys.stderr)
        return status
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m splitkit_nn", description="Monotone operator equilibrium networks."
    )
    commands = parser.add_subparsers(required=True, title="commands", dest="one of the commands")
    add_train(commands)
    add_inspections(commands)
    add_reproduce(commands)
    return parser


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
