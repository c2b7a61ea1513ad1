"""An operator expression with its operators replaced by symbols.

The nodes that make a step are kept (sums, aI + bA, compositions, resolvents, Cayley operators);
below them each operator is a leaf that is known by its properties alone. What the algebra tracks
about a combinator that is not taken apart stands in its leaf's properties.
"""

from __future__ import annotations

from collections.abc import Callable

from splitkit.operators.base import Operator
from splitkit.operators.combination import Combination
from splitkit.operators.composition import Composition
from splitkit.operators.identity import Identity, Zero
from splitkit.operators.resolvent import Cayley, Resolvent
from splitkit.operators.sum import Sum
from splitkit.proofs.outcome import NotExpressibleError


def symbolic(T: Operator, leaf: Callable[[Operator], Operator]) -> Operator:
    """T with ``leaf(A)`` for its operators A.

    Raises
    ------
    NotExpressibleError
        An operator is evaluated, or its resolvent taken, that has none.

    Examples
    --------
    >>> from splitkit.proofs import Scene, contraction, symbolic
    >>> F = sk.Operator.from_callable(lambda x: x, strong_monotonicity=1.0, lipschitz=2.0)
    >>> scene = Scene()
    >>> T = symbolic(sk.Identity() - 0.25 * F, scene.leaf)
    >>> u = scene.new("u")
    >>> print(contraction(scene, [u], [T(u)], np.eye(1)).value)  # 1 − m²/L²
    0.75
    """
    match T:
        case Identity() | Zero():
            return T
        case Combination():
            return Combination(T.a, T.b, symbolic(T.A, leaf))
        case Sum():
            return Sum(tuple(symbolic(term, leaf) for term in T.terms))
        case Composition():
            return Composition(tuple(symbolic(factor, leaf) for factor in T.factors))
        case Resolvent():
            return Resolvent(_with_resolvent(T.A, leaf), T.alpha)
        case Cayley():
            return Cayley(_with_resolvent(T.A, leaf), T.alpha)
    if not (T.has_evaluation or T.properties.lipschitz is not None):
        raise NotExpressibleError(f"{T!r} is set-valued: a step may use its resolvent")
    return leaf(T)


def _with_resolvent(A: Operator, leaf: Callable[[Operator], Operator]) -> Operator:
    if not (A.has_resolvent or A.properties.maximal):
        raise NotExpressibleError(
            f"{A!r} has no resolvent, and is not known to be maximal monotone"
        )
    if (
        isinstance(A, Combination) and A.has_resolvent
    ):  # its rule uses the resolvent of what it is made of
        return Combination(A.a, A.b, _with_resolvent(A.A, leaf))
    return leaf(A)
