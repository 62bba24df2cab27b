"""Roles on a shared server: what a reader, an operator and an admin can do, really done as each of them."""

import json
import os
import pty
import re
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psycopg2
import pymysql
import pytest
from planted import recording as plant
from processes import TESTS
from recordings import write_session
from servers import mariadb, mariadb_missing, postgresql, postgresql_missing
from terminals import in_terminal, without_styles

ANIMAL = "role"
NAME = f"{ANIMAL}_20260115-102030"
PREFIX = "lab_"
SERVERS = {"postgresql": (postgresql, postgresql_missing), "mysql": (mariadb, mariadb_missing)}

# Commands in one process, which imports and connects once: it prints what became of each
COMMANDS = """
import contextlib, io, json, sys
from workflow_miniscope.cli.app import main
for arguments in json.load(sys.stdin):
    out, error, status = io.StringIO(), io.StringIO(), 0
    sys.argv = ["workflow-miniscope", *arguments]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        try:
            main()
        except SystemExit as ended:
            status = ended.code or 0
    print(json.dumps([status, out.getvalue(), error.getvalue()]), file=sys.__stdout__, flush=True)
"""


class LabServer:
    """A server, its administrator, and people with configurations of their own."""

    def __init__(self, backend, environment, folder):
        self.backend, self.environment, self.folder = backend, environment, folder

    def variables(self, who):
        """The environment of a person, or of the server's administrator."""
        common = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PYTHONPATH": str(TESTS),
            "PYTHONWARNINGS": "ignore",
            "WORKFLOW_MINISCOPE_HOME": str(self.folder / "home"),
            "WORKFLOW_MINISCOPE_ENGINE_PROCESS": "false",
            "MINISCOPE_ROOT_DATA_DIR": str(self.folder / "raw"),
        }
        if who == "administrator":
            return {**common, **self.environment, "DATABASE_PREFIX": PREFIX}
        return {**common, "WORKFLOW_MINISCOPE_CONFIG": str(self.folder / f"{who}.json")}

    def run(self, who, *commands, **more):
        """Run commands as somebody, one after the other; return status, output and errors of each."""
        done = subprocess.run(
            [sys.executable, "-c", COMMANDS],
            input=json.dumps([[str(word) for word in command] for command in commands]),
            env={**self.variables(who), **more},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=400,
        )
        found = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(found) == len(commands), done.stderr[-3000:]
        return found

    def program(self, who, text):
        """Run a Python program as somebody; return what it printed."""
        done = subprocess.run(
            [sys.executable, "-c", text],
            env=self.variables(who),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=400,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def login(self, who, password=None):
        """Connect with a bare driver."""
        if who == "administrator":
            user, password = self.environment["DJ_USER"], self.environment["DJ_PASS"]
        else:
            user, password = who, password or self.password(who)
        port = int(self.environment["DJ_PORT"])
        if self.backend == "mysql":
            return pymysql.connect(host="127.0.0.1", port=port, user=user, password=password, autocommit=True)
        driver = psycopg2.connect(host="127.0.0.1", port=port, user=user, password=password, dbname="postgres")
        driver.autocommit = True
        return driver

    def password(self, who):
        return json.loads((self.folder / f"{who}.json").read_text())["database.password"]

    def sql(self, who, statement):
        driver = self.login(who)
        try:
            with driver.cursor() as cursor:
                cursor.execute(statement if self.backend == "mysql" else statement.replace("`", '"'))
                return cursor.fetchall() if cursor.description else []
        finally:
            driver.close()

    def may(self, who, statement):
        """Return whether the server lets somebody do something."""
        try:
            self.sql(who, statement)
        except (psycopg2.errors.InsufficientPrivilege, pymysql.err.OperationalError) as error:
            assert getattr(error, "pgcode", None) == "42501" or error.args[0] in (1044, 1142, 1227), error
            return False
        return True


@pytest.fixture(scope="module", params=SERVERS)
def lab(request, tmp_path_factory):
    """A server with the tables of a laboratory, a reader, an operator and an admin."""
    start, missing = SERVERS[request.param]
    if missing() is not None:
        pytest.skip(str(missing()))
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "raw").mkdir()
    # another run of the tests closes the folders of pytest's to the server's own user
    with tempfile.TemporaryDirectory(prefix="wfm") as place, start(Path(place, "server")) as environment:
        server = LabServer(request.param, environment, folder)
        done = server.run(
            "administrator",
            *(["db", "roles", "--add", one, "--role", one, "--write", f"{one}.json"] for one in ("reader", "operator")),
            ["db", "roles", "--add", "admin", "--role", "admin", "--write", "admin.json"],
        )
        assert [one[0] for one in done] == [0, 0, 0], done
        yield server


@pytest.fixture(scope="module")
def processed(lab):
    """A recording of a scope and a camera that the operator ingested and processed."""
    raw = lab.folder / "raw"
    planted = plant(height=64, width=80, frames=300, n=4, motion=1, seed=3)
    written = write_session(
        raw,
        animal=ANIMAL,
        movie=planted.movie.array,
        frames_per_file=100,
        cameras=["Face Cam"],
        times_ms=(50 * np.arange(300)).tolist(),
    )
    (lab.folder / "subjects.csv").write_text(
        f"subject,sex,subject_birth_date,subject_description\n{ANIMAL},M,2025-09-01,planted\n"
    )
    session_dir = written.folder.relative_to(raw).as_posix()
    (lab.folder / "sessions.csv").write_text(
        f"subject,session_dir,acq_software\n{ANIMAL},{session_dir},Miniscope-DAQ-V4\n"
    )
    return lab.run(
        "operator",
        ["ingest", "--subjects", "subjects.csv", "--sessions", "sessions.csv"],
        ["process"],
        ["worker", "--once"],
        ["list", "--json"],
    )


CURATE = f"""
from workflow_miniscope.results.curation import Event
from workflow_miniscope.work.curation import curating
with curating("subject={ANIMAL}", "ada") as at_it:
    at_it.log.append([Event.new("decide", [0], "rejected").as_json()])
    at_it.changed()
    print(at_it.commit())
"""


def test_an_operator_ingests_processes_and_curates(lab, processed):
    assert [one[0] for one in processed] == [0, 0, 0, 0], processed
    assert "face.NeuralPrediction" in processed[1][1] and "miniscope.Activity" in processed[1][1]
    assert "curation 2" in lab.program("operator", CURATE)
    after, retried = lab.run("operator", ["worker", "--once"], ["jobs", "retry"])
    assert after[0] == 0 and "face.NeuralPrediction" in after[1]  # of the curated cells
    assert retried[0] == 0, retried


def test_an_operator_removes_nothing_and_makes_no_tables(lab, processed):
    removed, again = lab.run(
        "operator",
        ["remove", f"{NAME}_0", "--yes"],
        ["db", "roles", "--add", "eve", "--role", "admin", "--write", "eve"],
    )
    assert removed[0] == 1
    assert "The database does not let user 'operator' do this" in removed[2] and "Nothing is changed" in removed[2]
    assert again[0] == 1 and "may not make accounts" in again[2]
    assert not (lab.folder / "eve").exists()
    assert not lab.may("operator", "CREATE TABLE `lab_subject`.`mine` (a int)")
    assert not lab.may("operator", "DROP TABLE `lab_exclusion`.`excluded_camera`")
    assert not lab.may("operator", "DELETE FROM `lab_subject`.`subject`")
    assert not lab.may("operator", "UPDATE `lab_session`.`session` SET subject = 'other'")
    assert not lab.may("operator", "DELETE FROM `lab_workflow`.`declared`")


def test_a_reader_reads_everything_and_changes_nothing(lab, processed):
    names = [f"{NAME}_0_p0_c1", f"{NAME}_0_p0_c1"]
    commands = [
        ["status"],
        ["list"],
        ["report", "--output", "report"],
        ["publish", "--check"],
        ["compare", *names],
        ["db", "status"],
        ["db", "roles"],
    ]
    found = lab.run("reader", *commands, ["jobs", "retry"], ["exclude", f"{NAME}_0", "--reason", "x", "--yes"])
    assert [one[0] for one in found[: len(commands)]] == [0, 0, 0, 1, 0, 0, 0], found  # 1: some things are missing
    assert "required" in found[3][1]
    assert f"{NAME}_0" in found[1][1]
    assert list((lab.folder / "report").glob("*.png"))
    for status, _, error in found[len(commands) :]:
        assert status == 1 and "The database does not let user 'reader' do this" in error
    assert lab.may("reader", "SELECT * FROM `lab_miniscope`.`~~processing`")
    for statement in (
        "INSERT INTO `lab_reference`.`~lineage` VALUES ('a', 'b', 'c')",
        "UPDATE `lab_session`.`session` SET subject = 'other'",
        "DELETE FROM `lab_miniscope`.`~~processing`",
        "CREATE TABLE `lab_subject`.`mine` (a int)",
        "DROP TABLE `lab_exclusion`.`excluded_camera`",
    ):
        assert not lab.may("reader", statement), statement


def test_an_admin_removes_and_declares(lab, processed):
    lab.sql("admin", "DROP TABLE `lab_exclusion`.`excluded_camera`")
    lab.sql("admin", "DELETE FROM `lab_workflow`.`declared`")  # as after an upgrade
    ((status, _, error),) = lab.run("operator", ["list"])
    assert status == 1
    assert "are not in the database yet, and user 'operator' may not make them" in error
    listed, removed = lab.run("admin", ["list"], ["remove", f"{NAME}_v0", "--dry-run"])
    assert listed[0] == 0, listed
    assert removed[0] == 0 and "Nothing was done" in removed[1]
    # what the admin made is the laboratory's, not the admin's, and the others lack rights on it
    told, updated, after = lab.run("administrator", ["db", "roles"], ["db", "roles", "--update"], ["db", "roles"])
    assert ("db roles --update" in told[1]) == (lab.backend == "postgresql"), "MySQL keeps what is granted on a name"
    assert updated[0] == 0, updated
    assert "--update" not in after[1]
    if lab.backend == "postgresql":
        ((owner,),) = lab.sql("administrator", "SELECT tableowner FROM pg_tables WHERE tablename = 'excluded_camera'")
        assert owner == "lab_miniscope_admin"
    found = lab.run("operator", ["exclude", f"{NAME}_v0", "--reason", "x", "--yes"])
    assert found[0][0] == 0, found
    included, gone = lab.run("admin", ["include", f"{NAME}_v0", "--yes"], ["remove", f"{NAME}_v0", "--yes"])
    assert included[0] == 0 and gone[0] == 0, (included, gone)
    assert lab.sql("reader", "SELECT count(*) FROM `lab_facemap`.`video_recording`")[0][0] == 0


def test_who_may_change_nothing_works_with_a_newer_datajoint(lab):
    """Tables are mended at the first start of another version, which those without rights leave to others."""
    lab.sql("admin", "DELETE FROM `lab_workflow`.`declared`")
    assert [one[0] for one in lab.run("reader", ["status"])] == [0]
    assert lab.sql("admin", "SELECT count(*) FROM `lab_workflow`.`declared`")[0][0] == 0
    assert [one[0] for one in lab.run("admin", ["status"])] == [0]
    assert lab.sql("admin", "SELECT count(*) FROM `lab_workflow`.`declared`")[0][0] == 1


def test_somebody_comes_and_leaves(lab):
    add, remove = ["db", "roles", "--add", "dora", "--role"], ["db", "roles", "--remove"]
    added, again, same, listed, planned, unasked, removed, unknown, after = lab.run(
        "administrator",
        [*add, "admin", "--write", "dora.json"],
        [*add, "reader"],  # whose password stays
        [*add, "reader", "--dry-run"],
        ["db", "roles"],
        [*remove, "dora", "--dry-run"],
        [*remove, "dora"],
        [*remove, "dora", "--yes"],
        [*remove, "operatr", "--yes"],
        ["db", "roles"],
    )
    assert added[0] == 0 and again[0] == 0, (added, again)
    assert same[1] == "-- Nothing to do.\n"
    assert stat.S_IMODE((lab.folder / "dora.json").stat().st_mode) == 0o600
    assert re.search(r"^dora +reader$", listed[1], re.M) and "DROP" in planned[1]
    assert unasked[0] == 2 and "--yes" in unasked[2]
    assert removed[0] == 0, removed
    assert unknown[0] == 2 and "did you mean 'operator'?" in unknown[2]
    assert "dora" not in after[1] and "operator" in after[1]
    with pytest.raises((psycopg2.Error, pymysql.MySQLError)):
        lab.login("dora")


def test_no_password_is_seen(lab):
    """Neither in what is printed nor in the log file, whatever goes wrong (what the server sees: test_accounts.py)."""
    secret = "correct-horse-1"
    (lab.folder / "secret").write_text(secret + "\n")
    (lab.folder / "secret").chmod(0o600)
    add = ["db", "roles", "--role", "reader", "--add"]
    found = lab.run(
        "administrator",
        [*add, "fay", "--password-file", "secret", "--dry-run"],
        [*add, "fay", "--password-file", "secret"],
        [*add, "gus"],  # from the environment
        [*add, "fay", "--password-file", "nothing"],
        ["--debug", *add, "hal", "--password-file", "secret"],
        WORKFLOW_MINISCOPE_NEW_PASSWORD=secret,
    )
    refused = lab.run("reader", [*add, "ida", "--password-file", "secret"])
    assert [one[0] for one in found] == [0, 0, 0, 2, 0], found
    assert refused[0][0] == 1
    assert "(not shown)" in found[0][1] and "(not shown)" in refused[0][2]
    for who in ("fay", "gus", "hal"):
        lab.login(who, secret).close()
    logged = "".join(path.read_text() for path in (lab.folder / "home" / "logs").iterdir())
    assert "fay" in logged
    for text in (logged, *(str(one) for one in (*found, *refused))):
        assert secret not in text


def test_a_password_is_asked_for_at_a_terminal(lab):
    secret = "battery-staple-2"
    program = "from workflow_miniscope.cli.app import main; main()"
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-c", program, "db", "roles", "--add", "jan", "--role", "reader"],
        stdin=theirs, stdout=theirs, stderr=theirs, env=lab.variables("administrator"), cwd=lab.folder,
    )  # fmt: skip
    os.close(theirs)
    try:
        shown = b""
        for asked in (b"Password of jan", b"confirmation"):
            while asked not in shown:
                shown += os.read(ours, 1000)
            time.sleep(0.2)  # until the terminal's echo is off
            os.write(ours, secret.encode() + b"\n")
        while b"jan is reader now" not in shown:
            shown += os.read(ours, 1000)
        assert running.wait(60) == 0
    finally:
        running.kill()
        running.wait()
        os.close(ours)
    assert secret.encode() not in shown
    lab.login("jan", secret).close()


def test_wrong_use(lab):
    before = (lab.folder / "reader.json").read_text()
    wrong = {
        "Say which role kim gets": ["--add", "kim"],
        "Nobody can be asked for the password of kim": ["--add", "kim", "--role", "reader"],
        "cannot be the name of an account": ["--add", "k'im", "--role", "reader"],
        "is an administrator of the server": ["--add", "mouse", "--role", "reader"],
        "give one of them": ["--add", "kim", "--remove", "kim"],
        "belong to --add": ["--role", "reader"],
        "is who asks": ["--remove", "mouse", "--yes"],
        "is there already": ["--add", "kim", "--role", "reader", "--write", "reader.json"],
    }
    found = lab.run("administrator", *(["db", "roles", *arguments] for arguments in wrong.values()), ["db", "roles"])
    for sentence, (status, _, error) in zip(wrong, found[:-1], strict=True):
        assert status == 2, error
        assert sentence in error
    assert "kim" not in found[-1][1]
    assert (lab.folder / "reader.json").read_text() == before


def test_the_accounts_of_containers(lab):
    """The script of docker/ that makes them: twice, as at two starts."""
    if lab.backend != "postgresql":
        pytest.skip("the containers' database is PostgreSQL")
    folder = lab.folder / "accounts"
    folder.mkdir()
    environment = lab.variables("administrator")
    environment |= {"ACCOUNTS": str(folder), "PATH": f"{Path(sys.executable).parent}:{environment['PATH']}"}
    for _ in range(2):
        done = subprocess.run(
            ["sh", TESTS.parent / "docker" / "accounts.sh"],
            env=environment,
            cwd=lab.folder,
            capture_output=True,
            text=True,
            timeout=400,
        )
        assert done.returncode == 0, done.stderr
    assert "worker is operator now" not in done.stdout
    for name in ("worker", "jupyter", "dashboard"):
        (lab.folder / f"{name}.json").write_text((folder / f"{name}.json").read_text())
        assert lab.may(name, "DELETE FROM `lab_miniscope`.`~~processing`")
        assert not lab.may(name, "DROP TABLE `lab_exclusion`.`excluded_camera`")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals of this kind")
def test_a_terminal_shows_the_roles_as_a_table(lab):
    written = in_terminal(80, "-m", "workflow_miniscope", "db", "roles", **lab.variables("administrator"))
    assert re.search(r"\x1b\[1m *name", written), "headings are bold, as in every table"
    assert [line.split() for line in without_styles(written).splitlines()[:2]] == [["name", "role"], ["admin", "admin"]]


def test_the_embedded_database_has_no_roles(run):
    found = run("db", "roles")
    assert found.status == 1
    assert "The embedded database belongs to its user alone" in found.err


def test_nothing_is_made_by_looking(tmp_path_factory):
    """A dry run, or the list, on a server without tables."""
    start, missing = SERVERS["postgresql"]
    if missing() is not None:
        pytest.skip(str(missing()))
    folder = tmp_path_factory.mktemp("looking")
    with tempfile.TemporaryDirectory(prefix="wfm") as place, start(Path(place, "server")) as environment:
        server = LabServer("postgresql", environment, folder)
        add = ["db", "roles", "--add", "lea", "--role", "reader", "--dry-run"]
        for status, _, error in server.run("administrator", ["db", "roles"], add):
            assert status == 1 and "has no tables of the workflow yet" in error
        assert server.sql("administrator", "SELECT 1 FROM pg_namespace WHERE nspname LIKE 'lab%'") == []
