"""f + ⟨a, ·⟩ + (ρ/2)‖·‖², ρ ≥ 0."""

from __future__ import annotations

from splitkit.arguments import NON_NEGATIVE, check_broadcast, check_number
from splitkit.backend import Array, Point, Space, add, inner, lincomb, pairing, scale
from splitkit.functions.base import Function
from splitkit.functions.calculus.derived import Derived
from splitkit.functions.subdifferential import Subdifferential
from splitkit.linear.base import LinearOperator
from splitkit.notation import SUM, Style
from splitkit.operators.combination import combine


class Tilted(Derived):
    """x ↦ f(x) + ⟨a, x⟩ + (ρ/2)‖x‖².

    f + ⟨a, ·⟩ + (ρ/2)‖·‖², ρ ≥ 0; the conjugate is u ↦ (f* □ ‖·‖²/(2ρ))(u − a), for ρ = 0
    u ↦ f*(u − a).

    Source: Bauschke, Combettes (2017), Prop. 24.8(i), 13.23, 14.1.

    Parameters
    ----------
    f : Function
    a : point, optional
        Like x, or broadcasting to it; None: zero.
    rho : float, default 0
        ρ, non-negative and finite.

    Raises
    ------
    TypeError, ValueError
        rho is no such number.

    Examples
    --------
    >>> f = sk.functions.Tilted(sk.functions.L1Norm(), np.array([1.0, 1.0]), 0.5)
    >>> x = np.array([3.0, 0.5])
    >>> print(f(x), f.prox(x))
    9.3125 [0.6667 0.    ]
    """

    binding = SUM
    parameters = ("a",)
    acts_on_complex = True

    def __init__(self, f: Function, a: Point | None = None, rho: float = 0.0) -> None:
        self.f, self.a = f, a
        self.rho = check_number("rho", rho, NON_NEGATIVE)
        curved = combine(self.rho, 1.0, Subdifferential(f))
        super().__init__(curved if a is None else curved.shift(scale(-1.0, a)), f)

    def __call__(self, x: Point) -> Array:
        value = self.f(x)
        if self.a is not None:
            value = value + pairing(self.a, x, self.batch_ndim)
        return value + self.rho / 2 * inner(x, x, self.batch_ndim) if self.rho else value

    def value_and_gradient(self, x: Point) -> tuple[Array, Point]:
        value, slope = self.f.value_and_gradient(x)
        if self.a is not None:
            value, slope = value + pairing(self.a, x, self.batch_ndim), add(slope, self.a)
        if self.rho:
            value = value + self.rho / 2 * inner(x, x, self.batch_ndim)
            slope = lincomb(1.0, slope, self.rho, x)
        return value, slope

    def make_hessian(self, x: Point) -> LinearOperator:
        return self.f.make_hessian(x).raised(self.rho)

    @property
    def conjugate(self) -> Function:
        from splitkit.functions.calculus.moreau_envelope import MoreauEnvelope  # its conjugate

        dual = MoreauEnvelope(self.f.conjugate, self.rho) if self.rho else self.f.conjugate
        return dual if self.a is None else dual.translate(self.a)

    def check_space(self, space: Space) -> None:
        if self.a is not None:
            check_broadcast(f"a of {self!r}", self.a, space)
        super().check_space(space)

    def write(self, s: Style) -> str:
        parts = [s(self.f)]
        if self.a is not None:
            parts.append(r"\langle a, \cdot\rangle" if s.is_latex else "⟨a, ·⟩")
        if self.rho:
            rho = s.number(self.rho)
            parts.append(rf"\frac{{{rho}}}{{2}}\|\cdot\|^2" if s.is_latex else f"{rho}/2 ‖·‖²")
        return s.total(parts)
