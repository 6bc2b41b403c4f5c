"""What starts a run: the triggers that a pipeline declares."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pplns.errors import DefinitionError
from pplns.model.frozen import Frozen

_CRON_FIELD = re.compile(r"[0-9A-Za-z*/,\-]+")
_TOPIC = re.compile(r"(?:projects/[a-z][a-z0-9-]{4,28}[a-z0-9]/topics/)?(?!goog)[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}")


NO_PARAMS: Mapping[str, Any] = MappingProxyType({})


class Schedule(Frozen):
    """A run at each time of a five-field unix-cron line, by Cloud Scheduler.

    `timezone` is an IANA name and decides both when it fires and which day `logical_date()` is as a date.
    `params` are the parameters of its runs, `name` tells two schedules of one pipeline apart."""

    cron: str
    timezone: str = "UTC"
    params: Mapping[str, Any] = NO_PARAMS
    name: str | None = None

    def __post_init__(self) -> None:
        fields = self.cron.split() if isinstance(self.cron, str) else []
        if len(fields) != 5 or not all(_CRON_FIELD.fullmatch(part) for part in fields):
            raise DefinitionError(
                f"Schedule({self.cron!r}) is no cron line.",
                "A schedule has five fields: minute, hour, day of month, month, day of week.",
                'Write it like Schedule("0 6 * * *"), which is 06:00 every day.',
            )
        check_timezone(self.timezone, where=f"Schedule({self.cron!r})")
        object.__setattr__(self, "params", MappingProxyType(dict(self.params)))


class PubSub(Frozen):
    """A run for each message of a Pub/Sub topic that `filter` lets through.

    A plain `topic` is made when deploying; `projects/P/topics/NAME` names one that exists and is not managed."""

    topic: str
    filter: str | None = None
    params: Mapping[str, Any] = NO_PARAMS
    name: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.topic, str) or not _TOPIC.fullmatch(self.topic):
            raise DefinitionError(
                f"PubSub({self.topic!r}) names no topic.",
                "A topic has 3 to 255 letters, digits or any of -_.~+%, begins with a letter and not with 'goog',"
                " alone or as projects/PROJECT/topics/NAME.",
                'Write it like PubSub("orders-landed").',
            )
        object.__setattr__(self, "params", MappingProxyType(dict(self.params)))


def check_timezone(name: str, *, where: str) -> str:
    """Return an IANA time zone name that this machine knows.

    Raises: DefinitionError."""
    if name == "UTC":  # the default, without the 5 ms that zoneinfo takes to import
        return name
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (ValueError, OSError, TypeError, LookupError):
        raise DefinitionError(
            f"{where} has the time zone {name!r}, which isn't known here.",
            "A time zone is an IANA name such as 'America/New_York' or 'UTC'.",
            "Correct the name; where the machine has no time zone data, `pip install tzdata`.",
        ) from None
    return name
