"""The xp fixture, and a library that comes from outside the package."""

from pathlib import Path

import numpy as np
import pytest

import splitkit as sk
from splitkit.backend import namespace, to_numpy
from splitkit.testing import registered
from splitkit.testing.backends import BACKENDS, Backend, register
from tests.sampling import is_thorough
from tests.testing import toy

ROOT = Path(__file__).parents[2]
TOY = Backend("toy", "tests.testing.toy", "tests")


# maps that need the standard's fft extension, or keep arrays of NumPy or SciPy
BEYOND = ("Circulant", "Convolution", "Mask", "MatrixFree", "Sparse")
PORTABLE = [thing for thing in registered() if thing.name not in BEYOND]


@pytest.mark.parametrize("thing", PORTABLE[:: 3 if is_thorough() else 9], ids=str)
def test_a_library_from_outside_goes_through_the_checks(thing):
    thing.check(xp=TOY.load(), max_examples=2, search=is_thorough())


def test_a_library_from_outside_solves():
    M, q = np.array([[2.0, 1.0], [-1.0, 1.0]]), np.array([1.0, -0.5])
    G = sk.NormalCone(sk.functions.NonNegative())
    solution = sk.solve(
        sk.Affine(toy.asarray(M.tolist()), toy.asarray(q.tolist())) + G, toy.asarray([0.0, 0.0])
    )
    expected = sk.solve(sk.Affine(M, q) + G, np.zeros(2)).x
    assert isinstance(solution.x, toy.Array)
    np.testing.assert_array_equal(to_numpy(solution.x), expected)


def test_a_registered_library_is_one_more_for_the_fixture(monkeypatch):
    monkeypatch.setattr("splitkit.testing.backends.BACKENDS", dict(BACKENDS))
    register(TOY)
    register(TOY)
    with pytest.raises(ValueError, match="'toy' is registered already"):
        register(Backend("toy", "numpy", "numpy"))


def test_the_namespace_is_that_of_its_arrays(xp, dtype):
    x = xp.asarray([1.0, 2.0], dtype=dtype)
    assert namespace(x) is namespace(xp.zeros(1))
    assert x.dtype == dtype


def test_a_library_that_is_not_here_says_so():
    with pytest.raises(LookupError, match="far: no_such_library is not installed"):
        Backend("far", "no_such_library", "no_such_library").load()
    with pytest.raises(LookupError, match=r"far: no_such_library\.array is not installed"):
        Backend("far", "no_such_library.array", "no_such_library.array").load()
    with pytest.raises(LookupError, match="tired: it is tired"):
        Backend("tired", "numpy", "numpy", prepare=lambda xp: "it is tired").load()


def test_the_plugin_from_outside(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest('pytest_plugins = "splitkit.testing.plugin"')
    pytester.makepyfile(
        """
        import pytest
        from hypothesis import settings

        def test_each(xp):
            assert xp.zeros(2).shape == (2,)

        def test_profile():
            assert settings().max_examples == 1000

        @pytest.mark.parametrize("backend", ["a name that others use too"])
        def test_backend(backend):
            assert backend == "a name that others use too"
        """
    )
    done = pytester.runpytest_subprocess("-rs", "--hypothesis-profile=splitkit-thorough")
    outcome = done.parseoutcomes()
    assert outcome["passed"] >= 3
    assert outcome["passed"] + outcome["skipped"] == len(BACKENDS) + 2
    assert "failed" not in outcome
    if outcome["skipped"]:
        done.stdout.fnmatch_lines(["SKIPPED*: *"])
