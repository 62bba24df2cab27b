"""What a user writes to choose rows, taken apart: ``name=value``, the name of a recording, DataJoint's own language.

Three ways of writing are told apart before any database sees them:

- ``subject=Maus A 1``, ``fps>=20``, several joined by ``and``: values need no quotes, and may hold blanks;
- ``m1_20260115-102030_0_p1``: the name of a recording or of an analysis, as ``workflow-miniscope list`` prints it;
- ``subject like 'm%' or recording_id in (0, 1)``: everything else, which is DataJoint's language.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import ParameterError, ResultError

_SIGN = r"(<=|>=|<>|!=|=|<|>)"
_COMPARISON = re.compile(rf"\s*([A-Za-z_]\w*)\s*{_SIGN}\s*(.*\S)\s*", re.DOTALL)
_AND = re.compile(rf"\s+and\s+(?=[A-Za-z_]\w*\s*{_SIGN})", re.IGNORECASE)
_NAME = re.compile(r"(.+)_(\d{8}-\d{6})((?:_[a-z]?\d+)*)", re.DOTALL)
_ANALYSIS = re.compile(r"_[pctm]\d+(_[a-z]?\d+)*$")
_TIME = "%Y%m%d-%H%M%S"
# What the parts of a name count. Of a camera's rows, recording_id counts cameras
_PARTS = {
    "": "recording_id",
    "v": "video_recording_id",
    "p": "paramset_id",
    "c": "curation_id",
    "t": "facemap_task_id",
    "m": "prediction_params_id",
}
# Words of DataJoint's language (SQL) that are no attributes
_WORDS = set(
    "and or not in is null like ilike between true false interval second minute hour day month week year date "
    "timestamp exists any all case when then else end escape regexp rlike binary".split()
)


@dataclass(frozen=True)
class Comparison:
    """An attribute compared with a value, which is text without its quotes."""

    name: str
    sign: str
    value: str

    def __str__(self) -> str:
        return f"{self.name}{self.sign}{self.value}"


@dataclass(frozen=True)
class Named:
    """A recording or analysis, or a whole session, by its name; ``numbers`` are attributes and their values."""

    text: str
    subject: str
    start: datetime
    numbers: Mapping[str, int]

    def __str__(self) -> str:
        return self.text

    @property
    def recording(self) -> Named | None:
        """The recording of an analysis; None where no analysis is named."""
        text = _ANALYSIS.sub("", self.text)
        numbers = {name: number for name, number in self.numbers.items() if name == "recording_id"}
        return None if text == self.text else Named(text, self.subject, self.start, numbers)


@dataclass(frozen=True)
class Language:
    """A condition in DataJoint's own language."""

    text: str

    def names(self) -> list[str]:
        """Return the words that must be attributes, in their order."""
        bare = re.sub(r"'(?:[^']|'')*'", " '' ", self.text)
        # a function's name is followed by a bracket
        words = re.findall(r"(?<![\w.'])[A-Za-z_]\w*\b(?!\s*\()", bare)
        return [word for word in dict.fromkeys(words) if word.lower() not in _WORDS]

    def __str__(self) -> str:
        return self.text


#: One condition; what is none of ours is a restriction of DataJoint, such as another table.
Condition = Comparison | Named | Language | Mapping[str, Any] | Any


def parse(restrict: Any) -> Iterator[Condition]:
    """Take a restriction apart into conditions that must all hold.

    Parameters
    ----------
    restrict : str, mapping, list of them, or None
        What a user wrote, or a restriction of DataJoint.

    Raises
    ------
    ParameterError
        It is broken JSON, or a word that stands alone.
    """
    if restrict is None:
        return
    for item in restrict if isinstance(restrict, (list, tuple)) else [restrict]:
        if isinstance(item, str):
            yield from _parse_text(item.strip())
        else:
            yield item


def _parse_text(text: str) -> Iterator[Condition]:
    if text.startswith("{"):
        yield _parse_json(text)
    elif match := _NAME.fullmatch(text):
        yield _parse_name(text, *match.groups())
    elif comparisons := _parse_comparisons(text):
        yield from comparisons
    elif re.search(r"[=<>(]|\b(like|in|is|between|not)\b", text, re.IGNORECASE):
        yield Language(text.replace('"', "'"))  # double quotes are names on PostgreSQL
    else:
        example = f"subject={text}" if text else "subject=m1"
        raise ParameterError(f"The restriction '{text}' compares nothing; write name=value, such as '{example}'.")


def _parse_json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ParameterError(f"The restriction {text} is not valid JSON ({error}).") from None
    return dict(value)


def _parse_name(text: str, subject: str, start: str, parts: str) -> Named:
    numbers = {}
    for letter, number in re.findall(r"_([a-z]?)(\d+)", parts):
        if letter not in _PARTS:
            known = ", ".join(f"{letter} ({name})" for letter, name in _PARTS.items() if letter)
            raise ParameterError(f"The name '{text}' has a part '{letter}{number}'; known are {known}.")
        numbers[_PARTS[letter]] = int(number)
    try:
        return Named(text, subject, datetime.strptime(start, _TIME), numbers)
    except ValueError:
        raise ParameterError(f"The name '{text}' holds no date and time: {start}.") from None


def name_of(key: Mapping[str, Any], camera: bool = False) -> str:
    """Return the name of a recording or analysis, which every command takes.

    Parameters
    ----------
    key : mapping
        Its primary key, or that of a session.
    camera : bool
        Whether ``recording_id`` counts cameras.
    """
    parts = [str(key["subject"]), f"{key['session_datetime']:{_TIME}}"]
    for letter, name in _PARTS.items():
        if name in key:
            parts.append(f"{'v' if camera and name == 'recording_id' else letter}{key[name]}")
    return "_".join(parts)


def is_restriction(text: str) -> bool:
    """Whether a text chooses rows, rather than naming a file."""
    return _NAME.fullmatch(text.strip()) is not None or any(sign in text for sign in "=<>{")


def result_path(text: str | Path) -> Path | None:
    """Return the file or folder that a text names, or None where it chooses rows of the database.

    Raises
    ------
    ResultError
        It does neither.
    """
    path = Path(text)
    if path.exists():
        return path
    if isinstance(text, str) and is_restriction(text):
        return None
    raise ResultError(
        f"There is no result file or folder {path}; an analysis in the database is named by its recording, parameter "
        "set and curation, such as m1_20260115-102030_0_p0_c1, or chosen by a condition such as subject=m1."
    )


def _parse_comparisons(text: str) -> list[Comparison]:
    """Return what the text compares, or nothing where one part is in DataJoint's language."""
    found = []
    for part in _split(text):
        match = _COMPARISON.fullmatch(part)
        value = None if match is None else _unquoted(match[3])
        if match is None or value is None:
            return []
        found.append(Comparison(match[1], match[2], value))
    return found


def _split(text: str) -> Iterator[str]:
    """Cut a text at each ``and`` that a comparison follows and that stands in no quotes."""
    begin = 0
    for match in _AND.finditer(text):
        # an apostrophe within a word quotes nothing
        if len(re.findall(r"(?<!\w)'|'(?!\w)", text[begin : match.start()])) % 2 == 0:
            yield text[begin : match.start()]
            begin = match.end()
    yield text[begin:]


def _unquoted(value: str) -> str | None:
    """Return a value without its quotes, or None where it goes on in DataJoint's language."""
    if value[0] in "'\"":
        inner = value[1:-1]
        return inner if len(value) > 1 and value[-1] == value[0] and value[0] not in inner else None
    # a word of the language, and a sign or a quote behind it
    if re.search(r"\s(and|or|not)\s.*([=<>'(]|\s(in|like|is|between)\s)", value, re.IGNORECASE | re.DOTALL):
        return None
    return value


def parse_moment(text: str) -> tuple[datetime, bool] | None:
    """Return a moment in UTC without a zone, and whether the text names a whole day; None if it is no moment."""
    try:
        moment = datetime.fromisoformat(text.strip().removesuffix("UTC").strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment, re.fullmatch(r"\d{4}-?\d\d-?\d\d", text.strip()) is not None
