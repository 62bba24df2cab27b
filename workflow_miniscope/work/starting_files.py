"""The files a user starts from: configuration, CSV templates, notebooks. In a wheel, and in a clone where they are."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from ..errors import SettingsError
from ..settings import CONFIG_NAME

#: What :func:`write` puts into a folder, beside the configuration.
TEMPLATES = ("user_data/subjects.csv", "user_data/sessions.csv")
NOTEBOOKS = "notebooks"
EXAMPLE = "dj_local_conf_example.json"


def find_starting_files() -> Path:
    """Return the folder that holds the starting files.

    Raises
    ------
    SettingsError
        The installation lacks them.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "files", package.parent):  # a wheel's, a clone's
        if (folder / EXAMPLE).is_file():
            return folder
    raise SettingsError(f"{package} was installed without its starting files; install workflow-miniscope again.")


def write_starting_files(folder: Path, recordings: Path | None = None) -> list[Path]:
    """Write what a user starts from into a folder: all of it, or nothing.

    Parameters
    ----------
    folder : Path
        Made if missing. It gets ``dj_local_conf.json``, ``dj_local_conf_example.json`` for a database server,
        ``user_data/`` with the columns of the CSV manifests, and ``notebooks/``.
    recordings : Path, optional
        The folder of the recordings, for the configuration; by default ``recordings`` in ``folder``.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    SettingsError
        One of the files is there already.
    """
    source = find_starting_files()
    recordings = folder / "recordings" if recordings is None else recordings
    config = {"custom": {"miniscope_root_data_dir": [str(recordings.absolute())]}}
    contents = {CONFIG_NAME: json.dumps(config, indent=4) + "\n", EXAMPLE: (source / EXAMPLE).read_text("utf-8")}
    for name in TEMPLATES:
        # the columns alone: the rows are the demo's
        contents[name] = (source / name).read_text("utf-8").splitlines()[0] + "\n"
    notebooks = sorted((source / NOTEBOOKS).glob("*.ipynb"))
    targets = [folder / name for name in contents] + [folder / NOTEBOOKS / path.name for path in notebooks]
    for target in targets:
        if target.exists():
            raise SettingsError(f"{target} is there already and stays as it is; name an empty folder.")
    written: list[Path] = []
    try:
        for name, text in contents.items():
            written.append(folder / name)
            written[-1].parent.mkdir(parents=True, exist_ok=True)
            written[-1].write_text(text, encoding="utf-8")
        for path in notebooks:
            written.append(folder / NOTEBOOKS / path.name)
            written[-1].parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, written[-1])
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise SettingsError(f"{folder} cannot be written ({error.strerror or error}).") from None
    return written
