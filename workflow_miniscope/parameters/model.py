"""The base of every program's parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from ..errors import ParameterError, in_brackets
from .ranges import in_words


def parameter(default: Any, meaning: str, unit: str = "", **more: Any) -> Any:
    """Declare a parameter of a :class:`Model`.

    Parameters
    ----------
    default : object
        Its value where none is given; ``...`` where one must be.
    meaning : str
        What it is, in half a sentence.
    unit : str
        Of its value; empty for a number without one.
    **more
        What its program must know of it besides, such as CaImAn's group; it stands in the JSON Schema, too.
    """
    return Field(default, description=meaning, json_schema_extra={"unit": unit, **more})


class Model(BaseModel):
    """Parameters of a program: checked, complete, and not to be changed.

    Attributes
    ----------
    owner : str
        The program's name, to begin a sentence with.
    none_means : str
        What a parameter that is None stands for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    owner: ClassVar[str]
    none_means: ClassVar[str] = "none"

    @classmethod
    def parse(cls, given: Mapping[str, Any] | Self | None) -> Self:
        """Check what a user gave, and fill in the defaults.

        Parameters
        ----------
        given : mapping or Model or None
            Names and values; parsed parameters stay as they are.

        Raises
        ------
        ParameterError
            Naming the parameter and what it may be, or for an unknown one the nearest that is known.
        """
        if isinstance(given, cls):
            return given
        if given is not None and not isinstance(given, Mapping):
            raise ParameterError(f"{cls.owner}'s parameters must be an object of names and values, not {given!r}.")
        values = cls.prepare(dict(given or {}))
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise ParameterError(cls._sentence(error.errors(include_url=False), values)) from None

    @classmethod
    def prepare(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Bring what was given into the form of the model; here it stays as it is."""
        return given

    @classmethod
    def known_names(cls) -> set[str]:
        """Names that a user may have meant by an unknown one."""
        return set(cls.model_fields)

    @classmethod
    def called(cls, name: str, given: Mapping[str, Any]) -> str:
        """How a sentence begins that says what is wrong with a value."""
        return f"{cls.owner}'s parameter {name}"

    @classmethod
    def facts(cls, name: str) -> dict[str, Any]:
        """Give what :func:`parameter` was told of a parameter: its unit, and more."""
        extra = cls.model_fields[name].json_schema_extra
        return dict(extra) if isinstance(extra, dict) else {}

    def plain(self) -> dict[str, Any]:
        """Give all of them, by name, as numbers, text, lists and dictionaries that belong to the caller."""
        return {name: _plain(getattr(self, name)) for name in type(self).model_fields}

    def replaced(self, **values: Any) -> Self:
        """Give a copy with other values, which are not checked."""
        return self.model_copy(update=values)

    @classmethod
    def _sentence(cls, errors: list[ErrorDetails], given: Mapping[str, Any]) -> str:
        """Say the first thing that is wrong; names before values, because a wrong name may be why one is missing."""
        error = min(errors, key=lambda one: one["type"] != "extra_forbidden")
        name = str(error["loc"][0])
        if error["type"] == "extra_forbidden":
            return unknown(cls.owner, name, cls.known_names())
        may_be = in_words(_properties(cls)[name])
        problem = "and is not given" if error["type"] == "missing" else f"not {given[name]!r}"
        return f"{cls.called(name, given)} must be {may_be}, {problem}."


def unknown(owner: str, name: str, known: Iterable[str]) -> str:
    """Return the sentence about a parameter that there is not.

    Parameters
    ----------
    owner : str
        Who does not have it, to begin the sentence with.
    name : str
        What was given.
    known : iterable of str
        Names that may have been meant.
    """
    return f"{owner} has no parameter {name!r}{in_brackets(name, known)}."


@cache
def _properties(model: type[Model]) -> dict[str, dict[str, Any]]:
    properties: dict[str, dict[str, Any]] = model.model_json_schema()["properties"]
    return properties


def _plain(value: Any) -> Any:
    if isinstance(value, Model):
        return value.plain()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
