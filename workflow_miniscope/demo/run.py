"""Show the whole workflow on a synthetic recording.

    python -m workflow_miniscope.demo --folder demo

Everything it makes is in that folder: the recording, a configuration of its own, results, figures. A second
run finds its work done.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from pathlib import Path

from pydantic import AliasChoices

from ..database import embedded
from ..ingest import ingest
from ..process import process
from ..reports import report
from ..settings import CONFIG_NAME, CONFIG_VARIABLE, Settings, default_home, get_settings
from ..work.status import format_status, status
from .recording import ANIMAL, write_demo_session

SUBJECTS = f"""\
subject,sex,subject_birth_date,subject_description
{ANIMAL},F,2025-09-01,simulated mouse
"""
SESSIONS = f"""\
subject,session_dir,acq_software
{ANIMAL},{ANIMAL}/2026_01_15/10_20_30,Miniscope-DAQ-V4
"""


def prepare(folder: Path, progress: bool = True) -> Path:
    """Write what the demo starts from, where it is missing, and return the configuration file.

    Parameters
    ----------
    folder : Path
        The demo's folder. It gets ``raw/`` (the recording), ``truth.npz``, ``subjects.csv``,
        ``sessions.csv`` and ``dj_local_conf.json``.
    progress : bool
        Show a progress bar on a terminal.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    home = _home(folder)
    raw = folder / "raw"
    if not (raw / ANIMAL).is_dir():
        # the database of an earlier demo, whose folder was removed, knows a recording that is no more
        embedded.stop(home)
        shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(folder / "processed", ignore_errors=True)
        write_demo_session(raw, folder / "truth.npz", progress=progress)
    (folder / "subjects.csv").write_text(SUBJECTS)
    (folder / "sessions.csv").write_text(SESSIONS)
    config = folder / CONFIG_NAME
    custom = {
        "database.prefix": "demo_",
        "home": str(home),
        "miniscope_root_data_dir": [str(raw)],
        "processed_root_data_dir": str(folder / "processed"),
    }
    config.write_text(json.dumps({"custom": custom}, indent=4) + "\n")
    return config


def use(config: Path) -> None:
    """Make this process work with a configuration file alone, whatever the user's own database is."""
    for field in Settings.model_fields.values():
        if isinstance(field.validation_alias, AliasChoices):
            os.environ.pop(str(field.validation_alias.choices[0]), None)
    os.environ[CONFIG_VARIABLE] = str(config)
    get_settings.cache_clear()


def clean(folder: Path) -> None:
    """Stop the demo's database and remove everything of the demo."""
    folder = folder.resolve()
    home = _home(folder)
    embedded.stop(home)
    shutil.rmtree(home, ignore_errors=True)
    if (folder / CONFIG_NAME).exists():  # never remove a folder that is not a demo's
        shutil.rmtree(folder)


def run(folder: Path, progress: bool = True) -> bool:
    """Simulate, ingest, process, and draw. Returns whether all of it succeeded.

    Parameters
    ----------
    folder : Path
        The demo's folder.
    progress : bool
        Show progress bars on a terminal.
    """
    begin = time.monotonic()
    _say("A synthetic recording: one miniscope, one camera on the face")
    use(prepare(folder, progress))
    _say("Ingest")
    ingested = ingest(folder / "subjects.csv", folder / "sessions.csv", progress=progress)
    print(ingested)
    _say("Process: CNMF-E on the miniscope's movie, Facemap on the camera's")
    processed = process(progress=progress)
    print(processed)
    _say("In the database")
    print(format_status(status()))
    _say("Figures")
    paths = report.write(folder / "figures", progress=progress)
    for path in paths:
        print(path)
    if ingested.problems or processed.errors:
        return False
    print(f"\nDone in {time.monotonic() - begin:.0f} s. To look around in this database:")
    print(f"    export {CONFIG_VARIABLE}={(folder / CONFIG_NAME).resolve()}")
    print("or with the notebooks: `make notebooks` in a clone; `workflow-miniscope init DIR` writes them elsewhere.")
    return True


def _home(folder: Path) -> Path:
    """Return the folder of the demo's database.

    It is in the demo's own folder, except for root: there the server runs as another user, who cannot reach
    a folder below ``/root``.
    """
    if getattr(os, "geteuid", lambda: 1)() != 0:
        return folder / "home"
    return default_home() / "demo" / hashlib.sha256(str(folder).encode()).hexdigest()[:8]


def _say(text: str) -> None:
    print(f"\n== {text} ==", flush=True)
