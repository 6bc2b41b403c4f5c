"""Environments: where pipelines are deployed, and what each of them gets there.

`[tool.pplns.env.NAME]` in pyproject.toml is read into frozen values once; the checks and the Terraform configuration
are made from these. `model` has the values, `reading` takes them from the file, `fields` says what each key takes,
and `names` derives the name of every cloud resource. Environments share nothing but what two of them declare."""

from pplns_deploy.environments.model import (
    BigQueryAccess,
    BucketAccess,
    ContainerLimits,
    Environment,
    PipelineConfig,
    SecretVersion,
    Vpc,
)
from pplns_deploy.environments.reading import choose_environment, read_environments

__all__ = [
    "BigQueryAccess",
    "BucketAccess",
    "ContainerLimits",
    "Environment",
    "PipelineConfig",
    "SecretVersion",
    "Vpc",
    "choose_environment",
    "read_environments",
]
