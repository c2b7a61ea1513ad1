"""Every refusal of a number names the argument, its value and the remedy, in both packages."""

import math
import re

import numpy as np
import pytest
import torch

import splitkit as sk
import splitkit_nn as sknn
from splitkit import functions, linear
from splitkit_nn import activations
from splitkit_nn.training.augment import RandomShift

A = sk.Affine(np.eye(2))
ONE = np.ones(2)
# (argument, what its values are, whether None is one, what takes it)
TAKERS = [
    ("gamma", "positive", False, A.yosida),
    ("s", "nonzero", False, A.scale_argument),
    ("c", "finite", False, linear.ScaledIdentity),
    ("alpha", "positive", True, lambda v: sk.DouglasRachford(alpha=v)),
    ("alpha", "positive", False, A.resolvent),
    ("relaxation", "positive", False, lambda v: sk.DavisYin(relaxation=v)),
    ("relaxation", "positive", False, lambda v: sk.Relaxed(sk.DouglasRachford(), relaxation=v)),
    ("inertia", "non-negative", False, lambda v: sk.Inertial(sk.DouglasRachford(), inertia=v)),
    ("tau", "positive", True, lambda v: sk.ChambollePock(tau=v)),
    ("theta", "positive", True, lambda v: sk.ChambollePock(theta=v)),
    ("rho", "positive", True, lambda v: sk.ADMM(rho=v)),
    (
        "regularization",
        "share",
        False,
        lambda v: sk.Anderson(sk.DouglasRachford(), regularization=v),
    ),
    ("memory", "count", False, lambda v: sk.Anderson(sk.DouglasRachford(), memory=v)),
    ("tol", "below 1", False, sk.Relative),
    ("tol", "below 1", False, sk.Gap),
    ("absolute", "non-negative", False, lambda v: sk.Gap(0, absolute=v)),
    ("tol", "non-negative", False, sk.Absolute),
    ("seconds", "positive or inf", False, sk.TimeLimit),
    ("max_iter", "count", False, lambda v: sk.solve(A, ONE, max_iter=v, on_failure="return")),
    ("n", "count", False, sk.Consensus),
    ("strong_monotonicity", "number", True, lambda v: sk.Properties.of(strong_monotonicity=v)),
    ("weight", "non-negative", False, functions.L1Norm),
    ("radius", "non-negative", False, functions.L2Ball),
    ("delta", "positive", False, functions.Huber),
    ("rho", "non-negative", False, lambda v: functions.Tilted(functions.L1Norm(), rho=v)),
    ("gamma", "positive", False, lambda v: functions.MoreauEnvelope(functions.L1Norm(), v)),
    ("a", "share", False, functions.PowerCone),
    ("accuracy", "share", True, lambda v: functions.TotalVariation2D(accuracy=v)),
    ("k", "count", False, functions.SumOfKLargest),
    ("count", "count", False, functions.L0Ball),
    ("dimensions", "count", False, linear.Fourier),
    ("norm", "non-negative or inf", True, lambda v: _matrix_free(norm=v)),
    ("tol", "share", True, lambda v: linear.Iterative(linear.DenseMatrix(np.eye(2)), tol=v)),
    ("m", "positive", False, lambda v: sknn.MonotoneDense(2, 2, m=v)),
    ("in_features", "count", False, lambda v: sknn.MonotoneDense(v, 2)),
    ("kernel_size", "count", False, lambda v: sknn.MonotoneConv2d(1, 1, 4, kernel_size=v)),
    ("side", "count", False, lambda v: sknn.MonotoneConv2d(1, 1, v)),
    ("tol", "positive", False, lambda v: sknn.MonDEQ(sknn.MonotoneDense(2, 2), tol=v)),
    ("max_iter", "count", False, lambda v: sknn.MonDEQ(sknn.MonotoneDense(2, 2), max_iter=v)),
    ("steps", "count", False, lambda v: sknn.Truncated(steps=v)),
    ("alpha", "positive", True, lambda v: sknn.Unrolled(alpha=v)),
    ("threshold", "non-negative", False, activations.SoftThreshold),
    ("groups", "count", False, lambda v: activations.GroupShrinkage(groups=v)),
    ("slope", "non-negative", False, activations.LeakyReLU),
    ("pixels", "count", False, lambda v: RandomShift(pixels=v)),
    ("probability", "positive", False, lambda v: RandomShift(probability=v)),
]
taker = pytest.mark.parametrize(
    ("name", "values", "open_", "take"), TAKERS, ids=[f"{n}{i}" for i, (n, *_) in enumerate(TAKERS)]
)
BAD = {
    "positive": [0.0, -1, -math.inf, math.inf, math.nan],
    "non-negative": [-1e-300, -1, math.inf, math.nan],
    "positive or inf": [0.0, -1, math.nan],
    "non-negative or inf": [-1, math.nan],
    "nonzero": [0.0, math.inf, math.nan],
    "finite": [math.inf, -math.inf, math.nan],
    "number": [math.nan],
    "share": [0.0, 1.0, -1, math.nan],
    "below 1": [1.0, 3, -1e-300, math.inf, math.nan],
    "count": [0, -1, np.int64(-3), np.asarray(0)],
}


def _matrix_free(**known):
    return linear.MatrixFree(np.copy, np.copy, (2,), (2,), **known)


@taker
def test_a_wrong_type_is_named(name, values, open_, take):
    wrong = [True, "1", 1j, [1.0], np.True_, torch.tensor(True), *([] if open_ else [None])]
    for value in wrong + [1.5, math.nan, ONE] * (values == "count"):
        with pytest.raises(TypeError, match=re.escape(f"{name} = {value!r}: ") + ".*give"):
            take(value)


@taker
def test_a_wrong_value_is_named(name, values, open_, take):
    for value in BAD[values]:
        with pytest.raises(ValueError, match=re.escape(f"{name} = {value!r}: ") + ".*give"):
            take(value)


@taker
def test_scalars_of_other_libraries_pass(name, values, open_, take):
    half = 1 if values == "count" else 0.5
    for value in (half, np.asarray(half), torch.tensor(half)):
        take(value)
    if values == "count":
        take(np.int32(1))
    else:
        take(np.float32(0.5))


@pytest.mark.parametrize(
    ("name", "take"),
    [
        ("check", lambda v: sk.DouglasRachford(check=v)),
        ("monotone", lambda v: sk.Operator.from_callable(np.copy, monotone=v)),
        ("progress", lambda v: sk.solve(A, ONE, progress=v)),
        ("balance", lambda v: sk.ChambollePock(balance=v)),
        ("isotropic", lambda v: functions.TotalVariation2D(isotropic=v)),
        ("symmetric", lambda v: _matrix_free(symmetric=v)),
    ],
)
def test_a_wrong_flag_is_named(name, take):
    take(False)
    take(np.False_)
    for value in (1, "yes", ONE):
        with pytest.raises(TypeError, match=re.escape(f"{name} = {value!r}: give True")):
            take(value)


@pytest.mark.parametrize(
    ("name", "take"),
    [
        ("on_failure", lambda v: sk.solve(A, ONE, on_failure=v)),
        ("kind", lambda v: sk.Anderson(sk.DouglasRachford(), kind=v)),
        ("boundary", lambda v: linear.Gradient(boundary=v)),
        ("on_failure", lambda v: sknn.MonDEQ(sknn.MonotoneDense(2, 2), on_failure=v)),
    ],
)
def test_a_wrong_choice_is_named(name, take):
    for value, error in (("other", ValueError), (3, TypeError), (None, TypeError)):
        with pytest.raises(error, match=re.escape(f"{name} = {value!r}: give ") + '".*" or ".*"'):
            take(value)


@pytest.mark.parametrize("alpha", [1, np.float32(1), np.asarray(1), torch.tensor(1.0)], ids=repr)
def test_a_step_of_a_proximal_map_is_a_scalar_of_any_library(alpha):
    f = functions.L1Norm(0.25)
    np.testing.assert_array_equal(f.prox(ONE, alpha), f.prox(ONE, 1.0))
    np.testing.assert_array_equal(f.make_prox(alpha)(ONE), f.prox(ONE, 1.0))


def test_a_step_that_is_differentiated_by_stays_an_array():
    alpha = torch.tensor(0.5, requires_grad=True)
    functions.L1Norm().prox(torch.tensor([2.0, 3.0]), alpha).sum().backward()
    assert float(alpha.grad) == -2.0
    jax = pytest.importorskip("jax")
    x = jax.numpy.asarray([2.0, 3.0])
    slope = jax.jit(jax.grad(lambda a: functions.L1Norm().prox(x, a).sum()))(0.5)
    assert float(slope) == -2.0


def test_data_that_do_not_fit_the_values_of_a_map_are_named():
    f = sk.functions
    with pytest.raises(ValueError, match=r"shape \(3,\) does not broadcast to the values of Dense"):
        f.SquaredL2(center=np.ones(3)) @ np.ones((2, 2)) + f.L1Norm()


@pytest.mark.parametrize("name", ["L2Ball", "L1Ball", "Simplex", "L21Ball", "Sphere"])
def test_a_radius_that_the_library_takes_for_0_is_refused(name):
    """JAX takes all below the smallest normal number for 0."""
    jax = pytest.importorskip("jax")
    x = np.asarray([0.3, -0.2, 0.7], dtype=np.float32)
    C = getattr(sk.functions, name)(1e-38)
    near = C.project(x)
    assert C(near) == 0
    assert np.any(near != 0)
    with pytest.raises(ValueError, match=r"1e-38 is taken for 0 by jax\.numpy"):
        C.project(jax.numpy.asarray(x))
    with pytest.raises(ValueError, match="is taken for 0"):
        getattr(sk.functions, name)(1e-60).project(x)


@pytest.mark.filterwarnings("error")
def test_single_precision_of_jax_needs_no_long_integers():
    jax = pytest.importorskip("jax")
    x = jax.numpy.asarray([0.3, -0.2, 0.7], dtype=jax.numpy.float32)
    for C in (sk.functions.Simplex(2.0), sk.functions.L1Ball(0.5), sk.functions.Isotonic()):
        assert C(C.project(x)) == 0


def test_what_no_float_holds_is_named_where_a_sum_or_a_shift_takes_it():
    huge, f = 10**400, sk.functions.L1Norm()
    for refused in (lambda: f + huge, lambda: f - huge, lambda: huge + f):
        with pytest.raises(ValueError, match="c is beyond the range of floats"):
            refused()
    for v in (huge, 2.0, [1.0, 2.0], None):
        with pytest.raises(TypeError, match=r"v is a .*: give an array like x"):
            f.translate(v)
        with pytest.raises(TypeError, match=r"v is a .*: give an array like x"):
            sk.Subdifferential(f).shift(v)
