"""A program's parameters: what is taken, what is refused in which words, and how they describe themselves."""

import json
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pytest
from pydantic import BeforeValidator, Field

from workflow_miniscope.errors import ParameterError
from workflow_miniscope.parameters import (
    Correlation,
    Description,
    Flag,
    Fraction,
    FromOne,
    FromZero,
    Model,
    NotNegative,
    Number,
    Pair,
    PairFromZero,
    Positive,
    describe,
    parameter,
    zero_or_one,
)


class Every(Model):
    """A parameter of each kind."""

    owner: ClassVar[str] = "A test"
    none_means: ClassVar[str] = "chosen"

    flag: Flag = parameter(True, "is it so")
    number: Number = parameter(3, "how much", "s")
    fraction: Fraction = parameter(0.5, "how much of it")
    correlation: Correlation = parameter(0.5, "how alike")
    positive: Positive = parameter(1, "more than nothing")
    not_negative: NotNegative = parameter(0, "nothing or more")
    one: FromOne = parameter(1, "how many")
    zero: FromZero = parameter(0, "how many, or none of them")
    pair: Pair = parameter([2, 3], "rows and columns", "px")
    pair_zero: PairFromZero = parameter([0, 0], "rows and columns")
    word: Annotated[Literal["a", True], BeforeValidator(zero_or_one)] = parameter("a", "which")
    optional: FromOne | None = parameter(None, "how many, if any")
    anything: Any = parameter(None, "whatever the program takes")


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("flag", [(True, True), (0, False), (1.0, True), (np.bool_(False), False)], ["yes", 2, None, []]),
        ("number", [(3, 3), (-0.5, -0.5), (np.inf, np.inf)], ["3", None, True, np.nan, [1]]),
        (
            "fraction",
            [(0, 0), (0.5, 0.5), (np.float32(0.25), 0.25)],
            [-0.1, 1.1, "0.5", None, True, np.nan],
        ),
        ("correlation", [(-1, -1), (1.0, 1.0)], [-1.01, 2]),
        ("positive", [(3, 3), (0.1, 0.1)], [0, -1, "1", True, np.nan]),
        ("not_negative", [(0, 0), (7, 7)], [-1]),
        ("one", [(1, 1), (3.0, 3), (np.int64(4), 4)], [0, 1.5, "2", True, None, np.inf]),
        ("zero", [(0, 0), (5.0, 5)], [-1, 0.5]),
        (
            "pair",
            [(3, [3, 3]), ((2, 4), [2, 4]), (np.array([5, 6]), [5, 6]), ([7.0, 8], [7, 8])],
            [0, (1, 2, 3), "ab", (1.5, 2), None, "3", [[1], [2]], [1]],
        ),
        ("pair_zero", [(0, [0, 0])], [-1, [0, -1]]),
        ("word", [("a", "a"), (1, True)], ["b", None, [], {}]),
        ("optional", [(None, None), (2, 2)], [0, "x"]),
        ("anything", [(None, None), ({"a": 1}, {"a": 1})], []),
    ],
)
def test_what_is_taken_and_what_is_refused(name, good, bad):
    for given, expected in good:
        value = Every.parse({name: given}).plain()[name]
        assert value == expected and type(value) is type(expected), (given, value)
    for given in bad:
        with pytest.raises(ParameterError, match=f"A test's parameter {name} must be .*, not "):
            Every.parse({name: given})


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"flag": "x"}, "flag must be true or false, not 'x'."),
        ({"number": "x"}, "number must be a number, not 'x'."),
        ({"fraction": 2}, "fraction must be a number from 0 to 1, not 2."),
        ({"positive": 0}, "positive must be a number above 0, not 0."),
        ({"not_negative": -1}, "not_negative must be a number at least 0, not -1."),
        ({"one": 0}, "one must be a whole number, at least 1, not 0."),
        ({"pair": 0}, "pair must be one or two whole numbers, at least 1, not 0."),
        ({"word": "b"}, "word must be one of 'a', true, not 'b'."),
        ({"optional": 0}, "optional must be a whole number, at least 1, or none, not 0."),
    ],
)
def test_the_sentence_is_made_of_the_range(given, sentence):
    with pytest.raises(ParameterError) as error:
        Every.parse(given)
    assert str(error.value) == f"A test's parameter {sentence}"


def test_an_unknown_name_is_said_first_with_the_nearest():
    with pytest.raises(ParameterError, match=r"^A test has no parameter 'nmber' \(did you mean 'number'\?\)\.$"):
        Every.parse({"flag": "x", "nmber": 3})
    with pytest.raises(ParameterError, match="must be an object of names and values, not "):
        Every.parse([1])


def test_what_is_parsed_stays_as_it_is():
    parsed = Every.parse({"one": 2})
    assert Every.parse(parsed) is parsed and Every.parse(None) == Every()
    with pytest.raises(ValueError, match="frozen"):
        parsed.one = 3
    assert parsed.replaced(one=3).one == 3 and parsed.one == 2
    parsed.plain()["pair"].append(4)
    assert parsed.pair == Every().pair == [2, 3]
    assert json.loads(json.dumps(parsed.plain())) == parsed.plain()


def test_a_model_describes_itself():
    rows = {row.name: row for row in describe(Every)}
    assert list(rows) == list(Every.model_fields)
    assert rows["number"] == Description("number", "3", "s", "a number", "how much")
    assert rows["pair"].default == "[2, 3]" and rows["word"].default == "a"
    assert rows["optional"].default == "chosen" and rows["anything"].range == ""


def test_the_range_is_the_schema_s():
    class Limited(Model):
        """Limits of all kinds."""

        owner: ClassVar[str] = "A test"

        below: Annotated[float, Field(lt=3)] = parameter(1.0, "less")
        text: str = parameter("x", "a word")

    assert [row.range for row in describe(Limited)] == ["a number below 3", "text"]
