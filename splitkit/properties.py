"""What is known of an operator, as numbers: quadratic inequalities on the pairs of its graph.

For (x, u), (x′, u′) in the graph write Δx = x − x′, Δu = u − u′. A *form* (a, b, c) states

    a‖Δx‖² + 2b⟨Δx, Δu⟩ + c‖Δu‖² ≥ 0        for all pairs:

    m-strongly monotone     (−m, ½, 0)        monotone: m = 0; negative m: weakly monotone
    L-Lipschitz             (L², 0, −1)
    β-cocoercive            (0, ½, −β)        comonotone: any sign of β
    gradient of an m-strongly convex, L-smooth function   (−mL, (m+L)/2, −1)

Each is a product of two linear *factors*, ⟨pΔx + qΔu, rΔx + tΔu⟩ ≥ 0: (Δu − mΔx)(LΔx − Δu) is the
last one. These are kept, as their zeros are the constants, and know them to a rounding; from the
coefficients a, b, c of a Cayley operator at αL ≫ 1 they would be known to as few digits as cancel.

A linear map of the graph, (x, u) ↦ (t₁₁x + t₁₂u, t₂₁x + t₂₂u), acts on the form's 2×2 matrix Q by
congruence, Q ↦ T⁻ᵀQT⁻¹, on a factor by f ↦ fT⁻¹: one rule for inverse, scaling, aI + bA, resolvent
and Cayley operator.

A constant is read back as the best one that the forms imply together. With s = ⟨Δx, Δu⟩/‖Δx‖² and
w = ‖Δu‖²/‖Δx‖², the pairs allowed are {(s, w): w ≥ s², a + 2bs + cw ≥ 0 for each form}, a convex
region of the plane (the scaled relative graph): m is its least s, L² its greatest w. In a space of
dimension at least 2 nothing better follows from the forms (S-procedure, lossless for 2×2 Gram
matrices).

Sources: Ryu, Hannah, Yin, *Scaled relative graphs* (2022); Bauschke, Combettes, *Convex Analysis
and Monotone Operator Theory in Hilbert Spaces* (2017), Props. 4.12, 4.39, 4.44, Cor. 25.5, to which
the numbers below refer; Taylor, Hendrickx, Glineur (2017) for the gradient's form.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from splitkit import graph_sums
from splitkit.arguments import Range, check_number, check_square
from splitkit.graph_sums import Region, arcs

Form: TypeAlias = tuple[float, float, float]
Map: TypeAlias = tuple[tuple[float, float], tuple[float, float]]
Factors: TypeAlias = tuple[tuple[float, float], tuple[float, float]]  # (p, q), (r, t)

FEW = 8  # terms of which a sum's constants are the best


@dataclass(frozen=True)
class Properties:
    """The forms that hold on an operator's graph, and what no form can say.

    Attributes
    ----------
    factors : tuple of ((p, q), (r, t))
        Of the forms.
    maximal : bool
        Known to be maximal monotone, and so to be monotone.
    gradient : bool
        Known to be the (sub)gradient of a function.
    linear : bool
        Known to be affine: x ↦ Mx + const.

    Examples
    --------
    >>> sk.Properties.of(strong_monotonicity=1.0, lipschitz=2.0).step_lipschitz(0.25)
    0.866
    """

    factors: tuple[Factors, ...] = ()
    maximal: bool = False
    gradient: bool = False
    linear: bool = False

    @classmethod
    def of(
        cls,
        *,
        monotone: bool = False,
        strong_monotonicity: float | None = None,
        lipschitz: float | None = None,
        cocoercivity: float | None = None,
        averagedness: float | None = None,
        skew: bool = False,
        gradient: bool = False,
        linear: bool = False,
        maximal: bool = False,
    ) -> Properties:
        """Properties from the field's constants; None is unknown.

        A monotone operator that is Lipschitz or cocoercive is maximal (Cor. 20.28); ``maximal``
        means maximal monotone.

        Raises
        ------
        TypeError, ValueError
            A constant is no number or out of range, or two contradict each other; the message names
            them.
        """
        m = _constant("strong_monotonicity", strong_monotonicity, -math.inf, math.inf)
        L = _constant("lipschitz", lipschitz, 0.0, math.inf)
        β = _constant("cocoercivity", cocoercivity, -math.inf, math.inf)
        θ = _constant("averagedness", averagedness, 0.0, 1.0)
        for name, value in (("strong_monotonicity", m), ("cocoercivity", β)):
            if maximal and value is not None and value < 0:
                raise ValueError(
                    f"maximal = True with {name} = {value}: maximal means maximal monotone; leave "
                    f"it out, or give {name} ≥ 0"
                )
        if m is None and (monotone or skew or maximal):
            m = 0.0
        factors: list[Factors] = []
        if m is not None:
            # an operator that is ∞-strongly monotone has one point in its domain: Δx = 0
            factors.append(((-1.0, 0.0), (1.0, 0.0)) if m == math.inf else ((1.0, 0.0), (-m, 1.0)))
        if L is not None and L < math.inf:
            factors.append(_bounded(L))
        if gradient and m is not None and m < math.inf and L is not None and L < math.inf:
            factors.append(((-m, 1.0), (L, -1.0)))
        if β is not None:
            factors.append(((0.0, -1.0), (0.0, 1.0)) if β == math.inf else ((0.0, 1.0), (1.0, -β)))
        if θ is not None:
            # I − T is 1/(2θ)-cocoercive
            factors.append(((1.0, -1.0), (1 - 2 * (1 - θ), 1.0)))
        if skew:
            factors.append(((-1.0, 0.0), (0.0, 1.0)))
        result = cls(tuple(factors), maximal, gradient, linear)
        low, high = result._s_bounds
        apart = low - high > 1e-7 * max(1.0, abs(low)) or low == math.inf
        too_large = m is not None and L is not None and L * (1 + 1e-9) < m < math.inf
        if m != math.inf and (apart or too_large):
            raise ValueError(
                f"no operator has strong_monotonicity={m}, lipschitz={L}, cocoercivity={β} and "
                f"averagedness={θ} at once (m ≤ L and m ≤ 1/β are necessary): correct one of them"
            )
        continuous = result.lipschitz is not None
        return result if maximal or not (continuous and result.monotone) else result.as_maximal()

    def as_maximal(self) -> Properties:
        """The same, known to be maximal monotone.

        Raises
        ------
        ValueError
            It is not known to be monotone.
        """
        if not self.monotone:
            m = self.strong_monotonicity
            raise ValueError(
                f"strong_monotonicity = {m}: only a monotone operator is maximal monotone; declare "
                "it to be monotone"
            )
        return Properties(self.factors, True, self.gradient, self.linear)

    def also_lipschitz(self, L: float) -> Properties:
        """The same, known to be L-Lipschitz."""
        factors = (*self.factors, _bounded(L))
        return Properties(factors, self.maximal, self.gradient, self.linear)

    @cached_property
    def forms(self) -> tuple[Form, ...]:
        """The forms (a, b, c), multiplied out."""
        return tuple([(p * r, (p * t + q * r) / 2, q * t) for (p, q), (r, t) in self.factors])

    # -- constants read back ----------------------------------------------------------------

    @cached_property
    def _ceilings(self) -> tuple[tuple[float, float], ...]:
        """Pairs ρ ≤ σ with w ≤ s² + (s − ρ)(σ − s): the zeros of the forms that bound w."""
        return tuple(_zeros(f, g) for f, g in self.factors if f[1] * g[1] < 0)

    @cached_property
    def _s_bounds(self) -> tuple[float, float]:
        """The interval of s = ⟨Δx, Δu⟩/‖Δx‖²: every lower bound of w against every upper one."""
        low, high = 0.0 if self.maximal else -math.inf, math.inf
        floors = [_zeros(f, g) for f, g in self.factors if f[1] * g[1] > 0]
        bounds = list(self._ceilings)
        for (p, q), (r, t) in self.factors:
            if q == 0 or t == 0:
                bounds.append(_half_line(p * r, p * t + q * r))
        for ρ, σ in self._ceilings:
            for below, above in floors:  # (s − below)(s − above) ≥ (s − ρ)(s − σ)
                d, e = _plus(ρ, -below), _plus(σ, -above)
                bounds.append(_half_line(-_plus(ρ * e, above * d), _plus(d, e)))
        for least, greatest in bounds:
            low, high = max(low, least), min(high, greatest)
        return low, high

    @cached_property
    def _s_range(self) -> tuple[float, float]:
        """The interval, where rounding has emptied it too; empty if no pair has Δx ≠ 0."""
        low, high = self._s_bounds
        if low <= high or math.inf in (low, -high):
            return low, high
        # a double root is known to √eps only: the wider reading claims nothing that is false
        return (low, low) if low - high <= 1e-12 * max(1.0, abs(low)) else (high, low)

    @cached_property
    def strong_monotonicity(self) -> float | None:
        """The largest known m with ⟨Δx, Δu⟩ ≥ m‖Δx‖²; negative: weakly monotone; None: unknown."""
        low, high = self._s_range
        if low > high:  # no pair has Δx ≠ 0
            return math.inf
        return None if low == -math.inf else low

    @cached_property
    def lipschitz(self) -> float | None:
        """The smallest known L with ‖Δu‖ ≤ L‖Δx‖; None: unknown."""
        if not self._corners:
            return None
        return max([min([_ceiling(s, *each) for each in self._ceilings]) for s in self._corners])

    def step_lipschitz(self, alpha: float) -> float | None:
        """Lip(I − αA), that of ``combined(1, -alpha)``, for a search over α: the largest of

            √((1 − αs)² + α² min (s − ρ)(σ − s)),

        whose square is concave in s between corners that no α moves.
        """
        if not self._corners:
            return None
        return max(
            [
                math.hypot(1 - alpha * s, alpha * math.sqrt(max(0.0, width)))
                for s in self._corners
                for width in [min([(s - ρ) * (σ - s) for ρ, σ in self._ceilings])]
            ]
        )

    @cached_property
    def _corners(self) -> tuple[float, ...]:
        """Where the least bound of w may have a corner or an end; none where there is no bound."""
        low, high = self._s_range
        if not self._ceilings or low > high:
            return ()
        corners = {low, high}
        for i, (ρ, σ) in enumerate(self._ceilings):
            for below, above in self._ceilings[:i]:
                d, e = ρ - below, σ - above
                if d + e != 0 and low <= (s := (ρ * e + above * d) / (d + e)) <= high:
                    corners.add(s)
        return tuple(corners)

    @cached_property
    def cocoercivity(self) -> float | None:
        """The largest known β > 0 with ⟨Δx, Δu⟩ ≥ β‖Δu‖²; None: unknown."""
        β = self.comonotonicity
        return β if β is not None and β > 0 else None

    @cached_property
    def comonotonicity(self) -> float | None:
        """The largest known β, of any sign, with ⟨Δx, Δu⟩ ≥ β‖Δu‖²; None: unknown."""
        return self.inverse().strong_monotonicity

    @cached_property
    def averagedness(self) -> float | None:
        """The smallest known θ < 1 such that T = (1−θ)I + θN with N nonexpansive; None: unknown."""
        β = self.transform(((1, 0), (1, -1))).cocoercivity
        return None if β is None or β <= 0.5 else 1 / (2 * β)

    @cached_property
    def monotone(self) -> bool:
        """Known to be monotone."""
        return self.strong_monotonicity is not None and self.strong_monotonicity >= 0

    @cached_property
    def skew(self) -> bool:
        """Known to satisfy ⟨Δx, Δu⟩ = 0."""
        return self._s_range == (0.0, 0.0)

    @property
    def region(self) -> Region:
        """What the forms say of a Lipschitz operator, for sums."""
        return Region(*self._s_range, self._ceilings, self._corners)

    # -- rules ------------------------------------------------------------------------------

    def transform(self, t: Map, *, maximal: bool = False) -> Properties:
        """Properties of the operator whose graph is {(t₁₁x + t₁₂u, t₂₁x + t₂₂u)}; t invertible, and
        the image of a maximal monotone operator perhaps known to be one.
        """
        (p, q), (r, s) = t
        det = p * s - q * r
        # x = (s x′ − q u′)/det, u = (−r x′ + p u′)/det
        i11, i12, i21, i22 = s / det, -q / det, -r / det, p / det

        def image(f: tuple[float, float]) -> tuple[float, float]:
            return _plus(f[0] * i11, f[1] * i21), _plus(f[0] * i12, f[1] * i22)

        factors = tuple([(image(f), image(g)) for f, g in self.factors])
        gradient = self.gradient and self.monotone
        return Properties(factors, self.maximal and maximal, gradient, self.linear)

    def inverse(self) -> Properties:
        """A⁻¹: swap the graph. Maximality is kept."""
        return self.transform(((0, 1), (1, 0)), maximal=True)

    def scaled(self, c: float) -> Properties:
        """cA with c ≠ 0; maximality is kept for c > 0."""
        return self.transform(((1, 0), (0, c)), maximal=c > 0)

    def combined(self, a: float, b: float) -> Properties:
        """aI + bA with b ≠ 0; maximal for a ≥ 0, b > 0 and A maximal (Minty)."""
        result = self.transform(((1, 0), (a, b)), maximal=a >= 0 and b > 0)
        continuous = result.monotone and result.lipschitz is not None
        return result.as_maximal() if continuous else result

    def resolvent(self, alpha: float) -> Properties:
        """R_{αA}: the graph {(x + αu, x)}; maximal because it is monotone and continuous."""
        return self.transform(((1, alpha), (1, 0)), maximal=True)

    def cayley(self, alpha: float, lipschitz: float = 1.0) -> Properties:
        """C_{αA} = 2R_{αA} − I: the graph {(x + αu, x − αu)}; of a monotone operator the Lipschitz
        constant is at most 1, or another one that is known.
        """
        return _cayley_properties(self, alpha, lipschitz)

    def argument_scaled(self, s: float) -> Properties:
        """x ↦ sA(sx) with s ≠ 0: the graph {(x/s, su)}; maximality is kept (Prop. 20.24)."""
        return self.transform(((1 / s, 0), (0, s)), maximal=True)

    def yosida(self, gamma: float) -> Properties:
        """A_γ = (γI + A⁻¹)⁻¹ with γ > 0: the graph {(x + γu, u)}; maximal with A (Cor. 23.11)."""
        return self.transform(((1, gamma), (0, 1)), maximal=True)

    def partially_inverted(self) -> Properties:
        """A_V: pairs (P_V x + P_⊥u, P_V u + P_⊥x), which keep ⟨Δx, Δu⟩ and ‖Δx‖² + ‖Δu‖².

        So does every form (−k, ½, −k); the best one that A's forms imply has
        k = (1 − ρ²)/(2(1 + ρ²)), with ρ the Lipschitz constant of C_A, and the zeros
        (1 − ρ)/(1 + ρ) and its inverse. Maximality is kept.
        Source: Spingarn, *Partial inverse of a monotone operator* (1983), §2.
        """
        rho, m, β = self.cayley(1.0).lipschitz, self.strong_monotonicity, self.comonotonicity
        factors: list[Factors] = []
        if rho is not None:
            zero = (1 - rho) / (1 + rho)
            if self.monotone and m is not None and zero < 1e-3:
                # rounding in ρ leaves nothing of it; and there is no k > 0 without m > 0, β > 0
                k = 1 / (1 / m + 1 / β) if m > 0 and β is not None and β > 0 else 0.0
                zero = 2 * k / (1 + math.sqrt(max(0.0, 1 - 4 * k * k)))
            size = 1 + zero * zero
            factors.append(((-zero, 1.0), (1 / size, -zero / size)))
        if self.monotone and (0.0, 0.5, 0.0) not in Properties(tuple(factors)).forms:
            factors.append(((1.0, 0.0), (0.0, 1.0)))
        if self.skew:
            factors.append(((-1.0, 0.0), (0.0, 1.0)))
        return Properties(tuple(factors), self.maximal, False, self.linear)

    def pulled_back(self, least: float, greatest: float) -> Properties:
        """LᵀAL with least ≤ ‖Lx‖/‖x‖ ≤ greatest: m·least² (m·greatest² if m < 0), L·greatest²,
        β/greatest². Maximal if A is and has full domain (Cor. 25.6).
        """
        m, lipschitz, β = self.strong_monotonicity, self.lipschitz, self.cocoercivity
        if greatest == math.inf:
            monotone = Properties.of(monotone=self.monotone, gradient=self.gradient)
            return Properties(monotone.factors, False, self.gradient, self.linear)
        square = check_square("L", greatest)
        return Properties.of(
            strong_monotonicity=_gain(m, least * least, square),
            lipschitz=None if lipschitz is None else lipschitz * square,
            cocoercivity=None if β is None or square == 0 else β / square,
            gradient=self.gradient,
            linear=self.linear,
        )


class DeferredProperties(Properties):
    """Those of the gradient of a convex function, which is Lipschitz, its constants computed when
    they are asked for: m and L each by itself, so that nobody pays for what no method needs.

    Parameters
    ----------
    m, lipschitz : callable
        Give m ≥ 0 and L (None: unknown), and keep them.
    linear : bool
    """

    _m: ClassVar[Any]  # both of the object, set past the frozen fields
    _L: ClassVar[Any]

    def __init__(
        self, m: Callable[[], float], lipschitz: Callable[[], float | None], *, linear: bool
    ) -> None:
        vars(self).update(_m=m, _L=lipschitz, maximal=True, gradient=True, linear=linear)

    @cached_property
    def factors(self) -> tuple[Factors, ...]:
        known = Properties.of(
            strong_monotonicity=self._m(), lipschitz=self._L(), gradient=True, linear=self.linear
        )
        return known.factors

    monotone = True

    @cached_property
    def strong_monotonicity(self) -> float | None:
        return float(self._m())

    @cached_property
    def lipschitz(self) -> float | None:
        L: float | None = self._L()
        return L


class Constants:
    """What has ``properties``, and its constants read off them."""

    if TYPE_CHECKING:

        @property
        def properties(self) -> Properties:
            """What is known of A; a class attribute, a property, or set in ``__init__``."""

    else:
        properties = Properties()

    @property
    def strong_monotonicity(self) -> float | None:
        """The largest known m with ⟨x−y, Ax−Ay⟩ ≥ m‖x−y‖² (0: monotone; None: unknown)."""
        return self.properties.strong_monotonicity

    @property
    def lipschitz(self) -> float | None:
        """The smallest known L with ‖Ax−Ay‖ ≤ L‖x−y‖ (None: unknown)."""
        return self.properties.lipschitz

    @property
    def cocoercivity(self) -> float | None:
        """The largest known β > 0 with ⟨x−y, Ax−Ay⟩ ≥ β‖Ax−Ay‖² (None: unknown)."""
        return self.properties.cocoercivity

    @property
    def averagedness(self) -> float | None:
        """The smallest known θ < 1 such that A is θ-averaged (None: unknown)."""
        return self.properties.averagedness

    @property
    def comonotonicity(self) -> float | None:
        """The largest known β, of any sign, with ⟨x−y, Ax−Ay⟩ ≥ β‖Ax−Ay‖² (None: unknown)."""
        return self.properties.comonotonicity

    @property
    def is_skew(self) -> bool:
        """Known to satisfy ⟨x−y, Ax−Ay⟩ = 0."""
        return self.properties.skew

    @property
    def is_symmetric(self) -> bool:
        """Known to be affine with a symmetric linear part (it is then a gradient)."""
        return self.properties.linear and self.properties.gradient


# what follows is asked for again and again, of the same properties, by the solves of a layer


@lru_cache(maxsize=256)
def _cayley_properties(p: Properties, alpha: float, lipschitz: float) -> Properties:
    result = p.transform(((1, alpha), (1, -alpha)))
    # that of 1 is implied, but lost to rounding where αL is huge
    return result.also_lipschitz(min(1.0, lipschitz)) if p.monotone else result


@lru_cache(maxsize=256)
def _sum_properties(parts: tuple[Properties, ...]) -> Properties:
    m = _all_known([p.strong_monotonicity for p in parts])
    known = _all_known([p.lipschitz for p in parts])
    βs = _all_known([p.cocoercivity for p in parts])
    total = None if m is None else _sum(*m)
    lipschitz, β = None if known is None else sum(known), None if βs is None else _parallel(βs)
    skew = all(p.skew or p.lipschitz == 0 for p in parts)
    gradient = all(p.gradient for p in parts)
    if lipschitz is not None and not (skew or gradient) and len(parts) <= FEW:
        boundary = arcs([p.region for p in parts])
        lipschitz = min(lipschitz, graph_sums.lipschitz(boundary))
        if total is not None and total > 0:
            β = max(β or 0.0, graph_sums.cocoercivity(boundary))
    result = Properties.of(
        strong_monotonicity=total,
        lipschitz=lipschitz,
        cocoercivity=β,
        skew=skew,
        gradient=gradient,
        linear=all(p.linear for p in parts),
    )
    partial = sum(p.lipschitz is None for p in parts)
    return result.as_maximal() if all(p.maximal for p in parts) and partial <= 1 else result


@lru_cache(maxsize=256)
def _composition_properties(parts: tuple[Properties, ...]) -> Properties:
    lipschitz = _all_known([p.lipschitz for p in parts])
    θs = _all_known([p.averagedness for p in parts])
    θ = 0.0
    for t in θs or ():
        θ = (θ + t - 2 * θ * t) / (1 - θ * t)
    return Properties.of(
        lipschitz=None if lipschitz is None else math.prod(lipschitz),
        averagedness=min(θ, 1.0) if θs is not None else None,  # rounding may exceed 1
        linear=all(p.linear for p in parts),
    )


def form_text(form: Form) -> str:
    """The form as an inequality."""
    terms = zip(form, (1, 2, 1), ("‖Δx‖²", "⟨Δx, Δu⟩", "‖Δu‖²"), strict=True)
    text = " ".join(f"{k * c:+.4g}{name}" for k, c, name in terms if k)
    return f"{text.removeprefix('+').replace('-', '−') or '0'} ≥ 0"


def sum_properties(terms: Iterable[Properties]) -> Properties:
    """A + B: m₁ + m₂, L₁ + L₂, 1/(1/β₁ + 1/β₂) (Prop. 4.12), or of a few terms the L and β of their
    regions (``graph_sums.py``), where these are better; maximal if all terms are and all but one
    have full domain, as Lipschitz ones do (Cor. 25.5).
    """
    return _sum_properties(tuple(terms))


def sum_strong_monotonicity(terms: Iterable[Properties]) -> float | None:
    """That of A + B, for which no other constant is computed; None: unknown."""
    parts = tuple(terms)
    if not any(isinstance(p, DeferredProperties) for p in parts):
        return sum_properties(parts).strong_monotonicity
    known = _all_known([p.strong_monotonicity for p in parts])
    return None if known is None else _sum(*known)


def parallel_properties(terms: Iterable[Properties]) -> Properties:
    """A □ B = (A⁻¹ + B⁻¹)⁻¹: comonotonicities add, 1/m₁ + 1/m₂ bounds 1/m (Def. 25.27)."""
    return sum_properties(p.inverse() for p in terms).inverse()


def composition_properties(factors: Iterable[Properties]) -> Properties:
    """A B: L₁L₂; θ = (θ₁ + θ₂ − 2θ₁θ₂)/(1 − θ₁θ₂) for averaged maps (Prop. 4.44)."""
    return _composition_properties(tuple(factors))


def block_properties(parts: Iterable[Properties]) -> Properties:
    """Block diagonal: the least m and β, the greatest L."""
    blocks = list(parts)
    m = _all_known([p.strong_monotonicity for p in blocks])
    lipschitz = _all_known([p.lipschitz for p in blocks])
    β = _all_known([p.comonotonicity for p in blocks])
    θ = _all_known([p.averagedness for p in blocks])
    result = Properties.of(
        strong_monotonicity=None if m is None else min(m),
        lipschitz=None if lipschitz is None else max(lipschitz),
        cocoercivity=None if β is None else min(β),
        averagedness=None if θ is None else max(θ),
        skew=all(p.skew or p.lipschitz == 0 for p in blocks),
        gradient=all(p.gradient for p in blocks),
        linear=all(p.linear for p in blocks),
    )
    return result.as_maximal() if all(p.maximal for p in blocks) else result


def _gain(m: float | None, least: float, greatest: float) -> float | None:
    """min{ms: least ≤ s ≤ greatest}."""
    if m is None or m == math.inf:  # ∞: L may hit the operator's domain in many points
        return None if m is None else math.inf if least > 0 else 0.0
    return min(m * least, m * greatest)


def _constant(name: str, value: float | None, low: float, high: float) -> float | None:
    """The number, of a closed range, or None."""
    if value is None:
        return None
    remedy = f"give a number in [{low:g}, {high:g}], or None"
    return check_number(name, value, Range(low, high, "[]"), remedy)


def _all_known(values: list[float | None]) -> list[float] | None:
    known = [v for v in values if v is not None]
    return known if len(known) == len(values) else None


def _parallel(β: list[float]) -> float:
    conductance = sum(0.0 if b == math.inf else 1 / b for b in β)
    return 1 / conductance if conductance else math.inf


def _bounded(L: float) -> Factors:
    """‖Δu‖ ≤ L‖Δx‖."""
    return (L, 1.0), (L, -1.0)


def _zeros(*factors: tuple[float, float]) -> tuple[float, float]:
    """The two s with p + qs = 0 for one of the factors."""
    (p, q), (r, t) = factors
    one, other = -p / q, -r / t
    return (one, other) if one <= other else (other, one)


def _ceiling(s: float, ρ: float, σ: float) -> float:
    """√(s² + (s − ρ)(σ − s)), in a unit whose squares neither overflow nor vanish; rounding that
    has s leave the interval claims no less than √s².
    """
    d, e = s - ρ, σ - s
    unit = 2.0 ** (math.frexp(max(abs(s), abs(d), abs(e)))[1] - 1)
    s, d, e = s / unit, d / unit, e / unit
    return unit * math.sqrt(s * s + max(0.0, d * e))


def _half_line(p: float, q: float) -> tuple[float, float]:
    """{s: p + qs ≥ 0}."""
    if q == 0:
        return (-math.inf, math.inf) if p >= 0 else (math.inf, -math.inf)
    return (-p / q, math.inf) if q > 0 else (-math.inf, -p / q)


def _sum(*terms: float) -> float:
    """Their sum; what rounding leaves of terms that cancel counts as 0."""
    total = sum(terms)
    return 0.0 if abs(total) < 4e-15 * max(map(abs, terms)) else total


def _plus(a: float, b: float) -> float:
    """``_sum`` of two, of which a search for a step size asks for hundreds."""
    total = a + b
    return 0.0 if abs(total) < 4e-15 * max(abs(a), abs(b)) else total
