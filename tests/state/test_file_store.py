"""What is the file store's own: temporary names, unwritable folders, Windows' way of publishing, URLs."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import pytest

from pplns.errors import ConfigError, StoreError
from pplns.stores import FileStore, MemoryStore, files, new_files, open_store
from pplns.stores.files import TEMPORARY, publish_by_rename

T = TypeVar("T")


def test_leftovers_of_the_dead_are_ignored(tmp_path: Path) -> None:
    """A temporary file that a killed writer left is neither listed nor believed."""
    store = FileStore(tmp_path)
    store.create("p/steps/a@1.json", b"{}")
    (tmp_path / "p/steps" / f"{TEMPORARY}dead").write_bytes(b"half")

    assert store.children("p/steps/") == ["a@1.json"]


def test_no_temporary_name_is_left(tmp_path: Path) -> None:
    """Created, refused and read objects leave nothing beside them."""
    store = FileStore(tmp_path)
    store.prepare()
    store.create("p/x", b"1")
    store.create("p/x", b"2")
    store.swap("p/lease.json", b"1", expected=0)
    store.read_register("p/lease.json")

    assert sorted(one.name for one in (tmp_path / "p").iterdir()) == ["lease.1.json", "x"]


@pytest.mark.skipif(not new_files.HAS_NAMELESS, reason="only Linux has files without a name")
def test_a_record_has_no_name_until_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left of a writer that dies on the way, not even a temporary name."""
    store, seen = FileStore(tmp_path), list[list[str]]()
    write_all = new_files.write_all

    def seen_meanwhile(descriptor: int, data: bytes) -> int:
        seen.append(sorted(one.name for one in (tmp_path / "p").iterdir()))
        return write_all(descriptor, data)

    store.create("p/first", b"1")
    monkeypatch.setattr(new_files, "write_all", seen_meanwhile)
    assert store.create("p/second", b"2")

    assert seen == [["first"]]
    assert store.read("p/second") == b"2"


@pytest.mark.skipif(not new_files.HAS_NAMELESS, reason="only Linux has files without a name")
@pytest.mark.parametrize(
    ("call", "refusal"), [("open", errno.EOPNOTSUPP), ("open", errno.EISDIR), ("link", errno.ENOENT)]
)
def test_a_file_system_without_nameless_files_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, refusal: int
) -> None:
    """Records get temporary names there; where /proc can't be seen the same."""
    original, asked = getattr(os, call), list[tuple[Any, ...]]()

    def refused(*args: Any, **options: Any) -> Any:
        is_nameless = args[1] & os.O_TMPFILE == os.O_TMPFILE if call == "open" else bool(options)
        if not is_nameless:
            return original(*args, **options)
        asked.append(args)
        raise OSError(refusal, os.strerror(refusal))

    monkeypatch.setattr(os, call, refused)
    store = FileStore(tmp_path)
    (tmp_path / "p").mkdir()

    assert [store.create("p/a", b"1"), store.create("p/b", b"2"), store.create("p/a", b"3")] == [True, True, False]
    assert len(asked) == 1
    assert [store.read("p/a"), store.read("p/b")] == [b"1", b"2"]


def test_an_upload_has_its_name_from_the_first(tmp_path: Path) -> None:
    """One file is made, and no other name is given to it and taken away."""
    store = FileStore(tmp_path)

    with store.upload("p/artifact") as upload:
        assert [one.name for one in (tmp_path / "p").iterdir()] == ["artifact"]
        upload.write(b"1")

    assert [one.name for one in (tmp_path / "p").iterdir()] == ["artifact"]
    assert upload.created


def test_a_failing_upload_to_a_name_that_is_taken_fails_alone(tmp_path: Path) -> None:
    """It doesn't take away what stands there."""
    store = FileStore(tmp_path)
    store.create("p/artifact", b"first")

    with pytest.raises(ZeroDivisionError), store.upload("p/artifact") as second:
        second.write(bytes(1 // len(b"")))

    assert store.read("p/artifact") == b"first"


def test_an_upload_that_the_disk_fails_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing may be the first to say that the disk is full, on NFS for one."""
    close = os.close

    def full(descriptor: int) -> NoReturn:
        close(descriptor)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("pplns.stores.new_files.os.close", full)
    with pytest.raises(StoreError, match="No space left"), FileStore(tmp_path).upload("p/artifact") as upload:
        upload.write(b"1")

    assert not upload.created
    assert list((tmp_path / "p").iterdir()) == []


def test_a_register_from_the_future_is_old(tmp_path: Path) -> None:
    """The disk's clock was set back by a day after its holder had died: nobody waits for that day to pass."""
    store = FileStore(tmp_path)
    store.swap("p/lease.json", b"1", expected=0)
    tomorrow = (tmp_path / "p/lease.1.json").stat().st_mtime + 86_400
    os.utime(tmp_path / "p/lease.1.json", (tomorrow, tomorrow))

    register = store.read_register("p/lease.json")

    assert register is not None
    assert register.age_s > 86_000


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_runs_on_a_disk_that_takes_no_file_can_be_looked_at(tmp_path: Path, number: int) -> None:
    """Who may only read can't ask the disk for its time, and needn't: their own is near enough for a list."""
    FileStore(tmp_path).swap("p/lease.json", b"1", expected=0)

    class Full(FileStore):
        def _new_file(self, name: str) -> NoReturn:
            raise OSError(number, os.strerror(number), name)

    register = Full(tmp_path).read_register("p/lease.json")

    assert register is not None
    assert register.age_s < 3600


def test_a_folder_is_flushed_to_the_disk_with_what_is_first_put_into_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With fsync an object survives the machine, and so do the folders that were made for it."""
    flushed: list[str] = []
    monkeypatch.setattr(files, "sync_folder", flushed.append)

    FileStore(tmp_path / "state", fsync=True).create("p/runs/r/run.json", b"1")
    FileStore(tmp_path / "state", fsync=True).create("p/runs/r/steps/a@1.json", b"1")

    folders = [".", "state", "state/p", "state/p/runs", "state/p/runs/r", "state/p/runs/r/steps"]
    assert set(map(Path, flushed)) == {tmp_path / one for one in folders}


@pytest.mark.parametrize("last", [1, 2, 3, 7, 8, 9, 1_000])
def test_the_last_generation_is_found_without_a_list_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    """A slot is written for each run of its pipeline, for years."""
    store = FileStore(tmp_path)
    for generation in range(last):
        assert store.swap("p/slots/1.json", b"%d" % generation, expected=generation) == generation + 1
    monkeypatch.setattr(store, "children", lambda folder: pytest.fail("the folder was listed"))

    register = store.read_register("p/slots/1.json")

    assert register is not None
    assert (register.generation, register.data) == (last, b"%d" % (last - 1))


def test_a_register_whose_first_generations_were_deleted_is_found(tmp_path: Path) -> None:
    """Somebody tidied up: the last one counts."""
    store = FileStore(tmp_path)
    for generation in range(5):
        store.swap("p/slots/1.json", b"x", expected=generation)
    for generation in (1, 2):
        (tmp_path / f"p/slots/1.{generation}.json").unlink()

    register = store.read_register("p/slots/1.json")

    assert register is not None
    assert register.generation == 5


def test_a_register_that_was_deleted_is_nobodys(tmp_path: Path) -> None:
    """A holder learns at its next renewal that somebody deleted its lease."""
    store = FileStore(tmp_path)
    store.swap("p/lease.json", b"1", expected=0)
    (tmp_path / "p/lease.1.json").unlink()

    assert store.renew("p/lease.json", b"1", generation=1) is None


def test_a_folder_of_a_deleted_run_is_not_made_again(tmp_path: Path) -> None:
    """A commit in a run's folder makes the folder for commits, but not the run's own."""
    store = FileStore(tmp_path)
    store.create("p/runs/r/run.json", b"1")

    assert store.create("p/runs/r/steps/a@1.json", b"1")
    with pytest.raises(StoreError, match="deleted/steps"):
        store.create("p/runs/deleted/steps/a@1.json", b"1")
    assert store.children("p/runs/") == ["r/"]


def test_a_store_on_a_drive_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above it there is nothing more to look for."""

    def missing(folder: str, **_: object) -> NoReturn:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), folder)

    monkeypatch.setattr("pplns.stores.new_files.os.path.exists", lambda _: False)
    monkeypatch.setattr("pplns.stores.new_files.os.makedirs", missing)

    with pytest.raises(StoreError, match="No such file"):
        FileStore(tmp_path / "store").create("a/b", b"")


def test_a_folder_in_the_way_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """A store whose path is a file says so in three parts."""
    (tmp_path / "store").write_text("a file")

    with pytest.raises(StoreError) as caught:
        FileStore(tmp_path / "store").prepare()

    assert "Can't write" in caught.value.met
    assert caught.value.expected
    assert "--store" in caught.value.remedy


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (errno.ENOSPC, "space"), (errno.EROFS, "can be written"), (errno.EACCES, "right"),
        (errno.EPERM, "hard links"), (errno.EOPNOTSUPP, "hard links"),
    ],
)  # fmt: skip
def test_errors_of_the_disk_name_the_remedy(tmp_path: Path, number: int, word: str) -> None:
    """A full, a read-only and a forbidden disk are told apart, and one without hard links."""

    def publish(temporary: str, name: str) -> None:
        Path(temporary).unlink()
        raise OSError(number, os.strerror(number))

    with pytest.raises(StoreError) as caught:
        FileStore(tmp_path, publish=publish).create("p/x", b"")

    assert word in caught.value.remedy


def test_a_file_system_without_exclusive_names_is_refused(tmp_path: Path) -> None:
    """Where the second writer replaces the first one's file, no run can be safe."""
    store = FileStore(tmp_path, publish=os.replace)

    with pytest.raises(StoreError, match="lets two writers create the same file"):
        store.prepare()


def test_windows_publishing_waits_for_a_scanner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rename that a virus scanner forbids for a moment is repeated; an existing name is refused at once."""
    answers: list[type[OSError] | None] = [PermissionError, PermissionError, None, FileExistsError]
    waits: list[float] = []

    def rename(temporary: str, name: str) -> None:
        answer = answers.pop(0)
        if answer is not None:
            raise answer
        Path(temporary).replace(name)

    monkeypatch.setattr("pplns.stores.files.IS_WINDOWS", True)
    monkeypatch.setattr("pplns.stores.files.os.rename", rename)
    monkeypatch.setattr("pplns.stores.files.time.sleep", waits.append)
    store = FileStore(tmp_path, publish=publish_by_rename)

    assert store.create("p/x", b"1")
    assert not store.create("p/x", b"2")
    assert len(waits) == 2
    assert [one.name for one in (tmp_path / "p").iterdir()] == ["x"]


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda store: store.delete("p/lease.1.json"), id="delete"),
        pytest.param(lambda store: store.renew("p/lease.json", b"1", generation=1), id="renew"),
        pytest.param(lambda store: store.read_register("p/lease.json"), id="measure"),
        pytest.param(lambda store: store.read("p/lease.1.json"), id="read"),
        pytest.param(lambda store: store.open("p/lease.1.json"), id="open"),
    ],
)
def test_windows_waits_for_a_scanner_with_every_operation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[[FileStore], object]
) -> None:
    """A file that another program holds for a moment is deleted, renewed and measured all the same."""
    store = FileStore(tmp_path)
    store.swap("p/lease.json", b"1", expected=0)
    refusals = [PermissionError(errno.EACCES, "held")] * 2
    monkeypatch.setattr("pplns.stores.files.IS_WINDOWS", True)
    monkeypatch.setattr("pplns.stores.files.os.unlink", _refusing(os.unlink, refusals))
    monkeypatch.setattr("pplns.stores.files.os.utime", _refusing(os.utime, refusals))
    monkeypatch.setattr("pplns.stores.files._reading", _refusing(files._reading, refusals))
    monkeypatch.setattr("pplns.stores.files.time.sleep", lambda seconds: None)

    act(store)

    assert not refusals


def _refusing(act: Callable[[str], T], refusals: list[PermissionError]) -> Callable[[str], T]:
    """Return an operation of the system that is refused so many times."""

    def acted(path: str) -> T:
        if refusals:
            raise refusals.pop()
        return act(path)

    return acted


def test_an_open_artifact_outlives_nothing_else(tmp_path: Path) -> None:
    """A view of an artifact's bytes can't be written through."""
    store = FileStore(tmp_path)
    store.create("p/x", b"abc")

    opened = store.open("p/x")

    assert isinstance(opened, memoryview)
    assert opened.readonly


def test_urls(tmp_path: Path) -> None:
    """Relative paths start at the project; memory: is one store in a process; all else is refused."""
    inside = open_store("file:state", root=tmp_path)
    assert inside.url == f"file:{(tmp_path / 'state').as_posix()}"
    assert open_store(f"file:{tmp_path}/x?fsync=1", root=Path()).url.endswith("x?fsync=1")
    assert isinstance(open_store("memory:", root=tmp_path), MemoryStore)
    assert open_store("memory:", root=tmp_path) is open_store("memory:", root=tmp_path)


@pytest.mark.parametrize("url", ["", "file:", "s3://bucket", "file:x?sync=yes", "state", "files:x"])
def test_a_malformed_url_is_refused(url: str, tmp_path: Path) -> None:
    """The message shows the forms that are accepted."""
    with pytest.raises(ConfigError) as caught:
        open_store(url, root=tmp_path)

    assert "file:" in str(caught.value)
