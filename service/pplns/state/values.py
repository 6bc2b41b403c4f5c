"""Reading back what a step of a run returned."""

from typing import Any

from pplns.errors import NotFoundError
from pplns.model.artifact import Commit
from pplns.model.names import nearest
from pplns.state.artifacts import load_value
from pplns.state.checkpoints import read_checkpoints
from pplns.state.runs import read_head
from pplns.stores import Store


def read_commit(store: Store, pipeline: str, run_id: str, step: str) -> Commit:
    """Return the newest commit of a step.

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
    return max(commits, key=lambda commit: commit.finished_at)


def read_values(store: Store, pipeline: str, run_id: str, step: str) -> tuple[Commit, list[Any]]:
    """Return the newest commit of a step and its values: one, or several for a step with several outputs.

    Raises: NotFoundError, DamagedArtifact, DamagedRecord."""
    commit = read_commit(store, pipeline, run_id, step)
    return commit, [load_value(store, value).handout() for value in commit.values]
