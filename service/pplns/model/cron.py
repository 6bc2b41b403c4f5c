"""Cron lines as Cloud Scheduler takes them: five fields of unix-cron, no seconds, no macros, no `L`, `W`, `#`, `?`.

Source: Cloud Scheduler, "Cron job format and time zone"."""

import re

from pplns.errors import DefinitionError
from pplns.model.frozen import Frozen

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_PART = re.compile(r"(?:\*|([0-9]{1,2}|[A-Z]{3})(?:-([0-9]{1,2}|[A-Z]{3}))?)(?:/([0-9]{1,2}))?", re.ASCII)


class _Field(Frozen):
    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 7, _WEEKDAYS),
)


def check_cron(cron: object) -> str:
    """Return a cron line whose five fields are in range.

    Raises: DefinitionError, naming the field."""
    texts = cron.split() if isinstance(cron, str) else []
    if not isinstance(cron, str) or len(texts) != len(_FIELDS):
        raise DefinitionError(
            f"Schedule({cron!r}) is no cron line.",
            "A schedule has five fields: minute, hour, day of month, month, day of week.",
            'Write it like Schedule("0 6 * * *"), which is 06:00 every day.',
        )
    for field, text in zip(_FIELDS, texts, strict=True):
        if not all(_is_valid(part, field) for part in text.upper().split(",")):
            names = f", or {field.names[0]} to {field.names[-1]}" if field.names else ""
            raise DefinitionError(
                f"Schedule({cron!r}) has {text!r} as its {field.name}.",
                f"It is '*', a number from {field.lowest} to {field.highest}{names}, a range '1-5', a step '*/5',"
                " or a list of these with commas.",
                f"Correct the {field.name}.",
            )
    return cron


def _is_valid(part: str, field: _Field) -> bool:
    match = _PART.fullmatch(part)
    if match is None:
        return False
    first, last, step = match.groups()
    numbers = [_number(text, field) for text in (first, last) if text is not None]
    if len(numbers) == 2 and last == "SUN":  # a week may end with Sunday: FRI-SUN
        numbers[1] = 7
    in_range = all(field.lowest <= number <= field.highest for number in numbers)
    return in_range and numbers == sorted(numbers) and (step is None or int(step) > 0)


def _number(text: str, field: _Field) -> int:
    if text.isdigit():
        return int(text)
    return field.names.index(text) + field.lowest if text in field.names else -1
