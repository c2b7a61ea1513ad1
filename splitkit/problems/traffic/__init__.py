"""Traffic on networks: costs of links, demands, Wardrop's equilibrium, and files of them."""

from splitkit.problems.traffic.costs import BPR as BPR, LinkCosts as LinkCosts
from splitkit.problems.traffic.equilibrium import (
    ElasticDemand as ElasticDemand,
    TrafficEquilibrium as TrafficEquilibrium,
    TrafficSolution as TrafficSolution,
)
from splitkit.problems.traffic.tntp import read_tntp as read_tntp
