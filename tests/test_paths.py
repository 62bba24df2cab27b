"""The same relative paths below several roots, mounted in different places."""

import pytest

from workflow_miniscope.errors import RecordingError, SettingsError
from workflow_miniscope.paths import find_full_path, to_relative


@pytest.fixture
def machines(tmp_path):
    """Two machines that see the same two disks: one has them in /mnt/a and /mnt/b, the other in one folder."""
    disks = tmp_path / "disks"
    for folder in ("one/m1/2026_01_15", "two/m2/2026_01_16"):
        (disks / folder).mkdir(parents=True)
    roots = {}
    for machine, places in {"rig": ("mnt/a", "mnt/b"), "server": ("storage/first", "storage/second")}.items():
        roots[machine] = [tmp_path / machine / place for place in places]
        for place, disk in zip(roots[machine], ("one", "two"), strict=True):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(disks / disk)
    return roots


def test_what_one_machine_stores_another_finds(machines):
    for disk, folder in enumerate(("m1/2026_01_15", "m2/2026_01_16")):
        stored = to_relative(machines["rig"], machines["rig"][disk] / folder)
        assert stored == folder
        assert find_full_path(machines["server"], stored) == machines["server"][disk] / folder


def test_the_first_root_that_has_it_is_taken(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for root in (first, second):
        (root / "m1").mkdir(parents=True)
    assert find_full_path([first, second], "m1") == first / "m1"
    assert find_full_path([second, first], "m1") == second / "m1"


def test_a_root_that_is_not_mounted_is_named(machines):
    roots = machines["server"]
    roots[1].unlink()
    assert find_full_path(roots, "m1/2026_01_15").is_dir()  # the others go on
    with pytest.raises(RecordingError) as caught:
        find_full_path(roots, "m2/2026_01_16")
    assert f"the root directory {roots[1]} is not there: mount it" in str(caught.value)
    assert "spelling" not in str(caught.value)
    roots[0].unlink()
    with pytest.raises(RecordingError, match="the root directories .*first, .*second are not there"):
        find_full_path(roots, "m2/2026_01_16")


def test_where_all_roots_are_there_it_is_the_name(machines):
    with pytest.raises(RecordingError, match="is not found below .*mnt/a, .*mnt/b; check its spelling"):
        find_full_path(machines["rig"], "m3")


def test_no_root_is_configured():
    with pytest.raises(SettingsError, match="No miniscope_root_data_dir is configured"):
        find_full_path([], "m1")
