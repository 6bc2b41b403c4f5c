"""What a push carries, and the error of a request that can never become a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pplns.errors import PplnsError


@dataclass(frozen=True, slots=True)
class PushMessage:
    """A message that somebody delivers again until it is acknowledged: of Pub/Sub, or an event as one.

    It is whole enough to be published to a dead-letter topic. `subscription` and `message_id` are None where the
    request didn't name them; `publish_time` is aware UTC."""

    data: bytes = b""
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])
    subscription: str | None = None
    message_id: str | None = None
    publish_time: datetime | None = None
    ordering_key: str | None = None
    delivery_attempt: int | None = None


class BadDelivery(PplnsError):
    """A request can never become a run; nothing is recorded. `push` is the message, where it was a push."""

    code = "bad_request"

    def __init__(self, met: str, expected: str = "", remedy: str = "", *, push: PushMessage | None = None) -> None:
        super().__init__(met, expected, remedy)
        self.push = push
