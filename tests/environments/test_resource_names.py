"""Names of cloud resources: each valid where Google takes it, and no two alike."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pplns.model.names import is_name
from pplns_deploy.deploying.deployed import TAG
from pplns_deploy.environments import names

SERVICE = re.compile(r"[a-z]([a-z0-9-]{0,40}[a-z0-9])?")
ACCOUNT = re.compile(r"[a-z]([a-z0-9-]{4,28}[a-z0-9])")
BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
JOB = re.compile(r"[A-Za-z0-9_-]{1,500}")
PUBSUB = re.compile(r"(?!goog)[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}")

pipelines = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,39}", fullmatch=True).filter(is_name)
environments = st.from_regex(r"[a-z][a-z0-9]{0,11}", fullmatch=True)
triggers = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,39}", fullmatch=True)
topics = st.from_regex(r"(?!goog)[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}", fullmatch=True)
projects = st.from_regex(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", fullmatch=True)


@given(pipelines, environments, triggers, topics, projects)
def test_every_name_is_one_that_google_takes(pipeline: str, place: str, trigger: str, topic: str, project: str):
    """Whatever a pipeline, an environment, a trigger and a topic are called."""
    assert SERVICE.fullmatch(names.service_name(pipeline, place))
    for account in (
        names.account_id(pipeline, place), names.scheduler_account_id(place), names.push_account_id(place),
        names.invoker_account_id(place),
    ):  # fmt: skip
        assert ACCOUNT.fullmatch(account)
    assert JOB.fullmatch(names.job_name(pipeline, place, trigger))
    for name in (
        names.subscription_name(pipeline, place, trigger), names.continuation_topic(pipeline, place),
        names.dead_letter_topic(pipeline, place), names.topic_name(topic, place),
    ):  # fmt: skip
        assert PUBSUB.fullmatch(name)
    assert BUCKET.fullmatch(names.bucket_name(project, place))


@given(pipelines, environments)
def test_a_service_and_the_tag_of_its_next_revision_fit_in_one_address(pipeline: str, place: str):
    """Cloud Run takes 46 characters for both together."""
    assert len(TAG) + len(names.service_name(pipeline, place)) <= 46


@given(st.lists(st.tuples(pipelines, environments), unique=True, max_size=30))
def test_no_two_pipelines_or_environments_share_a_name(places: list[tuple[str, str]]):
    """Each pair of pipeline and environment has a service and an account of its own, and names within them."""
    for name_of in (names.service_name, names.account_id, names.continuation_topic, names.dead_letter_topic):
        assert len({name_of(*place) for place in places}) == len(places)
    audiences = {names.audience(one, "acme-data", "europe-west1", environment=place) for one, place in places}
    assert len(audiences) == len(places)


@given(st.lists(st.tuples(pipelines, environments, triggers), unique=True, max_size=30))
def test_no_two_triggers_share_a_name(places: list[tuple[str, str, str]]):
    """The underscore before a trigger's name is in no service's name."""
    assert len({names.job_name(*place) for place in places}) == len(places)


@given(pipelines, environments, triggers)
def test_a_job_ends_with_its_schedules_name(pipeline: str, place: str, trigger: str):
    """By which the service finds the schedule."""
    assert names.job_name(pipeline, place, trigger).endswith(f"_{trigger}")


@pytest.mark.parametrize(
    ("one", "other"),
    [("a_b", "a-b"), ("daily", "Daily"), ("a__b", "a_b"), ("_a", "a"), ("a_", "a"), ("x" * 39 + "a", "x" * 39 + "b")],
)
def test_names_that_would_meet_are_kept_apart(one: str, other: str):
    """By a digest of the name as it is written."""
    assert names.account_id(one, "prod") != names.account_id(other, "prod")
    assert names.service_name(one, "prod") != names.service_name(other, "prod")


def test_an_ordinary_name_stays_readable():
    """No digest where none is needed."""
    assert names.service_name("nyc_flights", "prod") == "pplns-nyc-flights-prod"
    assert names.account_id("nyc_flights", "prod") == "pplns-nyc-flights-prod"
    assert names.topic_name("orders-landed", "prod") == "orders-landed-prod"
    assert names.topic_name("projects/p/topics/orders", "prod") == "projects/p/topics/orders"


def test_unnamed_triggers_are_numbered():
    """The first has the kind for a name."""
    assert names.trigger_names([None, "us", None], "schedule") == ["schedule", "us", "schedule-2"]
