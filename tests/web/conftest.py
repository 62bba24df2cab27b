"""A server as the command starts it, and the page in a real browser."""

import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import planted
import pytest

from workflow_miniscope.results.caiman import write_result

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# seconds that a start may take on a busy machine
PATIENCE = 60


@dataclass
class Server:
    """A running page."""

    process: subprocess.Popen
    address: str

    @property
    def origin(self):
        return self.address.split("/?")[0]

    def kill(self):
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def interrupt(self):
        """End it as Ctrl-C does, and return what it printed since."""
        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=PATIENCE)[0]


@pytest.fixture
def folder(tmp_path):
    """A folder with a result of four planted cells, one of which was rejected."""
    write_result(tmp_path / "caiman_result.hdf5", planted.result())
    return tmp_path


@contextmanager
def servers():
    """Start ``workflow-miniscope curate``, as often as is wanted."""
    running = []

    def start(folder: Path, curator: str = "ada", *options: str) -> Server:
        command = [sys.executable, "-m", "workflow_miniscope", "curate", str(folder), "--curator", curator]
        process = subprocess.Popen(
            [*command, "--no-browser", *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        running.append(process)
        printed = ""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and "Ctrl-C" not in printed:
            line = process.stdout.readline()
            printed += line
            if not line:
                raise AssertionError(f"The server did not start: {printed}")
        return Server(process, re.search(r"http://\S+", printed)[0])

    yield start
    for process in running:
        process.kill()
        process.wait()


@pytest.fixture
def serve():
    """Start servers that end with the test."""
    with servers() as start:
        yield start


@pytest.fixture(scope="module")
def serve_module():
    """Start servers that end with the module."""
    with servers() as start:
        yield start


@pytest.fixture(scope="module")
def chromium():
    """A browser. One for each module: while it is open no other event loop can run here."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian: chromium): the page is not tested")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium):
    """Open a page; at the end of the test it must have had no error."""
    contexts, errors = [], []

    def opened(address: str, context=None, **options):
        if context is None:
            context = chromium.new_context(viewport={"width": 1280, "height": 800}, **options)
            contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if "Content Security" in message.text else None)
        page.goto(address)
        page.wait_for_selector("body[data-ready]")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert errors == []
