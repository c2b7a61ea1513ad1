"""Signals and images with their total variation, and matrices of low rank, against Clarabel."""

import numpy as np

import splitkit as sk
from splitkit import functions as f
from splitkit.linear import Convolution, Gradient, Mask
from tests.collection.conic import conic, selection, triangle
from tests.collection.problem import Problem, Reference, minimized, unequal

rng = np.random.default_rng(12)
SIGNAL = np.repeat([0.0, 2.0, 1.0, 3.0], 6) + 0.3 * rng.normal(size=24)
SIDE = 7
IMAGE = np.zeros((SIDE, SIDE))
IMAGE[1:5, 2:6] = 1.0
IMAGE[3:, 4:] += 0.5
NOISY = IMAGE + 0.2 * rng.normal(size=(SIDE, SIDE))
KERNEL = np.zeros((SIDE, SIDE))
for i, j in [(0, 0), (0, 1), (1, 0), (0, -1), (-1, 0)]:
    KERNEL[i, j] = 0.4 if i == j == 0 else 0.15
SEEN = rng.random(size=(SIDE, SIDE)) < 0.7


def blurred(x):
    return np.fft.ifft2(np.fft.fft2(KERNEL) * np.fft.fft2(x)).real


BLURRED = blurred(IMAGE) + 0.02 * rng.normal(size=(SIDE, SIDE))


def gradient(x):
    """Forward differences to the next row and column, the last ones 0."""
    rows = np.diff(x, axis=0, append=x[-1:])
    columns = np.diff(x, axis=1, append=x[:, -1:])
    return np.stack([rows, columns], axis=-1)


def matrix_of(linear, n):
    """The matrix of a map of square images, from its columns."""
    side = int(np.sqrt(n))
    return np.stack([np.ravel(linear(e.reshape(side, side))) for e in np.eye(n)], axis=1)


def isotropic(x):
    return np.linalg.norm(gradient(x), axis=-1).sum()


def least_variation(H, b, weight):
    """argmin ½‖Hx − b‖² + weight · isotropic(x), with a bound of each pixel's gradient."""
    n = SIDE**2
    D = matrix_of(gradient, n)
    P = np.zeros((2 * n, 2 * n))
    P[:n, :n] = H.T @ H
    cones = []
    for k in range(n):
        rows = np.zeros((3, 2 * n))
        rows[0, n + k] = -1.0
        rows[1:, :n] = -D[2 * k : 2 * k + 2]
        cones.append((rows, np.zeros(3), "soc"))
    q = np.concatenate([-H.T @ b, np.full(n, weight)])
    return conic(P, q, cones)[:n].reshape(SIDE, SIDE)


# -- total variation ------------------------------------------------------------------------------


def signal_value(x):
    return 0.5 * np.sum((x - SIGNAL) ** 2) + 0.8 * np.abs(np.diff(x)).sum()


def signal_reference():
    # x and the bounds of the jumps
    D = np.diff(np.eye(24), axis=0)
    P = np.diag(np.concatenate([np.ones(24), np.zeros(23)]))
    rows = np.block([[D, -np.eye(23)], [-D, -np.eye(23)]])
    q = np.concatenate([-SIGNAL, np.full(23, 0.8)])
    x = conic(P, q, [(rows, np.zeros(46), "<")])[:24]
    return Reference(signal_value(x), x)


def signal_by_prox(array):
    return minimized(f.SquaredL2(center=array(SIGNAL)), f.TotalVariation1D(0.8))


def signal_by_differences(array):
    jumps = f.L1Norm(0.8) @ array(np.diff(np.eye(24), axis=0))
    return minimized(f.SquaredL2(center=array(SIGNAL)), jumps)


BENDS = np.diff(np.eye(24), 2, axis=0)
TREND = np.interp(np.arange(24), [0, 8, 15, 23], [0.0, 3.0, 1.0, 2.0]) + 0.2 * rng.normal(size=24)


def trend_value(x):
    return 0.5 * np.sum((x - TREND) ** 2) + 0.6 * np.abs(BENDS @ x).sum()


def trend_reference():
    P = np.diag(np.concatenate([np.ones(24), np.zeros(22)]))
    rows = np.block([[BENDS, -np.eye(22)], [-BENDS, -np.eye(22)]])
    q = np.concatenate([-TREND, np.full(22, 0.6)])
    x = conic(P, q, [(rows, np.zeros(44), "<")])[:24]
    return Reference(trend_value(x), x)


def trend(array):
    """The data term as an affine operator, for the methods that factor it."""
    bends = sk.Subdifferential(f.L1Norm(0.6)).pullback(sk.DenseMatrix(array(BENDS)))
    return sk.Affine(array(np.eye(24)), array(TREND)) + bends


def denoising_value(x):
    return 0.5 * np.sum((x - NOISY) ** 2) + 0.2 * isotropic(x)


def denoising_reference():
    x = least_variation(np.eye(SIDE**2), NOISY.ravel(), 0.2)
    return Reference(denoising_value(x), x)


def total_variation(weight):
    return f.GroupL2Norm(weight) @ Gradient(shape=(SIDE, SIDE))


def denoising(array):
    return minimized(f.SquaredL2(center=array(NOISY)), total_variation(0.2))


def deblurring_value(x):
    return 0.5 * np.sum((blurred(x) - BLURRED) ** 2) + 0.02 * isotropic(x)


def deblurring_reference():
    x = least_variation(matrix_of(blurred, SIDE**2), BLURRED.ravel(), 0.02)
    return Reference(deblurring_value(x), x)


def deblurring(array):
    fit = f.SquaredL2(center=array(BLURRED)) @ Convolution(
        array(KERNEL), (SIDE, SIDE), origin=(0, 0)
    )
    return minimized(fit, total_variation(0.02))


def inpainting_value(x):
    return 0.5 * np.sum((x - NOISY)[SEEN] ** 2) + 0.1 * isotropic(x)


def inpainting_reference():
    x = least_variation(selection(np.flatnonzero(SEEN), SIDE**2), NOISY[SEEN], 0.1)
    return Reference(inpainting_value(x))


def inpainting(array):
    fit = f.SquaredL2(center=array(NOISY[SEEN])) @ Mask(array(SEEN * 1.0) > 0.5)
    return minimized(fit, total_variation(0.1))


# -- low rank -------------------------------------------------------------------------------------

N = 5
LOW = np.outer(rng.normal(size=N), rng.normal(size=N))
SPIKES = np.where(rng.random(size=(N, N)) < 0.15, 4.0, 0.0)
DATA = LOW + SPIKES
KNOWN = rng.random(size=(N, N)) < 0.75
CORRELATIONS = rng.uniform(-1, 1, size=(N, N))
CORRELATIONS = (CORRELATIONS + CORRELATIONS.T) / 2
np.fill_diagonal(CORRELATIONS, 1.0)


def nuclear_norm_bound(start, columns):
    """The rows of [U X; Xᵀ V] ⪰ 0 on variables (X, U, V, …), X from column ``start`` on: then
    ‖X‖* is the least ½(tr U + tr V).
    """
    whole = np.zeros((4 * N * N, columns))
    for i in range(N):
        for j in range(N):
            x, u, v = start + i * N + j, N * N + i * N + j, 2 * N * N + i * N + j
            whole[i * 2 * N + j, u] = whole[(N + i) * 2 * N + N + j, v] = 1.0
            whole[i * 2 * N + N + j, x] = whole[(N + j) * 2 * N + i, x] = 1.0
    T = triangle(2 * N)
    return -T @ whole, np.zeros(len(T)), "psd"


def half_traces(columns):
    q = np.zeros(columns)
    for block in (1, 2):
        q[block * N * N + np.arange(N) * (N + 1)] = 0.5
    return q


def symmetry(block, columns):
    """Rows that make the block symmetric."""
    rows = np.zeros((N * (N - 1) // 2, columns))
    for row, (i, j) in zip(rows, zip(*np.triu_indices(N, 1), strict=True), strict=True):
        row[block * N * N + i * N + j], row[block * N * N + j * N + i] = 1.0, -1.0
    return rows


def parts_value(parts):
    L, S = parts
    return np.linalg.svd(L, compute_uv=False).sum() + 0.45 * np.abs(S).sum()


def parts_reference():
    # L, U, V, S and the bounds t of |S|
    n = N * N
    q = half_traces(5 * n)
    q[4 * n :] = 0.45
    I, O = np.eye(n), np.zeros((n, n))  # noqa: E741
    balance = np.hstack([I, O, O, I, O])
    bounds = np.block([[O, O, O, I, -I], [O, O, O, -I, -I]])
    equal = np.vstack([balance, symmetry(1, 5 * n), symmetry(2, 5 * n)])
    right = np.concatenate([DATA.ravel(), np.zeros(N * (N - 1))])
    psd = nuclear_norm_bound(0, 5 * n)
    z = conic(None, q, [(equal, right, "="), (bounds, np.zeros(2 * n), "<"), psd])
    return Reference(float(parts_value((z[:n].reshape(N, N), z[3 * n : 4 * n].reshape(N, N)))))


def parts(array):
    """L + S = data, as the graph of L ↦ S moved by the data."""
    both = f.SeparableSum((f.NuclearNorm(), f.L1Norm(0.45)))
    total = sk.linear.BlockRow([sk.linear.ScaledIdentity(), sk.linear.ScaledIdentity()])
    return minimized(both, f.Singleton(array(DATA)) @ total)


def nuclear(x):
    return np.linalg.svd(x, compute_uv=False).sum()


def completion_reference():
    n = N * N
    known = np.zeros((KNOWN.sum(), 3 * n))
    known[np.arange(KNOWN.sum()), np.flatnonzero(KNOWN)] = 1.0
    equal = np.vstack([known, symmetry(1, 3 * n), symmetry(2, 3 * n)])
    right = np.concatenate([LOW[KNOWN], np.zeros(N * (N - 1))])
    z = conic(None, half_traces(3 * n), [(equal, right, "="), nuclear_norm_bound(0, 3 * n)])
    return Reference(float(nuclear(z[:n].reshape(N, N))))


def completion(array):
    known = f.Singleton(array(LOW[KNOWN])) @ Mask(array(KNOWN * 1.0) > 0.5)
    return minimized(f.NuclearNorm(), known)


def correlation_value(x):
    return 0.5 * np.sum((x - CORRELATIONS) ** 2)


def correlation_reference():
    n = N * N
    diagonal = selection(np.arange(N) * (N + 1), n)
    equal = np.vstack([diagonal, symmetry(0, n)])
    right = np.concatenate([np.ones(N), np.zeros(N * (N - 1) // 2)])
    T = triangle(N)
    psd = (-T, np.zeros(len(T)), "psd")
    x = conic(np.eye(n), -CORRELATIONS.ravel(), [(equal, right, "="), psd]).reshape(N, N)
    return Reference(correlation_value(x), x)


def correlation(array):
    ones = f.Singleton(array(np.ones(N))) @ Mask(array(np.eye(N)) > 0.5)
    near = f.SquaredL2(center=array(CORRELATIONS))
    return minimized(near, f.PositiveSemidefinite(), ones)


def uncorrelated(x):
    negative = np.minimum(np.linalg.eigvalsh((x + x.T) / 2), 0)
    return unequal(np.diag(x), np.ones(N)) + float(np.linalg.norm(negative))


PICTURE = np.zeros((SIDE, SIDE))
SQUARE = np.zeros((N, N))
PROBLEMS = [
    Problem("denoising of a signal by its prox", signal_by_prox, np.zeros(24), signal_value,
            signal_reference),
    Problem("denoising of a signal by differences", signal_by_differences, np.zeros(24),
            signal_value, signal_reference),
    Problem("trend filtering", trend, np.zeros(24), trend_value, trend_reference),
    Problem("denoising of an image", denoising, PICTURE, denoising_value, denoising_reference),
    Problem("deblurring", deblurring, PICTURE, deblurring_value, deblurring_reference),
    Problem("inpainting", inpainting, PICTURE, inpainting_value, inpainting_reference),
    Problem("low rank and sparse parts", parts, (SQUARE, SQUARE), parts_value, parts_reference,
            lambda x: unequal(x[0] + x[1], DATA)),
    Problem("matrix completion", completion, SQUARE, nuclear, completion_reference,
            lambda x: unequal(x[KNOWN], LOW[KNOWN])),
    Problem("nearest correlation matrix", correlation, np.eye(N), correlation_value,
            correlation_reference, uncorrelated),
]  # fmt: skip
