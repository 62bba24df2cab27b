"""Workers as an array of SLURM jobs, sized from the recordings that wait: memory, cores, time.

Each job is one worker that ends when nothing is left. A job that is preempted gives its recording back and is queued
again; what it could not give back, another worker takes when it is not heard of any more. The options are those of
``man sbatch`` (SLURM 22.05 and newer).
"""

from __future__ import annotations

import math
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..database import jobs
from ..database.restriction import choose
from ..database.workers import Heart
from ..errors import ParameterError, WorkflowError
from ..settings import CONFIG_VARIABLE, get_settings
from . import needs
from .compute import compute
from .exclude import included
from .steps import chosen_steps, waiting

#: Jobs of an array that run at once
AT_ONCE = 32

#: Jobs of one array: most clusters take 1000
MOST_JOBS = 1000

#: Cores of a job, where nothing else was said: the built-in engine gains little from more
CORES = 4

#: How much more is asked for than is estimated
MARGIN = 1.3

#: Hours asked for where no run has finished yet that would tell
UNKNOWN_HOURS = 12.0

#: Minutes that a job needs besides the long steps: its start, tables, traces
SPARE_MINUTES = 20.0

#: Seconds before the end of its time at which a job is told to give back what it computes
NOTICE = 120


@dataclass(frozen=True)
class Array:
    """What an array of jobs asks for.

    Attributes
    ----------
    jobs : int
        Workers.
    memory : int
        Bytes of each.
    cores : int
        Of each.
    minutes : int
        Time limit of each.
    """

    jobs: int
    memory: int
    cores: int
    minutes: int


def size_array(restrict: Any = None, memory: int | None = None, cores: int | None = None) -> Array | None:
    """Return what the recordings that wait ask for, or None where none waits for a long step.

    The size of a new recording's movies is read first.

    Parameters
    ----------
    restrict : str, dict or list of them, optional
        Which recordings; by default all.
    memory : int, optional
        Bytes of each job; by default what the largest recording takes, and some more.
    cores : int, optional
        Cores of each job.
    """
    from ..pipeline import connection, facemap, miniscope

    recordings, videos = included(*choose((miniscope.Recording, facemap.VideoRecording), restrict, "recording"))
    with Heart(connection) as heart:
        for step, chosen in chosen_steps(recordings, videos):
            if step.name in _SIZES:
                list(compute(step, chosen, heart))
    keys: list[tuple[str, dict[str, Any]]] = []
    for step, chosen in chosen_steps(recordings, videos):
        if step.name in needs.LONG:
            table = step.table()
            todo = list((table._jobs_to_do([chosen]) - table.proj()).keys())
            queue = jobs.find_jobs(table)
            keys += [(step.name, key) for key in (todo if queue is None else jobs.open_keys(queue, todo, retry=False))]
        elif step.name in _BEFORE:  # without a task yet: it gets one with the default parameters
            keys += [(_BEFORE[step.name], {**key, "paramset_id": None}) for key in waiting(step.name, chosen)]
    if not keys:
        return None
    needed = [found for step_name, key in keys if (found := needs.memory_of(step_name, key)) is not None]
    hours = max((_hours(step_name, key) for step_name, key in keys), default=UNKNOWN_HOURS)
    workers = min(len(keys), MOST_JOBS)
    # a worker of a shorter array computes several, one after the other
    each = math.ceil(len(keys) / workers)
    return Array(
        workers,
        memory or math.ceil(max(needed, default=needs.BASE) * MARGIN),
        cores or CORES,
        math.ceil(hours * 60 * each + SPARE_MINUTES),
    )


_SIZES = ("miniscope.RecordingInfo", "facemap.RecordingInfo")
_BEFORE = {"miniscope.ProcessingTask": "miniscope.Processing", "facemap.FacemapTask": "facemap.FacemapProcessing"}


def _hours(step: str, key: dict[str, Any]) -> float:
    pace = needs.pace(step)
    if pace is None:
        return UNKNOWN_HOURS
    known = {name: value for name, value in key.items() if value is not None}
    # twice, because it was told by runs on other machines
    return 2 * MARGIN * pace * needs.samples_of(step, known) / 3600


def script(array: Array, restrict: Sequence[str] | None = None, options: Sequence[str] = ()) -> str:
    """Return the script that ``sbatch`` takes.

    Parameters
    ----------
    array : Array
        What it asks for.
    restrict : sequence of str, optional
        Which recordings.
    options : sequence of str
        More options of sbatch, such as ``partition=long``; they win over ours.

    Raises
    ------
    ParameterError
        An option is not written as ``name`` or ``name=value``.
    """
    wanted = {
        "job-name": "workflow-miniscope",
        "array": f"0-{array.jobs - 1}%{AT_ONCE}",
        "cpus-per-task": str(array.cores),
        "mem": f"{math.ceil(array.memory / 2**20)}M",
        "time": f"{array.minutes // 60:02}:{array.minutes % 60:02}:00",
        "requeue": "",
        "open-mode": "append",
        "signal": f"B:TERM@{NOTICE}",
        "output": str(get_settings().home / "logs" / "slurm-%A_%a.log"),
    }
    for option in options:
        match = re.fullmatch(r"(?:--)?([a-z][a-z-]*)(?:=([^\n]*))?", option)
        if match is None:
            raise ParameterError(f"'{option}' is no option of sbatch; write it as partition=long.")
        wanted[match[1]] = match[2] or ""
    lines = [f"#SBATCH --{name}" + (f"={_quoted(value)}" if value else "") for name, value in wanted.items()]
    arguments = [sys.executable, "-m", "workflow_miniscope", "worker", "--once", "--cores", str(array.cores)]
    for one in restrict or ():
        arguments += ["--restrict", one]
    source = get_settings().source
    config = [f"export {CONFIG_VARIABLE}={shlex.quote(str(source))}"] if source is not None else []
    # exec: the signals of SLURM reach the worker itself, which gives back what it computes
    return "\n".join(["#!/bin/bash", *lines, "", *config, f"exec {shlex.join(arguments)}", ""])


def submit(text: str) -> str:
    """Submit a script, and return what SLURM says.

    Raises
    ------
    WorkflowError
        There is no ``sbatch`` here, or it refuses.
    """
    program = shutil.which("sbatch")
    if program is None:
        raise WorkflowError("There is no sbatch here: give the command on a login node of the cluster.")
    (get_settings().home / "logs").mkdir(parents=True, exist_ok=True)
    done = subprocess.run([program], input=text, capture_output=True, text=True, env=dict(os.environ))
    if done.returncode:
        raise WorkflowError(f"sbatch refuses: {' '.join(done.stderr.split()) or 'no message'}")
    return done.stdout.strip()


def _quoted(value: str) -> str:
    return value if re.fullmatch(r"[\w@%+=:,./-]*", value) else f'"{value}"'
