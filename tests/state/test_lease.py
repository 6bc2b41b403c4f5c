"""Who may work on a run, and what a holder does that was paused, sealed or overtaken."""

import json
import os
import threading

import pytest

from pplns.errors import DamagedRecord, LeaseHeld, LeaseLost, StoreError
from pplns.state import holders
from pplns.state.ends import End, create_end, read_end, request_cancel
from pplns.state.holders import Holder, is_gone, mark_active, this_holder
from pplns.state.lease import Claim, Lease, LeaseKeeper, acquire_lease, view_lease
from pplns.stores import MemoryStore
from pplns.testing import FailingStore

PREFIX = "p/runs/r"
NOW = "2013-01-01T00:00:00+00:00"


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> MemoryStore:
    return MemoryStore(monotonic=clock)


def acquire(store: MemoryStore, clock: Clock, *, reopen: bool = False) -> Lease:
    lease = acquire_lease(store, PREFIX, Claim(Holder("elsewhere"), duration_s=30.0), reopen=reopen)
    assert isinstance(lease, Lease)
    lease.monotonic = clock
    lease._acknowledged = clock()
    return lease


def end_of(attempt: int, state: str = "succeeded") -> End:
    return End(attempt, state, final=state == "succeeded", finished_at=NOW)  # type: ignore[arg-type]


def test_a_live_lease_keeps_others_out_until_it_runs_out(store: MemoryStore, clock: Clock) -> None:
    """The refusal says how long it could take; after that the attempt is lost and the next one begins."""
    acquire(store, clock)
    clock.seconds += 20

    with pytest.raises(LeaseHeld) as caught:
        acquire(store, clock)
    assert caught.value.retry_after == pytest.approx(10)

    clock.seconds += 11
    assert acquire(store, clock).attempt == 2
    lost = read_end(store, PREFIX, 1)
    assert lost is not None
    assert (lost.state, lost.final) == ("lost", False)


def test_a_renewal_keeps_the_lease(store: MemoryStore, clock: Clock) -> None:
    """Renewed after 20 s, a lease of 30 s still stands at 45 s."""
    lease = acquire(store, clock)
    clock.seconds += 20
    lease.renew()
    clock.seconds += 25

    with pytest.raises(LeaseHeld):
        acquire(store, clock)


def test_a_paused_holder_learns_that_it_was_overtaken(store: MemoryStore, clock: Clock) -> None:
    """Past five sixths of the lease it has to renew before it acts, and is refused."""
    lease = acquire(store, clock)
    clock.seconds += 24
    lease.require()
    clock.seconds += 60
    acquire(store, clock)

    with pytest.raises(LeaseLost):
        lease.require()
    with pytest.raises(LeaseLost):
        lease.end(end_of)


def test_a_late_holder_goes_on_while_nobody_took_over(store: MemoryStore, clock: Clock) -> None:
    """A holder that slept past its lease may renew late: its generation is still its own."""
    lease = acquire(store, clock)
    clock.seconds += 600

    lease.require()

    assert lease.end(end_of) == end_of(1)


def test_a_sealed_holder_moves_to_the_next_attempt(store: MemoryStore, clock: Clock) -> None:
    """Whoever sealed it died before taking the lease."""
    lease = acquire(store, clock)
    create_end(store, PREFIX, end_of(1, "lost"), writer="x")

    lease.renew()

    assert lease.attempt == 2
    assert lease.end(end_of).attempt == 2


def test_another_end_that_was_first_stands(store: MemoryStore, clock: Clock) -> None:
    """A cancellation recorded meanwhile is obeyed, not written over."""
    lease = acquire(store, clock)
    create_end(store, PREFIX, end_of(1, "cancelled"), writer="x")

    assert lease.end(end_of).state == "cancelled"


def test_no_commit_follows_an_end(store: MemoryStore, clock: Clock) -> None:
    """A writer that is late, since its attempt broke off, is told that the run is no longer its own."""
    lease = acquire(store, clock)
    lease.end(end_of)

    with pytest.raises(LeaseLost):
        lease.require()


@pytest.mark.parametrize("error", [StoreError("away"), DamagedRecord("spoilt"), RuntimeError("a bug of a library")])
def test_whatever_a_renewal_meets_the_next_one_is_made(clock: Clock, error: Exception) -> None:
    """The thread that keeps the lease of a long step lives on, and asks the store again."""
    store, renewed = FailingStore(MemoryStore(monotonic=clock)), threading.Event()
    store.fail("renew", error=error)
    lease = acquire_lease(store, PREFIX, Claim(Holder("elsewhere"), duration_s=0.03), reopen=False)
    assert isinstance(lease, Lease)
    store.before("renew", lambda name: renewed.set())

    with LeaseKeeper(lease, on_loss=lambda: None, on_cancel=lambda: None):
        assert renewed.wait(10)


def test_nothing_follows_an_end(store: MemoryStore, clock: Clock) -> None:
    """A renewal that was under way when the end was written changes nothing."""
    lease = acquire(store, clock)
    lease.end(end_of)
    before = store.read_register(f"{PREFIX}/lease.json")

    lease.renew()

    assert store.read_register(f"{PREFIX}/lease.json") == before
    assert lease.attempt == 1


def test_an_ended_run_is_taken_only_to_reopen_it(store: MemoryStore, clock: Clock) -> None:
    """The end is returned as it stands; a person's resume begins the next attempt."""
    acquire(store, clock).end(end_of)

    assert acquire_lease(store, PREFIX, Claim(Holder("x"), 30.0), reopen=False) == end_of(1)
    assert acquire(store, clock, reopen=True).attempt == 2


def test_this_process_is_not_gone_while_it_works() -> None:
    """A holder of this process is gone once it works no more; a later process of the same number isn't it."""
    holder = this_holder()
    if holder.process_start is None:
        pytest.skip("this system doesn't tell when a process started, so leases only run out")

    mark_active(holder, active=True)
    assert not is_gone(holder)
    mark_active(holder, active=False)
    assert is_gone(holder)
    assert is_gone(holder.replace(process_start="1"))
    assert is_gone(holder.replace(pid=2**22 + 1))
    assert not is_gone(holder.replace(boot="another boot", pid=2**22 + 1))
    assert not is_gone(holder.replace(pid=os.getppid(), process_start=None))


def test_a_process_that_may_not_be_looked_at_is_not_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where /proc hides other users' processes only the lease's end tells; one that isn't there is gone."""
    holder = this_holder()
    if holder.process_start is None:
        pytest.skip("this system doesn't tell when a process started, so leases only run out")
    monkeypatch.setattr(holders, "_process_start", lambda pid: None)

    assert not is_gone(holder.replace(pid=os.getppid()))
    assert is_gone(holder.replace(pid=2**22 + 1))


def test_a_sibling_thread_sees_the_holder_at_work(clock: Clock) -> None:
    """While the first thread still waits for its swap to return, the second one finds the lease held."""

    class SlowStore(MemoryStore):
        def swap(self, name: str, data: bytes, *, expected: int) -> int | None:
            generation = super().swap(name, data, expected=expected)
            if expected == 0:
                with pytest.raises(LeaseHeld):
                    acquire_lease(self, PREFIX, Claim(this_holder(), 30.0), reopen=True)
            return generation

    lease = acquire_lease(SlowStore(monotonic=clock), PREFIX, Claim(this_holder(), 30.0), reopen=False)

    assert isinstance(lease, Lease)
    lease.leave()


def test_a_lease_from_before_a_field_came_is_read(store: MemoryStore, clock: Clock) -> None:
    """Fields that came later are optional, so that an upgrade goes on with the runs that there are."""
    acquire(store, clock)
    register = store.read_register(f"{PREFIX}/lease.json")
    assert register is not None
    record = json.loads(register.data)
    del record["asked_before"]
    store.swap(f"{PREFIX}/lease.json", json.dumps(record).encode(), expected=register.generation)

    view = view_lease(store, PREFIX)

    assert view is not None
    assert view.asked_before is False


def test_a_garbled_lease_is_named(store: MemoryStore) -> None:
    """A lease without a holder is damage, not freedom."""
    store.swap(f"{PREFIX}/lease.json", b'{"schema": 1, "attempt": 1}', expected=0)

    with pytest.raises(DamagedRecord, match=r"lease\.json"):
        view_lease(store, PREFIX)


def test_a_holder_stops_when_its_attempt_was_ended_for_good(store: MemoryStore, clock: Clock) -> None:
    """A cancellation that a taker-over recorded is the run's end: its late holder begins no other attempt."""
    lease = acquire(store, clock)
    request_cancel(store, PREFIX, 1, writer="x")
    clock.seconds += 31
    told = acquire_lease(store, PREFIX, Claim(Holder("x"), 30.0), reopen=False)
    assert isinstance(told, End)
    assert told.state == "cancelled"

    with pytest.raises(LeaseLost):
        lease.renew()
    assert lease.end(end_of) == told


def test_a_sealed_holder_keeps_what_it_was_asked(store: MemoryStore, clock: Clock) -> None:
    """The request came after the attempt was sealed: it counts in the attempt that the holder moves to."""
    lease = acquire(store, clock)
    create_end(store, PREFIX, end_of(1, "lost"), writer="x")
    request_cancel(store, PREFIX, 1, writer="x")

    lease.renew()

    assert lease.is_cancel_requested()
    assert (lease.attempt, lease.end(end_of).state) == (2, "cancelled")


def test_a_holder_that_was_sealed_at_its_end_keeps_what_it_was_asked(store: MemoryStore, clock: Clock) -> None:
    """It moves on as often as it is sealed, and ends cancelled."""
    lease = acquire(store, clock)
    create_end(store, PREFIX, end_of(1, "lost"), writer="x")
    create_end(store, PREFIX, end_of(2, "lost"), writer="x")
    request_cancel(store, PREFIX, 2, writer="x")

    standing = lease.end(end_of)

    assert (standing.attempt, standing.state) == (3, "cancelled")


@pytest.mark.parametrize("reopen", [False, True])
def test_a_request_that_was_too_late_counts_unless_a_person_resumes(
    store: MemoryStore, clock: Clock, reopen: bool
) -> None:
    """Whoever takes over honours it, although the attempt was sealed as lost; a person's resume is newer than it."""
    acquire(store, clock)
    create_end(store, PREFIX, end_of(1, "lost"), writer="x")
    request_cancel(store, PREFIX, 1, writer="x")

    assert acquire(store, clock, reopen=reopen).is_cancel_requested() is not reopen


def test_a_late_request_outlives_the_holder_that_knew_of_it(store: MemoryStore, clock: Clock) -> None:
    """It stands in the lease: whoever takes over next ends the run as cancelled."""
    acquire(store, clock)
    create_end(store, PREFIX, end_of(1, "lost"), writer="x")
    request_cancel(store, PREFIX, 1, writer="x")
    acquire(store, clock)
    clock.seconds += 31

    told = acquire_lease(store, PREFIX, Claim(Holder("x"), 30.0), reopen=False)

    assert isinstance(told, End)
    assert (told.attempt, told.state) == (2, "cancelled")
