"""Runs that are longer than a request, delivered by Google's Pub/Sub emulator: each step once, whatever dies."""

import functools
import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from gateway import Gateway, Moment
from pplns.triggers.topics import publish
from service import Service, wait_for

pytestmark = [
    pytest.mark.needs_pubsub_emulator,
    pytest.mark.skipif(os.name == "nt", reason="ends processes by POSIX signals"),
    pytest.mark.filterwarnings("ignore:You are using a Python version:FutureWarning"),  # google.api_core, on its import
]

DEADLINE = {"ackDeadlineSeconds": 1}
STEPS = 40  # of a run that is killed: its record, the answer to each push, stays small
MOMENTS: tuple[Moment, ...] = ("published", "confirmed", "answered")


def send(gateway: Gateway, pipeline: str, **params: object) -> None:
    """Publish a message that is to become a run."""
    topic = gateway.emulator.topic()
    gateway.subscribe(topic, pipeline, **DEADLINE)
    publish(topic, json.dumps({"params": params}).encode(), timeout_s=20)


@pytest.mark.parametrize("server", ["framework", "container"])
def test_a_run_of_forty_steps_with_a_tenth_of_the_time(
    gateway: Gateway, start: Callable[..., Service], journal, kept, server: str
):
    """It goes on from message to message, and each step runs once."""
    own = gateway.topics_of("ticking")
    gateway.service = start(server=server, PPLNS_PUSH_SECONDS="0.8", PPLNS_MARGIN_SECONDS="0.4", **own)

    send(gateway, "ticking", journal=str(journal), seconds=0.1)
    wait_for(lambda: kept.has_ended("ticking"))

    (run,) = kept.runs("ticking")
    assert (run["state"], run["result"], run["attempt"] >= 10) == ("succeeded", 40, True)
    assert journal.done == [str(number) for number in range(40)]
    assert len(kept.commits("ticking", run["run_id"])) == 40


def test_a_step_that_takes_three_budgets(gateway: Gateway, start: Callable[..., Service], journal, kept):
    """Redeliveries meet 409 until it ends, and then its result; it runs once."""
    own = gateway.topics_of("holding")
    gateway.service = start(PPLNS_PUSH_SECONDS="0.6", PPLNS_MARGIN_SECONDS="0.3", PPLNS_LEASE_SECONDS="1", **own)
    budget_s = 0.3

    send(gateway, "holding", journal=str(journal))
    wait_for(lambda: "hold" in journal.done)
    held = time.monotonic()
    wait_for(lambda: 409 in gateway.statuses and time.monotonic() - held > 3 * budget_s)
    journal.open_gate()
    wait_for(lambda: kept.has_ended("holding"))

    (run,) = kept.runs("holding")
    assert (run["state"], run["result"]) == ("succeeded", 3)
    assert sorted(journal.done) == ["0", "2", "hold"]


def test_a_delivery_slower_than_its_deadline_and_its_duplicate(
    gateway: Gateway, start: Callable[..., Service], journal, kept
):
    """Pub/Sub gives up on the first one and sends a second; both end with the one result."""
    gateway.service = start(PUBSUB_EMULATOR_HOST=gateway.host)

    send(gateway, "holding", journal=str(journal))
    wait_for(lambda: 409 in gateway.statuses)
    journal.open_gate()
    wait_for(lambda: gateway.statuses.count(200) >= 2)

    results = [push.record["result"] for push in gateway.pushes if push.status == 200]
    assert set(results) == {3}
    assert len(kept.runs("holding")) == 1
    assert sorted(journal.done) == ["0", "2", "hold"]


class Reaper:
    """Kills the service in moments of a chain of continuations: those that the gateway tells, or any other one.

    Whatever the service had done by then stays done; the answer that was on its way is lost."""

    def __init__(self, gateway: Gateway, rng: random.Random, *, kills: int, start: Callable[[], Service]) -> None:
        self.left = kills
        self._gateway = gateway
        self._rng = rng
        self._start = start
        self._guard = threading.Lock()
        self.revive()

    def meet(self, moment: Moment) -> bool:
        """Kill, if this is the moment; the caller of a killed service gets no answer."""
        with self._guard:
            if moment == self._moment:
                self._kill(self._rng.uniform(0.0, 0.01) if moment == "confirmed" else 0.0)
            return self._gateway.service is None

    def attend(self) -> None:
        """Kill at a random instant, if that was drawn; start another service in place of a killed one."""
        if self._moment is None and self.left:
            time.sleep(self._rng.uniform(0.0, 0.2))
            with self._guard:
                self._kill(0.0)
        if self._gateway.service is None:
            self.revive()

    def sees_the_end(self, kept: Any, count: int) -> bool:
        """Attend, and tell whether so many runs have ended."""
        self.attend()
        return bool(kept.has_ended("ticking", count))

    def revive(self) -> None:
        """Start a service, which the gateway passes the next pushes to, and draw the moment of its death."""
        service = self._start()
        with self._guard:
            self._moment = self._rng.choice((*MOMENTS, None)) if self.left else None
            self._gateway.service = service

    def _kill(self, delay_s: float) -> None:
        time.sleep(delay_s)
        service, self._gateway.service = self._gateway.service, None
        if service is not None:
            service.kill()
            self.left -= 1


def test_a_chain_of_continuations_never_forks(
    gateway: Gateway, start: Callable[..., Service], journal, kept, rng: random.Random, sample: Callable[..., int]
):
    """Killed between publishing, recording and answering, and anywhere else: one chain, one result, each step once.

    One run follows another until all kills are spent. Continuations that come again after the end change nothing."""
    own = gateway.topics_of("ticking")
    begin = functools.partial(start, PPLNS_PUSH_SECONDS="0.1", PPLNS_MARGIN_SECONDS="0.05", **own)
    reaper = Reaper(gateway, rng, kills=sample(full=100, ci=3), start=begin)
    gateway.meet, chains = reaper.meet, 0

    while reaper.left:
        chains, left = chains + 1, reaper.left
        own_journal = journal.numbered(chains)
        send(gateway, "ticking", journal=str(own_journal), steps=STEPS, seconds=0.01)
        wait_for(functools.partial(reaper.sees_the_end, kept, chains), seconds=120 + 20 * left)
        check_that_it_is_one_chain(own_journal.notes, kills=left - reaper.left)

    runs = kept.runs("ticking")
    assert {(run["state"], run["result"]) for run in runs} == {("succeeded", STEPS)}
    assert [len(kept.commits("ticking", run["run_id"])) for run in runs] == [STEPS] * chains
    again = [gateway.push("/pipelines/ticking/runs", push.body) for push in list(gateway.pushes)]
    assert {(push.status, push.record["result"]) for push in again} == {(200, STEPS)}


def check_that_it_is_one_chain(notes: list[tuple[int, str]], *, kills: int) -> None:
    """No attempt works after a later one has begun; a kill repeats the step under way and the one being committed."""
    assert {what for _, what in notes} == {str(number) for number in range(STEPS)}
    attempts = [attempt for attempt, _ in notes]
    assert attempts == sorted(attempts)
    steps = [int(what) for _, what in notes]
    assert sum(count - 1 for count in Counter(steps).values()) <= 2 * kills
