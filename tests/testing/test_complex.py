"""What acts on complex points keeps there what it declares, as the real problem of their parts."""

import numpy as np
import pytest

import splitkit as sk
from splitkit.backend import Space, as_complex, as_real, to_numpy
from splitkit.testing import check_linear_operator, real_form, registered, suite
from splitkit.testing.strategies import make_array
from tests.sampling import is_thorough, sampled
from tests.testing import complex_things

THINGS = registered()
OWN = {
    f"{name}-{kind}": (kind, name)
    for kind in ("functions_of", "maps_of", "operators_of")
    for name in getattr(complex_things, kind)(lambda v, real=False: np.asarray(v))
}
KINDS = {"float64": "complex128", "float32": "complex64"}


def complex_of(xp, dtype):
    return getattr(xp, "complex64" if dtype == xp.float32 else "complex128")


def maker(xp, dtype):
    """Arrays of a library, complex ones unless they are asked to be real."""

    def make(values, real=False):
        found = as_complex(make_array(np.stack((np.real(values), np.imag(values)), -1), xp, dtype))
        return make_array(values, xp, dtype) if real else found

    return make


def elsewhere(library, double, position, one_in=16):
    """Of NumPy in double precision all, and one in so many of others: the mathematics is the same;
    JAX compiles each operation anew.
    """
    if library == "numpy" and double:
        return True
    one_in = 4 * one_in if library == "jax" else one_in
    return position % one_in == 0 and (double or library not in ("jax", "strict"))


def of_a_kind(library, double, position):
    """Of NumPy the first example of each kind: others differ in their data."""
    first = library != "numpy" or THINGS[position].index == 0
    return first and elsewhere(library, double, position)


def of_own_data(library, double, position):
    return elsewhere(library, double, position, 6 if library == "torch" else 12)


@sampled(lambda given: THINGS.index(given["thing"]), of_a_kind)
@pytest.mark.parametrize("thing", THINGS, ids=str)
def test_what_acts_keeps_what_it_declares(thing, xp, dtype):
    try:
        thing.check(xp=xp, dtype=complex_of(xp, dtype), max_examples=2, search=False)
    except TypeError as error:
        if "acts on real points" not in str(error) and "convert one" not in str(error):
            raise
    except ValueError as error:
        if "Fourier" not in str(error):  # whose examples are pairs
            raise


@sampled(lambda given: list(OWN).index(given["name"]), of_own_data)
@pytest.mark.parametrize("name", OWN)
def test_of_complex_data_too(name, xp_backend, xp, dtype):
    kind, key = OWN[name]
    thing, *shapes = getattr(complex_things, kind)(maker(xp, dtype))[key]
    checks = suite(thing, *shapes, xp=xp, dtype=complex_of(xp, dtype))
    checks.run(
        max_examples=6 if is_thorough() else 3,
        search=xp_backend.name == "numpy" and dtype == xp.float64,
    )


def test_a_wrong_adjoint_and_a_wrong_prox_are_found():
    class Transposed(sk.DenseMatrix):
        def adjoint(self, y):
            return y @ self.matrix

    with pytest.raises(AssertionError, match="adjoint"):
        check_linear_operator(
            Transposed(np.asarray(complex_things.K)), (3,), (2,), dtype=np.complex128
        )

    class Parts(sk.functions.L1Norm):
        of_moduli = False

        def prox(self, x, alpha=1.0):
            real, imaginary = (np.sign(p) * np.maximum(abs(p) - alpha, 0) for p in (x.real, x.imag))
            return real + 1j * imaginary

    with pytest.raises(AssertionError, match="prox"):
        sk.testing.check_function(Parts(), (3,), dtype=np.complex128)


def test_a_real_form_is_the_thing_on_pairs():
    z = np.asarray([3.0 + 4.0j, 0.3j])
    f = sk.functions.L1Norm()
    np.testing.assert_array_equal(real_form(f).prox(as_real(z)), as_real(f.prox(z)))
    group = sk.functions.GroupL2Norm()
    np.testing.assert_allclose(group.prox(as_real(z)), as_real(f.prox(z)), rtol=1e-15)
    with pytest.raises(TypeError, match="give an operator"):
        real_form(3.0)


@pytest.mark.parametrize("thing", THINGS, ids=str)
def test_what_is_refused_says_what_to_do(thing):
    made, shape, *_ = thing.make()
    is_tuple = bool(shape) and isinstance(shape[0], tuple)
    shapes = shape if is_tuple else (shape,)
    z = tuple(np.ones(each, complex) for each in shapes)
    space = Space.of(z if is_tuple else z[0], getattr(made, "batch_ndim", 0))
    refused = None
    try:
        made.check_space(space)
    except (TypeError, ValueError) as error:
        refused = str(error)
    assert refused is None or "(real part, imaginary part)" in refused


def test_inner_products_and_norms_are_those_of_the_parts(xp_backend, xp, dtype):
    rng = np.random.default_rng(0)
    make = maker(xp, dtype)
    for shape, batch_ndim in (((5,), 0), ((3, 4), 0), ((3, 4), 1), ((2, 3, 4), 1), ((0,), 0)):
        x, y = (make(rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) for _ in "xy")
        space = Space.of(x, batch_ndim)
        assert space.is_complex
        assert space.norm(x).dtype == space.inner(x, y).dtype == dtype == space.real_dtype
        real = Space.of(as_real(x), batch_ndim)
        tight = {"rtol": 8 * space.eps, "atol": 8 * space.eps}
        for found, wanted in (
            (space.inner(x, y), real.inner(as_real(x), as_real(y))),
            (space.norm(x), real.norm(as_real(x))),
        ):
            np.testing.assert_allclose(to_numpy(found), to_numpy(wanted), **tight)


@pytest.mark.parametrize("kind", ["L1Norm", "SquaredL2", "L2Norm", "L1Ball"])
def test_steps_of_a_batch_are_real(kind, xp, dtype):
    a, f = maker(xp, dtype), getattr(sk.functions, kind)
    z, steps = a([[3.0 + 4.0j, 1.0j], [2.0, -1.0 + 1.0j]]), xp.asarray([1.0, 0.5], dtype=dtype)
    for way in ("prox", "conjugate_prox"):
        found = getattr(f(batch_ndim=1), way)(z, steps)
        for i, alpha in enumerate((1.0, 0.5)):
            wanted = getattr(f(), way)(z[i, ...], alpha)
            np.testing.assert_allclose(to_numpy(found[i, ...]), to_numpy(wanted), atol=1e-6)
        with pytest.raises(TypeError, match=r"alpha has dtype .*complex.*: a step is real"):
            getattr(f(batch_ndim=1), way)(z, a([1.0, 0.5j]))


def test_what_is_infinite_has_no_phase_and_warns_of_nothing():
    z, f = np.array([np.inf + 1.0j, 3.0 + 4.0j]), sk.functions.Huber()
    with np.errstate(all="raise"):
        prox, gradient = sk.functions.L1Norm().prox(z), f.gradient(z)
    np.testing.assert_allclose(prox, [z[0], 2.4 + 3.2j])
    np.testing.assert_allclose(gradient, [complex(np.nan, np.nan), 0.6 + 0.8j])


def test_what_is_made_of_callables_is_believed_to_act():
    turn = sk.linear.MatrixFree(lambda x: 1j * x, lambda y: -1j * y, (2,), (2,), norm=1.0)
    check_linear_operator(turn, (2,), (2,), dtype=np.complex128, max_examples=5)
    A = sk.Operator.from_callable(
        lambda x: (1 + 1j) * x - 2, strong_monotonicity=1.0, lipschitz=2.0
    )
    np.testing.assert_allclose(sk.solve(A, np.zeros(1, complex)).x, [1 - 1j], atol=1e-6)
