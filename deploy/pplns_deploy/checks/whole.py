"""All checks of a project together: in a clean process what needs its code, here what needs its environments."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pplns.loader import discover
from pplns.settings import Settings
from pplns_deploy.checks.code import check_credentials, check_local_paths, check_sizes
from pplns_deploy.checks.deployment import Deployment
from pplns_deploy.checks.findings import Checked, Finding, in_order, name_of_check
from pplns_deploy.checks.online import check_backlogs, check_existing_topics
from pplns_deploy.checks.placing import (
    check_accounts,
    check_invokers,
    check_machines,
    check_names,
    check_params,
    check_pipeline_tables,
)
from pplns_deploy.checks.project import check_project
from pplns_deploy.checks.supplies import check_dotenv, check_imports, check_lock, check_secrets
from pplns_deploy.checks.timing import check_bursts, check_daylight_saving, check_request_times
from pplns_deploy.environments import Environment
from pplns_deploy.manifest import BrokenFile, Manifest, call_clean
from pplns_deploy.manifest.describing import describe_project

EnvironmentCheck = Callable[[Deployment], Iterator[Finding]]

ENVIRONMENT_CHECKS: tuple[EnvironmentCheck, ...] = (
    check_names,
    check_pipeline_tables,
    check_params,
    check_machines,
    check_accounts,
    check_invokers,
    check_daylight_saving,
    check_request_times,
    check_bursts,
    check_secrets,
    check_dotenv,
    check_lock,
    check_imports,
    check_credentials,
    check_local_paths,
    check_sizes,
)
ONLINE_CHECKS: tuple[EnvironmentCheck, ...] = (check_existing_topics, check_backlogs)


def check_everything(
    settings: Settings,
    *,
    now: datetime,
    chosen: Iterable[Environment] = (),
    environments: Mapping[str, Environment] | None = None,
    online: bool = False,
) -> Checked:
    """Check a project, and each chosen environment of it; `environments` are all that it has.

    Raises: ConfigError for a project without pipelines."""
    places = list(chosen)
    options = {"now": now.isoformat(), "params": [_params_of(one) for one in places] or [{}]}
    answer = call_clean("pplns_deploy.checks.whole:inspect", settings, options=options)
    if isinstance(answer, BrokenFile):
        broken = settings.root / answer.file
        return Checked((), (broken,), (Finding("error", answer.message, answer.hint, file=broken, check="files"),))
    manifest = Manifest.from_json(answer["manifest"])
    findings = [Finding.from_json(one) for one in answer["findings"]]
    for place in places:
        deployment = Deployment(settings.root, manifest, place, environments or {place.name: place}, now)
        findings += check_deployment(deployment, online=online)
    files = tuple(Path(one) for one in answer["files"])
    return Checked(tuple(one.name for one in manifest.pipelines), files, in_order(findings))


def check_deployment(deployment: Deployment, *, online: bool = False) -> Iterator[Finding]:
    """Run every check of an environment."""
    for check in (*ENVIRONMENT_CHECKS, *(ONLINE_CHECKS if online else ())):
        for finding in check(deployment):
            yield replace(finding, check=name_of_check(check), environment=deployment.environment.name)


def inspect(settings: Settings, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest and the findings of what needs the project's code; called in the clean process."""
    found = discover(settings)
    now = datetime.fromisoformat(options["now"])
    checked = check_project(settings, now=now, found=found, params=options["params"])
    return {
        "manifest": describe_project(found, settings).as_json(),
        "findings": [one.as_json() for one in checked.findings],
        "files": [str(one) for one in checked.files],
    }


def _params_of(environment: Environment) -> dict[str, dict[str, Any]]:
    """Return the parameters that an environment sends, by pipeline; "*" is for those that it doesn't name."""
    named = {name: dict(config.params) for name, config in environment.pipelines.items()}
    return {"*": dict(environment.defaults.params), **named}
