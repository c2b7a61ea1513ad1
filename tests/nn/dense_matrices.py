"""W of each parametrization as a matrix, from the paper's definition, entry by entry."""

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


def conv2d_matrix(p):
    """W of a MonotoneConv2d."""
    height, width = (n + 2 * p.border for n in p.side)
    A = np.sqrt(abs(p.g.item())) * convolution_matrix(unit(p.A), height, width)
    B = p.h.item() * convolution_matrix(unit(p.B), height, width)
    return (1 - p.m) * np.eye(len(A)) - A.T @ A + B - B.T
