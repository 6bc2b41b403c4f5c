"""Checks that ask Google Cloud, by `--online` only: topics that must be there, subscriptions that would be replaced.

With PUBSUB_EMULATOR_HOST set the emulator is asked."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from pplns_deploy.checks.deployment import Deployment
from pplns_deploy.checks.findings import Finding
from pplns_deploy.environments import names
from pplns_deploy.manifest import PipelineEntry, TriggerEntry

ANSWER_SECONDS = 20.0


def check_existing_topics(deployment: Deployment) -> Iterator[Finding]:
    """Check that the topics that pplns doesn't manage are there."""
    from google.api_core.exceptions import GoogleAPICallError, NotFound
    from google.auth.exceptions import GoogleAuthError

    topics = {
        str(trigger.topic): entry
        for entry, trigger, _ in _subscribed(deployment)
        if str(trigger.topic).startswith("projects/")
    }
    for topic, entry in topics.items():
        try:
            _publisher().get_topic(topic=topic, timeout=ANSWER_SECONDS)
        except NotFound:
            yield deployment.at_code(
                "error",
                f"The topic {topic!r} isn't there, and pplns doesn't make it.",
                'Make it, correct the name, or write PubSub("orders") for one that pplns makes.',
                entry,
            )
        except (GoogleAPICallError, GoogleAuthError) as error:
            yield _unanswered(deployment, topic, error)


def check_backlogs(deployment: Deployment) -> Iterator[Finding]:
    """Check that no subscription would be replaced, with the messages that wait in it.

    Pub/Sub never changes the topic or the filter of a subscription: a new one takes its place, and is empty."""
    from google.api_core.exceptions import GoogleAPICallError, NotFound
    from google.auth.exceptions import GoogleAuthError

    place = deployment.environment
    for entry, trigger, name in _subscribed(deployment):
        path = f"projects/{place.project}/subscriptions/{names.subscription_name(entry.name, place.name, name)}"
        try:
            found = _subscriber().get_subscription(subscription=path, timeout=ANSWER_SECONDS)
        except NotFound:
            continue
        except (GoogleAPICallError, GoogleAuthError) as error:
            yield _unanswered(deployment, path, error)
            continue
        for what, deployed, wanted in _changes(deployment, trigger, found):
            yield deployment.at_code(
                "warning",
                f"The {what} of {path!r} is {deployed!r} and would be {wanted!r}: it is replaced, and what"
                " waits in it is lost.",
                "Let it run empty first, or give the trigger another name=… so that the old one can be emptied.",
                entry,
            )


def _changes(deployment: Deployment, trigger: TriggerEntry, found: Any) -> Iterator[tuple[str, str, str]]:
    name = names.topic_name(str(trigger.topic), deployment.environment.name)
    topic = name if name.startswith("projects/") else f"projects/{deployment.environment.project}/topics/{name}"
    if found.topic != topic:
        yield "topic", str(found.topic), topic
    if found.filter != (trigger.filter or ""):
        yield "filter", str(found.filter), trigger.filter or ""


def _subscribed(deployment: Deployment) -> Iterator[tuple[PipelineEntry, TriggerEntry, str]]:
    """Yield each Pub/Sub trigger with its pipeline and the name that it has or is given."""
    for entry in deployment.manifest.pipelines:
        triggers = [one for one in entry.declared.triggers if one.kind == "pubsub"]
        named = names.trigger_names([one.name for one in triggers], "pubsub")
        for trigger, name in zip(triggers, named, strict=True):
            yield entry, trigger, name


def _unanswered(deployment: Deployment, what: str, error: Exception) -> Finding:
    return deployment.warning(
        f"Google Cloud couldn't be asked about {what!r}: {str(error).splitlines()[0]}",
        "Log in with `gcloud auth application-default login`, or check without --online.",
    )


def _publisher() -> Any:
    return import_module("google.cloud.pubsub_v1").PublisherClient()


def _subscriber() -> Any:
    return import_module("google.cloud.pubsub_v1").SubscriberClient()
