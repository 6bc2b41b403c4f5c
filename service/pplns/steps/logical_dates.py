"""`logical_date()`: the default of a parameter that stands for the time of the run."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class LogicalDate:
    """The mark that `logical_date()` leaves in a signature; the run's own time takes its place."""

    def __repr__(self) -> str:
        return "logical_date()"


LOGICAL_DATE = LogicalDate()


def logical_date() -> Any:
    """Return a default for a parameter: the time the run stands for.

    That is the schedule's time, the message's publish time, or now. Annotated `date` it is the day in the trigger's
    time zone (the Schedule's own, else `timezone` in `[tool.pplns]`, else UTC); annotated `datetime` it is aware UTC.
    """
    return LOGICAL_DATE
