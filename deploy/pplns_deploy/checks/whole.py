"""All checks of a project together: in a clean process what needs its code, here what needs its environments."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pplns.loader import discover
from pplns.settings import Settings
from pplns_deploy.checks.code import check_credentials, check_image_files, check_local_paths, check_sizes
from pplns_deploy.checks.deployment import Deployment
from pplns_deploy.checks.findings import Checked, Finding, in_order, name_of_check, said_once
from pplns_deploy.checks.online import check_online
from pplns_deploy.checks.placing import (
    check_accounts,
    check_invokers,
    check_machines,
    check_names,
    check_params,
    check_pipeline_tables,
    check_smoke,
)
from pplns_deploy.checks.project import check_project
from pplns_deploy.checks.quotas import check_account_quota, check_conditions, check_counts
from pplns_deploy.checks.supplies import (
    check_dotenv,
    check_image_settings,
    check_imports,
    check_lock,
    check_lock_groups,
    check_secrets,
    check_shared_variables,
)
from pplns_deploy.checks.timing import check_bursts, check_daylight_saving, check_request_times
from pplns_deploy.environments import Environment
from pplns_deploy.manifest import BrokenFile, Manifest, call_clean
from pplns_deploy.manifest.describing import describe_project

EnvironmentCheck = Callable[[Deployment], Iterator[Finding]]

ENVIRONMENT_CHECKS: tuple[EnvironmentCheck, ...] = (
    check_names,
    check_pipeline_tables,
    check_params,
    check_smoke,
    check_machines,
    check_accounts,
    check_invokers,
    check_account_quota,
    check_conditions,
    check_counts,
    check_daylight_saving,
    check_request_times,
    check_bursts,
    check_secrets,
    check_shared_variables,
    check_imports,
    check_credentials,
    check_local_paths,
    check_sizes,
)
# Of what is the same in every environment; made once, where there is one to deploy to.
FOLDER_CHECKS: tuple[EnvironmentCheck, ...] = (
    check_dotenv,
    check_lock,
    check_lock_groups,
    check_image_settings,
    check_image_files,
)


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
    known = environments or {place.name: place for place in places}
    deployments = [Deployment(settings.root, manifest, place, known, now) for place in places]
    for deployment in deployments[:1]:
        findings += check_folder(deployment)
    found = [one for deployment in deployments for one in check_deployment(deployment, online=online)]
    findings += said_once(found, [place.name for place in places])
    files = tuple(Path(one) for one in answer["files"])
    return Checked(tuple(one.name for one in manifest.pipelines), files, in_order(findings), manifest)


def check_folder(deployment: Deployment) -> Iterator[Finding]:
    """Run every check of the project's folder as it would be deployed, to whatever environment."""
    for check in FOLDER_CHECKS:
        for finding in check(deployment):
            yield replace(finding, check=name_of_check(check))


def check_deployment(deployment: Deployment, *, online: bool = False) -> Iterator[Finding]:
    """Run every check of what one environment has."""
    place = deployment.environment.name
    for check in ENVIRONMENT_CHECKS:
        for finding in check(deployment):
            yield replace(finding, check=name_of_check(check), environment=place)
    if online:
        from pplns_deploy.cloud import GoogleApis

        for finding in check_online(deployment, GoogleApis(os.environ)):
            yield replace(finding, environment=place)


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
