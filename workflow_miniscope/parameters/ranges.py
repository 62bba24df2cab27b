"""A JSON Schema in words: what a value may be."""

from __future__ import annotations

import json
from typing import Any

_WORDS = {"boolean": "true or false", "string": "text", "object": "an object of names and values"}


def in_words(schema: dict[str, Any]) -> str:
    """Say what a value may be, to follow "must be".

    Parameters
    ----------
    schema : dict
        JSON Schema of a parameter.

    Returns
    -------
    str
        Such as ``a number from 0 to 1, or none``; empty where anything is taken.
    """
    if "range" in schema:
        return str(schema["range"])
    if "enum" in schema:
        return "one of " + ", ".join(_value(value) for value in schema["enum"])
    if "const" in schema:
        return _value(schema["const"])
    if "anyOf" in schema:
        return _any_of(schema["anyOf"])
    kind = schema.get("type")
    if kind in ("number", "integer"):
        return _number("a whole number, " if kind == "integer" else "a number ", schema).strip(" ,")
    if kind == "array":
        return "a list"
    return _WORDS.get(str(kind), "")


def _any_of(choices: list[dict[str, Any]]) -> str:
    some = [choice for choice in choices if choice.get("type") != "null"]
    if len(some) == 2 and some[1].get("type") == "array" and some[1].get("items") == some[0]:
        text = _number("one or two whole numbers, ", some[0])
    else:
        text = " or ".join(filter(None, map(in_words, some)))
    return f"{text}, or none" if text and len(some) < len(choices) else text


def _value(value: Any) -> str:
    """Give a value as JSON has it, but text in the quotes that our sentences use."""
    return repr(value) if isinstance(value, str) else json.dumps(value)


def _number(begin: str, schema: dict[str, Any]) -> str:
    if "minimum" in schema and "maximum" in schema:
        return f"{begin.strip(' ,')} from {schema['minimum']:g} to {schema['maximum']:g}"
    limits = [
        f"{words} {schema[key]:g}"
        for key, words in (
            ("exclusiveMinimum", "above"),
            ("minimum", "at least"),
            ("exclusiveMaximum", "below"),
            ("maximum", "at most"),
        )
        if key in schema
    ]
    return begin + " and ".join(limits)
