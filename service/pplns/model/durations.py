"""Durations as people write them: seconds, a timedelta, or text such as "90s", "30m", "1h30m"."""

from __future__ import annotations

from pplns.errors import DefinitionError

TYPE_CHECKING = False
if TYPE_CHECKING:  # datetime costs 2 ms on the way to every pipeline file
    from datetime import timedelta
    from typing import Any

    Duration = float | int | str | timedelta
else:
    Duration = float | int | str  # a name in quotes would be compiled: 1 ms more

SECONDS_PER_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PARTS = r"(\d+(?:\.\d+)?)(ms|s|m|h|d)"


def seconds_of(duration: Duration, *, what: str) -> float:
    """Return a duration in seconds; `what` names the option in the error.

    Raises: DefinitionError for text that is no duration, and for a negative one."""
    seconds = _parse(duration)
    if seconds is None or not 0 <= seconds < float("inf"):
        raise DefinitionError(
            f"{what} is {duration!r}.",
            'A duration is a number of seconds, a timedelta, or text like "90s", "30m" or "1h30m".',
            "Write it in one of these forms, and not negative.",
        )
    return seconds


def _parse(duration: Any) -> float | None:
    if isinstance(duration, bool | type):
        return None
    if isinstance(duration, int | float):
        return _as_float(duration)
    if isinstance(duration, str):
        return _parse_text(duration.strip())
    return float(duration.total_seconds()) if hasattr(duration, "total_seconds") else None


def _parse_text(text: str) -> float | None:
    import re

    parts: list[tuple[str, str]] = re.findall(_PARTS, text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * SECONDS_PER_UNIT[unit] for number, unit in parts)


def _as_float(number: int | float) -> float:
    try:
        return float(number)
    except OverflowError:  # a whole number of more than 308 digits
        return float("inf")
