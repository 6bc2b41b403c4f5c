"""Whatever a project declares: the checks or the generation refuse it, or Terraform plans it."""

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from deployable import IMAGE, environment
from pplns.errors import ConfigError, DefinitionError
from pplns.model.names import is_name
from pplns.model.policies import Resources
from pplns.model.triggers import PubSub, Schedule
from pplns_deploy.checks import Deployment
from pplns_deploy.checks.placing import check_machines, check_names
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
from terraforming import Google, Terraform

pytestmark = pytest.mark.needs_terraform
ROUNDS = 10
BATCH = 25  # projects a plan: each plan takes seconds, whatever is in it
MEMBERS = (
    "allUsers", "allAuthenticatedUsers", "user:ann@example.com", "group:data@acme.com", "domain:acme.com",
    "serviceAccount:ci@acme-data.iam.gserviceaccount.com",
    "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/*",
)  # fmt: skip
NOTHING: Mapping[str, Any] = {}

texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)
awkward = st.one_of(texts, st.sampled_from(["${x}", "%{if true}", '"', "\\", "<&>", "é\u2028", "$${"]))
params = st.dictionaries(awkward, st.one_of(awkward, st.integers(), st.booleans(), st.floats()), max_size=2)
trigger_names = st.one_of(st.none(), st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,39}", fullmatch=True))
fields = [("0-59", 59), ("0-23", 23), ("1-28", 28), ("1-12", 12), ("0-7", 7)]
crons = st.tuples(
    *(st.one_of(st.just("*"), st.just("*/5"), st.just(rng), st.integers(1, most).map(str)) for rng, most in fields)
)
zones = st.sampled_from(["UTC", "America/New_York", "Asia/Kathmandu"])
topics = st.from_regex(r"(projects/acme-other/topics/)?(?!goog)[A-Za-z][A-Za-z0-9\-_.~+%]{2,60}", fullmatch=True)
filters = st.one_of(
    st.none(), st.sampled_from(['attributes.kind = "${x}"', "attributes:x", 'NOT hasPrefix(attributes.a, "é")'])
)
names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,39}", fullmatch=True).filter(is_name)
variables = st.from_regex(r"[A-Z][A-Z0-9_]{0,20}", fullmatch=True).filter(
    lambda one: not one.startswith(("PPLNS", "PORT", "K_", "CLOUD_RUN", "GOOGLE"))
)
versions = st.builds(
    SecretVersion, name=st.from_regex(r"[A-Za-z0-9_-]{1,60}", fullmatch=True),
    version=st.sampled_from(["1", "17", "latest"]),
    project=st.sampled_from([None, "acme-other"]),
)  # fmt: skip
buckets = st.from_regex(r"[a-z0-9][a-z0-9._-]{1,40}[a-z0-9](/[a-z \"'\\${}é/]{1,20})?", fullmatch=True)
stores = st.from_regex(r"gs://acme-runs(/[a-z \"'\\${}%é/]{0,20})?", fullmatch=True)
datasets = st.from_regex(r"(acme-other\.)?[A-Za-z0-9_]{1,20}", fullmatch=True)
cpus = st.one_of(st.sampled_from([1, 2, 4, 6, 8]), st.floats(0.08, 1).map(lambda cpu: round(cpu, 3)))
memories = st.one_of(
    st.integers(128, 33000).map(lambda mib: f"{mib}Mi"), st.integers(1, 32).map(lambda gib: f"{gib}Gi")
)
# Most that is drawn at random Cloud Run doesn't have, so half of the machines are such as there are.
machines = st.one_of(
    st.sampled_from([(0.25, "512Mi"), (0.5, "1Gi"), (1, "128Mi"), (1, "4Gi"), (2, "8Gi"), (4, "2Gi"), (8, "32Gi")]),
    st.tuples(cpus, memories),
)


@st.composite
def triggers(draw: st.DrawFn) -> TriggerEntry:
    """A trigger as code could declare it."""
    name, values = draw(trigger_names), draw(params)
    if draw(st.booleans()):
        schedule = Schedule(" ".join(draw(crons)), timezone=draw(zones), name=name)
        return TriggerEntry("schedule", name, values, cron=schedule.cron, timezone=schedule.timezone)
    pubsub = PubSub(draw(topics), filter=draw(filters), name=name)
    return TriggerEntry("pubsub", name, values, topic=pubsub.topic, filter=pubsub.filter)


@st.composite
def pipelines(draw: st.DrawFn) -> PipelineEntry:
    """A pipeline of a manifest."""
    name, (cpu, memory) = draw(names), draw(machines)
    parameter = ParameterEntry(draw(awkward), "str", required=False, is_logical_date=False, default=None)
    declared = Declared(
        pipeline=name, description=draw(awkward), parameters=(parameter,),
        triggers=tuple(draw(st.lists(triggers(), max_size=3))), cpu=cpu, memory=memory,
        cpu_always=draw(st.booleans()), timeout_s=None, max_parallel_steps=8,
        max_concurrent_runs=draw(st.one_of(st.none(), st.integers(1, 5000))),
    )  # fmt: skip
    return PipelineEntry(
        declared=declared,
        file=f"pipelines/{name}.py",
        line=1,
        steps=None,
        secrets=(),
        libraries=(),
        sources=(),
        digest="",
    )


@st.composite
def configs(draw: st.DrawFn) -> PipelineConfig:
    """What a pipeline gets in an environment."""
    secrets = draw(st.dictionaries(variables, versions, max_size=2))
    env = {
        name: value
        for name, value in draw(st.dictionaries(variables, awkward, max_size=2)).items()
        if name not in secrets
    }
    own: dict[str, Any] = {
        "roles": tuple(draw(st.sets(st.sampled_from(["roles/run.viewer", "projects/acme-data/roles/own.role"])))),
        "bigquery": BigQueryAccess(draw(st.booleans()), tuple(draw(st.sets(datasets, max_size=2))), ()),
        "buckets": BucketAccess(tuple(draw(st.sets(buckets, max_size=2))), tuple(draw(st.sets(buckets, max_size=2)))),
    }
    account = draw(st.sampled_from([None, "loader@acme-data.iam.gserviceaccount.com"]))
    least, (cpu, memory) = draw(st.integers(0, 1000)), draw(st.one_of(st.just((None, None)), machines))
    limits = ContainerLimits(
        cpu=draw(st.sampled_from([cpu, None])), memory=draw(st.sampled_from([memory, None])), min_instances=least,
        max_instances=draw(st.one_of(st.none(), st.integers(max(1, least), 1000))),
    )  # fmt: skip
    return PipelineConfig(
        service_account=account, env=env, secrets=secrets, resources=limits, timeout=draw(st.floats(1, 3600)),
        vpc=draw(st.one_of(st.none(), st.just(Vpc("default", None, "all-traffic")))),
        cloudsql=draw(st.sampled_from([(), ("acme-data:europe-west1:shop",)])), paused=draw(st.booleans()),
        params=draw(params), **({} if account else own),
    )  # fmt: skip


@st.composite
def places(draw: st.DrawFn) -> dict[str, Any]:
    """What an environment says beside its pipelines; each plan takes that of its first one."""
    return {
        "labels": draw(st.dictionaries(
            st.from_regex(r"[a-z][a-z0-9_-]{0,62}", fullmatch=True),
            st.from_regex(r"[a-z0-9_-]{0,63}", fullmatch=True), max_size=3,
        )),
        "invokers": tuple(draw(st.sets(st.sampled_from(MEMBERS)))),
        "ingress": draw(st.sampled_from(["all", "internal", "internal-and-cloud-load-balancing"])),
        "scheduler_region": draw(st.sampled_from(["europe-west1", "us-central1"])),
        "store": draw(st.one_of(st.none(), stores)),
    }  # fmt: skip


def made(
    entry: PipelineEntry, config: PipelineConfig, number: int, place: Mapping[str, Any] = NOTHING
) -> dict[str, Any] | None:
    """Return the variables of a pipeline, or None where the checks or the generation refuse it."""
    there = environment(f"e{number}", defaults=config, **place)
    return None if is_refused(entry, there) else _generated(entry, there)


def is_refused(entry: PipelineEntry, place: Environment) -> bool:
    """Tell whether the checks find an error."""
    declared = entry.declared
    deployment = Deployment(Path(), Manifest((entry,)), place, {place.name: place}, datetime(2026, 1, 1, tzinfo=UTC))
    try:
        Resources(cpu=declared.cpu, memory=declared.memory, cpu_always=declared.cpu_always)
    except DefinitionError:
        return True
    found = [*check_names(deployment), *check_machines(deployment)]
    return any(one.severity == "error" for one in found) or _is_misfit(entry, place)


def _is_misfit(entry: PipelineEntry, place: Environment) -> bool:
    """Tell what the checks of the code's own resources find, which need a pipeline that was imported."""
    from pplns_deploy.checks.rules import mebibytes, memory_limits

    declared = entry.declared
    own = Resources(cpu=declared.cpu, memory=declared.memory, cpu_always=declared.cpu_always)
    given = place.config_of(entry.name).resources.applied_to(own)
    least, most = memory_limits(given.cpu)
    return not least <= mebibytes(given.memory) <= most or (given.cpu < 1 and given.cpu_always)


def _generated(entry: PipelineEntry, place: Environment) -> dict[str, Any] | None:
    try:
        return generate_variables(Manifest((entry,)), place, images={entry.name: IMAGE})
    except ConfigError:
        return None


def test_what_the_checks_let_through_is_planned(
    root: Terraform, cloud: Google, sample: Callable[..., int], rng: random.Random
) -> None:
    """Pipelines of every shape, several in one plan since each plan takes seconds; none of them has a state yet."""
    wanted, planned = sample(full=300, ci=10), 0
    found = list(_projects(wanted, rng).values())

    for start in range(0, len(found), BATCH):
        together = found[start : start + BATCH]
        pipelines_of = {name: one for each in together for name, one in each["pipelines"].items()}
        root.write({**together[0], "pipelines": pipelines_of})
        planned += sum("google_cloud_run_v2_service.this" in address for address in root.changes())

    assert planned == len(found) == wanted


def _projects(wanted: int, rng: random.Random) -> dict[str, dict[str, Any]]:
    """Return the variables of so many projects by their pipeline, drawn until there are enough that are let through."""
    found: dict[str, dict[str, Any]] = {}

    @settings(
        max_examples=wanted, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck),
        database=None,
    )  # fmt: skip
    @given(pipelines(), configs(), places())
    def collect(entry: PipelineEntry, config: PipelineConfig, place: dict[str, Any]) -> None:
        if len(found) < wanted and entry.name not in found:
            one = made(entry, config, len(found), place)
            if one is not None:
                found[entry.name] = one

    for _ in range(ROUNDS):
        if len(found) < wanted:
            seed(rng.getrandbits(64))(collect)()
    return found
