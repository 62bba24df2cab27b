"""What the user configured: ``dj_local_conf.json`` and environment variables, as one typed object.

Environment variables win over the file; without either, everything has a default that works on a laptop: an
embedded database, results under the user's data folder.
"""

from __future__ import annotations

import json
import logging
import os
import stat
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from .errors import SettingsError, did_you_mean

logger = logging.getLogger(__name__)

CONFIG_NAME = "dj_local_conf.json"
CONFIG_VARIABLE = "WORKFLOW_MINISCOPE_CONFIG"
SECRETS = ".secrets"

# Keys of DataJoint's own that labs have in their files. Those that DataJoint 2 still knows are handed on to it, the
# others had their say in DataJoint 0.14 and mean nothing now.
DATAJOINT_KEYS = {"safemode", "loglevel", "stores", "display.limit", "display.width", "display.show_tuple_count"}
OBSOLETE_KEYS = {
    "add_hidden_timestamp",
    "cache",
    "connection.charset",
    "connection.init_function",
    "database.reconnect",
    "enable_python_native_blobs",
    "fetch_format",
    "filepath_checksum_size_limit",
    "query_cache",
}


def _split_paths(value: Any) -> Any:
    """Accept one folder, a list of folders, or a PATH-like string of them."""
    if isinstance(value, str):
        value = value.split(os.pathsep)
    elif isinstance(value, Path):
        value = [value]
    if not isinstance(value, list):
        return value
    return [Path(item).expanduser() for item in value if str(item).strip()]


def _expand(value: Any) -> Any:
    return Path(value).expanduser() if isinstance(value, str) and value.strip() else value or None


def _one_or_none(value: Any) -> Any:
    return None if value == "" else value


Folders = Annotated[list[Path], NoDecode, BeforeValidator(_split_paths)]


def _or_none(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    return None if value is None else check(value)


# Null, as none, is filled in afterwards: who reads the settings never finds None
FilledFolder = Annotated[Path, WrapValidator(_or_none), BeforeValidator(_expand)]


def _field(default: Any, variable: str, key: str, description: str, **more: Any) -> Any:
    # The variable comes first among the aliases: the first one found is used, so the environment wins.
    return Field(default, validation_alias=AliasChoices(variable, key), description=description, **more)


def default_home() -> Path:
    """Folder of the embedded database and of the results, where nothing else is configured.

    The embedded server drops root's rights and must be able to reach its folder, so root's is not below ``/root``,
    which would have to be opened to everybody.
    """
    if getattr(os, "geteuid", lambda: 1)() == 0:
        return Path("/var/lib/workflow-miniscope")
    return platformdirs.user_data_path("workflow-miniscope", appauthor=False)


class Settings(BaseSettings):
    """The configuration of one workflow. Every field has an environment variable and a key in the file."""

    model_config = SettingsConfigDict(extra="forbid", case_sensitive=True, populate_by_name=False, frozen=True)

    host: Annotated[str | None, BeforeValidator(_one_or_none)] = _field(
        None, "DJ_HOST", "database.host", "database server; none means the embedded PostgreSQL"
    )
    port: int | None = _field(
        None, "DJ_PORT", "database.port", "port of the server; by default 3306 (mysql) or 5432 (postgresql)"
    )
    user: str | None = _field(None, "DJ_USER", "database.user", "user name on the server")
    password: SecretStr | None = _field(None, "DJ_PASS", "database.password", "password on the server")
    backend: Literal["mysql", "postgresql"] = _field("mysql", "DJ_BACKEND", "database.backend", "kind of server")
    database_name: str | None = _field(None, "DJ_DATABASE_NAME", "database.name", "PostgreSQL database to connect to")
    use_tls: bool | None = _field(
        None,
        "DJ_USE_TLS",
        "database.use_tls",
        "true insists on an encrypted connection; by default it is encrypted where the server can",
    )
    prefix: str = _field(
        "",
        "DATABASE_PREFIX",
        "custom.database.prefix",
        "put before every schema's name",
        pattern="^[a-z0-9_]*$",
    )
    miniscope_root_data_dir: Folders = _field(
        [],
        "MINISCOPE_ROOT_DATA_DIR",
        "custom.miniscope_root_data_dir",
        "folders that hold the raw recordings",
    )
    facemap_root_data_dir: Folders = _field(
        [],
        "FACEMAP_ROOT_DATA_DIR",
        "custom.facemap_root_data_dir",
        "folders that hold the camera videos; by default the same as miniscope_root_data_dir",
    )
    processed_root_data_dir: FilledFolder = _field(
        None, "PROCESSED_ROOT_DATA_DIR", "custom.processed_root_data_dir", "folder where results are written"
    )
    home: FilledFolder = _field(
        None, "WORKFLOW_MINISCOPE_HOME", "custom.home", "folder of the embedded database and its results"
    )
    engines: dict[str, FilledFolder] = _field(
        {},
        "WORKFLOW_MINISCOPE_ENGINES",
        "custom.engines",
        'the Python that runs an engine, where it is not this one: {"caiman": "/opt/conda/envs/caiman/bin/python"}',
    )
    engine_process: bool = _field(
        True,
        "WORKFLOW_MINISCOPE_ENGINE_PROCESS",
        "custom.engine_process",
        "whether process and worker run each engine in a process of its own, so that its crash is one failed recording",
    )
    engine_memory_gb: Annotated[float, Field(gt=0)] | None = _field(
        None,
        "WORKFLOW_MINISCOPE_ENGINE_MEMORY_GB",
        "custom.engine_memory_gb",
        "an engine that uses more memory is stopped; in GB",
    )
    engine_hours: Annotated[float, Field(gt=0)] | None = _field(
        None,
        "WORKFLOW_MINISCOPE_ENGINE_HOURS",
        "custom.engine_hours",
        "an engine that takes longer is stopped; in hours",
    )
    datajoint: dict[str, Any] = Field(
        {}, repr=False, description="settings handed on to DataJoint, such as safemode; a store's have its password"
    )
    source: Path | None = Field(None, description="the file these settings came from")

    @model_validator(mode="after")
    def _fill(self) -> Settings:
        # frozen guards the user; here the object is still being made
        def fill(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        if self.home is None:
            fill("home", default_home())
        if self.processed_root_data_dir is None:
            fill("processed_root_data_dir", self.home / "processed")
        if not self.facemap_root_data_dir:
            fill("facemap_root_data_dir", list(self.miniscope_root_data_dir))
        if self.port is None:
            fill("port", 5432 if self.backend == "postgresql" else 3306)
        for root in {*self.miniscope_root_data_dir, *self.facemap_root_data_dir}:
            if self.processed_root_data_dir.resolve().is_relative_to(root.resolve()):
                raise ValueError(
                    f"processed_root_data_dir ({self.processed_root_data_dir}) lies inside the raw-data folder {root}; "
                    "choose a folder outside it, nothing is ever written into raw data"
                )
        return self

    @property
    def embedded(self) -> bool:
        """Whether the workflow uses the PostgreSQL server it brings along."""
        return self.host is None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the environment first, then what the file said."""
        return env_settings, init_settings


def _known_keys() -> dict[str, None]:
    """Keys a configuration file may have, dotted, in the order they are documented."""
    keys: dict[str, None] = {}
    for field in Settings.model_fields.values():
        if isinstance(field.validation_alias, AliasChoices):
            keys[str(field.validation_alias.choices[1])] = None
    return keys


def find_config(start: Path | None = None) -> Path | None:
    """Find the configuration file.

    Parameters
    ----------
    start : Path, optional
        Folder where the search begins; by default the current one.

    Returns
    -------
    Path or None
        The file that ``WORKFLOW_MINISCOPE_CONFIG`` names, or the nearest ``dj_local_conf.json`` in ``start`` and the
        folders above it (not beyond the top of a git checkout), or None.

    Raises
    ------
    SettingsError
        The variable names a file that does not exist.
    """
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            raise SettingsError(f"{CONFIG_VARIABLE} names {path}, which does not exist; correct or unset it.")
        return path.resolve()
    folder = (start or Path.cwd()).resolve()
    for candidate in (folder, *folder.parents):
        if (candidate / CONFIG_NAME).is_file():
            return candidate / CONFIG_NAME
        if (candidate / ".git").exists():
            return None
    return None


def read_config(path: Path) -> dict[str, Any]:
    """Read a configuration file into dotted keys, refusing those nobody knows.

    Raises
    ------
    SettingsError
        The file is not JSON, or has an unknown key; the sentence names the nearest known one.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise SettingsError(
            f"{path} is not readable JSON ({error}); compare it with dj_local_conf_example.json."
        ) from None
    if not isinstance(content, dict):
        raise SettingsError(f"{path} must hold one JSON object; compare it with dj_local_conf_example.json.")

    flat: dict[str, Any] = {}
    for key, value in content.items():
        if key == "custom" and isinstance(value, dict):
            flat |= {f"custom.{name}": item for name, item in value.items()}
        elif key in ("database", "display", "connection") and isinstance(value, dict):
            # DataJoint 2's own file nests these
            flat |= {f"{key}.{name}": item for name, item in value.items()}
        else:
            flat[key] = value

    known = _known_keys()
    values: dict[str, Any] = {"datajoint": {}}
    for key, value in flat.items():
        if key in known:
            values[key] = value
        elif key in DATAJOINT_KEYS:
            values["datajoint"][key] = value
        elif key not in OBSOLETE_KEYS:
            hint = did_you_mean(key, [*known, *DATAJOINT_KEYS], f"known are {', '.join(known)}.")
            raise SettingsError(f"{path} has the unknown key '{key}'; {hint}")
    return values


def load_settings(path: Path | None = None) -> Settings:
    """Read the settings from a file and the environment.

    Parameters
    ----------
    path : Path, optional
        Configuration file; by default the one :func:`find_config` finds.

    Raises
    ------
    SettingsError
        A key or value is wrong; passwords are never part of the sentence.
    """
    path = path or find_config()
    values = read_config(path) if path else {"datajoint": {}}
    if path is not None and (values.get("database.password") or "secret_key" in str(values["datajoint"])):
        warn_if_open(path)
    values |= {key: value for key, value in _read_secrets(path).items() if values.get(key) is None}
    try:
        return Settings(**values, source=path)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        if where:
            origin = f"{path}: " if path and where in values else "environment: " if where.isupper() else ""
            message = f"{origin}{where}: {message}"
        raise SettingsError(f"{message}.") from None


def _read_secrets(config: Path | None) -> dict[str, str]:
    """Return the user and the password in the folder ``.secrets`` beside the configuration, where DataJoint has them.

    Raises
    ------
    SettingsError
        One of them cannot be read.
    """
    folder = (config.parent if config else Path.cwd()) / SECRETS
    found = {}
    for key in ("database.user", "database.password"):
        try:
            if (folder / key).is_file():
                found[key] = (folder / key).read_text(encoding="utf-8").strip()
                if key == "database.password":
                    warn_if_open(folder / key)
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{folder / key} cannot be read ({getattr(error, 'strerror', error)}).") from None
    return found


def warn_if_open(path: Path) -> None:
    """Say so where others can read a file that holds a password."""
    if os.name != "nt" and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        logger.warning("%s holds a password and can be read by others; close it with: chmod 600 %s", path, path)


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return the settings of this process, read once."""
    return load_settings()
