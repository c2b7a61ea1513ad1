"""Linear maps and what is built of them; the lines are the registry that the checks go through."""

from splitkit.linear.affine import Affine as Affine, Saddle as Saddle
from splitkit.linear.base import LinearOperator as LinearOperator
from splitkit.linear.coupling import Coupling as Coupling
from splitkit.linear.dense import DenseMatrix as DenseMatrix
from splitkit.linear.stacked import Stacked as Stacked
