"""The fields of a record, each read as the type that it has to be.

A record is JSON that anyone may have changed. What is missing or of another type is a ValueError that names the field;
who reads the record turns it into DamagedRecord with the record's name."""

from __future__ import annotations

from collections.abc import Mapping

from pplns.built_in import datetime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    T = TypeVar("T")

_ENDLESS = float("inf")


class Fields:
    """The fields of one JSON object."""

    def __init__(self, record: object) -> None:
        if not isinstance(record, dict):
            raise ValueError(f"an object, which is {_short(record)}")  # noqa: TRY004 - one kind of error for all damage
        self._record: Mapping[str, Any] = record  # pyright: ignore[reportUnknownMemberType]

    def any(self, key: str) -> Any:
        """Return a field of any type, which has to be there."""
        if key not in self._record:
            raise ValueError(f"{key!r}, which is missing")
        return self._record[key]

    def text(self, key: str) -> str:
        """Return a text."""
        return self._checked(key, self.any(key), str)

    def text_or_none(self, key: str) -> str | None:
        """Return a text, or None where it is null or missing."""
        value = self._record.get(key)
        return None if value is None else self._checked(key, value, str)

    def flag(self, key: str) -> bool:
        """Return true or false."""
        return self._checked(key, self.any(key), bool)

    def flag_or_false(self, key: str) -> bool:
        """Return true or false, or false where it is missing: a field that came later."""
        return key in self._record and self.flag(key)

    def count(self, key: str) -> int:
        """Return a whole number that is not negative."""
        value = self.any(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ValueError(f"{key!r}, which is {_short(value)}")
        return value

    def count_or_none(self, key: str) -> int | None:
        """Return a whole number that is not negative, or None where it is null or missing."""
        return None if self._record.get(key) is None else self.count(key)

    def seconds(self, key: str) -> float:
        """Return a number of seconds, finite and not negative."""
        value = self.any(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _ENDLESS:
            raise ValueError(f"{key!r}, which is {_short(value)}")
        return float(value)

    def seconds_or_none(self, key: str) -> float | None:
        """Return a number of seconds, or None where it is null or missing."""
        return None if self._record.get(key) is None else self.seconds(key)

    def time(self, key: str) -> str:
        """Return a time as ISO 8601 text with its offset."""
        value = self.text(key)
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError:
            parsed = None
        if parsed is None or parsed.tzinfo is None:
            raise ValueError(f"{key!r}, which is {_short(value)}")
        return value

    def time_or_none(self, key: str) -> str | None:
        """Return a time, or None where it is null or missing."""
        return None if self._record.get(key) is None else self.time(key)

    def list(self, key: str) -> list[Any]:
        """Return a list."""
        found: list[Any] = self.any(key)
        self._checked(key, found, list)
        return found

    def mapping(self, key: str) -> dict[str, Any]:
        """Return an object."""
        found: dict[str, Any] = self.any(key)
        self._checked(key, found, dict)
        return found

    def mapping_or_none(self, key: str) -> dict[str, Any] | None:
        """Return an object, or None where it is null or missing."""
        return None if self._record.get(key) is None else self.mapping(key)

    def one_of(self, key: str, choices: tuple[str, ...]) -> Any:
        """Return one of some texts."""
        value = self.text(key)
        if value not in choices:
            raise ValueError(f"{key!r}, which is {_short(value)}")
        return value

    def _checked(self, key: str, value: Any, kind: type[T]) -> T:
        if not isinstance(value, kind):
            raise ValueError(f"{key!r}, which is {_short(value)}")  # noqa: TRY004 - as above
        return value


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:36]}…"
