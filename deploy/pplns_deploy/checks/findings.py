"""What a check knows of a pipeline, and what it finds: a message, and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pplns.graph import Graph
from pplns.steps import Pipeline, StepOptions
from pplns.steps.parameters import Parameter

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, or will likely go wrong, and what to do about it."""

    severity: Severity
    message: str
    remedy: str
    pipeline: str | None = None
    file: Path | None = None
    line: int | None = None

    @property
    def place(self) -> str:
        """File and line as editors understand them."""
        return "" if self.file is None else str(self.file) + (f":{self.line}" if self.line else "")

    def as_json(self) -> dict[str, Any]:
        """Return the finding for `pplns check --json`."""
        return {
            "severity": self.severity, "message": self.message, "remedy": self.remedy, "pipeline": self.pipeline,
            "file": None if self.file is None else str(self.file), "line": self.line,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Checked:
    """What was checked, and what was found, errors first."""

    pipelines: tuple[str, ...]
    files: tuple[Path, ...]
    findings: tuple[Finding, ...]

    def count(self, severity: Severity) -> int:
        """Return how many findings have a severity."""
        return sum(finding.severity == severity for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Subject:
    """One pipeline while it is checked. `graphs` holds a graph for each set of parameters that is known to occur,
    and where some have no default one that leaves them unknown, if the steps don't depend on them."""

    pipeline: Pipeline[..., Any]
    parameters: tuple[Parameter, ...]
    graphs: tuple[Graph, ...]
    timezone: str
    now: datetime

    @property
    def name(self) -> str:
        """The name of the pipeline."""
        return self.pipeline.name

    def error(self, message: str, remedy: str) -> Finding:
        """Return a finding that makes the check fail."""
        return Finding("error", message, remedy, self.name)

    def warning(self, message: str, remedy: str) -> Finding:
        """Return a finding that only warns."""
        return Finding("warning", message, remedy, self.name)

    def required(self, given: Mapping[str, Any]) -> list[str]:
        """Return the parameters without a default that aren't given."""
        return [one.name for one in self.parameters if one.is_required and one.name not in given]

    def options_by_step(self) -> dict[str, StepOptions]:
        """Return the options of each step, from all graphs."""
        return {call.name: call.step.options_set for graph in self.graphs for call in graph.calls}
