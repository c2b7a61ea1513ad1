"""Functions of the singular values or eigenvalues of matrices."""
