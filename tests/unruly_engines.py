"""Engines that do in their own process what none should: each dies, hangs or takes too much in its own way."""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time

import numpy as np
from stub_engine import StubEngine

from workflow_miniscope import bars
from workflow_miniscope.errors import RecordingError


class Killed(StubEngine):
    def run(self, movie, params, output_dir, times, progress=True):
        (output_dir / "part.txt").write_text("begun")
        os.kill(os.getpid(), signal.SIGKILL)


class Crashing(StubEngine):
    def run(self, movie, params, output_dir, times, progress=True):
        (output_dir / "part.txt").write_text("begun")
        ctypes.string_at(0)


class Leaving(StubEngine):
    def run(self, movie, params, output_dir, times, progress=True):
        os._exit(7)


class Hungry(StubEngine):
    def run(self, movie, params, output_dir, times, progress=True):
        held = []
        for _ in range(100):
            held.append(np.ones(2**21))
            time.sleep(0.02)
        time.sleep(60)


class Slow(StubEngine):
    """Starts a process of its own, as CaImAn does, and says who they are."""

    def run(self, movie, params, output_dir, times, progress=True):
        helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        (output_dir / "pids.txt.part").write_text(f"{os.getpid()} {helper.pid}")
        (output_dir / "pids.txt.part").rename(output_dir / "pids.txt")
        time.sleep(60)


class Wrong(StubEngine):
    def run(self, movie, params, output_dir, times, progress=True):
        raise ValueError("no cells")


class Damaged(StubEngine):
    def run(self, movie, params, output_dir, times, progress=True):
        raise RecordingError("3.avi is damaged.")


class Missing(StubEngine):
    def unavailable(self):
        return "It is not installed."


class Talkative(StubEngine):
    def run(self, movie, params, output_dir, times, progress=True):
        print("something that a library prints")
        logging.getLogger("workflow_miniscope.engines.talkative").warning("The light flickers.")
        with bars.tqdm(total=np.int64(3), desc="frames", disable=None if progress else True, mininterval=0) as bar:
            for _ in range(3):
                bar.update()
        return super().run(movie, params, output_dir, times, progress)


class Filling(StubEngine):
    """Writes until the disk is full: as numbers of numpy's, whose error does not say why."""

    def run(self, movie, params, output_dir, times, progress=True):
        with open(output_dir / "numbers", "wb") as file:
            for _ in range(100):
                np.zeros(2**16).tofile(file)
