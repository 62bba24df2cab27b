"""Parameters described for people, from their model alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
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
        yield _one(name, about, model.none_means, name in schema.get("required", ()))
        if "discriminator" in about.get("items", {}):
            yield from _of_items(name, about["items"]["discriminator"], parts)


def _of_items(name: str, choice: dict[str, Any], parts: dict[str, Any]) -> Iterator[Description]:
    """Describe what the items of a list have, which are of several kinds: the same name in several of them once."""
    models = {kind: parts[reference.rsplit("/", 1)[1]] for kind, reference in choice["mapping"].items()}
    for inner in dict.fromkeys(inner for part in models.values() for inner in part["properties"]):
        some = {kind: part for kind, part in models.items() if inner in part["properties"]}
        first = next(iter(some.values()))
        row = _one(f"{name}.{inner}", first["properties"][inner], "none", inner in first.get("required", ()))
        if inner == choice["propertyName"]:
            row = replace(row, range="one of " + ", ".join(map(repr, models)))
        elif len(some) < len(models):
            row = replace(row, meaning=f"{', '.join(some)}: {row.meaning}")
        yield row


def _one(name: str, about: dict[str, Any], none_means: str, required: bool) -> Description:
    value = about.get("default")
    if value is None:
        default = "" if required else none_means
    else:
        default = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return Description(name, default, about.get("unit", ""), in_words(about), about.get("description", ""))
