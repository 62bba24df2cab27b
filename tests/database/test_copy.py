"""A database copied into a server: killed in the middle, gone on with, the same in every bit, and never mixed."""

import json
import re
from pathlib import Path

import copied
import pytest
from processes import begin
from servers import mariadb, mariadb_missing, postgresql, postgresql_missing

from workflow_miniscope import process
from workflow_miniscope.database import jobs

RESULT = Path(__file__).parents[1] / "results" / "data" / "caiman_1.12.1_fit_file_80px.hdf5"
SERVERS = {"mysql": (mariadb, mariadb_missing()), "postgresql": (postgresql, postgresql_missing())}

# Ends without a word in the middle of a table
KILLED = """
import os, sys
from workflow_miniscope.cli import app
from workflow_miniscope.database import raw_rows
from workflow_miniscope.work import copying
copying.MOST_ROWS = 2
original, left = raw_rows.Server.insert, [{statements}]
def insert(self, *args):
    original(self, *args)
    left[0] -= 1
    if not left[0]:
        os._exit(9)
raw_rows.Server.insert = insert
sys.argv = ["workflow-miniscope", "db", "copy", "--to", {config!r}]
app.main()
"""

# Goes on with it, prints what is there, and copies once more what was changed at the source meanwhile
GO_ON = """
import os, sys
from workflow_miniscope.cli import app
from workflow_miniscope.database.raw_rows import open_server
from workflow_miniscope.settings import get_settings
here = get_settings()
sys.argv = ["workflow-miniscope", "db", "copy", "--to", {config!r}]
try:
    app.main()
except SystemExit as exit:
    if exit.code:
        raise
print("content")
import copied
print(copied.content())
from workflow_miniscope.work import copying
print(copying.copy_all(open_server(here), here.prefix, progress=False))
source = open_server(here)
with source.driver.cursor() as cursor:
    cursor.execute("UPDATE test_subject.subject SET subject_description = 'other' WHERE subject = 'c_skip'")
try:
    copying.copy_all(open_server(here), here.prefix, progress=False)
except Exception as error:
    print(error)
"""


@pytest.fixture(scope="module", params=list(SERVERS))
def target(request, tmp_path_factory):
    """The configuration file of an empty server."""
    run, missing = SERVERS[request.param]
    if missing is not None:
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("target")
    with run(folder / "server") as variables:
        config = {f"database.{name[3:].lower()}": value for name, value in variables.items() if name != "DJ_USE_TLS"}
        config |= {"database.port": int(config["database.port"]), "database.use_tls": False}
        config["database.password"] = config.pop("database.pass")
        if "database.database_name" in config:
            config["database.name"] = config.pop("database.database_name")
        path = folder / "dj_local_conf.json"
        path.write_text(json.dumps(config))
        yield path


@pytest.fixture
def content(pipeline, load):
    """A recording with everything computed, and one that nobody wants: the same for every target."""
    if pipeline.Subject & {"subject": "c_skip"}:
        pipeline.Subject.update1({"subject": "c_skip", "subject_description": ""})
        return
    keys = [load("Mäuschen 3", RESULT), load("c_skip", RESULT)]
    queue = jobs.open_jobs(pipeline.miniscope.Processing())
    queue.insert1({**(pipeline.miniscope.ProcessingTask & keys[1]).fetch1("KEY"), "status": "ignore", "priority": 5})
    process.process(restrict={"subject": "Mäuschen 3"}, progress=False)
    assert pipeline.miniscope.Fluorescence & keys[0]


def test_killed_and_gone_on_with(content, target):
    killed = begin(KILLED.format(statements=25, config=str(target)))
    _, error = killed.communicate(timeout=900)
    assert killed.returncode == 9, error[-2000:]

    expected = copied.content().splitlines()
    going_on = begin(GO_ON.format(config=str(target)))
    printed, error = going_on.communicate(timeout=900)
    assert going_on.returncode == 0, error[-3000:]
    report, rest = printed.split("content\n")
    assert re.search(r"\n\d+ rows \([\d.]+ MB\) were copied, [1-9]\d* were there already\. Counts", report)
    assert "jobs of Processing" in report
    *tables, again, refusal = rest.strip().splitlines()
    assert tables[: len(expected)] == expected
    assert again.startswith("0 rows (0.0 MB) were copied, ")
    assert "rows in subject.Subject that differ from this database's" in refusal
