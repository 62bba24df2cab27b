"""How what is asked of a database takes longer when it holds more: from 1,000 to 100,000 rows in the busiest tables.

    python benchmarks/many_rows.py                          # 10, 100 and 1000 recordings of 100 components
    python benchmarks/many_rows.py --recordings 10 100 --server mariadb

One recording with a result is ingested and loaded, and then multiplied by the server itself: each has an animal, files
and rows of its own, and 100 components in each of the five tables of components. Commands are run as a user does, each
in a process of its own. Printed are the seconds that pass and those of the processor, the server's with them, and by
which power of the number of rows the latter grow at the end: those that pass say nothing on a machine that is busy.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import math
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from own_database import own_database

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

COMPONENTS, SIDE, FRAMES = 100, 64, 200
FIRST = "animal00000"
#: Seconds that a person waits for without thinking of something else
INTERACTIVE = 10.0


# Rows ---------------------------------------------------------------------------


def first(raw: Path, manifests: Path) -> None:
    """Ingest a recording, and load a result of it."""
    from recordings import write_session

    from workflow_miniscope import pipeline
    from workflow_miniscope.ingest import ingest
    from workflow_miniscope.process import process
    from workflow_miniscope.results.caiman import write_result

    frames = np.random.default_rng(0).integers(40, 60, (FRAMES, SIDE, SIDE)).astype(np.uint8)
    written = write_session(raw, animal=FIRST, movie=frames, frames_per_file=FRAMES)
    _manifests(manifests, [FIRST], written.folder.relative_to(raw).as_posix())
    with contextlib.redirect_stdout(io.StringIO()):
        report = ingest(manifests / "subjects.csv", manifests / "sessions.csv", progress=False)
    if report.problems:
        raise RuntimeError(str(report))
    miniscope = pipeline.miniscope
    miniscope.RecordingInfo.populate()
    folder = pipeline.get_processed_root_data_dir() / FIRST
    folder.mkdir(parents=True)
    write_result(folder, _result())
    miniscope.ProcessingParamSet.insert_new_params("cnmfe", 0, "loaded", {"gSig": [3, 3]})
    task = {"paramset_id": 0, "processing_output_dir": FIRST, "task_mode": "load"}
    miniscope.ProcessingTask.insert1({**miniscope.RecordingInfo.fetch1("KEY"), **task})
    errors = process(paramset=0, progress=False).errors
    if errors:
        raise RuntimeError(str(errors))


def _result() -> Any:
    import planted

    from workflow_miniscope.results.caiman import CaimanResult, RigidShifts

    random = np.random.default_rng(0)
    places = random.uniform(8, SIDE - 8, (COMPONENTS, 2))
    spikes, traces = planted.spikes_and_traces(COMPONENTS, FRAMES, random)
    return CaimanResult(
        dims=(SIDE, SIDE),
        A=planted.footprints(places, SIDE, SIDE),
        C=200 * traces,
        S=200 * spikes,
        F_dff=traces / 3,
        Cn=random.uniform(0, 1, (SIDE, SIDE)),
        accepted=np.arange(0, COMPONENTS, 2),
        rejected=np.arange(1, COMPONENTS, 2),
        snr=random.uniform(2, 9, COMPONENTS),
        r_values=random.uniform(0.5, 1, COMPONENTS),
        motion=RigidShifts(random.normal(0, 1, (FRAMES, 2))),
        params={"data": {"fr": 20.0, "dims": [SIDE, SIDE]}},
        method="cnmfe",
    )


def _manifests(folder: Path, animals: list[str], session: str) -> None:
    lines = ["subject,sex,subject_birth_date,subject_description", *(f"{name},U,2025-09-01,many" for name in animals)]
    (folder / "subjects.csv").write_text("\n".join(lines) + "\n")
    lines = [f"{name},{session.replace(FIRST, name)},Miniscope-DAQ-V4" for name in animals]
    (folder / "sessions.csv").write_text("\n".join(["subject,session_dir,acq_software", *lines]) + "\n")


def multiply(raw: Path, manifests: Path, there: int, wanted: int) -> int:
    """Let there be so many recordings, with their files; return the rows of all components."""
    from workflow_miniscope import pipeline
    from workflow_miniscope.database.declaring import declared_tables

    connection = pipeline.connection
    connection.dependencies.load(schema_names={one.database for one in pipeline.schemas})
    tables = {cls.full_table_name: cls for one in pipeline.schemas for cls in declared_tables(one)}
    for name in connection.dependencies.topo_sort():
        if name in tables and "subject" in tables[name].heading.names:
            connection.query(_copying(connection.adapter, tables[name], there, wanted))
    connection.query("ANALYZE" if connection.adapter.backend == "postgresql" else "SELECT 1")
    animals = [f"animal{number:05d}" for number in range(wanted)]
    for animal in animals[there:]:
        shutil.copytree(raw / FIRST, raw / animal, copy_function=os.link)
    session = (pipeline.session.SessionDirectory & {"subject": FIRST}).fetch1("session_dir")
    _manifests(manifests, animals, session)
    return len(pipeline.miniscope.Fluorescence.Trace())


def _copying(adapter: Any, table: Any, there: int, wanted: int) -> str:
    quote = adapter.quote_identifier
    names = list(table.heading.names)
    if adapter.backend == "postgresql":
        new, numbers = "'animal' || lpad(n::text, 5, '0')", f"generate_series({there}, {wanted - 1}) AS n"
    else:
        new, numbers = "concat('animal', lpad(seq, 5, '0'))", f"{quote(table.database)}.seq_{there}_to_{wanted - 1}"
    values = [
        f"replace({quote(name)}, '{FIRST}', {new})" if table.heading[name].type.startswith("varchar") else quote(name)
        for name in names
    ]
    return (
        f"INSERT INTO {table.full_table_name} ({', '.join(map(quote, names))}) "
        f"SELECT {', '.join(values)} FROM {table.full_table_name} CROSS JOIN {numbers} WHERE subject = '{FIRST}'"
    )


# Questions ------------------------------------------------------------------------


def questions(manifests: Path) -> dict[str, Callable[[], Any]]:
    """What is asked."""
    given = ["--subjects", str(manifests / "subjects.csv"), "--sessions", str(manifests / "sessions.csv")]
    commands = {
        "--help": ["--help"],
        "status": ["status"],
        "status of an animal": ["status", "--restrict", f"subject={FIRST}"],
        "list": ["list"],
        "ingest, nothing new": ["ingest", *given],
        "process, nothing to do": ["process"],
        "worker --once, nothing to do": ["worker", "--once"],
    }
    return {
        **{name: lambda command=command: _command(command) for name, command in commands.items()},
        "traces of an animal's cells": _traces,
        "cells of each animal": _cells,
        "active cells of all": _active,
    }


def _traces() -> Any:
    from workflow_miniscope.pipeline import miniscope

    cells = miniscope.MaskClassification.MaskType * miniscope.Fluorescence.Trace & {"subject": FIRST}
    return cells.to_arrays("fluorescence")


def _cells() -> Any:
    from workflow_miniscope.pipeline import dj, miniscope

    return dj.U("subject").aggr(miniscope.MaskClassification.MaskType, n="count(*)").to_dicts()


def _active() -> Any:
    from workflow_miniscope.pipeline import miniscope

    return len(miniscope.MaskClassification.MaskType * miniscope.ProcessingQualityMetrics.Trace & "skewness > 1")


def _command(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", "workflow_miniscope", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{arguments}: {done.stderr[-2000:]}")


def _timed(ask: Callable[[], Any], server: Any) -> tuple[float, float]:
    before, begun = _used(server), time.perf_counter()
    ask()
    return time.perf_counter() - begun, _used(server) - before


def _used(server: Any) -> float:
    """Seconds of the processor of this process, of commands that have ended, and of the server."""
    each = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    seconds = sum(used.ru_utime + used.ru_stime for used in each)
    for process in (server, *server.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            seconds += times.user + times.system + times.children_user + times.children_system
    return seconds


def _server() -> psutil.Process:
    """The server's first process: the embedded one, or the one that this process started."""
    from workflow_miniscope.database import embedded
    from workflow_miniscope.settings import get_settings

    settings = get_settings()
    if settings.embedded:
        return psutil.Process(embedded.start(settings.home).pid)
    return next(one for one in psutil.Process().children() if one.name() in ("postgres", "mariadbd"))


def run(folder: Path, recordings: list[int]) -> int:
    """Measure in this process's database; return how many questions are not answered while one waits."""
    from workflow_miniscope.work.text_table import format_table

    raw, manifests = folder / "raw", folder / "manifests"
    manifests.mkdir()
    first(raw, manifests)
    server = _server()
    took: dict[str, list[tuple[float, float]]] = {}
    rows, there = [], 1
    for wanted in recordings:
        rows.append(multiply(raw, manifests, there, wanted))
        there = wanted
        for name, ask in questions(manifests).items():
            if ask in (_traces, _cells, _active):
                ask()  # a server reads its tables first
            took.setdefault(name, []).append(_timed(ask, server))
        print(f"{wanted} recordings, {rows[-1]} traces", flush=True)
    table = []
    for name, each in took.items():
        used = [max(cpu, 0.001) for _, cpu in each]
        power = math.log(used[-1] / used[-2]) / math.log(rows[-1] / rows[-2]) if len(used) > 1 else math.nan
        table.append([name, *(f"{wall:.2f} ({cpu:.2f})" for wall, cpu in each), f"{power:.2f}"])
    print(format_table(["seconds (of a processor)", *(f"{number:,} rows" for number in rows), "power"], table))
    print(f"load of the machine: {psutil.getloadavg()[0]:.1f}")
    slow = [name for name, each in took.items() if each[-1][1] > INTERACTIVE]
    print(f"not interactive (over {INTERACTIVE:g} s of the processor): {', '.join(slow) or 'none'}")
    return len(slow)


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--server", choices=("embedded", "postgresql", "mariadb"), default="embedded")
    chosen = parser.parse_args()
    from servers import mariadb, postgresql

    with ExitStack() as stack:
        folder, variables = stack.enter_context(own_database("wfm-rows-"))
        if chosen.server != "embedded":
            run_server = {"postgresql": postgresql, "mariadb": mariadb}[chosen.server]
            variables |= stack.enter_context(run_server(folder / "server"))
        os.environ.update(variables)
        return int(run(folder, chosen.recordings) > 0)


if __name__ == "__main__":
    sys.exit(main())
