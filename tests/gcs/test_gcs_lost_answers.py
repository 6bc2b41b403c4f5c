"""A write landed and its answer was lost: whoever wrote it must learn that it was theirs."""

from dataclasses import replace

import pytest

from faulty_proxy import HASTY, QUICK, Fault, FaultyProxy, How, Seen
from pplns.errors import StoreError
from pplns.stores.gcs import GcsStore

pytestmark = pytest.mark.needs_fake_gcs_server


@pytest.mark.parametrize("how", ["drop", "truncate"])
def test_a_create_whose_answer_was_lost_counts(store: GcsStore, proxy: FaultyProxy, how: How) -> None:
    """The connection broke before the answer or within it: the second try is refused, and reads back."""
    proxy.faults = [Fault("write", how)]

    assert store.create("p/run.json", b"mine")

    assert store.read("p/run.json") == b"mine"
    assert proxy.counts() == {"write": 2, "about": 1, "read": 1}


def test_a_create_whose_answer_comes_too_late_counts(store: GcsStore, proxy: FaultyProxy) -> None:
    """It is as good as lost."""
    hasty = GcsStore(store.url, data_patience=HASTY)
    proxy.faults = [Fault("write", "stall")]

    assert hasty.create("p/run.json", b"mine")

    assert store.read("p/run.json") == b"mine"


def test_a_create_that_never_arrived_is_sent_again(store: GcsStore, proxy: FaultyProxy) -> None:
    """Nothing has to be read back when the second try succeeds."""
    proxy.faults = [Fault("write", "cut")]

    assert store.create("p/run.json", b"mine")

    assert proxy.counts() == {"write": 2}


def test_a_create_after_another_writers_is_refused(store: GcsStore, other: GcsStore, proxy: FaultyProxy) -> None:
    """A try that may have landed, but didn't: the object that stands carries another writer's token."""
    other.create("p/run.json", b"same bytes")
    proxy.faults = [Fault("write", "refuse")]

    assert not store.create("p/run.json", b"same bytes")


def test_another_writer_may_come_between_two_tries(store: GcsStore, other: GcsStore, proxy: FaultyProxy) -> None:
    """The first try was lost on its way, another writer was faster than the second one."""
    first = iter([True])

    def meet(seen: Seen) -> None:
        if seen.status == 0 and next(first, False):
            assert other.create("p/run.json", b"theirs")

    proxy.faults = [Fault("write", "cut")]
    proxy.meanwhile = meet

    assert not store.create("p/run.json", b"mine")
    assert store.read("p/run.json") == b"theirs"


def test_a_swap_whose_answer_was_lost_has_its_generation(store: GcsStore, proxy: FaultyProxy) -> None:
    """The next swap against that generation succeeds."""
    proxy.faults = [Fault("write", "drop")]
    first = store.swap("p/lease.json", b"one", expected=0)
    assert first is not None

    proxy.faults = [Fault("write", "drop")]
    second = store.swap("p/lease.json", b"two", expected=first)

    register = store.read_register("p/lease.json")
    assert register is not None
    assert (register.data, register.generation) == (b"two", second)


def test_a_swap_that_was_overtaken_is_refused(store: GcsStore, other: GcsStore, proxy: FaultyProxy) -> None:
    """Our swap landed, its answer was lost, and another holder swapped after it: the register is theirs."""
    first = store.swap("p/lease.json", b"start", expected=0)
    assert first is not None
    theirs: list[int | None] = []

    def overtake(seen: Seen) -> None:
        if seen.status == 0:
            register = other.read_register("p/lease.json")
            assert register is not None
            assert register.data == b"ours"
            theirs.append(other.swap("p/lease.json", b"theirs", expected=register.generation))

    proxy.faults = [Fault("write", "drop")]
    proxy.meanwhile = overtake

    assert store.swap("p/lease.json", b"ours", expected=first) is None
    assert theirs != [None]


def give_up_a_renewal(store: GcsStore, proxy: FaultyProxy, generation: int) -> None:
    """Renew from a process whose renewal lands, and whose patience ends before it hears of it."""
    proxy.faults = [Fault("write", "drop"), Fault("write", "refuse", times=10_000)]
    impatient = GcsStore(store.url, lease_patience=replace(QUICK, seconds=0.3))
    with pytest.raises(StoreError):
        impatient.renew("p/lease.json", b"ours", generation=generation)
    proxy.faults = []


def test_a_renewal_that_was_given_up_is_found_by_the_next(store: GcsStore, proxy: FaultyProxy) -> None:
    """It landed under a generation that its holder never saw; the holder hasn't lost its lease, and renews again."""
    generation = store.swap("p/lease.json", b"ours", expected=0)
    assert generation is not None
    give_up_a_renewal(store, proxy, generation)

    renewed = store.renew("p/lease.json", b"ours", generation=generation)

    register = store.read_register("p/lease.json")
    assert register is not None
    assert register.generation == renewed
    assert register.age_s < 5


def test_a_renewal_that_was_given_up_and_overtaken_is_refused(
    store: GcsStore, other: GcsStore, proxy: FaultyProxy
) -> None:
    """Another holder took the lease after the renewal that nobody saw."""
    generation = store.swap("p/lease.json", b"ours", expected=0)
    assert generation is not None
    give_up_a_renewal(store, proxy, generation)
    register = other.read_register("p/lease.json")
    assert register is not None
    assert other.swap("p/lease.json", b"theirs", expected=register.generation) is not None

    assert store.renew("p/lease.json", b"ours", generation=generation) is None
