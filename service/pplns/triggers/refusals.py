"""What is said when a message can't be published: what was met, what Pub/Sub wants, what to do."""

from typing import Any

from pplns.errors import PublishError

MAX_QUOTED = 300
ROLE = "roles/pubsub.publisher"


def refused(topic: str, error: Any) -> PublishError:
    """Return the error for an answer that a repeat wouldn't change; `error` is Google's, with its status as `code`."""
    code, said = error.code, _quoted(getattr(error, "message", "") or error)
    project, name = topic.split("/")[1::2]
    if code == 404:
        return PublishError(
            f"There is no topic {topic!r}: {said}",
            "A message is published to a topic that exists.",
            f"Create it: gcloud pubsub topics create {name} --project={project}; `pplns deploy` does so.",
        )
    if code in (401, 403):
        return PublishError(
            f"Can't publish to {topic!r}: {said}",
            f"The account needs the role Pub/Sub Publisher ({ROLE}) on the topic.",
            f"gcloud pubsub topics add-iam-policy-binding {name} --project={project}"
            f" --member=serviceAccount:EMAIL --role={ROLE}",
        )
    return PublishError(
        f"Can't publish to {topic!r}: {said}",
        f"Pub/Sub takes such a message; it answered {code}.",
        "If that doesn't name the cause, resume the run; if it happens again, report it.",
    )


def unreachable(topic: str, seconds: float, error: object) -> PublishError:
    """Return the error for a topic that didn't answer in time."""
    return PublishError(
        f"Can't publish to {topic!r}: no usable answer for {seconds:g} s; the last was: {_quoted(error)}",
        "Pub/Sub answers within a second.",
        "Check the connection (and PUBSUB_EMULATOR_HOST, if it is set), then resume the run: what is committed stays.",
    )


def unconfirmed(topic: str) -> PublishError:
    """Return the error for an answer that names no message."""
    return PublishError(
        f"Publishing to {topic!r} was answered without the id of a message.",
        "Pub/Sub confirms a message by its id.",
        "Check what PUBSUB_EMULATOR_HOST points at.",
    )


def no_credentials(topic: str, error: Exception) -> PublishError:
    """Return the error for a machine without credentials, or with some that can't be renewed."""
    return PublishError(
        f"Can't publish to {topic!r}: no credentials for Google Cloud: {_quoted(error)}",
        "A person logs in once; a container has an account of its own.",
        "Run `gcloud auth application-default login`, or set PUBSUB_EMULATOR_HOST to publish on this machine.",
    )


def _quoted(error: object) -> str:
    wrapped = getattr(error, "args", None)
    reason = getattr(wrapped[0], "reason", None) if wrapped else None  # requests wraps the cause twice
    text = " ".join(str(reason or error).split()) or type(error).__name__
    return text if len(text) <= MAX_QUOTED else f"{text[:MAX_QUOTED]}…"
