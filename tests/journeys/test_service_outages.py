"""The container is killed where only the lease's end tells so; the store is gone for a while."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from deliveries import envelope
from fake_cloud_storage import bucket, cloud_storage
from faulty_topic import FaultyTopic
from service import Service, read_until_event, wait_for

__all__ = ["bucket", "cloud_storage"]
pytestmark = pytest.mark.skipif(os.name == "nt", reason="ends processes by POSIX signals")

RUNS = "/pipelines/holding/runs"
LINES = {"Accept": "application/x-ndjson"}


@pytest.mark.needs_fake_gcs_server
def test_killed_on_cloud_storage(start: Callable[..., Service], bucket: str, journal):
    """A redelivery meets 409 with Retry-After while the dead holder's lease lives; then the run goes on."""
    own = {"PPLNS_STORE": f"gs://{bucket}/state", "PPLNS_LEASE_SECONDS": "3"}
    body = envelope({"params": {"journal": str(journal)}})
    killed = start(**own)
    with killed.open("POST", RUNS, body=body, headers=LINES) as running:
        read_until_event(running, "step_committed", "tick")
        wait_for(lambda: "hold" in journal.done)
        killed.kill()

    service = start(**own)
    journal.open_gate()
    first = answer = service.post(RUNS, body)
    while answer.status == 409:
        answer = service.post(RUNS, body)

    assert (first.status, first.code, int(first.headers["retry-after"]) <= 3) == (409, "lease_held", True)
    assert (answer.status, answer.json["result"], answer.json["attempt"]) == (200, 3, 2)
    assert journal.notes == [(1, "0"), (1, "hold"), (2, "hold"), (2, "2")]


def test_the_store_is_away_for_a_while(start: Callable[..., Service], journal, kept, tmp_path: Path):
    """503 with Retry-After, before a run and in the middle of one; what was committed stays."""
    service = start(PPLNS_LEASE_SECONDS="1")
    body = envelope({"params": {"journal": str(journal)}})

    with service.open("POST", RUNS, body=body, headers=LINES) as running:
        read_until_event(running, "step_committed", "tick")
        wait_for(lambda: "hold" in journal.done)
        take_away(kept.path)
        journal.open_gate()
        last = running.read().splitlines()[-1]
    away = service.post(RUNS, body)
    bring_back(kept.path)
    wait_for(lambda: service.post(RUNS, body).status == 200)

    assert b'"code":"store_' in last
    assert (away.status, away.code, "retry-after" in away.headers) == (503, "store_unavailable", True)
    (run,) = kept.runs("holding")
    assert (run["state"], run["result"], journal.done.count("0")) == ("succeeded", 3, 1)


def test_a_topic_that_is_away_when_the_time_is_over(
    start: Callable[..., Service], faulty_topic: FaultyTopic, journal, kept
):
    """503, tried within the margin; a redelivery goes on with the run, and the topic that is back takes it further."""
    topic = "projects/acme-data/topics/own"
    service = start(PPLNS_TOPIC=topic, PPLNS_PUSH_SECONDS="0.8", PPLNS_MARGIN_SECONDS="0.4")
    body = envelope({"params": {"journal": str(journal), "steps": 10, "seconds": 0.1}})
    faulty_topic.answers = [403] * 1000

    away = service.post("/pipelines/ticking/runs", body)
    faulty_topic.answers = []
    back = service.post("/pipelines/ticking/runs", body)

    assert (away.status, away.code, "retry-after" in away.headers) == (503, "publish_failed", True)
    assert (back.status, back.json["state"], back.json["attempt"]) == (202, "continuing", 2)
    assert journal.done == [str(number) for number in range(len(journal.done))]


def take_away(store: Path) -> None:
    """Leave a file in the store's place: nothing can be read or written there."""
    store.rename(store.with_name("away"))
    store.touch()


def bring_back(store: Path) -> None:
    store.unlink()
    store.with_name("away").rename(store)
