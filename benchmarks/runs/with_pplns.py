"""pplns on a file store. The project is written beside the store, as a user would have it."""

import sys
import time
from pathlib import Path

import work

from pplns.engine.runner import run_pipeline
from pplns.loader import load_pipeline
from pplns.settings import load_settings
from pplns.stores import FileStore

PIPELINE = f"""
import sys

sys.path.append({str(Path(__file__).parent)!r})
import work
from pplns import pipeline, step


@step
def first():
    return work.first()


@step
def following(value):
    return work.following(value)


@pipeline
def chain():
    value = first()
    for _ in range(work.STEPS - 1):
        value = following(value)
    return value
"""


def make_project(folder: Path) -> Path:
    """Write the project unless it is there, and return its folder."""
    project = folder.parent / f"{folder.name}-project"
    (project / "pipelines").mkdir(parents=True, exist_ok=True)
    (project / "pyproject.toml").write_text("[tool.pplns]\n", "utf-8")
    (project / "pipelines" / "chain.py").write_text(PIPELINE, "utf-8")
    return project


def main() -> None:
    """Run the pipeline in this process, or only write its project for the command line."""
    project = make_project(work.FOLDER)
    if "--project-only" in sys.argv:
        return
    settings = load_settings(project, flags={}, environ={})
    pipeline = load_pipeline(settings, "chain")
    started = time.perf_counter()
    record = run_pipeline(pipeline, store=FileStore(work.FOLDER), settings=settings, run_id="benchmark")
    seconds = time.perf_counter() - started
    if record.state != "succeeded":
        raise SystemExit(f"the run failed: {record.error}")
    work.report(seconds)


if __name__ == "__main__":
    main()
