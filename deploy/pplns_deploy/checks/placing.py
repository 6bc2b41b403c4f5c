"""Checks of an environment's own tables: names, pipelines, parameters, machines, accounts, who may call."""

from collections.abc import Iterator
from typing import NamedTuple

from pplns.model.names import listed, nearest
from pplns.model.policies import Resources
from pplns_deploy.checks.deployment import Deployment
from pplns_deploy.checks.findings import Finding
from pplns_deploy.checks.rules import mebibytes, memory_limits
from pplns_deploy.environments import Environment, names
from pplns_deploy.manifest import Manifest, PipelineEntry

BROAD_ROLES = ("roles/owner", "roles/editor", "roles/viewer")
ANYONE = ("allUsers", "allAuthenticatedUsers")

# What a library of Google's needs: the first part of its module, the key that grants it, and how it is written.
GRANTS = (
    ("google.cloud.bigquery", "bigquery", 'bigquery = {jobs = true, read = ["…"], write = ["…"]}'),
    ("pandas_gbq", "bigquery", 'bigquery = {jobs = true, read = ["…"], write = ["…"]}'),
    ("google.cloud.storage", "buckets", 'buckets = {read = ["…"], write = ["…"]}'),
    ("gcsfs", "buckets", 'buckets = {read = ["…"], write = ["…"]}'),
    ("google.cloud.sql", "cloudsql", 'cloudsql = ["project:region:instance"]'),
    ("google.cloud.pubsub", "roles", 'roles = ["roles/pubsub.publisher"]'),
    ("google.cloud.firestore", "roles", 'roles = ["roles/datastore.user"]'),
    ("google.cloud.spanner", "roles", 'roles = ["roles/spanner.databaseUser"]'),
    ("google.cloud.secretmanager", "roles", 'roles = ["roles/secretmanager.secretAccessor"]'),
)


class Owned(NamedTuple):
    """A resource's name, and whose it is; the scope is the space in which names are unique."""

    scope: str
    name: str
    owner: str


def check_names(deployment: Deployment) -> Iterator[Finding]:
    """Check that no two resources of the project share a name, over all environments of one Google Cloud project."""
    project = deployment.environment.project
    beside = [one for one in deployment.environments.values() if one.project == project]
    met: dict[tuple[str, str], str] = {}
    for environment in beside:
        for owned in names_in(deployment.manifest, environment):
            first = met.setdefault((owned.scope, owned.name), owned.owner)
            if first != owned.owner:
                yield deployment.error(
                    f"{first} and {owned.owner} would both have the {owned.scope} {owned.name!r}.",
                    "Rename one of them; a trigger by name=….",
                )


def names_in(manifest: Manifest, environment: Environment) -> Iterator[Owned]:
    """Yield the names of all resources that an environment's pipelines get."""
    place = environment.name
    for entry in manifest.pipelines:
        owner = f"pipeline {entry.name!r} in {place!r}"
        yield Owned("service", names.service_name(entry.name, place), owner)
        yield Owned("account", names.account_id(entry.name, place), owner)
        yield Owned("topic", names.continuation_topic(entry.name, place), owner)
        yield Owned("topic", names.dead_letter_topic(entry.name, place), owner)
        for kind, scope in (("schedule", "Scheduler job"), ("pubsub", "subscription")):
            declared = [one for one in entry.declared.triggers if one.kind == kind]
            for number, name in enumerate(names.trigger_names([one.name for one in declared], kind), start=1):
                whole = names.job_name(entry.name, place, name)
                yield Owned(scope, whole, f"the {scope} {number} of {owner}")


def check_pipeline_tables(deployment: Deployment) -> Iterator[Finding]:
    """Check that each table of an environment is of a pipeline that there is."""
    known = [entry.name for entry in deployment.manifest.pipelines]
    for name in deployment.environment.pipelines:
        if name not in known and not deployment.manifest.broken:
            near = nearest(name, known)
            yield deployment.error(
                f"The environment {deployment.environment.name!r} has a table for {name!r}, which is no pipeline.",
                f"Did you mean {near!r}?" if near else "Remove it, or rename it as the pipeline is.",
            )


def check_params(deployment: Deployment) -> Iterator[Finding]:
    """Check that the parameters of an environment are parameters of its pipelines."""
    environment, entries = deployment.environment, deployment.manifest.pipelines
    every = {one.name for entry in entries for one in entry.declared.parameters}
    shared = environment.defaults.params
    for name in shared.keys() - every if entries and not deployment.manifest.broken else ():
        near = nearest(name, every)
        yield deployment.error(
            f"The environment {environment.name!r} sends the parameter {name!r}, which no pipeline has.",
            f"Did you mean {near!r}?" if near else "Remove it.",
        )
    for entry in entries:
        own = {one.name for one in entry.declared.parameters}
        for name in deployment.config_of(entry).params.keys() - shared.keys() - own:
            near = nearest(name, own)
            yield deployment.error(
                f"The environment {environment.name!r} sends {entry.name!r} the parameter {name!r}, which it hasn't.",
                f"Did you mean {near!r}?" if near else "Remove it.",
                entry,
            )


def check_smoke(deployment: Deployment) -> Iterator[Finding]:
    """Check that a smoke run is sent what its pipeline takes, and all that it needs."""
    for entry in deployment.manifest.pipelines:
        sent, own = deployment.config_of(entry).smoke, {one.name: one for one in entry.declared.parameters}
        if sent is None:
            continue
        for name in sent.keys() - own.keys():
            near = nearest(name, own)
            yield deployment.error(
                f"The smoke run of {entry.name!r} is sent the parameter {name!r}, which it hasn't.",
                f"Did you mean {near!r}?" if near else "Remove it.",
                entry,
            )
        if missing := [name for name, one in own.items() if one.required and name not in sent]:
            yield deployment.error(
                f"The smoke run of {entry.name!r} isn't sent {listed(missing)}, which has no default.",
                f"Write it into `smoke`, smoke = {{{missing[0]} = …}}, or give the parameter a default.",
                entry,
            )


def check_machines(deployment: Deployment) -> Iterator[Finding]:
    """Check that Cloud Run has a machine with what each pipeline gets here."""
    for entry in deployment.manifest.pipelines:
        declared = entry.declared
        wanted = Resources(cpu=declared.cpu, memory=declared.memory, cpu_always=declared.cpu_always)
        given = deployment.config_of(entry).resources.applied_to(wanted)
        least, most = memory_limits(given.cpu)
        if given != wanted and not least <= mebibytes(given.memory) <= most:
            yield deployment.error(
                f"{entry.name!r} gets {given.cpu:g} CPU and {given.memory}: Cloud Run gives {given.cpu:g} CPU"
                f" {least} to {most} MiB.",
                "Change cpu or memory in its resources.",
                entry,
            )
        if given.cpu < 1 and given.cpu_always:
            yield deployment.error(
                f"{entry.name!r} gets {given.cpu:g} CPU, always: Cloud Run keeps only whole CPUs between requests.",
                "Give it cpu = 1, or cpu_always = false.",
                entry,
            )


def check_accounts(deployment: Deployment) -> Iterator[Finding]:
    """Check that a pipeline's account may do what its libraries are for, and not everything."""
    for entry in deployment.manifest.pipelines:
        config = deployment.config_of(entry)
        for role in config.roles:
            if role in BROAD_ROLES:
                yield deployment.warning(
                    f"The account of {entry.name!r} has {role!r}, over the whole project.",
                    "Grant what it needs: bigquery, buckets, or a narrower role.",
                    entry,
                )
        for line in [] if config.service_account else missing_grants(deployment, entry):
            yield deployment.warning(
                f"The code of {entry.name!r} uses {line[0]}, and its account is granted nothing for it.",
                f"Add {line[1]} to [tool.pplns.env.{deployment.environment.name}.pipelines.{entry.name}].",
                entry,
            )


def missing_grants(deployment: Deployment, entry: PipelineEntry) -> list[tuple[str, str]]:
    """Return the libraries of a pipeline that need a grant which it hasn't, each with the line that gives it."""
    config = deployment.config_of(entry)
    used = [use.module for use in entry.libraries]
    granted = {
        "bigquery": config.bigquery.jobs or config.bigquery.read or config.bigquery.write,
        "buckets": config.buckets.read or config.buckets.write,
        "cloudsql": config.cloudsql,
        "roles": config.roles,
    }
    needed = {
        key: (library, line)
        for library, key, line in reversed(GRANTS)
        if not granted[key] and any(f"{module}.".startswith((f"{library}.", f"{library}_")) for module in used)
    }
    return [] if config.roles else list(needed.values())


def check_invokers(deployment: Deployment) -> Iterator[Finding]:
    """Check that not everyone may start runs."""
    for member in deployment.environment.invokers:
        if member in ANYONE:
            yield deployment.warning(
                f"The environment {deployment.environment.name!r} has the invoker {member!r}: anyone may start runs,"
                " with any parameters.",
                "Name groups and accounts instead.",
            )
