"""JAX as it is, compiled in a fraction of the time: most of what it takes here."""

import os
import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def is_pinned():
    """Whether the version that is here is the one that is known here."""
    pinned = (Path(__file__).parents[1] / "constraints.txt").read_text("utf-8").split()
    try:
        return f"jaxlib=={version('jaxlib')}" in pinned
    except PackageNotFoundError:
        return False


def compile_quickly():
    """Let XLA compile by its older emitters, without optimization and in one part (which are many
    modules of LLVM else, for as many threads), in a quarter of the time. A flag that another
    version does not know would end the process; with ``XLA_FLAGS=`` in the environment JAX compiles
    as it does for users.
    """
    if is_pinned():
        flags = (
            "--xla_cpu_use_fusion_emitters=false",
            "--xla_backend_optimization_level=0",
            "--xla_cpu_parallel_codegen_split_count=1",
        )
        os.environ.setdefault("XLA_FLAGS", " ".join(flags))


def share_dialects():
    """Let all programs be written in one context, where JAX is loaded: it loads the same dialects
    into a new one for each operation that it compiles, for a fifth of the time. What is compiled
    while another is written has a context of its own, else it would be written into that.
    """
    if "jax" in sys.modules and is_pinned():
        mlir = import_module("jax._src.interpreters.mlir")
        shared, make = mlir.make_ir_context(), mlir.make_ir_context
        mlir.make_ir_context = lambda: make() if mlir.ir.Context.current else shared
