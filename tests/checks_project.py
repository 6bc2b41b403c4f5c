"""A project to check: one pipeline and one environment, of which a test writes what it is about."""

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from kit import settings_of
from pplns.loader import discover
from pplns_deploy.checks import Deployment, Finding, check_deployment, check_folder
from pplns_deploy.environments import read_environments
from pplns_deploy.locking import Lock, Pin, lock_file_of, read_inputs
from pplns_deploy.manifest.describing import describe_project

NOW = datetime(2026, 1, 31, tzinfo=UTC)
CODE = """
from pathlib import Path
from pplns import PubSub, Resources, Schedule, Secret, pipeline, step

@step{step}
def load(n) -> int:
    {body}
    return 1

@pipeline({options})
def sales(n: int = 1, path: str = {path!r}):
    return load(n)
"""
TABLE = """
[tool.pplns]
[tool.pplns.env.prod]
project = "acme-data"
region = "europe-west1"
{table}
"""


class Checkable:
    """A project in a folder, written anew for each question."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "pipelines").mkdir()

    def write(
        self, *, table: str = "", top: str = "", body: str = "pass", options: str = "", step: str = "", path: str = ""
    ) -> None:
        """Write a project that is sound but for what is given; [@x] in the table is x of the environment."""
        code = top + CODE.format(body=body, options=options, step=step, path=path)
        (self.root / "pipelines" / "sales.py").write_text(code, encoding="utf-8")
        (self.root / "pyproject.toml").write_text(
            TABLE.format(table=table.replace("[@", "[tool.pplns.env.prod.")), encoding="utf-8"
        )
        self.lock("pandas")

    def lock(self, *packages: str) -> None:
        """Write a lock that fits."""
        inputs = read_inputs(self.root)
        pins = tuple(Pin(name, "1.0", ("sha256:00",)) for name in packages)
        lock = Lock(inputs.digest((), "3.11"), "3.11", inputs.platforms, (), pins)
        lock_file_of(self.root).write_text(lock.as_text())

    def deployment(self, name: str = "prod") -> Deployment:
        """Return what the checks know."""
        sys.modules.pop("sales", None)  # of what was written before
        settings = settings_of(self.root)
        environments = read_environments(self.root)
        manifest = describe_project(discover(settings), settings)
        return Deployment(self.root, manifest, environments[name], environments, NOW)

    def findings_now(self) -> list[Finding]:
        """Return what every check of the environment finds."""
        deployment = self.deployment()
        found = [*check_folder(deployment), *check_deployment(deployment)]
        return [replace(one, environment=None) for one in found]
