"""Sessions that are drawn, each of another kind, in one dandiset; ``benchmarks/publish_fuzz.py`` draws a hundred."""

import json
import re
import shutil
import socket
from urllib.parse import quote, unquote

import pytest
from archives import PROJECT, dandi_finds, personal_in_export, refused_for
from fuzzed_sessions import draw
from to_publish import make_session

from workflow_miniscope.publish.dataset import Options, publish

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:hdmf")
DANDISET = "identifier: '000000'\nname: A test\ndescription: Sessions of every kind\nschemaVersion: 0.6.10\n"
#: The legacy program and no components; two cameras and no scope; two scopes
NUMBERS = (3, 7, 38)


@pytest.fixture(scope="module")
def dandiset(pipeline, raw_root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dandiset")
    (folder / "project.toml").write_text(PROJECT, encoding="utf-8")
    (folder / "dandiset.yaml").write_text(DANDISET)
    return folder


@pytest.mark.parametrize("number", NUMBERS)
def test_the_archive_takes_it_and_it_names_nobody(pipeline, raw_root, tmp_path, dandiset, number):
    of = draw(number)
    make_session(pipeline, raw_root, tmp_path, **of)
    done = publish({"subject": of["subject"]}, dandiset, dandiset / "project.toml", Options(progress=False))
    assert done.problems == []
    (path,) = done.written
    refused, _ = refused_for(path)
    assert refused == []
    assert personal_in_export(dandiset, raw_root) == []
    assert ("image.nwb" in path.name) == (of.get("scopes") == ())


def test_dandi_validates_all_of_it(dandiset):
    assert len(list(dandiset.rglob("*.nwb"))) == len(NUMBERS)
    assert dandi_finds(dandiset) == ""


def test_the_crate_describes_all_of_it(dandiset, raw_root):
    text = (dandiset / "ro-crate-metadata.json").read_text(encoding="utf-8")
    assert str(raw_root) not in text and not re.search(rf"\b({re.escape(socket.gethostname())}|rig1)\b", text)
    crate = described(dandiset)
    files = {path.relative_to(dandiset).as_posix(): path for path in dandiset.glob("*/**/*") if path.is_file()}
    assert {unquote(name) for name, entity in crate.items() if entity["@type"] == "File"} == set(files)
    for name, path in files.items():
        assert crate[quote(name)]["contentSize"] == str(path.stat().st_size)
    # whatever is named is there
    named = {item["@id"] for entity in crate.values() for item in references(entity)}
    assert named - {"https://w3id.org/ro/crate/1.1"} <= set(crate)
    (session,) = [name for name in files if "鼠38" in name and name.endswith(".nwb")]
    of_session = {
        crate[entity["instrument"]["@id"]]["name"]: entity
        for entity in crate.values()
        if entity["@type"] == "CreateAction" and entity["result"] == [{"@id": quote(session)}]
    }
    assert set(of_session) == {"cnmfe", "workflow-miniscope"}
    used = [crate[item["@id"]] for item in of_session["cnmfe"]["object"]]
    assert {entity["name"]: entity["value"] for entity in used if entity["@type"] == "PropertyValue"} == {
        "gSig": "[4, 4]",
        "min_corr": "0.75",
    }
    assert any(entity["@type"] == "File" for entity in used)


def test_whom_to_cite_is_beside_the_files(dandiset):
    text, entries = ((dandiset / f"CITATION.{end}").read_text(encoding="utf-8") for end in ("txt", "bib"))
    assert text.startswith("Recorded by Lovelace, Ada.\n")
    assert "10.7554/eLife.28728" in text and "RRID:SCR_017452" in text
    assert (
        entries.count("@") == len(text.splitlines()) - 1 == 12
    )  # program, DataJoint, Elements, NWB and PyNWB; Python, NumPy, SciPy and OpenCV; three articles
    crate = described(dandiset)
    cited = [crate[item["@id"]] for item in crate["./"]["citation"]]
    assert [entity["description"] for entity in cited] == text.splitlines()[1:]


def test_what_is_gone_is_described_no_more(dandiset):
    gone, *others = sorted(dandiset.rglob("*.nwb"))
    gone.unlink()
    shutil.rmtree(gone.with_suffix(""))
    name = quote(gone.relative_to(dandiset).as_posix())
    assert name in described(dandiset)
    publish({"subject": draw(NUMBERS[-1])["subject"]}, dandiset, dandiset / "project.toml", Options(progress=False))
    crate = described(dandiset)
    assert not [entity for entity in crate if gone.stem in entity]
    assert all(quote(other.relative_to(dandiset).as_posix()) in crate for other in others)


def described(folder):
    """The entities of a folder's crate by their ids."""
    graph = json.loads((folder / "ro-crate-metadata.json").read_text(encoding="utf-8"))["@graph"]
    assert len({entity["@id"] for entity in graph}) == len(graph)
    return {entity["@id"]: entity for entity in graph}


def references(entity):
    """Every reference to another entity."""
    for value in entity.values():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                yield item
