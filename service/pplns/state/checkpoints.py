"""Commits and redos: what an attempt finds done, and how it makes a step's work count.

A commit is created if absent and never written over. One that can't be used any more is passed by a redo record, which
changes the step's version."""

from __future__ import annotations

from collections.abc import Mapping

from pplns.errors import DamagedRecord
from pplns.model.artifact import Commit, StoredValue
from pplns.state import records
from pplns.state.fields import Fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pplns.stores import Store

CommitKey = tuple[str, str]
_OPTIONAL = ("artifact", "meta", "rows", "columns")  # of a value, in its record


class Checkpoints:
    """All commits of a run by step and version, the number of redos of each step, and the unreadable commits.

    Several versions of a step may stand side by side: the graph's versions decide which one counts."""

    def __init__(self) -> None:
        self.commits: dict[CommitKey, Commit] = {}
        self.redos: dict[str, int] = {}
        self.unreadable: dict[CommitKey, str] = {}


def read_checkpoints(store: Store, prefix: str) -> Checkpoints:
    """Read what is committed in a run.

    Raises: NewerRecord for a commit that a newer pplns wrote."""
    found = Checkpoints()
    for base in store.children(f"{prefix}/redo/"):
        step, _, number = base.removesuffix(".json").rpartition(".")
        if number.isdecimal():
            found.redos[step] = max(found.redos.get(step, 0), int(number))
    bases = store.children(f"{prefix}/steps/")
    names = [f"{prefix}/steps/{base}" for base in bases]
    for base, name, data in zip(bases, names, store.read_all(names), strict=True):
        step, _, version = base.removesuffix(".json").rpartition("@")
        _take_commit(data, (step, version), name=name, found=found)
    return found


def create_commit(store: Store, prefix: str, commit: Commit) -> Commit:
    """Create a step's commit if absent, after its artifacts; return the one that stands: ours, or who was first.

    Raises: StoreError, DamagedRecord."""
    name = f"{prefix}/steps/{commit.step}@{commit.version}.json"
    standing = records.create(store, name, _as_record(commit), writer=commit.writer)
    return commit if standing is None else commit_from(standing, name=name)


def create_redo(store: Store, prefix: str, step: str, *, number: int, reason: str, writer: str) -> None:
    """Record that a step has to run again although it is committed. A repeat, or another's, changes nothing."""
    records.create(store, f"{prefix}/redo/{step}.{number}.json", {"step": step, "reason": reason}, writer=writer)


def _take_commit(data: bytes | None, key: CommitKey, *, name: str, found: Checkpoints) -> None:
    try:
        if data is not None:
            commit = commit_from(records.decode(data, name=name), name=name)
            if (commit.step, commit.version) != key:
                raise DamagedRecord(f"The commit {name!r} is of step {commit.step!r}, version {commit.version!r}.")
            found.commits[key] = commit
    except records.NewerRecord:
        raise
    except DamagedRecord as error:
        found.unreadable[key] = error.message


def _as_record(commit: Commit) -> dict[str, Any]:
    return {
        "step": commit.step, "version": commit.version, "several": commit.several, "attempt": commit.attempt,
        "tries": commit.tries, "started_at": commit.started_at, "finished_at": commit.finished_at,
        "duration_s": commit.duration_s, "values": [_value_as_record(value) for value in commit.values],
        **({} if commit.base_version is None else {"base_version": commit.base_version}),
    }  # fmt: skip


def _value_as_record(value: StoredValue) -> dict[str, Any]:
    record: dict[str, Any] = {"codec": value.codec, "digest": value.digest, "bytes": value.size_bytes}
    if value.artifact is None:
        record["inline"] = value.inline
    for key, one in zip(_OPTIONAL, (value.artifact, value.meta, value.rows, value.columns), strict=True):
        if one is not None:
            record[key] = one
    return record


def commit_from(record: Mapping[str, Any], *, name: str) -> Commit:
    """Return the commit in a record.

    Raises: DamagedRecord."""
    try:
        fields = Fields(record)
        return Commit(
            step=fields.text("step"), version=fields.text("version"), several=fields.flag("several"),
            attempt=fields.count("attempt"), tries=fields.count("tries"), started_at=fields.time("started_at"),
            finished_at=fields.time("finished_at"), duration_s=fields.seconds("duration_s"),
            writer=fields.text("writer"), values=tuple(_value_from(value) for value in fields.list("values")),
            base_version=fields.text_or_none("base_version"),
        )  # fmt: skip
    except ValueError as error:
        raise DamagedRecord(
            f"The commit {name!r} garbles {error}.",
            "A commit names its values, their digests and times.",
            "Resume the run: the step is run again.",
        ) from error


def _value_from(record: object) -> StoredValue:
    fields = Fields(record)
    artifact = fields.text_or_none("artifact")
    return StoredValue(
        codec=fields.text("codec"), digest=fields.text("digest"), size_bytes=fields.count("bytes"),
        inline=fields.any("inline") if artifact is None else None, artifact=artifact,
        meta=fields.mapping_or_none("meta"), rows=fields.count_or_none("rows"),
        columns=fields.mapping_or_none("columns"),
    )  # fmt: skip
