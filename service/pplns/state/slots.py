"""The slots of a pipeline: at most `max_concurrent_runs` of its runs are under way, whatever processes they are in.

A slot names a run and is never released: it is free when that run has ended, failed or vanished, and a run that waits
for its continuation keeps it. Between the slot and the lease of its run there is a moment in which nothing says that
the run is under way; so a slot younger than a lease is held by whoever wrote it, unless that process is gone."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from pplns.errors import DamagedRecord, TooManyRuns
from pplns.model.frozen import Frozen
from pplns.state import records
from pplns.state.ends import read_end
from pplns.state.fields import Fields
from pplns.state.holders import Holder, is_gone
from pplns.state.lease import Claim, view_lease
from pplns.state.runs import run_prefix
from pplns.stores import Register, Store

REWRITE_SECONDS = 1.0  # Cloud Storage takes about one write a second to one name
RETRY_SECONDS = 10.0


class _Taken(Frozen):
    """A slot as it is found: `attempt` is the one for which its run took it."""

    name: str
    register: Register
    run_id: str
    attempt: int
    duration_s: float
    holder: Holder


class RunSlot:
    """The slot of one run, for one attempt. `wait` sleeps seconds."""

    def __init__(
        self,
        store: Store,
        pipeline: str,
        *,
        limit: int,
        run_id: str,
        claim: Claim,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._pipeline = pipeline
        self._limit = limit
        self._run_id = run_id
        self._claim = claim
        self._wait = wait
        self._name = ""

    def take(self, attempt: int) -> None:
        """Take a slot for an attempt that is about to begin: one's own if nobody has, else a free one.

        A continuation writes the slot that its run has kept as well: whoever found the run lost before it went on, or
        finds that its half hour is over before the lease is written, is then refused. One's own slot goes on naming the
        latest attempt: another delivery may be about to begin that.

        Raises: TooManyRuns, DamagedRecord."""
        found = {name: self._read(name) for name in self._names()}
        own = next((one for one in found.values() if one is not None and one.run_id == self._run_id), None)
        rest = {name: one for name, one in found.items() if own is None or name != own.name}
        if own is not None and self._write(own.name, own, max(attempt, own.attempt)):
            return
        for name, one in rest.items():
            if (one is None or self._is_free(one)) and self._write(name, one, attempt):
                return
        raise self._too_many([one.run_id for one in found.values() if one is not None])

    def keep(self, attempt: int) -> bool:
        """Take one's own slot again after the lease ran out; tell whether nobody else has."""
        found = self._read(self._name)
        if found is None or found.run_id != self._run_id:
            return False
        return self._write(self._name, found, max(attempt, found.attempt))

    def _names(self) -> list[str]:
        return [f"{self._pipeline}/slots/{number}.json" for number in range(1, self._limit + 1)]

    def _read(self, name: str) -> _Taken | None:
        register = self._store.read_register(name)
        if register is None:
            return None
        try:
            fields = Fields(records.decode(register.data, name=name))
            return _Taken(
                name, register, run_id=fields.text("run_id"), attempt=fields.count("attempt"),
                duration_s=fields.seconds("duration_s"), holder=Holder.from_json(fields.mapping("holder")),
            )  # fmt: skip
        except ValueError as error:
            raise DamagedRecord(
                f"The slot {name!r} garbles {error}.",
                "It says which run of the pipeline is under way.",
                "Delete it while no run of the pipeline is under way.",
            ) from error

    def _is_free(self, taken: _Taken) -> bool:
        """Tell whether the run of a slot isn't under way, nor about to be."""
        prefix = run_prefix(self._pipeline, taken.run_id)
        view = view_lease(self._store, prefix)
        end = None if view is None else read_end(self._store, prefix, view.attempt)
        if view is not None and (view.live if end is None else view.awaits(end)):
            return False
        has_ended = end is not None and view is not None and view.attempt >= taken.attempt
        return has_ended or not self._may_begin(taken)

    def _may_begin(self, taken: _Taken) -> bool:
        """Tell whether the process that wrote a slot may be between that and its lease."""
        is_over = self._store.shares_host and is_gone(taken.holder)
        return taken.register.age_s < taken.duration_s and not is_over

    def _write(self, name: str, taken: _Taken | None, attempt: int) -> bool:
        """Write a slot against the generation that was read; tell whether nobody was faster."""
        if taken is not None and not self._store.shares_host:
            self._wait(max(0.0, REWRITE_SECONDS - taken.register.age_s))
        expected = 0 if taken is None else taken.register.generation
        record: Mapping[str, Any] = {
            "run_id": self._run_id, "attempt": attempt, "duration_s": self._claim.duration_s,
            "holder": self._claim.holder.as_json(),
        }  # fmt: skip
        data = records.encode(record, writer=self._claim.holder.id)
        if self._store.swap(name, data, expected=expected) is None:
            return False
        self._name = name
        return True

    def _too_many(self, run_ids: list[str]) -> TooManyRuns:
        return TooManyRuns(
            f"{self._limit} {'run' if self._limit == 1 else 'runs'} of pipeline {self._pipeline!r}"
            f" {'is' if self._limit == 1 else 'are'} under way: {', '.join(map(repr, run_ids))}.",
            f"Its max_concurrent_runs is {self._limit}.",
            f"Wait until one has ended, then go on with `pplns resume {self._pipeline}/{self._run_id}`.",
            retry_after=RETRY_SECONDS,
        )
