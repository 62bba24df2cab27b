"""The result that was read last is kept for the next table."""

import os

from workflow_miniscope.results.cache import read_once


def test_one_result_is_kept_until_it_changes(tmp_path):
    reads = []

    def read(path):
        reads.append(path.name)
        return [path.read_text()]

    def read_other(path):
        reads.append(f"other {path.name}")
        return [path.read_text()]

    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("1")
    second.write_text("2")
    assert read_once(read, first) is read_once(read, first) and reads == ["first"]
    assert read_once(read, second) == ["2"] and read_once(read, first) == ["1"]
    assert reads == ["first", "second", "first"], "of the one before nothing is kept"
    read_once(read_other, first)
    assert reads[-1] == "other first"

    before = first.stat()
    first.write_text("changed")
    os.utime(first, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert read_once(read_other, first) == ["changed"], "a copy may keep its time"
    os.utime(first, ns=(0, 0))
    read_once(read_other, first)
    assert len(reads) == 6
