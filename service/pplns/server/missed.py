"""`POST /missed`: which schedules should have run since the last time this was asked, and didn't.

Cloud Scheduler asks every hour. Up to where each schedule was compared is kept in the store, so that every missing run
is reported once, whether the schedule is hourly or weekly, and also after hours in which nobody could ask. The first
question about a schedule, or one that was changed, only sets the beginning: nothing was due from it before.

The same question repeats the continuations that never came."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from pplns.engine.bounds import Bounds
from pplns.engine.clock import SystemClock
from pplns.engine.handover import repeat_forgotten
from pplns.errors import ParameterError
from pplns.logs.capture import active
from pplns.logs.lines import new_line
from pplns.model.frozen import Frozen
from pplns.model.ids import digest_fields, new_token, time_of_run_id
from pplns.model.names import shorten
from pplns.model.triggers import Schedule
from pplns.server.answers import Answer
from pplns.server.process import Served
from pplns.server.runs import PUBLISH_SECONDS
from pplns.settings import topic_of
from pplns.state import records
from pplns.state.fields import Fields
from pplns.state.runs import read_head
from pplns.steps import Pipeline
from pplns.stores import Store
from pplns.triggers.declared import label_of
from pplns.triggers.firing import next_time
from pplns.triggers.requests import Request, read_json
from pplns.triggers.topics import hand_over_to

PATIENCE = timedelta(minutes=30)  # Scheduler tries five times, and begins anew after a minute or two
LOOK_BACK = timedelta(days=7)
MOST_MISSED = 1000  # of one schedule in one answer: the first say enough


class Missed(Frozen):
    """A time at which a schedule fired, or should have, and for which there is no run."""

    pipeline: str
    schedule: str
    due: datetime

    def as_json(self) -> dict[str, Any]:
        """Return it as the answer and the log line have it."""
        return {"pipeline": self.pipeline, "schedule": self.schedule, "due": self.due.isoformat()}


def answer_missed(served: Served, request: Request) -> Answer:
    """Compare every schedule that is served with its runs, log a line for each that is missing, and return them.

    Continuations that never came are published again. `{"paused": true}` as body: nothing should have run, so only the
    time is moved on.

    Raises: ParameterError for another body; PublishError when all of that is done but the publishing."""
    is_paused, now = _read_paused(request.body), datetime.now(UTC)
    found: list[Missed] = []
    for pipeline in served.found.pipelines.values():
        schedules = [one for one in pipeline.triggers if isinstance(one, Schedule)]
        if schedules:
            missed = list(find_missed(served.store, pipeline, schedules, now=now, is_paused=is_paused))
            report_missed(pipeline.name, len(schedules), missed)
            found += missed
    repeated = [one for pipeline in served.found.pipelines for one in repeat_continuations(served, pipeline)]
    return Answer(200, {"missed": [one.as_json() for one in found], "repeated": repeated})


def find_missed(
    store: Store, pipeline: Pipeline[..., Any], schedules: list[Schedule], *, now: datetime, is_paused: bool = False
) -> Iterator[Missed]:
    """Yield the missing runs of a pipeline's schedules, and keep that they were found."""
    run_ids = _by_time(store, pipeline.name)
    until = now - PATIENCE
    for schedule in schedules:
        name = f"{pipeline.name}/schedules/{_digest(schedule)}.json"
        register = store.read_register(name)
        since = None if register is None else _read_until(register.data, name)
        if since is not None and not is_paused:
            for due in _due(schedule, max(since, until - LOOK_BACK), until):
                if not any(_is_of(store, pipeline.name, one, schedule) for one in run_ids.get(due, ())):
                    yield Missed(pipeline.name, label_of(schedule), due)
        moved = now if since is None else max(since, until)
        data = records.encode({"schedule": label_of(schedule), "until": moved.isoformat()}, writer=new_token())
        store.swap(name, data, expected=0 if register is None else register.generation)


def _digest(schedule: Schedule) -> str:
    return digest_fields(schedule.name or "", schedule.cron, schedule.timezone)[:16]


def _read_until(data: bytes, name: str) -> datetime:
    return datetime.fromisoformat(Fields(records.decode(data, name=name)).text("until"))


def _due(schedule: Schedule, since: datetime, until: datetime) -> Iterator[datetime]:
    """Yield when a schedule fired after `since`, up to `until`."""
    time = next_time(schedule.cron, schedule.timezone, since)
    count = 0
    while time is not None and time <= until and count < MOST_MISSED:
        yield time
        count += 1
        time = next_time(schedule.cron, schedule.timezone, time)


def _by_time(store: Store, pipeline: str) -> Mapping[datetime, list[str]]:
    """Return the ids of a pipeline's runs by the logical time that they begin with."""
    found: dict[datetime, list[str]] = {}
    for name in store.children(f"{pipeline}/runs/"):
        run_id = name.removesuffix("/")
        if (time := time_of_run_id(run_id)) is not None:
            found.setdefault(time, []).append(run_id)
    return found


def _is_of(store: Store, pipeline: str, run_id: str, schedule: Schedule) -> bool:
    """Tell whether a run was started by a schedule; a job made by hand names none, and counts for all."""
    trigger = read_head(store, pipeline, run_id).trigger
    named = trigger.details.get("schedule")
    return trigger.kind == "schedule" and named in (None, label_of(schedule))


def report_missed(pipeline: str, schedules: int, missed: list[Missed]) -> None:
    """Write what log-based metrics and alerts match, whatever level the loggers have."""
    capture = active()
    if capture is None:
        return
    for one in missed:
        fields = {"pplns_event": "missed", **one.as_json()}
        capture.emit(new_line("ERROR", f"No run of {pipeline} for {one.due.isoformat()}", fields=fields))
    fields = {"pplns_event": "schedules_compared", "pipeline": pipeline, "schedules": schedules, "missed": len(missed)}
    capture.emit(new_line("INFO", f"Compared the schedules of {pipeline} with its runs", fields=fields))


def repeat_continuations(served: Served, pipeline: str) -> Iterator[dict[str, Any]]:
    """Publish the continuations of a pipeline that never came once more, log a line for each, and yield what it names.

    Raises: PublishError."""
    topic = topic_of(served.settings.topic, pipeline)
    if topic is None:
        return
    clock, capture = SystemClock(), active()
    bounds = Bounds(hand_over=hand_over_to(topic, timeout_s=PUBLISH_SECONDS))
    until = clock.monotonic() + served.settings.margin_seconds
    for head, attempt in repeat_forgotten(served.store, pipeline, bounds=bounds, clock=clock, until=until):
        named = {"pipeline": pipeline, "run_id": head.run_id, "attempt": attempt}
        if capture is not None:
            said = f"The continuation of {pipeline}/{head.run_id} never came; it is published again"
            capture.emit(new_line("WARNING", said, fields={"pplns_event": "continuation_repeated", **named}))
        yield named


def _read_paused(body: bytes) -> bool:
    if not body.strip():
        return False
    try:
        found: object = read_json(body)
    except ValueError:
        found = body
    shown = shorten(found)
    given = cast("dict[str, object]", found) if isinstance(found, dict) else {"": found}
    paused: object = given.get("paused", False)
    if isinstance(paused, bool) and given.keys() <= {"paused"}:
        return paused
    raise ParameterError(
        f"The body is {shown}.", "It is nothing, or an object with 'paused'.", 'Send {"paused": false}.'
    )
