"""Take the pictures of the curation page, for its documentation and its notebook, from the demo's folder.

    python docs/page_pictures.py demo docs/curation.png notebooks/06-curate.ipynb

The page is opened in Chromium on the demo's result; decisions go into a folder that is removed.
"""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import nbformat
import numpy as np
from playwright.sync_api import Page, sync_playwright

#: quality of WebP, 0 to 100
QUALITY = 72


def pictures(page: Page) -> dict[str, bytes]:
    """Give pictures of the page as PNG, by name: after some decisions, a cell zoomed in, the thresholds."""
    for key in ("r", "a", "a", "a", "a"):
        page.keyboard.press(key)
    _rest(page)
    found = {"page": page.screenshot()}
    for _ in range(5):
        page.keyboard.press("+")
    _rest(page)
    found["cell"] = page.locator("#field").screenshot()
    page.keyboard.press("t")
    page.wait_for_timeout(500)
    found["thresholds"] = page.locator("#thresholds").screenshot()
    return found


def _rest(page: Page) -> None:
    """Wait until traces and counts of events are shown; the page's policy lets no condition be waited for."""
    while not page.evaluate("Boolean(curation.traces.data && !curation.traces.loading && curation.properties.events)"):
        page.wait_for_timeout(200)
    page.wait_for_timeout(500)


def webp(png: bytes) -> str:
    """Encode a picture as WebP in base64."""
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    _, encoded = cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
    return base64.b64encode(encoded.tobytes()).decode("ascii")


def taken(result: Path, recording: Path) -> dict[str, bytes]:
    """Open the page of a result and of its recording, and take its pictures, as PNG by name."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "workflow_miniscope",
            "curate",
            str(result),
            "--no-browser",
            "--curator",
            "ada",
        ]
        command += ["--movie", str(recording)]
        server = subprocess.Popen([*command, "--decisions", folder], stdout=subprocess.PIPE, text=True)
        try:
            printed = ""
            while "http" not in printed:
                printed = server.stdout.readline()
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
                page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme="light")
                page.set_default_timeout(300_000)
                page.goto(re.search(r"http://\S+", printed)[0])
                page.wait_for_selector("body[data-ready]")
                _rest(page)
                return pictures(page)
        finally:
            server.kill()
            server.wait()


def main(demo: Path, picture: Path, path: Path) -> None:
    """Write the picture of the page, and replace the attachments of the notebook's cells that show one."""
    (result,) = (file for file in (demo / "processed").rglob("caiman_result.hdf5") if "curation" not in str(file))
    (recording,) = {file.parent for file in (demo / "raw").rglob("My_V4_Miniscope/*.avi")}
    shown = taken(result, recording)
    picture.write_bytes(shown["page"])
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        names = re.findall(r"\(attachment:(\w+)\.webp\)", cell.source)
        if names:
            cell["attachments"] = {f"{name}.webp": {"image/webp": webp(shown[name])} for name in names}
    nbformat.write(notebook, path)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
