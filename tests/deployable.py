"""Manifests and environments to deploy: the values, without the files that they would be read from."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pplns_deploy.environments import (
    BigQueryAccess,
    BucketAccess,
    ContainerLimits,
    Environment,
    PipelineConfig,
    SecretVersion,
    Vpc,
)
from pplns_deploy.manifest import Manifest
from pplns_deploy.manifest.model import Declared, ParameterEntry, PipelineEntry, TriggerEntry
from pplns_deploy.terraform import generate_variables

IMAGE = "europe-west1-docker.pkg.dev/acme-data/pplns-prod/shop@sha256:" + "0" * 64
REGION = ParameterEntry("region", "str", required=False, is_logical_date=False, default="us")
EVERY_TRIGGER = (
    TriggerEntry("schedule", "us", {"region": "us"}, cron="0 6 * * *", timezone="America/New_York"),
    TriggerEntry("schedule", None, {}, cron="*/15 * * * MON-FRI", timezone="UTC"),
    TriggerEntry("pubsub", None, {}, topic="orders"),
    TriggerEntry("pubsub", "returns", {"region": "eu"}, topic="orders", filter='attributes.kind = "return"'),
    TriggerEntry("pubsub", "partner", {}, topic="projects/acme-data/topics/partner"),
)
EVERYTHING = PipelineConfig(
    roles=("roles/datastore.user",),
    bigquery=BigQueryAccess(jobs=True, read=("raw", "acme-other.shared"), write=("mart",)),
    buckets=BucketAccess(read=("acme-landing/orders",), write=("acme-exports",)),
    env={"COUNTRY": "${de} %{if} \"quoted\""},
    secrets={
        "WAREHOUSE_PASSWORD": SecretVersion("warehouse-password", "1"),
        "PARTNER_TOKEN": SecretVersion("partner-token", "latest", project="acme-other"),
    },
    vpc=Vpc(network="default", subnet="default", egress="all-traffic"),
    cloudsql=("acme-data:europe-west1:shop",),
    resources=ContainerLimits(cpu=2, memory="4Gi", min_instances=1, max_instances=3),
    timeout=900.0,
    params={"region": "us"},
)  # fmt: skip


def entry(name: str, *triggers: TriggerEntry, **declared: Any) -> PipelineEntry:
    """Return a pipeline of a manifest."""
    values: dict[str, Any] = {
        "description": "", "parameters": (REGION,), "cpu": 1, "memory": "512Mi", "cpu_always": False,
        "timeout_s": None, "max_concurrent_runs": None, "max_parallel_steps": 8,
    }  # fmt: skip
    return PipelineEntry(
        declared=Declared(pipeline=name, triggers=triggers, **{**values, **declared}), file=f"pipelines/{name}.py",
        line=1, steps=None, secrets=(), libraries=(), sources=(), digest=name,
    )  # fmt: skip


def environment(name: str = "prod", **values: Any) -> Environment:
    """Return an environment in the project acme-data."""
    return Environment(
        **{
            "name": name,
            "file": Path("pyproject.toml"),
            "project": "acme-data",
            "region": "europe-west1",
            "scheduler_region": "europe-west1",
            **values,
        }
    )


def full_environment(**values: Any) -> Environment:
    """Return an environment that uses what there is to use; of `shop`, every tenth pipeline does."""
    full = ["daily_orders", *(f"pipeline_{number}" for number in range(10, 100, 10))]
    return environment(
        **{
            "labels": {"team": "data"},
            "invokers": ("group:data@acme.com", "serviceAccount:ci-runner@acme-data.iam.gserviceaccount.com"),
            "pipelines": dict.fromkeys(full, EVERYTHING),
            **values,
        }
    )


def variables(entries: Iterable[PipelineEntry], place: Environment | None = None, **options: Any) -> dict[str, Any]:
    """Return the variables of pipelines that all have the same image."""
    found = tuple(entries)
    images = {one.name: IMAGE for one in found}
    return generate_variables(Manifest(found), place or environment(), images=images, **options)


def shop(count: int) -> list[PipelineEntry]:
    """Return so many pipelines: the first with every kind of trigger, the others with some or none."""
    nightly = TriggerEntry("schedule", None, {}, cron="30 2 * * *", timezone="UTC")
    shared, own, partner = EVERY_TRIGGER[2], TriggerEntry("pubsub", None, {}, topic="returns"), EVERY_TRIGGER[4]
    others = [
        entry(
            f"pipeline_{number}", *([nightly] if number % 2 else []), *([shared] if number % 3 == 0 else []),
            *([own] if number % 7 == 0 else []), *([partner] if number % 5 == 0 else []),
        )
        for number in range(1, count)
    ]  # fmt: skip
    return [entry("daily_orders", *EVERY_TRIGGER), *others]
