"""What a key of a table may hold: small readers that return a checked value or refuse it by file and key."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from pplns.errors import ConfigError, DefinitionError
from pplns.model.durations import seconds_of
from pplns.model.names import nearest, shorten

Reader = Callable[[object, "Place"], Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: the file, the table as TOML writes its head, and the key in it."""

    file: Path
    table: str
    key: str = ""

    def at(self, key: str) -> "Place":
        """Return the place of a key in this table, or in the table that this key holds."""
        return Place(self.file, f"{self.table}.{self.key}" if self.key else self.table, key)

    def refuse(self, value: object, expected: str, remedy: str = "Correct it, or leave it out.") -> ConfigError:
        """Return the error for a value that this key doesn't take."""
        return ConfigError(f"{self} is {shorten(value)}.", expected, remedy)

    def __str__(self) -> str:
        return f"{self.key} in [{self.table}] of {self.file}" if self.key else f"[{self.table}] of {self.file}"


def text(pattern: str, expected: str) -> Reader:
    """Return a reader of text that matches a pattern as a whole."""
    compiled = re.compile(pattern)

    def read(value: object, place: Place) -> str:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise place.refuse(value, expected)
        return value

    return read


def any_text(value: object, place: Place) -> str:
    """Read text; whole numbers and booleans become what a shell would write."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        raise place.refuse(value, "It takes text.")
    return str(value)


def choice(*options: str) -> Reader:
    """Return a reader of one of a few words."""

    def read(value: object, place: Place) -> str:
        if value not in options:
            near = nearest(value, options) if isinstance(value, str) else None
            known = ", ".join(repr(one) for one in options)
            raise place.refuse(value, f"It takes one of {known}.", f"Did you mean {near!r}?" if near else "Correct it.")
        return str(value)

    return read


def flag(value: object, place: Place) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise place.refuse(value, "It takes true or false, without quotes.")
    return value


def whole(least: int, most: int) -> Reader:
    """Return a reader of a whole number within bounds."""

    def read(value: object, place: Place) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise place.refuse(value, f"It takes a whole number from {least} to {most}.")
        return value

    return read


def duration(most_seconds: float) -> Reader:
    """Return a reader of a duration such as "30m", or a number of seconds."""

    def read(value: object, place: Place) -> float:
        try:
            seconds = seconds_of(cast("Any", value), what=place.key)
        except DefinitionError:
            seconds = 0.0
        if not 1 <= seconds <= most_seconds:
            expected = f'It takes a duration from 1 second to {most_seconds:g}, such as 900, "30m" or "1h".'
            raise place.refuse(value, expected)
        return seconds

    return read


def defined(make: Callable[[Any], object]) -> Reader:
    """Return a reader that takes what a class of pplns takes, in the words of that class."""

    def read(value: object, place: Place) -> Any:
        try:
            make(value)
        except DefinitionError as error:
            raise place.refuse(value, error.expected) from None
        return value

    return read


def list_of(item: Reader) -> Reader:
    """Return a reader of a list without repetitions."""

    def read(value: object, place: Place) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise place.refuse(value, "It takes a list.", "Put it in brackets: [ … ].")
        given = cast("list[object]", value)
        found = tuple(item(one, Place(place.file, place.table, f"{place.key}[{at}]")) for at, one in enumerate(given))
        return tuple(dict.fromkeys(found))

    return read


def map_of(key: Reader, value_reader: Reader) -> Reader:
    """Return a reader of a table whose keys are the user's."""

    def read(value: object, place: Place) -> Mapping[str, Any]:
        found = as_table(value, place)
        return MappingProxyType(
            {key(name, place.at(name)): value_reader(one, place.at(name)) for name, one in found.items()}
        )

    return read


def record(make: Callable[..., Any], **readers: Reader) -> Reader:
    """Return a reader of a table with known keys, given to `make` by their names."""

    def read(value: object, place: Place) -> Any:
        return make(**read_keys(as_table(value, place), readers, place))

    return read


def read_keys(table: Mapping[str, object], readers: Mapping[str, Reader], place: Place) -> dict[str, Any]:
    """Return the value of each key of a table, read.

    Raises: ConfigError for an unknown key, with the nearest one, and for what a reader refuses."""
    for key in table:
        if key not in readers:
            near = nearest(key, readers)
            raise ConfigError(
                f"Unknown key: {place.at(key)}.",
                f"Known are {', '.join(repr(one) for one in sorted(readers))}.",
                f"Did you mean {near!r}?" if near else "Remove it.",
            )
    return {key: readers[key](value, place.at(key)) for key, value in table.items()}


def as_table(value: object, place: Place) -> Mapping[str, object]:
    """Return a value that is a table."""
    if not isinstance(value, dict):
        raise place.refuse(value, "It takes a table.", f"Write {place.key or place.table} = {{ … }}.")
    return cast("dict[str, object]", value)


def json_value(value: object, place: Place) -> Any:
    """Read what JSON has too; TOML's dates and times become ISO 8601 text, as a trigger sends them."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, list):
        return [json_value(one, place) for one in cast("list[object]", value)]
    if isinstance(value, dict):
        return {key: json_value(one, place) for key, one in cast("dict[str, object]", value).items()}
    return value
