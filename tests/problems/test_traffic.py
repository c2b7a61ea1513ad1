"""Traffic: known equilibria, Wardrop's conditions, elastic demand, Frank-Wolfe, files, errors."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import bellman_ford

import splitkit as sk
from splitkit.problems import BPR, ElasticDemand, LinkCosts, TrafficEquilibrium, read_tntp
from splitkit.problems.traffic import equilibrium, projected as projected_steps
from tests.sampling import draws


def linear(free, slope):
    free, slope = np.asarray(free, dtype=float), np.asarray(slope, dtype=float)
    return LinkCosts(lambda v: free + slope * v, lambda v: slope + 0 * v)


def between(n, *demands):
    table = np.zeros((n, n))
    for origin, end, flow in demands:
        table[origin, end] = flow
    return table


BRAESS = ([0, 0, 1, 2, 1], [1, 2, 3, 3, 2], [0, 50, 50, 0, 10], [10, 1, 1, 10, 1])


def braess(links=5):
    tails, heads, free, slope = (each[:links] for each in BRAESS)
    return TrafficEquilibrium(tails, heads, linear(free, slope), between(4, (0, 3, 6.0)))


def grid(side, seed=0, load=400.0):
    """Streets both ways between neighbours, some of capacity twenty times others', ten pairs."""
    rng = np.random.default_rng(seed)
    nodes = np.arange(side * side).reshape(side, side)
    across = np.concatenate([
        np.stack([nodes[:, :-1].ravel(), nodes[:, 1:].ravel()]),
        np.stack([nodes[:-1].ravel(), nodes[1:].ravel()]),
    ], axis=1)  # fmt: skip
    tails, heads = np.concatenate([across, across[::-1]], axis=1)
    free = rng.uniform(1, 3, len(tails))
    capacity = 10 ** rng.uniform(1.5, 2.8, len(tails))
    table = np.zeros((side * side,) * 2)
    for _ in range(10):
        origin, end = rng.choice(side * side, 2, replace=False)
        table[origin, end] = load * rng.uniform(0.1, 1)
    return tails, heads, BPR(free, capacity), table


def shortest(tails, heads, t, n):
    """Times between all nodes, by another algorithm than the library's."""
    table = np.full((n, n), np.inf)
    np.minimum.at(table, (tails, heads), t)
    return bellman_ford(csr_array(np.where(np.isfinite(table), table, 0.0)))


def test_braess():
    """With the fifth link all travel longer."""
    without, everything = braess(4).solve(1e-12), braess(5).solve(1e-12)
    np.testing.assert_allclose(without.link_flows, [3, 3, 3, 3], rtol=1e-9)
    np.testing.assert_allclose(without.times, [83], rtol=1e-9)
    np.testing.assert_allclose(everything.link_flows, [4, 2, 2, 4, 2], rtol=1e-9)
    np.testing.assert_allclose(everything.times, [92], rtol=1e-9)
    used = everything.paths(0, 3)
    assert sorted(path.links for path in used) == [(0, 2), (0, 4, 3), (1, 3)]
    for path in used:
        assert path.flow == pytest.approx(2)
        assert path.time == pytest.approx(92)
    assert everything.paths(3, 0) == []


@pytest.mark.parametrize("seed", range(4))
def test_wardrops_conditions(seed):
    tails, heads, costs, table = grid(5, seed)
    problem = TrafficEquilibrium(tails, heads, costs, table)
    s = problem.solve(1e-10)
    assert problem.is_solution(s, 1e-9)
    np.testing.assert_allclose(s.incidence @ s.path_flows, s.link_flows, rtol=1e-12)
    carried = np.bincount(s.path_pairs, s.path_flows, len(s.pairs))
    np.testing.assert_allclose(carried, table[tuple(s.pairs.T)], rtol=1e-12)
    t = costs.value(s.link_flows)
    times = shortest(tails, heads, t, 25)[tuple(s.pairs.T)]
    np.testing.assert_allclose(s.times, times, rtol=1e-12)
    excess = s.incidence.T @ t - times[s.path_pairs]
    assert np.min(excess) >= -1e-9 * np.max(times)
    # no flow has more to gain than the gap of all
    assert np.max(excess * s.path_flows) <= 1e-9 * float(t @ s.link_flows)
    several = sum(len(s.paths(*pair)) > 1 for pair in s.pairs)
    assert several > 3


def test_agrees_with_frank_and_wolfe():
    tails, heads, costs, table = grid(4, 7)
    problem = TrafficEquilibrium(tails, heads, costs, table)
    s = problem.solve()

    def total(v):
        """Beckmann's ∫t."""
        return np.sum(costs.free * v * (1 + costs.b * (v / costs.capacity) ** 4 / 5))

    def loaded(t):
        """All of each pair on a shortest path, found by walking downhill."""
        v, all_times = np.zeros(len(tails)), shortest(tails, heads, t, 16)
        for origin, end in np.argwhere(table > 0):
            at = origin
            while at != end:
                out = np.flatnonzero(tails == at)
                link = out[np.argmin(t[out] + all_times[heads[out], end])]
                v[link] += table[origin, end]
                at = heads[link]
        return v

    v = loaded(costs.value(0.0 * s.link_flows))
    for _ in range(600):
        t = costs.value(v)
        step = loaded(t) - v
        low, high = 0.0, 1.0
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (
                (middle, high) if costs.value(v + middle * step) @ step < 0 else (low, middle)
            )
        v = v + low * step
        bound = total(v) + t @ step
    assert bound - 1e-3 * total(v) <= total(s.link_flows) <= total(v) * (1 + 1e-9)
    assert np.linalg.norm(v - s.link_flows) <= 2e-2 * np.linalg.norm(v)
    assert problem.relative_gap(v) > problem.relative_gap(s.link_flows)


def test_elastic_demand_of_one_link():
    """v = 10 − (1 + v)."""
    pairs = np.array([[0, 1]])
    demand = ElasticDemand(pairs, lambda k: np.maximum(10 - k, 0.0), lambda k: -1.0 * (k < 10))
    s = TrafficEquilibrium([0], [1], linear([1], [1]), demand).solve(1e-10)
    np.testing.assert_allclose([*s.link_flows, *s.times], [4.5, 5.5], rtol=1e-8)


def test_demands_that_vanish():
    """Nobody travels from 0 to 2 for what it takes, and all do who would from 0 to 1."""
    demand = ElasticDemand(
        np.array([[0, 1], [0, 2]]), lambda k: np.maximum(3 - k, 0.0), lambda k: -1.0 * (k < 3)
    )
    problem = TrafficEquilibrium([0, 1, 0], [1, 2, 2], linear([1, 4, 6], [1, 1, 1]), demand)
    s = problem.solve(1e-9)
    np.testing.assert_allclose(s.link_flows, [1, 0, 0], atol=1e-8)
    assert problem.solve(1e-9, start=s).rounds == 1


def test_links_that_take_no_time():
    s = TrafficEquilibrium([0, 1], [1, 2], linear([0, 0], [0, 0]), between(3, (0, 2, 7.0))).solve()
    np.testing.assert_array_equal(s.link_flows, [7, 7])
    assert s.relative_gap == 0


@pytest.mark.parametrize("seed", range(3))
def test_elastic_demands_are_those_at_the_times_of_the_equilibrium(seed):
    tails, heads, costs, table = grid(4, seed)
    pairs = np.argwhere(table > 0)
    most = table[tuple(pairs.T)]
    demand = ElasticDemand(
        pairs, lambda k: most * np.exp(-k / 20), lambda k: -most / 20 * np.exp(-k / 20)
    )
    problem = TrafficEquilibrium(tails, heads, costs, demand)
    s = problem.solve(1e-9)
    assert problem.is_solution(s, 1e-8)
    np.testing.assert_allclose(s.demands, most * np.exp(-s.times / 20), rtol=1e-6)
    # fixed at what they came to, the flows are the same
    table[tuple(pairs.T)] = s.demands
    fixed = TrafficEquilibrium(tails, heads, costs, table).solve(1e-9)
    np.testing.assert_allclose(fixed.times, s.times, rtol=1e-6)


def test_parallel_links_and_zones_that_no_path_crosses():
    """0 → 1 twice, with t = 1 + v and 2 + v: three of five take the first."""
    s = TrafficEquilibrium([0, 0], [1, 1], linear([1, 2], [1, 1]), between(2, (0, 1, 5.0)))
    np.testing.assert_allclose(s.solve(1e-12).link_flows, [3, 2], rtol=1e-9)
    # the way over zone 1 is short, and closed
    links = ([0, 1, 0, 3], [1, 2, 3, 2], linear([1, 1, 5, 5], [0, 0, 0, 0]))
    demand = between(3, (0, 2, 1.0), (0, 1, 1.0), (1, 2, 1.0))
    s = TrafficEquilibrium(*links, demand, first_through=3).solve()
    np.testing.assert_allclose(s.link_flows, [1, 1, 1, 1])
    s = TrafficEquilibrium(*links, demand).solve()
    np.testing.assert_allclose(s.link_flows, [2, 2, 0, 0])


@pytest.mark.parametrize("vehicles", [1e-6, 1e6])
@pytest.mark.parametrize("minutes", [1e-6, 1e6])
def test_units_change_nothing(vehicles, minutes):
    tails, heads, costs, table = grid(4, 1)
    plain = TrafficEquilibrium(tails, heads, costs, table).solve(1e-9)
    changed = BPR(minutes * costs.free, vehicles * costs.capacity)
    s = TrafficEquilibrium(tails, heads, changed, vehicles * table).solve(1e-9)
    assert s.rounds == plain.rounds
    np.testing.assert_allclose(s.times / minutes, plain.times, rtol=1e-6)
    np.testing.assert_allclose(s.link_flows / vehicles, plain.link_flows, atol=1e-3 * np.max(table))


def test_other_methods_find_it_on_its_paths():
    problem = braess()
    s = problem.solve(1e-12)
    vi = problem.on_paths(s)
    start = (np.full(len(s.path_flows), 6.0 / len(s.path_flows)),)
    (h,) = sk.solve(vi, start, tol=1e-9, max_iter=100_000).x
    np.testing.assert_allclose(s.incidence @ h, s.link_flows, rtol=1e-6)
    assert vi.is_solution((s.path_flows,))


def test_a_start_is_used():
    tails, heads, costs, table = grid(4, 2)
    s = TrafficEquilibrium(tails, heads, costs, table).solve(1e-8)
    again = TrafficEquilibrium(tails, heads, costs, table)
    assert again.solve(1e-8, start=s).rounds == 1
    more = TrafficEquilibrium(tails, heads, costs, 1.05 * table)
    warm, cold = more.solve(1e-8, start=s), more.solve(1e-8)
    assert warm.rounds <= cold.rounds
    np.testing.assert_allclose(warm.times, cold.times, rtol=1e-6)


NET = """<NUMBER OF ZONES> 2
<NUMBER OF NODES> 4
<FIRST THRU NODE> 3
<NUMBER OF LINKS> 4
<END OF METADATA>

~ init term capacity length time b power speed toll type ;
\t1\t3\t10\t1\t2\t0.15\t4\t0\t0\t1\t;
\t1\t4\t10\t1\t3\t0\t0\t0\t0\t1\t;
\t3\t2\t20\t1\t1\t0.15\t4\t0\t0\t1\t;
\t4\t2\t20\t1\t1\t0.5\t0\t0\t0\t1\t;
"""
TRIPS = """<NUMBER OF ZONES> 2
<TOTAL OD FLOW> 30.0
<END OF METADATA>

Origin 1
    1 :  5.0;  2 :  30.0;
"""


def test_tntp_files(tmp_path):
    net, trips = tmp_path / "net.tntp", tmp_path / "trips.tntp"
    net.write_text(NET)
    trips.write_text(TRIPS)
    problem = read_tntp(net, trips)
    s = problem.solve(1e-10)
    assert s.link_flows[0] + s.link_flows[1] == pytest.approx(30)
    a = s.link_flows[0]
    # the second way takes 3 + 1·(1 + 0.5)
    assert 2 * (1 + 0.15 * (a / 10) ** 4) + 1 + 0.15 * (a / 20) ** 4 == pytest.approx(4.5)
    trips.write_text(TRIPS.replace("2 :  30.0", "2 = 30"))
    with pytest.raises(ValueError, match=r"trips\.tntp, line 6: '2 = 30'"):
        read_tntp(net, trips)
    net.write_text(NET.replace("\t1\t3\t10", "\t1\tx\t10"))
    with pytest.raises(ValueError, match=r"net\.tntp, line 8"):
        read_tntp(net, trips)
    net.write_text("no head")
    with pytest.raises(ValueError, match="FIRST THRU NODE"):
        read_tntp(net, trips)


def test_wrong_arguments_are_named():
    good = linear([1], [1])
    demand = between(2, (0, 1, 1.0))
    for make, error, message in [
        (lambda: TrafficEquilibrium([0], [1, 2], good, demand), ValueError, "tails has 1"),
        (lambda: TrafficEquilibrium([-1], [1], good, demand), ValueError, "tails = "),
        (lambda: TrafficEquilibrium([0.5], [1], good, demand), ValueError, "tails = "),
        (lambda: TrafficEquilibrium([0], [1], abs, demand), TypeError, "costs = .*BPR"),
        (lambda: TrafficEquilibrium([0], [1], good, demand[:1]), ValueError, "square table"),
        (lambda: TrafficEquilibrium([0], [1], good, -demand), ValueError, "demand = "),
        (lambda: TrafficEquilibrium([0], [1], good, 0 * demand), ValueError, "nothing travels"),
        (lambda: TrafficEquilibrium([0], [1], good, demand.T), ValueError, "node 1 to node 0"),
        (lambda: TrafficEquilibrium([0], [1], linear([-5], [0]), demand), ValueError, "costs has"),
        (lambda: TrafficEquilibrium([0], [1], linear([1, 1], [0, 0]), demand), ValueError, "costs"),
        (lambda: BPR(np.ones(2), np.zeros(2)), ValueError, "capacity = "),
        (lambda: BPR(np.ones(2), np.ones(2), power=0.5), ValueError, "power = "),
        (lambda: LinkCosts(3, abs), TypeError, "value = 3"),
        (lambda: ElasticDemand([0, 1], abs, abs), ValueError, "pairs = "),
        (lambda: ElasticDemand([[0, 1]], 1, abs), TypeError, "value = 1"),
        (lambda: ElasticDemand([[0, 0]], abs, abs), ValueError, "give different nodes"),
        (lambda: ElasticDemand([[-1, 1]], abs, abs), ValueError, "numbered from 0 on"),
        (lambda: with_demand(np.ones(3), 0.0), ValueError, r"value of demand has the shape \(3,\)"),
        (lambda: with_demand(1.0, np.full(1, np.nan)), ValueError, "slope of demand"),
        (lambda: braess().update(demand=between(4, (0, 2, 1.0))), ValueError, "other pairs"),
        (lambda: braess().update(costs=BPR(np.ones(3), np.ones(3))), ValueError, "costs are those"),
        (lambda: braess().solve(0.0), ValueError, "tol = 0"),
        (lambda: braess().solve(start=grid_start()), ValueError, "start has other links"),
        (lambda: braess().solve(start=3), TypeError, "start = 3: give an earlier solution"),
    ]:  # fmt: skip
        with pytest.raises(error, match=message):
            make()
    elastic = ElasticDemand([[0, 1]], lambda k: 1 / (1 + k), lambda k: -1 / (1 + k) ** 2)
    problem = TrafficEquilibrium([0], [1], good, elastic)
    with pytest.raises(TypeError, match="elastic demands"):
        problem.on_paths(problem.solve())


def with_demand(value, slope):
    ones = np.ones(1)
    of_time = ElasticDemand([[0, 1]], lambda k: value * ones, lambda k: slope * ones)
    return TrafficEquilibrium([0], [1], linear([1], [1]), of_time).solve()


def test_an_update_keeps_the_network_and_its_paths():
    tails, heads, costs, table = grid(5)
    network = TrafficEquilibrium(tails, heads, costs, table.tolist())
    before = network.solve()
    capacity = costs.capacity * np.random.default_rng(1).uniform(0.9, 1.1, len(tails))
    changed, more = BPR(costs.free, capacity), 1.1 * table
    network.update(costs=changed, demand=more)
    anew = TrafficEquilibrium(tails, heads, changed, more).solve()
    found = network.solve(start=before)
    assert found.rounds < anew.rounds
    assert network.is_solution(found)
    assert network.is_solution(anew)
    with pytest.raises(ValueError, match="other pairs"):
        network.update(costs=costs, demand=table.T)
    assert network.costs is changed  # nothing is taken


def grid_start():
    return TrafficEquilibrium(*grid(3)).solve()


def test_a_gap_out_of_reach_is_refused_loudly(monkeypatch):
    monkeypatch.setattr("splitkit.problems.traffic.equilibrium.ROUNDS", 1)
    with pytest.raises(ArithmeticError, match=r"relative gap is .*give a larger tol"):
        braess().solve(1e-9)


@pytest.mark.parametrize("seed", draws(2, 6))
@pytest.mark.parametrize("load", [40.0, 400.0, 4000.0])
def test_newton_steps_on_the_used_paths_come_where_the_interior_method_does(
    monkeypatch, seed, load
):
    problem = TrafficEquilibrium(*grid(6, seed, load))
    inside = problem.solve(1e-10)
    monkeypatch.setattr(equilibrium, "FEW", 0)
    exact = problem.solve(1e-10)
    reached, descend = [], equilibrium.descend

    def counted(*given):
        h, left = descend(*given)
        reached.append(left <= given[-1])
        return h, left

    monkeypatch.setattr(equilibrium, "descend", counted)
    projected = problem.solve(1e-6)
    assert any(reached) or projected.rounds == 1
    scale = np.max(inside.link_flows)
    np.testing.assert_allclose(exact.link_flows, inside.link_flows, atol=1e-3 * scale)
    assert problem.is_solution(exact, 1e-9)
    assert problem.is_solution(projected, 1e-6)
    np.testing.assert_allclose(exact.times, inside.times, rtol=1e-5)
    assert np.all(projected.path_flows >= 0)


def test_where_newton_steps_end_the_interior_method_goes_on(monkeypatch):
    """Costs that do not increase have no second derivative: all steps lead to corners."""
    monkeypatch.setattr(equilibrium, "FEW", 0)
    s = TrafficEquilibrium([0, 1], [1, 2], linear([0, 0], [0, 0]), between(3, (0, 2, 7.0))).solve()
    np.testing.assert_allclose(s.link_flows, 7)
    monkeypatch.setattr(projected_steps, "STEPS", 1)
    problem = TrafficEquilibrium(*grid(5, 1))
    assert problem.is_solution(problem.solve(1e-8), 1e-7)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: BPR(np.ones(3), np.ones(2)), "shapes .* differ: give one entry a link"),
        (lambda: TrafficEquilibrium([0, 1], [1, 0], BPR(np.ones(3), np.ones(3)),
                                    between(2, (0, 1, 1.0))), "costs are those of 3 links"),
        (lambda: TrafficEquilibrium([0], [1], linear([1], [1]), between(2, (0, 1, 1.0)),
                                    first_through=-1), "first_through = -1"),
        (lambda: TrafficEquilibrium([0], [1], linear([1], [1]), between(2, (0, 1, 1.0)),
                                    first_through=10), "there are 2 nodes"),
        (lambda: TrafficEquilibrium([0], [1], linear([9], [-1]), between(2, (0, 1, 1.0))),
         "must not fall as flows"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_before_work(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


def test_one_number_is_for_all_links():
    one = TrafficEquilibrium([0, 0], [1, 1], BPR(1.0, 2.0), between(2, (0, 1, 4.0))).solve(1e-9)
    np.testing.assert_allclose(one.link_flows, [2, 2], rtol=1e-6)
