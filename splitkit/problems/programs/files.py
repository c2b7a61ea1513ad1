"""Programs in files: MPS and QPS, which HiGHS reads (``pip install splitkit[programs]``)."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from scipy.sparse import csc_array, diags_array

from splitkit.problems.programs.quadratic import LP, QP
from splitkit.problems.programs.rows import Vector


def read_mps(path: str | Path) -> LP:
    """The linear program of an MPS file (.mps, .mps.gz), which is minimized.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    ImportError
        highspy is not installed.
    FileNotFoundError, ValueError
        There is no such file; it cannot be read; it holds integers, a maximum, or a quadratic term.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from splitkit.problems import read_mps
    >>> lines = ["NAME", "ROWS", " N  COST", " G  LEAST", "COLUMNS", "    X  COST  3.0  LEAST  1.0"]
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "small.mps")
    ...     _ = path.write_text("\\n".join([*lines, "RHS", "    RHS  LEAST  2.0", "ENDATA", ""]))
    ...     program = read_mps(path)  # 3x, x ≥ 2
    >>> print(program.solve().x)
    [2.]
    """
    model = _model(path)
    if model.hessian_.dim_:
        raise ValueError(f"path = {str(path)!r} has a quadratic objective: read it by read_qps")
    c, A, rows, bounds = _parts(model.lp_, path)
    return LP(c, A, *rows, bounds=bounds)


def read_qps(path: str | Path) -> QP:
    """The quadratic program of a QPS file, or of an MPS file with a section QUADOBJ or QMATRIX.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    ImportError
        highspy is not installed.
    FileNotFoundError, ValueError
        There is no such file; it cannot be read; it holds integers or a maximum; the objective is
        not convex.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from splitkit.problems import read_qps
    >>> lines = ["NAME", "ROWS", " N  COST", "COLUMNS", "    X  COST  -3.0", "RHS"]
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "small.qps")
    ...     _ = path.write_text("\\n".join([*lines, "QUADOBJ", "    X  X  1.0", "ENDATA", ""]))
    ...     program = read_qps(path)  # ½x² − 3x, x ≥ 0
    >>> print(program.solve().x)
    [3.]
    """
    model = _model(path)
    c, A, rows, bounds = _parts(model.lp_, path)
    n, H = c.size, model.hessian_
    P = csc_array((n, n))
    if H.dim_:
        entries = np.array(H.value_), np.array(H.index_), np.array(H.start_)
        lower = csc_array(entries, shape=(n, n))
        P = lower + lower.T - diags_array(lower.diagonal())
    return QP(P, c, A, *rows, bounds=bounds)


def _model(path: str | Path) -> Any:
    try:
        import highspy  # which is an extra
    except ImportError as error:
        raise ImportError(
            "the file needs highspy, which reads it: pip install 'splitkit[programs]'"
        ) from error
    if not Path(path).is_file():
        raise FileNotFoundError(f"path = {str(path)!r}: there is no such file")
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    with TemporaryDirectory() as folder:  # HiGHS knows the format by the name
        name = Path(folder) / ("program.mps.gz" if str(path).endswith(".gz") else "program.mps")
        shutil.copyfile(path, name)
        status = solver.readModel(str(name))
    if status == highspy.HighsStatus.kError:
        raise ValueError(f"path = {str(path)!r}: HiGHS cannot read it as an MPS file")
    return solver.getModel()


def _parts(lp: Any, path: str | Path) -> tuple[Vector, Any, tuple[Vector, Vector], Any]:
    """c, A, (l, u) and the bounds of x."""
    if any(int(kind) for kind in lp.integrality_):
        raise ValueError(f"path = {str(path)!r} has integer variables: splitkit has no integers")
    if int(lp.sense_) < 0:
        raise ValueError(f"path = {str(path)!r} asks for a maximum: negate its objective")
    A = lp.a_matrix_
    entries = np.array(A.value_), np.array(A.index_), np.array(A.start_)
    matrix = csc_array(entries, shape=(lp.num_row_, lp.num_col_))
    rows = np.array(lp.row_lower_), np.array(lp.row_upper_)
    bounds = np.array(lp.col_lower_), np.array(lp.col_upper_)
    return np.array(lp.col_cost_), matrix, rows, bounds
