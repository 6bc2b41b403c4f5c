"""Reading back what a step of a run returned."""

from typing import Any

from pplns.errors import NotFoundError
from pplns.model.artifact import Commit
from pplns.model.names import nearest
from pplns.state.artifacts import load_value
from pplns.state.checkpoints import read_checkpoints
from pplns.state.history import read_run
from pplns.state.runs import read_head
from pplns.stores import Store


def read_commit(store: Store, pipeline: str, run_id: str, step: str) -> Commit:
    """Return the commit of a step that the run's record names, or the newest while it names none.

    Raises: NotFoundError, DamagedRecord."""
    head = read_head(store, pipeline, run_id)
    checkpoints = read_checkpoints(store, head.prefix)
    commits = [commit for (name, _), commit in checkpoints.commits.items() if name == step]
    if not commits:
        known = sorted({name for name, _ in checkpoints.commits})
        raise NotFoundError(
            f"Step {step!r} has no checkpoint in run {run_id!r} of pipeline {pipeline!r}.",
            f"Committed steps: {', '.join(map(repr, known)) or 'none'}.",
            f"Did you mean {nearest(step, known)!r}?" if nearest(step, known) else "See `pplns run-info`.",
        )
    version = next((one.version for one in read_run(store, pipeline, run_id).steps if one.step == step), None)
    shown = checkpoints.commits.get((step, version or ""))
    return shown or max(commits, key=lambda commit: commit.finished_at)


def read_values(store: Store, pipeline: str, run_id: str, step: str) -> tuple[Commit, list[Any]]:
    """Return a step's commit as the run's record names it, and its values: one, or several for several outputs.

    Raises: NotFoundError, DamagedArtifact, DamagedRecord."""
    commit = read_commit(store, pipeline, run_id, step)
    return commit, [load_value(store, value).handout() for value in commit.values]
