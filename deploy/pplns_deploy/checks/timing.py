"""Checks of time: hours that a clock skips or repeats, requests that end too early, runs that pile up."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

from pplns_deploy.checks.deployment import Deployment
from pplns_deploy.checks.findings import Finding
from pplns_deploy.checks.rules import CLOUD_RUN_SECONDS, PUBSUB_SECONDS, SCHEDULER_SECONDS
from pplns_deploy.dev.cron import wall_times
from pplns_deploy.manifest import PipelineEntry, TriggerEntry

LOOK_AHEAD = timedelta(days=500)
# A push that finds no slot is tried again after 10 s to 10 min, 100 times at most: about 15 hours, then a dead letter.
PATIENCE_SECONDS = 15 * 3600
BURST = 100  # messages that may well come at once
LONGEST_GAP = timedelta(days=7)


def check_daylight_saving(deployment: Deployment) -> Iterator[Finding]:
    """Check that no schedule falls into an hour that its time zone skips or repeats."""
    for entry in deployment.manifest.pipelines:
        for trigger in entry.declared.triggers:
            if trigger.kind == "schedule":
                for day, how in _hazards(trigger, deployment.now):
                    yield deployment.at_code(
                        "warning",
                        f"Schedule({trigger.cron!r}, timezone={trigger.timezone!r}) falls into an hour that is {how} on"
                        f" {day:%Y-%m-%d}, when the clocks change.",
                        "Choose an hour that every day has once, or the time zone UTC.",
                        entry,
                    )


def check_request_times(deployment: Deployment) -> Iterator[Finding]:
    """Check that each step fits in the request that the environment allows."""
    for entry in deployment.manifest.pipelines:
        limit = deployment.config_of(entry).timeout
        kinds = {one.kind for one in entry.declared.triggers}
        trigger_limit = PUBSUB_SECONDS if "pubsub" in kinds else SCHEDULER_SECONDS if kinds else CLOUD_RUN_SECONDS
        for step in entry.steps or ():
            if step.timeout_s is not None and limit < step.timeout_s <= trigger_limit:
                yield deployment.warning(
                    f"Step {step.step!r} of {entry.name!r} may take {step.timeout_s:g} s, and a request here lasts"
                    f" {limit:g} s.",
                    "Raise `timeout` of the pipeline in this environment, up to 60m, or split the step.",
                    entry,
                )


def check_bursts(deployment: Deployment) -> Iterator[Finding]:
    """Check that what comes at once, or faster than it is done, is done before it is given up."""
    for entry in deployment.manifest.pipelines:
        seconds = run_seconds(entry)
        at_once = runs_at_once(deployment, entry)
        if seconds is None or at_once is None:
            continue
        done = int(PATIENCE_SECONDS / seconds) * at_once
        if done < BURST and any(one.kind == "pubsub" for one in entry.declared.triggers):
            yield deployment.at_code(
                "warning",
                f"Of messages that come at once {done} are run: {at_once} at one time, up to {seconds:g} s each, before"
                " Pub/Sub gives up after about 15 hours and the rest become dead letters.",
                "Raise max_concurrent_runs or max_instances, shorten the run's timeout, or take several in one run.",
                entry,
            )
        yield from _crowded(deployment, entry, seconds, at_once)


def run_seconds(entry: PipelineEntry) -> float | None:
    """Return how long a run may take: its timeout, else the timeouts of its steps one after another, else unknown."""
    if entry.declared.timeout_s is not None:
        return entry.declared.timeout_s
    timeouts = [step.timeout_s for step in entry.steps or ()]
    known = [one for one in timeouts if one is not None]
    return sum(known) if known and len(known) == len(timeouts) else None


def runs_at_once(deployment: Deployment, entry: PipelineEntry) -> int | None:
    """Return how many runs may go on at one time, or None where nothing bounds them."""
    bounds = [entry.declared.max_concurrent_runs, deployment.config_of(entry).resources.max_instances]
    return min((one for one in bounds if one is not None), default=None)


def _crowded(deployment: Deployment, entry: PipelineEntry, seconds: float, at_once: int) -> Iterator[Finding]:
    for trigger in entry.declared.triggers:
        if trigger.kind != "schedule":
            continue
        gap = shortest_gap(str(trigger.cron), deployment.now)
        if gap is not None and gap.total_seconds() * at_once < seconds:
            yield deployment.at_code(
                "warning",
                f"Schedule({trigger.cron!r}) fires every {gap.total_seconds():g} s, and a run may take {seconds:g} s,"
                f" with {at_once} at one time: runs pile up.",
                "Let it fire less often, shorten the run's timeout, or raise max_concurrent_runs.",
                entry,
            )


def shortest_gap(cron: str, now: datetime) -> timedelta | None:
    """Return the shortest time between two firings in the week ahead; None where there is no second one."""
    times = wall_times(cron, now.replace(tzinfo=None))
    found = list(islice(takewhile(lambda time: time < now.replace(tzinfo=None) + LONGEST_GAP, times), BURST))
    return min((later - earlier for earlier, later in pairwise(found)), default=None)


def _hazards(trigger: TriggerEntry, now: datetime) -> Iterator[tuple[datetime, str]]:
    """Yield the first skipped and the first repeated hour of the wall clock in which a schedule fires."""
    seen: set[str] = set()
    for begins, ends, how in changes_of(str(trigger.timezone), now):
        if how not in seen and _fires_within(str(trigger.cron), begins, ends):
            seen.add(how)
            yield begins, how


def changes_of(timezone: str, now: datetime) -> Iterator[tuple[datetime, datetime, str]]:
    """Yield each time that the wall clock of a zone skips or repeats, as the times on the wall that this concerns."""
    zone = ZoneInfo(timezone)
    before = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    for _ in range(LOOK_AHEAD.days * 24):
        after = before + timedelta(hours=1)
        shift = (_offset(after, zone) - _offset(before, zone)) if zone.key != "UTC" else timedelta(0)
        if shift:
            change = _exact(before, after, zone)
            wall = (change + _offset(before, zone)).replace(tzinfo=None)
            yield (wall, wall + shift, "skipped") if shift > timedelta(0) else (wall + shift, wall, "repeated")
        before = after


def _exact(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    old = _offset(before, zone)
    minutes = int((after - before) / timedelta(minutes=1))
    first = next(n for n in range(1, minutes + 1) if _offset(before + timedelta(minutes=n), zone) != old)
    return before + timedelta(minutes=first)


def _offset(time: datetime, zone: ZoneInfo) -> timedelta:
    return time.astimezone(zone).utcoffset() or timedelta(0)


def _fires_within(cron: str, begins: datetime, ends: datetime) -> bool:
    first = next(wall_times(cron, begins - timedelta(minutes=1)), None)
    return first is not None and first < ends
