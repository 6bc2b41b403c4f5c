"""`[tool.pplns.env.NAME]` read into environments; every refusal names the file and the key.

What `defaults` says holds for each pipeline that doesn't say it itself. Its tables (`env`, `secrets`, `params`,
`resources`) are merged key by key; everything else is replaced."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pplns.errors import ConfigError
from pplns.model.names import is_name, nearest
from pplns.model.policies import Resources
from pplns.settings import PROJECT_FILE, read_project_file
from pplns_deploy.environments.fields import (
    Place,
    Reader,
    any_text,
    as_table,
    choice,
    defined,
    duration,
    flag,
    json_value,
    list_of,
    map_of,
    read_keys,
    record,
    text,
    whole,
)
from pplns_deploy.environments.model import (
    REQUEST_SECONDS,
    BigQueryAccess,
    BucketAccess,
    ContainerLimits,
    Environment,
    PipelineConfig,
    SecretVersion,
    Vpc,
)

MERGED = ("env", "secrets", "params", "resources")
OWN_ACCOUNT = ("roles", "bigquery", "buckets")
PROJECT_ID = r"[a-z][a-z0-9-]{4,28}[a-z0-9]"
MAX_INSTANCES = 1000

# A service's own: terraform/ sets them, and two of them say whom the service believes.
SET_BY_PPLNS = (
    "GOOGLE_CLOUD_PROJECT", "PPLNS_ALLOWED_CALLERS", "PPLNS_AUDIENCE", "PPLNS_CERTIFICATES_URL",
    "PPLNS_CLOUD_RUN_CHECKS", "PPLNS_DEAD_LETTER_TOPIC", "PPLNS_PARAMS", "PPLNS_PIPELINE", "PPLNS_PIPELINES",
    "PPLNS_PUSH_SECONDS", "PPLNS_SCHEDULE_SECONDS", "PPLNS_STORE", "PPLNS_TOPIC",
)  # fmt: skip
# https://cloud.google.com/run/docs/container-contract#env-vars, and what functions-framework reads
_SET_BY_CLOUD_RUN = re.compile(
    r"PORT|K_(?:SERVICE|REVISION|CONFIGURATION)|CLOUD_RUN_\w+|X_GOOGLE_\w+|FUNCTION_(?:TARGET|SOURCE|SIGNATURE_TYPE)"
)
_INSTEAD = {
    "PPLNS_PARAMS": "Write params = {…} in the same table.",
    "PPLNS_STORE": 'Write store = "gs://BUCKET/PREFIX" in the environment\'s table.',
    "CLOUD_RUN_TIMEOUT_SECONDS": 'Write timeout = "30m" in the same table.',
}
_ENV_NAME = re.compile(r"[a-z][a-z0-9]{0,11}")
_SECRET = re.compile(rf"(?:projects/({PROJECT_ID})/secrets/)?([A-Za-z0-9_-]{{1,255}})@(latest|[1-9][0-9]*)")

_project = text(PROJECT_ID, "It takes the id of a Google Cloud project: 6 to 30 lower-case letters, digits and '-'.")
_region = text(r"[a-z]+(?:-[a-z]+)+[0-9]{1,2}", "It takes a region such as 'europe-west1'.")
_account = text(
    r"[a-z0-9][a-z0-9.-]*@[a-z0-9.:-]+\.gserviceaccount\.com",
    "It takes the e-mail address of a service account, such as 'loader@acme-data.iam.gserviceaccount.com'.",
)
_member = text(
    r"(?:user|group|serviceAccount|domain):[^\s,]+|(?:principal|principalSet):\S+|allUsers|allAuthenticatedUsers",
    "It takes a member such as 'group:data@acme.com' or 'serviceAccount:app@acme.iam.gserviceaccount.com'.",
)
_role = text(
    r"(?:projects/[^/\s]+/|organizations/\d+/)?roles/[A-Za-z0-9_.]+", "It takes a role such as 'roles/run.viewer'."
)
_dataset = text(rf"(?:{PROJECT_ID}\.)?[A-Za-z0-9_]{{1,1024}}", "It takes a dataset, as 'dataset' or 'project.dataset'.")
_bucket = text(
    r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](?:/[^/\r\n].*)?", "It takes 'bucket' or 'bucket/prefix', without 'gs://'."
)
_sql = text(rf"{PROJECT_ID}:[a-z0-9-]+:[a-z][a-z0-9-]*", "It takes an instance as 'project:region:instance'.")
_label = text(r"[a-z][a-z0-9_-]{0,62}", "A label's name has 1 to 63 lower-case letters, digits, '_' or '-'.")
_label_value = text(r"[a-z0-9_-]{0,63}", "A label's value has at most 63 lower-case letters, digits, '_' or '-'.")
_channel = text(
    rf"projects/(?:{PROJECT_ID}|\d+)/notificationChannels/\d+",
    "It takes a channel of Cloud Monitoring as 'projects/PROJECT/notificationChannels/NUMBER'.",
)
_store = text(r"gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](?:/.*)?", "It takes 'gs://BUCKET' or 'gs://BUCKET/PREFIX'.")
_network = text(r"[a-z0-9][a-z0-9/._:-]*", "It takes the name of a network or subnet, or its 'projects/…' path.")


def _variable(value: object, place: Place) -> str:
    name = text(r"[A-Za-z_][A-Za-z0-9_]*", "An environment variable has letters, digits and '_'.")(value, place)
    if name in SET_BY_PPLNS or _SET_BY_CLOUD_RUN.fullmatch(name):
        raise ConfigError(
            f"{place} can't be set there.",
            f"pplns sets {', '.join(SET_BY_PPLNS)} when it deploys; PORT, K_SERVICE, K_REVISION, K_CONFIGURATION,"
            " CLOUD_RUN_…, X_GOOGLE_… and FUNCTION_… are Google's.",
            _INSTEAD.get(name, "Remove it."),
        )
    return str(name)


def _secret(value: object, place: Place) -> SecretVersion:
    found = _SECRET.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        remedy = f'Write {place.key} = "{value}@1".' if isinstance(value, str) and "@" not in value else "Correct it."
        raise place.refuse(value, "It takes a secret of Secret Manager and its version, as 'name@3'.", remedy)
    return SecretVersion(name=found[2], version=found[3], project=found[1])


_PIPELINE_KEYS: Mapping[str, Reader] = {
    "service_account": _account,
    "roles": list_of(_role),
    "bigquery": record(BigQueryAccess, jobs=flag, read=list_of(_dataset), write=list_of(_dataset)),
    "buckets": record(BucketAccess, read=list_of(_bucket), write=list_of(_bucket)),
    "env": map_of(_variable, any_text),
    "secrets": map_of(_variable, _secret),
    "vpc": record(Vpc, network=_network, subnet=_network, egress=choice("private-ranges-only", "all-traffic")),
    "cloudsql": list_of(_sql),
    "resources": record(
        ContainerLimits,
        cpu=defined(lambda cpu: Resources(cpu=cpu)),
        memory=defined(lambda memory: Resources(memory=memory)),
        min_instances=whole(0, MAX_INSTANCES),
        max_instances=whole(1, MAX_INSTANCES),
        cpu_always=flag,
    ),
    "timeout": duration(REQUEST_SECONDS),
    "paused": flag,
    "params": map_of(any_text, json_value),
    "smoke": map_of(any_text, json_value),
}
_KEYS: Mapping[str, Reader] = {
    "project": _project,
    "region": _region,
    "scheduler_region": _region,
    "labels": map_of(_label, _label_value),
    "notification_channels": list_of(_channel),
    "invokers": list_of(_member),
    "ingress": choice("all", "internal", "internal-and-cloud-load-balancing"),
    "store": _store,
    "account_quota": whole(1, 100_000),
    "params": map_of(any_text, json_value),
    "defaults": as_table,
    "pipelines": as_table,
}


def read_environments(root: Path) -> dict[str, Environment]:
    """Return the environments of a project by name, in the order of its file.

    Raises: ConfigError, naming file and key."""
    file = root / PROJECT_FILE
    tool = read_project_file(root).get("tool", {}).get("pplns", {})
    place = Place(file, "tool.pplns", "env")
    tables = as_table(tool.get("env", {}), place)
    return {name: _environment(name, table, place.at(name)) for name, table in tables.items()}


def choose_environment(environments: Mapping[str, Environment], name: str | None) -> Environment:
    """Return the environment of that name, or the only one.

    Raises: ConfigError where there is none, no such one, or several and none is named."""
    if name is None and len(environments) == 1:
        return next(iter(environments.values()))
    if name is not None and name in environments:
        return environments[name]
    known = ", ".join(repr(one) for one in environments) or "none"
    if name is None and environments:
        raise ConfigError(
            f"No environment is named, and there are several: {known}.",
            "A command works on one environment.",
            f"Name it: --env {next(iter(environments))}, or set PPLNS_ENV.",
        )
    near = nearest(name, environments) if name else None
    example = f'Add [tool.pplns.env.{name or "prod"}] with project = "…" and region = "…" to {PROJECT_FILE}.'
    raise ConfigError(
        f"There is no environment {name!r}." if name else "The project has no environment.",
        f"Known: {known}.",
        f"Did you mean {near!r}?" if near else example,
    )


def _environment(name: str, value: object, place: Place) -> Environment:
    if not _ENV_NAME.fullmatch(name):
        raise ConfigError(
            f"The environment of {place} is named {name!r}.",
            "A name has 1 to 12 lower-case letters and digits, and begins with a letter; it is part of every"
            " resource's name.",
            'Rename it, to "prod" for example.',
        )
    table = as_table(value, place)
    found = read_keys(table, _KEYS, place)
    for key in ("project", "region"):
        if key not in found:
            raise ConfigError(
                f"[{place.table}.{name}] of {place.file} has no {key}.",
                "An environment is a project and a region of Google Cloud.",
                f'Add a line {key} = "{"my-project-id" if key == "project" else "europe-west1"}".',
            )
    shared = {key: table[key] for key in ("params",) if found.pop(key, None)}
    base = _below(found.pop("defaults", {}), shared)
    tables = found.pop("pipelines", {})
    return Environment(
        name=name,
        file=place.file,
        **{"scheduler_region": found["region"], **found},
        defaults=_pipeline(base, place.at("defaults")),
        pipelines={one: _overridden(base, own, place.at("pipelines").at(one)) for one, own in tables.items()},
    )


def _overridden(base: Mapping[str, Any], table: object, place: Place) -> PipelineConfig:
    if not is_name(place.key):
        raise ConfigError(
            f"{place} is no pipeline.",
            "The table is named as the pipeline is.",
            "Rename it; `pplns list` shows the names.",
        )
    own = as_table(table, place)
    _pipeline(own, place)  # so that an error names the table in which it stands
    if "service_account" in own:
        base = {key: value for key, value in base.items() if key not in OWN_ACCOUNT}
    elif any(key in own for key in OWN_ACCOUNT):
        base = {key: value for key, value in base.items() if key != "service_account"}
    return _pipeline(_below(own, _giving_way(base, own)), place)


def _giving_way(base: Mapping[str, Any], own: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the defaults without the variables that a pipeline takes from elsewhere: from a secret, or from none."""
    for kind, other in (("env", "secrets"), ("secrets", "env")):
        if isinstance(base.get(kind), Mapping) and isinstance(own.get(other), Mapping):
            base = {**base, kind: {name: one for name, one in base[kind].items() if name not in own[other]}}
    return base


def _below(table: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table with what another one says where it says nothing itself."""
    merged = {
        key: {**base[key], **table[key]}
        for key in MERGED
        if isinstance(table.get(key), Mapping) and isinstance(base.get(key), Mapping)
    }
    return {**base, **table, **merged}


def _pipeline(table: Mapping[str, Any], place: Place) -> PipelineConfig:
    config = PipelineConfig(**read_keys(table, _PIPELINE_KEYS, place))
    granted = [key for key in OWN_ACCOUNT if key in table]
    if config.service_account and granted:
        raise ConfigError(
            f"{place.at('service_account')} stands beside {', '.join(granted)}.",
            "An existing account is used as it is: pplns grants it nothing.",
            "Leave service_account out for an account of the pipeline's own, or grant these yourself.",
        )
    if config.vpc is not None and config.vpc.network is None and config.vpc.subnet is None:
        raise ConfigError(
            f"{place.at('vpc')} names neither network nor subnet.",
            "Cloud Run is told through which of them private addresses are reached.",
            'Name one, as in vpc = {network = "default"}, or leave vpc out.',
        )
    for name in config.env.keys() & config.secrets.keys():
        raise ConfigError(
            f"{place.at('env').at(name)} is also in secrets.",
            "A variable has one source.",
            "Remove one of them.",
        )
    limits = config.resources
    if limits.max_instances is not None and limits.min_instances > limits.max_instances:
        where = place.at("resources").at("min_instances")
        raise where.refuse(limits.min_instances, f"It is at most max_instances, {limits.max_instances}.")
    return config
