"""On complex points: gaps, certified errors, proofs, compiled steps and sublevel sets say the same
as on the real problem of pairs.
"""

import numpy as np
import pytest

import splitkit as sk
from splitkit import inductor

f = sk.functions
RNG = np.random.default_rng(14)
A = RNG.normal(size=(6, 4)) + 1j * RNG.normal(size=(6, 4))
B = RNG.normal(size=6) + 1j * RNG.normal(size=6)
FIT = f.LeastSquares(A, B)
START = np.zeros(4, complex)
BLOCKS = np.block([[A.real, -A.imag], [A.imag, A.real]])
REAL = f.LeastSquares(BLOCKS, np.concatenate([B.real, B.imag]))


def parts(z):
    return np.concatenate([z.real, z.imag])


def test_the_gap_and_the_error_bound_are_those_of_the_real_problem():
    fitted = sk.minimize(FIT + f.L2Norm(1.0), START, tol=1e-6)
    real = sk.minimize(REAL + f.L2Norm(1.0), np.zeros(8), tol=1e-12)
    assert 0 <= fitted.objective - real.objective <= fitted.duality_gap + 1e-12
    assert np.linalg.norm(parts(fitted.x) - real.x) <= fitted.error_bound
    stopped = sk.minimize(FIT + f.L2Norm(1.0), START, tol=sk.Gap(1e-4))
    assert stopped.objective - real.objective <= 1e-4 * max(1.0, stopped.objective)
    certified = sk.minimize(FIT + f.L2Norm(1.0), START, tol=sk.CertifiedError(1e-3))
    assert np.linalg.norm(parts(certified.x) - real.x) <= 1e-3 * max(1.0, np.linalg.norm(real.x))


def test_a_proof_is_of_the_constants_alone():
    pytest.importorskip("clarabel")
    G = sk.Subdifferential(f.L1Norm())
    rates = [
        sk.ForwardBackward(alpha=0.02).proof(sk.Subdifferential(fit), G).rate for fit in (FIT, REAL)
    ]
    assert rates[0] == pytest.approx(rates[1], rel=1e-6)
    assert rates[0] < 1


def test_compiled_steps(monkeypatch):
    """The graph that Inductor would compile, run as it is."""
    torch = pytest.importorskip("torch")
    graphs = []
    monkeypatch.setattr(inductor, "_PROGRAMS", {})

    def as_it_is(graph, given, options):
        graphs.append(graph)
        return graph.forward

    monkeypatch.setattr(torch._inductor, "compile", as_it_is)
    problem = f.LeastSquares(torch.tensor(A), torch.tensor(B)) + f.L1Norm(0.5)
    x0, options = torch.zeros(4, dtype=torch.complex128), {"tol": 1e-9}
    found = sk.minimize(problem, x0, sk.ForwardBackward(), compile=True, **options)
    plain = sk.minimize(problem, x0, sk.ForwardBackward(), **options)
    assert graphs
    assert found.iterations == plain.iterations
    np.testing.assert_allclose(found.x.numpy(), plain.x.numpy(), atol=1e-12)


def test_sublevel_sets_and_epigraphs_of_moduli():
    z = RNG.normal(size=4) + 1j * RNG.normal(size=4)
    nearest = f.SublevelSet(f.L1Norm(), 1.0).project(z)
    np.testing.assert_allclose(nearest, f.L1Ball(1.0).project(z), atol=1e-12)
    C = f.Epigraph(f.L1Norm())
    x, t = C.project((z, np.array([0.2])))
    sizes, height = C.project((abs(z), np.array([0.2])))
    np.testing.assert_allclose(x, sizes * z / abs(z), atol=1e-12)
    np.testing.assert_allclose(t, height, atol=1e-12)
    with pytest.raises(TypeError, match="t > 0 is a real number"):
        f.Perspective(f.SquaredL2()).prox((z, np.array([0.2])))
