"""Objects read in parts: in memory, through a file, over a bad connection, and never of two generations."""

import tempfile
from pathlib import Path

import pytest

from faulty_proxy import QUICK, Fault, FaultyProxy, How, Seen
from pplns.errors import StoreError
from pplns.stores.gcs import GcsStore
from pplns.stores.gcs.addresses import parse_address
from pplns.stores.gcs.calls import Calls
from pplns.stores.gcs.downloads import Download

pytestmark = pytest.mark.needs_fake_gcs_server

NAME = "p/artifacts/make@1.a.arrow"
PART = 1000


def download(store: GcsStore, *, memory_bytes: int = 1 << 20) -> Download:
    """Return a download in parts of 1000 bytes."""
    return Download(Calls(parse_address(store.url), patience=QUICK), NAME, part_bytes=PART, memory_bytes=memory_bytes)


def some_bytes(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


@pytest.mark.parametrize(
    ("size", "requests"), [(0, 1), (1, 1), (PART, 1), (PART + 1, 2), (2 * PART, 2), (9 * PART + 1, 10)]
)
@pytest.mark.parametrize("memory_bytes", [0, 1 << 20])
def test_parts_are_put_together(
    store: GcsStore, proxy: FaultyProxy, size: int, requests: int, memory_bytes: int
) -> None:
    """Each part is asked for once, whether they meet in memory or in a mapped file."""
    store.create(NAME, some_bytes(size))

    read = download(store, memory_bytes=memory_bytes).read()

    assert read is not None
    assert bytes(read) == some_bytes(size)
    assert memoryview(read).readonly
    assert proxy.counts()["read"] == requests


@pytest.mark.parametrize("how", ["refuse", "cut", "drop", "truncate"])
def test_parts_that_were_lost_are_read_again(store: GcsStore, proxy: FaultyProxy, how: How) -> None:
    """Three of the requests fail; the bytes are whole."""
    store.create(NAME, some_bytes(9 * PART))
    proxy.faults = [Fault("read", how, skip=2, times=3)]

    read = download(store).read()

    assert bytes(read or b"") == some_bytes(9 * PART)
    assert proxy.counts()["read"] == 12


@pytest.mark.parametrize("again", [b"", b"x" * 5 * PART])
def test_an_object_that_changes_meanwhile_is_an_error(
    store: GcsStore, other: GcsStore, proxy: FaultyProxy, again: bytes
) -> None:
    """Someone deleted it by hand after its first part, and wrote another one: the parts aren't mixed."""
    store.create(NAME, some_bytes(5 * PART))
    first = iter([True])

    def change(seen: Seen) -> None:
        if seen.kind == "read" and next(first, False):
            other.delete(NAME)
            other.create(NAME, again)

    proxy.meanwhile = change

    with pytest.raises(StoreError, match="changed or vanished"):
        download(store).read()


def test_a_file_that_cant_be_kept_is_told(store: GcsStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large artifact needs a place on disk; the error says how much, where, and how to choose another one."""
    store.create(NAME, some_bytes(3 * PART))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))

    with pytest.raises(StoreError) as caught:
        download(store, memory_bytes=0).read()

    assert f"3000 bytes of {NAME!r} in {tmp_path / 'gone'}" in caught.value.met
    assert "TMPDIR" in caught.value.remedy


def test_an_account_that_loses_its_role_meanwhile_is_told_at_once(store: GcsStore, proxy: FaultyProxy) -> None:
    """The parts that weren't asked for yet aren't any more."""
    store.create(NAME, some_bytes(100 * PART))
    proxy.faults = [Fault("read", "refuse", status=403, skip=1, times=10_000)]

    with pytest.raises(StoreError, match=r"roles/storage\.objectUser"):
        download(store).read()

    assert proxy.counts()["read"] < 50
