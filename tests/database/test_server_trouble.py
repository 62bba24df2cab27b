"""A server of the laboratory that is restarted, dies, or has a full disk during a run: MariaDB and PostgreSQL 15.

In processes of their own, since this one is connected to another server already.
"""

import os
import re
import subprocess
import sys
import time

import disks
import killed
import pytest
from processes import HOLD_THE_ENGINE, begin, go_on, wait_for
from servers import mariadb_missing, postgresql_missing, run_mariadb, run_postgresql

# A run whose engine begins when somebody lets it; the server may stay away for some seconds. Who was not heard of for a
# second counts as dead, where that takes a minute and a half
RUN = f"""
import sys
from workflow_miniscope.database import renewal, workers
workers.BEAT, workers.SILENCE, renewal.PATIENCE = 0.3, 1.0, {{patience}}
{HOLD_THE_ENGINE}
from workflow_miniscope.cli import app
sys.argv = ["workflow-miniscope", "process", "--restrict", "subject={{subject}}"]
app.main()
"""

# What is there for an animal
COUNT = """
import killed
print("there", killed.numbers("{subject}")["miniscope.Activity"], len(killed.jobs_left("{subject}")))
"""

AWAY = "The database server 127.0.0.1 does not answer any more"

SERVERS = {
    "mariadb": (run_mariadb, mariadb_missing(), ["--innodb-log-file-size=8M"]),
    "postgresql": (run_postgresql, postgresql_missing(), ["-c", "min_wal_size=32MB", "-c", "max_wal_size=32MB"]),
}


class Laboratory:
    """A server on a small disk, and a workflow that uses it."""

    def __init__(self, server, disk, variables):
        self.server, self.disk, self.variables = server, disk, variables

    def run(self, *arguments):
        command = [sys.executable, "-m", "workflow_miniscope", *map(str, arguments)]
        return subprocess.run(command, env={**os.environ, **self.variables}, capture_output=True, text=True)

    def begin(self, subject, patience):
        """Start to process an animal, and wait until its engine is to begin."""
        running = begin(RUN.format(subject=subject, patience=patience), **self.variables)
        wait_for(running, "computing")
        return running

    def finish(self, subject):
        """Process an animal; return the exit status and what was printed."""
        running = begin(RUN.format(subject=subject, patience=60), **self.variables)
        printed, error = running.communicate("go on\n", timeout=120)
        return running.returncode, printed + error

    def count(self, subject):
        """How many traces of activity there are, two for each recording, and how many jobs."""
        counting = begin(COUNT.format(subject=subject), **self.variables)
        printed, error = counting.communicate(timeout=120)
        assert counting.returncode == 0, error
        return tuple(map(int, printed.rpartition("there")[2].split()))


@pytest.fixture(scope="module", params=SERVERS)
def laboratory(request, tmp_path_factory):
    run, missing, options = SERVERS[request.param]
    if missing is not None:
        pytest.skip(missing)
    top = tmp_path_factory.mktemp(request.param)
    for each in (top, *top.parents[:2]):
        each.chmod(0o755)
    (top / "raw").mkdir()
    (top / "conf.json").write_text("{}")
    subjects, sessions = killed.write_recordings(top / "raw", ["u1", "u2", "u3"], top)
    with disks.small(top / "disk", 2**28) as disk, run(disk / "server", False, *options) as server:
        variables = {
            "WORKFLOW_MINISCOPE_CONFIG": str(top / "conf.json"),
            "WORKFLOW_MINISCOPE_HOME": str(top / "home"),
            "MINISCOPE_ROOT_DATA_DIR": str(top / "raw"),
        }
        lab = Laboratory(server, disk, {**variables, **server.environment})
        ingested = lab.run("ingest", "--subjects", subjects, "--sessions", sessions)
        assert ingested.returncode == 0, ingested.stderr
        yield lab


def test_a_restart(laboratory):
    running = laboratory.begin("u1", patience=60)
    laboratory.server.stop()
    go_on(running)
    time.sleep(3)
    assert running.poll() is None
    laboratory.server.start()
    printed, error = running.communicate(timeout=120)
    assert running.returncode == 0, error
    assert "Traceback" not in error
    assert laboratory.count("u1") == (2, 0)


def test_a_server_that_stays_away(laboratory):
    """One sentence, after a wait that isn't repeated for all that is undone then; the next run goes on."""
    running = laboratory.begin("u2", patience=6)
    laboratory.server.stop()
    go_on(running)
    started = time.monotonic()
    _, error = running.communicate(timeout=120)
    waited = time.monotonic() - started
    laboratory.server.start()
    assert running.returncode == 1
    assert re.findall("^Error: (.*)", error, re.M)[0].startswith(AWAY)
    assert "Traceback" not in error
    assert waited < 2 * 6, "each thing that is undone waits anew"
    status, said = laboratory.finish("u2")
    assert status == 0, said
    assert laboratory.count("u2") == (2, 0)


def test_a_full_disk(laboratory):
    running = laboratory.begin("u3", patience=3)
    disks.fill(laboratory.disk, 0)
    go_on(running)
    printed, error = running.communicate(timeout=120)
    (laboratory.disk / "fill").unlink()
    if laboratory.server.process.poll() is not None:  # MariaDB aborts where its log finds no room
        laboratory.server.start()
        assert "does not answer any more" in error
    else:
        assert "The disk of the database server is full" in printed + error
    assert running.returncode == 1
    assert "Traceback" not in printed + error
    status, said = laboratory.finish("u3")
    assert status == 0, said
    assert laboratory.count("u3") == (2, 0)
