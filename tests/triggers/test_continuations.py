"""Continuations: the messages by which runs go on."""

from typing import Any

import pytest

from deliveries import envelope, event_headers, unwrapped_headers
from pplns.triggers.continuation import Continuation
from pplns.triggers.events import MESSAGE_PUBLISHED
from pplns.triggers.messages import BadDelivery

ONE = Continuation("daily", "20130105t060000z-0123456789abcdef", 2)


def test_a_continuation_is_recognised(recognised: Any) -> None:
    """Run and attempt; it brings no parameters."""
    delivery = recognised(envelope(ONE.as_bytes(), attributes=ONE.attributes))

    assert (delivery.kind, delivery.continuation, delivery.params) == ("continuation", ONE, {})
    assert delivery.message.data == ONE.as_bytes()


def test_it_is_one_whichever_way_it_comes(recognised: Any) -> None:
    """Unwrapped, or through Eventarc."""
    unwrapped = recognised(ONE.as_bytes(), unwrapped_headers())
    through_eventarc = recognised(envelope(ONE.as_bytes()), event_headers(type=MESSAGE_PUBLISHED))

    assert (unwrapped.continuation, through_eventarc.continuation) == (ONE, ONE)


def test_only_a_message_can_be_one(recognised: Any) -> None:
    """A caller of the API can't pose as one."""
    with pytest.raises(BadDelivery, match="has the key 'pplns'"):
        recognised(ONE.as_bytes())


@pytest.mark.parametrize(
    "broken",
    [
        {"run_id": None},
        {"run_id": "../../etc"},
        {"run_id": 7},
        {"attempt": -1},
        {"attempt": True},
        {"attempt": "2"},
        {"attempt": None},
        {"pipeline": ["daily"]},
        {"pipeline": "a/b"},
    ],
    ids=str,
)
def test_a_garbled_one_is_refused(recognised: Any, broken: dict[str, Any]) -> None:
    """And kept for a dead letter."""
    fields = {"pplns": "continuation", "pipeline": "daily", "run_id": ONE.run_id, "attempt": 2, **broken}

    with pytest.raises(BadDelivery, match="is garbled") as refused:
        recognised(envelope(fields))

    assert refused.value.push is not None


def test_one_of_another_pipeline_is_refused(recognised: Any) -> None:
    """A subscription points at the wrong URL."""
    with pytest.raises(BadDelivery, match="'hourly' came to pipeline 'daily'") as refused:
        recognised(envelope(Continuation("hourly", "run-1", 0).as_bytes()))

    assert "/pipelines/hourly/runs" in refused.value.remedy
