"""Slots: at most so many runs of a pipeline are under way, and none is refused for a run that isn't."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pplns.errors import DamagedRecord, LeaseLost, TooManyRuns
from pplns.state.ends import End, create_end
from pplns.state.holders import Holder, this_holder
from pplns.state.lease import Claim, Lease, acquire_lease
from pplns.state.slots import RunSlot
from pplns.stores import MemoryStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pplns.state.ends import EndState


NOW = "2013-01-01T00:00:00+00:00"


class Clock:
    """A clock that stands still until it is moved, by a wait as well."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.waited: list[float] = []

    def __call__(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> None:
        self.seconds += seconds
        self.waited.append(seconds)


class RemoteStore(MemoryStore):
    """A store that takes about one write a second to one name."""

    shares_host = False


class SlowStore(MemoryStore):
    """The same objects, for a process that is slow once: `meanwhile` happens before it writes a register."""

    def __init__(self, shared: MemoryStore, clock: Clock, *, before: str, meanwhile: Callable[[], object]) -> None:
        super().__init__(monotonic=clock)
        self._objects, self._registers = shared._objects, shared._registers
        self._before: str | None = before
        self._meanwhile = meanwhile

    def swap(self, name: str, data: bytes, *, expected: int) -> int | None:
        if name == self._before:
            self._before = None
            self._meanwhile()
        return super().swap(name, data, expected=expected)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> MemoryStore:
    return MemoryStore(monotonic=clock)


def begin(
    store: MemoryStore,
    clock: Clock,
    run_id: str,
    *,
    limit: int = 1,
    continues: int | None = None,
    reopen: bool = False,
) -> Lease:
    claim = Claim(Holder(f"holder of {run_id}"), duration_s=30.0)
    slot = RunSlot(store, "p", limit=limit, run_id=run_id, claim=claim, wait=clock.wait)
    lease = acquire_lease(store, f"p/runs/{run_id}", claim, reopen=reopen, continues=continues, slot=slot)
    assert isinstance(lease, Lease)
    lease.monotonic, lease._acknowledged = clock, clock()
    return lease


def end(lease: Lease, state: EndState, *, final: bool = False) -> None:
    lease.end(lambda attempt: End(attempt, state, final=final, finished_at=NOW))


def test_a_second_run_is_refused_while_the_first_is_under_way(store: MemoryStore, clock: Clock) -> None:
    """The error names the run that is; the refused one has no lease."""
    begin(store, clock, "a")

    with pytest.raises(TooManyRuns, match="'a'") as caught:
        begin(store, clock, "b")

    assert caught.value.retry_after > 0
    assert store.read_register("p/runs/b/lease.json") is None


def test_as_many_runs_as_there_are_slots(store: MemoryStore, clock: Clock) -> None:
    """The third one is refused, until one of the two ends."""
    begin(store, clock, "a", limit=2)
    second = begin(store, clock, "b", limit=2)
    with pytest.raises(TooManyRuns):
        begin(store, clock, "c", limit=2)

    end(second, "succeeded", final=True)

    assert begin(store, clock, "c", limit=2).attempt == 1


@pytest.mark.parametrize(
    ("state", "final"), [("succeeded", True), ("failed", True), ("failed", False), ("cancelled", True)]
)
def test_a_run_that_has_ended_leaves_its_slot(store: MemoryStore, clock: Clock, state: EndState, final: bool) -> None:
    """One that failed and may be tried again, too: nobody works on it, and nobody may ever come back."""
    end(begin(store, clock, "a"), state, final=final)

    assert begin(store, clock, "b").attempt == 1


def test_a_lost_run_leaves_its_slot_when_its_lease_has_run_out(store: MemoryStore, clock: Clock) -> None:
    """Not before, and its own next attempt then has to find another one."""
    begin(store, clock, "a")
    clock.seconds += 29
    with pytest.raises(TooManyRuns):
        begin(store, clock, "b")
    clock.seconds += 2

    begin(store, clock, "b")

    with pytest.raises(TooManyRuns, match="'b'"):
        begin(store, clock, "a")


def test_a_run_that_waits_for_its_continuation_keeps_its_slot(store: MemoryStore, clock: Clock) -> None:
    """For half an hour at most; its continuation goes on in it."""
    end(begin(store, clock, "a"), "continuing")
    clock.seconds += 1700
    with pytest.raises(TooManyRuns):
        begin(store, clock, "b")

    assert begin(store, clock, "a", continues=1).attempt == 2


def test_a_continuation_writes_its_slot(store: MemoryStore, clock: Clock) -> None:
    """Another run found the holder's lease run out and is about to take its place: one of the two is refused."""
    late = begin(store, clock, "a")
    clock.seconds += 31

    def go_on() -> None:
        end(late, "continuing")
        begin(store, clock, "a", continues=1)

    with pytest.raises(TooManyRuns):
        begin(SlowStore(store, clock, before="p/slots/1.json", meanwhile=go_on), clock, "b")


def test_a_continuation_in_the_last_moment_of_its_half_hour(store: MemoryStore, clock: Clock) -> None:
    """The time is over between its slot and its lease, and no other run takes the slot in between."""
    end(begin(store, clock, "a"), "continuing")
    clock.seconds += 1799

    def come() -> None:
        clock.seconds += 2
        with pytest.raises(TooManyRuns):
            begin(store, clock, "b")

    slow = SlowStore(store, clock, before="p/runs/a/lease.json", meanwhile=come)

    assert begin(slow, clock, "a", continues=1).attempt == 2


def test_a_continuation_that_never_came_gives_up_its_slot(store: MemoryStore, clock: Clock) -> None:
    """After half an hour the run is lost."""
    end(begin(store, clock, "a"), "continuing")
    clock.seconds += 1801

    assert begin(store, clock, "b").attempt == 1


def test_a_late_holder_whose_slot_was_taken_stops(store: MemoryStore, clock: Clock) -> None:
    """It was paused past its lease; nobody took its run over, but another run works in its place."""
    lease = begin(store, clock, "a")
    clock.seconds += 31
    begin(store, clock, "b")

    with pytest.raises(LeaseLost):
        lease.require()


def test_a_late_holder_keeps_its_slot_if_nobody_took_it(store: MemoryStore, clock: Clock) -> None:
    """It writes it again, so that whoever is about to take it is refused."""
    lease = begin(store, clock, "a")
    clock.seconds += 31

    lease.require()

    with pytest.raises(TooManyRuns):
        begin(store, clock, "b")


def test_a_slot_between_its_writing_and_the_lease_is_held(store: MemoryStore, clock: Clock) -> None:
    """Nothing else says yet that its run is about to begin; after a lease's time the process must be dead."""
    claim = Claim(Holder("dying"), duration_s=30.0)
    RunSlot(store, "p", limit=1, run_id="a", claim=claim).take(1)

    with pytest.raises(TooManyRuns):
        begin(store, clock, "b")
    clock.seconds += 31

    assert begin(store, clock, "b").attempt == 1


def test_a_delivery_that_looked_earlier_does_not_give_up_a_slot(store: MemoryStore, clock: Clock) -> None:
    """It saw the run before attempt 1, which has ended since; its slot goes on naming attempt 2, about to begin."""
    end(begin(store, clock, "a"), "failed")
    for attempt in (2, 1):
        claim = Claim(Holder(f"for attempt {attempt}"), duration_s=30.0)
        RunSlot(store, "p", limit=1, run_id="a", claim=claim).take(attempt)

    with pytest.raises(TooManyRuns):
        begin(store, clock, "b")


def test_whoever_was_slow_from_slot_to_lease_looks_again(store: MemoryStore, clock: Clock) -> None:
    """The lease counts from before the slot was written, so that its holder has to keep the slot before it works."""

    def come() -> None:
        clock.seconds += 40
        begin(store, clock, "b")

    slow = SlowStore(store, clock, before="p/runs/a/lease.json", meanwhile=come)
    claim = Claim(Holder("slow"), duration_s=30.0)
    slot = RunSlot(slow, "p", limit=1, run_id="a", claim=claim)
    lease = Lease(slow, "p/runs/a", claim, 1, first_started_at=NOW, started_at=NOW, slot=slot, monotonic=clock)
    assert lease.take(0)

    with pytest.raises(LeaseLost):
        lease.require()


def test_a_sealed_holder_keeps_its_slot_for_the_attempt_it_moves_to(store: MemoryStore, clock: Clock) -> None:
    """Its own attempt has an end, so the slot has to name the next one before it goes on."""
    lease = begin(store, clock, "a")
    create_end(store, "p/runs/a", End(1, "lost", final=False, finished_at=NOW), writer="x")

    lease.renew()

    assert lease.attempt == 2
    with pytest.raises(TooManyRuns):
        begin(store, clock, "b")


def test_a_slot_is_not_rewritten_within_a_second(clock: Clock) -> None:
    """Where writes travel to Cloud Storage the rest of the second is waited."""
    store = RemoteStore(monotonic=clock)
    end(begin(store, clock, "a"), "succeeded", final=True)
    clock.seconds += 0.25

    begin(store, clock, "b")

    assert clock.waited == [pytest.approx(0.75)]


def test_a_garbled_slot_is_named(store: MemoryStore, clock: Clock) -> None:
    """It is damage, not freedom."""
    store.swap("p/slots/1.json", b'{"schema": 1}', expected=0)

    with pytest.raises(DamagedRecord, match=r"slots/1\.json"):
        begin(store, clock, "a")


def test_a_holder_that_is_gone_holds_no_slot(store: MemoryStore, clock: Clock) -> None:
    """On one machine the process table tells: whoever died between slot and lease needn't be waited for."""
    me = this_holder()
    if me.process_start is None:
        pytest.skip("this system doesn't tell when a process started, so slots only grow old")
    claim = Claim(me.replace(pid=2**22 + 1), duration_s=30.0)
    RunSlot(store, "p", limit=1, run_id="a", claim=claim).take(1)

    assert begin(store, clock, "b").attempt == 1
