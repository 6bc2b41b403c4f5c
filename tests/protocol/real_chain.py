"""Two runs of three steps on the real code of `pplns.state` and of handing over, by requests that are paced.

A request takes a lease and a slot, runs as many steps as fit, publishes the continuation and records the end; or hands
a busy run over. Its caller comes again until the answer says that it needn't, as Pub/Sub does."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from pplns.engine.bounds import Bounds
from pplns.engine.clock import SystemClock
from pplns.engine.handover import continue_by_message, hand_over_busy
from pplns.engine.recording import record_continuing
from pplns.engine.work import Continuation, Outcome
from pplns.errors import LeaseHeld, LeaseLost, PublishError, TooManyRuns
from pplns.model.run import Trigger
from pplns.state.cancel import cancel_run
from pplns.state.checkpoints import create_commit, read_checkpoints
from pplns.state.ends import End, read_end
from pplns.state.holders import Holder
from pplns.state.lease import CONTINUING_SECONDS, Claim, Lease, acquire_lease
from pplns.state.runs import RunHead, create_or_join
from pplns.state.slots import RunSlot
from pplns.stores import MemoryStore, Store
from protocol.real_run import LEASE_SECONDS, NOW, commit_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pplns.state.ends import EndState


STEPS = "abc"
RUN_IDS = ("r", "q")
PIPELINE = "p"
IN_THE_PAST = float("-inf")
Role = Literal["push", "scheduled", "message", "person"]


def head_of(run_id: str) -> RunHead:
    """Return the head of a run."""
    return RunHead(
        run_id=run_id, pipeline=PIPELINE, trigger=Trigger("manual", run_id), params={}, params_digest="",
        logical_date=NOW, created_at=NOW,
    )  # fmt: skip


@dataclass(eq=False, slots=True)
class Request:
    """What came: a message, by its number in the topic, or its run's own push.

    `fits` steps may begin, then comes the boundary; `publishes`: whether that succeeds then. `lease`: while it holds
    one, isn't renewing it, and doesn't end."""

    run_id: str
    role: Role
    fits: int = len(STEPS)
    publishes: bool = True
    renews: bool = False
    message: int | None = None
    lease: Lease | None = None


@dataclass(slots=True)
class Chains:
    """The runs on a store with one slot, the topic, and what is known of what happened.

    `asked`: runs that were pushed. `unanswered`: the pushes (by run id) and messages (by number) that come again.
    `old`: attempts whose lease was found so old that their continuation isn't waited for. `goes_on_with_any`,
    `loses_messages`: how it may be broken."""

    store: MemoryStore
    goes_on_with_any: bool = False
    loses_messages: bool = False
    seconds: float = 0.0
    messages: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    asked: set[str] = field(default_factory=set[str])
    unanswered: set[str | int] = field(default_factory=set[str | int])
    old: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])
    reopened: set[str] = field(default_factory=set[str])
    forks: list[str] = field(default_factory=list[str])
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def work(self, request: Request) -> Callable[[Store], None]:
        """Return what a process does with a request."""

        def work(store: Store) -> None:
            create_or_join(store, head_of(request.run_id))
            try:
                end = self._begin(request, store)
            except LeaseLost:
                end = None
            except (LeaseHeld, TooManyRuns):
                end = None
                if request.role == "scheduled":
                    self._hand_over_busy(request, store)
            finally:
                request.lease = None
            if end is not None and (end.final or end.state == "continuing"):
                self._answer(request)

        if request.role in ("push", "scheduled"):
            self.asked.add(request.run_id)
            self.unanswered.add(request.run_id)
        return work

    def cancel(self, run_id: str) -> Callable[[Store], None]:
        """Return what a process does that cancels a run."""

        def work(store: Store) -> None:
            create_or_join(store, head_of(run_id))
            cancel_run(store, PIPELINE, run_id, lease_seconds=LEASE_SECONDS)

        return work

    def end_of(self, run_id: str, attempt: int) -> End | None:
        """Return an end as it stands in the store."""
        return read_end(self.store, head_of(run_id).prefix, attempt)

    def note_age(self) -> None:
        """Note the attempts whose continuation would be given up now."""
        for run_id in RUN_IDS:
            found = self.store.read_register(f"{head_of(run_id).prefix}/lease.json")
            if found is not None and found.age_s >= CONTINUING_SECONDS:
                self.old.add((run_id, json.loads(found.data)["attempt"]))

    def _answer(self, request: Request) -> None:
        if request.role in ("push", "scheduled"):
            self.unanswered.discard(request.run_id)
        elif request.message is not None:
            self.unanswered.discard(request.message)

    def _begin(self, request: Request, store: Store) -> End | None:
        head, claim = head_of(request.run_id), Claim(Holder(f"holder {next(self.numbers)}"), LEASE_SECONDS)
        slot = RunSlot(store, PIPELINE, limit=1, run_id=request.run_id, claim=claim, wait=self._wait)
        named = None if request.message is None else self.messages[request.message][1]
        lease = acquire_lease(
            store, head.prefix, claim, reopen=request.role == "person", slot=slot,
            continues="any" if self.goes_on_with_any else named,
        )  # fmt: skip
        if isinstance(lease, End):
            return lease
        self._note(request, lease.attempt - 1, named)
        request.lease = lease
        return _Attempt(self, request, store, lease).work()

    def _wait(self, seconds: float) -> None:
        self.seconds += seconds

    def _note(self, request: Request, before: int, named: int | None) -> None:
        """Note whether an attempt was begun beside the chain, and whether a person reopened the run."""
        end = self.end_of(request.run_id, before) if before else None
        if request.role == "person":
            self.reopened.add(request.run_id)
        elif end is not None and end.state == "continuing" and named != before and not self._is_old(request, before):
            self.forks.append(f"{request} went on after {before}")

    def _is_old(self, request: Request, attempt: int) -> bool:
        return (request.run_id, attempt) in self.old

    def bounds_of(self, request: Request, store: Store) -> Bounds:
        """Return what bounds a request: it may die before the message is there, and before that is confirmed."""

        def hand_over(head: RunHead, attempt: int) -> str:
            store.read("before publishing")
            if not request.publishes:
                raise PublishError("The topic is away.", "It takes messages.", "Wait.")
            if not self.loses_messages:
                self.unanswered.add(len(self.messages))
                self.messages.append((head.run_id, attempt))
            store.read("before the confirmation")
            return f"{head.run_id} {attempt}"

        return Bounds(hand_over=hand_over, hands_over_when_busy=request.role == "scheduled")

    def _hand_over_busy(self, request: Request, store: Store) -> None:
        bounds = self.bounds_of(request, store)
        try:
            hand_over_busy(store, head_of(request.run_id), bounds=bounds, clock=SystemClock(), until=IN_THE_PAST)
            self._answer(request)
        except PublishError:
            return


class _Attempt:
    """What a holder does, in the words of the engine."""

    def __init__(self, chains: Chains, request: Request, store: Store, lease: Lease) -> None:
        self._chains = chains
        self._request = request
        self._store = store
        self._lease = lease
        self._has_committed = False

    def work(self) -> End:
        if self._lease.is_cancel_requested():
            return self._end("cancelled")
        prefix = head_of(self._request.run_id).prefix
        commits = read_checkpoints(self._store, prefix).commits
        value: list[int] = []
        left = self._request.fits
        for step in STEPS:
            standing = commits.get((step, "v"))
            if standing is None and not left:
                return self._stop()
            if standing is None:
                left -= 1
                standing = self._run(step, value)
            value = standing.values[0].inline
        if self._request.renews:
            self._require(self._lease.renew)
        return self._end("succeeded", value)

    def _run(self, step: str, value: list[int]) -> Any:
        self._require(self._lease.require)
        number = next(self._chains.numbers)
        commit = commit_of(step, "v", [*value, number], attempt=self._lease.attempt, writer=f"{number}")
        self._require(self._lease.require)
        standing = create_commit(self._store, head_of(self._request.run_id).prefix, commit)
        self._has_committed = True
        return standing

    def _require(self, act: Callable[[], None]) -> None:
        self._request.lease = None  # whoever renews isn't sure of it
        act()
        self._request.lease = self._lease

    def _stop(self) -> End:
        outcome = Outcome(
            succeeded=False, is_partial=True, steps=(), commits={}, boundary="budget", has_committed=self._has_committed
        )
        following = continue_by_message(
            head_of(self._request.run_id), self._lease.attempt, outcome, clock=SystemClock(), until=IN_THE_PAST,
            bounds=self._chains.bounds_of(self._request, self._store),
        )  # fmt: skip
        if isinstance(following, Continuation):
            self._request.lease = None
            return record_continuing(self._lease, SystemClock(), outcome, following)
        return self._end("failed", final=False)

    def _end(self, state: EndState, result: Any = None, *, final: bool = True) -> End:
        self._request.lease = None
        return self._lease.end(lambda n: End(n, state, final=final, finished_at=NOW.isoformat(), result=result))
