"""Room for computations on a machine: one that takes much memory does not begin beside another where there is none.

What is running on a machine is known from the queues of jobs, where every worker's reservation has its machine's name.
"""

from __future__ import annotations

import logging
import os
import platform
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psutil

from ..database import jobs, locks, workers
from ..errors import ParameterError
from . import needs
from .outcome import name_of_key
from .steps import steps

logger = logging.getLogger(__name__)

#: Part of a machine's memory that computations may take together, where nothing else was said
SHARE = 0.9

#: Set by SLURM for what it starts: then the memory is this worker's own, whatever else runs on the machine
SLURM_JOB, SLURM_MEMORY = "SLURM_JOB_ID", "SLURM_MEM_PER_NODE"

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def parse_memory(text: str) -> int:
    """Return bytes for what a person writes: ``8G``, ``500M``, ``1.5 GB``.

    Raises
    ------
    ParameterError
        It is no amount of memory.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*", text, re.IGNORECASE)
    found = int(float(match[1]) * _UNITS[match[2].upper()]) if match else 0
    if not found:
        raise ParameterError(f"'{text}' is no amount of memory; write 8G or 500M.")
    return found


class Room:
    """The memory that the workers of this machine may take together.

    Parameters
    ----------
    limit : int, optional
        Bytes; by default most of the memory of the machine, or of what SLURM gave.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._strict = limit is not None
        self._alone = SLURM_JOB in os.environ
        self._limit = limit if limit is not None else _usual_limit()
        self._told: set[str] = set()

    @contextmanager
    def claim(self, step: str, key: Mapping[str, Any]) -> Iterator[bool]:
        """Say whether a key may begin now. It is to be reserved in the block, which one process at a time enters."""
        from ..pipeline import connection

        needed = needs.memory_of(step, key)
        if needed is None:
            yield True
            return
        with locks.exclusive(connection, f"{workers.Worker.database}.room.{platform.node()}"):
            taken = 0.0 if self._alone else _taken(connection)
            fits = taken + needed <= self._limit
            if not fits and not taken and not self._strict:
                fits = True  # nothing else runs, and the estimate may be wrong
            if not fits:
                self._tell(name_of_key(step, dict(key)), needed, taken)
            yield fits

    def _tell(self, name: str, needed: float, taken: float) -> None:
        if name in self._told:
            return
        self._told.add(name)
        if taken:
            logger.info(
                "%s needs about %.1f GB, and %.1f of %.1f GB are taken: it waits.",
                name,
                *_gb(needed, taken, self._limit),
            )
        else:
            logger.warning(
                "%s needs about %.1f GB, more than the %.1f GB of this worker: it is left for another machine.",
                name,
                *_gb(needed, self._limit),
            )


def _gb(*numbers: float) -> tuple[float, ...]:
    return tuple(number / 1e9 for number in numbers)


def _usual_limit() -> int:
    if os.environ.get(SLURM_MEMORY, "").isdigit():
        return int(os.environ[SLURM_MEMORY]) * 2**20
    return int(psutil.virtual_memory().total * SHARE)


def _taken(connection: Any) -> float:
    """Return the bytes that living workers of this machine take, about."""
    taken = 0.0
    for step in steps(tuple(needs.LONG)):
        here = [job for job in jobs.reserved(step.table()) if job["host"] == platform.node()[:255]]
        if not here:
            continue
        living = workers.alive(connection, {job["connection_id"] for job in here})
        for job in here:
            if job["connection_id"] in living:
                taken += needs.memory_of(step.name, {name: job[name] for name in step.table.primary_key}) or 0.0
    return taken
