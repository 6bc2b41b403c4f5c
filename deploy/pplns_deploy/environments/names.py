"""The name of every cloud resource, as pure functions of environment, pipeline and trigger.

Google's limits differ: a service account's id has 6 to 30 characters, a Cloud Run service's name and the tag of one of
its revisions 46 together, a bucket's 63, a topic's 255; most take lower-case letters, digits and hyphens only. So an
underscore becomes a hyphen, and whatever would be ambiguous or too long is cut and gets eight digits of a hash. An
environment's name has no hyphen, so the last part of a name always tells it: two environments of one project never
meet."""

import hashlib
import re

from pplns.model.triggers import known_names

ACCOUNT_LENGTH = 30
TAG_LENGTH = 4  # of the tag that a revision has until it is verified; both are in its address
SERVICE_LENGTH = 46 - TAG_LENGTH
TOPIC_LENGTH = 255
BUCKET_LENGTH = 63
DIGEST_LENGTH = 8

_PLAIN = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*")


def slug(name: str) -> str:
    """Return a pipeline's name in lower-case letters, digits and single hyphens, another for each name.

    Only lower case with single underscores is turned as it is; every other name would have a double, so it gets a
    digest of itself: `daily_sales` is `daily-sales`, and `Daily_Sales` is `daily-sales-6a3f09c2`."""
    if _PLAIN.fullmatch(name):
        return name.replace("_", "-")
    cleaned = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return f"{cleaned}-{_digest(name)}" if cleaned else f"p-{_digest(name)}"


def service_name(pipeline: str, environment: str) -> str:
    """Return the Cloud Run service of a pipeline; also the base of the names of its topic, jobs and subscriptions."""
    return _limited(f"pplns-{slug(pipeline)}-{environment}", SERVICE_LENGTH)


def account_id(pipeline: str, environment: str) -> str:
    """Return the id of the service account that a pipeline runs as."""
    return _limited(f"pplns-{slug(pipeline)}-{environment}", ACCOUNT_LENGTH)


def scheduler_account_id(environment: str) -> str:
    """Return the id of the account that an environment's Scheduler jobs call services as.

    The double hyphen is in no pipeline's name."""
    return f"pplns--schedule-{environment}"


def push_account_id(environment: str) -> str:
    """Return the id of the account that an environment's subscriptions push as."""
    return f"pplns--push-{environment}"


def invoker_account_id(environment: str) -> str:
    """Return the id of the account that people and CI start runs as."""
    return f"pplns--invoke-{environment}"


def job_name(pipeline: str, environment: str, trigger: str) -> str:
    """Return the Scheduler job of a schedule; it ends with the schedule's name."""
    return f"{service_name(pipeline, environment)}_{trigger}"


def subscription_name(pipeline: str, environment: str, trigger: str) -> str:
    """Return the subscription of a Pub/Sub trigger."""
    return f"{service_name(pipeline, environment)}_{trigger}"


def continuation_topic(pipeline: str, environment: str) -> str:
    """Return the topic of a pipeline's own, for continuations; its subscription has the same name.

    Only ours have a dot."""
    return f"{service_name(pipeline, environment)}.continuations"


def dead_letter_topic(pipeline: str, environment: str) -> str:
    """Return the topic of a pipeline's dead letters; its subscription has the same name."""
    return f"{service_name(pipeline, environment)}.dead-letters"


def topic_name(topic: str, environment: str) -> str:
    """Return the topic that is made for `PubSub("orders")`; one named `projects/…` is used as it is."""
    return topic if topic.startswith("projects/") else _limited(f"{topic}-{environment}", TOPIC_LENGTH)


def bucket_name(project: str, environment: str) -> str:
    """Return the bucket that keeps runs where an environment names no store; bucket names are everyone's."""
    return _limited(f"{project}-pplns-{environment}", BUCKET_LENGTH)


def state_bucket_name(project: str, environment: str) -> str:
    """Return the bucket that keeps Terraform's state of an environment."""
    return _limited(f"{project}-pplns-{environment}-state", BUCKET_LENGTH)


def repository_id(environment: str) -> str:
    """Return the Artifact Registry repository of an environment's images."""
    return f"pplns-{environment}"


def audience(pipeline: str, project: str, region: str, *, environment: str) -> str:
    """Return the audience of tokens for a pipeline's service: a fixed text, known before there is an address.

    No such host can ever be reached: .internal is kept for private use."""
    return f"https://{service_name(pipeline, environment)}.{region}.{project}.pplns.internal"


def trigger_names(names: list[str | None], kind: str) -> list[str]:
    """Return a name for each trigger of one kind, as the service knows them by."""
    return known_names(names, kind)


def _limited(name: str, length: int) -> str:
    if len(name) <= length:
        return name
    return f"{name[: length - DIGEST_LENGTH - 1].rstrip('-')}-{_digest(name)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]
