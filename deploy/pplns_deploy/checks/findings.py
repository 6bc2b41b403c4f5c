"""What a check knows of a pipeline, and what it finds: a message, and what to do."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pplns.graph import Graph
from pplns.steps import Pipeline, StepOptions
from pplns.steps.parameters import Parameter
from pplns_deploy.manifest import Manifest

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, or will likely go wrong, and what to do about it.

    `check` is the name of the check, as docs/checks.md has it; `environment` is set where it is wrong only there."""

    severity: Severity
    message: str
    remedy: str
    pipeline: str | None = None
    file: Path | None = None
    line: int | None = None
    check: str = ""
    environment: str | None = None

    @property
    def place(self) -> str:
        """File and line as editors understand them."""
        return "" if self.file is None else str(self.file) + (f":{self.line}" if self.line else "")

    def as_json(self) -> dict[str, Any]:
        """Return the finding for `pplns check --json`."""
        return {
            "check": self.check, "severity": self.severity, "message": self.message, "remedy": self.remedy,
            "environment": self.environment, "pipeline": self.pipeline,
            "file": None if self.file is None else str(self.file), "line": self.line,
        }  # fmt: skip

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Finding":
        """Return what `as_json` was made from."""
        values: dict[str, Any] = dict(found)
        values["file"] = None if found["file"] is None else Path(found["file"])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Checked:
    """What was checked, and what was found, errors first; `manifest` is there where every file could be read."""

    pipelines: tuple[str, ...]
    files: tuple[Path, ...]
    findings: tuple[Finding, ...]
    manifest: Manifest | None = None

    def count(self, severity: Severity) -> int:
        """Return how many findings have a severity."""
        return sum(finding.severity == severity for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Subject:
    """One pipeline while it is checked. `graphs` holds a graph for each set of parameters that is known to occur,
    and where some have no default one that leaves them unknown, if the steps don't depend on them. `params` are those
    that the environment sends with each trigger; `root` is the project's folder."""

    pipeline: Pipeline[..., Any]
    parameters: tuple[Parameter, ...]
    graphs: tuple[Graph, ...]
    timezone: str
    now: datetime
    root: Path
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])

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
        """Return the parameters without a default that neither a trigger nor the environment gives."""
        return [one.name for one in self.parameters if one.is_required and one.name not in {**self.params, **given}]

    def sent(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a trigger sends, with the environment's parameters below its own."""
        return {**self.params, **given}

    def options_by_step(self) -> dict[str, StepOptions]:
        """Return the options of each step, from all graphs."""
        return {call.name: call.step.options_set for graph in self.graphs for call in graph.calls}


def name_of_check(check: Any) -> str:
    """Return the name of a check from that of its function."""
    return str(check.__name__).removeprefix("check_")


def said_once(findings: Iterable[Finding], environments: Iterable[str]) -> list[Finding]:
    """Return findings without those that say the same: of several pipelines one, which then names none; of several
    environments one that names none, where it is the same in all of them."""
    of_pipelines = _without(findings, "pipeline", lambda names: len(names) > 1)
    every = set(environments)
    return _without(of_pipelines, "environment", lambda names: len(every) > 1 and names == every)


def _without(
    findings: Iterable[Finding], field_name: Literal["pipeline", "environment"], is_common: Callable[[set[str]], bool]
) -> list[Finding]:
    groups: dict[Finding, list[Finding]] = {}
    for finding in findings:
        bare = replace(finding, pipeline=None) if field_name == "pipeline" else replace(finding, environment=None)
        groups.setdefault(bare, []).append(finding)
    kept: list[Finding] = []
    for bare, group in groups.items():
        kept += [bare] if is_common({str(getattr(one, field_name)) for one in group}) else group
    return kept


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings without repetitions, errors first."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda finding: finding.severity != "error"))
