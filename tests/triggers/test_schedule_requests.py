"""Requests of Cloud Scheduler: which schedule, which run, which day."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from deliveries import NOW, envelope, event_headers, scheduler_headers, unwrapped_headers
from pplns import Schedule, pipeline
from pplns.triggers.messages import BadDelivery

TIME = datetime(2013, 1, 5, 6, tzinfo=UTC)


@pipeline
def unscheduled(day: str = "") -> None:
    pass


@pipeline(triggers=[Schedule("0 6 * * *", timezone="America/New_York")])
def once_a_day(day: date) -> None:
    pass


@pipeline(triggers=[Schedule("0 6 * * *"), Schedule("0 18 * * *")])
def twice_a_day() -> None:
    pass


def test_the_schedule_in_the_body_decides(recognised: Any) -> None:
    """Its parameters lie underneath, its zone is that of the day, its name the trigger's."""
    delivery = recognised({"schedule": "eu", "params": {"day": "2013-01-01"}}, scheduler_headers())

    assert (delivery.kind, delivery.forced) == ("schedule", False)
    assert delivery.params == {"region": "eu", "day": "2013-01-01"}
    assert (delivery.origin.trigger.name, delivery.origin.trigger.timezone) == ("eu", "Europe/Berlin")


def test_what_is_sent_wins_over_the_schedule(recognised: Any) -> None:
    """A parameter of the job stands over that of the code."""
    assert recognised({"schedule": "eu", "params": {"region": "uk"}}, scheduler_headers()).params == {"region": "uk"}


def test_key_and_date_are_the_schedules(recognised: Any) -> None:
    """The job's name and the instant of its time, however its offset is written, so a retry is the same run."""
    first = recognised(b"", scheduler_headers("2013-01-05T06:00:00Z")).origin
    retried = recognised(b"", scheduler_headers("2013-01-05T07:00:00+01:00"), now=NOW + timedelta(minutes=20)).origin

    assert first.trigger.key == retried.trigger.key == "daily-us 2013-01-05T06:00:00+00:00"
    assert first.logical_date == retried.logical_date == TIME
    assert (first.brings_time, first.compare_params, first.by_person) == (True, False, False)


@pytest.mark.parametrize(("job", "name"), [("daily-us", "us"), ("eu", "eu"), ("a/b/pplns-daily-eu", "eu")])
def test_a_job_without_a_body_is_known_by_its_name(recognised: Any, job: str, name: str) -> None:
    """A hand-made job works when its name ends with the schedule's."""
    assert recognised(b"", scheduler_headers(job=job)).origin.trigger.name == name


def test_a_job_that_could_be_any_schedules_is_refused(recognised: Any) -> None:
    """A guess could run the wrong day."""
    with pytest.raises(BadDelivery, match=r"They are 'us', 'eu', and differ") as refused:
        recognised(b"", scheduler_headers(job="nightly"))

    assert '{"schedule": "us"}' in refused.value.remedy


def test_schedules_that_say_the_same_need_no_name(recognised: Any) -> None:
    """Neither time zone nor parameters depend on which of them it was."""
    delivery = recognised(b"", scheduler_headers(job="nightly"), of=twice_a_day)

    assert (delivery.origin.trigger.name, delivery.origin.trigger.timezone) == ("nightly", "UTC")


def test_a_schedule_without_a_name_is_named_by_its_cron_line(recognised: Any) -> None:
    """So that what deploys it can say which one it is."""
    delivery = recognised({"schedule": "0 18 * * *"}, scheduler_headers(), of=twice_a_day)

    assert delivery.origin.trigger.details["schedule"] == "0 18 * * *"


def test_the_only_schedule_needs_no_name(recognised: Any) -> None:
    """The day is that of its time zone."""
    assert recognised(b"", scheduler_headers(job="x"), of=once_a_day).origin.trigger.timezone == "America/New_York"


def test_a_job_of_a_pipeline_without_schedules_runs_it(recognised: Any) -> None:
    """Somebody made it by hand; the project's time zone counts."""
    delivery = recognised({"params": {"day": "x"}}, scheduler_headers(), of=unscheduled)

    assert (delivery.params, delivery.origin.trigger.timezone) == ({"day": "x"}, "Europe/Paris")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"schedule": "uss"}, "Did you mean 'us'"),
        ({"schedule": 7}, "has no schedule 7"),
        ({"shedule": "us"}, "Did you mean 'schedule'"),
        (b"run!", "no JSON"),
    ],
)
def test_a_body_that_names_nothing_is_refused(recognised: Any, body: object, said: str) -> None:
    """With the nearest name."""
    with pytest.raises(BadDelivery, match=said):
        recognised(body, scheduler_headers())


@pytest.mark.parametrize("ahead", [timedelta(seconds=11), timedelta(hours=20)])
def test_a_time_that_lies_ahead_says_that_somebody_forced_the_run(recognised: Any, ahead: timedelta) -> None:
    """It stands for now, under a key of its own: the scheduled run of that time still comes."""
    time = (NOW + ahead).isoformat()
    delivery = recognised(b"", scheduler_headers(time))

    assert delivery.forced
    assert delivery.origin.trigger.key == f"daily-us {time} forced"
    assert (delivery.origin.logical_date, delivery.origin.brings_time) == (NOW, False)


def test_a_missing_time_says_so_too(recognised: Any) -> None:
    """Google leaves it out at times when a run is forced."""
    delivery = recognised(b"", scheduler_headers(None))

    assert (delivery.forced, delivery.origin.trigger.key) == (True, "daily-us - forced")


def test_clocks_apart_by_seconds_force_nothing(recognised: Any) -> None:
    """Up to ten seconds ahead a time is that of the schedule."""
    assert not recognised(b"", scheduler_headers((NOW + timedelta(seconds=10)).isoformat())).forced


@pytest.mark.parametrize("time", ["tomorrow", "2013-01-05T06:00:00", "0001-01-01T00:00:00+23:00"])
def test_a_time_that_is_none_is_refused(recognised: Any, time: str) -> None:
    """Garbled, without an offset, out of range."""
    with pytest.raises(BadDelivery, match="X-CloudScheduler-ScheduleTime"):
        recognised(b"", scheduler_headers(time))


def test_an_attribute_makes_no_schedule_of_an_unwrapped_push(recognised: Any) -> None:
    """Whoever may publish chooses attributes, and each is a header of the push."""
    forged = {**scheduler_headers(), **unwrapped_headers()}

    assert recognised(b"", forged).kind == "pubsub"


@pytest.mark.parametrize("agent", ["CloudPubSub-Google", "APIs-Google; (+https://developers.google.com/webmasters)"])
def test_nor_where_the_push_has_no_metadata(recognised: Any, agent: str) -> None:
    """Nothing tells one such message from the next, so it is refused; its sender is Pub/Sub all the same."""
    forged = {**scheduler_headers(), "user-agent": agent}

    with pytest.raises(BadDelivery, match="without its envelope") as refused:
        recognised(b"data", forged)

    assert refused.value.push.data == b"data"


def test_a_job_may_carry_any_header(recognised: Any) -> None:
    """Headers of an event on a Scheduler job make no event of it."""
    assert recognised(b"", {**event_headers(), **scheduler_headers()}).kind == "schedule"


def test_a_job_that_sends_an_envelope_is_refused(recognised: Any) -> None:
    """A wrapped push has no such headers, and a job no such body."""
    with pytest.raises(BadDelivery, match="has the key 'message'"):
        recognised(envelope(), scheduler_headers())
