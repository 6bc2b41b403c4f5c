"""What is lost by going from one deployment to the next: said before it happens, from the two contents alone."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

_FILE = "description"  # it ends with the pipeline's file


class Warned(NamedTuple):
    """A warning about one pipeline: what will happen, and what to do if that isn't meant."""

    pipeline: str
    message: str
    remedy: str


def warn_of_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Warned, ...]:
    """Return warnings about the change from one content of the variables to another.

    `before` is what was deployed last, empty at first."""
    old, new = before.get("pipelines", {}), after.get("pipelines", {})
    return (*_gone(old, new), *_emptied(old, new), *_moved(before, after))


def _gone(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Warned]:
    for name in sorted(old.keys() - new.keys()):
        successor = _successor(old[name], name, old, new)
        if successor is None:
            yield Warned(
                name,
                f"The pipeline {name!r} is no longer there: its service, its topics and the messages in them go."
                " Its runs stay in the store.",
                "Bring it back, or go on if that is meant.",
            )
        else:
            yield Warned(
                name,
                f"The pipeline {name!r} seems to be called {successor!r} now. For Google that is another one: service,"
                " account and topics are new, and messages that wait are lost. A run of the old name isn't resumed, and"
                " a trigger that is delivered again runs again.",
                f'Keep the name with @pipeline(name="{name}"), or let what waits run empty first.',
            )


def _successor(entry: Mapping[str, Any], name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    """Return the only new pipeline of the same file, or None."""
    file = _file_of(entry)
    found = [one for one in new.keys() - old.keys() if file and _file_of(new[one]) == file]
    return found[0] if len(found) == 1 else None


def _file_of(entry: Mapping[str, Any]) -> str:
    return str(entry.get(_FILE, "")).rpartition("(")[2]


def _emptied(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Warned]:
    """Yield subscriptions that Pub/Sub can't change: a new one takes the place of the old, without its messages."""
    for name in sorted(old.keys() & new.keys()):
        was = {one["name"]: one for one in old[name].get("subscriptions", {}).values()}
        for one in new[name].get("subscriptions", {}).values():
            for key in ("topic", "filter"):
                if one["name"] in was and was[one["name"]].get(key) != one.get(key):
                    yield Warned(
                        name,
                        f"The {key} of the subscription {one['name']!r} changes from {was[one['name']].get(key)!r} to"
                        f" {one.get(key)!r}: it is replaced, and what waits in it is lost.",
                        "Let it run empty first, or give the trigger another name=….",
                    )


def _moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Warned]:
    for name in sorted(before.get("pipelines", {}).keys() & after.get("pipelines", {}).keys()):
        if before.get("store") != after.get("store"):
            yield Warned(
                name,
                f"The store moves from {before['store']['bucket']!r} to {after['store']['bucket']!r}: runs that go on"
                " now are not found there.",
                "Wait until they have ended, or copy them.",
            )
