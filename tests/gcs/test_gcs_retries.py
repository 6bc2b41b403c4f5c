"""What is asked again and what isn't, for how long, and how many requests a call takes."""

from collections.abc import Callable

import pytest

from faulty_proxy import Fault, FaultyProxy, How, Kind
from pplns.errors import StoreError
from pplns.stores.gcs import GcsStore
from pplns.stores.gcs.patience import Patience, Tries

pytestmark = pytest.mark.needs_fake_gcs_server

CALLS: dict[str, tuple[Kind, Callable[[GcsStore], object], object]] = {
    "create": ("write", lambda store: store.create("p/new", b"x"), True),
    "read": ("read", lambda store: store.read("p/old"), b"old"),
    "read-all": ("read", lambda store: store.read_all(["p/none", "p/old"]), [None, b"old"]),
    "open": ("read", lambda store: bytes(store.open("p/old") or b""), b"old"),
    "children": ("list", lambda store: store.children("p/"), ["old"]),
    "delete": ("delete", lambda store: store.delete("p/old"), None),
    "register": ("about", lambda store: store.read_register("p/none"), None),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_passing_refusal_is_met_by_another_try(store: GcsStore, proxy: FaultyProxy, name: str, status: int) -> None:
    """Three refusals in a row cost time, and nothing else."""
    kind, call, expected = CALLS[name]
    store.create("p/old", b"old")
    proxy.faults = [Fault(kind, "refuse", status=status, times=3)]

    assert call(store) == expected


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("how", ["drop", "cut", "truncate"])
def test_a_broken_connection_is_met_by_another_try(store: GcsStore, proxy: FaultyProxy, name: str, how: How) -> None:
    """Whether the request or its answer was lost, in whole or in part."""
    kind, call, expected = CALLS[name]
    store.create("p/old", b"old")
    proxy.faults = [Fault(kind, how, times=2)]

    assert call(store) == expected


@pytest.mark.parametrize(
    ("call", "requests"),
    [
        (lambda store: store.create("p/new", b"x"), {"write": 1}),
        (lambda store: store.create("p/old", b"x"), {"write": 1}),
        (lambda store: store.read("p/old"), {"read": 1}),
        (lambda store: store.read("p/none"), {"read": 1}),
        (lambda store: store.open("p/old"), {"read": 1}),
        (lambda store: store.children("p/"), {"list": 1}),
        (lambda store: store.delete("p/old"), {"delete": 1}),
        (lambda store: store.read_register("p/old"), {"about": 1, "read": 1}),
        (lambda store: store.swap("p/lease.json", b"x", expected=0), {"write": 1}),
        (lambda store: store.swap("p/lease.json", b"x", expected=7), {"write": 1}),
        (lambda store: store.prepare(), {}),
    ],
)
def test_a_call_takes_as_few_requests_as_it_can(
    store: GcsStore, proxy: FaultyProxy, call: Callable[[GcsStore], object], requests: dict[str, int]
) -> None:
    """One each, also for what is refused; a register takes two, for its generation and its bytes."""
    store.create("p/old", b"old")
    proxy.seen.clear()

    call(store)

    assert proxy.counts() == requests


def test_a_call_gives_up_in_the_end(store: GcsStore, proxy: FaultyProxy) -> None:
    """The error says how long, what the last answer was, and that nothing committed is lost."""
    impatient = GcsStore(store.url, data_patience=Patience(seconds=0.2, answer_s=0.1, first_wait_s=0.01))
    proxy.faults = [Fault("write", "refuse", status=503, times=10_000)]

    with pytest.raises(StoreError) as caught:
        impatient.create("p/x", b"x")

    assert "0.2 s" in caught.value.met
    assert "503 out of order" in caught.value.met
    assert "what is committed stays" in caught.value.remedy
    assert len(proxy.seen) > 1


def test_a_server_that_nobody_runs_is_named(store: GcsStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused connection is tried again until the time is up, then told."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")
    nowhere = GcsStore(store.url, data_patience=Patience(seconds=0.2, answer_s=0.1, first_wait_s=0.01))

    with pytest.raises(StoreError, match="Connection refused"):
        nowhere.read("p/x")


def test_a_wait_that_google_asks_for_is_kept(store: GcsStore, proxy: FaultyProxy) -> None:
    """`Retry-After` comes before our own, shorter waits; it may be longer than the call's time."""
    proxy.faults = [Fault("write", "refuse", status=429, headers={"Retry-After": "100"})]

    with pytest.raises(StoreError, match="429"):
        store.create("p/x", b"x")

    assert len(proxy.seen) == 1


def test_many_reads_share_enough_connections(store: GcsStore, caplog: pytest.LogCaptureFixture) -> None:
    """Sixteen at a time: urllib3 would warn of a pool that is too small, and throw connections away."""
    names = [f"p/{number}" for number in range(64)]
    for name in names:
        store.create(name, name.encode())

    with caplog.at_level("DEBUG", logger="urllib3"):
        found = store.read_all(names)

    assert found == [name.encode() for name in names]
    assert [one for one in caplog.records if "pool is full" in one.getMessage()] == []
    assert sum("Starting new" in one.getMessage() for one in caplog.records) <= 16


def test_waits_grow_and_stay_within_their_bounds() -> None:
    """Full jitter: each wait is drawn between nothing and a bound that doubles up to the longest."""
    drawn: list[tuple[float, float]] = []

    def draw(low: float, high: float) -> float:
        drawn.append((low, high))
        return 0.0

    tries = Tries(Patience(seconds=60, answer_s=1, first_wait_s=1, longest_wait_s=10), draw=draw)

    assert all(tries.wait() for _ in range(6))
    assert drawn == [(0, 1), (0, 2), (0, 4), (0, 8), (0, 10), (0, 10)]
