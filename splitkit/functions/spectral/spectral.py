"""Functions of a matrix's singular values or eigenvalues: F = f∘σ and F = f∘λ.

With Y = U diag(σ) Vᵀ and f invariant under permutations and signs, or Y = Q diag(λ) Qᵀ symmetric
and f invariant under permutations,

    prox_{αF}(Y) = U diag(prox_{αf}(σ)) Vᵀ,    ∇F(Y) = U diag(∇f(σ)) Vᵀ,    F* = f*∘σ,

and F* = f*∘λ of the symmetric part;

F is convex, m-strongly convex or L-smooth if and only if f is: the rules apply to f ∓ c‖·‖²/2 too.
Source: Lewis, *The convex analysis of unitarily invariant matrix functions* (1995), Thm. 2.4, and
*Convex analysis on the Hermitian matrices* (1996), Thm. 2.3; Parikh, Boyd (2014), §6.7.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from splitkit.backend import Array, Point, Scalar, Space, is_array, namespace, sum_of
from splitkit.functions.base import Function
from splitkit.functions.inner.spectra import of_eigenvalues, of_singular_values


class Spectral(Function):
    """X ↦ f(σ(X)), σ the singular values of the matrices in the last two axes.

    Parameters
    ----------
    f : Function
        Of vectors of any length, invariant under permutations and changes of sign, such as a norm;
        batch axes and a weight for each sample are f's.

    Raises
    ------
    TypeError, ValueError
        f is no function, or has a parameter for each entry, or is found not to be invariant.
    """

    def __init__(self, f: Function) -> None:
        _check_invariance(f, signs=True)
        self.f = f
        self.batch_ndim, self.convex, self.accuracy = f.batch_ndim, f.convex, f.accuracy
        self.strong_convexity, self.smoothness = f.strong_convexity, f.smoothness

    @property
    def has_prox(self) -> bool:
        return self.f.has_prox

    @property
    def has_gradient(self) -> bool:
        return self.f.has_gradient

    def __call__(self, x: Point) -> Array:
        return self.f(namespace(x).linalg.svdvals(x))

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return of_singular_values(x, lambda sigma: self.f.prox(sigma, alpha))

    def gradient(self, x: Point) -> Point:
        return of_singular_values(x, self.f.gradient)

    @property
    def conjugate(self) -> Function:
        return Spectral(self.f.conjugate)

    def check_space(self, space: Space) -> None:
        super().check_space(space)
        check_matrices(self, space)
        *lead, rows, columns = space.shapes[0]
        self.f.check_space(replace(space, shapes=((*lead, min(rows, columns)),)))

    def __repr__(self) -> str:
        return f"Spectral({self.f!r})"


class SpectralSymmetric(Function):
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
    """

    def __init__(self, f: Function) -> None:
        _check_invariance(f, signs=False)
        self.f = f
        self.batch_ndim, self.convex, self.accuracy = f.batch_ndim, f.convex, f.accuracy
        self.strong_convexity = f.strong_convexity

    @property
    def has_prox(self) -> bool:
        return self.f.has_prox

    def __call__(self, x: Point) -> Array:
        xp, transposed = namespace(x), namespace(x).matrix_transpose(x)
        skew = (x - transposed) / 2
        size = xp.sqrt(sum_of(x * x, self.batch_ndim))
        rounding = 64 * xp.finfo(x.dtype).eps * (1 + size)
        outside = xp.sqrt(sum_of(skew * skew, self.batch_ndim)) > rounding
        value = self.f(xp.linalg.eigvalsh((x + transposed) / 2))
        return xp.where(outside, float("inf"), value)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        mirrored = namespace(x).matrix_transpose(x)
        return of_eigenvalues((x + mirrored) / 2, lambda values: self.f.prox(values, alpha))

    def conjugate_value(self, u: Point) -> Array:
        xp = namespace(u)
        return self.f.conjugate(xp.linalg.eigvalsh((u + xp.matrix_transpose(u)) / 2))

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        # F* does not depend on the skew part, which stays
        mirrored, dual = namespace(x).matrix_transpose(x), self.f.conjugate
        symmetric = of_eigenvalues((x + mirrored) / 2, lambda values: dual.prox(values, alpha))
        return symmetric + (x - mirrored) / 2

    def check_space(self, space: Space) -> None:
        super().check_space(space)
        check_matrices(self, space)
        shape = space.shapes[0]
        if shape[-1] != shape[-2]:
            raise ValueError(f"{self!r} acts on square matrices: x0 has shape {shape}")
        self.f.check_space(replace(space, shapes=(shape[:-1],)))

    def __repr__(self) -> str:
        return f"SpectralSymmetric({self.f!r})"


def check_matrices(F: Function, space: Space) -> None:
    """Raise ValueError unless points are matrices in their last two axes."""
    shape = space.shapes[0]
    if len(shape) < F.batch_ndim + 2 or 0 in shape[-2:]:
        raise ValueError(
            f"{F!r} acts on matrices in the last two axes, which must be no batch axes: x0 has "
            f"shape {shape}, batch_ndim = {F.batch_ndim}"
        )


def _check_invariance(f: Function, *, signs: bool) -> None:
    """Raise unless f, where it can be tried, commutes with permutations (and changes of sign)."""
    if not isinstance(f, Function):
        raise TypeError(f"f = {f!r}: give a function of splitkit.functions")
    arrays = [name for name, value in vars(f).items() if is_array(value)]
    per_entry = [name for name in arrays if name not in f.samplewise and not name.startswith("_")]
    if per_entry:
        raise ValueError(
            f"{per_entry[0]} of {f!r} is an array: a function of singular values or eigenvalues "
            "must treat them alike; give a number"
        )
    if arrays or not f.has_prox:
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
