"""What one pipeline contributes to the variables: its service, its access, its triggers."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from pplns.errors import ConfigError
from pplns.model.names import shorten
from pplns.model.policies import Resources
from pplns_deploy.environments import Environment, PipelineConfig, names
from pplns_deploy.manifest import PipelineEntry, TriggerEntry

DEFAULT_RUNS = 8  # at one time, where neither the code nor the environment says it
MAX_DESCRIPTION = 512


def pipeline_variables(entry: PipelineEntry, environment: Environment, *, image: str) -> dict[str, Any]:
    """Return the entry of one pipeline in the variable `pipelines`.

    Raises: ConfigError for triggers that can't be told apart, and parameters that JSON can't hold."""
    config, place = environment.config_of(entry.name), environment.name
    return {
        "service": names.service_name(entry.name, place),
        "image": image,
        "audience": names.audience(entry.name, environment.project, environment.region, environment=place),
        "description": f"pplns: {entry.name} ({entry.file})"[:MAX_DESCRIPTION],
        "service_account": config.service_account,
        "account_id": None if config.service_account else names.account_id(entry.name, place),
        "continuations": names.continuation_topic(entry.name, place),
        "dead_letters": names.dead_letter_topic(entry.name, place),
        **_machine(entry, config),
        "timeout_s": math.ceil(config.timeout),
        "paused": config.paused,
        **_access(config),
        "env": {**config.env, **_parameters(entry, config)},
        "schedules": _schedules(entry, place),
        "subscriptions": _subscriptions(entry, place),
    }


def _machine(entry: PipelineEntry, config: PipelineConfig) -> dict[str, Any]:
    declared, limits = entry.declared, config.resources
    wanted = Resources(cpu=declared.cpu, memory=declared.memory, cpu_always=declared.cpu_always)
    given = limits.applied_to(wanted)
    return {
        "cpu": int(given.cpu) if given.cpu >= 1 else given.cpu,
        "memory": given.memory,
        "cpu_always": given.cpu_always,
        "min_instances": limits.min_instances,
        "max_runs": min(1000, limits.max_instances or declared.max_concurrent_runs or DEFAULT_RUNS),
    }


def _access(config: PipelineConfig) -> dict[str, Any]:
    vpc = config.vpc
    return {
        "roles": list(config.roles),
        "bigquery": {
            "jobs": config.bigquery.jobs,
            "read": list(config.bigquery.read),
            "write": list(config.bigquery.write),
        },
        "buckets": {"read": list(config.buckets.read), "write": list(config.buckets.write)},
        "secrets": {
            variable: {"secret": one.name, "version": one.version, "project": one.project}
            for variable, one in config.secrets.items()
        },
        "vpc": None if vpc is None else {"network": vpc.network, "subnet": vpc.subnet, "egress": vpc.egress},
        "cloudsql": list(config.cloudsql),
    }


def _parameters(entry: PipelineEntry, config: PipelineConfig) -> dict[str, str]:
    """Return the variable with which the service lays the environment's parameters below those of triggers."""
    known = {one.name for one in entry.declared.parameters}
    given = {name: value for name, value in config.params.items() if name in known}
    return {"PPLNS_PARAMS": _json(given, what=f"The environment's parameters of {entry.name!r}")} if given else {}


def _schedules(entry: PipelineEntry, place: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, trigger in _named(entry, "schedule"):
        label = trigger.name or trigger.cron
        body = {"schedule": label, "params": dict(trigger.params)}
        found[name] = {
            "job": names.job_name(entry.name, place, name),
            "cron": " ".join(str(trigger.cron).split()),
            "timezone": trigger.timezone,
            "body": _json(body, what=f"The parameters of the schedule {label!r} of {entry.name!r}"),
        }
    return found


def _subscriptions(entry: PipelineEntry, place: str) -> dict[str, Any]:
    return {
        name: {
            "name": names.subscription_name(entry.name, place, name),
            "topic": names.topic_name(str(trigger.topic), place),
            "filter": trigger.filter,
        }
        for name, trigger in _named(entry, "pubsub")
    }


def _named(entry: PipelineEntry, kind: str) -> list[tuple[str, TriggerEntry]]:
    """Return the triggers of a kind, each with the name by which its resources are known."""
    triggers = [one for one in entry.declared.triggers if one.kind == kind]
    _refuse_alike(entry, triggers)
    found = names.trigger_names([one.name for one in triggers], kind)
    for name in found:
        if found.count(name) > 1:
            raise ConfigError(
                f"Two triggers of {entry.name!r} are called {name!r}.",
                f"One without a name is called {kind!r}, {kind + '-2'!r} and so on; what is deployed ends with it.",
                'Name one of them otherwise: name="us".',
            )
    return list(zip(found, triggers, strict=True))


def _refuse_alike(entry: PipelineEntry, triggers: Sequence[TriggerEntry]) -> None:
    """Refuse two schedules that a request couldn't tell apart: the second one's zone would never be taken."""
    first: dict[str, TriggerEntry] = {}
    for one in triggers:
        if one.kind == "schedule" and first.setdefault(one.name or str(one.cron), one) != one:
            raise ConfigError(
                f"Two schedules of {entry.name!r} are called {one.name or one.cron!r}.",
                "A Scheduler job says by name, or else by cron line, which schedule it is.",
                'Name them: Schedule(…, name="us").',
            )


def _json(value: Mapping[str, Any], *, what: str) -> str:
    try:
        return json.dumps(value, sort_keys=True, allow_nan=False)
    except ValueError:
        raise ConfigError(
            f"{what} hold a number that JSON hasn't: {shorten(dict(value))}.",
            "A request takes finite numbers.",
            "Send a text, or leave the parameter out.",
        ) from None
