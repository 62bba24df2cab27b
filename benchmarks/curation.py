"""How fast the curation page is: 1000 components, an hour at 20 frames/s, 608 x 608 pixels.

python benchmarks/curation.py [--folder FOLDER] writes such a result (0.9 GB) unless the folder has it, opens the page
in Chromium and prints the times and the server's memory. Behind each time stands how long the page's own thread and the
server computed: on a machine that has other things to do, only these say how fast the page is.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import scipy.signal
import scipy.sparse as sp
from playwright.sync_api import Page, sync_playwright

from workflow_miniscope.results.caiman import RESULT_NAME, CaimanResult, write_result

COMPONENTS, FRAMES, SIDE = 1000, 72_000, 608
#: components whose traces are asked for
ASKED = 60
#: ms after which the page has counted the events, too
SETTLED_MS = 8000
#: ms that a busy machine may take
PATIENCE_MS = 300_000


def made(seed: int = 0) -> CaimanResult:
    """Make the result: round footprints at random places, sparse activity, noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-12:13, -12:13]
    rows, columns, values = [], [], []
    for k, (row, column) in enumerate(rng.integers(13, SIDE - 13, (COMPONENTS, 2))):
        weights = np.exp(-(x**2 + y**2) / (2 * rng.uniform(2.5, 4.5) ** 2))
        keep = weights > 0.1
        rows.append((x[keep] + column) * SIDE + y[keep] + row)
        columns.append(np.full(keep.sum(), k))
        values.append(weights[keep] / np.linalg.norm(weights[keep]))
    where = (np.concatenate(rows), np.concatenate(columns))
    A = sp.csc_matrix((np.concatenate(values), where), shape=(SIDE**2, COMPONENTS), dtype=np.float32)
    C, S, YrA = (np.zeros((COMPONENTS, FRAMES), np.float32) for _ in range(3))
    for k in range(COMPONENTS):
        S[k] = (rng.random(FRAMES) < 0.004) * rng.uniform(30, 200)
        C[k] = scipy.signal.lfilter([1], [1, -0.95], S[k])
        YrA[k] = 12 * rng.standard_normal(FRAMES)
    snr, r = rng.lognormal(1.5, 0.7, COMPONENTS), rng.beta(8, 2, COMPONENTS)
    accepted = (snr >= 3) | (r >= 0.88)
    image = (rng.normal(100, 5, (SIDE, SIDE)) + 100 * A.max(axis=1).toarray().reshape((SIDE, SIDE), order="F")).astype(
        "f4"
    )
    return CaimanResult(
        dims=(SIDE, SIDE), A=A, C=C, S=S, YrA=YrA, Cn=image / 200, average_image=image, max_image=2 * image,
        sn=np.full(SIDE**2, 5.0), snr=snr, r_values=r, accepted=np.flatnonzero(accepted), rejected=None,
        params={"data": {"fr": 20.0}, "quality": {"min_SNR": 3.0, "rval_thr": 0.88}}, method="cnmfe",
    )  # fmt: skip


class Computing:
    """How long the page's own thread and the server computed since it was asked last."""

    def __init__(self, page: Page, server: psutil.Process) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._server = server
        self._last = self._now()

    def _now(self) -> tuple[float, float]:
        metrics = {one["name"]: one["value"] for one in self._session.send("Performance.getMetrics")["metrics"]}
        return metrics["TaskDuration"], sum(self._server.cpu_times()[:2])

    def since(self, count: int = 1) -> str:
        """Say it, for each of a number of actions."""
        now = self._now()
        page, server = (1000 * (after - before) / count for before, after in zip(self._last, now, strict=True))
        self._last = now
        return f"(computing: page {page:.0f} ms, server {server:.0f} ms)"


def measure(page: Page, address: str, server: psutil.Process) -> dict[str, str]:
    """Measure what a user waits for."""
    page.set_default_timeout(PATIENCE_MS)
    computing = Computing(page, server)
    start = time.perf_counter()
    page.goto(address)
    page.wait_for_selector("body[data-ready]")
    usable = f"{time.perf_counter() - start:.2f} s after its address is opened {computing.since()}"
    page.wait_for_timeout(SETTLED_MS)
    computing.since()
    shown = page.evaluate(
        """async (asked) => {
          const times = [], pause = (ms) => new Promise((done) => setTimeout(done, ms));
          for (let k = 0; k < asked; k++) {
            const component = (k * 37) % 1000, start = performance.now(), { traces } = curation;
            traces.data = null;
            curation.select(component);
            while (!traces.data || traces.loading) await pause(1);
            times.push(performance.now() - start);
          }
          return times;
        }""",
        ASKED,
    )
    traces = f"{_spread(shown)} {computing.since(ASKED)}"
    painted = page.evaluate(
        """async () => {
          const times = [], { field } = curation;
          for (let k = 0; k < 60; k++) {
            field.zoom(k < 30 ? 1.03 : 1 / 1.03);
            const start = performance.now();
            await new Promise(requestAnimationFrame);
            field.context.getImageData(0, 0, 1, 1); // waits until it is painted
            times.push(performance.now() - start);
          }
          return times;
        }"""
    )
    zoomed = f"{_spread(painted)} {computing.since(len(painted))}"
    decided = []
    for _ in range(30):
        start = time.perf_counter()
        page.keyboard.press("a")
        while page.locator("#saved").inner_text() != "All saved":
            pass
        decided.append(1000 * (time.perf_counter() - start))
    return {
        "page usable": usable,
        "a component's traces": traces,
        "a frame of the field while zooming": zoomed,
        "a decision, until it is on the disk": _spread(decided),
        "memory of the server": f"{server.memory_info().rss / 2**20:.0f} MB",
    }


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.0f} ms median, {max(values):.0f} ms largest"


def main() -> None:
    """Make the result, start the server, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="keep the result here; by default it is removed")
    folder = parser.parse_args().folder
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as temporary:
        place = folder or Path(temporary)
        place.mkdir(exist_ok=True, parents=True)
        if not (place / RESULT_NAME).exists():
            write_result(place, made())
        command = [
            sys.executable,
            "-m",
            "workflow_miniscope",
            "curate",
            str(place),
            "--no-browser",
            "--curator",
            "bench",
        ]
        start = time.perf_counter()
        process = subprocess.Popen([*command, "--decisions", temporary], stdout=subprocess.PIPE, text=True)
        try:
            printed = ""
            while "http" not in printed:
                printed = process.stdout.readline()
            computed = 1000 * sum(psutil.Process(process.pid).cpu_times()[:2])
            waited = time.perf_counter() - start
            print(f"{'server started':40s} {waited:.2f} s (computing: server {computed:.0f} ms)")
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
                page = browser.new_page(viewport={"width": 1920, "height": 1080})
                found = measure(page, re.search(r"http://\S+", printed)[0], psutil.Process(process.pid))
                browser.close()
            for name, value in found.items():
                print(f"{name:40s} {value}")
        finally:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
