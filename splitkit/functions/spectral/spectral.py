"""Functions of a matrix's singular values or eigenvalues."""

from __future__ import annotations

from dataclasses import field, replace
from typing import Any, ClassVar

import numpy as np

from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    align,
    device,
    is_array,
    namespace,
    norm,
    transposed,
)
from splitkit.functions.base import Function, Indicator, Modified, matrices, spectral_roundings
from splitkit.functions.inner.hessians import SecondDerivative
from splitkit.functions.inner.spectra import (
    derivative_at,
    of_eigenvalues,
    of_singular_values,
    symmetric_derivative_at,
)
from splitkit.functions.norms.l1_norm import L1Norm
from splitkit.linear.base import LinearOperator


class Spectral(Modified):
    """X ↦ f(σ(X)), σ the singular values of the matrices in the last two axes.

    Functions of a matrix's singular values or eigenvalues: F = f∘σ and F = f∘λ.

    With Y = U diag(σ) Vᵀ and f invariant under permutations and signs, or Y = Q diag(λ) Qᵀ
    symmetric and f invariant under permutations,

        prox_{αF}(Y) = U diag(prox_{αf}(σ)) Vᵀ,    ∇F(Y) = U diag(∇f(σ)) Vᵀ,    F* = f*∘σ,

    and F* = f*∘λ of the symmetric part;

    F is convex, m-strongly convex or L-smooth if and only if f is: the rules apply to f ∓ c‖·‖²/2
    too. Source: Lewis, *The convex analysis of unitarily invariant matrix functions* (1995), Thm.
    2.4, and *Convex analysis on the Hermitian matrices* (1996), Thm. 2.3; Parikh, Boyd (2014),
    §6.7.

    Parameters
    ----------
    f : Function
        Of vectors of any length, invariant under permutations and changes of sign, such as a norm;
        batch axes and a weight for each sample are f's.

    Raises
    ------
    TypeError, ValueError
        f is no function, or has a parameter for each entry, or is found not to be invariant.

    Examples
    --------
    >>> f = sk.functions.Spectral(sk.functions.L1Norm())
    >>> x = np.diag([3.0, 0.5])
    >>> print(f(x), f.prox(x))
    3.5 [[2. 0.]
     [0. 0.]]
    """

    formula = r"(<f>) \circ \sigma"
    check_axes = matrices()
    acts_on_complex = True

    def __init__(self, f: Function) -> None:
        _check_invariance(f, signs=True)
        super().__init__(f)
        self.elementwise = False
        self.strong_convexity, self.smoothness = f.strong_convexity, f.smoothness
        self.sublinear = f.sublinear

    def __call__(self, x: Point) -> Array:
        return _value(self.f, namespace(x).linalg.svdvals(x), x)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        least = alpha * self.f.weight if isinstance(self.f, L1Norm) else None
        return of_singular_values(x, lambda sigma: self.f.prox(sigma, alpha), least)

    def gradient(self, x: Point) -> Point:
        return of_singular_values(x, self.f.gradient)

    @property
    def has_hessian(self) -> bool:
        return self.f.has_hessian and self.f.elementwise

    def make_hessian(self, x: Point) -> LinearOperator:
        product = derivative_at(x, self.f.gradient, self.f.curvatures)
        space = Space.of(x, self.batch_ndim, known_finite=True)
        return SecondDerivative(product, space, self.strong_convexity, self.smoothness)

    @property
    def conjugate(self) -> Function:
        return Spectral(self.f.conjugate)

    def check_space(self, space: Space) -> None:
        Function.check_space(self, space)
        *lead, rows, columns = space.shapes[0]
        values = replace(space, shapes=((*lead, min(rows, columns)),), dtype=space.real_dtype)
        self.f.check_space(values)


class Weighted(Modified):
    """Base of those of a weight alone; a subclass says of which function of vectors."""

    weight: float = field(default=1.0)

    of: ClassVar[type[Any]]

    def __post_init__(self) -> None:
        super().__post_init__()
        super().__init__(self.of(self.weight, batch_ndim=self.batch_ndim))

    __repr__ = Function.__repr__


class SpectralSymmetric(Modified):
    """X ↦ f(λ(X)) on symmetric matrices in the last two axes, inf on others.

    The points are all square matrices: the prox takes the symmetric part first.

    Parameters
    ----------
    f : Function
        Of vectors of any length, invariant under permutations; batch axes are f's.

    Raises
    ------
    TypeError, ValueError
        f is no function, or has a parameter for each entry, or is found not to be invariant.

    Examples
    --------
    >>> f = sk.functions.SpectralSymmetric(sk.functions.NonNegative())
    >>> x = np.diag([3.0, -0.5])
    >>> print(f(x), f.prox(x))
    inf [[3. 0.]
     [0. 0.]]
    """

    formula = r"(<f>) \circ \lambda"
    check_axes = matrices(square=True)
    acts_on_complex = True

    def __init__(self, f: Function) -> None:
        _check_invariance(f, signs=False)
        super().__init__(f)
        self.elementwise = False
        self.strong_convexity, self.sublinear = f.strong_convexity, f.sublinear
        # beside the symmetric matrices it is inf
        self.smooth_inside = f.has_gradient

    def _is_symmetric(self, x: Array) -> Array:
        """Of batch shape, to rounding."""
        size, skew = norm(x, self.batch_ndim), norm((x - transposed(x)) / 2, self.batch_ndim)
        return skew <= 64 * namespace(x).finfo(x.dtype).eps * size

    def __call__(self, x: Point) -> Array:
        xp = namespace(x)
        value = _value(self.f, xp.linalg.eigvalsh((x + transposed(x)) / 2), x)
        return xp.where(self._is_symmetric(x), value, float("inf"))

    def gradient(self, x: Point) -> Point:
        """∇f(λ) on the eigenvectors, in the space of the symmetric matrices; NaN of others."""
        xp, within = namespace(x), align(self._is_symmetric(x), x)
        identity = xp.eye(x.shape[-1], dtype=x.dtype, device=device(x))
        symmetric = xp.where(within, (x + transposed(x)) / 2, identity)
        return xp.where(within, of_eigenvalues(symmetric, self.f.gradient), float("nan"))

    @property
    def has_hessian(self) -> bool:
        return self.f.has_hessian and self.f.elementwise

    def make_hessian(self, x: Point) -> LinearOperator:
        self._inside(self.gradient(x))
        symmetric = (x + transposed(x)) / 2
        product = symmetric_derivative_at(symmetric, self.f.gradient, self.f.curvatures)
        space = Space.of(x, self.batch_ndim, known_finite=True)
        return SecondDerivative(product, space, self.strong_convexity, self.smoothness)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        mirrored = transposed(x)
        return of_eigenvalues((x + mirrored) / 2, lambda values: self.f.prox(values, alpha))

    def conjugate_value(self, u: Point) -> Array:
        xp = namespace(u)
        eigenvalues = xp.linalg.eigvalsh((u + transposed(u)) / 2)
        return _value(self.f.conjugate, eigenvalues, u)

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        # F* does not depend on the skew part, which stays
        mirrored, dual = transposed(x), self.f.conjugate
        symmetric = of_eigenvalues((x + mirrored) / 2, lambda values: dual.prox(values, alpha))
        return symmetric + (x - mirrored) / 2

    def check_space(self, space: Space) -> None:
        Function.check_space(self, space)
        values = replace(space, shapes=(space.shapes[0][:-1],), dtype=space.real_dtype)
        self.f.check_space(values)


def _value(f: Function, spectrum: Array, x: Array) -> Array:
    """f of the spectrum of x, up to its rounding a point of f's domain."""
    if isinstance(f, Indicator):
        return f.within(spectrum, spectral_roundings(x))
    return f(spectrum)


def _check_invariance(f: Function, *, signs: bool) -> None:
    """Raise unless f, where it can be tried, commutes with permutations (and changes of sign)."""
    if not isinstance(f, Function):
        raise TypeError(f"f = {f!r}: give a function of splitkit.functions")
    per_entry = [name for name in f.parameters if is_array(getattr(f, name))]
    if per_entry:
        raise ValueError(
            f"{per_entry[0]} of {f!r} is an array: a function of singular values or eigenvalues "
            "must treat them alike; give a number"
        )
    if not f.has_prox or any(map(is_array, vars(f).values())):
        return
    order = [1, 2, 0]
    sign = np.asarray([1.0, -1.0, -1.0]) if signs else np.ones(3)
    for size in (0.1, 1.0, 10.0):
        v = size * np.asarray([3.0, -1.0, 2.2])
        lead = (1,) * f.batch_ndim
        moved = f.prox(np.reshape(sign * v[order], (*lead, 3)), 0.7)
        expected = sign * f.prox(np.reshape(v, (*lead, 3)), 0.7)[..., order]
        if not np.allclose(moved, expected, rtol=1e-8, atol=1e-8 * size):
            wanted = "permutations and changes of sign" if signs else "permutations"
            raise ValueError(f"f = {f!r} is not invariant under {wanted} of its entries")
