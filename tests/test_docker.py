"""The containers of docker/: what can be known of them without an engine, and their scripts run outside of one."""

import os
import re
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import psycopg2
import pytest
import typer
import yaml
from servers import postgresql, postgresql_missing, postgresql_programs

from workflow_miniscope.cli import app as cli
from workflow_miniscope.settings import Settings

TOP = Path(__file__).parents[1]
DOCKER = TOP / "docker"
COMPOSE = yaml.safe_load((DOCKER / "docker-compose.yaml").read_text())
DOCKERFILE = (DOCKER / "Dockerfile").read_text()
#: Those that run this project's image
OURS = [name for name, service in COMPOSE["services"].items() if "build" in service]
CHOSEN = {"RAW_DATA": "/data", "DJ_PASS": "choose", "JUPYTER_TOKEN": "choose"}


def test_the_services():
    assert set(COMPOSE["services"]) == {"database", "accounts", "backup", "worker", "jupyter", "dashboard"}
    assert set(OURS) == {"accounts", "worker", "jupyter", "dashboard"}
    for source in re.search(r"^COPY (environment.*) \./$", DOCKERFILE, re.M)[1].split():
        assert (TOP / source).exists()


def test_they_use_settings_that_exist():
    variables = {f.validation_alias.choices[0] for f in Settings.model_fields.values() if f.validation_alias}
    for name in OURS:
        assert (
            set(COMPOSE["services"][name]["environment"]) - {"JUPYTER_TOKEN", "WORKFLOW_MINISCOPE_CONFIG"} <= variables
        )


def commands():
    """What is run of this project, in the services and in their scripts."""
    for name in OURS:
        words = COMPOSE["services"][name]["command"]
        if words[0] == "workflow-miniscope":
            yield words[1:]
    for script in DOCKER.glob("*.sh"):
        for line in re.findall(r"^\s*workflow-miniscope (.*)$", script.read_text(), re.M):
            yield line.replace('"', "").split()


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_their_commands_exist(words):
    group, options = typer.main.get_command(cli.app), [word for word in words if word.startswith("--")]
    rest = list(words)
    while rest and hasattr(group, "commands"):
        name = rest.pop(0)
        assert name in group.commands, name
        group = group.commands[name]
    known = {name for parameter in group.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert set(options) <= known


def test_what_they_mount_is_there():
    named = set(COMPOSE["volumes"])
    made = set(re.findall(r"/\S+", re.search(r"mkdir -p (.*?) \\\n", DOCKERFILE)[1])) | {"/opt/workflow-miniscope"}
    for name, service in COMPOSE["services"].items():
        for volume in service["volumes"]:
            source, target = re.sub(r"\$\{\w+:[-?]([^}]*)\}", r"\1", volume).removesuffix(":ro").split(":")
            if source.startswith("."):
                assert (DOCKER / source).exists(), source
            elif "RAW_DATA" not in volume:
                assert source in named, source
            if name in OURS:  # else the folder would be root's, and the program's user could not write to it
                assert any(target == folder or target.startswith(f"{folder}/") for folder in made), target
    for service in COMPOSE["services"].values():
        for word in service.get("command", []):
            if word.endswith(".sh"):
                assert (DOCKER / Path(word).name).stat().st_mode & stat.S_IXUSR


def test_accounts_are_made_before_they_are_used():
    made = re.search(r"^for name in (.*); do$", (DOCKER / "accounts.sh").read_text(), re.M)[1].split()
    for name in set(OURS) - {"accounts"}:
        service = COMPOSE["services"][name]
        assert service["depends_on"] == {"accounts": {"condition": "service_completed_successfully"}}
        assert Path(service["environment"]["WORKFLOW_MINISCOPE_CONFIG"]).stem in made
        assert "DJ_PASS" not in service["environment"], "only the database and who makes accounts know it"


def test_no_password_is_in_the_files():
    for path in DOCKER.iterdir():
        assert not re.search(r"(PASS\w*|TOKEN)\s*[:=]\s*[\"']?\w+[\"']?\s*$", path.read_text(), re.M), path


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="Debian's docker-compose is not installed")
def test_compose_accepts_the_file():
    program = ["docker-compose", "--file", str(DOCKER / "docker-compose.yaml"), "config", "--quiet"]
    bare = {"PATH": os.environ["PATH"]}
    done = subprocess.run(program, env={**bare, **CHOSEN}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    refused = subprocess.run(program, env=bare, capture_output=True, text=True, timeout=60)
    assert refused.returncode and "choose a password for the database" in refused.stderr


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_the_scripts_are_sound():
    done = subprocess.run(["shellcheck", *sorted(DOCKER.glob("*.sh"))], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_a_new_database_encrypts(tmp_path):
    (tmp_path / "postgresql.conf").write_text("port = 5432\n")
    subprocess.run(["sh", DOCKER / "encrypt.sh"], env={**os.environ, "PGDATA": str(tmp_path)}, check=True, timeout=60)
    assert (tmp_path / "postgresql.conf").read_text() == "port = 5432\nssl = on\n"
    assert stat.S_IMODE((tmp_path / "server.key").stat().st_mode) == 0o600
    shown = subprocess.run(
        ["openssl", "x509", "-noout", "-subject", "-in", tmp_path / "server.crt"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "database" in shown.stdout


@pytest.mark.skipif(postgresql_missing() is not None, reason=str(postgresql_missing()))
def test_backups(tmp_path):
    with (
        tempfile.TemporaryDirectory(prefix="wfm") as place,
        postgresql(Path(place, "one")) as one,
        postgresql(Path(place, "two")) as two,
    ):

        def sql(server, statement):
            driver = psycopg2.connect(
                host="127.0.0.1", port=server["DJ_PORT"], user="mouse", password=server["DJ_PASS"], dbname="postgres"
            )
            driver.autocommit = True
            with driver.cursor() as cursor:
                cursor.execute(statement)
                found = cursor.fetchall() if cursor.description else None
            driver.close()
            return found

        def environment(server, **more):
            return {
                "PATH": f"{postgresql_programs()}:{os.environ['PATH']}",
                "PGHOST": "127.0.0.1",
                "PGPORT": server["DJ_PORT"],
                "PGUSER": "mouse",
                "PGPASSWORD": server["DJ_PASS"],
                "PGDATABASE": "postgres",
                "BACKUPS": str(tmp_path),
                **more,
            }

        def backup(server, *words, **more):
            program = ["sh", DOCKER / "backup.sh", *words]
            return subprocess.run(program, env=environment(server, **more), capture_output=True, text=True, timeout=60)

        sql(one, "CREATE ROLE lab_reader; CREATE SCHEMA lab; CREATE TABLE lab.cells AS SELECT 1 AS cell")
        sql(one, "GRANT USAGE ON SCHEMA lab TO lab_reader; GRANT SELECT ON lab.cells TO lab_reader")
        (tmp_path / "20250101-000000.dump.partial").write_text("of a backup that was killed")
        for old in ("20250101-000000", "20250102-000000"):
            (tmp_path / f"{old}.dump").write_text("")
            (tmp_path / f"{old}.roles.sql").write_text("")
        done = backup(one, "once", KEEP="2")
        assert done.returncode == 0, done.stderr
        (new,) = (path for path in tmp_path.glob("*.dump") if not path.name.startswith("2025010"))
        assert {path.name for path in tmp_path.iterdir()} == {
            "20250102-000000.dump",
            "20250102-000000.roles.sql",
            new.name,
            f"{new.stem}.roles.sql",
        }
        assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in tmp_path.glob(f"{new.stem}.*"))

        # what happened since is undone; and a new server gets the roles with the rights
        sql(one, "INSERT INTO lab.cells VALUES (2)")
        for server in (one, two):
            done = backup(server, "restore", str(new))
            assert done.returncode == 0, done.stderr
            assert sql(server, "SELECT cell FROM lab.cells") == [(1,)]
            assert sql(server, "SELECT has_table_privilege('lab_reader', 'lab.cells', 'SELECT')") == [(True,)]

        missing = backup(one, "restore", str(tmp_path / "no.dump"))
        assert missing.returncode and new.name in missing.stderr
        before = sorted(tmp_path.iterdir())
        failed = backup(one, "once", PGPASSWORD="wrong")
        assert failed.returncode
        assert sorted(tmp_path.iterdir()) == before
        assert backup(one).returncode == 2

        # and again and again, until the container is stopped
        again = subprocess.Popen(
            ["sh", DOCKER / "backup.sh", "every", "300"],
            env=environment(one),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert again.stdout.readline().startswith("Wrote ")
        again.terminate()
        assert again.wait(20) == 0
