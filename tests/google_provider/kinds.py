"""How Google has each type of resource of Terraform's: a table, from which all requests are made.

What isn't said follows from the fields themselves. Paths are templates of a resource's fields; `{+name}` keeps its
slashes. Sources: the pages of each API's REST reference, and what the real provider does with the stand-in."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, cast

Json = dict[str, Any]
Changer = Callable[[Json, Json], Json]


def keep(found: Json, row: Json) -> Json:
    """Change nothing."""
    return found


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How Google has one type. Places in it are written with dots: `retry_policy.minimum_backoff`."""

    api: str  # the provider's argument of its endpoint, without `_custom_endpoint`
    path: str  # of one resource
    parent: str = ""  # where one is made by POST; without it one is made by PUT at its path
    wrapped: str = ""  # the name that the resource has in the body of an update with a mask in it
    update: Literal["mask", "wrapped", "whole", "put"] = "mask"
    id: str = ""  # Terraform's id, if it isn't the path
    name: Literal["", "path"] = ""  # what Google is told as its name, where that isn't the field
    fixed: frozenset[str] = frozenset()  # a change of them makes a new resource
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])  # of the provider, where nothing is written
    kept: frozenset[str] = frozenset()  # blocks that are Google's where nothing is written
    ours: frozenset[str] = frozenset()  # what Google isn't told and doesn't say
    told: frozenset[str] = frozenset()  # what nobody writes and Google is told
    unset: frozenset[str] = frozenset()  # blocks that mean nothing where all in them is empty
    zeros: frozenset[str] = frozenset()  # fields that Google is told even where they are no or nought
    hollow: frozenset[str] = frozenset()  # blocks that mean something though they are empty
    listed: frozenset[str] = frozenset()  # blocks of which there is one, and a list at Google's
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])  # place → Google's own name
    alike: Mapping[str, Callable[[Any, Any], bool]] = field(default_factory=dict[str, Callable[[Any, Any], bool]])
    is_half_made: bool = False  # Google has it even where the operation that makes it failed
    to_google: Changer = keep  # changes what Google is told, by the resource's row
    from_google: Changer = keep  # changes what Google says

    def name_of(self, place: str) -> str:
        """Return Google's name of a field."""
        first, *rest = place.rpartition(".")[2].split("_")
        return self.renamed.get(place) or first + "".join(word.capitalize() for word in rest)


def places(text: str) -> frozenset[str]:
    """Return the names of a text."""
    return frozenset(text.split())


def same_seconds(one: Any, other: Any) -> bool:
    """Tell whether two durations are as long: `3.500s` is `3.5s`."""
    return bool(one) and bool(other) and _seconds(one) == _seconds(other)


def same_text(one: Any, other: Any) -> bool:
    """Tell whether two texts differ in case only."""
    return str(one).lower() == str(other).lower()


def same_last_word(one: Any, other: Any) -> bool:
    """Tell whether two names are one resource's, be it with its project or without."""
    return str(one).rpartition("/")[2] == str(other).rpartition("/")[2]


def same_dashboard(one: Any, other: Any) -> bool:
    """Tell whether a dashboard has what was written, whatever Google has added."""
    return _has(json.loads(one or "{}"), json.loads(other or "{}"))


def same_limits(one: Any, other: Any) -> bool:
    """Tell whether machines are of one size: a CPU has a thousand thousandths."""
    first, second = (
        {name: _thousandths(size) for name, size in cast("Json", each or {}).items()} for each in (one, other)
    )
    return first == second


def _thousandths(size: str) -> str:
    return f"{float(size) * 1000:.0f}m" if size.replace(".", "", 1).isdigit() else size


def _seconds(text: str) -> timedelta:
    return timedelta(seconds=float(text.removesuffix("s")))


def _has(found: Any, wanted: Any) -> bool:
    if isinstance(found, dict) and isinstance(wanted, dict):
        pairs = cast("Json", wanted).items()
        return all(name in found and _has(found[name], value) for name, value in pairs if value)
    if isinstance(found, list) and isinstance(wanted, list):
        ones, others = cast("Sequence[Any]", found), cast("Sequence[Any]", wanted)
        return len(ones) == len(others) and all(map(_has, ones, others))
    return bool(found == wanted)
