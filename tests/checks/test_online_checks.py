"""The checks that ask Google Cloud, against Google's own emulator of Pub/Sub."""

from pathlib import Path

import pytest

from checks_project import Checkable
from pplns_deploy.checks import Finding
from pplns_deploy.checks.online import check_backlogs, check_existing_topics
from pubsub_emulator import Emulator, emulator, emulator_host

__all__ = ["emulator", "emulator_host"]
pytestmark = [
    pytest.mark.needs_pubsub_emulator,
    pytest.mark.filterwarnings("ignore:You are using a Python version:FutureWarning"),  # google.api_core, on its import
]
SUBSCRIPTION = "projects/acme-data/subscriptions/pplns-sales-prod_pubsub"


@pytest.fixture
def checkable(tmp_path: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Checkable:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulator.host)
    return Checkable(tmp_path)


def subscribed(emulator: Emulator, topic: str, **options: str) -> None:
    """Put the subscription there that an earlier deployment made."""
    emulator.call("PUT", f"projects/acme-data/topics/{topic}", {})
    emulator.call("PUT", SUBSCRIPTION, {"topic": f"projects/acme-data/topics/{topic}", **options})


def backlogs(checkable: Checkable, options: str) -> list[Finding]:
    """Check a pipeline with such a trigger."""
    checkable.write(options=f"triggers=[{options}]")
    return list(check_backlogs(checkable.deployment()))


def test_a_changed_filter_and_a_changed_topic_are_found(checkable: Checkable, emulator: Emulator):
    """Both would replace the subscription; what stays the same is no finding, nor what isn't deployed yet."""
    assert backlogs(checkable, 'PubSub("orders")') == []
    subscribed(emulator, "orders-prod", filter="attributes:kind")
    try:
        assert backlogs(checkable, 'PubSub("orders", filter="attributes:kind")') == []

        [changed_filter] = backlogs(checkable, 'PubSub("orders")')
        [changed_topic] = backlogs(checkable, 'PubSub("returns", filter="attributes:kind")')
    finally:
        emulator.call("DELETE", SUBSCRIPTION, {})
        emulator.call("DELETE", "projects/acme-data/topics/orders-prod", {})

    assert "is 'attributes:kind' and would be ''" in changed_filter.message
    assert "would be 'projects/acme-data/topics/returns-prod'" in changed_topic.message
    assert {changed_filter.severity, changed_topic.severity} == {"warning"}


def test_a_topic_that_is_named_whole_has_to_be_there(checkable: Checkable, emulator: Emulator):
    """One that pplns makes needn't be."""
    topic = emulator.topic()
    triggers = [
        f"PubSub({topic!r})",
        'PubSub("orders", name="made")',
        'PubSub("projects/acme-data/topics/gone", name="gone")',
    ]
    checkable.write(options=f"triggers=[{', '.join(triggers)}]")

    [found] = check_existing_topics(checkable.deployment())

    assert (found.severity, found.pipeline) == ("error", "sales")
    assert "'projects/acme-data/topics/gone' isn't there" in found.message


def test_who_cant_ask_is_told(checkable: Checkable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Without credentials there is a warning, and the other checks stand."""
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "absent.json"))
    checkable.write(options='triggers=[PubSub("projects/acme-data/topics/orders")]')

    [found] = check_existing_topics(checkable.deployment())

    assert (found.severity, found.message[:32]) == ("warning", "Google Cloud couldn't be asked a")
    assert "gcloud auth" in found.remedy
