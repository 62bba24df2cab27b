"""dj_local_conf.json and the environment."""

import json
import os
from pathlib import Path

import pytest

from workflow_miniscope import settings
from workflow_miniscope.errors import SettingsError
from workflow_miniscope.settings import find_config, load_settings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    for name in (
        "DJ_HOST DJ_PORT DJ_USER DJ_PASS DJ_BACKEND DJ_DATABASE_NAME DJ_USE_TLS DATABASE_PREFIX "
        "MINISCOPE_ROOT_DATA_DIR "
        "FACEMAP_ROOT_DATA_DIR PROCESSED_ROOT_DATA_DIR WORKFLOW_MINISCOPE_HOME WORKFLOW_MINISCOPE_CONFIG"
    ).split():
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def write(tmp_path):
    def _write(**content):
        path = tmp_path / "dj_local_conf.json"
        path.write_text(json.dumps(content))
        return path

    return _write


def test_without_a_file_the_database_is_embedded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = load_settings()
    assert found.embedded
    assert found.prefix == ""
    assert found.processed_root_data_dir == found.home / "processed"


def test_a_labs_file_is_understood(write):
    path = write(
        **{
            "database.host": "db.lab.org",
            "database.user": "mouse",
            "database.password": "secret",
            "database.backend": "postgresql",
            "connection.init_function": None,  # from DataJoint 0.14
            "safemode": False,
            "custom": {
                "database.prefix": "lab_",
                "miniscope_root_data_dir": ["/data/a", "/data/b"],
                "processed_root_data_dir": "/data/processed",
            },
        }
    )
    found = load_settings(path)
    assert (found.host, found.user, found.backend, found.port) == ("db.lab.org", "mouse", "postgresql", 5432)
    assert found.password.get_secret_value() == "secret"
    assert found.miniscope_root_data_dir == [Path("/data/a"), Path("/data/b")]
    assert found.facemap_root_data_dir == found.miniscope_root_data_dir
    assert found.prefix == "lab_"
    assert found.datajoint == {"safemode": False}
    assert "secret" not in repr(found)


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps rights elsewhere")
def test_a_password_that_others_can_read_is_told(write, caplog):
    path = write(**{"database.host": "db", "database.user": "mouse", "database.password": "secret-1"})
    path.chmod(0o644)
    load_settings(path)
    assert f"chmod 600 {path}" in caplog.text and "secret-1" not in caplog.text
    caplog.clear()
    path.chmod(0o600)
    load_settings(path)
    assert caplog.text == ""


def test_user_and_password_beside_the_file(write, monkeypatch, caplog):
    path = write(**{"database.host": "db", "database.user": "mouse"})
    folder = path.parent / ".secrets"
    folder.mkdir()
    for key, value in {"database.user": "other", "database.password": "secret-2"}.items():
        (folder / key).write_text(value + "\n")
        (folder / key).chmod(0o600)
    found = load_settings(path)
    assert (found.user, found.password.get_secret_value()) == ("mouse", "secret-2")
    assert caplog.text == ""
    (folder / "database.password").chmod(0o644)
    load_settings(path)
    assert f"chmod 600 {folder / 'database.password'}" in caplog.text and "secret-2" not in caplog.text
    monkeypatch.setenv("DJ_PASS", "secret-3")
    assert load_settings(path).password.get_secret_value() == "secret-3"


def test_a_stores_password_is_not_shown(write):
    store = {"protocol": "s3", "location": "lab", "secret_key": "hunter2"}
    found = load_settings(write(stores={"main": store}))
    assert found.datajoint["stores"]["main"] == store
    assert "hunter2" not in repr(found)


def test_the_environment_wins(write, monkeypatch):
    path = write(**{"database.host": "file", "database.user": "a", "custom": {"miniscope_root_data_dir": "/file"}})
    monkeypatch.setenv("DJ_HOST", "environment")
    monkeypatch.setenv("MINISCOPE_ROOT_DATA_DIR", "/one:/two")
    found = load_settings(path)
    assert (found.host, found.user) == ("environment", "a")
    assert found.miniscope_root_data_dir == [Path("/one"), Path("/two")]


def test_an_empty_host_means_embedded(write):
    assert load_settings(write(**{"database.host": ""})).embedded


def test_an_unknown_key_names_the_nearest(write):
    with pytest.raises(SettingsError, match=r"unknown key 'custom.miniscope_root_dir'.*custom.miniscope_root_data_dir"):
        load_settings(write(custom={"miniscope_root_dir": "/data"}))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"database.backend": "oracle", "database.host": "h"}, "database.backend.*mysql"),
        ({"database.port": "many"}, "database.port"),
        ({"custom": {"database.prefix": "Lab-"}}, "custom.database.prefix"),
        (
            {"custom": {"miniscope_root_data_dir": "/data", "processed_root_data_dir": "/data/out"}},
            "inside the raw-data folder /data",
        ),
    ],
)
def test_a_wrong_value_is_named(write, content, sentence):
    with pytest.raises(SettingsError, match=sentence):
        load_settings(write(**content))


def test_a_wrong_password_type_is_not_printed(write):
    with pytest.raises(SettingsError) as caught:
        load_settings(write(**{"database.password": ["hunter2"]}))
    assert "hunter2" not in str(caught.value)


def test_broken_json_is_named(tmp_path):
    path = tmp_path / "dj_local_conf.json"
    path.write_text("{")
    with pytest.raises(SettingsError, match="not readable JSON"):
        load_settings(path)


def test_the_file_is_found_from_a_folder_below(tmp_path, write):
    path = write()
    below = tmp_path / "notebooks" / "deep"
    below.mkdir(parents=True)
    assert find_config(below) == path


def test_the_search_ends_at_a_checkout(tmp_path, write):
    write()
    checkout = tmp_path / "checkout"
    (checkout / ".git").mkdir(parents=True)
    assert find_config(checkout) is None


def test_a_variable_that_names_nothing_is_an_error(monkeypatch):
    monkeypatch.setenv("WORKFLOW_MINISCOPE_CONFIG", "/nowhere/conf.json")
    with pytest.raises(SettingsError, match="/nowhere/conf.json"):
        find_config()


def test_the_example_file_is_valid():
    example = Path(settings.__file__).parents[1] / "dj_local_conf_example.json"
    assert load_settings(example).host
