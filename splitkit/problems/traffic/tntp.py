"""Networks and tables of trips in TNTP files, the plain text of the *Transportation Networks for
Research* collection (github.com/bstabler/TransportationNetworks).

Lines ``<KEY> value`` begin a file; ``~`` begins a comment. A link is a line of its tail, head,
capacity, length, free-flow time, b and power, further columns and ``;``. Trips are listed under
``Origin i`` as ``j : d;``. Nodes are counted from 1.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from splitkit.problems.traffic.costs import BPR
from splitkit.problems.traffic.equilibrium import TrafficEquilibrium


def read_tntp(net: str | os.PathLike[str], trips: str | os.PathLike[str]) -> TrafficEquilibrium:
    """The traffic problem of a file of links and one of trips, tolls and lengths left out.

    Parameters
    ----------
    net, trips : str or path
        The file of links, and that of trips.

    Raises
    ------
    ValueError
        A line is none of the format; the message names it.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from splitkit.problems import read_tntp
    >>> net = ["<NUMBER OF ZONES> 2", "<FIRST THRU NODE> 1", "<END OF METADATA>"]
    >>> net += ["1 2 10 1 2 0.15 4 0 0 1 ;"]  # from, to, capacity, length, time, b, power, …
    >>> trips = ["<NUMBER OF ZONES> 2", "<END OF METADATA>", "Origin 1", "2 : 20.0;"]
    >>> with TemporaryDirectory() as folder:
    ...     paths = Path(folder, "net.tntp"), Path(folder, "trips.tntp")
    ...     _ = [path.write_text("\\n".join(text)) for path, text in zip(paths, (net, trips))]
    ...     problem = read_tntp(*paths)
    >>> print(problem.solve().times)  # 2(1 + .15 · 2⁴)
    [6.8]
    """
    head, body = _parts(net)
    try:
        first_through = int(head["FIRST THRU NODE"]) - 1
        zones = int(head["NUMBER OF ZONES"])
    except (KeyError, ValueError) as error:
        raise ValueError(f"{net} has no number in <{error}>: give the TNTP file of links") from None
    links = np.array([_numbers(net, number, line) for number, line in body])
    tails, heads = links[:, :2].T.astype(np.int64) - 1
    capacity, _, free, b, power = links[:, 2:7].T
    flat = (b == 0) | (power == 0)  # links of constant time
    free = np.where(power == 0, free * (1 + b), free)
    costs = BPR(free, capacity, np.where(flat, 0.0, b), np.where(flat, 1.0, power))
    demand, origin = np.zeros((zones, zones)), -1
    for number, line in _parts(trips)[1]:
        if line.lower().startswith("origin"):
            origin = int(line.split()[1]) - 1
            continue
        for entry in filter(None, map(str.strip, line.split(";"))):
            try:
                end, flow = entry.split(":")
                demand[origin, int(end) - 1] = float(flow)
            except (ValueError, IndexError):
                raise ValueError(f'{trips}, line {number}: {entry!r} is no "j : d"') from None
    return TrafficEquilibrium(tails, heads, costs, demand, first_through=first_through)


def _parts(path: str | os.PathLike[str]) -> tuple[dict[str, str], list[tuple[int, str]]]:
    """The values of the head, and the lines of the body with their numbers."""
    head, body = {}, []
    for number, line in enumerate(Path(path).read_text().splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("<"):
            key, _, value = stripped[1:].partition(">")
            head[key.strip().upper()] = value.strip()
        elif stripped and not stripped.startswith("~"):
            body.append((number, stripped))
    return head, body


def _numbers(path: str | os.PathLike[str], number: int, line: str) -> list[float]:
    try:
        found = [float(word) for word in line.rstrip(";").split()[:7]]
    except ValueError:
        found = []
    if len(found) < 7:
        raise ValueError(
            f"{path}, line {number}: {line!r} is not tail, head, capacity, length, time, b, power"
        )
    return found
