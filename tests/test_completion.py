"""The shell completes commands and options."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(("typed", "completed"), [("mov", ["movie"]), ("list --st", ["--state"])])
def test_what_is_typed_is_completed(typed, completed):
    words = f"workflow-miniscope {typed}"
    asked = {"_WORKFLOW_MINISCOPE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    program = Path(sys.executable).with_name("workflow-miniscope")
    done = subprocess.run([program], env={**os.environ, **asked}, capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == completed, done.stderr
