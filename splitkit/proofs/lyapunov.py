"""A quadratic function that a proof found: V(s) = Σ Pᵢⱼ⟨sᵢ, sⱼ⟩, and what linear maps add to it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from splitkit.proofs.exact import Matrix
from splitkit.proofs.runs import Row


@dataclass(frozen=True, eq=False)
class Part:
    """Σ Pᵢⱼ(c₁⟨xᵢ, xⱼ⟩ − c₂⟨Lxᵢ, Lxⱼ⟩), or Σ Pᵢⱼ⟨xᵢ, xⱼ⟩, with P ⪰ 0.

    Attributes
    ----------
    name : str
        "V", or the linear map's.
    matrix : list of lists of Fraction
        P.
    points : tuple of dict
        The rows of xᵢ, and of Lxᵢ, in the free vectors of the proof.
    weights : tuple of (c, name)
        The c of each name.
    """

    name: str
    matrix: Matrix
    points: tuple[dict[str, Row], ...]
    weights: tuple[tuple[Fraction, str], ...]


@dataclass(frozen=True, eq=False)
class Lyapunov:
    """V ≥ 0 with V(s⁺) ≤ ``rate`` · V(s) − ‖r‖², nearly (see ``Proof.value``).

    Attributes
    ----------
    rate : float
        1 if V merely decreases.
    parts : tuple of Part
        Of the state, and of linear maps that are applied to it.
    vectors : tuple of str
        Names of the free vectors.

    Examples
    --------
    >>> F = sk.Operator.from_callable(lambda x: x, strong_monotonicity=1.0, lipschitz=2.0)
    >>> G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> V = sk.ForwardReflectedBackward(alpha=0.1).linear_rate(F, G).lyapunov
    >>> print(V.rate < 1, bool(np.linalg.eigvalsh(V.gram).min() > -1e-9))
    True True
    """

    rate: float
    parts: tuple[Part, ...]
    vectors: tuple[str, ...]

    @cached_property
    def gram(self) -> Any:
        """V as a matrix of inner products of the free vectors, in floating point."""
        n = len(self.vectors)
        total = np.zeros((n, n))
        for part in self.parts:
            P = np.array(part.matrix, dtype=float)
            for c, name in part.weights:
                X = np.zeros((len(P), n))
                for k, point in enumerate(part.points):
                    X[k, list(point[name])] = [float(v) for v in point[name].values()]
                total += float(c) * X.T @ P @ X
        return total

    def __str__(self) -> str:
        lines = [f"V(s⁺) ≤ {self.rate:.6g} V(s) − ‖r‖²"]
        for part in self.parts:
            lines.append(f"{part.name} of the points")
            for k, point in enumerate(part.points):
                row = next(point[name] for _, name in part.weights)
                terms = " ".join(f"{float(c):+.4g} v{i}" for i, c in row.items())
                lines.append(f"    s{k} = {terms or '0'}")
            for values in part.matrix:
                lines.append("    " + "  ".join(f"{float(v):10.5g}" for v in values))
        return "\n".join([*lines, *(f"v{i} = {name}" for i, name in enumerate(self.vectors))])
