"""What people say of an experiment."""

import pytest

from workflow_miniscope.errors import ManifestError, WorkflowError
from workflow_miniscope.publish.packages import need
from workflow_miniscope.publish.private import is_personal, public, without_paths
from workflow_miniscope.publish.project import read_project


def test_an_animal_s_own_entries_come_before_those_of_all(tmp_path):
    path = tmp_path / "project.toml"
    path.write_text('experimenter = "Lovelace, Ada"\nvirus = "AAV1"\nlens = "GRIN"\n[subjects.m1]\nvirus = "AAV9"\n')
    project = read_project(path)
    assert project.experimenter == ["Lovelace, Ada"]
    assert (project.of_subject("m1").virus, project.of_subject("m1").lens) == ("AAV9", "GRIN")
    assert project.of_subject("m2").virus == "AAV1"


def test_the_size_of_a_pixel_is_that_of_all_scopes_or_of_a_device(tmp_path):
    path = tmp_path / "project.toml"
    path.write_text("pixel_size_um = { My_V4_Miniscope = 1.7, V3 = 2 }\n[subjects.m2]\npixel_size_um = 0.9\n")
    project = read_project(path)
    assert (project.pixel_size("My_V4_Miniscope"), project.pixel_size("V3")) == (1.7, 2)
    assert project.pixel_size("another") is project.pixel_size() is None
    assert project.of_subject("m2").pixel_size("V3") == project.of_subject("m2").pixel_size() == 0.9


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pixel_size_um = { V4 = 1700 }", "pixel_size_um: .* in µm, 0.05 to 50, .* not 1700"),
        ('pixel_size_um = "1.7 um"', "pixel_size_um: .* not '1.7 um'"),
        ('virsu = "AAV"', "unknown entry 'virsu'; did you mean 'virus'"),
        ('[subjects.m1]\nindikator = "x"', "unknown entry 'subjects.m1.indikator'; did you mean 'indicator'"),
        ("excitation_nm = 0.47", "excitation_nm: Input should be greater than or equal to 100"),
        ("virus = ", "not a readable TOML file"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path, text, said):
    path = tmp_path / "project.toml"
    path.write_text(text)
    with pytest.raises(ManifestError, match=said) as error:
        read_project(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("text", "public_text"),
    [
        (r"C:\Users\Ada L\rig.json", "rig.json"),
        ("D:/data/rig 2/0.avi, then stopped", "0.avi, then stopped"),
        (r"on \\server\share\ada\notes.txt", "on notes.txt"),
        ("see /home/ada/raw data/0.avi", "see 0.avi"),
        ("left / right, 2 mg/kg at 1/2 speed", "left / right, 2 mg/kg at 1/2 speed"),
        ("https://doi.org/10.1/x", "https://doi.org/10.1/x"),
    ],
)
def test_paths_are_left_out_of_texts(text, public_text):
    assert without_paths(text) == public_text


def test_people_and_computers_are_left_out_of_settings():
    assert is_personal("researcherName") and is_personal("hostName") and not is_personal("led0")
    value = {"a": ["/home/ada/x", 1], "userName": "ada", "b": {"gain": 2}}
    assert public(value) == {"a": ["x", 1], "b": {"gain": 2}}


def test_a_package_that_is_missing_is_named_with_how_to_install_it():
    with pytest.raises(WorkflowError, match="python -m pip install no-such-thing"):
        need("no_such_thing_at_all", "no-such-thing")
    assert need("json").loads("1") == 1
