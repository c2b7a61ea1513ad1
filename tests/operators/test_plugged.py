"""A denoiser in the place of a resolvent: what its constants make of the operator."""

import numpy as np
import pytest

import splitkit as sk

CENTRE = np.array([0.0, 0.0, 4.0, 0.0])
F = sk.Subdifferential(sk.functions.SquaredL2(center=CENTRE))
SMOOTH = np.array([[2, 1, 0, 1], [1, 2, 1, 0], [0, 1, 2, 1], [1, 0, 1, 2]]) / 4
D = sk.Operator.from_callable(lambda x: x @ SMOOTH, cocoercivity=1.0)
METHODS = [
    sk.ForwardBackward(alpha=0.5),
    sk.DouglasRachford(alpha=0.5),
    sk.PeacemanRachford(alpha=0.5),
    sk.ADMM(rho=2.0),
]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.label)
def test_methods_solve_with_what_is_plugged_in(method):
    """x = D(x − αFx) for a linear D."""
    x = sk.solve(F + sk.plug_and_play(D, 0.5), np.zeros(4), method, tol=1e-9).x
    np.testing.assert_allclose(SMOOTH @ (0.5 * x + 0.5 * CENTRE), x, atol=1e-8)


def test_constants_follow_from_those_of_the_residual():
    """x − D(x) is ε-Lipschitz: the contraction of Ryu et al., Thm. 1, is the algebra's."""
    eps, alpha = 0.2, 0.5
    E = sk.Operator.from_callable(lambda x: eps * np.sin(x), lipschitz=eps)
    A = sk.plug_and_play(sk.Identity() - E, alpha)
    assert A.strong_monotonicity == pytest.approx(-eps / (alpha * (1 + eps)))
    assert A.lipschitz == pytest.approx(eps / (alpha * (1 - eps)))
    method = sk.ForwardBackward(alpha=alpha)
    assert method.guarantee(F, A).rate == pytest.approx((1 + eps) * (1 - alpha))
    flat = sk.Subdifferential(sk.functions.LeastSquares(np.eye(1, 4), np.ones(1)))
    assert not method.guarantee(flat, A).holds
    firm = sk.plug_and_play(D, alpha)
    assert firm.properties.maximal
    assert method.guarantee(flat, firm).holds


def test_its_step_is_its_own():
    A = sk.plug_and_play(D, 0.5)
    x = np.array([1.0, 0.0, 0.0, 0.0])
    np.testing.assert_array_equal((2 * A).resolvent(0.25)(x), SMOOTH[0])
    with pytest.raises(ValueError, match=r"alone; give the method alpha=0\.5"):
        A.resolvent(1.0)(x)
    with pytest.raises(TypeError, match="D = "):
        sk.plug_and_play(lambda x: x, 0.5)
    with pytest.raises(ValueError, match="alpha = -1"):
        sk.plug_and_play(D, -1.0)
