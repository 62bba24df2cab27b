"""What the benchmark's table says: agreement with the truth, cost of each stage, and which runs it holds."""

import sys

import extraction
import measuring
import numpy as np
import pytest
import scoring
import simulation
from simulated import Recording

N = 6


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    """A file like that of a simulated recording; the last cell cannot be seen."""
    recording = simulation.make(seed=2, frames=300, n_cells=N)
    path = tmp_path_factory.mktemp("truth") / "truth.npz"
    arrays = {"A": recording.A, "C": recording.C, "S": recording.S, "shifts": recording.shifts}
    np.savez(path, **arrays, detectable=np.arange(N) < N - 1)
    return path


def estimate(truth, folder, cells, offset=(0, 0), **other):
    """The truth of some cells as what an engine found, its template ``offset`` pixels from the true one."""
    file = np.load(truth)
    found = {name: file[name][cells] for name in ("A", "C", "S")}
    found["A"] = np.roll(found["A"], offset, axis=(1, 2))
    np.savez(folder / "estimate.npz", **(found | {"shifts": offset - file["shifts"]} | other))
    return scoring.score(folder / "estimate.npz", truth)


@pytest.mark.parametrize("offset", [(0, 0), (3, -2)])
def test_the_truth_is_right(truth, tmp_path, offset):
    score = estimate(truth, tmp_path, np.arange(N - 1), offset)
    assert (score.cells, score.accepted, score.matched) == (N - 1, N - 1, N - 1)
    assert (score.recall, score.precision, score.f1) == (1, 1, pytest.approx(1))
    assert score.trace_r == pytest.approx(1) and score.activity_r == pytest.approx(1)
    assert score.registration_px == pytest.approx(0, abs=1e-6)


def test_what_is_missed_and_what_is_wrong(truth, tmp_path):
    """Three of five cells, one twice, and one that is nowhere."""
    file = np.load(truth)
    A = file["A"][[0, 1, 2, 2, 0]]
    A[-1] = np.roll(A[-1], (30, 50), axis=(0, 1))
    shifts = -file["shifts"] + [[0.3, 0.4]] * np.where(np.arange(300) % 2, 1, -1)[:, None]
    score = estimate(truth, tmp_path, [0, 1, 2, 2, 0], A=A, shifts=shifts)
    assert (score.recall, score.precision) == (3 / 5, 3 / 5)
    assert score.registration_px == pytest.approx(np.sqrt((0.3**2 + 0.4**2) / 2))


def test_traces_of_the_wrong_cells(truth, tmp_path):
    C = np.load(truth)["C"]
    score = estimate(truth, tmp_path, np.arange(3), C=C[[1, 2, 0]], S=np.zeros((3, 300)))
    assert score.f1 > 0.7 and score.trace_r < 0.4 and score.activity_r == 0


def test_nothing_found(truth, tmp_path):
    score = estimate(truth, tmp_path, np.arange(0))
    assert (score.recall, score.precision, score.f1) == (0, 0, 0) and np.isnan(score.trace_r)


PROGRAM = """
import subprocess, sys, time
print("done start", flush=True)
block = bytearray(80_000_000)
time.sleep(0.5)
del block
print("done waits", flush=True)
burn = "import time\\nwhile time.process_time() < 1: pass"
subprocess.run([sys.executable, "-c", burn])
print("done works", flush=True)
"""


def test_cost_belongs_to_the_stage_that_caused_it(tmp_path):
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    cost = measuring.measure([sys.executable, script], tmp_path / "log")
    waits, works = cost.stages["waits"], cost.stages["works"]
    assert list(cost.stages) == ["start", "waits", "works"]
    assert waits.wall > 0.4 and waits.peak > 0.08
    # a process that it started, and that is gone when it is looked at
    assert works.cpu > 0.9 > waits.cpu and works.peak < waits.peak
    assert cost.total.cpu == waits.cpu + works.cpu and cost.total.peak == waits.peak


def test_a_program_that_fails(tmp_path):
    script = tmp_path / "program.py"
    script.write_text("raise SystemExit('no such engine')")
    with pytest.raises(RuntimeError, match=r"program.py failed: no such engine \(see .*log\)"):
        measuring.measure([sys.executable, script], tmp_path / "log")


def test_a_recording_is_the_same_each_time(tmp_path):
    recording = Recording(seed=3, px=48, seconds=3, motion_um=5)
    one, other = (recording.write(tmp_path / name) for name in "ab")
    assert one.name == "ca1_48px_3s_5um_seed3"
    assert (one / "0.avi").read_bytes() == (other / "0.avi").read_bytes()
    with np.load(one / "truth.npz") as file:
        assert file["A"].shape[1:] == (48, 48) and len(file["shifts"]) == 60 and np.ptp(file["shifts"]) > 0


def ran(engine, seed, f1, cpu):
    score = {"cells": 10, "accepted": 9, "matched": 8, "recall": 0.8, "precision": 0.9, "f1": f1}
    score |= {"trace_r": 0.99, "activity_r": 0.8, "registration_px": 0.2}
    cost = {"cpu": cpu, "wall": 9.0, "peak": 0.5}
    return {
        "engine": engine,
        "version": "1.0",
        "recording": vars(Recording(seed)),
        "score": score,
        # parts of the extraction, under an engine's own names
        "stages": {"start": cost, "seeds": cost | {"cpu": cpu / 2}, "fit": cost | {"cpu": cpu / 2, "wall": 0.0}},
        "total": cost,
        "busy": 0.1,
        "date": "2026-01-02",
        "machine": "a computer",
    }


def test_the_last_run_of_an_engine_on_a_recording_counts():
    old = [ran("minian", 1, 0.5, 100.0), ran("native", 2, 0.8, 20.0), ran("native", 1, 0.8, 20.0)]
    runs = extraction.merge(old, [ran("native", 1, 0.9, 10.0)])
    found = [(run["engine"], run["recording"]["seed"], run["score"]["f1"]) for run in runs]
    assert found == [("native", 1, 0.9), ("native", 2, 0.8), ("minian", 1, 0.5)]
    page = extraction.page(runs)
    assert "- 2026-01-02, a computer: minian, native" in page
    # only the first recording was given to all
    assert "| mean (range) of the 1 " not in page and "| mean (range) of 2 |" in page
    rows = [line.split(" | ") for line in extraction.table(runs).splitlines()]
    assert len({len(row) for row in rows}) == 1
    more = extraction.table(extraction.merge(runs, [ran("native", 3, 0.1, 9.0), ran("minian", 2, 0.5, 9.0)]))
    assert "| mean (range) of 3 |" in more and more.count("| mean (range) of the 2 of all engines |") == 1
    assert rows[4][1] == "mean (range) of 2" and "**0.850** (0.800..0.900)" in rows[4]
    assert "**15** (10..20) CPU s" in rows[4][-2]
    assert rows[2][9:13] == ["", "10.0 / 9.0 / 0.50", "", "10.0 / 9.0 / 0.50"]
