"""What deliveries by Google's Pub/Sub emulator may meet: poison, no slot, no token, the same run by another trigger."""

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from deliveries import envelope, event_headers, scheduler_headers
from faulty_topic import FaultyTopic
from gateway import Gateway, Passed
from pplns.triggers.topics import publish
from service import Service, wait_for
from token_issuer import AUDIENCE, CALLER, Issuer, SigningKey

pytestmark = [
    pytest.mark.needs_pubsub_emulator,
    pytest.mark.skipif(os.name == "nt", reason="ends processes by POSIX signals"),
    pytest.mark.filterwarnings("ignore:You are using a Python version:FutureWarning"),  # google.api_core, on its import
]

LEAST_BACKOFF_S = 3.5  # of 4 s that are asked for; without a policy the emulator waits for one


def letters(gateway: Gateway, topic: str) -> Callable[[], list[dict[str, str]]]:
    """Return what takes the attributes of the dead letters in a topic, with their data."""
    subscription = gateway.emulator.subscribe(topic)
    found: list[dict[str, str]] = []

    def take() -> list[dict[str, str]]:
        found.extend({**one.attributes, "data": one.data.decode()} for one in gateway.emulator.pull(subscription))
        return found

    return take


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"params": {"how": "poison", "journal": "{journal}"}}, "terminal"),
        ({"params": {"how": 7, "journal": [1]}}, "bad_parameter"),
        ({"params": {"how": "fine", "journal": "{journal}", "hwo": 1}}, "bad_parameter"),
    ],
)
def test_a_poison_message_ends_in_the_dead_letters(
    gateway: Gateway, start: Callable[..., Service], journal, data: object, code: str
):
    """Once, as it came, with its reason; it isn't delivered again."""
    own = gateway.topics_of("deciding")
    gateway.service = start(**own)
    taken = letters(gateway, own["PPLNS_DEAD_LETTER_TOPIC"])
    topic = gateway.emulator.topic()
    gateway.subscribe(topic, "deciding")
    sent = json.dumps(data).replace("{journal}", str(journal))

    publish(topic, sent.encode(), timeout_s=20)
    wait_for(lambda: len(taken()) > 0 and len(gateway.statuses) > 0)  # the letter is there before the answer

    (letter,) = taken()
    assert (letter["pplns_error_code"], letter["pplns_pipeline"], letter["data"]) == (code, "deciding", sent)
    assert (gateway.statuses, len(journal.done)) == ([200], 1 if code == "terminal" else 0)


def test_a_message_that_fails_again_and_again_ends_in_the_emulator_s_dead_letters(
    gateway: Gateway, start: Callable[..., Service], journal, kept
):
    """What a later attempt may mend is never acknowledged: Pub/Sub backs off, and buries it after its last delivery."""
    dead = gateway.emulator.topic()
    taken = letters(gateway, dead)
    gateway.service = start(PUBSUB_EMULATOR_HOST=gateway.host)
    topic = gateway.emulator.topic()
    policy = {"deadLetterTopic": dead, "maxDeliveryAttempts": 5}
    gateway.subscribe(topic, "deciding", deadLetterPolicy=policy)

    publish(topic, json.dumps({"params": {"how": "closed", "journal": str(journal)}}).encode(), timeout_s=20)
    wait_for(lambda: len(taken()) > 0)

    (run,) = kept.runs("deciding")
    assert gateway.statuses == [500] * 5
    assert (run["state"], run["final"], run["attempt"]) == ("failed", False, 5)
    assert run["error"]["code"] == "retryable"


def test_the_emulator_backs_off_from_a_run_that_fails(gateway: Gateway, start: Callable[..., Service], journal):
    """A message that was refused twice comes again when the policy says, and goes on with its run.

    Several messages, since with a policy the emulator forgets some of those that were refused (docs/proofs.md)."""
    gateway.service = start(PUBSUB_EMULATOR_HOST=gateway.host)
    topic = gateway.emulator.topic()
    gateway.subscribe(topic, "deciding", retryPolicy={"minimumBackoff": "4s", "maximumBackoff": "10s"})
    for _ in range(6):
        publish(topic, json.dumps({"params": {"how": "closed", "journal": str(journal)}}).encode(), timeout_s=20)

    def third() -> list[tuple[Passed, Passed]]:
        came: dict[str, list[Passed]] = {}
        for push in list(gateway.pushes):
            came.setdefault(push.message_id, []).append(push)
        return [(pushes[1], pushes[2]) for pushes in came.values() if len(pushes) > 2]

    wait_for(lambda: len(third()) > 0)

    before, again = third()[0]
    assert again.came - before.came >= LEAST_BACKOFF_S
    assert (before.record["attempt"], again.record["attempt"]) == (2, 3)


def test_one_slot_over_two_processes(gateway: Gateway, start: Callable[..., Service], journal, kept):
    """A message to one process meets 429 while the other works; when that is done it is delivered, and runs."""
    first, gateway.service = start(), start(PUBSUB_EMULATOR_HOST=gateway.host)
    topic = gateway.emulator.topic()
    gateway.subscribe(topic, "alone")
    sent = {"params": {"journal": str(journal)}}

    with first.open("POST", "/pipelines/alone/runs", body=sent, headers={"Accept": "application/x-ndjson"}) as running:
        wait_for(lambda: journal.done == ["hold"])
        publish(topic, json.dumps(sent).encode(), timeout_s=20)
        wait_for(lambda: 429 in gateway.statuses)
        journal.open_gate()
        running.read()
    wait_for(lambda: kept.has_ended("alone", 2))

    assert {run["state"] for run in kept.runs("alone")} == {"succeeded"}
    assert journal.done == ["hold", "hold"]


def test_a_forced_schedule_leaves_the_scheduled_run_to_its_time(start: Callable[..., Service], journal, kept):
    """The same job and the same time in the header, once before it and once when it has come: two runs."""
    service = start(JOURNAL=str(journal))
    scheduled_at = (datetime.now(UTC) + timedelta(seconds=12)).replace(microsecond=0)
    headers = scheduler_headers(scheduled_at.isoformat())

    forced = service.post("/pipelines/daily/runs", b"", headers)
    wait_for(lambda: datetime.now(UTC) >= scheduled_at)
    scheduled = [service.post("/pipelines/daily/runs", b"", headers) for _ in range(2)]

    assert {answer.status for answer in (forced, *scheduled)} == {200}
    assert scheduled[0].json["run_id"] == scheduled[1].json["run_id"] != forced.json["run_id"]
    assert scheduled[0].json["logical_date"].startswith(scheduled_at.strftime("%Y-%m-%dT%H:%M:%S"))
    assert len(kept.runs("daily")) == len(journal.done) == 2


REQUESTS = {
    "a schedule": ({}, scheduler_headers()),
    "a push": (envelope({"journal": "x"}), {}),
    "an event": ({}, event_headers()),
    "a call": ({"params": {"journal": "x"}}, {"Idempotency-Key": "k"}),
    "a continuation": (envelope({"pplns": "continuation", "pipeline": "daily", "run_id": "r", "attempt": 1}), {}),
}


def stranger_s_token() -> str:
    """Return a token that is right in all but its signature, by a key of the same name."""
    now = int(time.time())
    return SigningKey("test-key").sign({
        "iss": "https://accounts.google.com", "aud": AUDIENCE, "email": CALLER, "email_verified": True, "iat": now,
        "exp": now + 3600,
    })  # fmt: skip


FORGERIES: dict[str, tuple[int, Callable[[Issuer], str]]] = {
    "no token": (401, lambda issuer: ""),
    "no bearer": (401, lambda issuer: "Basic c2NoZWR1bGVyOng="),
    "no signature": (401, lambda issuer: f"Bearer {issuer.token().rpartition('.')[0]}."),
    "another audience": (401, lambda issuer: f"Bearer {issuer.token(aud='https://other.example')}"),
    "another issuer": (401, lambda issuer: f"Bearer {issuer.token(iss='https://evil.example')}"),
    "expired": (401, lambda issuer: f"Bearer {issuer.token(at_s=-7200)}"),
    "not yet": (401, lambda issuer: f"Bearer {issuer.token(at_s=7200)}"),
    "another key": (401, lambda issuer: f"Bearer {stranger_s_token()}"),
    "no e-mail": (401, lambda issuer: f"Bearer {issuer.token(email=None)}"),
    "not on the list": (403, lambda issuer: f"Bearer {issuer.token(email='eve@acme-data.iam.gserviceaccount.com')}"),
}


def test_forged_requests_record_nothing(
    start: Callable[..., Service], issuer: Issuer, journal, kept, faulty_topic: FaultyTopic
):
    """Whatever headers it brings: 401 or 403, the store stays empty, and nothing is published."""
    topics = {
        "PPLNS_TOPIC": "projects/acme-data/topics/own",
        "PPLNS_DEAD_LETTER_TOPIC": "projects/acme-data/topics/dead",
    }
    service = start(
        JOURNAL=str(journal), PPLNS_AUDIENCE=AUDIENCE, PPLNS_ALLOWED_CALLERS=CALLER,
        PPLNS_CERTIFICATES_URL=issuer.url, **topics,
    )  # fmt: skip

    found = {
        (forgery, request): service.post(
            "/pipelines/daily/runs", body, {**headers, "Authorization": forged(issuer), "Prefer": "respond-async"}
        ).status
        for forgery, (_, forged) in FORGERIES.items()
        for request, (body, headers) in REQUESTS.items()
    }

    assert found == {(forgery, request): FORGERIES[forgery][0] for forgery in FORGERIES for request in REQUESTS}
    assert (kept.objects, journal.done, faulty_topic.published) == ([], [], [])
    right = {"Authorization": f"Bearer {issuer.token()}", **scheduler_headers()}
    assert service.post("/pipelines/daily/runs", b"", right).status == 200
    assert kept.objects != []
