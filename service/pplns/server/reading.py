"""What can be looked at: the pipelines and their runs. Nothing here writes."""

from typing import TYPE_CHECKING

from pplns.model.run import ErrorInfo
from pplns.server.answers import Answer
from pplns.server.descriptions import pipeline_json, split_usable, steps_json
from pplns.server.health import broken_json
from pplns.server.process import Served
from pplns.server.queries import Page
from pplns.state.history import list_runs, read_run

if TYPE_CHECKING:
    from pplns.errors import DamagedRecord


def show_pipelines(served: Served) -> Answer:
    """Return every pipeline, and what is broken: files, and pipelines whose parameters can't be used."""
    usable, unusable = split_usable(served.found)
    return Answer(200, {"pipelines": [pipeline_json(one) for one in usable], "broken": broken_json(served, unusable)})


def show_pipeline(served: Served, name: str) -> Answer:
    """Return a pipeline with its steps."""
    pipeline = served.pipeline(name)
    steps = steps_json(pipeline, timezone=served.settings.timezone)
    return Answer(200, {**pipeline_json(pipeline), "steps": steps})


def show_runs(served: Served, name: str, page: Page) -> Answer:
    """Return runs of a pipeline, newest first; `before` of the next page is null where this one is the last."""
    damaged: list[DamagedRecord] = []
    before = None if page.before is None else (served.pipeline(name).name, page.before)
    found = list_runs(
        served.store, pipeline=served.pipeline(name).name, state=page.state, limit=page.limit, before=before,
        on_damage=damaged.append,
    )  # fmt: skip
    following = found[-1].run_id if len(found) == page.limit else None
    problems = [ErrorInfo.of(error).as_json() for error in damaged]
    return Answer(200, {"runs": [run.as_json() for run in found], "problems": problems, "before": following})


def show_run(served: Served, name: str, run_id: str) -> Answer:
    """Return a run's record."""
    return Answer(200, read_run(served.store, served.pipeline(name).name, run_id).as_json())
