"""What a page is put together from, as its template takes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

#: How a verdict is shown: by its colour and its sign.
Tone = Literal["good", "warning", "bad", "unknown"]

_TONES: Mapping[str, Tone] = {
    "good": "good",
    "trusted": "good",
    "done": "good",
    "usable with warnings": "warning",
    "unusable": "bad",
    "not to be trusted": "bad",
}


@dataclass(frozen=True)
class Judgement:
    """A verdict with its reasons.

    Attributes
    ----------
    of : str
        What is judged.
    verdict : str
    reasons : sequence of str
        Sentences, the worst first.
    """

    of: str
    verdict: str
    reasons: Sequence[str] = ()

    @property
    def tone(self) -> Tone:
        """How it is shown."""
        return _TONES.get(self.verdict, "unknown")


@dataclass(frozen=True)
class Fact:
    """A name and its value, with a word about what it means."""

    name: str
    value: str
    meaning: str = ""


@dataclass(frozen=True)
class Picture:
    """An image that stands in the page itself.

    Attributes
    ----------
    data : str
        The image as an address that begins with ``data:``.
    width, height : int
        Pixels.
    alt : str
        What is seen, for those who do not see it.
    caption : str
        How it is read.
    chart : bool
        Lines on paper, whose colours can be turned round in the dark; otherwise something that was photographed.
    readable : int
        Pixels of a screen that its letters need to be read; 0 of an image without.
    """

    data: str
    width: int
    height: int
    alt: str
    caption: str
    chart: bool = True
    readable: int = 0


@dataclass(frozen=True)
class Table:
    """Rows of text under a header; the first column names the row."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Block:
    """A part of a section under a title of its own, with as much as there is.

    Attributes
    ----------
    title : str
    sentences : sequence of str
        Also those that say what is missing.
    facts : sequence of Fact
    pictures : sequence of Picture
        Figures, each as wide as the page.
    images : sequence of Picture
        Images, side by side.
    tables : sequence of Table
        Closed until somebody opens them.
    """

    title: str
    sentences: Sequence[str] = ()
    facts: Sequence[Fact] = ()
    pictures: Sequence[Picture] = ()
    images: Sequence[Picture] = ()
    tables: Sequence[Table] = ()


@dataclass(frozen=True)
class Section:
    """A recording, an analysis, or what belongs to the session as a whole.

    Attributes
    ----------
    anchor : str
        What a link within the page leads to.
    title : str
    name : str
        What every command takes; empty of what has none.
    judgement : Judgement or None
    blocks : sequence of Block
    """

    anchor: str
    title: str
    name: str = ""
    judgement: Judgement | None = None
    blocks: Sequence[Block] = ()


@dataclass(frozen=True)
class Page:
    """A session.

    Attributes
    ----------
    name : str
        What every command takes.
    title : str
        Animal and start.
    subtitle : str
        Start in UTC and folder.
    judgements : sequence of Judgement
        Of all recordings and extractions, for the top of the page.
    glance : sequence of Fact
        The numbers that are read first.
    missing : sequence of str
        What failed, is left to do, or was not recorded.
    sections : sequence of Section
    """

    name: str
    title: str
    subtitle: str
    judgements: Sequence[Judgement]
    glance: Sequence[Fact]
    missing: Sequence[str]
    sections: Sequence[Section] = field(default_factory=tuple)
