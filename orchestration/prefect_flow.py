"""The workflow as a flow of Prefect 3: ingest, then each session in a task of its own, then its figures.

Prefect may be installed beside the workflow or in an environment of its own (``pip install "prefect>=3.4,<4"``): a task
runs the command ``workflow-miniscope`` in the folder that ``workflow-miniscope init`` has written.

    python prefect_flow.py /data/lab --once    # now; its exit status is 1 if anything failed
    python prefect_flow.py /data/lab           # every night, while this and a Prefect server (prefect server start) run

Workers may compute at the same time (``workflow-miniscope worker``): nothing is computed twice.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys

from prefect import allow_failure, flow, get_run_logger, task
from prefect.futures import PrefectFuture
from prefect.task_runners import ThreadPoolTaskRunner

#: Sessions that are computed at the same time on a machine; each takes up to some GB of memory.
AT_ONCE = 1
#: How often what failed is tried again, and after how many seconds: a database that restarts is back by then.
RETRIES, RETRY_AFTER_S = 1, 60


def run(program: str, folder: str, *arguments: str) -> None:
    """Run a command in a lab's folder; what it prints is in the log of the task.

    Raises
    ------
    RuntimeError
        Its exit status is 1 (something failed), 2 (wrong use) or 3 (nothing matched).
    """
    log = get_run_logger()
    started = [program, *arguments]
    with subprocess.Popen(
        started, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8"
    ) as running:
        for line in running.stdout or ():
            log.info(line.rstrip())
    if running.returncode:
        raise RuntimeError(f"{' '.join(started)} ended with exit status {running.returncode}; its log says why.")


@task(retries=RETRIES, retry_delay_seconds=RETRY_AFTER_S)
def ingest(program: str, folder: str) -> None:
    """Read the new rows of ``user_data/subjects.csv`` and ``user_data/sessions.csv``."""
    run(program, folder, "ingest")


@task(retries=RETRIES, retry_delay_seconds=RETRY_AFTER_S)
def sessions_to_do(program: str, folder: str) -> list[str]:
    """Name the sessions with a recording to compute; what failed waits until somebody decides (``jobs retry``)."""
    listed = subprocess.run([program, "list", "--json"], cwd=folder, stdout=subprocess.PIPE, check=True).stdout
    waiting = [row["name"] for row in json.loads(listed)["recordings"] if row["state"] == "to do"]
    return list(dict.fromkeys(name.rpartition("_")[0] for name in waiting))  # without the number of the recording


@task(task_run_name="process {session}", retries=RETRIES, retry_delay_seconds=RETRY_AFTER_S)
def process(program: str, folder: str, session: str) -> None:
    """Compute what a session still lacks: its scopes, its cameras, and what both say together."""
    run(program, folder, "process", "--restrict", session)


@task(task_run_name="report {session}")
def report(program: str, folder: str, session: str) -> None:
    """Draw a session's figures into ``figures/``."""
    run(program, folder, "report", "--restrict", session)


@flow(name="miniscope", task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE))
def miniscope(folder: str, program: str = "workflow-miniscope") -> list[PrefectFuture]:
    """Bring a lab's database up to date.

    Parameters
    ----------
    folder : str
        Where ``dj_local_conf.json`` and ``user_data/`` are.
    program : str
        The command, with its path where it is not on the PATH: ``/opt/workflow/.venv/bin/workflow-miniscope``.

    Returns
    -------
    list of PrefectFuture
        Everything that was to succeed: the flow has failed if one of them has.
    """
    ingested = ingest.submit(program, folder)
    everything = [ingested]
    # a row that was refused does not stop the sessions of the others
    for session in sessions_to_do(program, folder, wait_for=[allow_failure(ingested)]):
        processed = process.submit(program, folder, session)
        everything += [processed, report.submit(program, folder, session, wait_for=[processed])]
    return everything


def main() -> None:
    """Serve the flow, or run it once."""
    parser = argparse.ArgumentParser(description="Bring a lab's database up to date, every night.")
    parser.add_argument("folder", help="where dj_local_conf.json and user_data/ are")
    parser.add_argument("--program", default="workflow-miniscope", help="the command, with its path if need be")
    parser.add_argument("--cron", default="0 2 * * *", help="when, as cron has it (default: %(default)s)")
    parser.add_argument("--once", action="store_true", help="run it now, and end")
    given = parser.parse_args()
    parameters = {"folder": os.path.abspath(given.folder), "program": given.program}
    if given.once:
        # a flow that returns what its tasks became does not raise
        sys.exit(0 if miniscope(**parameters, return_state=True).is_completed() else 1)
    # one run at a time, however long the last one takes
    miniscope.serve(name="regularly", cron=given.cron, parameters=parameters, limit=1)


if __name__ == "__main__":
    main()
