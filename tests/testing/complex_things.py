"""What has complex data, built for the checks on complex points."""

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

import splitkit as sk
from splitkit import functions as F, linear
from splitkit.backend import to_numpy

M = [[2.0, 1.0 + 1.0j, 0.0], [-1.0j, 1.0, 0.5], [0.0, -0.5 + 0.3j, 3.0]]
H = [[2.0, 1.0 + 1.0j, 0.0], [1.0 - 1.0j, 3.0, 0.5j], [0.0, -0.5j, 1.0]]
S = [[1.0j, 1.0], [-1.0, -2.0j]]
K = [[1.0, -2.0j, 0.5], [0.3j, 3.0, 1.0 - 1.0j]]
REAL = [[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]]
DEFINITE = [[2.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 3.0]]
V = [[0.6, 0.8j, 0.0], [0.0, 0.0, 1.0j]]  # VVᴴ = I
c = [1.0, -2.0j, 0.5 + 0.5j]
b = [1.0 - 0.5j, -1.0j]


def sparse(matrix):
    return scipy.sparse.csr_array(to_numpy(matrix))


def functions_of(a):
    """(function, shape), of arrays that ``a`` makes complex, or else real."""
    return {
        "SquaredL2": (F.SquaredL2(a([0.5, 0.1, 2.0], real=True), a(c)), (3,)),
        "L2Ball": (F.L2Ball(0.7, a(c)), (3,)),
        "Sphere": (F.Sphere(0.7, a(c)), (3,)),
        "Singleton": (F.Singleton(a(c), batch_ndim=1), (2, 3)),
        "Linear": (F.Linear(a(c)), (3,)),
        "Hyperplane": (F.Hyperplane(a(c), 0.3), (3,)),
        "HalfSpace": (F.HalfSpace(a(c), -0.3, batch_ndim=1), (2, 3)),
        "Slab": (F.Slab(a([b, c[:2]]), a([-1.0, 0.2], real=True), 0.5, batch_ndim=1), (2, 2)),
        "AffineSet": (F.AffineSet(a(K), a(b)), (3,)),
        "AffineSet of dependent rows": (
            F.AffineSet(a([K[0], [2j * v for v in K[0]]]), a([1.0, 2.0j]), batch_ndim=1),
            (2, 3),
        ),
        "LeastSquares, wide": (F.LeastSquares(a(K), a(b)), (3,)),
        "LeastSquares, tall": (F.LeastSquares(a(np.transpose(K)), a(c), batch_ndim=1), (2, 2)),
        "LeastSquares, isometric": (F.LeastSquares(a(V), a(b)), (3,)),
        "LeastSquares, sparse": (F.LeastSquares(sparse(a(np.transpose(K))), a(c)), (2,)),
        "LeastSquares, real rows": (F.LeastSquares(a(REAL, real=True), a(b)), (3,)),
        "AffineSet of real rows": (F.AffineSet(a(REAL, real=True), a(b)), (3,)),
        "Quadratic, real": (F.Quadratic(a(DEFINITE, real=True), a(c)), (3,)),
        "Quadratic": (F.Quadratic(a(H), a(c)), (3,)),
        "Quadratic, singular": (F.Quadratic(a([[1.0, -1.0j], [1.0j, 1.0]])), (2, 2)),
        "Composed": (F.L1Norm(0.7) @ linear.DenseMatrix(a(V)), (3,)),
        "Translated": (F.L2Norm(0.7).translate(a(c)), (3,)),
        "Tilted": (F.Tilted(F.L1Norm(0.3), a(c), 0.5), (3,)),
        "Rescaled": (F.Rescaled(F.Huber(0.7), -2.0), (3,)),
        "SeparableSum": (
            F.SeparableSum((F.L1Norm(), F.SquaredL2(center=a(b)))),
            ((3,), (2,)),
        ),
        "Distance": (F.Distance(F.AffineSet(a(K), a(b)), 0.7), (3,)),
        "SublevelSet": (F.SublevelSet(F.Huber(0.5, batch_ndim=1), 0.4), (2, 3)),
        "Epigraph": (F.Epigraph(F.L2Norm(0.7)), ((3,), (1,))),
        "SolutionSet": (F.SolutionSet(sparse(a(K)), a(b), batch_ndim=1), (2, 3)),
        "SolutionSet of dependent rows": (
            F.SolutionSet(sparse(a([K[0], [2j * v for v in K[0]]])), a([1.0, 2.0j])),
            (3,),
        ),
        "GraphOfLinearMap": (F.GraphOfLinearMap(a(K)), ((3,), (2,))),
    }


def maps_of(a):
    """(map, shape of x, shape of Lx)."""
    R = linear.DenseMatrix(a(K))
    D = linear.Diagonal(a(c))
    return {
        "DenseMatrix": (linear.DenseMatrix(a(M)), (4, 3), (4, 3)),
        "DenseMatrix, Hermitian": (linear.DenseMatrix(a(H)), (3,), (3,)),
        "DenseMatrix, skew": (linear.DenseMatrix(a(S)), (2,), (2,)),
        "DenseMatrix, wide": (R, (3,), (2,)),
        "Diagonal": (D, (4, 3), (4, 3)),
        "Diagonal, skew": (linear.Diagonal(a([1.0j, -2.0j])), (2,), (2,)),
        "Sparse": (linear.Sparse(sparse(a(M))), (2, 3), (2, 3)),
        "Sparse, Hermitian": (linear.Sparse(sparse(a(H))), (3,), (3,)),
        "Fourier": (linear.Fourier(2), (2, 3, 2), (2, 3, 2)),
        "NonuniformFourier": (
            linear.NonuniformFourier(a([[0.3, 1.0], [-2.0, 0.5], [4.0, 0.1]], real=True), (2, 3)),
            (2, 2, 3),
            (2, 3),
        ),
        "Convolution": (linear.Convolution(a(c), 4), (2, 4), (2, 4)),
        "Convolution, Hermitian": (linear.Convolution(a([1.0j, 2.0, -1.0j]), 4), (4,), (4,)),
        "Convolution, skew": (linear.Convolution(a([[1.0, 1.0j, -1.0]]), (2, 3)), (2, 3), (2, 3)),
        "wrapped": (
            linear.wrap(scipy.sparse.linalg.aslinearoperator(to_numpy(a(K)))),
            (3,),
            (2,),
        ),
        "DenseMatrix, real": (linear.DenseMatrix(a(DEFINITE, real=True)), (3,), (3,)),
        "PlusLowRank of real rows": (
            linear.PlusLowRank(linear.DenseMatrix(a(H)), a(REAL, real=True)),
            (3,),
            (3,),
        ),
        "PlusLowRank": (linear.PlusLowRank(0.5, a(K)), (3,), (3,)),
        "PlusLowRank of a matrix": (linear.PlusLowRank(linear.DenseMatrix(a(H)), a(K)), (3,), (3,)),
        "Coupling": (linear.Coupling(a(K)), ((3,), (2,)), ((3,), (2,))),
        "Kronecker": (linear.Kronecker(a(H), a([[2.0, 1.0j], [-1.0j, 2.0]])), (3, 2), (3, 2)),
        "gram": (R.T @ R, (3,), (3,)),
        "product": (R @ D, (3,), (2,)),
        "sum": (linear.DenseMatrix(a(M)) + D + 0.5 * linear.ScaledIdentity(), (3,), (3,)),
        "pullback": (R.T @ linear.DenseMatrix(a([[2.0, 1j], [-1j, 2.0]])) @ R, (3,), (3,)),
        "BlockColumn": (linear.BlockColumn((R, D)), (3,), ((2,), (3,))),
        "BlockMatrix": (
            linear.BlockMatrix([[linear.DenseMatrix(a(H)), R.T], [-R, linear.ScaledIdentity()]]),
            ((3,), (2,)),
            ((3,), (2,)),
        ),
        "Iterative": (linear.Iterative(linear.DenseMatrix(a(H))), (3,), (3,)),
    }


def operators_of(a):
    """(operator, shape)."""
    A = sk.Affine(a(M), a(c))
    R = linear.DenseMatrix(a(K))
    return {
        "Affine": (A, (3,)),
        "Affine, skew": (sk.Affine(a(S), a(b)), (2,)),
        "Shift": (A.shift(a(c)), (3,)),
        "Translation": (A.translate(a(c)), (3,)),
        "Inverse": (A.inverse, (3,)),
        "Pullback": (sk.Affine(a([[2.0, 1.0], [-1.0, 1.0j]])).pullback(R), (3,)),
        "Sum": (A + sk.Subdifferential(F.SquaredL2(center=a(c))), (3,)),
        "Resolvent": (A.resolvent(0.7), (3,)),
        "Cayley": (A.cayley(0.7), (3,)),
        "Yosida": (A.yosida(0.7), (3,)),
    }
