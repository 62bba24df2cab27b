"""Run the flow of Prefect and the DAG of Airflow on the demo's recording: ``make orchestration``.

Each has an environment and a database of its own. The first run has a row that is refused: it must fail, and the demo's
session must be computed all the same. The second one has not, and must find nothing left to do.

    python orchestration/trial.py prefect airflow [--seconds 15]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workflow_miniscope.demo import run as demo
from workflow_miniscope.demo.recording import write_demo_session

HERE = Path(__file__).resolve().parent
PROGRAM = Path(sys.executable).with_name("workflow-miniscope")
REFUSED = "demo01,demo01/a_folder_that_is_not_there,Miniscope-DAQ-V4\n"


def start_prefect(lab: Path) -> subprocess.CompletedProcess[bytes]:
    """Run the flow once, with the server that Prefect starts for a moment."""
    python = HERE.parent / ".venv-prefect" / "bin" / "python"
    command = [python, HERE / "prefect_flow.py", lab, "--program", PROGRAM, "--once"]
    variables = {
        "PREFECT_HOME": str(lab / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "300",  # a busy machine takes longer than 20 s
    }
    return subprocess.run(command, env={**os.environ, **variables})


def start_airflow(lab: Path) -> subprocess.CompletedProcess[bytes]:
    """Run the DAG once in one process, as Airflow tests it."""
    programs = HERE.parent / ".venv-airflow" / "bin"
    (lab / "dags").mkdir(exist_ok=True)
    shutil.copy(HERE / "airflow_dag.py", lab / "dags")
    variables = {
        "AIRFLOW_HOME": str(lab / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(lab / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "PATH": os.pathsep.join([str(programs), os.environ["PATH"]]),
    }
    environment = {**os.environ, **variables}
    subprocess.run(["airflow", "db", "migrate"], env=environment, check=True, stdout=subprocess.DEVNULL)
    given = json.dumps({"folder": str(lab), "program": str(PROGRAM)})
    return subprocess.run(["airflow", "dags", "test", "miniscope", "--conf", given], env=environment)


ORCHESTRATORS = {"prefect": start_prefect, "airflow": start_airflow}


@contextmanager
def lab_folder(seconds: float) -> Iterator[Path]:
    """Make a lab's folder with the demo's recording, and remove it with its database."""
    with tempfile.TemporaryDirectory(prefix="wfm") as scratch:
        Path(scratch).chmod(0o755)  # root's embedded server runs as another user
        lab = Path(scratch) / "lab"
        write_demo_session(lab / "raw", seconds=seconds)
        demo.prepare(lab)
        (lab / "user_data").mkdir()
        for name in ("subjects.csv", "sessions.csv"):
            (lab / name).rename(lab / "user_data" / name)
        try:
            yield lab
        finally:
            demo.clean(lab)


def recordings(lab: Path) -> dict[str, str]:
    """Return the state of each recording in the lab's database."""
    listed = subprocess.run([PROGRAM, "list", "--json"], cwd=lab, check=True, stdout=subprocess.PIPE).stdout
    return {row["name"]: row["state"] for row in json.loads(listed)["recordings"]}


def check(what: str, fine: bool) -> None:
    """Say what was looked at, and end where it is not as it must be."""
    print(f"{what}: {'yes' if fine else 'NO'}", flush=True)
    if not fine:
        sys.exit(1)


def main() -> None:
    """Try the orchestrators that are named."""
    parser = argparse.ArgumentParser(description="Run the flows of this folder on the demo's recording.")
    parser.add_argument("orchestrators", nargs="+", choices=ORCHESTRATORS)
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the recording; the demo's has 60 s")
    chosen = parser.parse_args()
    for name in chosen.orchestrators:
        start = ORCHESTRATORS[name]
        with lab_folder(chosen.seconds) as lab:
            sessions = lab / "user_data" / "sessions.csv"
            rows = sessions.read_text()
            sessions.write_text(rows + REFUSED)
            begin = time.monotonic()
            done = start(lab)
            print(f"{name}: exit status {done.returncode} after {time.monotonic() - begin:.0f} s")
            states = recordings(lab)
            check(f"{name} fails where a row is refused", done.returncode != 0)
            check(f"{name} computes the other session: {states}", len(states) == 2 and set(states.values()) == {"done"})
            check(f"{name} draws it", len(list((lab / "figures").glob("*.png"))) > 5)
            sessions.write_text(rows)
            begin = time.monotonic()
            done = start(lab)
            print(f"{name}: exit status {done.returncode} after {time.monotonic() - begin:.0f} s")
            check(f"{name} succeeds when everything is done", done.returncode == 0)


if __name__ == "__main__":
    main()
