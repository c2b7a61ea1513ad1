"""The operator that a given map D is the resolvent of: a denoiser in the place of a prox."""

from __future__ import annotations

import math

from splitkit.arguments import POSITIVE, check_number
from splitkit.backend import Point, Scalar, is_array
from splitkit.operators.base import Operator
from splitkit.operators.callables import CallableOperator

SAME = 1e-9  # two steps that are equal but for rounding


def plug_and_play(D: Operator, alpha: float) -> Operator:
    """A = (D⁻¹ − I)/α, of which D is the resolvent, R_{αA} = D, at this one step size.

    Plug-and-play methods take a denoiser for the prox of a term that nobody wrote down: forward-
    backward with ``plug_and_play(D, α)`` is x⁺ = D(x − αFx). What holds of D says what A is, so
    that a method has its theorem, or refuses:

    - D firmly nonexpansive (``cocoercivity=1``): A is maximal monotone;
    - D = I − E with E ε-Lipschitz, ε < 1: A is −ε/(α(1 + ε))-monotone at least, and a strongly
      monotone F may make up for that.

    ``splitkit.testing.check_operator(D, shape)`` looks for points at which D is not what it is
    declared to be. Give the method the same step: ``sk.ForwardBackward(alpha=α)``,
    ``sk.ADMM(rho=1/α)``.

    Regularization by denoising (RED) evaluates D instead: ``c * (sk.Identity() - D)`` is
    1/(2c)-cocoercive for a nonexpansive D, with any step.

    Source: Venkatakrishnan, Bouman, Wohlberg, *Plug-and-play priors for model based reconstruction*
    (2013); Ryu, Liu, Wang, Chen, Wang, Yin, *Plug-and-play methods provably converge with properly
    trained denoisers* (2019), Thms. 1, 2, for I − D; Romano, Elad, Milanfar, *The little engine
    that could: regularization by denoising (RED)* (2017).

    Parameters
    ----------
    D : Operator
        ``sk.Operator.from_callable(denoise, cocoercivity=1.0)``, say, or ``sk.Identity() - E``.
    alpha : float
        Step size > 0.

    Raises
    ------
    TypeError
        D is no operator that can be evaluated, or alpha no number.
    ValueError
        alpha is out of range; or, where the resolvent is made, the step is another one.

    Examples
    --------
    >>> def smooth(x):  # a mean of neighbours, with eigenvalues from 0 to 1
    ...     return (np.roll(x, 1, -1) + 2 * x + np.roll(x, -1, -1)) / 4
    >>> D = sk.Operator.from_callable(smooth, cocoercivity=1.0)
    >>> F = sk.Subdifferential(sk.functions.SquaredL2(center=np.array([0.0, 0.0, 4.0, 0.0])))
    >>> print(sk.solve(F + sk.plug_and_play(D, 0.5), np.zeros(4), sk.ForwardBackward(alpha=0.5)).x)
    [0.3333 1.     1.6667 1.    ]
    """
    step = check_number("alpha", alpha, POSITIVE)
    if not isinstance(D, Operator) or not D.has_evaluation:
        raise TypeError(f"D = {D!r}: give an operator with an evaluation, as of from_callable")
    denoise = D.make_evaluation()

    def resolvent(y: Point, alpha: Scalar) -> Point:
        if is_array(alpha) or not math.isclose(alpha, step, rel_tol=SAME):
            raise ValueError(
                f"alpha = {alpha}: the resolvent of {name} is known at {step:.6g} alone; give the "
                f"method alpha={step:.6g}, or rho=1/{step:.6g}"
            )
        return denoise(y)

    known = D.properties.transform(((0.0, 1.0), (1 / step, -1 / step)))
    name = f"plug_and_play({D!r}, {step:.6g})"
    return CallableOperator(None, resolvent, known.as_maximal() if known.monotone else known, name)
