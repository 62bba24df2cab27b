"""Progress bars share one line."""

import io

import pytest

from workflow_miniscope import bars


class Terminal(io.StringIO):
    """A terminal that remembers what was written."""

    def isatty(self):
        return True

    def lines(self):
        """What stands on each line in the end."""
        shown = []
        for line in self.getvalue().split("\n"):
            text = ""
            for part in line.split("\r"):
                text = part + text[len(part) :]
            shown.append(text.rstrip())
        return shown


@pytest.fixture
def terminal():
    return Terminal()


def test_a_bar_within_a_bar_takes_its_line(terminal):
    look = {"file": terminal, "mininterval": 0, "disable": None, "ncols": 90}
    with bars.tqdm(total=2, desc="m1_0", **look) as outer:
        for step in ("register", "extract"):
            outer.say(f"m1_0 · {step}")
            with bars.tqdm(total=3, desc="frames", **look) as inner:
                for _ in range(3):
                    inner.update()
            outer.update()
        written = terminal.getvalue()
    assert "m1_0 · register · frames: 100%" in written
    assert "m1_0 · extract · frames:  33%" in written
    assert "m1_0 · extract: 100%" in written
    assert "\n" not in terminal.getvalue(), "one line"
    assert "\x1b[A" not in terminal.getvalue()
    assert terminal.lines() == [""], "nothing stays"


def test_messages_stand_above(terminal):
    with bars.tqdm(total=2, desc="work", file=terminal, mininterval=0, disable=None, ncols=60) as bar:
        bar.update()
        bars.write("Warning: a frame is dark.", terminal)
        bar.update()
    assert terminal.lines() == ["Warning: a frame is dark.", ""]


def test_no_terminal_and_quiet(terminal):
    file = io.StringIO()
    with bars.tqdm(total=2, file=file, disable=None) as bar:
        bar.update()
        bar.say("more")
    assert file.getvalue() == ""
    bars.silence()
    try:
        assert list(bars.tqdm(range(3), file=terminal)) == [0, 1, 2]
    finally:
        bars.silence(False)
    assert terminal.getvalue() == ""
