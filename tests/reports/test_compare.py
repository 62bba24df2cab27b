"""Two results of one recording, compared: by files, as a user does, and by curations of the database."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import planted
import pytest

from workflow_miniscope.errors import ParameterError, ResultError
from workflow_miniscope.reports.compare import compare, draw, load
from workflow_miniscope.results.caiman import write_result

RESULT = Path(__file__).parents[1] / "results" / "data" / "caiman_1.12.1_fit_file_80px.hdf5"
# cells 0 to 3 as this analysis numbers them, the last a cell of its own
ORDER, ELSEWHERE = [3, 1, 0], (33, 50)


@pytest.fixture(scope="module")
def results():
    """One result, and one of the same recording that found three of its cells, one pixel to the right, and another."""
    first = replace(planted.result(), accepted=np.arange(4), rejected=None)
    rng = np.random.default_rng(5)
    cells = [(planted.CELLS[i][0], planted.CELLS[i][1] + 1) for i in ORDER] + [ELSEWHERE]
    C = np.concatenate([0.5 * first.C[ORDER], first.C[[2]]])
    C[1] += rng.normal(0, 3 * C[1].std(), C.shape[1])
    nothing = dict.fromkeys(("S", "YrA", "F_dff", "bl", "c1", "neurons_sn", "snr", "r_values", "cnn_preds", "g"))
    second = replace(first, A=planted.footprints(cells), C=C, method="caiman", **nothing)
    return first, second


def test_the_same_cells_are_found_with_their_traces(results):
    found = compare(*results, names=("native", "caiman"))
    assert found.pairs.tolist() == [[0, 2], [1, 1], [3, 0]]
    np.testing.assert_allclose(found.correlation[[0, 2]], 1, atol=1e-6)
    assert found.correlation[1] < 0.6
    assert (found.similarity > 0.9).all()
    np.testing.assert_allclose(found.offset, (0, 1), atol=0.02)
    np.testing.assert_allclose(found.distance, 1, atol=0.02)
    counted = found.as_json()["results"]
    assert [(entry["engine"], entry["compared"], entry["unmatched"]) for entry in counted] == [
        ("cnmfe", 4, [2]),
        ("caiman", 4, [3]),
    ]


def test_rejected_components_are_left_out_unless_asked_for(results):
    first, second = results
    first = replace(first, accepted=np.array([1, 2]), rejected=np.array([0, 3]))
    assert compare(first, second).pairs.tolist() == [[1, 1]]
    assert len(compare(first, second, rejected=True).pairs) == 3


def test_a_result_with_itself_is_the_same():
    _, result = load(RESULT)
    found = compare(result, result)
    assert found.pairs.tolist() == [[i, i] for i in result.accepted]
    np.testing.assert_allclose(found.similarity, 1, atol=1e-6)
    np.testing.assert_allclose(found.correlation, 1)


def test_nothing_in_common(results):
    first, second = results
    only = replace(second, A=planted.footprints([(35, 5), (2, 2), (38, 62), (20, 60)]))
    found = compare(first, only)
    assert found.as_json()["median_trace_correlation"] is None
    assert "No cells in both" in str(found)
    draw(found)


def test_a_trace_that_never_changes_has_no_correlation(results):
    first, second = results
    still = second.C.copy()
    still[0] = 0
    found = compare(first, replace(second, C=still))
    assert found.as_json()["pairs"][2]["trace_correlation"] is None
    assert found.as_json()["median_trace_correlation"] == pytest.approx(np.median(found.correlation[:2]))
    assert str(found).splitlines()[-3].split() == ["3", "0", "0.96", "1.00", "-"]
    draw(found)


def test_results_of_different_recordings_are_refused(results):
    first, _ = results
    with pytest.raises(ResultError, match=r"a has \(40, 64\) pixels .* and b has \(80, 80\)"):
        compare(first, load(RESULT)[1], names=("a", "b"))
    shorter = replace(first, C=first.C[:, :-1], motion=None, **dict.fromkeys(("S", "YrA", "F_dff", "f", "b")))
    with pytest.raises(ResultError, match="300 frames and b has 299:"):
        compare(first, shorter, names=("a", "b"))
    with pytest.raises(ParameterError, match="threshold"):
        compare(first, first, threshold=2)


def run(*arguments, cwd):
    command = [sys.executable, "-m", "workflow_miniscope", "compare", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120)


def test_the_command(results, tmp_path):
    for name, result in zip(("native", "caiman"), results, strict=True):
        (tmp_path / name).mkdir()
        write_result(tmp_path / name / "caiman_result.hdf5", result)
    done = run("native", tmp_path / "caiman", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [(pair["first"], pair["second"]) for pair in told["pairs"]] == [(0, 2), (1, 1), (3, 0)]
    assert [entry["name"] for entry in told["results"]] == ["native", "caiman"]
    picture = cv2.imread(str(tmp_path / told["figure"]))
    assert picture.shape[1] > 800 and picture.std() > 5

    done = run("native", "caiman", "--figure", "new/one.png", "--threshold", 0.99, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "No cells in both" in done.stdout
    assert (tmp_path / "new" / "one.png").exists()

    done = run("native", "nowhere", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        "Error: There is no result file or folder nowhere; an analysis in the database is named"
    )
