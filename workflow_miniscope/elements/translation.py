"""Import an Element written for DataJoint 0.14 so that it declares the same tables under DataJoint 2.

Nothing of an Element is changed on disk. The names that DataJoint 2 dropped are lent while the Element is imported and
activated, and the types in its table definitions are put into DataJoint 2's words. On an Element that is already
published for DataJoint 2 none of this changes anything, but that some of its columns are made wider.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from ..database.connection import dj

#: The primary key of a row.
Key = dict[str, Any]
#: What corrections of a published table are written against: they become methods of it, and use what it has.
Published: Any = object

# DataJoint 2 keeps MySQL's names but not their meaning on every server: a bare longblob would store str(array).
TYPES = {
    "longblob": "<blob>",
    "boolean": "bool",
    "tinyint": "int8",
    "smallint": "int16",
    "smallint unsigned": "int32",
    "int": "int32",
    "int unsigned": "int64",
    "float": "float32",
    "double": "float64",
    # DataJoint 2.3 has uuid, but on PostgreSQL it can neither insert nor restrict nor fetch one
    "uuid": "char(36)",
}

#: Columns that are wider than published in databases that are declared from now on, by name and published type. Foreign
#: keys have the type of what they refer to, so that those of earlier databases keep theirs.
#: Laboratories name animals ``BL6_m12_rightCA1``, longer than the 8 characters of element-animal.
WIDER = {("subject", "varchar(8)"): "varchar(32)"}

# name [= default] : type [# comment]
_ATTRIBUTE = re.compile(
    r"""^(?P<head>\s*(?P<name>[a-z][a-z0-9_]*)\s*(?:=\s*(?:'[^']*'|"[^"]*"|[^:#'"]*))?:\s*)
         (?P<type>[^#]+?)
         (?P<tail>\s*(?:\#.*)?)$""",
    re.VERBOSE,
)


def translate_definition(definition: str) -> str:
    """Put the attribute types of a table definition into DataJoint 2's words.

    Comments, foreign keys and types that DataJoint 2 knows are left as they are, but for what is in ``WIDER``.

    >>> translate_definition("n = null : smallint unsigned  # how many")
    'n = null : int32  # how many'
    """
    return "\n".join(_translate_line(line) for line in definition.split("\n"))


def _translate_line(line: str) -> str:
    match = _ATTRIBUTE.match(line)
    if match is None:
        return line
    kind = re.sub(r"\s+", " ", match["type"].strip())
    kind = TYPES.get(kind.lower(), kind)
    kind = WIDER.get((match["name"], kind.lower()), kind)
    if kind.lower().startswith("enum"):
        kind = kind.replace('"', "'")  # in double quotes MySQL takes the choices for a comment
    return match["head"] + kind + match["tail"]


def translate_table(table: type) -> None:
    """Translate the definition of a table class and of its Part tables."""
    for cls in (table, *filter(_is_part, vars(table).values())):
        if isinstance(cls.definition, str):
            cls.definition = translate_definition(cls.definition)


def _is_part(value: object) -> bool:
    return inspect.isclass(value) and issubclass(value, dj.Part)


@contextmanager
def datajoint_names() -> Iterator[None]:
    """Lend DataJoint the names it had before 2.0 that the Elements use: ``schema`` and ``create_virtual_module``."""
    lent = {"schema": dj.Schema, "create_virtual_module": dj.VirtualModule}
    lent = {name: value for name, value in lent.items() if name not in vars(dj)}
    vars(dj).update(lent)
    try:
        yield
    finally:
        for name in lent:
            vars(dj).pop(name, None)


def import_element(name: str) -> ModuleType:
    """Import a module of an Element, such as ``element_session.session_with_datetime``, ready to be activated.

    Its tables are translated also if somebody imported the module before.
    """
    with datajoint_names():
        module = importlib.import_module(name)
    for table, _ in module.schema.declare_list:
        translate_table(table)
    return module


def replace_methods(table: type, corrections: type) -> None:
    """Put the corrected methods of one class on a published table class."""
    if hasattr(corrections, "make_fetch") and "make" in vars(table):
        delattr(table, "make")  # DataJoint prefers it to the three parts
    for name, value in vars(corrections).items():
        if not name.startswith("__"):
            setattr(table, name, value)
