"""Peaceman-Rachford splitting: two reflections in turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from splitkit.backend import Scalar
from splitkit.operators.base import Operator
from splitkit.solvers.method import Guarantee
from splitkit.solvers.methods.reflected import AT_F, AT_G, ReflectedSplitting
from splitkit.solvers.terms import Term


@dataclass(frozen=True, kw_only=True)
class PeacemanRachford(ReflectedSplitting):
    """Peaceman-Rachford splitting for 0 ∈ F(x) + G(x):

        u⁺ = C_{αF} C_{αG} u,  x = R_{αG} u.

    Takes: F and G by their resolvents.
    Assumes: F or G strongly monotone, both maximal monotone.
    Steps: α > 0; left open, the α of the least factor, else 1/L, 1/m, or measured on the data.
    Rate: Lip(C_{αF}) Lip(C_{αG}), where that is below 1: one of them strongly monotone and
    Lipschitz.
    Oracles: 1 R_{αF}, 1 R_{αG}.

    If only G is strongly monotone, x_G = R_{αG}u converges and u need not; if only F is, it is
    x_F = R_{αF}(2R_{αG}u − u) that converges (F = N_{0}, G = 0: u = 1, −1, 1, …). Without strong
    monotonicity nothing is guaranteed: use Douglas-Rachford. The residual is read as there.

    Source: Lions, Mercier (1979); Bauschke, Combettes (2017), Prop. 26.13; Ryu, Boyd (2016), §7.3.

    Examples
    --------
    >>> F = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.array([2.0, 1.0]))
    >>> G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> sk.solve(F + G, np.zeros(2), sk.PeacemanRachford()).x
    array([0., 1.])
    >>> sk.PeacemanRachford(alpha=1.0).guarantee(F, G).rate
    0.7071
    """

    label: ClassVar[str] = "Peaceman-Rachford"

    def expression(self, *terms: Term, alpha: Scalar) -> Operator:
        F, G = terms
        return F.cayley(alpha) @ G.cayley(alpha)

    def reads_at_F(self, F: Term, G: Term) -> bool:
        # F Lipschitz too: C_F contracts, though by a factor that may be rounded to 1
        only_F = _strong(F) and F.lipschitz is None and not _strong(G)
        maximal = only_F and F.properties.maximal and G.properties.maximal
        return maximal or super().reads_at_F(F, G)

    def theorem(self, *terms: Term) -> Guarantee:
        F, G = terms
        general = super().theorem(F, G)
        if general.holds or not (F.properties.maximal and G.properties.maximal):
            return general
        of_F = AT_F if F.lipschitz is None else AT_G
        for name, A, sequence in (("G", G, AT_G), ("F", F, of_F)):
            if _strong(A):
                reason = (
                    f"{name} is {A.strong_monotonicity:.4g}-strongly monotone: {sequence} "
                    "converges, the governing sequence need not (Lions-Mercier)"
                )
                return Guarantee(True, None, reason, sequence)
        return general

    def refusal(self, *terms: Term) -> str:
        F, G = terms
        return (
            f"neither F = {F!r} nor G = {G!r} is known to be maximal and strongly monotone, so "
            "C_F C_G is only nonexpansive: declare strong_monotonicity, or use Douglas-Rachford"
        )


def _strong(A: Term) -> bool:
    """Whether A is known to be strongly monotone."""
    return (A.strong_monotonicity or 0) > 0
