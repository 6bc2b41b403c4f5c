"""A smoke run: a run of the pipeline that the new revision is asked for before it gets traffic.

Its key is the revision's name, so asking again is the same run. It has to end in one request: a continuation would go
to the revision that serves, which is the old one."""

import time
from collections.abc import Mapping
from typing import Any

from pplns_deploy.deploying.deployed import LiveService
from pplns_deploy.deploying.revision_client import Answer, RevisionClient

SMOKE_SECONDS = 900.0  # for the run and for what keeps it from beginning
PAUSE_SECONDS = 3.0
LONGEST = 500  # characters of an error
FOR_THE_MOMENT = frozenset({0, 409, 429, 502, 503, 504})  # the run goes on, or can begin later

Params = Mapping[str, Any]


def ask_for_run(client: RevisionClient, live: LiveService, params: Params) -> str:
    """Have the newest revision of a service run the pipeline; return why that failed, or nothing."""
    ends = time.monotonic() + SMOKE_SECONDS
    while True:
        left = max(1.0, ends - time.monotonic())
        answer = client.send(
            live, "POST", f"/pipelines/{live.pipeline}/runs", seconds=left, body={"params": dict(params)},
            headers={"Idempotency-Key": f"smoke-{live.created}"},
        )  # fmt: skip
        if answer.status not in FOR_THE_MOMENT or time.monotonic() > ends:
            return _failure(answer)
        time.sleep(PAUSE_SECONDS)


def _failure(answer: Answer) -> str:
    record = answer.document
    run = f"Its smoke run {record['run_id']}" if "run_id" in record else "Its smoke run"
    if answer.status == 200 and record.get("state") == "succeeded":
        return ""
    if answer.status == 202:
        return f"{run} goes on in another request, which the old revision would take. Let it do less: `smoke` params."
    error: Mapping[str, Any] = record.get("error") or {}
    if error:
        return f"{run} failed: {str(error.get('message', ''))[:LONGEST]}"
    return f"{run} {answer.words}"
