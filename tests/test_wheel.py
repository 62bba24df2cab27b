"""What is installed without a clone: sdist and wheel are built, and the wheel is used from a clean folder."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from recordings import write_session

TOP = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Give the sdist and the wheel that was built from it."""
    source = tmp_path_factory.mktemp("source") / "clone"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=TOP, capture_output=True, check=True).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (TOP / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(TOP / name, source / name)
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", "dist"],
        cwd=source,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (sdist,), (wheel,) = (sorted((source / "dist").glob(pattern)) for pattern in ("*.tar.gz", "*.whl"))
    return sdist, wheel


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """Run a command of the wheel that is unpacked in a folder of its own, from a clean folder."""
    site, clean = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("clean")
    with zipfile.ZipFile(built[1]) as wheel:
        wheel.extractall(site)

    def run(*arguments):
        script = "from workflow_miniscope.cli.app import main; main()"
        return subprocess.run(
            [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(site)!r}); {script}", *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=clean,
        )

    run.folder = clean
    return run


def test_the_sdist_has_what_the_tests_and_the_documentation_need(built):
    with tarfile.open(built[0]) as archive:
        names = {name.split("/", 1)[-1] for name in archive.getnames()}
    for name in (
        "Makefile",
        "mkdocs.yml",
        "docs/generate.py",
        "requirements/lock.txt",
        "tests/conftest.py",
        "orchestration/cwl/extract.cwl",
    ):
        assert name in names


def test_the_wheel_has_what_messages_and_readme_name(built):
    with zipfile.ZipFile(built[1]) as wheel:
        names = set(wheel.namelist())
        metadata = next(wheel.read(name).decode() for name in names if name.endswith("/METADATA"))
    notebooks = {path.name for path in (TOP / "notebooks").glob("*.ipynb")}
    wanted = {"dj_local_conf_example.json", "environment.yml", "user_data/subjects.csv", "user_data/sessions.csv"}
    wanted |= {f"notebooks/{name}" for name in notebooks}
    assert {f"workflow_miniscope/files/{name}" for name in wanted} <= names
    assert "workflow_miniscope/py.typed" in names
    pages = TOP / "workflow_miniscope" / "web" / "static"
    files = {path.relative_to(TOP).as_posix() for path in pages.rglob("*") if path.is_file()}
    assert files <= names and len([name for name in files if name.endswith("LICENSE")]) == 1
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "docs/"))]
    # a picture with a relative path would be broken on a package index
    assert 'src="docs/' not in metadata


def test_init_writes_what_one_starts_from(installed):
    done = installed("init", "lab", "--recordings", "/data/miniscope")
    assert done.returncode == 0, done.stderr
    lab = installed.folder / "lab"
    assert (lab / "user_data" / "sessions.csv").read_text() == "subject,session_dir,acq_software\n"
    assert "/data/miniscope" in (lab / "dj_local_conf.json").read_text()
    assert (lab / "notebooks" / "03-process.ipynb").is_file()
    again = installed("init", "lab")
    assert again.returncode == 2
    assert "is there already" in again.stderr
    assert len(again.stderr.splitlines()) == 1


def test_init_leaves_nothing_half_written(installed):
    folder = installed.folder / "taken"
    (folder / "notebooks").mkdir(parents=True)
    (folder / "notebooks" / "05-explore.ipynb").write_text("mine")
    assert installed("init", "taken").returncode == 2
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["05-explore.ipynb"]
    assert (folder / "notebooks" / "05-explore.ipynb").read_text() == "mine"


def test_the_wheel_checks_a_recording(installed, tmp_path):
    written = write_session(tmp_path, n_frames=60)
    done = installed("check", written.folder, "--no-picture")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "My_V4_Miniscope" in done.stdout
