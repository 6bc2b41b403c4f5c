"""One run of two steps on the real code of `pplns.state`, worked on by paced processes: `a`, and the sink `b` after it.

Each try returns another value, so that it shows when a value doesn't come from the commits."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pplns.errors import LeaseHeld, LeaseLost
from pplns.model.artifact import Commit, StoredValue
from pplns.model.run import Trigger
from pplns.state.cancel import cancel_run
from pplns.state.checkpoints import create_commit, create_redo, read_checkpoints
from pplns.state.ends import End, read_end
from pplns.state.holders import Holder
from pplns.state.lease import Claim, Lease, acquire_lease
from pplns.state.runs import RunHead, create_or_join
from pplns.stores import MemoryStore, Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pplns.state.ends import EndState


LEASE_SECONDS = 30.0
NOW = datetime(2013, 1, 1, tzinfo=UTC)
HEAD = RunHead(
    run_id="r", pipeline="p", trigger=Trigger("manual", "r"), params={}, params_digest="", logical_date=NOW,
    created_at=NOW,
)  # fmt: skip


@dataclass(slots=True)
class Wishes:
    """What a test wants a process to do next, beside going on."""

    renew: bool = False
    fail: bool = False


@dataclass(slots=True)
class RealRun:
    """A run on a store, and what its processes were told. `effects` are the runs of the sink: its version and input.

    `resumed`: the latest attempt that a person has gone on behind."""

    store: MemoryStore
    seconds: float = 0.0
    damaged: set[str] = field(default_factory=set[str])
    reopened: set[int] = field(default_factory=set[int])
    promised: set[int] = field(default_factory=set[int])
    resumed: int = 0
    told: list[End] = field(default_factory=list[End])
    effects: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def prepare(self) -> None:
        """Create the run."""
        create_or_join(self.store, HEAD)

    def work(self, *, by_person: bool, wishes: Wishes) -> Callable[[Store], None]:
        """Return what a process does that was started to bring the run to its end."""

        def work(store: Store) -> None:
            try:
                lease = acquire_lease(store, HEAD.prefix, self._claim(), reopen=by_person)
                if isinstance(lease, End):
                    self.told.append(lease)
                    return
                if by_person:
                    self._note_reopened(lease.attempt - 1)
                lease.monotonic = self._clock()
                self.told.append(_Attempt(self, store, lease, wishes).work())
            except (LeaseHeld, LeaseLost):
                return

        return work

    def cancel(self, store: Store) -> None:
        """Cancel the run, as a process."""
        record = cancel_run(store, HEAD.pipeline, HEAD.run_id, lease_seconds=LEASE_SECONDS)
        if not record.final:
            requests = (name.partition(".") for name in self.store.children(f"{HEAD.prefix}/attempts/"))
            asked = max(int(number) for number, _, rest in requests if rest == "cancel.json")
            if asked > self.resumed:  # else a person resumed what was cancelled, before the canceller was told
                self.promised.add(asked)

    def end_of(self, attempt: int) -> End | None:
        """Return an end as it stands in the store."""
        return read_end(self.store, HEAD.prefix, attempt)

    def _clock(self) -> Callable[[], float]:
        """Return a clock that goes on from the present, when the lease was acknowledged, as the test says."""
        present, seconds = time.monotonic(), self.seconds
        return lambda: present + self.seconds - seconds

    def _note_reopened(self, before: int) -> None:
        end = self.end_of(before) if before else None
        if end is not None and end.final:
            self.reopened.add(before)
        self.promised.clear()
        self.resumed = max(self.resumed, before)

    def _claim(self) -> Claim:
        return Claim(Holder(f"holder {next(self.numbers)}"), LEASE_SECONDS)


class _Attempt:
    """What a holder does, in the words of the executor: plan, run, commit, take the commit that stands, end."""

    def __init__(self, run: RealRun, store: Store, lease: Lease, wishes: Wishes) -> None:
        self._run = run
        self._store = store
        self._lease = lease
        self._wishes = wishes
        self._checkpoints = read_checkpoints(store, HEAD.prefix)

    def work(self) -> End:
        redo = self._checkpoints.redos.get("a", 0)
        if f"a@v{redo}" in self._run.damaged and ("a", f"v{redo}") in self._checkpoints.commits:
            redo += 1
            create_redo(self._store, HEAD.prefix, "a", number=redo, reason="damaged", writer="w")
        version = f"v{redo}"
        root = self._commit("a", version, lambda: next(self._run.numbers))
        self._wish()
        if self._wishes.fail:
            return self._lease.end(lambda attempt: self._end(attempt, "failed"))
        result = self._commit("b", version, lambda: self._sink(version, root))
        self._wish()
        return self._lease.end(lambda attempt: self._end(attempt, "succeeded", {"version": version, "b": result}))

    def _commit(self, step: str, version: str, call: Callable[[], Any]) -> Any:
        standing = self._checkpoints.commits.get((step, version))
        if standing is None:
            self._lease.require()
            made = commit_of(step, version, call(), attempt=self._lease.attempt, writer=f"{next(self._run.numbers)}")
            self._lease.require()
            standing = create_commit(self._store, HEAD.prefix, made)
        return standing.values[0].inline

    def _sink(self, version: str, root: int) -> list[int]:
        self._run.effects.append((version, root))
        return [root, next(self._run.numbers)]

    def _wish(self) -> None:
        if self._wishes.renew:
            self._lease.renew()

    def _end(self, attempt: int, state: EndState, result: Any = None) -> End:
        return End(attempt, state, final=True, finished_at=NOW.isoformat(), result=result)


def commit_of(step: str, version: str, value: Any, *, attempt: int, writer: str) -> Commit:
    stored = StoredValue(codec="json", digest=str(value), size_bytes=1, inline=value)
    return Commit(
        step=step, version=version, values=(stored,), several=False, attempt=attempt, tries=1,
        started_at=NOW.isoformat(), finished_at=NOW.isoformat(), duration_s=0.0, writer=writer,
    )  # fmt: skip
