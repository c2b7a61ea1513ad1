"""Data sets, from files to tensors; a file that is not what it should be is an error by name."""

from splitkit_nn.data.cifar10 import load_cifar10 as load_cifar10
from splitkit_nn.data.dataset import Dataset as Dataset, Normalization as Normalization
from splitkit_nn.data.digits import load_digits as load_digits
from splitkit_nn.data.download import Source as Source, download as download
from splitkit_nn.data.idx import read_idx as read_idx
from splitkit_nn.data.mnist import load_mnist as load_mnist
from splitkit_nn.data.svhn import load_svhn as load_svhn
