"""How an attempt to prove something ends."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """How an attempt to prove something ends; ``Proof.reason`` says more.

    Examples
    --------
    >>> from splitkit.proofs import Outcome
    >>> F = sk.Operator.from_callable(lambda x: x, monotone=True, lipschitz=1.0)
    >>> proof = sk.prove(sk.Identity() - F)  # expands
    >>> print(proof.outcome == Outcome.REFUTED, proof.outcome)
    True refuted by this instance
    """

    PROVED = "proved"  # multipliers verify the inequality in rational arithmetic
    REFUTED = "refuted by this instance"  # operators that break it, run through the same code
    INEXPRESSIBLE = "not expressible"  # what is known is no program, or decides nothing
    FAILED = "the solver failed"  # its numbers verify nothing


class NotExpressibleError(TypeError):
    """A step does what no program of linear combinations and operators can say.

    Examples
    --------
    >>> from splitkit.proofs import NotExpressibleError, Scene
    >>> try:
    ...     Scene().new("x") * np.inf
    ... except NotExpressibleError as error:
    ...     print(error)
    not expressible, because the step multiplies a point by inf
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"{Outcome.INEXPRESSIBLE}, because {reason}")
