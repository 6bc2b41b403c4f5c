"""What a revision wrote last, from Cloud Logging: where it doesn't come up, that says why."""

import json
from collections.abc import Mapping
from typing import Any

from pplns_deploy.deploying.google import Google
from pplns_deploy.deploying.refusals import TerraformFailed

LINES = 12
LONGEST_LINE = 300

Json = Mapping[str, Any]


def last_lines(google: Google, project: str, service: str, revision: str | None) -> tuple[str, ...]:
    """Return the last lines of a revision's log, the oldest first; a line that says so where it can't be read."""
    if revision is None:
        return ()
    body = {
        "resourceNames": [f"projects/{project}"], "orderBy": "timestamp desc", "pageSize": LINES,
        "filter": (
            f'resource.type="cloud_run_revision" AND resource.labels.service_name="{service}"'
            f' AND resource.labels.revision_name="{revision}"'
        ),
    }  # fmt: skip
    try:
        entries: list[Json] = google.call("POST", "logging", "entries:list", body).get("entries", [])
    except TerraformFailed as refused:
        return (f"Its log can't be read. {refused.met} {refused.remedy}".strip(),)
    lines = [line for one in reversed(entries) for line in _text_of(one).splitlines() if line.strip()]
    return tuple(one[:LONGEST_LINE] for one in lines[-LINES:])


def _text_of(entry: Json) -> str:
    """Return what an entry says: its text, the message of its JSON, or the request that it is about."""
    payload: Json = entry.get("jsonPayload") or {}
    request: Json = entry.get("httpRequest") or {}
    if request and not entry.get("textPayload"):
        return f"{request.get('requestMethod', '')} {request.get('requestUrl', '')} {request.get('status', '')}".strip()
    text = entry.get("textPayload") or payload.get("message") or (json.dumps(payload) if payload else "")
    return str(text)
