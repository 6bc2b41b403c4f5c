"""What tests of `pplns dev` ask of a project."""

from pathlib import Path
from typing import Any

from pplns.state.history import read_run
from pplns.stores import open_store


def runs_of(project: Path, pipeline: str = "shop") -> list[dict[str, Any]]:
    """Return the runs of a pipeline as its store has them, the oldest first."""
    store = open_store("file:.pplns", root=project)
    folder = project / ".pplns" / pipeline / "runs"
    heads = sorted(folder.iterdir(), key=lambda one: (one / "run.json").stat().st_mtime_ns)
    return [read_run(store, pipeline, head.name).as_json() for head in heads]
