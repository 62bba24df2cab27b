"""What the value of a parameter may be, as types: pydantic checks them, and they describe themselves.

Values come from JSON, from spreadsheets' exports and from Python: 3.0 is a whole number, 1 is true, numpy's numbers are
numbers, one whole number stands for both of a pair. Text is never taken for a number.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, ValidatorFunctionWrapHandler, WrapValidator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


@dataclass(frozen=True)
class Said:
    """Words for a range that its JSON Schema cannot express, such as an order of two values."""

    text: str

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Put the words beside the schema."""
        return {**handler(schema), "range": self.text}


@dataclass(frozen=True)
class _OneForBoth:
    """In the JSON Schema: a single number is taken, too."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        pair = handler(schema)
        return {"anyOf": [pair["items"], pair]}


def plain(value: Any) -> Any:
    """Give Python's own value for one of numpy's, or a list for an array."""
    return value.tolist() if hasattr(value, "tolist") else value


def zero_or_one(value: Any) -> Any:
    """Give true or false for 1 or 0; anything else stays."""
    value = plain(value)
    return bool(value) if isinstance(value, Real) and value in (0, 1) else value


def whole(value: Any) -> Any:
    """Give an integer for a number without a fraction, such as 3.0; anything else stays."""
    value = plain(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _twice(value: Any) -> Any:
    value = plain(value)
    return [value, value] if isinstance(value, Real) else value


def _as_given(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """Keep an integer an integer: it is stored as it was given."""
    value = plain(value)
    if isinstance(value, float) and value != value:
        raise ValueError("nan")
    check(value)
    return value


#: Leaves an integer an integer, and refuses what is no number.
Keep = WrapValidator(_as_given)
_Whole = BeforeValidator(whole)

#: True or false; 1 and 0 are taken, too.
Flag = Annotated[bool, Field(strict=True), BeforeValidator(zero_or_one)]
#: Any number.
Number = Annotated[float, Field(strict=True), Keep]
#: A number above 0.
Positive = Annotated[float, Field(strict=True, gt=0), Keep]
#: A number from 0 on.
NotNegative = Annotated[float, Field(strict=True, ge=0), Keep]
#: A number from 0 to 1.
Fraction = Annotated[float, Field(strict=True, ge=0, le=1), Keep]
#: A number from -1 to 1.
Correlation = Annotated[float, Field(strict=True, ge=-1, le=1), Keep]
#: A whole number from 0 on.
FromZero = Annotated[int, Field(strict=True, ge=0), _Whole]
#: A whole number from 1 on.
FromOne = Annotated[int, Field(strict=True, ge=1), _Whole]
#: Rows and columns: two whole numbers from 1 on, or one for both.
Pair = Annotated[list[FromOne], Field(min_length=2, max_length=2), BeforeValidator(_twice), _OneForBoth()]
#: Rows and columns: two whole numbers from 0 on, or one for both.
PairFromZero = Annotated[list[FromZero], Field(min_length=2, max_length=2), BeforeValidator(_twice), _OneForBoth()]
