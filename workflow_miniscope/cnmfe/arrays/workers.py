"""The threads that share out the work, and how many of them this process may use."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from threadpoolctl import threadpool_limits

#: parts that work is shared out in, for each thread: those that end early take another one
PARTS_PER_WORKER = 4
#: variables by which a cluster or a user says how many threads a job may have
THREAD_VARIABLES = ("SLURM_CPUS_PER_TASK", "OMP_NUM_THREADS")
#: where Linux mounts the limits of the container that this process is in
CGROUPS = Path("/sys/fs/cgroup")

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Workers:
    """Threads among which frames, pixels and components are shared out.

    Each output element is computed by one thread, and sums are taken in the same order: their number changes nothing.

    Attributes
    ----------
    pool : ThreadPoolExecutor
        The threads.
    number : int
        How many there are.
    """

    pool: ThreadPoolExecutor
    number: int

    def map(self, function: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
        """Call a function with each item; give the results in the order of the items."""
        return list(self.pool.map(function, items))

    def split(self, n: int, function: Callable[[int, int], None]) -> None:
        """Call ``function(first, last)`` for consecutive parts of ``range(n)``."""
        self.map(lambda span: function(span.start, span.stop), self.spans(n))

    def spans(self, n: int, each: int = PARTS_PER_WORKER) -> list[slice]:
        """Give consecutive parts of ``range(n)``, so many for each thread; one at least."""
        pieces = max(1, min(n, each * self.number)) if self.number > 1 else 1
        edges = np.linspace(0, n, pieces + 1).astype(int).tolist()
        return [slice(first, last) for first, last in itertools.pairwise(edges)]


@contextmanager
def start_workers(number: int | None = None) -> Iterator[Workers]:
    """Start threads; until they end, OpenCV and the libraries of numpy use one thread in each of them.

    Parameters
    ----------
    number : int, optional
        How many, at most as many as :func:`usable_cpus`; by default so many.
    """
    usable = usable_cpus()
    number = usable if number is None else max(1, min(number, usable))
    before = cv2.getNumThreads()
    with threadpool_limits(1), ThreadPoolExecutor(number) as pool:
        cv2.setNumThreads(1)
        try:
            yield Workers(pool, number)
        finally:
            cv2.setNumThreads(before)


def usable_cpus(environ: Mapping[str, str] = os.environ, cgroups: Path = CGROUPS) -> int:
    """Count the processors that this process was given.

    The smallest of: processors that the process may run on, the container's quota of processor time, and what
    ``SLURM_CPUS_PER_TASK`` and ``OMP_NUM_THREADS`` say.

    Parameters
    ----------
    environ : mapping of str
        The environment.
    cgroups : Path
        Folder of the control group, Linux only; it need not exist.

    Returns
    -------
    int
        At least 1.
    """
    counts = [len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1]
    quota = _cpu_quota(cgroups)
    if quota is not None:
        counts.append(int(np.ceil(quota)))
    # OpenMP allows a number for each level of nesting
    given = (environ.get(name, "").split(",")[0].strip() for name in THREAD_VARIABLES)
    counts += [int(number) for number in given if number.isdecimal() and int(number) > 0]
    return max(1, min(counts))


def _cpu_quota(cgroups: Path) -> float | None:
    """Processors whose time the container may use; None without a limit."""
    try:
        if (cgroups / "cpu.max").exists():
            quota, period = (cgroups / "cpu.max").read_text().split()
        else:
            quota, period = ((cgroups / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        limit = float(quota) / float(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None  # "max", or no Linux
    return limit if limit > 0 else None
