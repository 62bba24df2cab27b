"""The page of what goes on, in a real browser, on a real server."""

import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest
from starlette.testclient import TestClient

from workflow_miniscope.errors import DatabaseError
from workflow_miniscope.web.dashboard import dashboard_app
from workflow_miniscope.work.monitor import Cost, Snapshot, TableState, Task
from workflow_miniscope.work.progress import Failure

SEEN = Snapshot(
    datetime(2026, 1, 15, 10, 20, 30, tzinfo=UTC),
    (
        TableState("miniscope.Recording", 40, 0, 0, 0, 0),
        TableState("miniscope.Processing", 12, 2, 1, 1, 24),
        TableState("recording.Notes", 40, 0, 0, 0, 0),
    ),
    (
        Task("rig2", 12, "miniscope.Processing", "m1_20260115-102030_0_p0", 90.0, 300.0, True),
        Task("old-pc", 13, "miniscope.Processing", "m2_20260115-102030_0_p0", 5000.0, None, False),
    ),
    2,
    (Cost("m1_20260114-090000", 4000.0), Cost("m2_20260114-090000", 1000.0)),
    7200.0,
    (Failure("miniscope.Processing", "m3_20260115-102030_0_p0", "The video ends too early.", datetime(2026, 1, 15)),),
)


def test_what_is_asked_and_answered():
    looks, acts = [], []

    def look():
        looks.append(1)
        if len(looks) == 1:
            raise DatabaseError("The server does not answer.")
        return SEEN

    def act(*words):
        acts.append(words)
        return 1

    client = TestClient(dashboard_app(look, act, "the database"))
    answer = client.get("/api/state")
    assert (answer.status_code, answer.json()) == (503, {"error": "The server does not answer."})
    state = client.get("/api/state").json()
    assert state["tables"][1] == {
        "name": "miniscope.Processing", "done": 12, "running": 2, "failed": 1, "ignored": 1, "waiting": 24
    }  # fmt: skip
    client.get("/api/state")
    assert len(looks) == 2, "it is not looked again for another window at the same moment"
    body = {"action": "retry", "name": "m3", "table": "miniscope.Processing"}
    assert client.post("/api/jobs", json=body).json() == {"jobs": 1}
    assert acts == [("retry", "m3", "miniscope.Processing")]
    for wrong in ({**body, "action": "clear"}, {"action": "retry"}, [1]):
        assert client.post("/api/jobs", json=wrong).status_code == 400
    assert len(acts) == 1


@pytest.fixture
def dashboard(pipeline):
    """A running dashboard of the tests' own database."""
    process = subprocess.Popen(
        [sys.executable, "-m", "workflow_miniscope", "dashboard", "--no-browser"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    printed = ""
    while "Ctrl-C" not in printed:
        line = process.stdout.readline()
        assert line, printed
        printed += line
    yield re.search(r"http://\S+", printed)[0]
    process.send_signal(signal.SIGINT)
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        time.sleep(0.1)
    process.kill()
    assert process.wait() == 0


def test_the_page_shows_the_database(dashboard, open_page, pipeline):
    page = open_page(dashboard)
    page.wait_for_selector("#numbers .number")
    assert "the database of this computer" in page.inner_text("header")
    recordings = len(pipeline.miniscope.Recording()) + len(pipeline.facemap.VideoRecording())
    assert page.inner_text("#numbers .number >> nth=0").split() == [str(recordings), "recordings"]
    assert page.is_hidden("#problem")
