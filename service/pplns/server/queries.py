"""What follows the `?` of a path, read strictly: an unknown or repeated name, or a value that is none, is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pplns.errors import ParameterError
from pplns.model.ids import check_run_id
from pplns.model.names import nearest, shorten
from pplns.model.run import RUN_STATES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pplns.model.run import RunState


DEFAULT_LIMIT = 20
MOST_RUNS = 1000

Query = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Page:
    """Which runs a list is to show: at most `limit`, in one state or in any, and only those after the run `before`."""

    state: RunState | None = None
    limit: int = DEFAULT_LIMIT
    before: str | None = None


def read_query(query: Query, *, known: tuple[str, ...]) -> dict[str, str]:
    """Return the values of a query by their names.

    Raises: ParameterError for an unknown name, and for one that comes twice."""
    values: dict[str, str] = {}
    for name, value in query:
        if name not in known:
            close = nearest(name, known)
            takes = f"It takes {', '.join(map(repr, known))}." if known else "It takes none."
            raise ParameterError(
                f"The query has {shorten(name)}.", takes, f"Did you mean {close!r}?" if close else "Leave it out."
            )
        if name in values:
            raise ParameterError(f"The query has {name!r} twice.", "Each has one value.", "Leave one out.")
        values[name] = value
    return values


def read_page(query: Query) -> Page:
    """Return which runs a query asks for.

    Raises: ParameterError."""
    values = read_query(query, known=("state", "limit", "before"))
    return Page(_state(values), _limit(values), check_run_id(values["before"]) if "before" in values else None)


def _state(values: Mapping[str, str]) -> RunState | None:
    if "state" not in values:
        return None
    given = values["state"]
    for known in RUN_STATES:
        if given == known:
            return known
    close = nearest(given, RUN_STATES)
    raise ParameterError(
        f"state is {shorten(given)}.",
        f"It is {', '.join(RUN_STATES[:-1])} or {RUN_STATES[-1]}.",
        f"Did you mean {close!r}?" if close else "Choose one, or leave it out for runs in any state.",
    )


def _limit(values: Mapping[str, str]) -> int:
    given = values.get("limit", str(DEFAULT_LIMIT))
    if given.isascii() and given.isdigit() and len(given) <= len(str(MOST_RUNS)) and 1 <= int(given) <= MOST_RUNS:
        return int(given)
    raise ParameterError(
        f"limit is {shorten(given)}.",
        f"It is a whole number from 1 to {MOST_RUNS}.",
        f"Correct it, or leave it out for {DEFAULT_LIMIT}.",
    )
