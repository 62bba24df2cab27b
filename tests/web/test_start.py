"""The command: what it says, and what it refuses in one sentence."""

import os
import shutil
import stat
import subprocess
import sys
import webbrowser
from pathlib import Path

import pytest

from workflow_miniscope.web import serve as serving


def curate(*arguments):
    command = [sys.executable, "-m", "workflow_miniscope", "curate", *map(str, arguments), "--no-browser"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stderr.strip()


def test_ctrl_c_ends_it_with_what_was_decided(serve, folder):
    before = (folder / "caiman_result.hdf5").read_bytes()
    server = serve(folder)
    assert "0 accepted, 0 rejected, 4 undecided" in server.interrupt()
    assert server.process.returncode == 0
    assert (folder / "caiman_result.hdf5").read_bytes() == before


def test_the_port_is_the_same_at_every_start(serve, folder):
    first = serve(folder)
    first.kill()
    assert serve(folder).origin == first.origin


def test_one_curator_one_window_and_another_beside_it(serve, folder):
    first = serve(folder, "ada")
    code, said = curate(folder, "--curator", "ada")
    assert code == 1 and "another window" in said and len(said.splitlines()) == 1
    assert serve(folder, "ben").origin != first.origin


def test_a_port_in_use(serve, folder):
    port = serve(folder).origin.rsplit(":", 1)[1]
    code, said = curate(folder, "--curator", "ben", "--port", port)
    assert code == 1 and f"Port {port} is in use" in said


def test_a_result_file_needs_no_package_of_the_database():
    start = (
        "import sys, workflow_miniscope.web.start, workflow_miniscope.work.curation; print('datajoint' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "False", done.stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--curator", "../ada"), "cannot be a curator's name"),
        (("--curator", ""), "cannot be a curator's name"),
        (("--decisions", "nowhere"), "There is no folder nowhere"),
    ],
)
def test_what_is_refused(folder, options, sentence):
    code, said = curate(folder, *options)
    assert code == 1 and sentence in said and len(said.splitlines()) == 1


def test_a_folder_without_a_result(tmp_path):
    code, said = curate(tmp_path)
    assert code == 1 and "holds no result of CaImAn" in said


def test_decisions_of_a_result_that_was_processed_again(serve, folder):
    serve(folder).interrupt()
    other = Path(__file__).parents[1] / "results" / "data" / "caiman_1.12.1_fit_file_80px.hdf5"
    shutil.copy(other, folder / "caiman_result.hdf5")
    code, said = curate(folder, "--curator", "ada")
    assert code == 1 and "belongs to another result" in said


def test_the_browser_is_led_there_by_a_file_that_others_cannot_read(monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    serving._open("http://127.0.0.1:1/?token=secret")
    assert "secret" not in opened[0]
    path = Path(opened[0].removeprefix("file://"))
    assert "token=secret" in path.read_text()
    if os.name != "nt":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.unlink()
