"""Accounts and rights on both kinds of server, without the workflow's tables."""

import tempfile
import time
from pathlib import Path

import psycopg2
import pymysql
import pytest
from servers import PASSWORD, mariadb, mariadb_missing, postgresql, postgresql_missing

from workflow_miniscope.database.people import Lab, MySQLAccounts, PostgreSQLAccounts, passwords
from workflow_miniscope.errors import DatabaseError, ParameterError

SERVERS = {"postgresql": (postgresql, postgresql_missing), "mysql": (mariadb, mariadb_missing)}
DRIVERS = (psycopg2.Error, pymysql.MySQLError)
LAB = Lab(
    "lab_",
    ("lab_subject", "lab_workflow"),
    filled=frozenset({("lab_subject", "subject"), ("lab_workflow", "worker")}),
    changed=frozenset({("lab_workflow", "worker")}),
    emptied=frozenset({("lab_workflow", "worker")}),
)
SECRET = "correct-horse-1"


class Bare:
    """A server with two schemas of a laboratory, and one of others."""

    def __init__(self, backend, environment, folder):
        self.backend, self.port, self.folder = backend, int(environment["DJ_PORT"]), folder

    def login(self, user="mouse", password=PASSWORD):
        if self.backend == "mysql":
            return pymysql.connect(host="127.0.0.1", port=self.port, user=user, password=password, autocommit=True)
        driver = psycopg2.connect(host="127.0.0.1", port=self.port, user=user, password=password, dbname="postgres")
        driver.autocommit = True
        return driver

    def sql(self, statement, user="mouse", password=PASSWORD):
        driver = self.login(user, password)
        try:
            with driver.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
        finally:
            driver.close()

    def may(self, user, statement):
        """Return whether the server lets somebody do something."""
        try:
            self.sql(statement, user, SECRET)
        except DRIVERS as error:
            assert getattr(error, "pgcode", None) == "42501" or error.args[0] in (1044, 1142, 1227), error
            return False
        return True

    def accounts(self, user="mouse", password=PASSWORD):
        from datajoint.adapters import get_adapter

        driver = self.login(user, password)
        if self.backend == "postgresql":
            driver.autocommit = False
        kind = MySQLAccounts if self.backend == "mysql" else PostgreSQLAccounts
        return kind(driver, get_adapter(self.backend), LAB)

    def add(self, name, role, password=SECRET):
        accounts = self.accounts()
        accounts.carry_out(accounts.plan_add(name, role, password))
        accounts.driver.close()

    def remove(self, name):
        accounts = self.accounts()
        accounts.check_remove(name)
        accounts.carry_out(accounts.plan_remove(name))
        accounts.driver.close()


@pytest.fixture(scope="module", params=SERVERS)
def bare(request):
    start, missing = SERVERS[request.param]
    if missing() is not None:
        pytest.skip(str(missing()))
    # another run of the tests closes the folders of pytest's to the server's own user
    with tempfile.TemporaryDirectory(prefix="wfm") as place, start(Path(place, "server")) as environment:
        server = Bare(request.param, environment, Path(place, "server"))
        # the second prefix begins as ours does; the third has a letter where a pattern would take any
        for name in (
            "lab_subject.subject", "lab_workflow.worker", "lab_workflow.declared", "lab_b_workflow.worker",
            "labxsubject.subject",
        ):  # fmt: skip
            schema = name.split(".")[0]
            if schema != "lab_workflow" or name.endswith("worker"):
                server.sql(f"CREATE SCHEMA {schema}")
            server.sql(f"CREATE TABLE {name} (a int)")
        yield server


ROW = "INSERT INTO lab_subject.subject VALUES (1)"
QUEUE = "DELETE FROM lab_workflow.worker"


@pytest.mark.parametrize(
    ("role", "allowed", "refused"),
    [
        (
            "reader",
            ["SELECT * FROM lab_subject.subject", "SELECT * FROM lab_workflow.declared"],
            [ROW, QUEUE, "UPDATE lab_workflow.worker SET a = 1", "CREATE TABLE lab_subject.mine (a int)"],
        ),
        (
            "operator",
            ["SELECT * FROM lab_workflow.declared", ROW, QUEUE, "UPDATE lab_workflow.worker SET a = 1"],
            [
                "DELETE FROM lab_subject.subject",
                "UPDATE lab_subject.subject SET a = 2",
                "INSERT INTO lab_workflow.declared VALUES (1)",
                "CREATE TABLE lab_subject.mine (a int)",
                "DROP TABLE lab_workflow.declared",
            ],
        ),
        (
            "admin",
            [
                ROW,
                "DELETE FROM lab_subject.subject",
                "CREATE TABLE lab_subject.mine (a int)",
                "ALTER TABLE lab_subject.subject ADD COLUMN b int",
                "ALTER TABLE lab_subject.subject DROP COLUMN b",
                "DROP TABLE lab_subject.mine",
            ],
            ["CREATE SCHEMA lab_other"],
        ),
    ],
)
def test_what_a_role_may(bare, role, allowed, refused):
    name = f"is_{role}"
    bare.add(name, role)
    for statement in allowed:
        assert bare.may(name, statement), statement
    elsewhere = ["SELECT * FROM lab_b_workflow.worker", "SELECT * FROM labxsubject.subject"]
    for statement in (*refused, *elsewhere, "CREATE TABLE labxsubject.mine (a int)"):
        assert not bare.may(name, statement), statement
    assert bare.accounts().people()[name] == role
    assert not bare.accounts().plan_update()
    with pytest.raises(DatabaseError, match=f"User '{name}' may not make accounts or give roles"):
        accounts = bare.accounts(name, SECRET)
        accounts.carry_out(accounts.plan_add("eve", "admin", SECRET))
    bare.remove(name)


def test_another_role_and_another_password(bare):
    bare.add("carl", "admin")
    bare.add("carl", "reader", None)
    assert bare.accounts().people()["carl"] == "reader"
    assert bare.may("carl", "SELECT * FROM lab_subject.subject")
    assert not bare.may("carl", "DELETE FROM lab_subject.subject")
    assert not bare.accounts().plan_add("carl", "reader", None)
    bare.add("carl", "reader", "another-one-2")
    bare.sql("SELECT 1", "carl", "another-one-2")
    with pytest.raises(DRIVERS):
        bare.login("carl", SECRET)
    bare.remove("carl")


def test_who_leaves(bare):
    bare.add("dora", "operator")
    driver = bare.login("dora", SECRET)
    bare.remove("dora")
    assert "dora" not in bare.accounts().people() and not bare.accounts().knows("dora")
    with pytest.raises(DRIVERS):
        driver.cursor().execute("SELECT 1")
    with pytest.raises(DRIVERS):
        bare.login("dora", SECRET)
    for wrong, sentence in (("dora", "has no role in this database"), ("mouse", "is who asks")):
        with pytest.raises(ParameterError, match=sentence):
            bare.accounts().check_remove(wrong)


def test_who_leaves_one_laboratory_keeps_what_is_elsewhere(bare):
    bare.add("emil", "reader")
    if bare.backend == "postgresql":
        bare.sql("GRANT USAGE ON SCHEMA labxsubject TO emil")
    bare.sql("GRANT SELECT ON labxsubject.subject TO emil" + ("@'%'" if bare.backend == "mysql" else ""))
    bare.remove("emil")
    assert bare.may("emil", "SELECT * FROM labxsubject.subject")
    assert not bare.may("emil", "SELECT * FROM lab_subject.subject")


def test_what_is_new_after_an_upgrade(bare):
    bare.add("fay", "reader")
    bare.sql("CREATE TABLE lab_subject.later (a int)")
    accounts = bare.accounts()
    accounts.carry_out(accounts.plan_update())
    assert bare.may("fay", "SELECT * FROM lab_subject.later")
    assert not bare.accounts().plan_update()
    bare.sql("DROP TABLE lab_subject.later")
    bare.remove("fay")


def test_neither_the_server_nor_anybody_sees_a_password(bare):
    if bare.backend == "postgresql":
        bare.sql("ALTER SYSTEM SET log_statement = 'all'")
        bare.sql("SELECT pg_reload_conf()")
        time.sleep(0.5)  # the server reads it when it gets to it
    else:
        bare.sql(f"SET GLOBAL general_log_file = '{bare.folder / 'general.log'}'")
        bare.sql("SET GLOBAL general_log = ON")
    accounts = bare.accounts()
    statements = accounts.plan_add("gus", "reader", SECRET)
    assert any("(not shown)" in str(one) for one in statements)
    accounts.carry_out(statements)
    bare.sql("SELECT 1", "gus", SECRET)
    logged = "".join(path.read_text(errors="replace") for path in bare.folder.glob("*.log"))
    assert "gus" in logged
    with pytest.raises(DatabaseError) as caught:  # the account is there already
        accounts.carry_out(statements)
    for text in (logged, str(caught.value), repr(statements), *map(str, statements)):
        assert SECRET not in text
    for one in statements:
        assert not one.secret or one.secret not in str(one) + str(caught.value) + repr(one)
    bare.remove("gus")


@pytest.mark.parametrize("name", ["k'im", "kim@lab", "1kim", "", "k" * 33, "kim;"])
def test_names_that_cannot_be(bare, name):
    with pytest.raises(ParameterError, match="cannot be the name of an account"):
        bare.accounts().check_add(name)


def test_administrators_keep_their_accounts(bare):
    with pytest.raises(ParameterError, match="is an administrator of the server"):
        bare.accounts().check_add("mouse")


def test_a_file_with_a_password(tmp_path, caplog):
    path = tmp_path / "secret"
    path.write_text("correct-horse-1\nmore\n")
    path.chmod(0o600)
    assert passwords.read(path) == "correct-horse-1"
    assert caplog.text == ""
    path.chmod(0o644)
    passwords.read(path)
    assert f"chmod 600 {path}" in caplog.text
    assert len({passwords.make_up() for _ in range(100)}) == 100 and len(passwords.make_up()) >= 32
