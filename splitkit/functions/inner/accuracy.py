"""The accuracy of a map that solves its problem by iteration.

It takes ``accuracy``, relative to the size of its argument: ‖P̃y − Py‖ ≤ accuracy · ‖y‖ unless its
docstring says otherwise; None asks for rounding. A method whose k-th prox may have the error εₖ,
Σ εₖ < ∞, takes ``f.with_accuracy(εₖ)``.

Source: Rockafellar, *Monotone operators and the proximal point algorithm* (1976), criterion (A),
for summable errors.
"""

from __future__ import annotations

import copy
from dataclasses import KW_ONLY
from typing import Self

from splitkit.arguments import check_accuracy, option
from splitkit.backend import Array, namespace
from splitkit.functions.base import Function

ROUNDINGS = 8  # no inner problem is solved beyond this many units of rounding


class Inexact(Function):
    """Base of the functions whose prox solves a small problem to an accuracy.

    Parameters
    ----------
    accuracy : float, optional, keyword
        Of the prox, relative to the size of its argument; None: to rounding.
    """

    _: KW_ONLY
    accuracy: float | None = option(None, check_accuracy, repr=False)

    def with_accuracy(self, accuracy: float | None) -> Self:
        """The same function with a prox of this accuracy; parameters and factors are shared.

        Raises
        ------
        TypeError, ValueError
            It is not a number in (0, 1), nor None.
        """
        other = copy.copy(self)
        other.accuracy = check_accuracy("accuracy", accuracy)
        return other


def tolerance(accuracy: float | None, x: Array) -> float:
    """The relative error to solve for at x: the accuracy, or ``ROUNDINGS`` units of rounding."""
    rounding = ROUNDINGS * float(namespace(x).finfo(x.dtype).eps)
    return rounding if accuracy is None else max(accuracy, rounding)
