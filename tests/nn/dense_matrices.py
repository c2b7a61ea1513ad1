"""W of each parametrization as a matrix, from the paper's definition, entry by entry."""

from itertools import pairwise

import numpy as np


def convolution_matrix(kernel, height, width, stride=1):
    """The matrix of a circular convolution that is read at every stride-th pixel."""
    outputs, inputs, k, _ = kernel.shape
    rows, columns = height // stride, width // stride
    result = np.zeros((outputs, rows, columns, inputs, height, width))
    for x in range(rows):
        for y in range(columns):
            for p in range(k):
                for q in range(k):
                    target = (stride * x + p - k // 2) % height, (stride * y + q - k // 2) % width
                    result[:, x, y, :, target[0], target[1]] += kernel[:, :, p, q]
    return result.reshape(outputs * rows * columns, inputs * height * width)


def unit(kernel):
    """kernel/‖kernel‖_F; the norm counts as 1e-12 at least."""
    kernel = kernel.detach().double().numpy()
    return kernel / max(np.linalg.norm(kernel), 1e-12)


def dense_matrix(p):
    """W of a MonotoneDense."""
    A, B = p.A.detach().double().numpy(), p.B.detach().double().numpy()
    return (1 - p.m) * np.eye(len(A)) - A.T @ A + B - B.T


def triangular_matrix(p):
    """W of a MonotoneTriangular."""
    n, k = p.features, p.block
    entries = iter(p.A.tolist())
    skews = [] if p.B is None else [iter(row) for row in p.B.tolist()]
    A, W = np.zeros((2, n, n))
    for i in range(n):
        for j in range(i + 1):
            A[i, j] = next(entries)
    P = A @ A.T
    for i in range(n):
        for j in range(n):
            if i // k == j // k:
                W[i, j] = (1 - p.m) * (i == j) - P[i, j]
            elif i > j:
                W[i, j] = -2 * P[i, j]
    for first in range(0, n, k):
        for i in range(first, first + k):
            for j in range(first, i):
                value = next(skews[first // k])
                W[i, j] += value
                W[j, i] -= value
    return W


def infinity_matrix(p):
    """W of a MonotoneInfinity."""
    T, w = p.T.detach().double().numpy(), np.exp(p.log_weights.detach().double().numpy())
    sums = [(w[i] * (abs(T[i]) / w).sum(), w[i] * (abs(T[:, i]) / w).sum()) for i in range(len(T))]
    dominance = [max(row, (row + column) / 2) for row, column in sums]
    return (1 - p.m) * np.eye(len(T)) + T - np.diag(dominance)


def lipschitz_matrix(p):
    """W of a MonotoneLipschitz."""
    found = (p.U.weight, p.readout.weight, p.P, p.Q)
    U, W_o, P, Q = (v.detach().double().numpy() for v in found)
    gain = (W_o.T @ W_o + U @ U.T) / (2 * p.gamma)
    return (1 - p.m) * np.eye(len(P)) - gain - P.T @ P + Q - Q.T


def conv2d_matrix(p):
    """W of a MonotoneConv2d."""
    height, width = (n + 2 * p.border for n in p.side)
    A = np.sqrt(abs(p.g.item())) * convolution_matrix(unit(p.A), height, width)
    B = p.h.item() * convolution_matrix(unit(p.B), height, width)
    return (1 - p.m) * np.eye(len(A)) - A.T @ A + B - B.T


def embedding(channels, coarse, grid):
    """The matrix that puts a coarse grid into the first rows and columns of another one."""
    result = np.zeros((channels, *grid, channels, *coarse))
    for n in range(channels):
        for x in range(coarse[0]):
            for y in range(coarse[1]):
                result[n, x, y, n, x, y] = 1
    return result.reshape(channels * grid[0] * grid[1], -1)


def multitier_matrix(p):
    """W of a MonotoneMultiTier: (1−m)I − AᵀA + B − Bᵀ with A and B block lower bidiagonal."""
    grids = [tuple(n // p.stride**i + 2 * p.border for n in p.side) for i in range(len(p.channels))]
    sizes = [n * height * width for n, (height, width) in zip(p.channels, grids, strict=True)]
    ends = np.cumsum([0, *sizes])
    A, B = np.zeros((2, ends[-1], ends[-1]))
    parts = [slice(a, b) for a, b in pairwise(ends)]
    for i, at in enumerate(parts):
        A[at, at] = np.sqrt(abs(p.g[i].item())) * convolution_matrix(unit(p.A[i]), *grids[i])
        B[at, at] = p.h[i].item() * convolution_matrix(unit(p.B[i]), *grids[i])
    for i, (at, after) in enumerate(pairwise(parts)):
        S = convolution_matrix(unit(p.S[i]), *grids[i], p.stride)
        coarse = tuple(n // p.stride for n in grids[i])
        E = embedding(p.channels[i + 1], coarse, grids[i + 1])
        A[after, at] = np.sqrt(abs(p.gs[i].item())) * E @ S
        B[after, at] = -A[after, after].T @ A[after, at]
    W = (1 - p.m) * np.eye(len(A)) - A.T @ A + B - B.T
    above = [W[at, after] for at, after in pairwise(parts)]
    assert all(np.abs(block).max() < 1e-12 * max(1, np.abs(W).max()) for block in above)
    return W


def free_entries(p):
    """Which entries of an equilibrium may differ from zero: all but the borders of the grids."""
    if not hasattr(p, "border"):
        return np.ones(p.features, dtype=bool)
    tiers = p.channels if hasattr(p, "stride") else (p.channels,)
    found = []
    for i, channels in enumerate(tiers):
        height, width = (n // getattr(p, "stride", 1) ** i for n in p.side)
        grid = np.zeros((channels, height + 2 * p.border, width + 2 * p.border), dtype=bool)
        grid[:, p.border : p.border + height, p.border : p.border + width] = True
        found.append(grid.ravel())
    return np.concatenate(found)
