"""The picture shows what was measured, and the rate that was promised."""

import numpy as np
import pytest

import splitkit as sk

INCLUSION = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.ones(2)) + sk.NormalCone(
    sk.functions.NonNegative()
)


def solved(method):
    return sk.solve(INCLUSION, np.full(2, 3.0), method, callback=lambda state: None)


def test_curves_are_the_history_and_stay_below_the_promise(tmp_path):
    solutions = [solved(sk.PeacemanRachford()), solved(sk.Tseng())]
    axes = sk.plot_convergence(*solutions)
    measured, promised, other = axes.get_lines()
    np.testing.assert_array_equal(measured.get_xdata(), solutions[0].history.iteration)
    np.testing.assert_array_equal(measured.get_ydata(), solutions[0].history.fixed_point_residual)
    assert np.all(measured.get_ydata() <= promised.get_ydata() * (1 + 1e-9) + 1e-12)
    assert other.get_label() == "Tseng"
    axes.figure.savefig(tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 1000


def test_given_axes_are_drawn_into():
    axes = sk.plot_convergence(solved(sk.DouglasRachford()))
    assert sk.plot_convergence(solved(sk.Tseng()), ax=axes) is axes
    with pytest.raises(ValueError, match="solutions is empty"):
        sk.plot_convergence()


def test_every_quantity_of_the_history_can_be_drawn():
    f = sk.functions.SquaredL2(center=np.array([3.0, 0.5])) + sk.functions.L1Norm(1.0)
    found = sk.minimize(f, np.ones(2), record_objective=True, callback=lambda state: None)
    (residual,) = sk.plot_convergence(found, quantity="residual").get_lines()
    np.testing.assert_array_equal(residual.get_ydata(), found.history.residual)
    (objective,) = sk.plot_convergence(found, quantity="objective").get_lines()
    above = np.asarray(found.history.objective) - min(found.history.objective)
    np.testing.assert_array_equal(objective.get_ydata()[above > 0], above[above > 0])
    assert np.all(np.isnan(objective.get_ydata()[above == 0]))
    with pytest.raises(ValueError, match="record_objective=True"):
        sk.plot_convergence(sk.minimize(f, np.ones(2)), quantity="objective")
    with pytest.raises(ValueError, match="quantity = 'gap'"):
        sk.plot_convergence(found, quantity="gap")
