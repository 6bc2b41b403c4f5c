"""docs/triggers.md: its examples are recognised as it says."""

import json
from pathlib import Path
from typing import Any

import pytest

from deliveries import scheduler_headers
from pplns.model.run import ErrorInfo
from pplns.triggers.dead_letters import letter_attributes
from pplns.triggers.messages import PushMessage

TEXT = (Path(__file__).parents[2] / "docs" / "triggers.md").read_text("utf-8")
EXAMPLES = [json.loads(part.split("```")[0]) for part in TEXT.split("```json\n")[1:]]
HEADERS: list[dict[str, str]] = [{}, scheduler_headers(), {}, {"content-type": "application/cloudevents+json"}]


@pytest.mark.parametrize(
    ("number", "kind", "key"),
    [
        (0, "api", None),
        (1, "schedule", "daily-us 2013-01-05T06:00:00+00:00"),
        (2, "pubsub", "projects/acme-data/subscriptions/orders-landed 19917247034"),
        (3, "cloudevent", "//orders.example.com 8213"),
    ],
)
def test_each_example_is_what_the_page_says(recognised: Any, number: int, kind: str, key: str | None) -> None:
    """In the order of the page; each brings parameters."""
    delivery = recognised(EXAMPLES[number], HEADERS[number])

    assert (delivery.kind, delivery.origin.trigger.kind) == (kind, kind)
    assert key is None or delivery.origin.trigger.key == key
    assert {"day", "region"} & set(delivery.params)


def test_the_page_shows_every_example() -> None:
    """One of each kind."""
    assert len(EXAMPLES) == len(HEADERS)


def test_each_attribute_of_a_dead_letter_is_named() -> None:
    """So that who reads them knows what they are."""
    message = PushMessage(b"x" * 9_700_001, {}, "s", "1", None, "k", 2)

    attributes = letter_attributes(message, error=ErrorInfo("c", "m", "h"), pipeline="p", run_id="r")

    assert all(f"`{name}`" in TEXT for name in attributes)
