"""The file by which other commands find a running `pplns dev`: `.pplns/dev.json` in the project.

It may be left over from one that was killed, so whoever reads it asks the address in it before believing it."""

import http.client
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from pplns.errors import NotFoundError

FILE = Path(".pplns") / "dev.json"
SCHEMA = 1
SECONDS = 3  # a process on the same machine that takes longer doesn't run


@dataclass(frozen=True, slots=True)
class Presence:
    """A running `pplns dev`: the URL of the service, that of its own endpoint, and the `HOST:PORT` of its broker."""

    pid: int
    project: str
    service_url: str
    endpoint_url: str
    broker: str
    gcp_project: str
    schema: int = SCHEMA


def announce(root: Path, presence: Presence) -> None:
    """Write the file, whole or not at all."""
    file = root / FILE
    file.parent.mkdir(exist_ok=True)
    temporary = file.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(asdict(presence), indent=2), encoding="utf-8")
    temporary.replace(file)


def withdraw(root: Path) -> None:
    """Take the file away, if it is this process's own."""
    found = _read(root)
    if found is not None and found.pid == os.getpid():
        (root / FILE).unlink(missing_ok=True)


def find_running(root: Path) -> Presence | None:
    """Return the `pplns dev` that runs for a project, or None; a file that was left over counts for nothing."""
    found = _read(root)
    return found if found is not None and _answers(found) else None


def fire_in(presence: Presence, name: str) -> str:
    """Have a running `pplns dev` fire a schedule now, and return the schedule's name.

    Raises: NotFoundError where it has no such schedule."""
    status, found = _ask(presence, "POST", f"/dev/schedules/{quote(name, safe='')}:fire")
    if status != 200:
        error = found["error"]
        raise NotFoundError(error["message"], "", error.get("hint", ""))
    return str(found["schedule"])


def _read(root: Path) -> Presence | None:
    try:
        fields = json.loads((root / FILE).read_text(encoding="utf-8"))
        return Presence(**fields) if fields["schema"] == SCHEMA else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _answers(presence: Presence) -> bool:
    """Tell whether the endpoint answers for the same project: the port may be another program's by now."""
    try:
        _, found = _ask(presence, "GET", "/dev")
        return bool(found["project"] == presence.project and found["pid"] == presence.pid)
    except (OSError, ValueError, TypeError, KeyError, http.client.HTTPException):
        return False


def _ask(presence: Presence, method: str, path: str) -> tuple[int, Any]:
    address = urlsplit(presence.endpoint_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port or 80, timeout=SECONDS)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()
