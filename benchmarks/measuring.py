"""Run a program and measure what each of its stages costs, from outside.

The program says when a stage is over: a line ``done NAME`` on its standard output. What was used since the line before
belongs to NAME. The stage ``start`` (interpreter and imports) is not part of the work and is left out of the sum.
"""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

PERIOD = 0.1
START = "start"


@dataclass
class Stage:
    """Cost of a stage, of the program and all processes that it starts.

    Attributes
    ----------
    wall, cpu : float
        Seconds that passed; seconds of processor time, user and system.
    peak : float
        Most resident memory at a time, GB (1e9 bytes), looked at every 100 ms and summed over the processes. Pages of
        a scratch file that the system keeps mapped count, as does what several processes share, once for each.
    """

    wall: float = 0.0
    cpu: float = 0.0
    peak: float = 0.0


@dataclass
class Cost:
    """Cost of the stages by name; ``busy``: processor cores that other programs kept busy meanwhile, on average."""

    stages: dict[str, Stage] = field(default_factory=dict)
    busy: float = 0.0

    @property
    def total(self) -> Stage:
        """All stages but the start."""
        stages = [stage for name, stage in self.stages.items() if name != START]
        return Stage(
            sum(stage.wall for stage in stages),
            sum(stage.cpu for stage in stages),
            max((stage.peak for stage in stages), default=0.0),
        )


def measure(command: Sequence[str], log: Path, env: dict[str, str] | None = None, cwd: Path | None = None) -> Cost:
    """Run a command to its end.

    Parameters
    ----------
    command : sequence of str
        Program and arguments.
    log : Path
        What the program prints goes here.
    env : dict, optional
        Its environment.
    cwd : Path, optional
        Where it runs.

    Returns
    -------
    Cost

    Raises
    ------
    RuntimeError
        If the program fails; says the last line of what it printed.
    """
    cost, before, begin = Cost(), psutil.cpu_times(), time.perf_counter()
    with open(log, "w", encoding="utf-8") as file:
        process = psutil.Popen(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=env,
            cwd=cwd,
        )
        memory = _Memory(process)
        last, wall, cpu = deque(maxlen=1), begin, 0.0
        try:
            for line in process.stdout:
                file.write(line)
                file.flush()
                if line.strip():
                    last.append(line.strip())
                if line.startswith("done "):
                    name, now, used = line.split()[1], time.perf_counter(), _cpu(process)
                    stage = cost.stages.setdefault(name, Stage())
                    stage.wall += now - wall
                    stage.cpu += used - cpu
                    stage.peak = max(stage.peak, memory.take())
                    wall, cpu = now, used
            code = process.wait()
        finally:
            memory.stop()
            if process.is_running():
                process.kill()
    if code:
        raise RuntimeError(f"{Path(command[1]).name} failed: {last[0] if last else f'exit status {code}'} (see {log})")
    passed = time.perf_counter() - begin
    everybody = _work(psutil.cpu_times()) - _work(before)
    cost.busy = max(0.0, (everybody - cpu) / passed)
    return cost


def _tree(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return [process]


def _cpu(process: psutil.Process) -> float:
    """Processor seconds of a process and its descendants, those that are gone included."""
    seconds = 0.0
    for one in _tree(process):
        with contextlib.suppress(psutil.Error):
            times = one.cpu_times()
            seconds += times.user + times.system + times.children_user + times.children_system
    return seconds


def _work(times) -> float:
    return times.user + times.system + getattr(times, "nice", 0.0)


class _Memory(threading.Thread):
    """Looks at the memory of a process and its descendants again and again."""

    def __init__(self, process: psutil.Process):
        super().__init__(daemon=True)
        self.process, self.peak, self.ended = process, 0.0, threading.Event()
        self.start()

    def run(self) -> None:
        while not self.ended.wait(PERIOD):
            self._look()

    def _look(self) -> None:
        used = 0
        for one in _tree(self.process):
            with contextlib.suppress(psutil.Error):
                used += one.memory_info().rss
        self.peak = max(self.peak, used / 1e9)

    def take(self) -> float:
        """Peak since the last time, GB."""
        self._look()
        peak, self.peak = self.peak, 0.0
        return peak

    def stop(self) -> None:
        self.ended.set()
        self.join()
