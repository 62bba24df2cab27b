"""Tables as they are shown: in terminals of several widths, and where a program reads on."""

import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shown_table import KEYS, TABLE
from terminals import in_terminal, without_styles

from workflow_miniscope.cli.show import GAP, fit
from workflow_miniscope.engines import get
from workflow_miniscope.parameters import describe

on_a_terminal = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals of this kind")

PROGRAM = """
from shown_table import TABLE
from workflow_miniscope.cli.show import show
show("Before.", TABLE, "After.")
"""


def shown(columns, **environment):
    return in_terminal(columns, "-c", PROGRAM, **environment)


@on_a_terminal
@pytest.mark.parametrize("columns", [200, 110, 80, 40])
def test_nothing_is_cut_in_any_terminal(columns):
    text = without_styles(shown(columns))
    assert text.startswith("Before.\n\n") and text.endswith("\n\nAfter.\n")
    lines = text.splitlines()
    for key in KEYS:
        (line,) = [line for line in lines if key in line]
        # alone on its line where the terminal has to break it
        assert len(line) <= columns or line == key
    words = " ".join(lines).split()
    for row in TABLE.rows:
        for cell in row:
            assert cell == "-" or cell in KEYS or set(str(cell).split()) <= set(words), cell
    assert max(len(line) for line in lines if line not in KEYS) <= columns


@on_a_terminal
def test_a_wide_terminal_has_one_line_a_row_and_a_narrow_one_a_paragraph():
    wide = [line for line in without_styles(shown(200)).splitlines() if line]
    assert [line.split()[0] for line in wide] == ["Before.", "state", "failed:", "done", "to", "After."]
    assert wide[2].index(" 7 ") + 1 == wide[3].index("1234") + 3, "numbers to the right"
    narrow = without_styles(shown(60)).splitlines()
    at = narrow.index(KEYS[0])
    assert narrow[at + 1] == "  state: failed: Processing · cells: 7"
    assert narrow[at + 2].startswith("  said: the disk was full")


@on_a_terminal
def test_headings_are_bold_and_colours_can_be_refused():
    colour, bold = "\x1b[31mfailed", "\x1b[1mname"
    usual, refused = shown(200), shown(200, NO_COLOR="1")
    assert colour in usual and bold in usual
    assert "\x1b[31m" not in refused and bold in refused
    assert without_styles(usual) == without_styles(refused)
    assert "\x1b" not in shown(200, TERM="dumb")


def test_what_is_piped_is_plain_text():
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": "40", "PYTHONPATH": os.path.dirname(__file__)}
    environment.pop("NO_COLOR", None)
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, env=environment, check=True, timeout=60)
    assert done.stdout.decode().splitlines() == ["Before.", "", *str(TABLE).splitlines(), "", "After."]


@on_a_terminal
@pytest.mark.parametrize("columns", [200, 80, 50])
def test_the_parameters_of_an_engine(columns):
    text = without_styles(in_terminal(columns, "-m", "workflow_miniscope", "params", "cnmfe"))
    assert max(map(len, text.splitlines())) <= columns
    said = set(text.split())
    assert all(set(row.meaning.split()) <= said for row in describe(get("cnmfe").model()))
    begins = [line.split()[0] for line in text.splitlines() if not line.startswith(" ")]
    names = [row.name for row in describe(get("cnmfe").model())]
    assert [begin for begin in begins if begin != "name"] == names


cells = st.text(st.sampled_from("ab 汉"), max_size=30)
tables = st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(cells, min_size=3, max_size=3), min_size=n, max_size=n))


@settings(deadline=None)
@given(columns=tables, fixed=st.lists(st.booleans(), min_size=5, max_size=5), room=st.integers(1, 150))
def test_columns_fit_or_there_is_none(columns, fixed, room):
    from rich.cells import cell_len

    widths = fit(columns, fixed[: len(columns)], room)
    longest = [max(cell_len(word) for cell in column for word in ["", *cell.split()]) for column in columns]
    natural = [max(map(cell_len, column)) for column in columns]
    gaps = GAP * (len(columns) - 1)
    if sum(natural) + gaps <= room:
        assert widths == natural
    elif widths is not None:
        assert sum(widths) + gaps == room
        for width, word, whole, full in zip(widths, longest, fixed, natural, strict=False):
            assert word <= width <= full and (width == full or not whole)
