"""How Ctrl-C is heard."""

import signal
import sys
import time

import pytest
from processes import begin

# Prints more than a pipe holds, and is interrupted in the middle of it
PRINTS = """
import sys
from workflow_miniscope.work.stopping import finishes_on_interrupt
sys.stdout = open(1, "w")  # with PYTHONUNBUFFERED a write that a signal interrupts is cut short
with finishes_on_interrupt(lambda: print("heard", flush=True)) as stopping:
    print("begun", file=sys.stderr, flush=True)
    for _ in range(200):
        print("x" * 5000, flush=True)
    assert stopping()
print("done", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals of this kind")
def test_ctrl_c_while_something_is_printed():
    """Python prints nothing from within a print: it failed, and with it what was being computed."""
    printing = begin(PRINTS)
    assert printing.stderr.readline() == "begun\n"
    time.sleep(1)  # it waits for somebody to read
    printing.send_signal(signal.SIGINT)
    time.sleep(0.5)
    out, error = printing.communicate(timeout=60)
    assert printing.returncode == 0, error
    assert out.count("x") == 200 * 5000
    assert "heard\n" in out and "done" in out.splitlines()
