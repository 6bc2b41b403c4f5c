"""Which variables come next: of the first apply, which makes revisions, of the second, which moves traffic, and of a
rollback.

Pure: the state says what is live, the working tree what is wanted, `suffix` makes a new name unlike any before. A
pipeline that isn't chosen keeps what the state has, whatever the working tree says."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pplns.errors import NotFoundError
from pplns.model.names import nearest
from pplns_deploy.deploying.deployed import TAG, Deployed, LiveService, Target, traffic_variable

Variables = dict[str, Any]
Suffix = Callable[[], str]

# What changes no container: it takes no new revision.
OUTSIDE = frozenset(
    {"schedules", "subscriptions", "paused", "roles", "bigquery", "buckets", "description", "image", "revision"}
) | {"traffic"}
SHARED_INSIDE = ("project", "region", "environment", "labels", "invokers", "accounts", "store", "pipelines_folder")


@dataclass(frozen=True, slots=True)
class Rollout:
    """The first apply. `waiting` are the pipelines whose newest revision is to be verified, `fresh` those of them that
    nothing verified served before, which have the traffic at once, `left_back` those that somebody rolled back."""

    variables: Variables
    waiting: tuple[str, ...]
    fresh: tuple[str, ...]
    left_back: tuple[str, ...] = ()


def roll_out(
    wanted: Mapping[str, Any], deployed: Deployed, *, suffix: Suffix, chosen: Collection[str] = (),
    retry: bool = True, renamed: Collection[str] = (),
) -> Rollout:  # fmt: skip
    """Return the variables of the first apply. Without `chosen` all pipelines are meant.

    `retry` gives a revision that didn't come up another try under a new name; `renamed` are pipelines whose container
    differs from what the state says, so that they need a new name too.

    Raises: NotFoundError for a chosen pipeline that the project hasn't; StateError."""
    shared, entries = _selected(wanted, deployed, chosen)
    inside = _shared_inside(shared) != _shared_inside(deployed.settings or {})
    made: dict[str, Any] = {}
    for name, entry in entries.items():
        live = deployed.services.get(name)
        if chosen and name not in chosen:
            made[name] = entry
        elif live is None:
            made[name] = {**entry, "revision": next_revision(entry["service"], (), suffix()), "traffic": _all_at_once()}
        elif (
            inside
            or name in renamed
            or _differs(entry, deployed.entries.get(name), live)
            or (retry and not live.is_ready)
        ):
            made[name] = _with_new_revision(entry, live, suffix())
        else:
            made[name] = _unchanged(entry, live, is_chosen=name in chosen)
    meant = [name for name in made if not chosen or name in chosen]
    waiting = [name for name in meant if any(one["tag"] == TAG for one in made[name]["traffic"])]
    return Rollout(
        {**shared, "pipelines": made},
        tuple(waiting),
        tuple(name for name in waiting if any(one["tag"] == TAG and one["percent"] for one in made[name]["traffic"])),
        tuple(name for name in meant if name not in waiting and _is_left_back(made[name], deployed.services.get(name))),
    )


def shift_traffic(variables: Mapping[str, Any], revisions: Mapping[str, str]) -> Variables:
    """Return variables in which each named pipeline's revision gets all traffic, and nothing else differs."""
    entries: Mapping[str, Any] = variables["pipelines"]
    moved = {
        name: {**entry, "traffic": [Target(revisions[name], 100).as_json()]} if name in revisions else entry
        for name, entry in entries.items()
    }
    return {**variables, "pipelines": moved}


def roll_back(deployed: Deployed, pipeline: str, revision: str) -> Variables:
    """Return variables in which a pipeline is served by an older revision, and nothing else differs.

    Raises: NotFoundError; StateError."""
    require_known([pipeline], deployed.services)
    return shift_traffic(deployed.variables(), {pipeline: revision})


def next_revision(service: str, before: Iterable[str | None], suffix: str) -> str:
    """Return the name of a new revision: the service's, the number after those before, and letters of its own."""
    numbers = [int(found.group(1)) for name in before if name and (found := _NUMBER.search(name))]
    return f"{service}-{max(numbers, default=0) + 1:05d}-{suffix}"


def require_known(names: Iterable[str], known: Collection[str]) -> None:
    """Refuse a pipeline that isn't there.

    Raises: NotFoundError."""
    for name in names:
        if name not in known:
            guess = nearest(name, known)
            raise NotFoundError(
                f"There is no pipeline {name!r} here.",
                f"There are: {', '.join(sorted(known)) or 'none'}.",
                f"Did you mean {guess!r}?" if guess else "",
            )


_NUMBER = re.compile(r"-(\d{5})-[a-z0-9]+$")


def _selected(
    wanted: Mapping[str, Any], deployed: Deployed, chosen: Collection[str]
) -> tuple[Variables, dict[str, Any]]:
    """Return what all pipelines share, and the entry of each: of the working tree, or of the state."""
    require_known(chosen, wanted["pipelines"])
    entries: dict[str, Any] = dict(wanted["pipelines"])
    shared = {name: value for name, value in wanted.items() if name != "pipelines"}
    if chosen:
        if deployed.settings is not None:
            shared = dict(deployed.settings)
        others = {*deployed.services, *deployed.entries} - set(chosen)
        entries = {name: deployed.variables_of(name) for name in others} | {name: entries[name] for name in chosen}
    return shared, dict(sorted(entries.items()))


def _shared_inside(shared: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of what is shared that every container gets, as the state would have it."""
    found = {name: shared.get(name) for name in SHARED_INSIDE}
    store: Mapping[str, Any] = shared.get("store") or {}
    return {**found, "store": (store.get("bucket"), store.get("prefix"))}


def _differs(entry: Mapping[str, Any], before: Mapping[str, Any] | None, live: LiveService) -> bool:
    """Tell whether the container would change."""
    if before is None or entry["image"] != live.image:
        return True
    return any(value != before.get(name) for name, value in entry.items() if name not in OUTSIDE)


def _with_new_revision(entry: Mapping[str, Any], live: LiveService, suffix: str) -> Variables:
    """Return an entry whose new revision waits, while those that serve go on; without one it is served at once."""
    known = (live.revision, live.created, live.ready, *(one.revision for one in live.traffic))
    return {**entry, "revision": next_revision(live.service, known, suffix), "traffic": _waiting(live)}


def _unchanged(entry: Mapping[str, Any], live: LiveService, *, is_chosen: bool) -> Variables:
    """Return an entry that keeps its revision. One that was rolled back goes forward only where it is named."""
    forward = is_chosen and not live.is_serving_newest
    traffic = _waiting(live) if forward else traffic_variable(live.traffic)
    return {**entry, "revision": live.revision, "traffic": traffic}


def _all_at_once() -> list[dict[str, Any]]:
    """Return the traffic of a first revision: all, under the tag that says that nobody has verified it yet."""
    return [Target(None, 100, TAG).as_json()]


def _waiting(live: LiveService) -> list[dict[str, Any]]:
    if not live.serving:
        return _all_at_once()
    return [*(one.as_json() for one in live.serving), Target(None, 0, TAG).as_json()]


def _is_left_back(entry: Mapping[str, Any], live: LiveService | None) -> bool:
    if live is None or not live.serving:
        return False
    return entry["revision"] == live.revision and not live.is_serving_newest
