"""Uploads in chunks: how many requests, what a bad connection does to them, and that a failed block leaves nothing."""

import tracemalloc

import pytest

from faulty_proxy import HASTY, QUICK, Fault, FaultyProxy, How
from pplns.errors import StoreError
from pplns.stores.gcs import GcsStore
from pplns.stores.gcs.addresses import parse_address
from pplns.stores.gcs.calls import Calls
from pplns.stores.gcs.patience import Patience
from pplns.stores.gcs.uploads import CHUNK_BYTES, GcsUpload

pytestmark = pytest.mark.needs_fake_gcs_server

CHUNK = 256 * 1024
NAME = "p/artifacts/make@1.a.arrow"


@pytest.fixture
def upload(store: GcsStore) -> GcsUpload:
    """Return an upload in chunks of 256 KiB, the least that the API takes."""
    return upload_to(store, QUICK)


def upload_to(store: GcsStore, patience: Patience) -> GcsUpload:
    return GcsUpload(Calls(parse_address(store.url), patience=patience), NAME, chunk_bytes=CHUNK)


def some_bytes(size: int) -> bytes:
    return bytes(range(251)) * (size // 251) + bytes(size % 251)


@pytest.mark.parametrize(
    ("size", "requests"),
    [
        (0, {"write": 1}),
        (CHUNK, {"write": 1}),
        (CHUNK + 1, {"begin": 1, "chunk": 2}),
        (2 * CHUNK, {"begin": 1, "chunk": 2}),
        (5 * CHUNK + 7, {"begin": 1, "chunk": 6}),
    ],
)
@pytest.mark.parametrize("piece", [10_000, CHUNK, 10 * CHUNK])
def test_what_fits_a_chunk_takes_one_request(
    upload: GcsUpload, store: GcsStore, proxy: FaultyProxy, size: int, requests: dict[str, int], piece: int
) -> None:
    """More takes one for each chunk and one to begin, in whatever pieces the bytes come."""
    data = some_bytes(size)

    for start in range(0, size, piece):
        assert upload.write(memoryview(data)[start : start + piece]) == len(data[start : start + piece])
    upload.finish()

    assert upload.created
    assert proxy.counts() == requests
    assert store.read(NAME) == data


@pytest.mark.parametrize("how", ["refuse", "cut", "drop"])
@pytest.mark.parametrize("skip", [0, 1, 3])
def test_a_chunk_that_was_lost_is_not_doubled(
    upload: GcsUpload, store: GcsStore, proxy: FaultyProxy, how: How, skip: int
) -> None:
    """The upload is asked how far it came, and goes on from there: after the first chunk, a middle and the last one."""
    data = some_bytes(3 * CHUNK + 7)
    proxy.faults = [Fault("chunk", how, skip=skip), Fault("begin", "cut")]

    upload.write(data)
    upload.finish()

    assert upload.created
    assert store.read(NAME) == data
    assert proxy.counts()["ask"] == 1


def test_a_chunk_whose_answer_comes_too_late_is_not_doubled(store: GcsStore, proxy: FaultyProxy) -> None:
    """It had arrived, and the upload goes on behind it."""
    data = some_bytes(3 * CHUNK + 7)
    hasty = upload_to(store, HASTY)
    proxy.faults = [Fault("chunk", "stall", skip=1)]

    hasty.write(data)
    hasty.finish()

    assert hasty.created
    assert store.read(NAME) == data


def test_an_upload_over_an_object_drops_its_bytes(upload: GcsUpload, store: GcsStore, proxy: FaultyProxy) -> None:
    """The refusal comes when the upload begins; nothing of it is sent."""
    store.create(NAME, b"first")

    upload.write(some_bytes(3 * CHUNK))
    upload.finish()

    assert not upload.created
    assert store.read(NAME) == b"first"
    assert proxy.counts()["chunk"] == 0


@pytest.mark.parametrize("how", [None, "refuse"])
def test_an_object_created_meanwhile_stays(
    upload: GcsUpload, store: GcsStore, proxy: FaultyProxy, how: How | None
) -> None:
    """Another writer of the same name was faster between the first chunk and the last."""
    upload.write(some_bytes(2 * CHUNK))
    assert store.create(NAME, b"theirs")
    proxy.faults = [Fault("chunk", "refuse")] if how else []

    upload.finish()

    assert not upload.created
    assert store.read(NAME) == b"theirs"


@pytest.mark.parametrize("status", [404, 410])
def test_an_upload_that_google_forgot_is_an_error(upload: GcsUpload, proxy: FaultyProxy, status: int) -> None:
    """Its bytes are gone, so the step's value has to be written again."""
    proxy.faults = [Fault("chunk", "refuse", status=status, skip=1, times=2)]
    upload.write(some_bytes(CHUNK + 1))

    with pytest.raises(StoreError, match="lost the upload"):
        upload.write(some_bytes(2 * CHUNK))
    with pytest.raises(StoreError, match="lost the upload"):
        upload.finish()


def test_a_last_chunk_that_landed_counts_although_its_upload_is_forgotten(
    upload: GcsUpload, store: GcsStore, proxy: FaultyProxy
) -> None:
    """The object that stands carries the token of this upload."""
    proxy.faults = [Fault("chunk", "drop", skip=1), Fault("ask", "refuse", status=410)]

    upload.write(some_bytes(CHUNK + 1))
    upload.finish()

    assert upload.created


def upload_a_chunk_and_fail(store: GcsStore) -> None:
    with store.upload(NAME) as upload:
        upload.write(some_bytes(CHUNK_BYTES + 1))
        raise ZeroDivisionError


def test_a_failed_block_leaves_nothing(store: GcsStore, proxy: FaultyProxy) -> None:
    """Also when chunks of it had been sent already; the name is free."""
    with pytest.raises(ZeroDivisionError):
        upload_a_chunk_and_fail(store)

    assert proxy.counts() == {"begin": 1, "chunk": 1}
    assert store.read(NAME) is None
    assert store.children("p/") == []
    assert store.create(NAME, b"")


def test_an_upload_holds_a_few_chunks_at_most(store: GcsStore, proxy: FaultyProxy, cloud_storage: str) -> None:
    """An artifact larger than memory can be written."""
    direct = GcsStore(store.url)
    direct.create("warm", b"")
    piece = bytes(1024 * 1024)
    tracemalloc.start()
    try:
        with direct.upload(NAME) as upload:
            for _ in range(12 * CHUNK_BYTES // len(piece)):
                upload.write(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert upload.created
    assert peak < 5 * CHUNK_BYTES
