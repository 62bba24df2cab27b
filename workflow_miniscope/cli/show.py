"""Tables for whoever reads them: bold and wrapped on a terminal, aligned text alone where a program reads on."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from ..work.text_table import TextTable

#: Blanks between two columns.
GAP = 2
#: Lines that a cell takes at most when its column is narrowed; where that is not enough, a row becomes a paragraph.
LINES = 4
#: Between two values of a row that has become a paragraph.
BETWEEN = " · "
#: Colours of cells that begin with these words; everything that they say is in the words, too.
COLOURS = {
    "failed": "red",
    "unusable": "red",
    "not to be trusted": "red",
    "usable with warnings": "yellow",
    "excluded": "dim",
}


def show(*parts: TextTable | str) -> None:
    """Print tables and sentences, with an empty line between them.

    On a terminal the headings are bold, columns are narrowed by wrapping between words, and where the terminal is too
    narrow for that each row becomes a paragraph. A table's key is never broken. Elsewhere it is plain text without any
    control characters.

    Parameters
    ----------
    *parts : TextTable or str
        What to print.
    """
    if not sys.stdout.isatty():
        print("\n\n".join(map(str, parts)))
        return
    from rich.console import Console  # which takes a while to import

    console = Console(highlight=False, markup=False, emoji=False)
    for number, part in enumerate(parts):
        if number:
            print()
        if isinstance(part, str):
            print(part)
        else:
            _draw(part, console)


def _draw(table: TextTable, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    cells = [[_styled(str(cell)) for cell in row] for row in table.rows]
    numeric = [all(isinstance(row[i], (int, float)) for row in table.rows) for i in range(len(table.header))]
    columns = list(zip(map(Text, table.header), *cells, strict=True))
    fixed = [numeric[i] or name == table.key for i, name in enumerate(table.header)]
    widths = fit(
        [[cell.plain for cell in column] for column in columns], fixed, console.width - GAP
    )  # older versions of rich have one on the right, too
    if widths is None:
        _draw_paragraphs(table, cells, console)
        return
    drawn = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
    for name, width, right in zip(table.header, widths, numeric, strict=True):
        drawn.add_column(Text(name), width=width, justify="right" if right else "left", overflow="fold")
    for row in cells:
        drawn.add_row(*row)
    console.print(drawn)


def fit(columns: Sequence[Sequence[str]], fixed: Sequence[bool], room: int) -> list[int] | None:
    """Return the width of each column, the widest ones narrowed until all fit, or None where they cannot.

    Parameters
    ----------
    columns : sequence of sequences of str
        Heading and cells of each.
    fixed : sequence of bool
        Which of them are never narrowed; the others stay as wide as their longest word.
    room : int
        Width of the terminal, in characters.
    """
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in columns]
    words = [max((cell_len(word) for cell in column for word in cell.split()), default=0) for column in columns]
    least = [
        width if whole else max(word, -(-width // LINES))
        for width, word, whole in zip(widths, words, fixed, strict=True)
    ]
    room -= GAP * (len(columns) - 1)
    if sum(least) > room:
        return None
    while sum(widths) > room:
        widest = max((i for i in range(len(widths)) if widths[i] > least[i]), key=lambda i: widths[i])
        widths[widest] -= 1
    return widths


def _draw_paragraphs(table: TextTable, cells: Sequence[Sequence[Text]], console: Console) -> None:
    """Print each row as its key, and below it what it has under the other headings."""
    from rich.padding import Padding
    from rich.text import Text

    for row in cells:
        lines: list[Text] = []
        for name, cell in zip(table.header, row, strict=True):
            if name == table.key:
                console.print(Text(cell.plain, "bold"), soft_wrap=True)  # the terminal breaks it: it is copied whole
            elif cell.plain not in ("", "-"):
                said = Text.assemble((f"{name}: ", "dim"), cell)
                if lines and GAP + lines[-1].cell_len + len(BETWEEN) + said.cell_len <= console.width:
                    lines[-1].append(BETWEEN).append_text(said)
                else:
                    lines.append(said)
        for line in lines:
            console.print(Padding(line, (0, 0, 0, GAP), expand=False))


def _styled(cell: str) -> Text:
    from rich.text import Text

    return Text(cell, next((colour for words, colour in COLOURS.items() if cell.startswith(words)), ""))
