"""Files that HiGHS reads, where it is installed."""

import numpy as np
import pytest

from splitkit.problems import read_mps, read_qps

highspy = pytest.importorskip("highspy")

LINEAR = """NAME          SMALL
ROWS
 N  COST
 L  LIM
 G  LEAST
 E  SUM
COLUMNS
    X         COST         1.0   LIM          1.0
    X         LEAST        1.0
    Y         COST         2.0   LIM          1.0
    Y         SUM         -1.0
    Z         COST        -1.0   SUM          1.0
RHS
    RHS       LIM          4.0   LEAST        1.0
    RHS       SUM          7.0
BOUNDS
 UP BND       X            4.0
 LO BND       Y           -1.0
 UP BND       Y            1.0
ENDATA
"""
QUADRATIC = LINEAR.replace(
    "ENDATA",
    """QUADOBJ
    X         X            2.0
    X         Y            1.0
    Y         Y            4.0
    Z         Z            1.0
ENDATA""",
)


def test_a_linear_program_is_read(tmp_path):
    path = tmp_path / "small.mps"
    path.write_text(LINEAR)
    problem = read_mps(path)
    assert np.array_equal(problem.c, [1.0, 2.0, -1.0])
    assert np.array_equal(problem.A.toarray(), [[1, 1, 0], [1, 0, 0], [0, -1, 1]])
    assert np.array_equal(problem.u, [4.0, np.inf, 7.0])
    # z = 7 + y: the objective x + y − 7 is least at x = 1, y = −1
    assert problem.solve().objective == pytest.approx(-7.0, abs=1e-6)


def test_a_quadratic_program_is_read(tmp_path):
    path = tmp_path / "small.qps"
    path.write_text(QUADRATIC)
    problem = read_qps(path)
    assert np.array_equal(problem.P.toarray(), [[2, 1, 0], [1, 4, 0], [0, 0, 1]])
    assert problem.solve().converged
    with pytest.raises(ValueError, match="quadratic objective: read it by read_qps"):
        read_mps(path)


def test_what_is_no_such_program_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        read_mps(tmp_path / "none.mps")
    path = tmp_path / "integers.mps"
    marker = "    MARKER                 'MARKER'                 '{}'\n"
    columns = LINEAR.replace("COLUMNS\n", "COLUMNS\n" + marker.format("INTORG"))
    path.write_text(columns.replace("RHS\n", marker.format("INTEND") + "RHS\n", 1))
    with pytest.raises(ValueError, match="integer variables"):
        read_mps(path)
