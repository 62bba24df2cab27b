"""The workflow as a DAG of Airflow 3: ingest, then each session in a group of tasks of its own, with its figures.

Copy this file into Airflow's folder of DAGs. Airflow needs nothing of the workflow in its own environment: a task runs
the command ``workflow-miniscope`` in the folder that ``workflow-miniscope init`` has written; both are parameters.

    airflow dags test miniscope --conf '{"folder": "/data/lab"}'

Workers may compute at the same time (``workflow-miniscope worker``): nothing is computed twice.
"""

from __future__ import annotations

import json
import shlex
import subprocess
from datetime import datetime, timedelta
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import Param, dag, task, task_group

#: Sessions that are computed at the same time; each takes up to some GB of memory.
AT_ONCE = 1
#: How often what failed is tried again, and after what time: a database that restarts is back by then.
RETRIES, RETRY_AFTER = 1, timedelta(minutes=1)


def command(params: dict[str, Any], *arguments: str) -> str:
    """Return the line for the shell that runs a command in a lab's folder."""
    return f"cd {shlex.quote(params['folder'])} && exec {shlex.join([params['program'], *arguments])}"


@task.bash
def ingest(params: dict[str, Any]) -> str:
    """Read the new rows of ``user_data/subjects.csv`` and ``user_data/sessions.csv``."""
    return command(params, "ingest")


@task(trigger_rule="all_done")  # a row that was refused does not stop the sessions of the others
def sessions_to_do(params: dict[str, Any]) -> list[str]:
    """Name the sessions with a recording to compute; what failed waits until somebody decides (``jobs retry``)."""
    listed = subprocess.run(
        [params["program"], "list", "--json"], cwd=params["folder"], stdout=subprocess.PIPE, check=True
    ).stdout
    waiting = [row["name"] for row in json.loads(listed)["recordings"] if row["state"] == "to do"]
    return list(dict.fromkeys(name.rpartition("_")[0] for name in waiting))  # without the number of the recording


@task.bash(max_active_tis_per_dagrun=AT_ONCE)
def process(session: str, params: dict[str, Any]) -> str:
    """Compute what a session still lacks: its scopes, its cameras, and what both say together."""
    return command(params, "process", "--restrict", session)


@task.bash
def report(session: str, params: dict[str, Any]) -> str:
    """Draw a session's figures into ``figures/``."""
    return command(params, "report", "--restrict", session)


@task_group
def of_session(session: str) -> None:
    """Process a session, then draw it."""
    process(session) >> report(session)


@dag(
    schedule="@daily",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": RETRIES, "retry_delay": RETRY_AFTER},
    params={
        "folder": Param("/data/lab", type="string", description="Where dj_local_conf.json and user_data/ are."),
        "program": Param("workflow-miniscope", type="string", description="The command, with its path if need be."),
    },
    tags=["miniscope"],
)
def miniscope() -> None:
    """Bring a lab's database up to date."""
    ingested = ingest()
    sessions = sessions_to_do()
    # the run has failed if anything has, although the sessions go on when rows are refused
    done = EmptyOperator(task_id="done", trigger_rule="none_failed")
    ingested >> sessions
    [ingested, of_session.expand(session=sessions)] >> done


miniscope()
