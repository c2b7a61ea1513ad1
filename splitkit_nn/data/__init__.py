"""Data sets, from files to tensors; a file that is not what it should be is an error by name."""

from splitkit_nn.data.dataset import Dataset
from splitkit_nn.data.digits import load_digits
from splitkit_nn.data.idx import read_idx
from splitkit_nn.data.mnist import load_mnist

__all__ = ["Dataset", "load_digits", "load_mnist", "read_idx"]
