"""An operator expression with its operators replaced by symbols.

The nodes that make a step are kept (sums, aI + bA, compositions, resolvents, Cayley operators);
below them each operator is a leaf that is known by its properties alone. What the algebra tracks
about a combinator that is not taken apart stands in its leaf's properties.
"""

from __future__ import annotations

from splitkit.operators.base import Operator
from splitkit.operators.combination import Combination
from splitkit.operators.composition import Composition
from splitkit.operators.identity import Identity, Zero
from splitkit.operators.resolvent import Cayley, Resolvent
from splitkit.operators.sum import Sum
from splitkit.proofs.symbols import Leaf, Scene


def symbolic(T: Operator, scene: Scene) -> Operator:
    """T over symbols."""
    match T:
        case Leaf() | Identity() | Zero():
            return T
        case Combination():
            return Combination(T.a, T.b, symbolic(T.A, scene))
        case Sum():
            return Sum(tuple(symbolic(term, scene) for term in T.terms))
        case Composition():
            return Composition(tuple(symbolic(factor, scene) for factor in T.factors))
        case Resolvent():
            return Resolvent(scene.leaf(T.A), T.alpha)
        case Cayley():
            return Cayley(scene.leaf(T.A), T.alpha)
    return scene.leaf(T)
