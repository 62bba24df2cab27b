"""Workers that are killed again and again, and what must be there all the same: for tests and benchmarks."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import simulation
from processes import TESTS, eventually
from recordings import write_session

#: Columns that say when and how long, the only ones in which two runs may differ; and which commit, with a plus where
#: files differ from it, which changes when somebody edits them while this runs
WHEN = ("processing_time", "curation_time", "computed", "duration_s", "git_commit")

#: The same in result files
WHEN_IN_FILES = ("created", "seconds", "duration")

#: Where Facemap wrote its result before it got its name
WHERE = "save_path"


def write_recordings(raw: Path, subjects: list[str], manifests: Path, cameras: int = 0) -> tuple[Path, Path]:
    """Write a small recording of some cells for each subject, the first few with a camera beside; return manifests."""
    animals = ["subject,sex,subject_birth_date,subject_description"]
    sessions = ["subject,session_dir,acq_software"]
    for number, subject in enumerate(subjects):
        movie = simulation.make(seed=number, height=48, width=48, frames=120, n_cells=4, motion=1.0).movie
        names = ["Cam"] if number < cameras else []
        written = write_session(raw, animal=subject, movie=movie, cameras=names, frames_per_file=70)
        animals.append(f"{subject},U,2025-09-01,small")
        sessions.append(f"{subject},{written.folder.relative_to(raw).as_posix()},Miniscope-DAQ-V4")
    paths = manifests / "subjects.csv", manifests / "sessions.csv"
    for path, lines in zip(paths, (animals, sessions), strict=True):
        path.write_text("\n".join(lines) + "\n")
    return paths


# What is there -----------------------------------------------------------------


def contents(subjects: str) -> dict[str, list[str]]:
    """Checksums of all rows of subjects whose name begins so, for each table; the same on every server."""
    from workflow_miniscope import pipeline
    from workflow_miniscope.database.declaring import declared_tables
    from workflow_miniscope.database.raw_rows import digester, open_server
    from workflow_miniscope.settings import get_settings

    server = open_server(get_settings())
    found = {}
    for table in (table for schema in pipeline.schemas for table in declared_tables(schema)):
        columns = [column for column in server.columns(table.database, table.table_name) if column.name not in WHEN]
        if "subject" not in {column.name for column in columns}:
            continue
        heading = table().heading
        digest = digester(columns, {name for name in heading.names if heading[name].json})  # which MariaDB calls text
        rows = server.rows(table.database, table.table_name, columns, f"WHERE subject LIKE '{subjects}%%'")
        found[f"{table.database.removeprefix(pipeline.prefix)}.{table.table_name}"] = sorted(
            digest(row).hex() for row in rows
        )
    server.close()
    return found


def numbers(subjects: str) -> dict[str, int]:
    """How many rows there are, for each table that is computed."""
    from workflow_miniscope.work.steps import all_steps

    return {step.name: len(step.table & f"subject LIKE '{subjects}%%'") for step in all_steps() if step.computed}


def jobs_left(subjects: str) -> list[dict[str, Any]]:
    """The rows of all queues."""
    from workflow_miniscope.database import jobs
    from workflow_miniscope.work.steps import all_steps

    queues = [jobs.find_jobs(step.table()) for step in all_steps() if step.computed]
    return [
        {"table": queue.table_name, **row}
        for queue in queues
        if queue is not None
        for row in (queue & f"subject LIKE '{subjects}%%'").to_dicts()
    ]


def files(folder: Path) -> dict[str, str]:
    """Every file and folder below a folder, hidden ones too, with a checksum of what is in it but for times."""
    return {
        path.relative_to(folder).as_posix() + "/" * path.is_dir(): "" if path.is_dir() else _checksum(path)
        for path in sorted(folder.rglob("*"))
    }


def _checksum(path: Path) -> str:
    if path.name.endswith("_proc.npy"):
        from workflow_miniscope.results.facemap import load_pickled_npy

        return hashlib.md5(_plain({**load_pickled_npy(str(path)), WHERE: None}).encode()).hexdigest()
    if path.suffix != ".hdf5":
        return "" if path.suffix == ".json" else hashlib.md5(path.read_bytes()).hexdigest()
    hashed = hashlib.md5()

    def add(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset) and not any(word in name for word in WHEN_IN_FILES):
            value = item[()]
            content = value.tobytes() if isinstance(value, np.ndarray) and value.dtype != object else repr(value)
            hashed.update(f"{name} {item.dtype} {item.shape} ".encode())
            hashed.update(content if isinstance(content, bytes) else content.encode())

    with h5py.File(path) as file:
        file.visititems(add)
    return hashed.hexdigest()


def _plain(value: Any) -> str:
    """Return a value as text, each array with the checksum of what is in it."""
    if isinstance(value, dict):
        return "".join(f"{name}: {_plain(value[name])}\n" for name in sorted(value))
    if isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.dtype == object):
        return f"[{', '.join(map(_plain, value))}]"
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {hashlib.md5(value.tobytes()).hexdigest()}"
    return repr(value)


# Who is killed -------------------------------------------------------------------

# A process that has imported everything, and is not connected: the others are forked from it
_NEST = """
import killed
killed.nest()
"""
_UNCONNECTED = (
    "scipy.stats",
    "workflow_miniscope.cli.worker",
    "workflow_miniscope.cnmfe.extraction",
    "workflow_miniscope.elements.facemap",
    "workflow_miniscope.elements.miniscope",
    "workflow_miniscope.process",
    *(
        f"workflow_miniscope.tables.{name}"
        for name in ("curation", "description", "exclusion", "extraction", "face", "provenance", "recording")
    ),
)


class Crew:
    """Processes that run a command, such as workers; they have imported it already, which saves their start.

    Parameters
    ----------
    folder : Path
        For what they print.
    command : list of str
        What follows ``workflow-miniscope``.
    prepare : str
        Python that each runs before.
    environment : str
        Variables.
    """

    def __init__(self, folder: Path, command: list[str], prepare: str = "", **environment: str) -> None:
        self.folder, self.command, self.prepare = folder, command, prepare
        self.begun: list[int] = []
        self.ended: dict[int, int] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._nest = subprocess.Popen(
            [sys.executable, "-c", _NEST],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(TESTS), **environment},
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *error: object) -> None:
        self._nest.stdin.close()  # which ends all
        self._nest.wait(60)

    def _listen(self) -> None:
        for line in self._nest.stdout:
            pid, status = map(int, line.split())
            if status < -1000:
                self.begun.append(pid)
            else:
                self.ended[pid] = status

    def start(self, prepare: str = "") -> int:
        """Start a worker; return its number."""
        before = len(self.begun)
        order = {"log": str(self.folder), "command": self.command, "prepare": f"{self.prepare}\n{prepare}"}
        self._nest.stdin.write(json.dumps(order) + "\n")
        self._nest.stdin.flush()
        assert eventually(lambda: len(self.begun) > before, 120), "no worker began"
        return self.begun[-1]

    def living(self) -> list[int]:
        """The workers that have not ended."""
        return [pid for pid in self.begun if pid not in self.ended]

    def kill(self, pid: int, number: int = signal.SIGKILL) -> int:
        """Send a signal, and wait until the worker has ended; return its exit status, negative of a signal."""
        os.kill(pid, number)
        return self.wait(pid)

    def wait(self, pid: int, seconds: float = 300.0) -> int:
        """Wait until a worker has ended."""
        assert eventually(lambda: pid in self.ended, seconds), f"{pid} goes on: {self.said(pid)[-2000:]}"
        return self.ended[pid]

    def said(self, pid: int) -> str:
        """What a worker printed."""
        path = self.folder / f"{pid}.log"
        return path.read_text() if path.exists() else ""

    def tracebacks(self) -> list[str]:
        """What workers printed that no user should see."""
        return [text[-3000:] for pid in self.begun if "Traceback" in (text := self.said(pid))]


def nest() -> None:
    """Fork a worker for each line of the standard input, and tell their numbers, and how they end."""
    _import_all()
    while True:
        ready, _, _ = select.select([0], [], [], 0.05)
        if ready:
            line = b""
            while not line.endswith(b"\n"):
                if not (byte := os.read(0, 1)):
                    _end_all()
                    return
                line += byte
            _fork(json.loads(line))
        _reap()


def _import_all() -> None:
    for name in _UNCONNECTED:
        importlib.import_module(name)


_children: set[int] = set()


def _fork(order: dict[str, Any]) -> None:
    pid = os.fork()
    if pid:
        _children.add(pid)
        print(pid, -9999, flush=True)
        return
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        written = os.open(f"{order['log']}/{os.getpid()}.log", os.O_WRONLY | os.O_CREAT)
        os.dup2(written, 1)
        os.dup2(written, 2)
        exec(order["prepare"], {})
        from workflow_miniscope.cli import app

        sys.argv = ["workflow-miniscope", *order["command"]]
        app.main()
        code = 0
    except SystemExit as error:
        code = int(error.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _reap() -> None:
    for pid in list(_children):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            _children.discard(pid)
            print(pid, os.waitstatus_to_exitcode(status), flush=True)


def _end_all() -> None:
    for pid in _children:
        os.kill(pid, signal.SIGKILL)
    for pid in _children:
        os.waitpid(pid, 0)


# Where they are killed -------------------------------------------------------------


def die_at(stage: str) -> None:
    """Let this process be killed when it comes to one of the ``STAGES``."""
    STAGES[stage]()


def _die(*arguments: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def _around(owner: Any, name: str, before: Callable[..., bool] | None = None, after: Callable[..., bool] | None = None):
    original = getattr(owner, name)

    def around(*args, **options):
        if before is not None and before(*args):
            _die()
        answer = original(*args, **options)
        if after is not None and after(answer, *args):
            _die()
        return answer

    setattr(owner, name, around)


def _always(*arguments: object) -> bool:
    return True


def _reserved() -> None:
    from workflow_miniscope.database import jobs

    _around(jobs, "reserve", after=lambda done, queue, *more: done and queue.table_name == "~~processing")


def _working() -> None:
    from workflow_miniscope.engines import base

    _around(base, "_run", before=_always)


def _engine_at_work() -> None:
    from workflow_miniscope.engines.child import run

    _around(run, "_take", before=lambda line, mirror: bool(line))


def _renamed() -> None:
    from workflow_miniscope.engines import base

    _around(base, "_remove_lock", before=_always)


def _inserted() -> None:
    from workflow_miniscope import pipeline

    _around(pipeline.miniscope.Processing, "make_insert", after=_always)


def _committed() -> None:
    from workflow_miniscope.database import jobs

    _around(jobs, "finish", before=lambda queue, *more: queue.table_name == "~~processing")


def _curated() -> None:
    from workflow_miniscope import pipeline

    _around(pipeline.miniscope.Curation, "create1_from_processing_task", after=_always)


def _masks() -> None:
    from workflow_miniscope import pipeline

    _around(pipeline.miniscope.MaskClassification, "classify", after=_always)


#: Moments of a worker's life, by what has just happened
STAGES: dict[str, Callable[[], None]] = {
    "the job is reserved": _reserved,
    "the folder of the run is there": _working,
    "the engine is at work": _engine_at_work,
    "the result has its name": _renamed,
    "the row is inserted": _inserted,
    "the row is committed": _committed,
    "the curation is inserted": _curated,
    "the masks are inserted": _masks,
}
