"""Data sets, from files to tensors; a file that is not what it should be is an error by name."""

from splitkit_nn.data.cifar10 import load_cifar10
from splitkit_nn.data.dataset import Dataset, Normalization
from splitkit_nn.data.digits import load_digits
from splitkit_nn.data.download import Source, download
from splitkit_nn.data.idx import read_idx
from splitkit_nn.data.mnist import load_mnist
from splitkit_nn.data.svhn import load_svhn

__all__ = [
    "Dataset",
    "Normalization",
    "Source",
    "download",
    "load_cifar10",
    "load_digits",
    "load_mnist",
    "load_svhn",
    "read_idx",
]
