"""Projections and proximal maps by the names and arguments of JAXopt, https://jaxopt.github.io: of
trees of arrays, with what the sets are made of as the second argument.
"""

import jax
import numpy as np

import splitkit as sk
from splitkit import functions as f
from splitkit.backend import namespace


def _of_trees(make):
    """(tree, *data) ↦ the map that ``make`` gives of the tree and the data, of all entries of the
    tree in one vector.
    """

    def mapped(tree, *data, **options):
        leaves, form = jax.tree.flatten(tree)
        x = _in_one(tree)
        y, found, first = make(tree, *data, **options)(x), [], 0
        for leaf in leaves:
            size = int(np.prod(np.shape(leaf), dtype=int))
            found.append(y[first : first + size].reshape(np.shape(leaf)))
            first += size
        return form.unflatten(found)

    return mapped


def _in_one(tree):
    leaves = [a if hasattr(a, "ndim") else np.asarray(a) for a in jax.tree.leaves(tree)]
    xp = namespace(*leaves)
    return xp.concat([xp.reshape(a, (-1,)) for a in leaves])


def _spread(value, tree):
    """A value for each entry: of a tree that is like it, or one for all."""
    if jax.tree.structure(value) != jax.tree.structure(tree):
        value = jax.tree.map(lambda _: value, tree)
    return _in_one(jax.tree.map(lambda v, a: v + 0.0 * a, value, tree))


projection_non_negative = _of_trees(lambda x: f.NonNegative().project)
projection_hypercube = _of_trees(lambda x, unit=1.0: f.Box(0.0, unit).project)
projection_l2_sphere = _of_trees(lambda x, radius=1.0: f.Sphere(radius).project)
projection_l2_ball = _of_trees(lambda x, radius=1.0: f.L2Ball(radius).project)
projection_linf_ball = _of_trees(lambda x, radius=1.0: f.Box(-radius, radius).project)


@_of_trees
def projection_box(x, bounds):
    return f.Box(*(_spread(each, x) for each in bounds)).project


@_of_trees
def projection_hyperplane(x, params):
    return f.Hyperplane(_in_one(params[0]), params[1]).project


@_of_trees
def projection_halfspace(x, params):
    return f.HalfSpace(_in_one(params[0]), params[1]).project


def projection_simplex(x, radius=1.0):
    return f.Simplex(radius).project(x)


def projection_sparse_simplex(x, max_nz, radius=1.0):
    """Of the largest entries, as Kyrillidis, Becker, Cevher, Koch (2013) show."""
    xp = namespace(x)
    kept = xp.sort(xp.argsort(x, descending=True)[:max_nz])
    places = xp.astype(xp.arange(x.shape[0])[:, None] == kept, x.dtype)
    return places @ f.Simplex(radius).project(xp.take(x, kept))


def projection_l1_ball(x, radius=1.0):
    return f.L1Ball(radius).project(x)


def projection_l1_sphere(x, radius=1.0):
    xp = namespace(x)
    return xp.sign(x) * f.Simplex(radius).project(abs(x))


def projection_affine_set(x, params):
    return f.AffineSet(*params).project(x)


def projection_polyhedron(x, params):
    """{Ax = b, Gx ≤ h}."""
    A, b, G, h = params
    xp = namespace(x)
    return f.Polyhedron(xp.concat([A, -A, G]), xp.concat([b, -b, h])).project(x)


def projection_box_section(x, params):
    """{α ≤ x ≤ β, ⟨w, x⟩ = c}."""
    alpha, beta, w, c = params
    section = f.BoxHyperplane(w, c, lower=alpha, upper=beta)
    section.check_space(sk.backend.Space.of(x))
    return section.project(x)


def projection_transport(S, marginals):
    return f.TransportPolytope(*marginals).project(S)


def projection_birkhoff(S):
    return f.Birkhoff().project(S)


def kl_projection_transport(S, marginals):
    """The least ΣPᵢⱼ log Pᵢⱼ − ⟨P, S⟩ of these marginals; the last one follows from the others."""
    a, b = marginals
    xp, (m, n) = namespace(S), S.shape
    along, across = np.kron(np.eye(m), np.ones(n)), np.kron(np.ones(m), np.eye(n))[:-1]
    rows = xp.asarray(np.concat([along, across]), dtype=S.dtype)
    entropy = f.Tilted(f.NegativeEntropy(), -xp.reshape(S, (-1,)))
    meets = f.AffineSet(rows, xp.concat([a, b[:-1]]))
    start = xp.reshape(a[:, None] * b, (-1,))
    found = sk.minimize(entropy + meets, start, sk.DouglasRachford(alpha=0.1))
    return xp.reshape(found.x, S.shape)


@_of_trees
def prox_none(x, params=None, scaling=1.0):
    zero = f.Linear(0.0 * _in_one(x))
    return lambda y: zero.prox(y, scaling)


@_of_trees
def prox_lasso(x, l1reg=1.0, scaling=1.0):
    norm = f.L1Norm(_spread(l1reg, x))
    return lambda y: norm.prox(y, scaling)


@_of_trees
def prox_non_negative_lasso(x, l1reg=1.0, scaling=1.0):
    linear = f.Tilted(f.NonNegative(), _spread(l1reg, x))
    return lambda y: linear.prox(y, scaling)


@_of_trees
def prox_elastic_net(x, params=(1.0, 1.0), scaling=1.0):
    weight, ratio = (_spread(each, x) for each in params)
    net = f.ElasticNet(weight, weight * ratio)
    return lambda y: net.prox(y, scaling)


@_of_trees
def prox_group_lasso(x, l2reg=1.0, scaling=1.0):
    norm = f.L2Norm(l2reg)
    return lambda y: norm.prox(y, scaling)


@_of_trees
def prox_ridge(x, l2reg=1.0, scaling=1.0):
    return lambda y: f.SquaredL2().prox(y, scaling * l2reg)


@_of_trees
def prox_non_negative_ridge(x, l2reg=1.0, scaling=1.0):
    """Of ½‖·‖² on the cone: the cone's projection of the prox of ½‖·‖²."""
    return lambda y: f.NonNegative().project(f.SquaredL2().prox(y, scaling * l2reg))


def make_prox_from_projection(projection):
    def prox(x, params=None, scaling=1.0):
        return projection(x) if params is None else projection(x, params)

    return prox


def isotonic_l2_pav(y, y_min=-np.inf, y_max=np.inf, increasing=True):
    cone, sign = f.Isotonic(), 1.0 if increasing else -1.0
    return namespace(y).clip(sign * cone.project(sign * y), y_min, y_max)
