"""What every store promises; each store passes all of it, and a new one needs nothing else."""

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from pplns.stores import FileStore, MemoryStore, Store
from pplns.stores.files import publish_by_link
from pplns.stores.gcs import GcsStore

PLACE = "a store with ünicode"


def a_folder(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.getfixturevalue("tmp_path")
    return folder / PLACE


def a_bucket(request: pytest.FixtureRequest) -> Store:
    request.getfixturevalue("proxy")
    return GcsStore(f"gs://{request.getfixturevalue('bucket')}/{PLACE}")


STORES: dict[str, Callable[[pytest.FixtureRequest], Store]] = {
    "memory": lambda _: MemoryStore(),
    "file": lambda request: FileStore(a_folder(request)),
    "file-fsync": lambda request: FileStore(a_folder(request), fsync=True),
    "file-temporary-names": lambda request: FileStore(a_folder(request), publish=publish_by_link),
    "gcs": a_bucket,
}
NEEDS = {"gcs": [pytest.mark.needs_fake_gcs_server]}


@pytest.fixture(params=[pytest.param(name, marks=NEEDS.get(name, [])) for name in STORES])
def store(request: pytest.FixtureRequest) -> Store:
    made = STORES[request.param](request)
    made.prepare()
    return made


def run_side_by_side(call: Callable[[Any], None], arguments: Iterable[Any]) -> None:
    """Call a function with each argument in a thread of its own."""
    threads = [threading.Thread(target=call, args=(argument,)) for argument in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_an_object_is_created_once(store: Store) -> None:
    """The second writer of a name is told so, and the first one's bytes stay."""
    assert store.create("p/runs/r/run.json", b"first")
    assert not store.create("p/runs/r/run.json", b"second")

    assert store.read("p/runs/r/run.json") == b"first"


def test_equal_bytes_are_no_excuse(store: Store) -> None:
    """Creating an object again with the same bytes is refused as well."""
    data = b"same"
    assert store.create("p/x", data)

    assert not store.create("p/x", data)


def test_what_was_never_written_is_none(store: Store) -> None:
    """Reading, opening and listing what isn't there is no error."""
    assert store.read("p/nothing") is None
    assert store.open("p/nothing/at/all") is None
    assert store.read_register("p/lease.json") is None
    assert store.children("p/") == []
    store.delete("p/nothing")


def test_of_many_writers_one_creates(store: Store) -> None:
    """Twenty threads race for each of ten names, and each name has one winner whose bytes it holds."""
    winners: dict[int, list[int]] = {name: [] for name in range(10)}
    start = threading.Barrier(20)

    def race(writer: int) -> None:
        start.wait()
        for name in range(10):
            if store.create(f"race/{name}", str(writer).encode()):
                winners[name].append(writer)

    run_side_by_side(race, range(20))

    assert [len(found) for found in winners.values()] == [1] * 10
    assert [store.read(f"race/{name}") for name in range(10)] == [str(w[0]).encode() for w in winners.values()]


def test_an_upload_is_whole_or_gone_after_its_block(store: Store) -> None:
    """Of one whose block has failed nothing is left."""
    with store.upload("p/artifact") as upload:
        upload.write(b"one ")
        assert not upload.created
        upload.write(memoryview(b"two"))
    assert upload.created
    assert store.read("p/artifact") == b"one two"

    with pytest.raises(ZeroDivisionError), store.upload("p/broken") as broken:
        broken.write(bytes(1 // len(b"")))
    assert store.read("p/broken") is None
    assert store.children("p/") == ["artifact"]


def test_an_upload_over_an_object_is_refused(store: Store) -> None:
    """The object that stands there stays."""
    store.create("p/artifact", b"first")

    with store.upload("p/artifact") as upload:
        upload.write(b"second")

    assert not upload.created
    assert store.read("p/artifact") == b"first"


@pytest.mark.parametrize("size", [0, 1, 70_000])
def test_open_gives_the_bytes(store: Store, size: int) -> None:
    """An object is opened as a buffer of its bytes, empty ones too."""
    data = bytes(range(256)) * (size // 256 + 1)
    store.create("p/big", data[:size])

    opened = store.open("p/big")

    assert opened is not None
    assert bytes(opened) == data[:size]


def test_a_large_upload_comes_back_equal(store: Store) -> None:
    """Bytes that a store sends in several pieces are one object, and its creation is refused as any other."""
    data = bytes(range(256)) * 70_000
    with store.upload("p/artifact") as upload:
        for start in range(0, len(data), 1_234_567):
            upload.write(memoryview(data)[start : start + 1_234_567])
    with store.upload("p/artifact") as second:
        second.write(data[::-1])

    opened = store.open("p/artifact")
    assert (upload.created, second.created) == (True, False)
    assert opened is not None
    assert bytes(opened) == data


def test_of_many_uploads_one_creates(store: Store) -> None:
    """Eight threads upload to one name; one is told that it created the object, whose bytes are its own."""
    creators: list[bytes] = []
    start = threading.Barrier(8)

    def race(data: bytes) -> None:
        start.wait()
        with store.upload("p/artifact") as upload:
            upload.write(data)
        if upload.created:
            creators.append(data)

    run_side_by_side(race, [str(number).encode() for number in range(8)])

    assert creators == [store.read("p/artifact")]


def test_many_objects_are_read_in_order(store: Store) -> None:
    """Each name has its bytes in its place, one that isn't there None."""
    for number in range(20):
        store.create(f"p/{number}", str(number).encode())

    assert store.read_all(["p/7", "p/none", "p/0"]) == [b"7", None, b"0"]
    assert store.read_all([]) == []


def test_children_are_names_and_folders_in_order(store: Store) -> None:
    """A listing shows one level, sorted, with "/" after folders; another folder that begins alike isn't in it."""
    for name in ("p/runs/b/run.json", "p/runs/a/run.json", "p/runs/c", "p/runs2/z", "q/runs/d"):
        store.create(name, b"")

    assert store.children("p/runs/") == ["a/", "b/", "c"]
    assert store.children("") == ["p/", "q/"]


def test_a_folder_of_many_is_listed_whole(store: Store) -> None:
    """Also where a listing takes several pages."""
    names = sorted(f"{number}.json" for number in range(150))
    for name in names:
        store.create(f"p/steps/{name}", b"")

    assert store.children("p/steps/") == names


def test_a_deleted_object_may_be_created_again(store: Store) -> None:
    """Deleting is for hints; the name is free afterwards."""
    store.create("p/open/r", b"")
    store.delete("p/open/r")

    assert store.read("p/open/r") is None
    assert store.create("p/open/r", b"")


def test_a_register_is_swapped_by_generation(store: Store) -> None:
    """A writer that read an older generation is refused, and the newer value stays."""
    first = store.swap("p/lease.json", b"one", expected=0)
    assert first is not None
    second = store.swap("p/lease.json", b"two", expected=first)
    assert second is not None

    assert store.swap("p/lease.json", b"late", expected=first) is None
    assert store.swap("p/lease.json", b"new", expected=0) is None

    register = store.read_register("p/lease.json")
    assert register is not None
    assert (register.data, register.generation) == (b"two", second)
    assert register.age_s < 60


def test_a_renewal_is_refused_once_another_swapped(store: Store) -> None:
    """A holder that lost its register learns it at the next renewal."""
    first = store.swap("p/lease.json", b"one", expected=0)
    assert first is not None
    renewed = store.renew("p/lease.json", b"one", generation=first)
    assert renewed is not None
    store.swap("p/lease.json", b"two", expected=renewed)

    assert store.renew("p/lease.json", b"one", generation=renewed) is None


def test_a_renewed_register_keeps_its_value_and_is_swapped_from_there(store: Store) -> None:
    """Ten renewals later its bytes are the same, it is young, and the last generation is the one to swap against."""
    generation = store.swap("p/lease.json", b"mine", expected=0)
    for _ in range(10):
        assert generation is not None
        generation = store.renew("p/lease.json", b"mine", generation=generation)

    register = store.read_register("p/lease.json")
    assert register is not None
    assert (register.data, register.generation) == (b"mine", generation)
    assert register.age_s < 60
    assert store.swap("p/lease.json", b"next", expected=register.generation) is not None


def test_of_many_first_swaps_one_wins(store: Store) -> None:
    """Eight holders find no register and write the first one; one of them has it."""
    acknowledged: list[bytes] = []
    start = threading.Barrier(8)

    def race(data: bytes) -> None:
        start.wait()
        if store.swap("p/lease.json", data, expected=0) is not None:
            acknowledged.append(data)

    run_side_by_side(race, [str(number).encode() for number in range(8)])

    register = store.read_register("p/lease.json")
    assert register is not None
    assert acknowledged == [register.data]


def test_of_many_swaps_one_wins(store: Store) -> None:
    """Eight threads swap against the same generation; one is acknowledged and its value stands."""
    generation = store.swap("p/lease.json", b"start", expected=0)
    assert generation is not None
    acknowledged: list[bytes] = []
    start = threading.Barrier(8)

    def race(data: bytes) -> None:
        start.wait()
        if store.swap("p/lease.json", data, expected=generation) is not None:
            acknowledged.append(data)

    run_side_by_side(race, [str(number).encode() for number in range(8)])

    register = store.read_register("p/lease.json")
    assert register is not None
    assert acknowledged == [register.data]
