"""What starts a run: the triggers that a pipeline declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from pplns.errors import DefinitionError
from pplns.model.frozen import Frozen
from pplns.typed import cast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TRIGGER_NAME = r"[A-Za-z][A-Za-z0-9_-]{0,39}"
_TOPIC = r"(?:projects/[a-z][a-z0-9-]{4,28}[a-z0-9]/topics/)?(?!goog)[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}"
IANA_NAMES = "A time zone is an IANA name such as 'America/New_York' or 'UTC'."
MAX_FILTER_BYTES = 256  # of a Pub/Sub subscription

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
        from pplns.model.cron import check_cron  # of use only where there is a schedule

        check_cron(self.cron)
        where = f"Schedule({self.cron!r})"
        check_timezone(self.timezone, where=where)
        check_trigger_name(self.name, where=where)
        object.__setattr__(self, "params", check_trigger_params(self.params, where=where))


class PubSub(Frozen):
    """A run for each message of a Pub/Sub topic that `filter` lets through.

    A plain `topic` is made when deploying; `projects/P/topics/NAME` names one that exists and is not managed."""

    topic: str
    filter: str | None = None
    params: Mapping[str, Any] = NO_PARAMS
    name: str | None = None

    def __post_init__(self) -> None:
        import re

        if not isinstance(self.topic, str) or not re.fullmatch(_TOPIC, self.topic):
            raise DefinitionError(
                f"PubSub({self.topic!r}) names no topic.",
                "A topic has 3 to 255 letters, digits or any of -_.~+%, begins with a letter and not with 'goog',"
                " alone or as projects/PROJECT/topics/NAME.",
                'Write it like PubSub("orders-landed").',
            )
        where = f"PubSub({self.topic!r})"
        check_filter(self.filter, where=where)
        check_trigger_name(self.name, where=where)
        object.__setattr__(self, "params", check_trigger_params(self.params, where=where))


def known_names(names: Sequence[str | None], kind: str) -> list[str]:
    """Return a name for each trigger of one kind: its own, or the kind and, from the second on, a number.

    The deploy tool ends the names of Scheduler jobs and subscriptions with them, after a `_`."""
    found: list[str] = []
    unnamed = 0
    for name in names:
        unnamed += name is None
        found.append(name or (kind if unnamed == 1 else f"{kind}-{unnamed}"))
    return found


def check_timezone(name: str, *, where: str) -> str:
    """Return an IANA time zone name that this machine knows, written as it is there.

    Raises: DefinitionError."""
    if name == "UTC":  # the default, without the 5 ms that zoneinfo takes to import
        return name
    from zoneinfo import ZoneInfo

    from pplns.model.time_zones import iana_name

    try:
        ZoneInfo(name)
    except (ValueError, OSError, TypeError, LookupError):
        raise DefinitionError(
            f"{where} has the time zone {name!r}, which isn't known here.",
            IANA_NAMES,
            "Correct the name; where the machine has no time zone data, `pip install tzdata`.",
        ) from None
    if (written := iana_name(name)) != name:
        raise DefinitionError(
            f"{where} has the time zone {name!r}, which Cloud Scheduler and a container don't know.",
            IANA_NAMES,
            f"Write {written!r}." if written else "Write the one that is meant.",
        )
    return name


def check_trigger_params(params: object, *, where: str) -> Mapping[str, Any]:
    """Return the parameters of a trigger, as a copy that nobody changes; their values are checked with the pipeline.

    Raises: DefinitionError."""
    given = cast("Mapping[object, Any]", params) if isinstance(params, Mapping) else {None: params}
    if not all(isinstance(name, str) for name in given):
        raise DefinitionError(
            f"{where} has params={params!r}.",
            "params maps names of the pipeline's parameters to their values.",
            'Write it like params={"region": "us"}.',
        )
    return MappingProxyType({str(name): value for name, value in given.items()})


def check_trigger_name(name: object, *, where: str) -> None:
    """Refuse a name of a trigger that can't be part of a Scheduler job's or a subscription's name.

    Raises: DefinitionError."""
    if name is None:
        return
    import re

    if not (isinstance(name, str) and re.fullmatch(_TRIGGER_NAME, name)):
        raise DefinitionError(
            f"{where} has name={name!r}.",
            "The name of a trigger has 1 to 40 ASCII letters, digits, '_' or '-', and begins with a letter.",
            'Write it like name="us", or leave it out.',
        )


def check_filter(text: object, *, where: str) -> None:
    """Refuse what can't be the filter of a subscription; its syntax is Pub/Sub's to check.

    Raises: DefinitionError."""
    if text is not None and not (isinstance(text, str) and text.strip() and len(text.encode()) <= MAX_FILTER_BYTES):
        raise DefinitionError(
            f"{where} has filter={text!r}.",
            f"A filter is text of at most {MAX_FILTER_BYTES} bytes over the message's attributes.",
            """Write it like filter='attributes.kind = "daily"', or leave it out.""",
        )
