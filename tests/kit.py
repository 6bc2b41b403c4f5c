"""What tests of runs share: settings of a folder, runs on a store as commands make them, a store to meet writes."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pplns.engine.events import Observer, ignore
from pplns.engine.runner import ALL_STEPS, Origin, Selection, resume_run, run_pipeline
from pplns.model.run import RunRecord
from pplns.settings import Settings, load_settings
from pplns.state.artifacts import load_value
from pplns.state.history import read_commit
from pplns.steps import Pipeline
from pplns.stores import Store
from pplns.testing import FailingStore

AnyPipeline = Pipeline[..., Any]


def settings_of(folder: Path, **environ: str) -> Settings:
    """Return the settings of a project folder, which is made one if it isn't."""
    project = folder / "pyproject.toml"
    if not project.exists():
        project.write_text("[tool.pplns]\n")
    return load_settings(folder, flags={}, environ=environ)


class Runs:
    """Runs pipelines of a test on one store."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings

    def run(
        self,
        pipeline: AnyPipeline,
        params: Mapping[str, Any] | None = None,
        *,
        run_id: str | None = None,
        observer: Observer = ignore,
        selection: Selection = ALL_STEPS,
        **origin: Any,
    ) -> RunRecord:
        """Run a pipeline as `pplns run` does, or with another origin."""
        return run_pipeline(
            pipeline, store=self.store, settings=self.settings, params=params, run_id=run_id, observer=observer,
            selection=selection, origin=Origin(**origin),
        )  # fmt: skip

    def resume(
        self, pipeline: AnyPipeline, run_id: str, *, observer: Observer = ignore, selection: Selection = ALL_STEPS
    ) -> RunRecord:
        """Resume a run as `pplns resume` does."""
        return resume_run(
            pipeline, run_id, store=self.store, settings=self.settings, observer=observer, selection=selection
        )


class MetStore(FailingStore):
    """A failing store that also calls `before_create` with each name before it creates the object."""

    def __init__(self) -> None:
        super().__init__()
        self.before_create: Callable[[str], None] = lambda name: None

    def create(self, name: str, data: bytes) -> bool:
        """Create an object after the test has met its name."""
        self.before_create(name)
        return super().create(name, data)


def stored_values(store: Store, pipeline: str, run_id: str, step: str) -> list[Any]:
    """Return what a step of a run returned, read from its checkpoint: one value, or several for several outputs."""
    return [load_value(store, value).handout() for value in read_commit(store, pipeline, run_id, step).values]


def steps_of(record: RunRecord) -> dict[str, str]:
    """Return the state of each step, with "reused" for those that an earlier attempt had committed."""
    return {step.step: "reused" if step.reused else step.state for step in record.steps}
