"""The content of `pplns.auto.tfvars.json`: all that the Terraform configuration is told about an environment.

Keys are sorted and nothing depends on the machine or the hour, so the same project gives the same bytes."""

import json
from collections.abc import Mapping
from typing import Any

from pplns.errors import ConfigError
from pplns_deploy.environments import Environment, names
from pplns_deploy.manifest import Manifest
from pplns_deploy.terraform.pipelines import pipeline_variables

VARIABLES_FILE = "pplns.auto.tfvars.json"


def generate_variables(
    manifest: Manifest,
    environment: Environment,
    *,
    images: Mapping[str, str],
    pipelines_folder: str | None = None,
) -> dict[str, Any]:
    """Return the variables of an environment. `images` has each pipeline's image, by digest.

    `pipelines_folder` is where the image has the pipelines, unless it says so itself.

    Raises: ConfigError for a pipeline without an image, and for what can't be deployed."""
    for entry in manifest.pipelines:
        if entry.name not in images:
            raise ConfigError(
                f"There is no image for the pipeline {entry.name!r}.",
                "Each pipeline that is deployed has one, named by its digest.",
                "Make it: pplns package --push.",
            )
    found: dict[str, Any] = {
        "project": environment.project,
        "region": environment.region,
        "scheduler_region": environment.scheduler_region,
        "environment": environment.name,
        "labels": dict(environment.labels),
        "notification_channels": list(environment.notification_channels),
        "invokers": list(environment.invokers),
        "ingress": environment.ingress,
        "accounts": {
            "schedule": names.scheduler_account_id(environment.name),
            "push": names.push_account_id(environment.name),
            "invoke": names.invoker_account_id(environment.name),
        },
        "repository": {"name": names.repository_id(environment.name)},
        "store": _store(environment),
        "pipelines": {
            entry.name: pipeline_variables(entry, environment, image=images[entry.name]) for entry in manifest.pipelines
        },
    }
    return found if pipelines_folder is None else {**found, "pipelines_folder": pipelines_folder}


def variables_text(variables: Mapping[str, Any]) -> str:
    """Return the variables as the file has them."""
    return json.dumps(variables, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _store(environment: Environment) -> dict[str, Any]:
    """Return the bucket and prefix of the runs; a bucket that the environment names is there already."""
    if environment.store is None:
        return {"bucket": names.bucket_name(environment.project, environment.name), "prefix": "", "create": True}
    bucket, _, prefix = environment.store.removeprefix("gs://").partition("/")
    return {"bucket": bucket, "prefix": prefix.strip("/"), "create": False}
