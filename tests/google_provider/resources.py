"""Making, reading, changing and deleting resources by the table of their types."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from google_provider import values
from google_provider.google import Google, GoogleError, OperationFailed
from google_provider.kinds import Kind
from google_provider.messages import is_unknown
from google_provider.schema import Block, Row

Json = dict[str, Any]
_FIELD = re.compile(r"\{(\+?)(\w+)\}")


class Refused(Exception):
    """What the provider itself refuses to do."""


class HalfMade(Exception):
    """A creation that failed late: Terraform keeps the resource, to replace it. `row` is as much as is known of it."""

    def __init__(self, why: Exception, row: Row) -> None:
        super().__init__(f"Error waiting to create: {why}")
        self.row = row


def expand(template: str, row: Mapping[str, Any]) -> str:
    """Return a path with a resource's fields in it."""
    return _FIELD.sub(lambda found: quote(str(row[found[2]]), safe="/:" if found[1] else ""), template)


def parse(template: str, text: str) -> dict[str, str] | None:
    """Return the fields that a path has by its template, or None where it doesn't fit."""
    pattern, seen = "", set[str]()
    for literal, (plus, name) in zip(_FIELD.split(template)[::3], [*_FIELD.findall(template), ("", "")], strict=True):
        again = f"(?P={name})" if name in seen else f"(?P<{name}>{'.+' if plus else '[^/]+'})"
        pattern += re.escape(literal) + (again if name else "")
        seen.add(name)
    found = re.fullmatch(pattern, text)
    return found and found.groupdict()


def create(google: Google, kind: Kind, block: Block, row: Row) -> Row:
    """Make a resource, and return it as it is then.

    Raises: HalfMade where Google has the resource, though its operation failed."""
    method, path = ("POST", expand(kind.parent, row)) if kind.parent else ("PUT", expand(kind.path, row))
    begun = google.call(method, kind.api, path, _body(kind, block, row))
    try:
        answer = google.finish(kind.api, begun)
    except OperationFailed as error:
        if not kind.is_half_made:
            raise
        raise HalfMade(error, {**row, "id": expand(kind.path, row)}) from error
    name = answer.get("name")
    named = {**row, "name": name} if "name" in block.fields and block.fields["name"].is_googles else row
    identified = {**named, "id": expand(kind.id or kind.path, {**named, "name": name} if kind.id else named)}
    return _settled(google, kind, block, identified)


def read(google: Google, kind: Kind, block: Block, row: Row) -> Row | None:
    """Return a resource as it is, or None where it is gone."""
    found = google.find(kind.api, expand(kind.path, row))
    if found is None:
        return None
    return values.from_google(kind, block, kind.from_google(found, row), before=row)


def update(google: Google, kind: Kind, block: Block, row: Row, *, prior: Row, changed: Iterable[str]) -> Row:
    """Change a resource, and return it as it is then."""
    told = sorted({kind.name_of(one) for one in changed if one not in kind.ours and _is_told(block, one)})
    path, body = expand(kind.path, row), _body(kind, block, row)
    if not told:
        return _settled(google, kind, block, row)
    if kind.update == "wrapped":
        body = {kind.wrapped: body.get(kind.wrapped, body), "updateMask": ",".join(told)}
    if kind.update == "mask":
        path += f"?updateMask={','.join(told)}"
    if kind.api == "storage":
        body["labels"] = dict.fromkeys(prior["effective_labels"] or {}) | dict(row["effective_labels"] or {})
    method = "PUT" if kind.update == "put" else "PATCH"
    google.finish(kind.api, google.call(method, kind.api, path, body))
    return _settled(google, kind, block, row)


def delete(google: Google, kind: Kind, row: Row) -> None:
    """Delete a resource; one that is gone is no error."""
    if row.get("deletion_protection"):
        raise Refused("cannot destroy resource without setting deletion_protection=false and running `terraform apply`")
    try:
        if kind.api == "storage":
            _empty(google, row)
        google.finish(kind.api, google.call("DELETE", kind.api, expand(kind.path, row)))
    except GoogleError as error:
        if error.status != 404:
            raise


def _is_told(block: Block, name: str) -> bool:
    return name == "effective_labels" or name in block.blocks or not block.fields[name].is_googles


def _body(kind: Kind, block: Block, row: Row) -> Json:
    body = values.to_google(kind, block, row)
    name = {"name": expand(kind.path, row)} if kind.name == "path" else {}
    return kind.to_google({**body, **name}, row)


def _settled(google: Google, kind: Kind, block: Block, row: Row) -> Row:
    """Return a resource as it is after it was written, a Scheduler job paused or not."""
    if "paused" in row and not is_unknown(row["paused"]):
        google.call("POST", kind.api, f"{expand(kind.path, row)}:{'pause' if row['paused'] else 'resume'}", {})
    return read(google, kind, block, row) or row


def _empty(google: Google, bucket: Row) -> None:
    """Delete the objects of a bucket, if that was allowed."""
    path = f"{expand('b/{name}', bucket)}/o"
    for one in google.call("GET", "storage", path).get("items", []):
        if not bucket["force_destroy"]:
            raise Refused(
                f"Error trying to delete bucket {bucket['name']} containing objects without `force_destroy` set to true"
            )
        google.call("DELETE", "storage", f"{path}/{quote(one['name'], safe='')}")
