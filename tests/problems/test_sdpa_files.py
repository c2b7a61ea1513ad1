"""Files of SDPA's format: the matrices that they hold, and what is none."""

import gzip

import numpy as np
import pytest

from splitkit.problems import read_sdpa

SDPA = """"Example: the largest eigenvalue of a matrix, beside x₂ ≥ 1
* a comment
2 = mDIM
2 = nBLOCK
{2, -2} = bLOCKsTRUCT
{1.0, 1.0}
0 1 1 1 2.0
0 1 1 2 1.0
0 1 2 2 -1.0
1 1 1 1 1.0
1 1 2 2 1.0
0 2 1 1 1.0
0 2 2 2 -7.0
2 2 1 1 1.0
2 2 2 2 -1.0
"""


@pytest.mark.parametrize("packed", [False, True])
def test_a_semidefinite_program_of_sdpa_is_read(tmp_path, packed):
    path = tmp_path / ("eigenvalue.dat-s.gz" if packed else "eigenvalue.dat-s")
    path.write_bytes(gzip.compress(SDPA.encode()) if packed else SDPA.encode())
    problem = read_sdpa(path)
    assert problem.cones == (("psd", 2), ("nonnegative", 2))
    solution = problem.solve()
    largest = np.linalg.eigvalsh([[2.0, 1.0], [1.0, -1.0]])[-1]
    assert np.allclose(solution.x, [largest, 1.0], atol=1e-7)
    assert solution.objective == pytest.approx(largest + 1, abs=1e-7)


def test_the_entries_of_an_sdpa_file_are_those_of_its_matrices(tmp_path):
    rng = np.random.default_rng(0)
    F = rng.normal(size=(3, 4, 4))
    F = F + F.transpose(0, 2, 1)
    places = [(k, i, j) for k in range(3) for i in range(4) for j in range(i, 4)]
    lines = [f"{k} 1 {i + 1} {j + 1} {float(F[k, i, j])!r}" for k, i, j in places]
    path = tmp_path / "program.dat-s"
    path.write_text("\n".join(["2", "1", "4", "1 2", *lines]))
    problem = read_sdpa(path)
    x = rng.normal(size=2)
    columns, rows = np.triu_indices(4)
    S = np.tensordot(x, F[1:], 1) - F[0]
    expected = S[rows, columns] * np.where(rows == columns, 1.0, 2**0.5)
    assert np.allclose(problem.b - problem.A @ x, expected, rtol=1e-14)


@pytest.mark.parametrize(
    "text", ["", "2\n1\n2\n1.0", "1\n1\n2\n1\n5 1 1 1 1", "1\n1\n2\n1\n1 1 3 1 1", "a"]
)
def test_what_is_no_sdpa_file_is_refused(tmp_path, text):
    path = tmp_path / "wrong.dat-s"
    path.write_text(text)
    with pytest.raises(ValueError, match="is no sparse SDPA file"):
        read_sdpa(path)
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        read_sdpa(tmp_path / "missing.dat-s")
