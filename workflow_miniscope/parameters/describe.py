"""Parameters described for people, from their model alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .model import Model
from .ranges import in_words


@dataclass(frozen=True)
class Description:
    """A parameter in words.

    Attributes
    ----------
    name : str
        As it is given; the name of a part of a list follows that of the list, as ``rois.x``.
    default : str
        As JSON, text without quotes, or what none stands for; empty where it must be given or follows from others.
    unit : str
        Of its value.
    range : str
        What it may be.
    meaning : str
        What it is.
    """

    name: str
    default: str
    unit: str
    range: str
    meaning: str


def describe(model: type[Model]) -> list[Description]:
    """List the parameters of a program in the order of its model."""
    schema = model.model_json_schema()
    return list(_described(model, schema, schema.get("$defs", {})))


def _described(model: type[Model], schema: dict[str, Any], parts: dict[str, Any]) -> Iterator[Description]:
    for name, about in schema["properties"].items():
        yield _one(name, about, _default(model, about, name in schema.get("required", ())))
        yield from _of_parts(name, about, parts)


def _of_parts(name: str, about: dict[str, Any], parts: dict[str, Any]) -> Iterator[Description]:
    """Describe what the items of a list have: the same name in several kinds of them once."""
    mapping = about.get("items", {}).get("discriminator", {}).get("mapping", {})
    kinds: dict[str, list[str]] = {}
    shown: dict[str, tuple[dict[str, Any], bool]] = {}
    for kind, reference in mapping.items():
        part = parts[reference.rsplit("/", 1)[1]]
        for inner, inner_about in part["properties"].items():
            kinds.setdefault(inner, []).append(kind)
            shown.setdefault(inner, (inner_about, inner in part.get("required", ())))
    for inner, (inner_about, required) in shown.items():
        some = kinds[inner]
        which = "" if len(some) == len(mapping) else f"{', '.join(some)}: "
        described = _one(f"{name}.{inner}", inner_about, "" if required else _text(inner_about.get("default")))
        if inner == about["items"]["discriminator"]["propertyName"]:
            words = "one of " + ", ".join(map(repr, mapping))
            described = Description(described.name, "", described.unit, words, described.meaning)
        yield Description(described.name, described.default, described.unit, described.range, which + described.meaning)


def _one(name: str, about: dict[str, Any], default: str) -> Description:
    return Description(name, default, about.get("unit", ""), in_words(about), about.get("description", ""))


def _default(model: type[Model], about: dict[str, Any], required: bool) -> str:
    if required:
        return ""
    value = about.get("default")
    return model.none_means if value is None else _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
