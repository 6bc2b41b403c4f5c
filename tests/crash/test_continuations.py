"""A service that dies anywhere while it hands a run over to the next request: no step is lost, and no chain forks.

The process dies at each operation on the store in turn, before it takes effect and after, and at publishing: the
message not sent, sent and not confirmed, confirmed and not recorded, recorded and not answered. Then everything that
a topic may deliver is delivered, copies first, until it is acknowledged."""

import contextlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from crash.test_every_operation import DyingStore, Killed
from kit import settings_of
from pplns import pipeline, step
from pplns.engine.bounds import Bounds
from pplns.engine.runner import Origin, continue_run, run_pipeline
from pplns.errors import LeaseHeld
from pplns.model.run import RunRecord, Trigger
from pplns.settings import Settings
from pplns.state.runs import RunHead
from pplns.stores import MemoryStore, Store
from topics import Topic

PUSH = Origin(Trigger("pubsub", "sub/1"), by_person=False)
journal: Counter[str] = Counter()


@step
def count(x: int) -> int:
    journal[f"count {x}"] += 1
    return x + 1


@pipeline
def counting() -> Any:
    number: Any = 0
    for _ in range(4):
        number = count(number)
    return number


class Requests:
    """Requests to the service; each attempt has a budget for one step."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.topic = Topic()

    def push(self, store: Store, bounds: Bounds | None = None) -> RunRecord:
        return run_pipeline(
            counting, store=store, settings=self.settings, origin=PUSH, run_id="r",
            bounds=bounds or self.topic.bounds(0.0),
        )  # fmt: skip

    def deliver(self, store: Store, attempt: int) -> RunRecord:
        return continue_run(
            counting, "r", attempt=attempt, store=store, settings=self.settings, bounds=self.topic.bounds(0.0)
        )


@pytest.fixture
def requests() -> Requests:
    journal.clear()
    return Requests(settings_of(Path(__file__).parents[2]))


def finish(requests: Requests, shared: MemoryStore, *, copies: int) -> RunRecord:
    """Deliver the push again, and every message several times, as long as there are new ones."""
    record = requests.push(shared)
    delivered = 0
    while delivered < len(requests.topic.messages):
        _, attempt = requests.topic.messages[delivered]
        delivered += 1
        for _ in range(copies):
            record = requests.deliver(shared, attempt)
    return requests.push(shared) if record.state != "succeeded" else record


def check(record: RunRecord, requests: Requests, shared: MemoryStore, where: object) -> None:
    assert (record.state, record.result) == ("succeeded", 4), where
    assert sum(journal.values()) <= 4 + 2, f"{where}: more than what was running ran again: {journal}"
    ends = len(shared.children("counting/runs/r/attempts/"))
    assert ends == record.attempt <= 4 + 2, f"{where}: {ends} attempts"
    assert len(requests.topic.messages) <= record.attempt, f"{where}: two chains: {requests.topic.messages}"


def test_killed_at_each_operation_of_the_chain(requests: Requests) -> None:
    """In the push and in its first continuation: for each operation there is, before it takes effect and after."""
    for request in ("push", "continuation"):
        whole = _die(requests, request, dies_at=10**9, after=False)[1].operations
        assert whole >= 3
        for dies_at in range(1, whole + 1):
            for after in (False, True):
                shared, _ = _die(requests, request, dies_at=dies_at, after=after)
                check(finish(requests, shared, copies=2), requests, shared, (request, dies_at, after))


def _die(requests: Requests, request: str, *, dies_at: int, after: bool) -> tuple[MemoryStore, DyingStore]:
    journal.clear()
    requests.topic.messages.clear()
    shared = MemoryStore()
    if request == "continuation":
        requests.push(shared)
    dying = DyingStore(shared, dies_at=dies_at, after=after)
    with contextlib.suppress(Killed):
        requests.push(dying) if request == "push" else requests.deliver(dying, 1)
    return shared, dying


@pytest.mark.parametrize("is_sent", [False, True])
def test_killed_while_publishing(requests: Requests, is_sent: bool) -> None:
    """The message is there or not, its confirmation never arrives, and nothing is recorded."""
    shared = MemoryStore()

    def hand_over(head: RunHead, attempt: int) -> str:
        if is_sent:
            requests.topic.hand_over(head, attempt)
        raise Killed

    with contextlib.suppress(Killed):
        requests.push(shared, Bounds(budget_s=0.0, hand_over=hand_over))

    check(finish(requests, shared, copies=3), requests, shared, is_sent)


def test_a_message_that_comes_before_its_end_is_recorded(requests: Requests) -> None:
    """The topic is faster than the record: the message is refused while the holder lives, and comes again."""
    shared, refused = MemoryStore(), list[int]()

    def hand_over(head: RunHead, attempt: int) -> str:
        with pytest.raises(LeaseHeld):
            requests.deliver(shared, attempt)
        refused.append(attempt)
        return requests.topic.hand_over(head, attempt)

    first = requests.push(shared, Bounds(budget_s=0.0, hand_over=hand_over))

    assert (first.state, refused) == ("continuing", [1])
    check(finish(requests, shared, copies=2), requests, shared, "early")
