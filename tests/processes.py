"""Python programs that run beside a test: several that start at the same moment, or one that is to be killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

TESTS = Path(__file__).parent

#: Lets a program say "computing" before the engine begins, and begin when it reads a line
HOLD_THE_ENGINE = """
import sys
from workflow_miniscope import pipeline
original = pipeline.miniscope.Processing.make_compute
def compute(self, key, *fetched):
    print("computing", flush=True)
    sys.stdin.readline()
    return original(self, key, *fetched)
pipeline.miniscope.Processing.make_compute = compute
"""


def begin(program: str, **environment: str) -> subprocess.Popen:
    """Start a program; it may wait for a line on its standard input."""
    return subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(TESTS), **environment},
    )


def wait_for(process: subprocess.Popen, line: str) -> None:
    """Read what a program prints until it has printed a line."""
    for printed in process.stdout:
        if printed.strip() == line:
            return
    raise AssertionError(f"It ended without {line!r}: {process.stderr.read()}")


def go_on(process: subprocess.Popen) -> None:
    """Give a program the line that it waits for."""
    process.stdin.write("go on\n")
    process.stdin.flush()


def run_together(programs: list[str], **environment: str) -> list[str]:
    """Run programs that print "ready" and read a line, go on together from there, and must all succeed.

    Returns what each printed afterwards.
    """
    processes = [begin(program, **environment) for program in programs]
    try:
        for process in processes:
            wait_for(process, "ready")
        for process in processes:
            go_on(process)
        printed = [process.communicate(timeout=300) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    errors = [error[-3000:] for process, (_, error) in zip(processes, printed, strict=True) if process.returncode]
    assert not errors, "\n\n".join(errors)
    return [text for text, _ in printed]


def eventually(condition, seconds: float = 20.0) -> bool:
    """Return whether a condition comes true within some seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
