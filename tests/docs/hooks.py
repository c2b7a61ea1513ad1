"""The hooks of the documentation's build, as modules."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def hook(name):
    """docs/<name>.py, imported once."""
    if name not in sys.modules:
        spec = spec_from_file_location(name, DOCS / f"{name}.py")
        sys.modules[name] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]
