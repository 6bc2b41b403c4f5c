"""A store that fails on order, and what runs make of it."""

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pplns import pipeline, step
from pplns.errors import DefinitionError, StoreError
from pplns.stores import FileStore
from pplns.testing import FailingStore, resume, run
from pplns.testing.failing import OPERATIONS

calls: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    calls.clear()


@pytest.fixture
def store() -> FailingStore:
    return FailingStore()


@step
def load() -> pd.DataFrame:
    calls["load"] += 1
    return pd.DataFrame({"a": range(3)})


@step
def total(table: pd.DataFrame) -> int:
    calls["total"] += 1
    return int(table["a"].sum())


@pipeline
def sums() -> int:
    return total(load())


def use(store: FailingStore, operation: str) -> Any:
    """Ask a store for one operation on the object `p/x`, or the folder `p/`."""
    uses: dict[str, Any] = {
        "prepare": store.prepare, "create": lambda: store.create("p/x", b"1"), "upload": lambda: upload(store),
        "read": lambda: store.read("p/x"), "open": lambda: store.open("p/x"), "children": lambda: store.children("p/"),
        "delete": lambda: store.delete("p/x"), "read_register": lambda: store.read_register("p/x"),
        "swap": lambda: store.swap("p/x", b"1", expected=0), "renew": lambda: store.renew("p/x", b"1", generation=1),
    }  # fmt: skip
    return uses[operation]()


def upload(store: FailingStore) -> bool:
    with store.upload("p/x") as made:
        made.write(b"1")
    return made.created


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_operation_fails_as_often_as_ordered(store: FailingStore, operation: Any) -> None:
    """Twice, then it works again; all three are counted."""
    store.fail(operation, times=2)

    for _ in range(2):
        with pytest.raises(StoreError, match="on order"):
            use(store, operation)
    use(store, operation)

    assert store.count(operation) == 3


@pytest.mark.parametrize(("after", "found"), [(False, None), (True, b"1")])
@pytest.mark.parametrize("operation", ["create", "upload"])
def test_a_lost_answer_leaves_the_write_standing(
    store: FailingStore, operation: Any, after: bool, found: bytes | None
) -> None:
    """With `after` the object is there although its writer was told of a failure."""
    store.fail(operation, after=after)

    with pytest.raises(StoreError):
        use(store, operation)

    assert store.read("p/x") == found


def test_an_order_is_for_matching_names_only(store: FailingStore) -> None:
    """Other objects aren't touched."""
    store.fail("create", matching="steps/", times=None)

    assert store.create("p/runs/r/run.json", b"")
    with pytest.raises(StoreError):
        store.create("p/runs/r/steps/a@1.json", b"")
    assert store.names("create", matching="steps/") == ["p/runs/r/steps/a@1.json"]


def test_any_error_may_be_ordered(store: FailingStore) -> None:
    """One that no store raises, to see what becomes of it."""
    store.fail("create", error=MemoryError("no room"), times=None)

    with pytest.raises(MemoryError, match="no room"):
        store.create("x", b"")

    store.mend()
    assert store.create("x", b"")


def test_a_read_of_many_fails_with_one_of_them(store: FailingStore) -> None:
    """Each name counts as a read of its own."""
    store.fail("read", matching="b")

    with pytest.raises(StoreError):
        store.read_all(["a", "b", "c"])
    assert store.read_all(["a", "b"]) == [None, None]
    assert store.count("read") == 4


def test_what_is_called_before_an_operation_may_use_the_store(store: FailingStore) -> None:
    """Another writer is first: the order is spent before it is followed."""
    store.before("create", lambda name: store.create(name, b"theirs"), matching="x")

    assert not store.create("x", b"ours")
    assert store.read("x") == b"theirs"


@pytest.mark.parametrize("order", ["fail", "before", "count"])
def test_an_unknown_operation_is_refused(store: FailingStore, order: str) -> None:
    """An order that is never met would prove nothing."""
    arguments = [lambda name: None] if order == "before" else []

    with pytest.raises(DefinitionError, match="Did you mean 'create'"):
        getattr(store, order)("creates", *arguments)


def test_an_order_for_no_times_is_refused(store: FailingStore) -> None:
    """Nothing would ever fail."""
    with pytest.raises(DefinitionError, match="0 times"):
        store.fail("create", times=0)


@pytest.mark.parametrize("operation", ["create", "upload"])
def test_a_write_that_fails_ends_the_attempt_and_loses_nothing(store: FailingStore, operation: Any) -> None:
    """Commit or value: the run is open, and a resume goes on."""
    store.fail(operation, matching="load@")

    failed = run(sums, store=store, run_id="r")
    done = resume(sums, "r", store=store)

    assert (failed.state, failed.record.final) == ("failed", False)
    assert (done.result, calls["load"]) == (3, 2)


def test_a_commit_whose_answer_was_lost_counts(store: FailingStore) -> None:
    """The attempt can't know and ends; the next one finds the commit and doesn't run the step again."""
    store.fail("create", matching="steps/load@", after=True)

    failed = run(sums, store=store, run_id="r")
    done = resume(sums, "r", store=store)

    assert failed.state == "failed"
    assert (done.result, calls["load"], done.step("load").reused) == (3, 1, True)


def test_any_store_may_fail(tmp_path: Path) -> None:
    """Here one of files."""
    store = FailingStore(FileStore(tmp_path))
    store.fail("create", matching="steps/total@")

    assert run(sums, store=store).error is not None
    assert (store.url, store.shares_host) == (FileStore(tmp_path).url, True)
    assert list(tmp_path.rglob("load@*.json"))


@pytest.mark.parametrize("operation", ["read", "children", "read_register", "swap"])
def test_a_store_that_is_down_is_an_error_not_a_loss(store: FailingStore, operation: Any) -> None:
    """Before an attempt has begun nothing can be recorded: the error comes out, and later the run goes on."""
    run(sums, store=store, run_id="r")
    store.fail(operation)

    with pytest.raises(StoreError, match="on order"):
        resume(sums, "r", store=store)
    assert resume(sums, "r", store=store).result == 3
    assert calls == {"load": 1, "total": 1}
