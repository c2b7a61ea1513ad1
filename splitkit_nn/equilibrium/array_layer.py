"""The equilibrium z = σ(Wz + Ux + b) and its vector-Jacobian product on arrays of any library.

Both solves are those of ``solver``, which the Torch layer uses too. With J the Jacobian of σ
at Wz + Ux + b and ũ = J(v + Wᵀũ), the cotangents are

    b: Σ ũ,   W: Σ ũzᵀ,   U: Σ ũxᵀ   (over the batch),   x: Uᵀũ.
"""

from __future__ import annotations

from typing import NamedTuple

import splitkit as sk
from splitkit.arguments import POSITIVE, check_integer, check_number
from splitkit.backend import Array, Space, namespace
from splitkit_nn.activations import Activation, find_activation
from splitkit_nn.equilibrium.solver import Solver, StepMethod, as_step_method


class Cotangents(NamedTuple):
    """Cotangents of a layer's input and of what it is made of, each like its primal.

    Examples
    --------
    >>> W, U, b = np.array([[0.0, 0.5], [-0.5, 0.0]]), np.eye(2), np.zeros(2)
    >>> layer, x = sknn.ArrayMonDEQ(W, U, b), np.array([[1.0, 2.0]])
    >>> of = layer.vjp(x, np.array([[1.0, 0.0]]))
    >>> print(of.x, of.W.shape)  # (I − Wᵀ)⁻¹v
    [[0.8 0.4]] (2, 2)
    """

    x: Array
    W: Array
    U: Array
    b: Array


class ArrayMonDEQ:
    """x ↦ z with z = σ(Wz + Ux + b), on NumPy, CuPy, Torch or another Array API library.

    Parameters
    ----------
    W : array, shape (features, features)
        I − W must be strongly monotone; ``MonotoneDense(…).weight()`` is such a W.
    U : array, shape (features, in_features)
    b : array, shape (features,)
        The three share library, dtype and device, which x has too; they are copied.
    activation : str or Activation
        σ, a proximal map.
    method : splitkit.Splitting or splitkit.Accelerator, optional
        Default ``splitkit.PeacemanRachford()``; ``alpha=None`` is chosen here, once.
    tol : float or splitkit.Stopping
        Of each sample's solve, forward and backward; a number is relative.
    max_iter : int

    Attributes
    ----------
    last_solution : splitkit.Solution or None
        Of the latest solve, forward or backward.

    Raises
    ------
    TypeError, ValueError
        Shapes, dtypes or libraries do not fit; I − W is not strongly monotone.

    Examples
    --------
    >>> W, U, b = np.array([[0.0, 0.5], [-0.5, 0.0]]), np.eye(2), np.zeros(2)
    >>> layer = sknn.ArrayMonDEQ(W, U, b)
    >>> print(layer(np.array([[1.0, 2.0]])))
    [[1.6 1.2]]
    """

    def __init__(
        self,
        W: Array,
        U: Array,
        b: Array,
        activation: str | Activation = "relu",
        method: StepMethod | None = None,
        *,
        tol: float | sk.Stopping = 1e-8,
        max_iter: int = 10_000,
    ) -> None:
        space = Space.of(W, name="W")
        if W.ndim != 2 or W.shape[0] != W.shape[1]:
            raise ValueError(f"W has shape {tuple(W.shape)}: give (features, features)")
        features = W.shape[0]
        for name, array, ndim, wanted in (
            ("U", U, 2, f"({features}, in_features)"),
            ("b", b, 1, f"({features},)"),
        ):
            space.check_array(array, name)
            if array.ndim != ndim or array.shape[0] != features:
                raise ValueError(f"{name} has shape {tuple(array.shape)}: W asks for {wanted}")
            Space.of(array, name=name)  # finite
        # what is factored here must not change behind it
        self.W, self.U, self.b = (space.xp.asarray(array, copy=True) for array in (W, U, b))
        self.activation = find_activation(activation)
        if self.activation.learned:
            raise ValueError(
                f"activation = {activation!r} has learned parameters, to which this layer gives no "
                "gradient: give numbers, or take MonDEQ"
            )
        self.tol = tol if isinstance(tol, sk.Stopping) else check_number("tol", tol, POSITIVE)
        self.max_iter = check_integer("max_iter", max_iter, 1)
        self._M = sk.DenseMatrix(
            space.xp.eye(features, dtype=W.dtype, device=space.device) - self.W
        )
        m = self._M.properties.strong_monotonicity
        if m is None or m <= 0:
            raise ValueError(
                f"I − W is {m}-strongly monotone: its symmetric part must be positive definite, as "
                "for W = (1 − m)I − AᵀA + B − Bᵀ with m > 0"
            )
        method = sk.PeacemanRachford() if method is None else as_step_method(method)
        method = method.chosen(sk.Affine(self._M), self.activation.operator)
        self._solver = Solver(self._M, self.activation, method)
        self.last_solution: sk.Solution | None = None

    @property
    def method(self) -> StepMethod:
        """With its step size."""
        return self._solver.method

    def __call__(self, x: Array, z0: Array | None = None) -> Array:
        """z of shape (batch, features) for x of shape (batch, in_features), starting at z0.

        Raises
        ------
        splitkit.NotConvergedError
            The solve did not meet its tolerance.
        """
        bias = self._bias(x)
        if z0 is not None:
            _check_like(z0, bias, "z0")
        return self._accept(self._solver.forward(bias, z0, tol=self.tol, max_iter=self.max_iter))

    def vjp(self, x: Array, v: Array, z: Array | None = None) -> Cotangents:
        """The cotangents that belong to the cotangent v of z = self(x), which may be given.

        Raises
        ------
        splitkit.NotConvergedError
            A solve did not meet its tolerance.
        """
        bias = self._bias(x)
        _check_like(v, bias, "v")
        if z is None:
            z = self(x)
        _check_like(z, bias, "z")
        J = self.activation.jacobian(z @ self.W.T + bias)
        solution = self._solver.cotangent(J, v, tol=self.tol, max_iter=self.max_iter)
        u_tilde = self._accept(solution)
        total = namespace(x).sum(u_tilde, axis=0)
        return Cotangents(u_tilde @ self.U, u_tilde.T @ z, u_tilde.T @ x, total)

    def _bias(self, x: Array) -> Array:
        space = Space.of(x, 1, name="x")
        space.check_array(self.W, "W")
        if x.ndim != 2 or x.shape[1] != self.U.shape[1]:
            raise ValueError(
                f"x has shape {tuple(x.shape)}: give (batch, in_features = {self.U.shape[1]})"
            )
        bias = x @ self.U.T + self.b
        Space.of(bias, 1, name="Ux + b")  # finite
        return bias

    def _accept(self, solution: sk.Solution) -> Array:
        self.last_solution = solution
        if not solution.converged:
            raise sk.NotConvergedError(solution)
        return solution.x

    def __repr__(self) -> str:
        return (
            f"ArrayMonDEQ({self.U.shape[1]} → {self.W.shape[0]}, activation={self.activation}, "
            f"method={self.method.label})"
        )


def _check_like(array: Array, z: Array, name: str) -> None:
    """Raise TypeError or ValueError unless the array is finite and like the layer's output."""
    Space.of(z, known_finite=True).check_array(array, name)
    if array.shape != z.shape:
        raise ValueError(
            f"{name} has shape {tuple(array.shape)}: give {tuple(z.shape)}, like the output"
        )
    Space.of(array, name=name)
