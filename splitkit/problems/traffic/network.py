"""A directed network and its shortest paths from some origins, for any costs of its links.

Zones that no path may cross are two nodes each: links leave one and enter the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

Vector = Any  # a NumPy array


class Network:
    """Links from tails to heads among nodes 0, …, n − 1; paths do not cross nodes below
    ``first_through``. Parallel links are allowed.
    """

    def __init__(self, tails: Vector, heads: Vector, nodes: int, first_through: int) -> None:
        self.size = nodes + first_through
        self.links, self.first_through, self.nodes = len(tails), first_through, nodes
        self._tails, self._heads = tails, self.exit_of(heads)
        key = self._tails * self.size + self._heads
        self._pairs, self._pair = np.unique(key, return_inverse=True)
        self._begin = np.searchsorted(np.sort(key), self._pairs)
        tail, head = np.divmod(self._pairs, self.size)
        shape = (self.size, self.size)
        places = csr_array((np.arange(1.0, len(tail) + 1), (tail, head)), shape=shape)
        self._graph, self._order = places, places.data.astype(np.int64) - 1

    def exit_of(self, nodes: Vector) -> Vector:
        """Where paths that end in these nodes arrive."""
        return np.where(nodes < self.first_through, nodes + self.nodes, nodes)

    def cheapest(self, costs: Vector, origins: Vector, pairs: Vector) -> Paths:
        """A shortest path for each pair (row of ``origins``, destination); costs are non-negative.

        Where there is none, the length is inf, and the path has no links.
        """
        # of parallel links the cheapest
        order = np.lexsort((costs, self._pair))
        link = order[self._begin]
        graph = self._graph.copy()
        # what is 0 would be no link
        graph.data = np.maximum(costs[link][self._order], np.finfo(float).tiny)
        lengths, before = dijkstra(graph, indices=origins, return_predecessors=True)
        row, end = pairs[:, 0], self.exit_of(pairs[:, 1])
        found = lengths[row, end]
        at, walking = end.copy(), np.flatnonzero(np.isfinite(found))
        numbers, members = [], []
        while len(walking):
            previous = before[row[walking], at[walking]]
            keys = previous.astype(np.int64) * self.size + at[walking]
            numbers.append(walking)
            members.append(link[np.searchsorted(self._pairs, keys)])
            at[walking] = previous
            walking = walking[previous != origins[row[walking]]]
        return Paths(
            found, *(np.concatenate(each or [[]]).astype(int) for each in (numbers, members))
        )


class Paths:
    """Lengths of some paths, and which has which link, as two lists."""

    def __init__(self, lengths: Vector, path: Vector, link: Vector) -> None:
        self.lengths, self.path, self.link = lengths, path, link
