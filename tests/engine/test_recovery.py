"""What is found at a resume: damaged artifacts, unreadable and newer records, another holder's commits."""

import contextlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from kit import AnyPipeline, MetStore, Runs, steps_of, stored_values
from pplns import pipeline, step
from pplns.engine import events
from pplns.errors import DamagedRecord, LeaseHeld, StoreError
from pplns.state.checkpoints import read_checkpoints
from pplns.state.ends import End, create_end
from pplns.state.history import list_runs, read_commit, read_run
from pplns.state.holders import Holder
from pplns.state.lease import Claim, acquire_lease, lease_name
from pplns.testing import FailingStore

calls: Counter[str] = Counter()
world: dict[str, int] = {}


@pytest.fixture(autouse=True)
def _fresh() -> None:
    calls.clear()
    world.update(factor=1, closed=0)


@step
def make() -> pd.DataFrame:
    calls["make"] += 1
    return pd.DataFrame({"a": [world["factor"], 2, 3]})


@step
def double(table: pd.DataFrame) -> pd.DataFrame:
    calls["double"] += 1
    return table * 2


@step
def publish(table: pd.DataFrame) -> int:
    calls["publish"] += 1
    if world["closed"]:
        raise ValueError("closed")
    return int(table["a"].sum())


@pipeline
def tables() -> Any:
    return publish(double(make()))


def fail_and_mend(runs: Runs) -> None:
    """Leave a run `r` with `make` and `double` committed."""
    world["closed"] = 1
    runs.run(tables, run_id="r")
    world["closed"] = 0


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.rglob(pattern)
    return found


@pytest.mark.parametrize("damage", ["changed", "truncated", "missing"])
def test_a_damaged_artifact_is_made_again(file_runs: Runs, tmp_path: Path, damage: str) -> None:
    """The step whose checkpoint is damaged runs again; its equal value lets the steps before it be reused."""
    fail_and_mend(file_runs)
    artifact = only(tmp_path, "double@*.arrow")
    data = artifact.read_bytes()
    artifact.unlink()
    if damage != "missing":
        artifact.write_bytes(data[:-9] if damage == "truncated" else data[:-9] + b"x" + data[-8:])
    seen: list[events.Event] = []

    record = file_runs.resume(tables, "r", observer=seen.append)

    assert (record.state, record.result) == ("succeeded", 12)
    assert calls == {"make": 1, "double": 2, "publish": 2}
    assert [one.step for one in seen if isinstance(one, events.StepRedone)] == ["double"]
    assert only(tmp_path, "redo/*").name == "double.1.json"


def test_an_equal_redo_reuses_what_depends_on_it(file_runs: Runs, tmp_path: Path) -> None:
    """`make` is damaged and made again with the same value: `double`, committed from the old one, stays."""
    fail_and_mend(file_runs)
    only(tmp_path, "make@*.arrow").unlink()
    only(tmp_path, "double@*.arrow").unlink()

    record = file_runs.resume(tables, "r")

    assert record.result == 12
    assert calls == {"make": 2, "double": 2, "publish": 2}
    assert len(list(tmp_path.rglob("double@*.json"))) == 2


def test_a_redo_with_another_value_runs_what_depends_on_it(file_runs: Runs, tmp_path: Path) -> None:
    """The world changed between the attempts: everything after the redone step follows it."""
    fail_and_mend(file_runs)
    only(tmp_path, "make@*.arrow").unlink()
    only(tmp_path, "double@*.arrow").unlink()
    world["factor"] = 10

    record = file_runs.resume(tables, "r")

    assert record.result == 30
    assert calls == {"make": 2, "double": 2, "publish": 2}


def test_a_delivery_goes_on_where_an_input_of_a_sink_was_made_again(runs: Runs, store: MetStore) -> None:
    """What the sink rests on was damaged, came out differently, and the attempt died before the sink had followed: no
    code changed, so the next delivery lets it follow; both its commits have one base."""
    store.fail("create", matching="/attempts/1.json", times=2)
    with pytest.raises(StoreError):
        runs.run(tables, run_id="r", by_person=False)
    store.delete(str(read_commit(store, "tables", "r", "make").artifact))
    world["factor"] = 10
    store.fail("create", matching="/steps/publish@", times=None)
    assert runs.run(tables, run_id="r", by_person=False).state == "failed"
    store.mend()

    record = runs.run(tables, run_id="r", by_person=False)

    commits = read_checkpoints(store, "tables/runs/r").commits
    assert (record.state, record.error, record.result) == ("succeeded", None, 30)
    assert len({one.base_version or one.version for (name, _), one in commits.items() if name == "publish"}) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1}', "\x00\x00", '{"schema":1,"step":3}'])
def test_an_unreadable_commit_is_passed_by_a_redo(file_runs: Runs, tmp_path: Path, text: str) -> None:
    """A commit that is corrupt or half-written is never written over: the step gets a new version."""
    fail_and_mend(file_runs)
    commit = only(tmp_path, "double@*.json")
    commit.write_text(text)

    record = file_runs.resume(tables, "r")

    assert (record.state, record.result) == ("succeeded", 12)
    assert calls == {"make": 1, "double": 2, "publish": 2}
    assert commit.read_text() == text


@pytest.mark.parametrize("pattern", ["double@*.json", "run.json", "lease.1.json", "attempts/1.json"])
def test_a_newer_record_is_refused(file_runs: Runs, tmp_path: Path, pattern: str) -> None:
    """What a newer pplns wrote is whole: the message says to upgrade, and nothing is touched."""
    fail_and_mend(file_runs)
    found = only(tmp_path, pattern)
    found.write_text(json.dumps(json.loads(found.read_text()) | {"schema": 2}))

    with pytest.raises(DamagedRecord, match="Upgrade") as caught:
        file_runs.resume(tables, "r")

    assert "schema 2" in caught.value.met
    assert calls["double"] == 1


@pytest.mark.parametrize("pattern", ["run.json", "lease.1.json", "attempts/1.json"])
@pytest.mark.parametrize("text", ["", "{", "null", '{"schema": 1}'])
def test_a_damaged_record_of_the_run_is_named(file_runs: Runs, tmp_path: Path, pattern: str, text: str) -> None:
    """Where nothing can be rebuilt the error says which record it is and what to do."""
    fail_and_mend(file_runs)
    only(tmp_path, pattern).write_text(text)

    with pytest.raises(DamagedRecord) as caught:
        file_runs.resume(tables, "r")

    assert pattern.split(".", maxsplit=1)[0].split("/", maxsplit=1)[0] in caught.value.met
    assert caught.value.remedy


def test_an_unreadable_commit_that_was_first_ends_the_attempt_only(runs: Runs, store: MetStore) -> None:
    """It turns up as our own is refused: the next delivery passes it by a redo, as it would have at its start."""
    store.before("create", lambda name: store.create(name, b"{"), matching="/steps/double@")

    refused = runs.run(tables, run_id="r", by_person=False)
    record = runs.run(tables, run_id="r", by_person=False)

    assert refused.error is not None
    assert (refused.state, refused.final, refused.error.code) == ("failed", False, "damaged_record")
    assert (record.state, record.result) == ("succeeded", 12)


def test_whoever_is_refused_a_commit_takes_the_committed_value(runs: Runs, store: FailingStore) -> None:
    """Another holder's late commit of `double` lands first: its value counts, and what began from ours is discarded."""
    donor = Runs(FailingStore(), runs.settings)
    foreign = _commit_of(donor, tables, "double", value=7)
    store.before("create", lambda name: store.create(name, foreign), matching="/steps/double@")

    record = runs.run(tables, run_id="r")

    assert (record.state, record.result) == ("succeeded", 7 * 2 + 4 + 6)


def _commit_of(donor: Runs, one: AnyPipeline, name: str, *, value: int) -> bytes:
    """Return the commit of a step as another holder of run `r` would have written it, with another value."""
    world["factor"] = value
    donor.run(one, run_id="r")
    world["factor"] = 1
    folder = f"{one.name}/runs/r/steps/"
    (found,) = [base for base in donor.store.children(folder) if base.startswith(name)]
    record = json.loads(donor.store.read(folder + found) or b"")
    artifact = record["values"][0]["artifact"]
    shared.append((artifact, donor.store.read(artifact) or b""))
    return json.dumps(record).encode()


shared: list[tuple[str, bytes]] = []


@pytest.fixture(autouse=True)
def _artifacts_of_the_other_holder(store: FailingStore) -> Any:
    shared.clear()
    read = store.open
    store.open = lambda name: dict(shared).get(name) or read(name)  # type: ignore[method-assign]
    return None


CLAIM = Claim(Holder("someone else"), 30.0)


def test_a_holder_that_lost_the_run_writes_nothing_more(runs: Runs, store: FailingStore) -> None:
    """Sealed and taken over in the middle, it stops with LeaseHeld: no commit and no end of its own follow."""
    prefix = "tables/runs/r"
    names: list[str] = []

    def take_over(name: str) -> None:
        create_end(store, prefix, End(1, "lost", final=False, finished_at="2013-01-01T00:00:00+00:00"), writer="x")
        register = store.read_register(lease_name(prefix))
        assert register is not None
        assert store.swap(lease_name(prefix), register.data, expected=register.generation)
        names.extend(store.names("create"))

    store.before("create", take_over, matching="/attempts/1.json")
    with pytest.raises(LeaseHeld):
        runs.run(tables, run_id="r")

    assert store.names("create") == names
    assert store.read(f"{prefix}/attempts/2.json") is None


def test_a_holder_that_lost_the_run_fails_as_any_other(runs: Runs, store: FailingStore) -> None:
    """Its store fails as well: the end of that failure finds the run taken over, and the caller is told so."""
    prefix = "tables/runs/r"

    def take_over(name: str) -> None:
        create_end(store, prefix, End(1, "lost", final=False, finished_at="2013-01-01T00:00:00+00:00"), writer="x")
        register = store.read_register(lease_name(prefix))
        assert register is not None
        assert store.swap(lease_name(prefix), register.data, expected=register.generation)

    store.fail("read", matching="/attempts/1.cancel.json")
    store.before("create", take_over, matching="/attempts/1.json")

    with pytest.raises(LeaseHeld, match="took this run over"):
        runs.run(tables, run_id="r")


def test_a_live_holder_that_was_sealed_moves_to_the_next_attempt(runs: Runs, store: FailingStore) -> None:
    """Whoever sealed it died before taking the lease: the holder ends attempt 2 instead, with its success."""
    prefix = "tables/runs/r"

    def seal(name: str) -> None:
        create_end(store, prefix, End(1, "lost", final=False, finished_at="2013-01-01T00:00:00+00:00"), writer="x")

    store.before("create", seal, matching="/attempts/1.json")
    record = runs.run(tables, run_id="r")

    assert (record.state, record.attempt, record.result) == ("succeeded", 2, 12)


def test_a_vanished_attempt_is_lost_and_taken_over(runs: Runs, store: FailingStore) -> None:
    """A lease that ran out is ended as lost, then the next attempt begins; what was committed is reused."""
    world["closed"] = 1
    runs.run(tables, run_id="r")
    world["closed"] = 0
    lease = acquire_lease(store, "tables/runs/r", Claim(Holder("gone"), duration_s=0.0), reopen=True)
    assert not isinstance(lease, End)

    record = runs.resume(tables, "r")

    assert (record.state, record.attempt, steps_of(record)["double"]) == ("succeeded", 3, "reused")


def test_five_attempts_lost_without_a_commit_end_the_run(runs: Runs, store: FailingStore) -> None:
    """A delivery that kills its container each time isn't repeated for ever; a person may still resume."""
    runs.run(tables, run_id="other")
    world["closed"] = 1
    runs.run(tables, run_id="r", by_person=False)
    world["closed"] = 0
    for _ in range(5):
        assert not isinstance(acquire_lease(store, "tables/runs/r", Claim(Holder("gone"), 0.0), reopen=True), End)

    delivered = runs.run(tables, run_id="r", by_person=False)
    resumed = runs.resume(tables, "r")

    assert (delivered.state, delivered.final) == ("failed", True)
    assert delivered.error is not None
    assert delivered.error.code == "lost_repeatedly"
    assert resumed.state == "succeeded"


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_damage_that_nobody_would_read_is_found_by_a_resume(file_runs: Runs, tmp_path: Path, damage: str) -> None:
    """The run succeeded and all is reused: a person's resume looks at each artifact and makes the damaged one again."""
    file_runs.run(tables, run_id="r")
    artifact = only(tmp_path, "double@*.arrow")
    data = artifact.read_bytes()
    artifact.unlink()
    if damage == "changed":
        artifact.write_bytes(data[:-9] + b"x" + data[-8:])

    record = file_runs.resume(tables, "r")

    assert (record.state, record.result) == ("succeeded", 12)
    assert calls == {"make": 1, "double": 2, "publish": 1}
    assert len(list(tmp_path.rglob("double@*.arrow"))) == (2 if damage == "changed" else 1)


def test_a_newer_commit_spoils_no_run_that_succeeded(file_runs: Runs, tmp_path: Path) -> None:
    """An older pplns that meets a newer commit refuses before it writes anything: the run stays what it was."""
    first = file_runs.run(tables, run_id="r")
    commit = only(tmp_path, "double@*.json")
    commit.write_text(json.dumps(json.loads(commit.read_text()) | {"schema": 9}))

    with pytest.raises(DamagedRecord, match="schema 9"):
        file_runs.resume(tables, "r")

    assert sorted(one.name for one in tmp_path.rglob("lease.*.json")) == ["lease.1.json"]
    assert read_run(file_runs.store, "tables", "r") == first


def _fields(value: Any, path: tuple[Any, ...] = ()) -> Any:
    """Yield the path of each field in a record, at any depth."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in items:
        yield (*path, key)
        yield from _fields(one, (*path, key))


@pytest.mark.parametrize("pattern", ["run.json", "lease.1.json", "attempts/1.json", "double@*.json"])
@pytest.mark.parametrize("wrong", [None, "", "x", -1, [], {}, True, 1e308, "2013-01-01T00:00:00"], ids=repr)
def test_a_record_with_one_wrong_field_is_damage_and_never_a_crash(
    file_runs: Runs, tmp_path: Path, pattern: str, wrong: Any
) -> None:
    """Each field in turn gets a value of another kind: it is read, refused by name, or the step runs again."""
    fail_and_mend(file_runs)
    found = only(tmp_path, pattern)
    whole = json.loads(found.read_text())
    for path in _fields(whole):
        if path == ("schema",):
            continue
        spoilt = json.loads(json.dumps(whole))
        inner = spoilt
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = wrong
        found.write_text(json.dumps(spoilt))

        with contextlib.suppress(DamagedRecord):
            read_run(file_runs.store, "tables", "r")
            list_runs(file_runs.store)
            stored_values(file_runs.store, "tables", "r", "make")
