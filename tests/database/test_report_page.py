"""A session on one page: whole, safe to open, and readable on a phone and on paper."""

import dataclasses
import shutil
from html.parser import HTMLParser

import numpy as np
import planted
import pytest
import scipy.sparse
from contrast import hard_to_read
from web.conftest import CHROMIUM

from workflow_miniscope.errors import NothingMatched
from workflow_miniscope.process import process
from workflow_miniscope.reports.html import write
from workflow_miniscope.results.caiman import write_result

HOSTILE = "<script>document.title = 'taken'</script><img src=x onerror=alert(1)> & \"quoted\""


class Read(HTMLParser):
    """What a page holds: tags with their attributes, and its text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.said = [], []
        self.feed(html)
        self.text = " ".join(" ".join(self.said).split())

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.said.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def look_at(path):
    """Show the page on a phone in the dark, without network, and print it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme="dark", offline=True)
        page, said, asked = context.new_page(), [], []
        page.on("console", lambda message: said.append(message.text))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        assert page.evaluate("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(230, 233, 238)"
        assert page.evaluate("getComputedStyle(document.querySelector('.chart img')).filter") != "none"
        page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        assert hard_to_read(page) == []
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.querySelector('section p, section dd')).color") == (
            "rgb(27, 31, 36)"
        )
        assert page.evaluate("getComputedStyle(document.querySelector('.chart img')).filter") == "none"
        assert page.pdf().startswith(b"%PDF")
        browser.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


@pytest.fixture
def loaded(load, tmp_path):
    """Load a result for a new recording and populate everything from it; return the key and what failed."""

    def _loaded(subject, result, n_frames=planted.FRAMES):
        path = tmp_path / subject / "caiman_result.hdf5"
        path.parent.mkdir()
        write_result(path, result)
        key = load(subject, path, n_frames=n_frames, height=planted.HEIGHT, width=planted.WIDTH)
        return key, process(restrict={"subject": subject}, progress=False).errors

    return _loaded


def test_everything_of_a_session_is_on_one_page(pipeline, loaded, tmp_path, run):
    key, errors = loaded("paged", planted.result())
    assert errors == []
    session = {name: key[name] for name in ("subject", "session_datetime")}
    pipeline.session.SessionNote.insert1({**session, "session_note": HOSTILE})
    ran = run("report", "--html", "--output", tmp_path / "pages", "--restrict", "subject=paged")
    assert ran.status == 0, ran.err
    (path,) = (tmp_path / "pages").iterdir()
    assert str(path) in ran.out
    html = path.read_text(encoding="utf-8")
    page = Read(html)

    # all that is known
    assert "3 of 4 components are taken for cells." in page.text
    assert "No person has looked at them" in page.text
    assert "min_corr" in page.text and "0.75" in page.text  # what the result says was used
    assert "2 chosen by the user: gSig, min_corr." in page.text
    assert "No camera was recorded in this session." in page.text
    assert "caiman 0.1.0" in page.text  # engine and version
    for title in ("Motion", "Images", "Cells", "Activity", "Parameters", "Raw files", "Cite"):
        assert title in page.text
    images = page.all("img")
    assert len(images) >= 7  # intervals, shifts, three images, footprints, traces
    assert all(len(image["alt"]) > 20 and int(image["width"]) > 0 for image in images)
    rows = [float(cell) for cell in page.said if cell.replace(".", "").isdigit()]
    assert any(abs(value - planted.CELLS[0][1]) < 0.6 for value in rows)  # a centre

    # what a person wrote is text; nothing comes from elsewhere
    assert HOSTILE in "".join(page.said)
    assert page.all("script") == [] and len(images) == html.count("<img ")
    for _, attributes in page.tags:
        for name in ("src", "href"):
            assert attributes.get(name, "#").startswith(("#", "data:")), attributes
        assert not any(name.startswith("on") for name in attributes)
    anchors = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    assert {link["href"][1:] for link in page.all("a")} <= anchors
    assert "default-src 'none'" in page.all("meta")[3]["content"]
    if CHROMIUM is not None:
        look_at(path)


def test_it_says_what_is_not_there(loaded, tmp_path):
    whole = planted.result()
    nothing = dataclasses.replace(
        whole,
        A=scipy.sparse.csc_matrix((planted.HEIGHT * planted.WIDTH, 0), dtype=np.float32),
        **{name: np.zeros((0, planted.FRAMES), np.float32) for name in ("C", "S", "YrA", "F_dff")},
        **{name: np.zeros(0) for name in ("bl", "c1", "neurons_sn", "snr", "r_values", "cnn_preds")},
        accepted=np.zeros(0, int), rejected=np.zeros(0, int), g=None, center=None,
    )  # fmt: skip
    assert loaded("cellfree", nothing)[1] == []
    _, errors = loaded("broken", whole, n_frames=planted.FRAMES + 7)
    assert errors
    restrict = "subject in ('cellfree', 'broken')"  # others are of other tests
    pages = {
        path.name.split("_")[0]: Read(path.read_text()) for path in write(tmp_path / "pages", restrict, progress=False)
    }
    assert "The engine found no component in this recording" in pages["cellfree"].text
    failed = pages["broken"].text
    assert f"failed: {errors[0][2]}" in failed
    assert "It has not been computed yet." in failed
    shutil.rmtree(tmp_path / "pages")
    with pytest.raises(NothingMatched):
        write(tmp_path / "pages", "subject=nobody", progress=False)
    assert not (tmp_path / "pages").exists()
