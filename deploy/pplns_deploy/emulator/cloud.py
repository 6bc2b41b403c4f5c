"""Everything the stand-in knows, in one place: resources, policies, objects, operations, callers and ordered faults."""

import base64
import threading
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pplns_deploy.emulator.refusals import StandInError
from pplns_deploy.emulator.tables import Table

Json = dict[str, Any]
OWNER = "user:owner@example.com"
STATE_VERSION = 1
REQUESTS_KEPT = 5000


@dataclass(slots=True)
class StoredObject:
    """An object of a bucket: what is told of it, and its bytes."""

    metadata: Json
    data: bytes


@dataclass(slots=True)
class Cloud:
    """The state of the stand-in. Whoever reads or writes it holds `lock`."""

    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    callers: dict[str, str] = field(default_factory=lambda: {"owner": OWNER})
    rows: dict[str, dict[str, Json]] = field(default_factory=dict[str, dict[str, Json]])
    policies: dict[str, Json] = field(default_factory=dict[str, Json])
    operations: dict[str, Json] = field(default_factory=dict[str, Json])
    objects: dict[str, dict[str, StoredObject]] = field(default_factory=dict[str, dict[str, StoredObject]])
    uploads: dict[str, Json] = field(default_factory=dict[str, Json])
    faults: list[Json] = field(default_factory=list[Json])
    startups: list[Json] = field(default_factory=list[Json])
    answers: list[Json] = field(default_factory=list[Json])
    machine: str = ""
    requests: deque[Json] = field(default_factory=lambda: deque[Json](maxlen=REQUESTS_KEPT))
    enforces_services: bool = False
    serial: int = 0
    requests_seen: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def table(self, kind: str) -> Table:
        """Return the resources of a kind."""
        return Table(self.rows.setdefault(kind, {}))

    def number(self) -> int:
        """Return a number that was never given out: generations, ids and etags are made of it."""
        self.serial += 1
        return self.serial

    def etag(self) -> str:
        """Return a new etag."""
        return base64.b64encode(f"etag{self.number():08d}".encode()).decode()

    def now(self) -> str:
        """Return the time as Google writes it."""
        return self.clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def reset(self) -> None:
        """Forget everything but the callers."""
        for part in (self.rows, self.policies, self.operations, self.objects, self.uploads):
            part.clear()
        for orders in (self.faults, self.startups, self.answers, self.requests):
            orders.clear()
        self.enforces_services, self.machine = False, ""

    def document(self, *, with_data: bool = False) -> Json:
        """Return the state as one JSON document; objects' bytes only if asked for."""
        return {
            "version": STATE_VERSION, "serial": self.serial, "callers": self.callers, "resources": self.rows,
            "policies": self.policies, "operations": self.operations, "faults": self.faults, "startups": self.startups,
            "answers": self.answers, "machine": self.machine, "enforces_services": self.enforces_services,
            "objects": {
                bucket: {name: _object_document(one, with_data=with_data) for name, one in sorted(found.items())}
                for bucket, found in self.objects.items()
            },
        }  # fmt: skip

    def restore(self, document: Json) -> None:
        """Take up a state that `document(with_data=True)` gave.

        Raises: StandInError if it is of another version."""
        if document.get("version") != STATE_VERSION:
            raise StandInError(
                f"The state has version {document.get('version')!r}.", f"Version {STATE_VERSION}.", "Begin a new file."
            )
        self.serial = document["serial"]
        self.callers.update(document["callers"])
        for name in ("policies", "operations"):
            getattr(self, name).update(document[name])
        self.rows.update(document["resources"])
        self.faults[:], self.startups[:] = document["faults"], document["startups"]
        self.answers[:], self.machine = document.get("answers", []), document.get("machine", "")
        self.enforces_services = document["enforces_services"]
        for bucket, found in document["objects"].items():
            self.objects[bucket] = {name: _stored(one) for name, one in found.items()}


def project_number(project: str) -> str:
    """Return a project's number: always the same one, of 12 digits."""
    return project if project.isdigit() else str(100_000_000_000 + zlib.crc32(project.encode()))


def project_of(name: str) -> str:
    """Return the project in a resource's name, or nothing."""
    first, _, rest = name.partition("/")
    return rest.partition("/")[0] if first == "projects" else ""


def _object_document(stored: StoredObject, *, with_data: bool) -> Json:
    return stored.metadata | ({"_data": base64.b64encode(stored.data).decode()} if with_data else {})


def _stored(document: Json) -> StoredObject:
    metadata = {name: value for name, value in document.items() if name != "_data"}
    return StoredObject(metadata, base64.b64decode(document["_data"]))
