"""Operators and their algebra; one line each is the registry that the checks go through."""

from splitkit.operators.base import Operator as Operator
from splitkit.operators.block import BlockDiagonal as BlockDiagonal
from splitkit.operators.callables import CallableOperator as CallableOperator
from splitkit.operators.combination import Combination as Combination
from splitkit.operators.composition import Composition as Composition
from splitkit.operators.consensus import (
    Consensus as Consensus,
    copies as copies,
    product_space as product_space,
)
from splitkit.operators.identity import Identity as Identity, Zero as Zero
from splitkit.operators.inexact_pullback import InexactPullback as InexactPullback
from splitkit.operators.inverse import Inverse as Inverse
from splitkit.operators.parallel import ParallelSum as ParallelSum
from splitkit.operators.partial_inverse import PartialInverse as PartialInverse
from splitkit.operators.plugged import plug_and_play as plug_and_play
from splitkit.operators.pullback import Pullback as Pullback
from splitkit.operators.resolvent import Cayley as Cayley, Resolvent as Resolvent
from splitkit.operators.scaled_argument import ScaledArgument as ScaledArgument
from splitkit.operators.sum import Sum as Sum
from splitkit.operators.translation import Shift as Shift, Translation as Translation
from splitkit.operators.yosida import Yosida as Yosida
