"""The page in a browser: decisions, undo, reload, two curators, a killed server, fields that are not square."""

import json
import time
from dataclasses import replace

import numpy as np
import planted
import pytest
import scipy.sparse as sp
from contrast import hard_to_read

from workflow_miniscope.results.caiman import CaimanResult, read_result, write_result
from workflow_miniscope.results.curation import Curation, log_path, read_log


def states(folder, curator="ada"):
    """What the log on the disk says of every component."""
    path = folder / "caiman_result.hdf5"
    result = read_result(path)
    curation = Curation(result.n_components, read_log(log_path(path, curator), result))
    return [state.decision for state in curation.states]


def until(page, expression, seconds=60):
    """Wait until something is true; the page's own policy forbids the browser to wait for an expression."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"never true: {expression}"
        page.wait_for_timeout(30)


def saved(page):
    until(page, "document.getElementById('saved').textContent === 'All saved'")


def selected(page):
    return page.evaluate("curation.selected")


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def pick(page, row, column):
    """Click where the pixel (row, column) is shown."""
    x, y = page.evaluate("([x, y]) => curation.field.toScreen(x, y)", [column, row])
    page.locator("#canvas").click(position={"x": x, "y": y})


def test_everything_is_decided_by_keyboard_most_doubtful_first(serve, folder, open_page):
    server = serve(folder)
    page = open_page(server.address)
    assert page.locator("#saved").inner_text() == "All saved"
    doubt = page.evaluate("curation.properties.doubt")
    order = sorted(range(4), key=lambda k: -doubt[k])
    visited = []
    for key in "arar":
        visited.append(selected(page))
        press(page, key)
    assert visited == order
    saved(page)
    assert page.locator("#progress").inner_text() == "4 of 4 looked at"
    expected = dict(zip(order, ("accepted", "rejected") * 2, strict=True))
    assert states(folder) == [expected[k] for k in range(4)]
    assert "2 accepted, 2 rejected, 0 undecided" in server.interrupt()


@pytest.mark.parametrize("decision", ["accepted", "rejected", "undecided"])
def test_buttons_decide(serve, folder, open_page, decision):
    page = open_page(serve(folder).address)
    pick(page, *planted.CELLS[1])
    page.locator("#advance").uncheck()
    page.locator("button[data-decision=rejected]").click()
    page.locator(f"button[data-decision={decision}]").click()
    saved(page)
    assert states(folder)[1] == decision
    assert decision in page.locator("#name").inner_text()
    assert page.locator("tr[data-component='1'] td").nth(1).inner_text().endswith(decision)
    assert page.locator(f"button[data-decision={decision}]").get_attribute("aria-pressed") == "true"


def test_undo_and_redo_without_limit_after_a_reload(serve, folder, open_page):
    page = open_page(serve(folder).address)
    press(page, *"arar")
    saved(page)
    page.reload()
    page.wait_for_selector("body[data-ready]")
    press(page, *"zzzz")
    saved(page)
    assert states(folder) == ["undecided"] * 4
    assert page.locator("#undo").is_disabled()
    page.reload()
    page.wait_for_selector("body[data-ready]")
    press(page, "y", "y")
    saved(page)
    assert sorted(states(folder)) == ["accepted", "rejected", "undecided", "undecided"]
    press(page, "a")  # a new decision ends what could be made again
    saved(page)
    assert page.locator("#redo").is_disabled()


def test_a_note_is_kept_and_found(serve, folder, open_page):
    page = open_page(serve(folder).address)
    pick(page, *planted.CELLS[2])
    press(page, "n")
    page.keyboard.type("Ring of a vessel, µ? <b>")
    press(page, "Enter")
    saved(page)
    page.reload()
    page.wait_for_selector("body[data-ready]")
    press(page, "/")
    page.keyboard.type("VESSEL")
    press(page, "Enter")
    assert page.locator("tbody tr").count() == 1
    pick(page, *planted.CELLS[2])
    assert page.locator("#note").input_value() == "Ring of a vessel, µ? <b>"


def test_a_tag_that_was_used_once_is_a_key_away(serve, folder, open_page):
    page = open_page(serve(folder).address)
    pick(page, *planted.CELLS[2])
    press(page, "n")
    page.keyboard.type("ring #vessel")
    press(page, "Enter")
    pick(page, *planted.CELLS[0])
    press(page, "4")
    assert page.locator("#note").input_value() == "#vessel"
    assert page.locator("#tags button").get_attribute("aria-pressed") == "true"
    pick(page, *planted.CELLS[2])
    press(page, "4")
    assert page.locator("#note").input_value() == "ring"
    saved(page)
    notes = [state["note"] for state in page.evaluate("curation.decisions.states")]
    assert notes == ["#vessel", "", "ring", ""]


def test_a_killed_server_loses_nothing(serve, folder, open_page):
    first = serve(folder)
    page = open_page(first.address)
    press(page, "a")
    saved(page)
    first.kill()
    press(page, "r", "a")
    page.wait_for_selector("#saved.wrong")
    assert "2 not saved yet" in page.locator("#saved").inner_text()
    assert states(folder).count("undecided") == 3
    context = page.context
    page.close()  # and the browser's window with it
    again = open_page(serve(folder).address, context)
    saved(again)
    assert sorted(states(folder)) == ["accepted", "accepted", "rejected", "undecided"]
    assert again.locator("#progress").inner_text() == "3 of 4 looked at"


def test_an_open_page_says_when_its_server_was_started_again(serve, folder, open_page):
    first = serve(folder)
    page = open_page(first.address)
    first.kill()
    second = serve(folder)
    press(page, "a")
    until(page, "document.getElementById('saved').textContent.includes('started again')")
    again = open_page(second.address, page.context)
    saved(again)
    assert states(folder).count("accepted") == 1
    until(page, "document.getElementById('saved').textContent === 'All saved'")
    assert states(folder).count("accepted") == 1  # sent by both pages, counted once


def test_half_a_line_of_a_power_cut_does_not_count(serve, folder, open_page):
    first = serve(folder)
    page = open_page(first.address)
    press(page, "a")
    saved(page)
    first.kill()
    path = folder / "caiman_result.decisions-ada.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"id":"torn","action":"deci')
    page = open_page(serve(folder).address)
    press(page, "r")
    saved(page)
    assert path.read_bytes().startswith(whole)
    assert all(json.loads(line) for line in path.read_text().splitlines())
    assert states(folder).count("accepted") == states(folder).count("rejected") == 1


def test_two_curators_at_once_are_both_kept(serve, folder, open_page):
    ada, ben = open_page(serve(folder, "ada").address), open_page(serve(folder, "ben").address)
    for _ in range(2):
        press(ada, "a")
        press(ben, "r")
    saved(ada)
    saved(ben)
    assert sorted(states(folder, "ada")) == ["accepted"] * 2 + ["undecided"] * 2
    assert sorted(states(folder, "ben")) == ["rejected"] * 2 + ["undecided"] * 2


def test_two_windows_of_one_curator_agree(serve, folder, open_page):
    one = open_page(serve(folder).address)
    two = open_page(one.url, one.context)
    press(one, "a")
    saved(one)
    press(two, "r")
    saved(two)
    press(one, "j", "u")
    saved(one)
    for page in (one, two):
        until(page, "curation.decisions.confirmed.length === 3")
    assert one.evaluate("curation.decisions.states") == two.evaluate("curation.decisions.states")
    assert [state["decision"] for state in two.evaluate("curation.decisions.states")] == states(folder)


@pytest.mark.parametrize("zoom", [1, 3])
def test_outlines_lie_on_the_planted_cells(serve, folder, open_page, zoom):
    page = open_page(serve(folder).address)
    for component, (row, column) in enumerate(planted.CELLS):
        line = page.evaluate("k => Array.from(curation.field.lines[k][0])", component)
        x, y = np.array(line).reshape(-1, 2)[:-1].T
        assert abs(x.mean() - column) < 0.5 and abs(y.mean() - row) < 0.5
    press(page, *["+"] * (zoom - 1))
    page.locator("#whole-field").click() if zoom == 1 else None
    for component, (row, column) in enumerate(planted.CELLS):
        x, y = page.evaluate("([x, y]) => curation.field.toScreen(x, y)", [column, row])
        box = page.locator("#canvas").bounding_box()
        if 0 < x < box["width"] and 0 < y < box["height"]:
            pick(page, row, column)
            assert selected(page) == component


def test_the_image_lies_under_its_outlines(serve, tmp_path, open_page):
    """The brightest pixel of an image is drawn where its coordinates say, in a field wider than high."""
    image = np.zeros((planted.HEIGHT, planted.WIDTH), np.float32)
    image[8, 50] = 100
    write_result(tmp_path / "caiman_result.hdf5", replace(planted.result(), Cn=image, correlation_image=image))
    page = open_page(serve(tmp_path).address)
    for kind in ("1", "2", "3"):
        press(page, kind)
    bright = page.evaluate(
        """async () => {
          await new Promise(requestAnimationFrame); await new Promise(requestAnimationFrame);
          const field = curation.field, canvas = field.canvas, ratio = devicePixelRatio;
          field.contrast(0, 100); field.selected = null; field.neighbours = [];
          await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
          const at = (x, y) => { const [l, t] = field.toScreen(x, y);
            return field.context.getImageData(Math.floor(l * ratio), Math.floor(t * ratio), 1, 1).data[0]; };
          return [at(50, 8), at(50.4, 8.4), at(49.6, 7.6), at(51, 8), at(50, 9), at(8, 50 - 20)];
        }"""
    )
    assert bright == [255, 255, 255, 0, 0, 0]


def test_overlapping_cells_are_picked_in_turn_and_named(serve, tmp_path, open_page):
    A = planted.footprints(cells=((20, 30), (20, 33)))
    C = np.vstack([np.sin(np.arange(300) / 9), np.sin(np.arange(300) / 9)]) + 1
    write_result(
        tmp_path / "caiman_result.hdf5", CaimanResult(dims=(40, 64), A=A, C=C, accepted=np.array([0, 1]), rejected=[])
    )
    page = open_page(serve(tmp_path).address)
    found = []
    for _ in range(3):
        pick(page, 20, 31)
        found.append(selected(page))
    assert found in ([0, 1, 0], [1, 0, 1])
    # the correlation comes with the traces
    page.locator("button[data-neighbour]").filter(has_text="traces r").wait_for()
    overlap = float(A[:, 0].T.dot(A[:, 1]).toarray()[0, 0])
    said = page.locator("button[data-neighbour]").inner_text()
    assert f"{round(100 * overlap)} %" in said and "r 1.00" in said


def test_traces_are_those_of_the_file_at_every_zoom(serve, folder, open_page):
    page = open_page(serve(folder).address)
    result = read_result(folder / "caiman_result.hdf5")
    pick(page, *planted.CELLS[3])
    until(page, "curation.traces.component === 3 && curation.traces.data?.fitted.length === 300")
    shown = page.evaluate("['raw', 'fitted', 'deconvolved'].map((n) => Array.from(curation.traces.data[n]))")
    for values, expected in zip(shown, (result.C[3] + result.YrA[3], result.C[3], result.S[3]), strict=True):
        np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-4)
    press(page, "e", "e")
    until(page, "curation.traces.stop - curation.traces.start < 140")
    assert "s at 20" in page.locator("#span").inner_text()
    press(page, "0")
    until(page, "curation.traces.stop - curation.traces.start === 300")


def test_the_table_is_sorted_and_filtered_and_the_field_follows(serve, folder, open_page):
    page = open_page(serve(folder).address)

    def rows():
        return [int(row.get_attribute("data-component")) for row in page.locator("tbody tr").all()]

    page.locator("th[data-column=snr] button").click()
    assert rows() == [0, 1, 3, 2]
    page.locator("th[data-column=snr] button").click()
    assert rows() == [2, 3, 1, 0]
    pick(page, *planted.CELLS[0])
    press(page, "v")
    assert rows() == [3, 1, 0]
    assert page.locator("#shown").inner_text() == "3 of 4 shown"
    pick(page, *planted.CELLS[2])  # not shown: not picked
    assert selected(page) == 0
    press(page, "k")
    assert selected(page) == 1
    until(page, "curation.properties.events")
    assert page.locator("tr[data-component='0']").inner_text().count("–") == 0


def test_a_long_table_shows_every_row_where_it_is(serve, tmp_path, open_page):
    """Only rows around what is seen are there, which a browser paints; the others are when they are come to."""
    n = 400
    A = sp.csc_matrix((np.ones(n), (np.arange(n) * 6, np.arange(n))), shape=(2400, n), dtype=np.float32)
    snr = np.random.default_rng(0).permutation(n).astype(float)
    made = CaimanResult((40, 60), A, np.ones((n, 50)), snr=snr, accepted=np.arange(n), rejected=[])
    write_result(tmp_path / "caiman_result.hdf5", made)
    page = open_page(serve(tmp_path).address)
    page.locator("th[data-column=snr] button").click()
    order = np.argsort(-snr).tolist()
    assert page.evaluate("curation.table.order") == order
    assert page.locator("tr[data-component]").count() < 100

    def seen(component):
        return page.evaluate(
            """(component) => {
              const row = document.querySelector(`tr[data-component="${component}"]`);
              if (!row) return false;
              const { top, bottom } = row.getBoundingClientRect(), box = curation.table.place.getBoundingClientRect();
              return top >= box.top + 20 && bottom <= box.bottom + 1;
            }""",
            component,
        )

    for at in (0, 399, 200, 215, 199, 3):
        page.evaluate("component => curation.select(component)", order[at])
        assert seen(order[at]) and page.locator("tr[aria-selected=true]").get_attribute("data-component") == str(
            order[at]
        )
        assert page.locator("tr[aria-selected=true]").get_attribute("aria-rowindex") == str(at + 2)
    for _ in range(60):
        press(page, "j")
    assert selected(page) == order[63] and seen(order[63])
    height = page.evaluate("document.getElementById('table').scrollHeight")
    page.evaluate("document.getElementById('table').scrollTop = 1e6")
    until(page, f"document.querySelector('tr[data-component=\"{order[399]}\"]') !== null")
    assert seen(order[399]) and page.evaluate("document.getElementById('table').scrollHeight") == height
    page.locator(f"tr[data-component='{order[398]}']").click()
    press(page, "g", "r")
    saved(page)
    assert "rejected" in page.locator(f"tr[data-component='{order[398]}']").inner_text()
    page.select_option("#filter-decision", "rejected")
    assert page.locator("tr[data-component]").count() in (1, 2)  # and the selected one


def test_the_reason_of_the_engine_is_said(serve, tmp_path, open_page):
    quality = {"min_SNR": 3.0, "rval_thr": 0.88, "SNR_lowest": 1.1}
    result = planted.result()
    write_result(
        tmp_path / "caiman_result.hdf5",
        replace(result, params=result.params | {"quality": quality}, F_dff=np.asarray(result.F_dff)),
    )
    page = open_page(serve(tmp_path).address)
    pick(page, *planted.CELLS[2])
    assert "signal to noise 1.00 is below the lowest allowed, 1.10" in page.locator("#reason").inner_text()


def test_a_result_without_components(serve, tmp_path, open_page):
    empty = CaimanResult(
        dims=(30, 50), A=sp.csc_matrix((1500, 0), dtype=np.float32), C=np.zeros((0, 90)), Cn=np.eye(30, 50)
    )
    write_result(tmp_path / "caiman_result.hdf5", empty)
    page = open_page(serve(tmp_path).address)
    assert "no component" in page.locator("#no-traces").inner_text()
    press(page, "a", "z", "j", " ", "n", "+")
    assert page.locator("#problem").is_hidden()
    assert page.locator("#progress").inner_text() == "0 of 0 looked at"


def test_a_result_with_little_in_it(serve, tmp_path, open_page):
    """Footprints and traces alone: no images, no quality, no frame rate."""
    write_result(tmp_path / "caiman_result.hdf5", CaimanResult((40, 64), planted.footprints(), np.ones((4, 50))))
    page = open_page(serve(tmp_path).address)
    assert page.locator("#image option").all_inner_texts() == ["Footprints"]
    press(page, "a", "r")
    saved(page)
    assert "frames" in page.locator("#span").inner_text()
    assert states(tmp_path).count("undecided") == 2


def test_a_full_disk_is_said_and_nothing_is_lost(serve, folder, open_page):
    resource = pytest.importorskip("resource")
    server = serve(folder)
    page = open_page(server.address)
    size = (folder / "caiman_result.decisions-ada.jsonl").stat().st_size
    hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size + 20, hard))
    press(page, "a")
    page.wait_for_selector("#saved.wrong")
    assert "cannot be saved" in page.locator("#saved").inner_text()
    assert (folder / "caiman_result.decisions-ada.jsonl").stat().st_size == size
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    saved(page)
    assert states(folder).count("accepted") == 1


def test_a_committed_curation_is_a_result_of_its_own(serve, folder, open_page):
    before = (folder / "caiman_result.hdf5").read_bytes()
    page = open_page(serve(folder).address)
    press(page, "c")
    assert page.locator("#do-commit").is_disabled()  # nothing is decided
    press(page, "Escape")
    pick(page, *planted.CELLS[0])
    press(page, "r")
    pick(page, *planted.CELLS[2])
    press(page, "a")
    saved(page)
    press(page, "c")
    assert "1 accepted, 1 rejected, and 2 undecided" in page.locator("#commit-counts").inner_text()
    page.locator("#do-commit").click()
    until(page, "document.getElementById('commit-made').textContent.startsWith('Made')")
    assert read_result(folder / "curation_1_ada").accepted.tolist() == [1, 2, 3]
    assert (folder / "caiman_result.hdf5").read_bytes() == before
    assert read_result(folder).accepted.tolist() == [0, 1, 3]


def test_deciding_moves_nothing(serve, tmp_path, open_page):
    """One of the cells lies at the border."""
    cells = ((1, 62), *planted.CELLS[1:])
    write_result(tmp_path / "caiman_result.hdf5", CaimanResult((40, 64), planted.footprints(cells), np.ones((4, 50))))
    page = open_page(serve(tmp_path).address)
    place = "[curation.field.left, curation.field.top, curation.field.scale]"
    before = (page.locator("#canvas").bounding_box(), page.evaluate(place))
    press(page, "a", "r", "a", " ", "r", " ")
    saved(page)
    assert (page.locator("#canvas").bounding_box(), page.evaluate(place)) == before


def test_a_threshold_decides_on_many_in_one_step(serve, folder, open_page):
    page = open_page(serve(folder).address)
    press(page, "t")
    part = page.locator("fieldset[data-value=snr]")  # 8, 7, 1 and 5
    reject, accept = part.locator("[data-all=rejected]"), part.locator("[data-all=accepted]")
    part.locator("input").fill("0")
    assert reject.is_disabled() and "Accept 4" in accept.inner_text()
    part.locator("input").fill("700")  # of 1 to 8: 5.9
    assert "Reject 2 below 5.9" in reject.inner_text() and "Accept 2 from 5.9 on" in accept.inner_text()
    reject.click()
    saved(page)
    assert states(folder) == ["undecided", "undecided", "rejected", "rejected"]
    assert "Accept 2" in accept.inner_text()
    page.locator("#undo").click()
    saved(page)
    assert states(folder) == ["undecided"] * 4
    assert "Reject 2" in reject.inner_text()


def test_every_key_is_listed_once(serve, folder, open_page):
    page = open_page(serve(folder).address)
    keys = page.evaluate("curation.keys.actions.flatMap((action) => action.keys)")
    assert len(keys) == len(set(keys))
    press(page, "t", "?")
    assert hard_to_read(page) == []
    assert page.locator("#help dt").count() == page.evaluate("curation.keys.actions.length")
    press(page, "Escape")
    assert page.locator("#help").is_hidden()
