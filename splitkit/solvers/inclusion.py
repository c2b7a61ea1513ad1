"""The inclusion of a minimization problem: 0 ∈ ∂f₁(x) + … + ∂fₙ(x)."""

from __future__ import annotations

from splitkit.functions.base import Function
from splitkit.functions.calculus.sums import SumOfFunctions
from splitkit.functions.subdifferential import Subdifferential
from splitkit.operators.base import Operator


def inclusion_of(f: Function) -> Operator:
    """∂f₁ + … + ∂fₙ for f = f₁ + … + fₙ; contained in ∂f, and equal to it under a constraint
    qualification (Bauschke, Combettes 2017, Cor. 16.48), so its zeros minimize f.
    """
    terms = f.terms if isinstance(f, SumOfFunctions) else (f,)
    inclusion: Operator = Subdifferential(terms[0])
    for term in terms[1:]:
        inclusion = inclusion + Subdifferential(term)
    return inclusion
