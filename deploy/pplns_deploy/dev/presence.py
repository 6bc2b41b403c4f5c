"""The file by which other commands find a running `pplns dev`: `.pplns/dev.json` in the project.

It may be left over from one that was killed, so whoever reads it asks the address in it before believing it."""

import http.client
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from pplns.errors import ConfigError, NotFoundError

FILE = Path(".pplns") / "dev.json"
SCHEMA = 1
LOOK_SECONDS = 0.1
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
    """Write the file, whole or not at all.

    Raises: ConfigError where the project's folder can't be written."""
    file = root / FILE
    temporary = file.with_suffix(f".{os.getpid()}")
    try:
        file.parent.mkdir(exist_ok=True)
        temporary.write_text(json.dumps(asdict(presence), indent=2), encoding="utf-8")
        temporary.replace(file)
    except OSError as error:
        raise ConfigError(
            f"{str(file)!r} can't be written: {error.strerror or error}.",
            "By that file other commands find a running `pplns dev`.",
            "Make the project's folder writable, or work in a copy.",
        ) from error


def withdraw(root: Path) -> None:
    """Take the file away, if it is this process's own."""
    found = _read(root)
    if found is not None and found.pid == os.getpid():
        (root / FILE).unlink(missing_ok=True)


def find_running(root: Path) -> Presence | None:
    """Return the `pplns dev` that runs for a project, or None; a file that was left over counts for nothing."""
    found = _read(root)
    return found if found is not None and _answers(found) else None


def wait_for_service(presence: Presence, *, wait: Callable[[float], None] = time.sleep) -> None:
    """Wait until the service of a running `pplns dev` answers: while it reloads it doesn't, for a second or two.

    Raises: ConfigError where it didn't come up."""
    while (state := _state(presence)) == "starting":
        wait(LOOK_SECONDS)
    if state == "down":
        raise ConfigError(
            "`pplns dev` runs for this project, and its service did not come up.",
            "It does once the project loads.",
            "See what `pplns dev` printed; it starts the service again when a file changes.",
        )


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


def _state(presence: Presence) -> str | None:
    """Return how the service is, or None where `pplns dev` has ended meanwhile."""
    try:
        return str(_ask(presence, "GET", "/dev")[1]["service"])
    except (OSError, ValueError, TypeError, KeyError, http.client.HTTPException):
        return None


def _ask(presence: Presence, method: str, path: str) -> tuple[int, Any]:
    address = urlsplit(presence.endpoint_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port or 80, timeout=SECONDS)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()
