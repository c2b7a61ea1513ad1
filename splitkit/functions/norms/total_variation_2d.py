"""f(x) = w Σ ‖(Dx)ᵢⱼ‖ over the last two axes, Dx the differences to the next row and column."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Any

from splitkit.arguments import (
    NON_NEGATIVE,
    check_accuracy,
    check_flag,
    check_integer,
    option,
    refuse_derivatives,
)
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    align,
    clip,
    is_complex,
    namespace,
    power_of_two,
    sum_of,
)
from splitkit.functions.base import Function, matrices, parameter, show
from splitkit.functions.inner.accuracy import Inexact
from splitkit.functions.norms.sublinear import Sublinear

CHECK_EVERY = 10


class TotalVariation2D(Inexact, Sublinear):
    """The total variation of images, which are the last two axes of x; summed over the others that
    are not batch.

    The prox is iterative. Each sample's error is at most ``accuracy`` times the norm of what the
    prox is taken of, shown by its duality gap; or else, where rounding hides the gap, its iteration
    has stopped moving. Steps grow as 1/accuracy: at the default, hundreds for noise, ten thousands
    where large regions are flattened. A method had better split the norm from the differences.

    f(x) = w Σ ‖(Dx)ᵢⱼ‖ over the last two axes, Dx the differences to the next row and column.

    ‖·‖ is the Euclidean norm of the pair (isotropic) or the sum of sizes (anisotropic), of complex
    differences that of their moduli; a complex signal is an image with one column. The prox is
    x = y − Dᵀu for the u of dual norms ‖uᵢⱼ‖* ≤ αw that minimizes ‖y − Dᵀu‖²: projected gradient
    steps of ⅛ ≤ 1/‖D‖² with Nesterov's momentum, started anew when it points uphill. Every such u
    has ‖x − prox‖² ≤ Σ αw‖(Dx)ᵢⱼ‖ − ⟨uᵢⱼ, (Dx)ᵢⱼ⟩, the duality gap, as the objective is 1-strongly
    convex. f* is the indicator of {Dᵀu: ‖uᵢⱼ‖* ≤ w}.

    Sources: Beck, Teboulle, *Fast gradient-based algorithms for constrained total variation image
    denoising and deblurring problems* (2009); O'Donoghue, Candès, *Adaptive restart for accelerated
    gradient schemes* (2015).

    Parameters
    ----------
    weight : float or array, default 1
        Non-negative and finite; an array has batch shape, and dtype and device of x.
    isotropic : bool
        Whether differences count by their Euclidean norm, or by their sum of sizes.
    accuracy : float or None, default 1e-4
        In (0, 1); None: as far as rounding permits.
    max_iter : int, default 100000
        Steps after which the prox gives up, with RuntimeError.

    Examples
    --------
    >>> f = sk.functions.TotalVariation2D(0.1)
    >>> x = np.array([[0.0, 0.0], [1.0, 1.0]])
    >>> print(f(x), f.prox(x))
    0.2 [[0.1 0.1]
     [0.9 0.9]]
    """

    formula = r"<weight*>\mathrm{TV}(@)"

    weight: Scalar = parameter(NON_NEGATIVE, default=1.0, samplewise=True)
    _: KW_ONLY
    isotropic: bool = option(True, check_flag)
    accuracy: float | None = option(1e-4, check_accuracy, repr=False)
    max_iter: int = option(100_000, check_integer, least=1, repr=False)

    check_axes = matrices()
    acts_on_complex = True

    def _sizes(self, d: tuple[Array, Array]) -> Array:
        """‖dᵢⱼ‖."""
        rows, columns = d
        if self.isotropic:
            return namespace(rows).sqrt(_product(rows, rows) + _product(columns, columns))
        return abs(rows) + abs(columns)

    def _project(self, u: tuple[Array, Array], w: Array) -> tuple[Array, Array]:
        """The nearest u of dual norm at most w at each pixel."""
        if self.isotropic:
            factor = _shrinkage(self._sizes(u), w)
            return factor * u[0], factor * u[1]
        if is_complex(u[0]):
            return _shrinkage(abs(u[0]), w) * u[0], _shrinkage(abs(u[1]), w) * u[1]
        return clip(u[0], -w, w), clip(u[1], -w, w)

    def __call__(self, x: Point) -> Array:
        unit = self._unit(x)
        sizes = unit * self._sizes(_differences(x / unit))
        return self.weight * sum_of(sizes, self.batch_ndim)

    def _unit(self, x: Array) -> Array:
        """A power of 2 for each sample, in which no square over- or underflows."""
        axes = tuple(range(self.batch_ndim, x.ndim))
        return power_of_two(namespace(x).max(abs(x), axis=axes, keepdims=True))

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        remedy = "give a GroupL2Norm of linear.Gradient as a term to splitkit_nn.ImplicitSolve"
        refuse_derivatives(self, remedy, x, alpha, self.weight)
        w = align(alpha * self.weight, x) + 0.0 * abs(x[..., :1, :1])
        unit = self._unit(x)
        return unit * self._denoised(x / unit, w / unit)

    def _denoised(self, x: Array, w: Array) -> Array:
        """The prox for the weight w of each image."""
        xp, batch = namespace(x), self.batch_ndim
        size, eps = xp.max(abs(x), axis=(-2, -1), keepdims=True), xp.finfo(x.dtype).eps
        allowed = (self.accuracy or 0.0) ** 2 * sum_of(_product(x, x), batch)
        zero = xp.zeros_like(x)
        u = v = (zero, zero)
        t = xp.ones_like(allowed)
        result, done = x, allowed < 0.0
        for step in range(1, self.max_iter + 1):
            slope = _differences(x - _adjoint(v))
            new = self._project((v[0] + slope[0] / 8, v[1] + slope[1] / 8), w)
            if step % CHECK_EVERY == 0 or step == self.max_iter:
                y = x - _adjoint(new)
                d = _differences(y)
                coupled = _product(new[0], d[0]) + _product(new[1], d[1])
                gap = sum_of(w * self._sizes(d) - coupled, batch)
                moved = xp.maximum(abs(new[0] - v[0]), abs(new[1] - v[1]))
                rounding = eps * (size + xp.maximum(abs(new[0]), abs(new[1])))
                moves = sum_of(xp.astype(moved > rounding, w.dtype), batch) > 0
                result = xp.where(align(done, x), result, y)
                done = done | (gap <= allowed) | ~moves
                if bool(xp.all(done)):
                    return result
            turns = (_product(v[i] - new[i], new[i] - u[i]) for i in (0, 1))
            uphill = sum_of(sum(turns), batch)
            t = xp.where(uphill > 0, 1.0, t)
            t_next = (1 + xp.sqrt(1 + 4 * t * t)) / 2
            momentum = align((t - 1) / t_next, x)
            v = new[0] + momentum * (new[0] - u[0]), new[1] + momentum * (new[1] - u[1])
            u, t = new, t_next
        raise RuntimeError(
            f"the prox of {self!r} has not come within accuracy = {self.accuracy} in max_iter = "
            f"{self.max_iter} steps: give a larger accuracy or max_iter"
        )

    def __repr__(self) -> str:
        kind = "" if self.isotropic else ", anisotropic"
        return f"TotalVariation2D({show(weight=self.weight)}{kind})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(asarray([0.3, 2.0]), accuracy=1e-3, batch_ndim=1), (2, 2, 2))]


def _product(a: Array, b: Array) -> Array:
    """Re āb."""
    if not is_complex(a):
        return a * b
    xp = namespace(a)
    return xp.real(a) * xp.real(b) + xp.imag(a) * xp.imag(b)


def _shrinkage(size: Array, w: Array) -> Array:
    """What takes a vector of this size to one of at most w."""
    xp = namespace(w)
    outside = size > w
    return xp.where(outside, w / xp.where(outside, size, 1.0), 1.0)


def _differences(x: Array) -> tuple[Array, Array]:
    """Dx: to the next row and to the next column, 0 in the last ones."""
    xp = namespace(x)
    rows, columns = x[..., 1:, :] - x[..., :-1, :], x[..., :, 1:] - x[..., :, :-1]
    return (
        xp.concat([rows, xp.zeros_like(x[..., :1, :])], axis=-2),
        xp.concat([columns, xp.zeros_like(x[..., :, :1])], axis=-1),
    )


def _adjoint(u: tuple[Array, Array]) -> Array:
    """Dᵀu, for u that is 0 in the last row and the last column."""
    xp, (rows, columns) = namespace(u[0]), u
    return xp.concat([-rows[..., :1, :], rows[..., :-1, :] - rows[..., 1:, :]], axis=-2) + (
        xp.concat([-columns[..., :, :1], columns[..., :, :-1] - columns[..., :, 1:]], axis=-1)
    )
