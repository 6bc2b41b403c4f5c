"""The lock of Terraform's state: who holds it, since when, and breaking it where that process is dead.

It is an object beside the state, which Terraform makes before it changes anything and deletes afterwards. Nobody renews
it, so only a person can know that its holder is gone. A lock is broken by its id, the object's generation: never one
that somebody took meanwhile. Source: https://developer.hashicorp.com/terraform/language/backend/gcs"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from pplns.errors import ConfigError
from pplns_deploy.cloud import GoogleApis, GoogleRefused
from pplns_deploy.deploying.terraform import StatePlace


@dataclass(frozen=True, slots=True)
class StateLock:
    """A lock that somebody holds. `who` is a user and a machine, `operation` what Terraform does."""

    id: str
    who: str
    operation: str
    created: datetime

    def age(self, now: datetime) -> timedelta:
        """Return for how long it has been held."""
        return max(now - self.created, timedelta())

    def as_json(self) -> dict[str, Any]:
        """Return the lock for `pplns unlock --json`."""
        return {
            "id": self.id, "who": self.who, "operation": self.operation, "created": self.created.isoformat(),
        }  # fmt: skip


def find_lock(google: GoogleApis, place: StatePlace) -> StateLock | None:
    """Return the lock of an environment's state, or None where nobody holds it."""
    found = google.find("storage", _path(place))
    if found is None:
        return None
    return read_lock(
        str(found["generation"]), google.download(place.bucket, place.lock_object), str(found["timeCreated"])
    )


def read_lock(generation: str, text: str, created: str) -> StateLock:
    """Return what a lock says; one that another program has written may say little."""
    try:
        said: dict[str, Any] = dict(json.loads(text))
    except (TypeError, ValueError):
        said = {}
    who, operation = str(said.get("Who") or "somebody"), str(said.get("Operation") or "unknown").lower()
    return StateLock(
        generation, who, operation.removeprefix("operationtype"), _time(str(said.get("Created") or created))
    )


def break_lock(google: GoogleApis, place: StatePlace, lock_id: str) -> None:
    """Remove exactly the lock with this id.

    Raises: ConfigError where there is none, or another."""
    try:
        google.call("DELETE", "storage", _path(place), query={"ifGenerationMatch": lock_id})
    except GoogleRefused as refused:
        if refused.status not in (404, 412):
            raise
        raise ConfigError(
            f"No lock {lock_id!r} is held.",
            "What is broken is the lock that you saw, not one that somebody took meanwhile.",
            "See who holds it now: pplns unlock",
        ) from refused


def _path(place: StatePlace) -> str:
    return f"b/{place.bucket}/o/{quote(place.lock_object, safe='')}"


def _time(text: str) -> datetime:
    """Return a time as Go or Google writes it, with up to nine digits of a second."""
    whole, _, rest = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{rest[:6].ljust(6, '0')}").replace(tzinfo=UTC)
