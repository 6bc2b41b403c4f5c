"""The one place that sends: a request, and what came back of it within its deadline."""

import http.client
import json
import time
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from pplns_deploy.dev.outgoing import Outgoing


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request: `status` is None where none came, and `problem` says why."""

    status: int | None
    body: bytes = b""
    problem: str = ""

    @property
    def is_success(self) -> bool:
        """Whether Cloud Scheduler takes it for a success."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def document(self) -> dict[str, Any]:
        """The JSON object in the body, or an empty one."""
        try:
            found: object = json.loads(self.body)
        except ValueError:
            return {}
        return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def send(request: Outgoing, *, deadline_s: float) -> Answer:
    """Send a request and wait for its answer, at most until its deadline.

    Straight to the address: no proxy of the environment stands between programs of one machine."""
    parts = urlsplit(request.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=deadline_s)
    began = time.monotonic()
    try:
        connection.request("POST", parts.path or "/", request.body.encode(), dict(request.headers))
        response = connection.getresponse()
        return Answer(response.status, response.read())
    except TimeoutError:
        return Answer(None, problem=f"no answer within {time.monotonic() - began:.0f} s")
    except (OSError, http.client.HTTPException) as error:
        return Answer(None, problem=f"no answer: {error or type(error).__name__}")
    finally:
        connection.close()
