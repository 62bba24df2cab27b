"""How many threads: what the job was given, and no more than is asked for."""

import os
import threading

import numpy as np
import pytest

from workflow_miniscope.cnmfe.arrays import workers
from workflow_miniscope.cnmfe.arrays.workers import start_workers, usable_cpus


@pytest.fixture
def machine(monkeypatch):
    """A machine with 16 processors, all of which this process may use."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(16)), raising=False)


def cgroups(folder, text, version=2):
    if version == 2:
        (folder / "cpu.max").write_text(text)
    else:
        (folder / "cpu").mkdir()
        quota, period = text.split()
        (folder / "cpu" / "cpu.cfs_quota_us").write_text(quota)
        (folder / "cpu" / "cpu.cfs_period_us").write_text(period)
    return folder


def test_all_processors_without_a_limit(machine, tmp_path):
    assert usable_cpus({}, tmp_path) == 16
    assert usable_cpus({}, cgroups(tmp_path, "max 100000\n")) == 16


@pytest.mark.parametrize(
    ("text", "version", "number"),
    [("250000 100000", 2, 3), ("50000 100000", 2, 1), ("400000 100000", 1, 4), ("-1 100000", 1, 16)],
)
def test_the_quota_of_a_container(machine, tmp_path, text, version, number):
    assert usable_cpus({}, cgroups(tmp_path, text, version)) == number


@pytest.mark.parametrize(
    ("environ", "number"),
    [
        ({"SLURM_CPUS_PER_TASK": "4"}, 4),
        ({"OMP_NUM_THREADS": "6"}, 6),
        ({"OMP_NUM_THREADS": "5,2"}, 5),
        ({"SLURM_CPUS_PER_TASK": "4", "OMP_NUM_THREADS": "6"}, 4),
        ({"SLURM_CPUS_PER_TASK": "64"}, 16),
        ({"SLURM_CPUS_PER_TASK": "", "OMP_NUM_THREADS": "many"}, 16),
        ({"OMP_NUM_THREADS": "0"}, 16),
    ],
)
def test_what_the_job_was_given(machine, tmp_path, environ, number):
    assert usable_cpus(environ, tmp_path) == number


def test_affinity_is_respected():
    assert 1 <= usable_cpus() <= os.cpu_count()
    if hasattr(os, "sched_setaffinity"):
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(before)})
        try:
            assert usable_cpus() == 1
        finally:
            os.sched_setaffinity(0, before)


@pytest.mark.parametrize(("asked", "number"), [(None, 5), (2, 2), (99, 5), (0, 1)])
def test_no_more_threads_than_the_job_was_given(monkeypatch, asked, number):
    monkeypatch.setattr(workers, "usable_cpus", lambda: 5)
    with start_workers(asked) as threads:
        assert threads.number == number


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("n", [0, 1, 7, 1000])
def test_parts_cover_everything_once(monkeypatch, number, n):
    monkeypatch.setattr(workers, "usable_cpus", lambda: number)
    counted, used = np.zeros(n, int), set()

    def count(first, last):
        used.add(threading.get_ident())
        counted[first:last] += 1

    with start_workers(number) as threads:
        threads.split(n, count)
        assert threads.map(lambda i: i * i, range(10)) == [i * i for i in range(10)]
    assert (counted == 1).all()
    assert len(used) <= number
