"""Runs that are heard: pipelines under a capture, whose lines the test reads."""

import io
import json
import logging
from pathlib import Path
from typing import Any

from kit import AnyPipeline, MetStore, Runs, settings_of
from pplns.logs.capture import Capture, capturing
from pplns.logs.outputs import JsonOutput
from pplns.model.run import RunRecord
from pplns.state.logs import read_chunks
from pplns.state.runs import run_prefix


class Heard:
    """Runs pipelines under a capture, and knows what came out."""

    def __init__(self, folder: Path) -> None:
        self.store = MetStore()
        self.runs = Runs(self.store, settings_of(folder))
        self.stdout = io.StringIO()

    def run(self, pipeline: AnyPipeline, *, run_id: str = "heard", output: bool = True) -> RunRecord:
        """Run a pipeline as a service does; without `output` as `pplns run` does."""
        logging.getLogger().setLevel(logging.INFO)  # as in a service; here the handlers of pytest stand in the way
        with capturing(Capture(JsonOutput(self.stdout) if output else None, project="shop-1")):
            return self.runs.run(pipeline, run_id=run_id)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """All lines on stdout."""
        return [json.loads(line) for line in self.stdout.getvalue().splitlines()]

    @property
    def said(self) -> list[dict[str, Any]]:
        """The lines that steps said, without those of pplns itself."""
        return [line for line in self.lines if "pplns_event" not in line]

    def event(self, name: str) -> dict[str, Any]:
        """The one line of an event."""
        (found,) = [line for line in self.lines if line.get("pplns_event") == name]
        return found

    def kept(self, pipeline: AnyPipeline, run_id: str = "heard") -> list[dict[str, Any]]:
        """The lines that are kept with a run."""
        chunks = read_chunks(self.store, run_prefix(pipeline.name, run_id))
        return [json.loads(line) for _, lines in chunks for line in lines]
