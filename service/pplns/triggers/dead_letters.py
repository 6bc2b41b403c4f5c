"""Dead letters: messages that failed for good, or can't become a run, kept with the reason in a topic of their own.

The message goes there as it came, so that it can be replayed; the reason stands in attributes of ours."""

from collections.abc import Mapping

from pplns.model.run import ErrorInfo
from pplns.triggers.messages import PushMessage
from pplns.triggers.topics import publish

MAX_ATTRIBUTES = 100  # Pub/Sub: at most 100, with names of 256 and values of 1024 bytes, 10 MB in all
MAX_NAME_BYTES = 256
MAX_VALUE_BYTES = 1024
MAX_DATA_BYTES = 9_700_000


def dead_letter(
    topic: str,
    message: PushMessage,
    *,
    error: ErrorInfo,
    pipeline: str,
    run_id: str | None = None,
    timeout_s: float,
) -> str:
    """Publish a message to a dead-letter topic with its reason, and return the id under which it stands there.

    Raises: PublishError."""
    attributes = letter_attributes(message, error=error, pipeline=pipeline, run_id=run_id)
    return publish(topic, message.data[:MAX_DATA_BYTES], attributes=attributes, timeout_s=timeout_s)


def letter_attributes(
    message: PushMessage, *, error: ErrorInfo, pipeline: str, run_id: str | None = None
) -> dict[str, str]:
    """Return the attributes of a dead letter: those of the message, and the reason over them.

    Of more attributes than Pub/Sub takes the first are kept, and none whose name it reserves for itself."""
    reason = {
        "pplns_pipeline": pipeline, "pplns_run_id": run_id, "pplns_error_code": error.code,
        "pplns_error_message": error.message, "pplns_error_hint": error.hint,
        "pplns_subscription": message.subscription, "pplns_message_id": message.message_id,
        "pplns_publish_time": message.publish_time.isoformat() if message.publish_time else None,
        "pplns_ordering_key": message.ordering_key,
        "pplns_delivery_attempt": None if message.delivery_attempt is None else str(message.delivery_attempt),
        "pplns_data_bytes": str(len(message.data)) if len(message.data) > MAX_DATA_BYTES else None,
    }  # fmt: skip
    ours = {name: _cut(value) for name, value in reason.items() if value}
    theirs = [name for name in message.attributes if name not in ours and _is_allowed(name)]
    kept = theirs[: MAX_ATTRIBUTES - len(ours)]
    return {**_values(message.attributes, kept), **ours}


def _values(attributes: Mapping[str, str], names: list[str]) -> dict[str, str]:
    return {name: _cut(attributes[name]) for name in names}


def _is_allowed(name: str) -> bool:
    return 0 < len(_encoded(name)) <= MAX_NAME_BYTES and not name.lower().startswith("goog")


def _cut(text: str) -> str:
    return _encoded(text)[:MAX_VALUE_BYTES].decode("utf-8", "ignore")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")  # a lone surrogate can't be sent
