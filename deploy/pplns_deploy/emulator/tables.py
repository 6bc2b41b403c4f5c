"""Resources of one kind by name: what most APIs do with them is create, get, list, change and delete."""

from collections.abc import Iterable, Mapping
from typing import Any

from pplns_deploy.emulator.calls import Call, Json
from pplns_deploy.emulator.refusals import Refusal, invalid, missing
from pplns_deploy.emulator.schemas import field_paths

DEFAULT_PAGE = 1000


class Table:
    """The resources of a kind."""

    def __init__(self, rows: dict[str, Json]) -> None:
        self.rows = rows

    def __contains__(self, name: str) -> bool:
        return name in self.rows

    def create(self, name: str, row: Json) -> Json:
        """Add a resource.

        Raises: Refusal 409 if the name is taken."""
        if name in self.rows:
            raise Refusal("ALREADY_EXISTS", f"Resource '{name}' already exists.")
        self.rows[name] = row
        return row

    def read(self, name: str) -> Json:
        """Return a resource.

        Raises: Refusal 404 if there is none."""
        if name not in self.rows:
            raise missing(name)
        return self.rows[name]

    def delete(self, name: str) -> Json:
        """Remove a resource and return it."""
        row = self.read(name)
        del self.rows[name]
        return row

    def under(self, parent: str) -> list[Json]:
        """Return the resources whose names begin with a parent's, in order; a location may be `-` for all."""
        wanted = parent.split("/")
        return [row for name, row in sorted(self.rows.items()) if _is_under(name.split("/"), wanted)]


def _is_under(name: list[str], parent: list[str]) -> bool:
    return len(name) > len(parent) and all(one in ("-", given) for one, given in zip(parent, name, strict=False))


def page(call: Call, key: str, rows: Iterable[Json], *, size_name: str = "pageSize") -> Json:
    """Return one page of a list, as the call asks, with the token of the next."""
    found = list(rows)
    token = str(call.query.get("pageToken", "0"))
    size = int(call.query.get(size_name) or DEFAULT_PAGE)
    if not token.isdigit() or size < 0:
        raise invalid("The page token or the page size is invalid.")
    start = int(token)
    answer: Json = {key: found[start : start + size]} if found else {}
    return answer | ({"nextPageToken": str(start + size)} if start + size < len(found) else {})


def masked(call: Call, schema: str, row: Mapping[str, Any], *, changes: Mapping[str, Any], mask: str | None) -> Json:
    """Return a resource with the fields of a mask changed; without a mask, those that the changes name.

    A field in the mask that the changes don't hold is cleared. Source: https://google.aip.dev/134"""
    changed = dict(row)
    paths = list(field_paths(call.document, schema, mask)) if mask else list(changes)
    for path in paths:
        _copy(changed, changes, path.split("."))
    return changed


def _copy(row: Json, changes: Mapping[str, Any], path: list[str]) -> None:
    first, *others = path
    if not others:
        row.pop(first, None)
        if first in changes:
            row[first] = changes[first]
        return
    row[first] = dict(row.get(first) or {})
    _copy(row[first], changes.get(first) or {}, others)
