"""docs/parameters.md tells the truth about every type in its table."""

import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from pplns.steps.conversion import RefusedError, convert

PAGE = Path(__file__).parents[2] / "docs" / "parameters.md"
NAMES = {"date": date, "datetime": datetime, "time": time, "timedelta": timedelta, "Decimal": Decimal, "UUID": UUID}


def lines() -> list[list[str]]:
    """Return the cells of the first table, without their marks of code."""
    table = PAGE.read_text("utf-8").split("| annotation |")[1].split("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def type_named(cell: str) -> Any:
    return eval(cell.strip("`"), {**NAMES, "Path": Path})


@pytest.mark.parametrize("line", lines(), ids=lambda line: line[0])
def test_text_and_json_give_the_same_value(line: list[str]):
    """What is written in the second and third column converts, to one and the same."""
    annotation = type_named(line[0])

    from_text = convert(line[1].strip("`"), annotation, timezone="UTC")

    assert from_text == convert(json.loads(line[2].strip("`")), annotation, timezone="UTC")


@pytest.mark.parametrize(
    ("line", "example"), [(line, example) for line in lines() for example in line[3].split("`")[1::2]], ids=str
)
def test_what_is_said_to_be_refused_is(line: list[str], example: str):
    """Each example of the last column, as JSON."""
    with pytest.raises(RefusedError):
        convert(json.loads(example), type_named(line[0]), timezone="UTC")
