"""NumPy's namespace, which writes down what is called: the functions, their keywords, the kinds."""

import types
from collections import defaultdict
from contextlib import contextmanager

import array_api_compat.numpy as xnp
import numpy as np

from splitkit import backend


class Recorder:
    """A namespace in front of another one.

    Attributes
    ----------
    calls : dict
        For each function, with its extension's name before it, the calls' (number of positional
        arguments, keywords, dtypes of arrays and their numbers of axes).
    """

    def __init__(self, behind, calls=None, prefix=""):
        self.behind, self.prefix = behind, prefix
        self.calls = defaultdict(set) if calls is None else calls
        self.parts = {}

    def __getattr__(self, name):
        value = getattr(self.behind, name)
        if name.startswith("_") or isinstance(value, type) or not callable(value):
            extension = isinstance(value, types.ModuleType)
            return (
                self.part(name, lambda: Recorder(value, self.calls, f"{name}."))
                if (extension)
                else value
            )
        return self.part(name, lambda: self.recorded(name, value))

    def part(self, name, make):
        if name not in self.parts:
            self.parts[name] = make()
        return self.parts[name]

    def recorded(self, name, function):
        def call(*args, **kwargs):
            kinds = tuple((a.dtype.kind, a.ndim) for a in args if isinstance(a, np.ndarray))
            self.calls[self.prefix + name].add((len(args), tuple(sorted(kwargs)), kinds))
            return function(*args, **kwargs)

        return call


@contextmanager
def recording(monkeypatch):
    """In it NumPy arrays belong to the recorder that it yields."""
    recorder, real = Recorder(xnp), backend.array_api_compat.array_namespace

    def array_namespace(*arrays, **options):
        found = real(*arrays, **options)
        return recorder if found is xnp else found

    with monkeypatch.context() as patch:
        patch.setattr(backend.array_api_compat, "array_namespace", array_namespace)
        patch.setattr(backend, "_NAMESPACES", {})
        yield recorder
