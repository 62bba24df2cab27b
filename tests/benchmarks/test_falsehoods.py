"""What false components look like, counted by kind."""

import numpy as np
from worlds.falsehoods import falsehoods


def blob(y, x, sigma, size=40):
    rows, columns = np.mgrid[:size, :size]
    return np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma**2))


def written(folder, found, cells):
    shifts = np.zeros((10, 2), np.float32)
    cells = np.stack(cells) if cells else np.zeros((0, 40, 40))
    np.savez(folder / "estimate.npz", A=np.stack(found), shifts=shifts)
    truth = {"A": cells, "detectable": np.ones(len(cells), bool), "shifts": shifts, "spoiled": np.zeros(10, bool)}
    np.savez(folder / "truth.npz", **truth)
    return {kind: n for kind, n in falsehoods(folder / "estimate.npz", folder / "truth.npz").items() if n}


def test_a_cell_that_is_found_is_none(tmp_path):
    assert written(tmp_path, [blob(20, 20, 3)], [blob(20, 20, 3)]) == {}


def test_kinds(tmp_path):
    cell = blob(20, 12, 3)
    pieces = blob(8, 8, 1.5) + blob(30, 30, 1.5)
    assert written(tmp_path, [cell, pieces, blob(20, 33, 6.5)], [cell]) == {"pieces": 1, "wide": 1}


def test_of_a_recording_without_cells_all_are_false(tmp_path):
    assert written(tmp_path, [blob(20, 20, 3), blob(1, 20, 3)], []) == {"else": 1, "border": 1}
