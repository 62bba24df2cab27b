"""How fast the curation page is: 1000 components, an hour at 20 frames/s, 608 x 608 pixels.

    python benchmarks/curation.py                     # the page and its movie
    python benchmarks/curation.py --folder F --edits  # and edits, which read the whole recording first

Writes such a recording and its result (1.3 GB) unless the folder has them, opens the page in Chromium and prints the
times and the server's memory. Behind each time stands how long the page's own thread and the server computed: on a
machine that has other things to do, only these say how fast the page is. Edits keep the registered recording in the
temporary folder (13 GB) until the end. What was measured is in ``benchmarks/curation.md``.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
from curation_made import COMPONENTS, FPS, write_made
from playwright.sync_api import Page, sync_playwright

#: components whose traces are asked for
ASKED = 60
#: ms that a busy machine may take
PATIENCE_MS = 300_000
#: s that each kind of the movie is played, and is played without pauses
PLAYED_S = 10
#: s between two looks at the server's memory
LOOK_S = 0.05
KINDS = ("registered", "subtracted", "residual", "reconstructed")
#: plays a kind at some frames per second, and counts what was shown
PLAY = """async ([kind, fps, seconds, from]) => {
  const { movie } = curation, pause = (ms) => new Promise((done) => setTimeout(done, ms));
  movie.fps = fps;
  movie.frame = from;
  const asked = performance.now();
  await curation.showImage(`movie:${kind}`);
  const first = performance.now() - asked;
  movie.play();
  await pause(1000 * seconds);
  const rate = (1000 * movie.shown) / (performance.now() - movie.began);
  movie.stop();
  return { first, shown: movie.shown, rate };
}"""


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
    while not page.evaluate("Boolean(curation.properties.events)"):  # they are counted once, after all that is urgent
        page.wait_for_timeout(200)
    computing.since()
    shown = page.evaluate(
        """async (asked) => {
          const times = [], pause = (ms) => new Promise((done) => setTimeout(done, ms));
          for (let k = 0; k < asked; k++) {
            const component = (k * 37) % COMPONENTS, start = performance.now(), { traces } = curation;
            traces.data = null;
            curation.select(component);
            while (!traces.data || traces.loading) await pause(1);
            times.push(performance.now() - start);
          }
          return times;
        }""".replace("COMPONENTS", str(COMPONENTS)),
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
    }


def play(page: Page, server: psutil.Process) -> dict[str, str]:
    """Play the movie: at the recording's pace, and as fast as it comes."""
    while not page.evaluate("document.body.dataset.movie"):
        page.wait_for_timeout(100)
    found, computing = {}, Computing(page, server)
    for number, kind in enumerate(KINDS):
        for fps, label in ((FPS, f"movie, {kind}"), (1000, f"movie, {kind}, without pauses")):
            begin = 2400 * number + (1200 if fps > FPS else 0) + 700
            page.wait_for_timeout(2000)
            computing.since()
            done = page.evaluate(PLAY, [kind, fps, PLAYED_S, begin])
            of_a_frame = computing.since(max(done["shown"], 1)).replace(")", ", a frame)")
            found[label] = f"{done['rate']:.1f} frames/s, the first after {done['first']:.0f} ms {of_a_frame}"
    return found


class Peak:
    """The most memory that the server has while something is done."""

    def __init__(self, server: psutil.Process) -> None:
        self._server, self._most, self._done = server, 0, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._done.wait(LOOK_S):
            self._most = max(self._most, self._server.memory_info().rss)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def __str__(self) -> str:
        return f"{self._most / 2**20:.0f} MB"


def edit(page: Page, server: psutil.Process) -> dict[str, str]:
    """Make one edit after the other; the first one waits until the recording has been read."""
    found, computing = {}, Computing(page, server)

    def timed(name: str, script: str, argument: object) -> object:
        computing.since()
        start = time.perf_counter()
        with Peak(server) as peak:
            answer = page.evaluate(script, argument)
        found[name] = f"{time.perf_counter() - start:.1f} s {computing.since()}, at most {peak}"
        return answer

    timed("the recording is read for edits", "() => curation.edits.recordingRead()", None)
    run = "([action, components, place]) => curation.decisions.edit(action, components, place)"
    places = page.evaluate(
        """() => { const { x, y, snr, engine } = curation.properties;
          return [...snr.keys()].filter((k) => engine[k] === "accepted").slice(0, 8).map((k) => [k, x[k], y[k]]); }"""
    )
    one, two, three, four = places[:4]
    parts = timed("split", run, ["split", [one[0]], []])
    timed("merge", run, ["merge", parts, []])
    timed("redraw", run, ["redraw", [two[0]], _around(*two[1:])])
    page.evaluate("([k]) => curation.decisions.decide([k], 'rejected')", [three[0]])
    timed("add a missed cell", run, ["add", [], [three[1:]]])
    page.evaluate("([k]) => curation.decisions.decide([k], 'rejected')", [four[0]])
    timed("add another one", run, ["add", [], [four[1:]]])
    trace = """async ([x, y]) => {
      const answer = await fetch(`/api/traces/at/${Math.round(y)}/${Math.round(x)}`);
      return (await answer.arrayBuffer()).byteLength;
    }"""
    timed("the light of a pixel", trace, one[1:])
    return found


def _around(x: float, y: float, radius: float = 6) -> list[list[float]]:
    """Corners of a boundary around a cell."""
    sides = ((1, 0), (0.7, 0.7), (0, 1), (-0.7, 0.7), (-1, 0), (-0.7, -0.7), (0, -1), (0.7, -0.7))
    return [[x + radius * dx, y + radius * dy] for dx, dy in sides]


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.0f} ms median, {max(values):.0f} ms largest"


def main() -> None:
    """Make the recording and its result, start the server, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="keep the recording here; by default it is removed")
    parser.add_argument("--minutes", type=float, default=60, help="length of a recording that is made")
    parser.add_argument("--edits", action="store_true", help="also merge, split, redraw and add")
    options = parser.parse_args()
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as temporary:
        place = options.folder or Path(temporary) / "made"
        place.mkdir(exist_ok=True, parents=True)
        scope = write_made(place, options.minutes)
        command = [sys.executable, "-m", "workflow_miniscope", "curate", str(place), "--movie", str(scope)]
        command += ["--no-browser", "--curator", "bench", "--decisions", temporary]
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            printed = ""
            while "http" not in printed:
                printed = process.stdout.readline()
            server = psutil.Process(process.pid)
            computed = 1000 * sum(server.cpu_times()[:2])
            waited = time.perf_counter() - start
            print(f"{'server started':40s} {waited:.2f} s (computing: server {computed:.0f} ms)")
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
                page = browser.new_page(viewport={"width": 1920, "height": 1080})
                parts = [
                    lambda: measure(page, re.search(r"http://\S+", printed)[0], server),
                    lambda: play(page, server),
                    *([lambda: edit(page, server)] if options.edits else []),
                ]
                for part in parts:
                    for name, value in part().items():
                        print(f"{name:40s} {value}", flush=True)
                    print(f"{'memory of the server then':40s} {server.memory_info().rss / 2**20:.0f} MB", flush=True)
                browser.close()
        finally:
            process.terminate()  # it removes what it kept
            process.wait()


if __name__ == "__main__":
    main()
