"""The page on a recording that is on the disk: its movie, and what is fitted to it."""

import time
from pathlib import Path

import numpy as np
import pytest
import simulation
from recordings import write_session

from workflow_miniscope.results.caiman import read_result
from workflow_miniscope.work.extract import extract_folder


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A simulated recording and the folder of its result."""
    root = tmp_path_factory.mktemp("recorded")
    made = simulation.make(seed=1, height=56, width=88, frames=300, n_cells=8)
    size = made.movie.shape[1:]
    scope = write_session(root / "raw", n_frames=300, frames_per_file=100, size=size, movie=made.movie).scopes[0]
    extract_folder(scope.files[0].parent, root / "result", progress=False)
    return made, root / "result", scope


@pytest.fixture(scope="module")
def address(recorded, serve_module):
    return serve_module(recorded[1])


def until(page, expression, seconds=300):
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"never true: {expression}"
        page.wait_for_timeout(30)


def opened(page):
    """The page, when it knows whether the recording is there."""
    page.wait_for_selector("body[data-movie]")
    return page


# grey level that is painted at a pixel of the field
SHADE = """async ([x, y]) => {
  for (let k = 0; k < 2; k++) await new Promise(requestAnimationFrame);
  const [left, top] = curation.field.toScreen(x, y), ratio = devicePixelRatio;
  return curation.field.context.getImageData(Math.round(left * ratio), Math.round(top * ratio), 1, 1).data[0];
}"""


@pytest.fixture(scope="module")
def context(chromium, address):
    """One browser with one page's token, for all tests here."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(address.address, wait_until="commit", timeout=120_000)  # exchanges the token for the cookie
    page.wait_for_selector("body[data-ready]", timeout=120_000)
    page.close()
    yield context
    context.close()


def test_the_largest_transients_are_played_on_the_selected_cell(recorded, address, context, open_page):
    made, folder, _ = recorded
    page = opened(open_page(address.origin, context))
    result = read_result(folder)
    cell = int(result.C.max(axis=1).argmax())
    page.evaluate("cell => curation.select(cell)", cell)
    page.keyboard.press("l")
    until(page, "curation.movie.shown > 3")
    assert page.locator("#image").input_value() == "movie:subtracted"
    assert f"largest transients of component {cell}" in page.locator("#said").inner_text()
    page.keyboard.press("p")
    until(page, "!curation.movie.playing")
    page.locator("#outlined").uncheck()
    place = [float(result.center[cell, 1]), float(result.center[cell, 0])]
    shades = []
    for frame in (int(result.C[cell].argmax()), int(result.C[cell].argmin())):
        page.evaluate("frame => curation.movie.at(frame)", frame)
        shades.append(page.evaluate(SHADE, place))
    assert shades[0] > shades[1] + 60
    page.keyboard.press(".")
    until(page, f"curation.movie.frame === {int(result.C[cell].argmin()) + 1}")
    page.select_option("#image", "correlation")
    until(page, "curation.field.frame === null")


def test_zooming_while_the_movie_is_shown_and_while_it_plays(address, context, open_page):
    """What is in the field is drawn until the frames of the new view are there; playing goes on with these."""
    page = opened(open_page(address.origin, context))
    page.evaluate("curation.showImage('movie:registered')")
    page.evaluate(
        """async () => {
          const { field, movie } = curation;
          movie.show("registered", { dark: 5, bright: 99 });
          for (let k = 0; k < 10; k++) {
            field.draw();
            await new Promise(requestAnimationFrame);
          }
        }"""
    )
    page.keyboard.press("p")
    until(page, "curation.movie.shown > 3")
    for _ in range(3):
        page.keyboard.press("+")
    before, area = page.evaluate("[curation.movie.shown, JSON.stringify(curation.movie.area)]")
    until(page, f"JSON.stringify(curation.movie.area) !== {area!r} && curation.movie.shown > {before} + 10")
    page.keyboard.press("p")
    until(page, "!curation.movie.playing")


def test_without_its_recording_the_page_says_so_and_the_rest_works(serve, folder, open_page):
    page = opened(open_page(serve(folder).address))
    assert "name the scope's folder with --movie" in page.locator("#no-movie").inner_text()
    assert page.locator("#play").is_hidden()
    page.keyboard.press("p")
    page.keyboard.press("a")
    until(page, "document.getElementById('saved').textContent === 'All saved'")
    assert page.locator("#progress").inner_text() == "1 of 4 looked at"


def test_another_recording_is_refused(serve, folder, recorded, open_page):
    scope: Path = recorded[2].files[0].parent
    page = opened(open_page(serve(folder, "ada", "--movie", str(scope)).address))
    assert "it is another one" in page.locator("#no-movie").inner_text()


def done(page, made):
    """Wait until an edit is saved; the states of all components."""
    until(page, f"curation.decisions.states.length === {made} && !curation.edits.busy", 300)
    until(page, "document.getElementById('saved').textContent === 'All saved'")
    return page.evaluate("curation.decisions.states")


def test_edits_are_fitted_undone_and_committed(recorded, address, context, open_page):
    """Split, merged again, undone; a missed cell added by keyboard alone; another one's boundary drawn."""
    made, folder, _ = recorded
    before = (folder / "caiman_result.hdf5").read_bytes()
    result = read_result(folder)
    n, (one, missed, drawn) = (
        result.n_components,
        result.accepted[np.argsort(-result.snr[result.accepted])][:3].tolist(),
    )
    page = opened(open_page(address.origin, context))
    page.evaluate("one => curation.select(one)", one)
    page.keyboard.press("Shift+S")
    states = done(page, n + 2)
    assert not states[one]["present"] and [state["decision"] for state in states[n:]] == ["undecided"] * 2
    page.evaluate("one => curation.select(one)", n)
    page.keyboard.press("m")
    page.evaluate("one => curation.select(one)", n + 1)
    page.keyboard.press("Shift+M")
    states = done(page, n + 3)
    assert states[n + 2] == {"decision": "accepted", "note": "", "present": True} and not states[n]["present"]
    page.keyboard.press("z")
    page.keyboard.press("z")
    until(page, f"curation.decisions.states[{one}].present && !curation.decisions.states[{n + 2}].present")
    page.reload()
    opened(page)
    assert page.evaluate("curation.decisions.states").count({"decision": "undecided", "note": "", "present": True}) == n
    for key in "yy":
        page.keyboard.press(key)
    # a cell that was rejected is added anew
    page.evaluate("one => curation.select(one)", missed)
    page.keyboard.press("r")
    y, x = result.center[missed]
    page.keyboard.press("Shift+A")
    page.evaluate(
        """([x, y]) => { const { field } = curation, [left, top] = field.toScreen(x, y);
          field.move(field.canvas.clientWidth / 2 - left, field.canvas.clientHeight / 2 - top); }""",
        [x, y],
    )
    page.keyboard.press("Enter")
    states = done(page, n + 4)
    assert states[n + 3]["decision"] == "accepted" and page.evaluate("curation.selected") == n + 3
    page.evaluate("one => curation.select(one)", drawn)
    page.keyboard.press("b")
    page.keyboard.press("f")
    box = page.locator("#canvas").bounding_box()
    points = [result.center[drawn][::-1] + 4 * np.array([np.cos(a), np.sin(a)]) for a in np.linspace(0, 6, 12)]
    for k, point in enumerate(points):
        left, top = page.evaluate("([x, y]) => curation.field.toScreen(x, y)", point.tolist())
        page.mouse.move(box["x"] + left, box["y"] + top)
        if k == 0:
            page.mouse.down()
    page.mouse.up()
    states = done(page, n + 5)
    assert states[n + 4]["present"] and not states[drawn]["present"]
    page.keyboard.press("c")
    page.locator("#do-commit").click()
    until(page, "document.getElementById('commit-made').textContent.startsWith('Made')")
    (curated,) = (read_result(path) for path in folder.glob("curation_1_*"))
    assert (folder / "caiman_result.hdf5").read_bytes() == before
    assert curated.n_components == n + 5
    assert sorted(set(range(n + 5)) - set(curated.accepted.tolist()) - set(result.rejected.tolist())) == sorted(
        {one, missed, drawn, n, n + 1}
    )
    assert np.hypot(*(curated.center[n + 3] - result.center[missed])) < 1
    assert np.corrcoef(curated.C[n + 2], result.C[one])[0, 1] > 0.98
    assert curated.F_dff.shape == curated.C.shape and np.isfinite(curated.F_dff).all()


def test_everything_about_the_movie_and_the_edits_is_done_by_keyboard(recorded, address, context, open_page):
    """Moments, a boundary corner by corner, a missed cell at a place, splitting, and leaving a slider."""
    made, folder, _ = recorded
    page = opened(open_page(address.origin, context))
    keys = page.keyboard
    keys.press(">")
    until(page, "curation.movie.frame === 20 && curation.field.frame !== null")
    keys.press("<")
    until(page, "curation.movie.frame === 0")
    page.locator("#moment").focus()
    keys.press("p")  # a slider keeps its own keys, which letters are not
    until(page, "curation.movie.shown > 2")
    keys.press("p")
    until(page, "!curation.movie.playing")
    keys.press("Escape")
    assert page.evaluate("document.activeElement === document.body")

    states = page.evaluate("curation.decisions.states")
    cell = next(k for k, state in enumerate(states) if state["present"] and state["decision"] != "rejected")
    page.evaluate("cell => curation.select(cell)", cell)
    x, y = page.evaluate("cell => [curation.properties.x[cell], curation.properties.y[cell]]", cell)
    keys.press("f")
    keys.press("b")
    keys.press("Home")
    for moves in (("ArrowLeft",) * 4 + ("ArrowUp",) * 4, ("ArrowRight",) * 8, ("ArrowDown",) * 8, ("ArrowLeft",) * 8):
        for key in moves:
            keys.press(key)
        keys.press("Enter")
    keys.press("ArrowRight")
    keys.press("Enter")
    keys.press("Backspace")  # that corner was not meant
    corners = np.array(page.evaluate("curation.edits.corners"))
    side = 2 * 32 / page.evaluate("curation.field.scale")
    np.testing.assert_allclose(corners - (x, y), side / 2 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]), atol=0.01)
    keys.press("Shift+Enter")
    states = done(page, len(states) + 1)
    redrawn = len(states) - 1
    assert states[redrawn]["present"] and not states[cell]["present"] and page.evaluate("curation.selected") == redrawn

    keys.press("r")
    page.evaluate("cell => curation.select(cell)", redrawn)
    keys.press("Shift+A")
    assert "press Enter" in page.locator("#edit-said").inner_text()
    keys.press("Escape")
    assert page.locator("#edit-said").is_hidden()
    keys.press("Shift+A")
    keys.press("Home")
    keys.press("Enter")
    states = done(page, len(states) + 1)
    added = len(states) - 1
    assert states[added]["decision"] == "accepted" and page.evaluate("curation.selected") == added
    at = page.evaluate("cell => [curation.properties.x[cell], curation.properties.y[cell]]", added)
    assert np.hypot(at[0] - x, at[1] - y) < 2
    keys.press("?")
    listed = page.locator("#help").inner_text()
    for said in (
        "one second on",
        "take back the last corner",
        "bring the selected to the middle",
        "split the selected",
    ):
        assert said in listed


def test_a_window_that_grows_keeps_the_middle_and_fetches_what_is_seen_of_the_movie(address, context, open_page):
    page = opened(open_page(address.origin, context))
    page.evaluate("curation.showImage('movie:registered')")
    for _ in range(4):
        page.keyboard.press("+")
    middle = """() => { const { canvas } = curation.field;
      return curation.field.toImage(canvas.clientWidth / 2, canvas.clientHeight / 2); }"""
    before = page.evaluate(middle)
    until(page, "curation.movie.area.right - curation.movie.area.left < 88")
    page.set_viewport_size({"width": 2400, "height": 1300})
    until(page, "curation.field.canvas.clientWidth > 1000")
    # the page hears of its new size a little later
    same = f"({middle})().every((value, i) => Math.abs(value - {before}[i]) <= 0.5)"
    until(page, same, seconds=30)
    until(
        page,
        """(() => { const { canvas } = curation.field, { frame } = curation.field;
          const [right] = curation.field.toImage(canvas.clientWidth, 0);
          return frame !== null && frame.right >= Math.min(88, right); })()""",
    )


def test_the_place_under_the_pointer_is_said_without_moving_the_field(address, context, open_page):
    page = opened(open_page(address.origin, context))
    before = page.locator("#canvas").bounding_box()
    page.mouse.move(before["x"] + before["width"] / 2, before["y"] + before["height"] / 2)
    assert page.locator("#pixel").inner_text().startswith("x ")
    assert page.locator("#canvas").bounding_box() == before


def test_an_edit_that_cannot_be_made_says_why(recorded, address, context, open_page):
    page = opened(open_page(address.origin, context))
    for wish, said in (
        ({"action": "add", "place": [[1e6, 0]]}, "within the field"),
        ({"action": "merge", "components": [0]}, "needs two components or more"),
        ({"action": "add", "place": [[2, 2]], "id": "../../x"}, "up to 64 letters"),
    ):
        answer = page.evaluate(
            """async (wish) => {
              const headers = { "content-type": "application/json" };
              const answer = await fetch("/api/edit", { method: "POST", body: JSON.stringify(wish), headers });
              return [answer.status, (await answer.json()).error];
            }""",
            {"id": "one", "components": [], "place": [], **wish},
        )
        assert answer[0] == 400 and said in answer[1]


def test_why_something_is_no_cell_is_said_with_the_trace_there(recorded, address, context, open_page):
    _, folder, _ = recorded
    result = read_result(folder)
    page = opened(open_page(address.origin, context))
    k = int(result.accepted[np.argmax(result.snr[result.accepted])])
    y, x = np.rint(result.center[k]).astype(int).tolist()
    page.keyboard.press("h")
    left, top = page.evaluate("([x, y]) => curation.field.toScreen(x, y)", [x, y])
    page.locator("#canvas").click(position={"x": left, "y": top})
    until(page, "!document.getElementById('why').hidden")
    assert page.locator("#why-title").inner_text() == f"x {x}, y {y}"
    said = page.locator("#why-said").inner_text()
    assert f"Component {k} is here" in said and f"It became component {k}" in said
    assert page.locator("#why-seen tbody tr").count() == len(result.search.images)
    # a pixel has no deconvolved trace; what is drawn until its own arrives, a component's, has
    drawn = "curation.traces.data?.raw?.length > 50 && !curation.traces.data.deconvolved"
    until(page, f"curation.traces.component === 'at/{y}/{x}' && {drawn}", 200)
    trace = np.array(page.evaluate("Array.from(curation.traces.data.raw)"))
    assert np.corrcoef(trace[: result.n_frames], result.C[k][: len(trace)])[0, 1] > 0.8
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    assert page.locator("#why").is_hidden()
