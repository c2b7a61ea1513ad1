"""Wardrop's equilibrium: all paths in use between two places take the same time, others no less.

Links have costs t(v) of their flows, pairs (origin, destination) demands d, fixed or falling with
their times κ. With path flows h, link flows v = Δh,

    hᵢ > 0  ⇒  (Δᵀt(v))ᵢ = κ_w,    (Δᵀt(v))ᵢ ≥ κ_w,    Σ_{i∈w} hᵢ = d_w,

which is the variational inequality of Δᵀt(Δh) on a product of simplices. Paths are generated: those
at hand are brought to equilibrium (``interior.py``, with many links and fixed demands first
``projected.py``), shortest paths at the new costs join them, until the relative gap
(Σ t v − Σ d κ)/Σ t v, κ the times of shortest paths, is small.

Sources: Wardrop, *Some theoretical aspects of road traffic research* (1952); Leventhal, Nemhauser,
Trotter, *A column generation algorithm for optimal traffic assignment* (1973); Patriksson, *The
Traffic Assignment Problem* (1994).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array, hstack

from splitkit.arguments import NON_NEGATIVE, POSITIVE, check_integer, check_number
from splitkit.display import Shown
from splitkit.functions import SeparableSum, Simplex
from splitkit.operators.base import Operator
from splitkit.problems.traffic.costs import BPR, LinkCosts, numbers
from splitkit.problems.traffic.interior import PathProblem
from splitkit.problems.traffic.network import Network
from splitkit.problems.traffic.projected import descend
from splitkit.problems.variational import VI

Vector = Any  # a NumPy array
ROUNDS = 60
FLOOR = 1e-12  # of the mean flow
FEW = 600  # links, whose systems are factored
SHARE = 0.1  # of a pair's flow that its paths share anew when others join them, at most


class ElasticDemand:
    """Demands that fall with the times of pairs.

    Parameters
    ----------
    pairs : array of integers, shape (pairs, 2)
        Origins and destinations.
    value, slope : callable
        κ ↦ D(κ) ≥ 0 and κ ↦ D′(κ) ≤ 0, on NumPy arrays of the times of all pairs.

    Raises
    ------
    TypeError, ValueError
        ``value`` or ``slope`` is no function, or the pairs are none.

    Examples
    --------
    >>> from splitkit.problems import BPR, ElasticDemand, TrafficEquilibrium
    >>> D = ElasticDemand([[0, 1]], lambda k: np.maximum(10 - k, 0.0), lambda k: -1.0 * (k < 10))
    >>> street = BPR(np.array([1.0]), np.array([1.0]), np.array([1.0]), np.array([1.0]))  # 1 + v
    >>> solution = TrafficEquilibrium([0], [1], street, D).solve(1e-8)
    >>> print(solution.link_flows, solution.times)  # v = 10 − (1 + v)
    [4.5] [5.5]
    """

    def __init__(
        self, pairs: Any, value: Callable[[Vector], Vector], slope: Callable[[Vector], Vector]
    ) -> None:
        self.pairs = np.asarray(pairs)
        if self.pairs.ndim != 2 or self.pairs.shape[1] != 2 or self.pairs.dtype.kind not in "iu":
            raise ValueError(
                f"pairs = {pairs!r}: give integers, one row (origin, destination) each"
            )
        if np.min(self.pairs, initial=0) < 0 or np.any(self.pairs[:, 0] == self.pairs[:, 1]):
            raise ValueError(
                f"pairs = {pairs!r}: give different nodes, numbered from 0 on, as origin and "
                "destination of each"
            )
        for name, given in (("value", value), ("slope", slope)):
            if not callable(given):
                raise TypeError(f"{name} = {given!r}: give a function of the times of all pairs")
        self.value, self.slope = value, slope


class TrafficPath(NamedTuple):
    """Links in their order, the flow on all of them together, and the time that it takes."""

    links: tuple[int, ...]
    flow: float
    time: float


@dataclass(frozen=True, repr=False)
class TrafficSolution(Shown):
    """An equilibrium, as NumPy arrays; ``print`` it for its figures.

    Attributes
    ----------
    link_flows, link_times : array, shape (links,)
    pairs : array, shape (pairs, 2)
        Origins and destinations.
    demands, times : array, shape (pairs,)
        What travels between them, and the time of a shortest path.
    path_flows : array, shape (paths,)
    incidence : sparse array, shape (links, paths)
        1 where a path has a link.
    path_pairs : array, shape (paths,)
        The row of ``pairs`` of each path.
    relative_gap : float
        (Σ t v − Σ d κ)/Σ t v.
    demand_error : float
        Σ|d − D(κ)|/Σd, 0 for fixed demands.
    rounds : int
        How often paths were generated.

    Examples
    --------
    >>> from splitkit.problems import BPR, TrafficEquilibrium
    >>> costs = BPR(np.array([1.0, 2.0]), np.array([1.0, 1.0]), b=1.0, power=1.0)
    >>> demand = np.array([[0.0, 3.0], [0.0, 0.0]])
    >>> found = TrafficEquilibrium([0, 0], [1, 1], costs, demand).solve()
    >>> print(found.link_flows, found.times)
    [2.3333 0.6667] [3.3333]
    """

    link_flows: Vector
    link_times: Vector
    pairs: Vector
    demands: Vector
    times: Vector
    path_flows: Vector
    incidence: Any
    path_pairs: Vector
    relative_gap: float
    demand_error: float
    rounds: int

    def heading(self) -> str:
        """What was found."""
        return f"TrafficSolution: {len(self.path_flows)} paths after {self.rounds} rounds"

    def rows(self) -> Iterator[tuple[str, Any]]:
        """Flows, times, and how far they are from an equilibrium."""
        yield "link flows", self.link_flows
        yield "link times", self.link_times
        yield "demands", self.demands
        yield "times", self.times
        yield "relative gap", self.relative_gap
        yield "demand error", self.demand_error

    tails: Vector = field(repr=False)
    heads: Vector = field(repr=False)

    def paths(self, origin: int, destination: int) -> list[TrafficPath]:
        """The paths from one node to another that carry more than rounding, the fullest first."""
        row = np.flatnonzero((self.pairs == (origin, destination)).all(axis=1))
        which = np.flatnonzero(np.isin(self.path_pairs, row))
        rounding = 1e-9 * float(np.sum(self.path_flows[which]))
        found = []
        for path in which[np.argsort(-self.path_flows[which])]:
            if self.path_flows[path] > rounding:
                members = self.incidence[:, [path]].tocoo().coords[0]
                time = float(np.sum(self.link_times[members]))
                found.append(
                    TrafficPath(self._ordered(members, origin), self.path_flows[path], time)
                )
        return found

    def _ordered(self, members: Vector, origin: int) -> tuple[int, ...]:
        after = {int(self.tails[link]): int(link) for link in members}
        links, at = [], origin
        while at in after:
            link = after.pop(at)
            links.append(link)
            at = int(self.heads[link])
        return tuple(links)


class TrafficEquilibrium:
    """A network of links with costs, and what travels on it.

    Parameters
    ----------
    tails, heads : array of integers, shape (links,)
        The nodes, counted from 0, from and to which each link leads; parallel links are allowed.
    costs : LinkCosts
        ``BPR(free, capacity)``, or a user's.
    demand : array, shape (zones, zones), or ElasticDemand
        What travels from node i to node j; the diagonal travels on no link.
    first_through : int, keyword
        Nodes below it are only where paths begin and end.

    Raises
    ------
    TypeError, ValueError
        An argument is of another kind or shape, a node has no number from 0 on, nothing travels, or
        a destination cannot be reached.

    Examples
    --------
    >>> from splitkit.problems import BPR, TrafficEquilibrium
    >>> costs = BPR(np.array([1.0, 2.0]), np.array([1.0, 1.0]), b=1.0, power=1.0)
    >>> demand = np.array([[0.0, 3.0], [0.0, 0.0]])
    >>> network = TrafficEquilibrium([0, 0], [1, 1], costs, demand)  # two parallel links
    >>> found = network.solve()
    >>> print(found.link_flows, found.link_times)
    [2.3333 0.6667] [3.3333 3.3333]
    """

    def __init__(
        self,
        tails: Any,
        heads: Any,
        costs: LinkCosts,
        demand: Any,
        *,
        first_through: int = 0,
    ) -> None:
        self.tails, self.heads = _nodes("tails", tails), _nodes("heads", heads)
        if self.tails.shape != self.heads.shape:
            raise ValueError(
                f"tails has {len(self.tails)} entries and heads {len(self.heads)}: give both nodes "
                "of every link"
            )
        self._set_costs(costs)
        self._set_demand(demand)
        if not len(self.pairs):
            raise ValueError("demand is 0 between all nodes: nothing travels")
        nodes = 1 + max(int(np.max(each)) for each in (self.tails, self.heads, self.pairs))
        self.first_through = check_integer("first_through", first_through, 0)
        if self.first_through > nodes:
            raise ValueError(
                f"first_through = {first_through}, but there are {nodes} nodes: give the first "
                "node that paths may cross, 0 if they may cross all"
            )
        self._network = Network(self.tails, self.heads, nodes, self.first_through)
        origins, rows = np.unique(self.pairs[:, 0], return_inverse=True)
        self._origins, self._ends = origins, np.stack([rows, self.pairs[:, 1]], axis=1)
        self._shortest(self._costs_of(np.zeros(len(self.tails))))

    def _set_costs(self, costs: LinkCosts) -> None:
        if not isinstance(costs, LinkCosts):
            raise TypeError(f"costs = {costs!r}: give splitkit.problems.BPR(free, capacity)")
        if isinstance(costs, BPR) and costs.links not in (1, len(self.tails)):
            raise ValueError(
                f"costs are those of {costs.links} links, but tails has {len(self.tails)} entries: "
                "give one entry a link"
            )
        self.costs = costs

    def _set_demand(self, demand: Any) -> None:
        self.elastic: ElasticDemand | None = None
        self.fixed: Vector | None = None
        if isinstance(demand, ElasticDemand):
            self.elastic, self.pairs = demand, demand.pairs
            return
        demand = np.asarray(demand) if isinstance(demand, (list, tuple)) else demand
        table = numbers("demand", demand, NON_NEGATIVE)
        if np.ndim(table) != 2 or table.shape[0] != table.shape[1]:
            raise ValueError(f"demand has shape {np.shape(table)}: give a square table")
        table = table - np.diag(np.diag(table))
        self.pairs, self.fixed = np.argwhere(table > 0), table[table > 0]

    def update(self, *, costs: LinkCosts | None = None, demand: Any = None) -> None:
        """Take other costs of the same links, or other demand between the same pairs; the network
        stays, and ``solve(start=…)`` begins at the paths of an earlier solution.

        Raises
        ------
        TypeError, ValueError
            See the class, and demand between other pairs than before; nothing is changed then.
        """
        before = dict(vars(self))
        try:
            if costs is not None:
                self._set_costs(costs)
            if demand is not None:
                self._set_demand(demand)
                if not np.array_equal(self.pairs, before["pairs"]):
                    raise ValueError(
                        "demand is between other pairs of nodes than before: an update changes "
                        "numbers only; make a new network"
                    )
            self._shortest(self._costs_of(np.zeros(len(self.tails))))
        except Exception:
            vars(self).clear()
            vars(self).update(before)
            raise

    def __repr__(self) -> str:
        kind = "elastic" if self.elastic else "fixed"
        return f"TrafficEquilibrium({len(self.tails)} links, {len(self.pairs)} pairs, {kind})"

    def _costs_of(self, v: Vector) -> Vector:
        t = np.asarray(self.costs.value(v), dtype=np.float64)
        if t.shape != v.shape or not np.all((t >= 0) & (t < np.inf)):
            raise ValueError(
                f"costs has the shape {t.shape} and the least value {np.min(t, initial=np.inf)} on "
                f"{len(v)} links: it must be non-negative and finite for flows v ≥ 0, link by link"
            )
        slope = np.asarray(self.costs.slope(v), dtype=np.float64)
        if slope.shape != v.shape or not np.all(slope >= 0):
            raise ValueError(
                f"costs has slopes of the shape {slope.shape}, the least "
                f"{np.min(slope, initial=np.inf)}: times must not fall as flows v ≥ 0 grow, else "
                "equilibria are several"
            )
        return t

    def _shortest(self, t: Vector) -> Any:
        found = self._network.cheapest(t, self._origins, self._ends)
        cut = np.flatnonzero(np.isinf(found.lengths))
        if len(cut):
            origin, end = (int(node) for node in self.pairs[cut[0]])
            raise ValueError(
                f"demand from node {origin} to node {end} has no path: add links, or leave it out"
            )
        return found

    def _demand(self, kappa: Vector) -> tuple[Vector, Vector]:
        """D(κ) and −D′(κ)."""
        if self.elastic is None:
            return self.fixed, np.zeros(len(kappa))
        given = (self.elastic.value(kappa), self.elastic.slope(kappa))
        value, slope = (np.asarray(each, dtype=np.float64) for each in given)
        for name, each in (("value", value), ("slope", slope)):
            if each.shape != kappa.shape or not np.all(np.isfinite(each)):
                raise ValueError(
                    f"the {name} of demand has the shape {each.shape} or numbers that are not "
                    f"finite: give one finite number for each of the {len(kappa)} pairs"
                )
        if np.any(value < 0) or np.any(slope > 0):
            raise ValueError("demand must be non-negative, and its slope at most 0, at all times")
        return value, -slope

    def relative_gap(self, v: Vector, demands: Vector | None = None) -> float:
        """(Σ t v − Σ d κ)/Σ t v for link flows v that carry the demands d; None: the fixed ones, or
        those at the times κ.
        """
        t = self._costs_of(v)
        times = self._shortest(t).lengths
        d = self._demand(times)[0] if demands is None else demands
        return _gap(t @ v, d @ times)

    def is_solution(self, solution: TrafficSolution, tol: float = 1e-6) -> bool:
        """Whether no flow is negative, path flows add up to those of links and to the demands, and
        the relative gap and the error of demands are at most tol.
        """
        h, v = solution.path_flows, solution.link_flows
        d = np.bincount(solution.path_pairs, h, len(self.pairs))
        times = self._shortest(self._costs_of(v)).lengths
        wanted, _ = self._demand(times)
        return bool(
            np.min(h) >= 0
            and np.max(abs(solution.incidence @ h - v)) <= tol * np.max(v)
            and np.sum(abs(d - wanted)) <= tol * np.sum(d)
            and self.relative_gap(v, d) <= tol
        )

    def on_paths(self, solution: TrafficSolution) -> VI:
        """The variational inequality on the paths of a solution, one block of path flows for each
        pair, for any method: fixed demands only.
        """
        if self.fixed is None:
            raise TypeError(f"{self!r} has elastic demands: the sets of path flows are not fixed")
        which = [np.flatnonzero(solution.path_pairs == w) for w in range(len(self.pairs))]

        def times(h: Any) -> Any:
            v = np.zeros(len(self.tails))
            for paths, flows in zip(which, h, strict=True):
                v = v + solution.incidence[:, paths] @ flows
            t = self.costs.value(v)
            return tuple(solution.incidence[:, paths].T @ t for paths in which)

        F = Operator.from_callable(times, monotone=True, name="Δᵀt(Δh)")
        return VI(F, SeparableSum(tuple(Simplex(float(d)) for d in self.fixed)))

    def solve(self, tol: float = 1e-6, *, start: TrafficSolution | None = None) -> TrafficSolution:
        """An equilibrium of relative gap and error of demands at most tol.

        Parameters
        ----------
        tol : float, default 1e-6
            Positive.
        start : TrafficSolution, optional, keyword
            Of the same network; its paths are tried first.

        Raises
        ------
        ArithmeticError
            The gap was not reached in 60 rounds.
        """
        tol = check_number("tol", tol, POSITIVE)
        if start is not None and not isinstance(start, TrafficSolution):
            raise TypeError(f"start = {start!r}: give an earlier solution of this network, or None")
        paths = _PathSet(self, start)
        for rounds in range(1, ROUNDS + 1):
            v = paths.incidence @ paths.flows
            t = self._costs_of(v)
            found = self._shortest(t)
            d = np.bincount(paths.pair, paths.flows, len(self.pairs))
            wanted = self._demand(found.lengths)[0]
            gap = _gap(t @ v, d @ found.lengths)
            error = float(np.sum(abs(d - wanted)) / np.sum(d))
            if gap <= tol and error <= tol:
                return TrafficSolution(
                    v, t, self.pairs, d, found.lengths, paths.flows, paths.incidence, paths.pair,
                    gap, error, rounds, self.tails, self.heads,
                )  # fmt: skip
            paths.add(found, max(gap, error), tol)
            paths.equilibrate(max(gap, error), tol)
        raise ArithmeticError(
            f"the relative gap is {gap:.2g}, the error of demands {error:.2g} after {ROUNDS} "
            f"rounds, not tol = {tol:.2g}: give a larger tol, or costs that increase"
        )


class _PathSet:
    """The paths at hand, and their flows."""

    def __init__(self, problem: TrafficEquilibrium, start: TrafficSolution | None) -> None:
        self.problem = problem
        links = len(problem.tails)
        self._names = np.random.default_rng(0).integers(1, 2**62, links)
        free = problem._shortest(problem._costs_of(np.zeros(links)))
        d = problem._demand(free.lengths)[0]
        if start is None:
            self.pair = np.arange(len(d))
            self.incidence, self.flows = self._columns(free, self.pair), _positive(d)
        else:
            self.pair, self.incidence = start.path_pairs, start.incidence
            self.flows = _positive(start.path_flows)
            if self.incidence.shape[0] != links or not np.array_equal(start.pairs, problem.pairs):
                raise ValueError("start has other links or pairs: give a solution of this network")
            if problem.fixed is not None:
                carried = np.bincount(self.pair, self.flows, len(d))
                self.flows *= (problem.fixed / carried)[self.pair]
        self._known = set(zip(self.pair.tolist(), self._named(self.incidence), strict=True))

    def _columns(self, found: Any, which: Vector) -> Any:
        """The incidence of the shortest paths of some pairs."""
        column = np.full(len(found.lengths), -1)
        column[which] = np.arange(len(which))
        place = column[found.path]
        ours = place >= 0
        entries = np.ones(int(np.sum(ours)))
        shape = (len(self.problem.tails), len(which))
        return csr_array((entries, (found.link[ours], place[ours])), shape=shape)

    def _named(self, incidence: Any) -> list[int]:
        """A number for each path, that of its set of links."""
        columns = incidence.tocoo()
        total = np.zeros(incidence.shape[1], np.int64)
        np.add.at(total, columns.coords[1], self._names[columns.coords[0]])
        return [int(each) for each in total]

    def add(self, found: Any, gap: float, tol: float) -> None:
        """Shortest paths that are new join, with a small part of their pair's flow."""
        count = len(found.lengths)
        names = self._named(self._columns(found, np.arange(count)))
        fresh = [w for w in range(count) if (w, names[w]) not in self._known]
        self._known.update((w, names[w]) for w in fresh)
        new = np.array(fresh, dtype=int)
        d = np.bincount(self.pair, self.flows, count)
        self.pair = np.concatenate([self.pair, new])
        self.incidence = csr_array(hstack([self.incidence, self._columns(found, new)]))
        share = min(SHARE, max(gap, 1e-3 * tol))
        equal = (d / np.bincount(self.pair, minlength=count))[self.pair]
        flows = np.concatenate([self.flows, np.zeros(len(new))])
        self.flows = _positive((1 - share) * flows + share * equal)

    def equilibrate(self, gap: float, tol: float) -> None:
        """Bring the paths to equilibrium, closer than the gap is."""
        problem, count = self.problem, len(self.problem.pairs)
        accuracy = max(0.03 * gap, 0.1 * tol)
        if problem.fixed is not None and len(problem.tails) > FEW:
            found = descend(problem.costs, self.incidence, self.pair, self.flows, count, accuracy)
            self.flows, left = found
            if left <= accuracy:
                return
            self.flows = _positive(self.flows)
        t = problem._costs_of(self.incidence @ self.flows)
        cost = self.incidence.T @ t
        kappa = np.full(count, np.inf)
        np.minimum.at(kappa, self.pair, cost)
        # so far below the costs that products of flows and excess costs are comparable
        mean = min(SHARE, gap) * float(cost @ self.flows) / len(self.pair)
        d = np.bincount(self.pair, self.flows, count)
        kappa -= mean * np.bincount(self.pair, minlength=count) / d
        on_paths = PathProblem(problem.costs, problem._demand, self.incidence, self.pair)
        h, kappa = on_paths.equilibrium(self.flows, kappa, accuracy)
        wanted = problem._demand(kappa)[0]
        self.flows = h * (wanted / np.bincount(self.pair, h, count))[self.pair]


def _gap(travelled: float, least: float) -> float:
    """What all could save, beside what they travel."""
    return float((travelled - least) / travelled) if travelled > 0 else 0.0


def _positive(flows: Vector) -> Vector:
    """Flows inside of the orthant: demands may have vanished."""
    return np.maximum(flows, FLOOR * float(np.mean(flows)))


def _nodes(name: str, given: Any) -> Vector:
    nodes = np.asarray(given)
    if nodes.ndim != 1 or nodes.dtype.kind not in "iu" or not len(nodes) or np.min(nodes) < 0:
        raise ValueError(
            f"{name} = {given!r}: give the numbers, from 0 on, of a node for each link"
        )
    return nodes.astype(np.int64)
