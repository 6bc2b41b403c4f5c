"""Checks of how much there is: what a project, a policy or an alert of Google's takes at most.

https://cloud.google.com/iam/quotas, https://cloud.google.com/monitoring/quotas and
https://cloud.google.com/resource-manager/docs/labels-overview have the numbers. Only a quota can be raised."""

from collections import Counter
from collections.abc import Iterator

from pplns_deploy.checks.deployment import Deployment
from pplns_deploy.checks.findings import Finding
from pplns_deploy.environments import Environment, names
from pplns_deploy.manifest import PipelineEntry

SHARED_ACCOUNTS = 3  # of an environment: its schedules, its subscriptions, its people and CI
MOST_OF_QUOTA = 0.8
MAX_CONDITIONS = 20  # of one role and one account in a policy
MAX_CHANNELS = 16  # of an alert
MAX_LABELS = 63  # of a resource, beside `pplns-environment`
MAX_PIPELINES = 300  # whose services fit into the filter of an alert, which takes 20,000 characters


def check_account_quota(deployment: Deployment) -> Iterator[Finding]:
    """Check that the project may have so many service accounts, over all environments that are in it."""
    here = deployment.environment
    beside = [one for one in deployment.environments.values() if one.project == here.project]
    count = sum(_accounts(deployment, one) for one in beside)
    if count <= here.account_quota * MOST_OF_QUOTA:
        return
    met = (
        f"{count} service accounts are needed in {here.project!r}, which may have {here.account_quota}: by"
        f" {', '.join(repr(one.name) for one in beside)}."
    )
    if count > here.account_quota:
        remedy = (
            "Have several pipelines run as one account of yours, service_account, or use another project; where Google"
            f" has raised the quota, write account_quota in [tool.pplns.env.{here.name}]."
        )
        yield deployment.error(met, remedy)
    else:
        remedy = "Ask Google for a higher quota before there are more, or give pipelines a service_account of yours."
        yield deployment.warning(f"{met} Others in the project count too.", remedy)


def check_conditions(deployment: Deployment) -> Iterator[Finding]:
    """Check that no account gets more conditional bindings of one role than a policy takes."""
    users: dict[str, list[PipelineEntry]] = {}
    for entry in deployment.manifest.pipelines:
        if account := deployment.config_of(entry).service_account:
            users.setdefault(account, []).append(entry)
    for account, entries in users.items():
        if len(entries) > MAX_CONDITIONS:
            yield deployment.error(
                f"{len(entries)} pipelines run as {account!r}, and each gets access to its own part of the store:"
                f" a bucket's policy takes {MAX_CONDITIONS} conditions for one account and role.",
                "Use a second account, or leave service_account out for some: then each has one of its own.",
                entries[MAX_CONDITIONS],
            )
    for entry in deployment.manifest.pipelines:
        for what, count in _conditions_of(deployment, entry):
            if count > MAX_CONDITIONS:
                yield deployment.error(
                    f"The account of {entry.name!r} would get {count} conditional bindings for {what}: a policy takes"
                    f" {MAX_CONDITIONS} for one account and role.",
                    "Name what is above them, a shorter prefix or the whole, or split the pipeline.",
                    entry,
                )


def check_counts(deployment: Deployment) -> Iterator[Finding]:
    """Check that there aren't more pipelines, labels and notification channels than Google takes."""
    place = deployment.environment
    counts = (
        ("pipelines", len(deployment.manifest.pipelines), MAX_PIPELINES, "Make a second project of some of them."),
        ("labels", len(place.labels), MAX_LABELS, "Remove some."),
        ("notification channels", len(place.notification_channels), MAX_CHANNELS, "Use one that reaches several."),
    )
    for what, count, most, remedy in counts:
        if count > most:
            yield deployment.error(f"The environment {place.name!r} has {count} {what}: {most} at most.", remedy)


def _accounts(deployment: Deployment, place: Environment) -> int:
    own = [one for one in deployment.manifest.pipelines if place.config_of(one.name).service_account is None]
    return SHARED_ACCOUNTS + len(own)


def _conditions_of(deployment: Deployment, entry: PipelineEntry) -> Iterator[tuple[str, int]]:
    """Yield what a pipeline's own account has conditional bindings for, and how many of one role."""
    config = deployment.config_of(entry)
    if config.service_account:
        return
    written = Counter({_store_of(deployment.environment): 1}) + _buckets_of_prefixes(config.buckets.write)
    for bucket in written:
        yield f"the bucket {bucket!r}, to write", written[bucket]
    for bucket, count in _buckets_of_prefixes(config.buckets.read).items():
        yield f"the bucket {bucket!r}, to read", count
    for project, count in Counter(one.partition(":")[0] for one in config.cloudsql).items():
        yield f"Cloud SQL in {project!r}", count


def _store_of(place: Environment) -> str:
    if place.store is None:
        return names.bucket_name(place.project, place.name)
    return place.store.removeprefix("gs://").partition("/")[0]


def _buckets_of_prefixes(places: tuple[str, ...]) -> Counter[str]:
    return Counter(one.partition("/")[0] for one in places if "/" in one)
