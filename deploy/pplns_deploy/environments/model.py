"""An environment as frozen values: what is the same for all its pipelines, and what each of them gets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pplns.model.policies import Resources

Ingress = Literal["all", "internal", "internal-and-cloud-load-balancing"]
Egress = Literal["private-ranges-only", "all-traffic"]
REQUEST_SECONDS = 3600.0  # the longest that Cloud Run lets a request take
ACCOUNT_QUOTA = 100  # of a project, unless Google has raised it

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class BigQueryAccess:
    """What a pipeline may do in BigQuery: run jobs, and read and write datasets (`dataset` or `project.dataset`)."""

    jobs: bool = False
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BucketAccess:
    """Which buckets a pipeline may read and write, each as `bucket` or `bucket/prefix`."""

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vpc:
    """The network through which a pipeline reaches private addresses (direct VPC egress)."""

    network: str | None = None
    subnet: str | None = None
    egress: Egress = "private-ranges-only"


@dataclass(frozen=True, slots=True)
class SecretVersion:
    """One version of a secret in Secret Manager; without a project it is in the environment's own."""

    name: str
    version: str
    project: str | None = None

    def __str__(self) -> str:
        place = f"projects/{self.project}/secrets/" if self.project else ""
        return f"{place}{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class ContainerLimits:
    """What the containers of a pipeline get; None leaves what `Resources` in the code says, or Cloud Run's default."""

    cpu: float | None = None
    memory: str | None = None
    min_instances: int = 0
    max_instances: int | None = None
    cpu_always: bool | None = None

    def applied_to(self, resources: Resources) -> Resources:
        """Return the resources of the code with what is said here in their place."""
        said = {"cpu": self.cpu, "memory": self.memory, "cpu_always": self.cpu_always}
        return resources.replace(**{name: value for name, value in said.items() if value is not None})


@dataclass(frozen=True, slots=True)
class PipelineConfig:
    """What one pipeline gets in an environment.

    `service_account` is an existing account that is used and not managed; without it the pipeline has one of its own,
    with `roles`, `bigquery` and `buckets`. `secrets` maps environment variables to versions. `params` are sent by the
    triggers of the environment, below what each of them says itself. `timeout` bounds one request, in seconds.
    `smoke` has the parameters of a run that a new revision is asked for before it gets traffic; None asks for none.
    `paused` stops the schedules and the subscriptions of its triggers."""

    service_account: str | None = None
    roles: tuple[str, ...] = ()
    bigquery: BigQueryAccess = BigQueryAccess()
    buckets: BucketAccess = BucketAccess()
    env: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    secrets: Mapping[str, SecretVersion] = field(default_factory=lambda: _NOTHING)
    vpc: Vpc | None = None
    cloudsql: tuple[str, ...] = ()
    resources: ContainerLimits = ContainerLimits()
    timeout: float = REQUEST_SECONDS
    paused: bool = False
    params: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    smoke: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Environment:
    """A place to deploy to. `defaults` is what a pipeline gets that `pipelines` doesn't name.

    `scheduler_region` is that of the Scheduler jobs, since not every region of Cloud Run has Scheduler. `store` is
    `gs://BUCKET/PREFIX` of a bucket that exists; without it a bucket is made. `account_quota` is how many service
    accounts the project may have. `file` is where all this is written."""

    name: str
    file: Path
    project: str
    region: str
    scheduler_region: str
    labels: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    notification_channels: tuple[str, ...] = ()
    invokers: tuple[str, ...] = ()
    ingress: Ingress = "all"
    store: str | None = None
    account_quota: int = ACCOUNT_QUOTA
    defaults: PipelineConfig = PipelineConfig()
    pipelines: Mapping[str, PipelineConfig] = field(default_factory=lambda: _NOTHING)

    def config_of(self, pipeline: str) -> PipelineConfig:
        """Return what a pipeline gets here."""
        return self.pipelines.get(pipeline, self.defaults)
