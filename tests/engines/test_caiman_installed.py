"""Without CaImAn, and with the other package of that name, one sentence says what to do."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from workflow_miniscope import engines
from workflow_miniscope.errors import EngineError
engine = engines.get("caiman")
print(engine.unavailable())
print("caiman" in sys.modules)
try:
    engines.run_engine(engine, None, engine.parse({}), "out", 20.0)
except EngineError as error:
    print(error)
"""


# a finder that says there is no caiman, for environments that have it
HIDDEN = """
import sys
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name == "caiman":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hide())
"""


def ask(path, cwd) -> list[str]:
    """What the engine says with one more folder at the front of the module path, or without any CaImAn."""
    hide = "" if path else HIDDEN
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(path or ""), *filter(None, sys.path)])}
    run = subprocess.run(
        [sys.executable, "-c", hide + PROGRAM], capture_output=True, text=True, env=env, cwd=cwd, check=True
    )
    return run.stdout.splitlines()


def package(folder, *files):
    for name in ("__init__.py", *files):
        (folder / "caiman" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "caiman" / name).write_text("raise RuntimeError('must not be imported to be recognised')\n")
    return folder


def test_absent(tmp_path):
    sentence, imported, raised = ask(None, tmp_path)
    assert sentence.startswith("CaImAn is not installed here;") and "conda" in sentence
    assert raised == sentence and imported == "False"
    assert list(tmp_path.iterdir()) == []


def test_the_other_package_of_that_name(tmp_path):
    """PyPI's caiman is a tool for MicroPython: a package with other modules, and no source_extraction."""
    folder = package(tmp_path / "site", "cli.py", "commands/__init__.py", "local_files.py")
    (tmp_path / "work").mkdir()
    sentence, imported, raised = ask(folder, tmp_path / "work")
    assert "is not CaImAn but a MicroPython tool" in sentence and "pip uninstall caiman" in sentence
    assert raised == sentence and imported == "False"
    assert list((tmp_path / "work").iterdir()) == []


def test_a_single_module_of_that_name(tmp_path):
    (tmp_path / "caiman.py").write_text("raise RuntimeError\n")
    assert "is not CaImAn" in ask(tmp_path, tmp_path)[0]


def test_too_old(tmp_path):
    folder = package(tmp_path, "source_extraction/__init__.py")
    (folder / "caiman-1.9.13.dist-info").mkdir()
    (folder / "caiman-1.9.13.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: caiman\nVersion: 1.9.13\n"
    )
    assert ask(folder, tmp_path)[0] == ("CaImAn 1.9.13 is too old to be run from here: update it to 1.11 or newer.")


@pytest.mark.parametrize("version", ["1.11.3", "1.12.1", "2.0"])
def test_damaged_installation(tmp_path, version):
    """It looks like CaImAn and does not import: the run says why."""
    folder = package(tmp_path / "site", "source_extraction/__init__.py")
    (folder / f"caiman-{version}.dist-info").mkdir()
    (folder / f"caiman-{version}.dist-info" / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: caiman\nVersion: {version}\n"
    )
    (tmp_path / "work").mkdir()
    sentence, _, raised = ask(folder, tmp_path / "work")
    assert sentence == "None"
    assert raised.startswith("CaImAn is installed but does not import (RuntimeError: must not be imported")
    assert list((tmp_path / "work").iterdir()) == []
