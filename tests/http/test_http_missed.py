"""POST /missed: every run that a schedule should have started and didn't is reported, once."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deliveries import envelope
from faulty_topic import FaultyTopic
from kit import Runs, settings_of
from listening import Heard
from pplns import Schedule, pipeline, step
from pplns.logs.capture import Capture, capturing
from pplns.logs.outputs import JsonOutput
from pplns.model.run import Trigger
from pplns.server.missed import find_missed, report_missed
from pplns.stores import Store, open_store
from service import Service

HOURLY = Schedule("0 * * * *")
WEEKLY = Schedule("0 6 * * MON", timezone="America/New_York", name="weekly")
NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)  # a Monday, when it is 7 o'clock in New York
Ask = Callable[..., list[tuple[str, str]]]


@step
def load() -> int:
    return 1


@pipeline(triggers=[HOURLY, WEEKLY])
def nightly() -> int:
    return load()


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    found = open_store(f"{request.param}:{tmp_path / 'runs'}", root=tmp_path)
    found.prepare()
    return found


@pytest.fixture
def ask(store: Store) -> Ask:
    """Ask so many minutes after noon; return schedule and time of each run that is missing."""

    def asked(minutes: int, **options: Any) -> list[tuple[str, str]]:
        now = NOON + timedelta(minutes=minutes)
        found = find_missed(store, nightly, [HOURLY, WEEKLY], now=now, **options)
        return [(one.schedule, f"{one.due:%d %H:%M}") for one in found]

    return asked


@pytest.fixture
def ran(store: Store, tmp_path: Path) -> Callable[..., None]:
    """Run the pipeline as its schedule did, so many minutes after noon."""
    runs = Runs(store, settings_of(tmp_path))

    def run(minutes: int, kind: Any = "schedule", **details: Any) -> None:
        time = NOON + timedelta(minutes=minutes)
        trigger = Trigger(kind, f"job {time.isoformat()}", details=details)
        runs.run(nightly, trigger=trigger, logical_date=time)

    return run


@dataclass
class Waiting:
    """A service with a run that waits for its continuation, whose message went nowhere."""

    service: Service
    topic: FaultyTopic
    run_id: str
    store: Path

    def let_time_pass(self) -> None:
        """Make the run look as if it had waited for an hour: its lease's file says since when."""
        (lease,) = self.store.glob(f"resting/runs/{self.run_id}/lease.*.json")
        an_hour_ago = lease.stat().st_mtime - 3600
        os.utime(lease, (an_hour_ago, an_hour_ago))


@pytest.fixture
def waiting(start: Callable[..., Service], faulty_topic: FaultyTopic, tmp_path: Path) -> Waiting:
    """A run of eight steps, of which the request had time for one or two."""
    topic = {"PPLNS_TOPIC": "projects/acme-data/topics/{pipeline}", "PUBSUB_EMULATOR_HOST": faulty_topic.host}
    service = start(PPLNS_PUSH_SECONDS="0.3", PPLNS_MARGIN_SECONDS="0.15", PPLNS_LOG_FORMAT="json", **topic)
    answer = service.post("/pipelines/resting/runs", envelope({}))
    assert answer.status == 202, answer.json
    return Waiting(service, faulty_topic, answer.json["run_id"], tmp_path / "store")


def test_the_first_question_only_sets_the_beginning(ask: Ask) -> None:
    """A schedule that was just deployed was due before, and nobody could have fired it."""
    assert ask(0) == []
    assert ask(29) == []


def test_a_run_that_is_missing_is_reported_once(ask: Ask) -> None:
    """Half an hour after its time, when Scheduler has given up, and never again."""
    ask(-10)

    assert ask(29) == []
    assert ask(31) == [("0 * * * *", "05 12:00")]
    assert ask(31) == []
    assert ask(91) == [("0 * * * *", "05 13:00")]


def test_a_run_that_happened_is_not_missing(ask: Ask, ran: Callable[..., None]) -> None:
    """Whatever came of it."""
    ask(-10)
    ran(0, schedule="0 * * * *")
    ran(60)

    assert ask(95) == []


def test_another_schedules_run_or_a_call_doesn_t_count(ask: Ask, ran: Callable[..., None]) -> None:
    """The same time, another trigger: the schedule itself didn't fire."""
    ask(-10)
    ran(0, schedule="weekly")
    ran(60, kind="api")

    assert ask(95) == [("0 * * * *", "05 12:00"), ("0 * * * *", "05 13:00")]


def test_a_weekly_schedule_is_compared_in_its_own_zone(ask: Ask) -> None:
    """Six o'clock in New York is eleven in UTC."""
    ask(-90)

    assert ("weekly", "05 11:00") in ask(0)


def test_hours_without_a_question_are_caught_up(ask: Ask) -> None:
    """An outage hides nothing of the week before it ended."""
    ask(-10)

    assert len(ask(5 * 60)) == 5
    assert len(ask(40 * 24 * 60)) == 7 * 24 + 1


def test_nothing_is_missing_of_a_pause(ask: Ask) -> None:
    """While schedules are paused the time only moves on."""
    ask(-10)

    assert ask(300, is_paused=True) == []
    assert ask(331) == [("0 * * * *", "05 17:00")]


def test_a_changed_schedule_begins_anew(ask: Ask, store: Store) -> None:
    """Its new times weren't due before the change."""
    ask(-10)
    changed = Schedule("30 * * * *")

    assert list(find_missed(store, nightly, [changed], now=NOON + timedelta(minutes=90))) == []


def test_a_line_is_logged_for_each_and_one_for_the_question(ask: Ask, store: Store, tmp_path: Path) -> None:
    """What alerts match: an error for each missing run, and that schedules were compared at all."""
    ask(-10)
    heard = Heard(tmp_path)
    with capturing(Capture(JsonOutput(heard.stdout), project="shop-1")):
        report_missed(
            "nightly", 2, list(find_missed(store, nightly, [HOURLY, WEEKLY], now=NOON + timedelta(minutes=31)))
        )

    missed, compared = heard.event("missed"), heard.event("schedules_compared")
    assert (missed["severity"], missed["pipeline"], missed["due"]) == ("ERROR", "nightly", "2026-01-05T12:00:00+00:00")
    assert (compared["pipeline"], compared["schedules"], compared["missed"]) == ("nightly", 2, 1)


def test_the_route_answers_what_is_missing(service: Service) -> None:
    """Nothing at first; the body may say that the schedules are paused."""
    assert service.post("/missed", {}).json == {"missed": [], "repeated": []}
    assert service.post("/missed", {"paused": True}).json == {"missed": [], "repeated": []}


def test_a_continuation_that_never_came_is_published_again(waiting: Waiting) -> None:
    """Half an hour later, whoever asks about schedules makes the run go on."""
    waiting.let_time_pass()

    answer = waiting.service.post("/missed", {})

    named = {"pipeline": "resting", "run_id": waiting.run_id, "attempt": 1}
    assert (answer.status, answer.json) == (200, {"missed": [], "repeated": [named]})
    first, second = waiting.topic.published
    assert first == second
    assert waiting.service.post("/pipelines/resting/runs", envelope(second.data)).json["attempt"] == 2
    assert '"pplns_event":"continuation_repeated"' in waiting.service.log.read_text()


def test_a_continuation_that_may_still_come_is_waited_for(waiting: Waiting) -> None:
    """Pub/Sub delivers in its own time."""
    assert waiting.service.post("/missed", {}).json["repeated"] == []
    assert len(waiting.topic.published) == 1


def test_a_topic_that_is_away_is_told_to_who_asks(waiting: Waiting) -> None:
    """Cloud Scheduler asks again, and then it is published."""
    waiting.let_time_pass()
    waiting.topic.answers = [403] * 100
    refused = waiting.service.post("/missed", {})
    waiting.topic.answers = []

    asked_again = waiting.service.post("/missed", {})

    assert (refused.status, refused.code) == (503, "publish_failed")
    assert [one["run_id"] for one in asked_again.json["repeated"]] == [waiting.run_id]


@pytest.mark.parametrize("body", [{"paused": 1}, {"pause": True}, [], "x"])
def test_another_body_is_refused(service: Service, body: Any) -> None:
    """A misspelt key would report the runs of a pause."""
    answer = service.post("/missed", body)

    assert answer.status == 400
    assert answer.json["error"]["hint"] == 'Send {"paused": false}.'
