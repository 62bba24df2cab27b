"""What a person sees of a run: tested with Python's own log and processes, as CaImAn uses them."""

import logging
import multiprocessing

import pytest

from workflow_miniscope.engines.caiman import progress

THEIRS = logging.getLogger("caiman")


@pytest.fixture
def bars(monkeypatch):
    made = []

    class Bar(progress.tqdm):
        def __init__(self, *args, **options):
            super().__init__(*args, **{**options, "disable": False})
            self.shown = []
            made.append(self)

        def set_postfix_str(self, text="", refresh=True):
            self.shown.append(text)
            super().set_postfix_str(text, refresh)

    monkeypatch.setattr(progress, "tqdm", Bar)
    return made


def cnmf_patches(number: int) -> int:
    """Named as CaImAn's function; its messages are those of a child, which are not ours to write."""
    THEIRS.debug("patch START")
    THEIRS.warning("in a child")
    return number**2


def other(number: int) -> int:
    return -number


def test_messages_are_ours_and_on_the_bar(bars, caplog):
    before = THEIRS.level, THEIRS.propagate, list(THEIRS.handlers)
    with caplog.at_level(logging.DEBUG), progress.follow(2, None) as begin:
        begin("register")
        THEIRS.info("a long\n   line")
        THEIRS.debug("is not shown")
        begin("extract")
        for _ in range(2):
            cnmf_patches(1)
        THEIRS.info("Elapsed time for processing patches: 3s")
        THEIRS.info((500, 64, 96))  # CaImAn logs what is no text, too
    (bar,) = bars
    assert (bar.n, bar.total) == (2, 2)
    assert bar.shown == [
        "register",
        "register: a long line",
        "extract",
        "extract: patch 1: in a child",
        "extract: patch 2: in a child",
        "extract: Elapsed time for processing patches: 3s",
        "extract: (500, 64, 96)",
        "done",
    ]
    levels = {record.message: record.levelname for record in caplog.records if record.name == progress.__name__}
    assert levels["CaImAn: a long line"] == "DEBUG" and levels["CaImAn: patch 1: in a child"] == "WARNING"
    assert levels["CaImAn: patch 2: in a child"] == "DEBUG", "the same warning again"
    assert "caiman" not in {record.name for record in caplog.records}, "it was logged twice"
    assert before == (THEIRS.level, THEIRS.propagate, list(THEIRS.handlers))


def test_patches_of_several_processes_are_counted(bars):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        with progress.follow(1, pool) as begin:
            begin("extract")
            assert pool.map_async(cnmf_patches, range(5)).get(4294967) == [0, 1, 4, 9, 16]
            assert pool.map_async(other, [1, 2]).get() == [-1, -2]
        assert pool.map_async(cnmf_patches, [3]).get() == [9]
    steps, patches = bars
    assert (patches.desc, patches.n, patches.total) == ("patches", 5, 5)
    assert steps.shown == ["extract", "done"]


def test_everything_is_as_before_when_a_run_fails(bars):
    before = THEIRS.level, THEIRS.propagate, list(THEIRS.handlers)
    with pytest.raises(KeyboardInterrupt), progress.follow(3, None) as begin:
        begin("extract")
        raise KeyboardInterrupt
    assert before == (THEIRS.level, THEIRS.propagate, list(THEIRS.handlers))
    assert bars[0].n == 0
