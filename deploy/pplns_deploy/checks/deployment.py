"""What a check of a deployment knows: the manifest, one environment, and the others of the project."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pplns_deploy.checks.findings import Finding, Severity
from pplns_deploy.environments import Environment, PipelineConfig
from pplns_deploy.manifest import Manifest, PipelineEntry


@dataclass(frozen=True, slots=True)
class Deployment:
    """A project and the environment that it is to be deployed to."""

    root: Path
    manifest: Manifest
    environment: Environment
    environments: Mapping[str, Environment]
    now: datetime

    def config_of(self, entry: PipelineEntry) -> PipelineConfig:
        """Return what a pipeline gets in this environment."""
        return self.environment.config_of(entry.name)

    def params_of(self, entry: PipelineEntry) -> dict[str, Any]:
        """Return the parameters of the environment that a pipeline has."""
        known = {one.name for one in entry.declared.parameters}
        return {name: value for name, value in self.config_of(entry).params.items() if name in known}

    def error(self, message: str, remedy: str, entry: PipelineEntry | None = None) -> Finding:
        """Return a finding at the environment's table that makes the check fail."""
        return self._at_table("error", message, remedy, entry)

    def warning(self, message: str, remedy: str, entry: PipelineEntry | None = None) -> Finding:
        """Return a finding at the environment's table that only warns."""
        return self._at_table("warning", message, remedy, entry)

    def at_code(
        self, severity: Severity, message: str, remedy: str, entry: PipelineEntry, *, file: str = "", line: int = 0
    ) -> Finding:
        """Return a finding at a line of the code; without one, where the pipeline begins."""
        place, number = (file, line) if file else (entry.file, entry.line)
        return Finding(severity, message, remedy, entry.name, self.root / place, number)

    def _at_table(self, severity: Severity, message: str, remedy: str, entry: PipelineEntry | None) -> Finding:
        name = entry.name if entry else None
        return Finding(severity, message, remedy, name, self.environment.file, line_of_table(self.environment, name))


def line_of_table(environment: Environment, pipeline: str | None) -> int | None:
    """Return the line of pyproject.toml where an environment's table begins, or the one of a pipeline in it."""
    lines = environment.file.read_text("utf-8-sig").splitlines() if environment.file.exists() else []
    head = rf"\[\s*tool\.pplns\.env\.{environment.name}"
    wanted = [rf"{head}\.pipelines\.[\"']?{re.escape(pipeline)}[\"']?[.\]]"] if pipeline else []
    for pattern in [*wanted, rf"{head}\s*\]", head]:
        for number, line in enumerate(lines, start=1):
            if re.match(pattern, line.strip()):
                return number
    return None
