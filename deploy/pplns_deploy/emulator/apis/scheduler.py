"""Cloud Scheduler: HTTP jobs. https://cloud.google.com/scheduler/docs/reference/rest"""

import re
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pplns.errors import DefinitionError
from pplns.model.triggers import Schedule
from pplns_deploy.dev.cron import next_time
from pplns_deploy.emulator.apis import Handler
from pplns_deploy.emulator.apis.values import duration_s, require_between, require_id
from pplns_deploy.emulator.calls import Call
from pplns_deploy.emulator.cloud import Cloud
from pplns_deploy.emulator.policies import require_account
from pplns_deploy.emulator.refusals import Refusal, invalid
from pplns_deploy.emulator.schemas import without_defaults
from pplns_deploy.emulator.tables import masked, page

Json = dict[str, Any]
JOBS = "cloudscheduler.jobs"
MAX_JOB_BYTES = 1_000_000
MAX_URL = 2083
MAX_HEADER_BYTES = 80 * 1000
_ID = re.compile(r"[A-Za-z0-9_-]{1,500}")
_RETRY = {  # what a job without a retry configuration shows
    "maxRetryDuration": "0s", "minBackoffDuration": "5s", "maxBackoffDuration": "3600s", "maxDoublings": 5,
}  # fmt: skip


def create(cloud: Cloud, call: Call) -> Json:
    """Create a job; its name is in the body."""
    name = call.body.get("name", "")
    if not name.startswith(f"{call.parent}/jobs/"):
        raise invalid(f"Job name must be formatted: {call.parent}/jobs/JOB_ID.")
    require_id("job.name", name.rpartition("/")[2], _ID, "letters, numbers, hyphens and underscores, at most 500")
    if name in cloud.table(JOBS):
        raise Refusal("ALREADY_EXISTS", f"Job {name} already exists.")
    row = _completed(call.body | {"state": "ENABLED"})
    _check(cloud, call, row)
    return shown(cloud, cloud.table(JOBS).create(name, row | {"userUpdateTime": cloud.now()}))


def read(cloud: Cloud, call: Call) -> Json:
    """Return a job."""
    return shown(cloud, cloud.table(JOBS).read(call.name))


def change(cloud: Cloud, call: Call) -> Json:
    """Change a job."""
    row = cloud.table(JOBS).read(call.name)
    changes = call.body | {"name": call.name}
    changed = _completed(masked(call, "Job", row, changes=changes, mask=call.query.get("updateMask") or "*"))
    changed |= {"name": call.name, "state": row["state"], "userUpdateTime": cloud.now()}
    _check(cloud, call, changed)
    cloud.rows[JOBS][call.name] = changed
    return shown(cloud, changed)


def switch(cloud: Cloud, call: Call) -> Json:
    """Pause or resume a job."""
    row = cloud.table(JOBS).read(call.name)
    row["state"] = "PAUSED" if call.verb == "pause" else "ENABLED"
    return shown(cloud, row)


def run_now(cloud: Cloud, call: Call) -> Json:
    """Note that a job was forced to run; the stand-in sends nothing."""
    row = cloud.table(JOBS).read(call.name)
    row["lastAttemptTime"] = cloud.now()
    return shown(cloud, row)


def delete(cloud: Cloud, call: Call) -> Json:
    """Delete a job."""
    cloud.table(JOBS).delete(call.name)
    return {}


def listed(cloud: Cloud, call: Call) -> Json:
    """List the jobs of a region."""
    return page(call, "jobs", [shown(cloud, row) for row in cloud.table(JOBS).under(call.parent)])


def shown(cloud: Cloud, row: Json) -> Json:
    """Return a job as the API shows it, with the time it fires next."""
    answer: Json = without_defaults(row)
    after = next_time(row["schedule"], row["timeZone"], cloud.clock()) if row["state"] == "ENABLED" else None
    return answer | ({"scheduleTime": after.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")} if after else {})


def _completed(row: Json) -> Json:
    completed = row | {"timeZone": row.get("timeZone") or "Etc/UTC"}
    completed["retryConfig"] = _RETRY | row.get("retryConfig", {})
    if "httpTarget" in row:
        target = {"httpMethod": "POST"} | row["httpTarget"]
        target["headers"] = {"User-Agent": "Google-Cloud-Scheduler"} | target.get("headers", {})
        if "oidcToken" in target:
            target["oidcToken"] = {"audience": target.get("uri", "")} | target["oidcToken"]
        completed["httpTarget"] = target
        completed["attemptDeadline"] = row.get("attemptDeadline", "180s")
    return completed


def _check(cloud: Cloud, call: Call, row: Json) -> None:
    """Refuse a job that Scheduler would.

    Sources: https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#Job,
    https://cloud.google.com/scheduler/quotas"""
    targets = [one for one in ("httpTarget", "pubsubTarget", "appEngineHttpTarget") if one in row]
    if len(targets) != 1:
        raise invalid("Exactly one target must be set.")
    if len(str(row)) > MAX_JOB_BYTES or len(row.get("description", "").encode()) > 500:
        raise invalid("The job exceeds 1 MB, or its description 500 bytes.")
    _check_schedule(row)
    _check_retries(row["retryConfig"])
    if "httpTarget" in row:
        require_between("attemptDeadline", duration_s(row["attemptDeadline"]), least=15, most=1800)
        _check_target(cloud, call, row["httpTarget"])


def _check_schedule(row: Json) -> None:
    """Refuse a cron line that pplns's own reading of Google's page refuses, or a zone that isn't.

    Source: https://cloud.google.com/scheduler/docs/configuring/cron-job-schedules"""
    try:
        Schedule(row.get("schedule", ""))
    except DefinitionError:
        raise invalid(f"Schedule or time zone is invalid: {row.get('schedule', '')!r}.") from None
    try:
        ZoneInfo(row["timeZone"])
    except (ZoneInfoNotFoundError, ValueError):
        raise invalid(f"Schedule or time zone is invalid: {row['timeZone']!r}.") from None


def _check_retries(retry: Json) -> None:
    """Source: https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#RetryConfig"""
    require_between("retryConfig.retryCount", retry.get("retryCount", 0), least=0, most=5)
    require_between("retryConfig.maxDoublings", retry["maxDoublings"], least=0, most=16)
    least, most = duration_s(retry["minBackoffDuration"]), duration_s(retry["maxBackoffDuration"])
    if not 0 <= least <= most:
        raise invalid("retryConfig: minBackoffDuration must not exceed maxBackoffDuration.")
    if duration_s(retry["maxRetryDuration"]) < 0:
        raise invalid("retryConfig.maxRetryDuration: must not be negative.")


def _check_target(cloud: Cloud, call: Call, target: Json) -> None:
    """Source: https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#HttpTarget"""
    uri = target.get("uri", "")
    if not re.fullmatch(r"https?://[^/\s]+(/\S*)?", uri) or len(uri) > MAX_URL:
        raise invalid(
            f"httpTarget.uri: {uri!r} must begin with http:// or https:// and have at most {MAX_URL} characters."
        )
    if sum(len(name) + len(value) for name, value in target["headers"].items()) > MAX_HEADER_BYTES:
        raise invalid("httpTarget.headers: the headers are larger than 80 KB.")
    if target.get("body") and target["httpMethod"] not in ("POST", "PUT", "PATCH"):
        raise invalid("httpTarget.body: only POST, PUT and PATCH have a body.")
    if "oidcToken" in target and "oauthToken" in target:
        raise invalid("httpTarget: only one of oauthToken and oidcToken.")
    for kind in ("oidcToken", "oauthToken"):
        if kind in target:
            require_account(cloud, target[kind].get("serviceAccountEmail", ""), caller=call.caller)


_BASE = "cloudscheduler.projects.locations.jobs"
METHODS: dict[str, Handler] = {
    f"{_BASE}.create": create,
    f"{_BASE}.get": read,
    f"{_BASE}.patch": change,
    f"{_BASE}.delete": delete,
    f"{_BASE}.list": listed,
    f"{_BASE}.pause": switch,
    f"{_BASE}.resume": switch,
    f"{_BASE}.run": run_now,
}
