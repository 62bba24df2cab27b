"""Temporary folders that outlive a program that was killed, until the next one begins."""

import os
import signal
import subprocess
import sys

import pytest

from workflow_miniscope.work import kept_folder
from workflow_miniscope.work.kept_folder import IN_USE, KeptFolder

PROGRAM = """
import sys
from workflow_miniscope.work.kept_folder import KeptFolder
folder = KeptFolder("kept-")
(folder.path / "frames").write_bytes(bytes(1000))
print(folder.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(kept_folder.tempfile, "tempdir", None)  # read anew, here and afterwards
    yield tmp_path
    kept_folder.tempfile.tempdir = None


def start():
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    name = program.stdout.readline().strip()
    os.utime(f"{name}/{IN_USE}", (0, 0))  # an old one
    return program, name


def test_the_folder_of_a_killed_program_is_removed_and_that_of_a_living_one_is_not(temporary):
    (killed, left), (living, used) = start(), start()
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert os.path.exists(f"{left}/frames")
    other = temporary / "kept-by-something-else"
    other.mkdir()
    first = KeptFolder("kept-")
    os.utime(first.path / IN_USE, (0, 0))
    second = KeptFolder("kept-")
    assert not os.path.exists(left)
    assert os.path.exists(f"{used}/frames") and other.exists() and first.path.exists()
    for folder in (first, second):
        folder.close()
        assert not folder.path.exists()
    living.stdin.close()
    living.wait()
    living.stdout.close()
    killed.stdin.close()
    killed.stdout.close()
    assert not os.path.exists(used)


def test_a_folder_that_was_just_made_is_left_alone(temporary):
    young = temporary / "kept-young"
    young.mkdir()
    (young / IN_USE).touch()
    KeptFolder("kept-").close()
    assert young.exists()
    os.utime(young / IN_USE, (0, 0))
    KeptFolder("kept-").close()
    assert not young.exists()
