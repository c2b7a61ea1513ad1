"""Points given directly, outside of a solve: what has no meaning is refused by name, integers are
the numbers that they are, for everything that is registered and for a user's own.
"""

import re

import array_api_compat.torch
import numpy as np
import pytest

import splitkit as sk
from splitkit import functions, linear
from splitkit.backend import Space, blocks, is_array, namespace, to_numpy
from splitkit.functions.base import Function, Indicator, parameter
from splitkit.linear.base import LinearOperator
from splitkit.testing import registered
from splitkit.testing.strategies import make_array
from tests.sampling import sampled

THINGS = registered()
OF_FUNCTION = ("__call__", "prox", "gradient", "project", "conjugate_value", "conjugate_prox")


def calls(thing, shapes):
    """What is called directly, with the shape of its points."""
    shape = shapes[0]
    if isinstance(thing, Function):
        found = [getattr(thing, name) for name in OF_FUNCTION if hasattr(thing, name)]
        if thing.convex and not isinstance(thing, functions.L0Ball):
            found.append(thing.conjugate)
        return [(call, shape) for call in found]
    if isinstance(thing, LinearOperator):
        return [(thing, shape), (thing.adjoint, shapes[1])]
    found = [thing] if thing.has_evaluation else []
    if thing.has_resolvent:
        found += [thing.resolvent(0.5), thing.cayley(2.0)]
    return [(call, shape) for call in found]


def point(shape, make):
    if shape and isinstance(shape[0], tuple):
        return tuple(point(part, make) for part in shape)
    return make(np.arange(1.0, 1.0 + np.prod(shape)).reshape(shape))


def known(call, x):
    """The value; None where the call has no formula."""
    try:
        return call(x)
    except TypeError:
        return None


def default_dtype(xp):
    info = array_api_compat.array_namespace(xp.asarray(0.0)).__array_namespace_info__()
    return info.default_dtypes()["real floating"]


@sampled(lambda given: THINGS.index(given["thing"]))
@pytest.mark.parametrize("thing", THINGS, ids=str)
def test_a_complex_point_is_refused_by_name_where_it_means_nothing(thing, xp_backend, xp):
    made, *shapes = thing.make(xp, xp.float64)
    z = point(shapes[0], lambda v: xp.asarray(v + 1j))
    try:
        made.check_space(Space.of(z, getattr(made, "batch_ndim", 0)))
    except (TypeError, ValueError) as error:
        refused = str(error)
    else:
        return
    assert re.search(
        "acts on real points, and x0 is complex|, but x0 has .*complex|complex", refused
    )
    for call, shape in calls(made, shapes):
        # the look comes before what has no formula, unless nobody wrote one
        with pytest.raises((TypeError, ValueError), match=r"complex|not differentiable|formula"):
            call(point(shape, lambda v: xp.asarray(v + 1j)))


@sampled(lambda given: THINGS.index(given["thing"]))
@pytest.mark.parametrize("thing", THINGS, ids=str)
def test_integers_are_the_numbers_that_they_are(thing, xp_backend, xp):
    kind = "uint8" if THINGS.index(thing) % 2 else "int64"
    dtype = default_dtype(xp)
    made, *shapes = thing.make(xp, dtype)
    if "MatrixFree" in str(thing) and xp_backend.name == "torch":
        pytest.skip("its functions are of float64")
    for call, shape in calls(made, shapes):
        expected = known(call, point(shape, lambda v: make_array(v, xp, dtype)))
        if expected is None:
            continue
        found = call(point(shape, lambda v: xp.asarray(v.astype(kind))))
        for a, b in zip(blocks(found), blocks(expected), strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(to_numpy(a), to_numpy(b))


@pytest.mark.parametrize("thing", THINGS, ids=str)
def test_a_point_that_a_solve_would_refuse_is_refused(thing):
    """With an axis more at the end, as for (3, 1) beside weights of shape (3,)."""
    made, *shapes = thing.make()

    def longer(v):
        return v[..., None]

    for call, shape in calls(made, shapes):
        x = point(shape, longer)
        batch_ndim = getattr(made, "batch_ndim", 0)
        try:
            if isinstance(made, LinearOperator) and call is not made:
                made.domain_space(Space.of(x, batch_ndim))
            else:
                made.check_space(Space.of(x, batch_ndim))
        except (TypeError, ValueError):
            with pytest.raises((TypeError, ValueError)):
                call(x)
        else:
            value = known(call, x)
            if is_array(value) and isinstance(made, Function) and value.ndim > batch_ndim:
                assert value.shape == x.shape


@pytest.mark.parametrize("thing", THINGS, ids=str)
def test_a_step_for_each_entry_is_for_functions_of_each_entry_by_itself(thing):
    f, shape = thing.make()[:2]
    if not isinstance(f, Function) or not f.has_prox or isinstance(shape[0], tuple):
        pytest.skip("no proximal map of one array")
    x = point(shape, np.asarray)
    for call in (f.prox, f.conjugate_prox) if f.convex else (f.prox,):
        if f.elementwise:
            assert call(x, np.full(shape, 0.5)).shape == shape
        else:
            with pytest.raises(ValueError, match=rf"^alpha has shape \({shape[0]},.*a number"):
                call(x, np.full(shape, 0.5))
        with pytest.raises(ValueError, match=r"^alpha has shape \(7, 1\)"):
            call(x, np.ones((7, 1)))
        with pytest.raises(TypeError, match=r"^alpha has dtype float32, but x has float64"):
            call(x, np.ones(shape[: f.batch_ndim] or shape, dtype=np.float32))
        with pytest.raises(ValueError, match=r"^alpha = -1\.0: give a positive"):
            call(x, -1.0)


class Ramp(Function):
    """A user's own: Σ wᵢxᵢ, one weight declared, another one kept beside."""

    weight: object = parameter(default=1.0)

    def __post_init__(self):
        super().__post_init__()
        self.hidden = np.ones(3)

    def __call__(self, x):
        return (self.weight * x).sum()

    def prox(self, x, alpha=1.0):
        return x - alpha * self.weight * self.hidden


def test_a_user_s_function_is_looked_at_too():
    f = Ramp(np.ones(3))
    assert f(np.asarray([1, 2, 3])) == 6.0
    with pytest.raises(TypeError, match=r"Ramp.* acts on real points, and x is complex"):
        f.prox(np.asarray([1j, 0, 0]))
    with pytest.raises(ValueError, match=r"weight of Ramp.*does not broadcast to x's \(3, 1\)"):
        f(np.ones((3, 1)))
    with pytest.raises(ValueError, match=r"prox of Ramp.* returned float64 of shape \(3, 3\)"):
        Ramp().prox(np.ones((3, 1)))


def test_a_user_s_operator_and_map_are_looked_at_too():
    A = sk.Operator.from_callable(lambda x: x + np.ones(3), monotone=True, name="A")
    with pytest.raises(ValueError, match=r"A returned float64 of shape \(3, 3\) for float64 of"):
        A(np.ones((3, 1)))
    L = linear.MatrixFree(lambda x: x[..., 1:] - x[..., :-1], lambda y: y, (3,), (2,))
    np.testing.assert_array_equal(L(np.asarray([3, 2, 1], dtype=np.uint8)), [-1.0, -1.0])
    with pytest.raises(ValueError, match=r"acts on arrays whose last axis must have length 3"):
        L(np.ones(2))


@pytest.mark.parametrize("x", [[1.0, 2.0], 1.0, None, "x", np.asarray(["x"]), np.asarray([True])])
def test_what_is_no_point_is_refused(x):
    for call in (functions.L1Norm(), functions.Simplex().prox, linear.Diagonal(np.ones(2)),
                 sk.Affine(np.eye(2))):  # fmt: skip
        with pytest.raises(TypeError, match=r"^x (is a|has dtype)"):
            call(x)


@pytest.mark.parametrize("dtype", [">f8", ">f4", "longdouble"])
def test_numbers_that_no_factorization_takes_are_refused(dtype):
    x = np.ones(2, dtype=dtype)
    f = functions.SquaredL2()
    for call in (f, f.prox, lambda x: sk.minimize(f, x), linear.Diagonal):
        with pytest.raises(TypeError, match=r"has dtype (>f|float128|longdouble).*: convert it to"):
            call(x)


@pytest.mark.parametrize("x0", [np.ma.masked_array([1.0, 2.0]), np.ones((1, 2)).view(np.matrix)])
def test_arrays_that_do_other_things_than_arrays_are_refused(x0):
    f = functions.SquaredL2()
    for call in (f, lambda x: sk.minimize(f, x), lambda x: f.translate(x)(np.ones(2))):
        with pytest.raises(TypeError, match=type(x0).__name__):
            call(x0)


def test_a_point_is_looked_at_once_and_not_inside_of_a_solve(monkeypatch):
    looks = []
    of = Space.of.__func__

    def counted(cls, x, *rest, **named):
        looks.append(x)
        return of(cls, x, *rest, **named)

    class Own(Indicator):
        def project(self, x):
            return x.clip(0.0, 1.0)

    C, x = Own(), np.asarray([2.0, -1.0])
    monkeypatch.setattr(Space, "of", classmethod(counted))
    C.prox(x)
    assert len(looks) == 1  # and none at the projection that the prox is
    C.project(x)
    C.project(2 * x)
    assert len(looks) == 1  # a kind of point that was seen is known
    solved = sk.solve(sk.NormalCone(C) + sk.Affine(np.eye(2)), x, sk.DouglasRachford())
    at_start = len(looks)
    assert solved.converged
    sk.solve(sk.NormalCone(Own()) + sk.Affine(np.eye(2)), 4 * x, sk.DouglasRachford(), tol=1e-12)
    assert len(looks) - at_start <= at_start - 1  # as many, however many iterations


def test_the_numbers_of_a_torch_parameter_may_be_recorded():
    xp = array_api_compat.torch
    w = xp.ones(3, dtype=xp.float64, requires_grad=True)
    x = xp.asarray([2.0, -3.0, 0.5], dtype=xp.float64)
    functions.L1Norm(w).prox(x).sum().backward()
    np.testing.assert_array_equal(to_numpy(w.grad), [-1.0, 1.0, 0.0])
    assert namespace(w.grad) is namespace(x)


def functions_of_arrays():
    for thing in THINGS:
        made, *shapes = thing.make()
        arrays = shapes[0] and not isinstance(shapes[0][0], tuple)
        if isinstance(made, Function) and arrays:
            yield pytest.param(made, shapes[0], id=str(thing))


@pytest.mark.parametrize(("f", "shape"), list(functions_of_arrays()))
def test_points_without_entries_or_axes_are_right_or_refused_by_name(f, shape):
    for empty in ((*shape[: f.batch_ndim], 0), (*shape[: f.batch_ndim], 0, 0), ()):
        x = np.zeros(empty)
        for call in (f, f.prox) if f.has_prox else (f,):
            try:
                value = call(x)
            except (TypeError, ValueError) as error:
                assert re.search(r"x('s)? |x has|axis|axes|shape", str(error))  # noqa: PT017
                assert "zero-size" not in str(error)  # noqa: PT017
            else:
                assert value.shape == (x.shape if call is not f else empty[: f.batch_ndim])


def test_a_start_without_axes_is_refused_where_numpy_makes_numbers_of_it():
    with pytest.raises(ValueError, match=r"x0 has no axes \(shape \(\)\).*x0\[None\]"):
        sk.minimize(functions.SquaredL2(center=2.0), np.asarray(3.0))
    x0 = array_api_compat.torch.asarray(3.0, dtype=array_api_compat.torch.float64)
    assert float(sk.minimize(functions.SquaredL2(center=2.0), x0).x) == pytest.approx(2.0)


@pytest.mark.filterwarnings("ignore:Casting complex")
@pytest.mark.parametrize("turn", [1, 2, 7])
def test_an_operator_that_turns_complex_is_found(turn):
    calls = []

    def F(x):
        calls.append(x)
        return x - 1.0 if len(calls) < turn else x - 1.0j

    A = sk.Operator.from_callable(F, strong_monotonicity=1.0, lipschitz=1.0, name="F")
    with pytest.raises(ValueError, match=r"operator changed the point.*complex128"):
        sk.solve(A + sk.NormalCone(functions.L2Ball(9.0)), np.zeros(3),
                 sk.ForwardBackward(alpha=0.05), tol=1e-10)  # fmt: skip


def test_what_writes_into_its_argument_is_found():
    def F(x):
        x -= 1.0
        return x

    A = sk.Operator.from_callable(F, strong_monotonicity=1.0, lipschitz=1.0, name="F")
    with pytest.raises(ValueError, match=r"F changed its argument.*a copy"):
        sk.solve(A, np.zeros(3))
    L = linear.MatrixFree(F, lambda y: y, (3,), (3,), norm=1.0, name="L")
    with pytest.raises(ValueError, match="changed its argument"):
        sk.minimize(functions.L1Norm() @ L + functions.SquaredL2(), np.ones(3))


def test_rows_that_never_bind_and_rows_that_depend():
    A, b = np.asarray([[1.0, 0.0], [0.0, 1.0]]), np.asarray([1.0, np.inf])
    C, y = functions.Polyhedron(A, b), np.asarray([3.0, 4.0])
    np.testing.assert_allclose(C.project(y), [1.0, 4.0])
    assert C(np.asarray([1.0, 1e9])) == 0
    assert C.conjugate_value(np.asarray([2.0, 0.0])) == 2.0
    assert C.conjugate_value(np.asarray([2.0, 1.0])) == np.inf
    with pytest.raises(ValueError, match=r"b = .*"):
        functions.Polyhedron(A, -b)
    rows = np.asarray([[1.0, 2.0, 0.0], [2.0, 4.0, 0.0], [0.0, 0.0, 1.0], [1.0, 2.0, 1.0]])
    dependent = functions.AffineSet(rows, np.asarray([1.0, 2.0, 3.0, 4.0]))
    whole = functions.AffineSet(rows[[0, 2]], np.asarray([1.0, 3.0]))
    for y in np.random.default_rng(0).normal(size=(5, 3)):
        np.testing.assert_allclose(dependent.project(y), whole.project(y), atol=1e-14)
        assert dependent(whole.project(y)) == 0
    with pytest.raises(ValueError, match="rank 2, and b is off the range of A by"):
        functions.AffineSet(rows, np.asarray([1.0, 2.1, 3.0, 4.0]))
