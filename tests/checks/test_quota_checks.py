"""The checks of how much Google takes: each at its number, and one past it."""

import pytest

from checks_project import NOW
from deployable import entry, environment
from pplns_deploy.checks import Deployment, Finding
from pplns_deploy.checks.quotas import check_account_quota, check_conditions, check_counts
from pplns_deploy.environments import BucketAccess, Environment, PipelineConfig
from pplns_deploy.manifest import Manifest

LOADER = "loader@acme-data.iam.gserviceaccount.com"
AS_LOADER = PipelineConfig(service_account=LOADER)


def deployment(count: int, *places: Environment) -> Deployment:
    """Return a deployment of so many pipelines to the first of some environments."""
    here = places or (environment(),)
    manifest = Manifest(tuple(entry(f"pipeline_{number}") for number in range(count)))
    return Deployment(here[0].file.parent, manifest, here[0], {one.name: one for one in here}, NOW)


def severities(found: list[Finding]) -> list[str]:
    return [one.severity for one in found]


@pytest.mark.parametrize(("count", "severity"), [(77, None), (78, "warning"), (97, "warning"), (98, "error")])
def test_a_project_has_a_hundred_accounts(count: int, severity: str | None):
    """One for each pipeline, and three for the environment; from four fifths on it is said."""
    found = list(check_account_quota(deployment(count)))

    assert severities(found) == ([severity] if severity else [])


def test_environments_in_one_project_share_its_accounts():
    """One in a project of its own doesn't count."""
    staging, elsewhere = environment("staging"), environment("test", project="acme-test")

    [found] = check_account_quota(deployment(48, environment(), staging, elsewhere))

    assert "102 service accounts are needed in 'acme-data', which may have 100: by 'prod', 'staging'." in found.message


@pytest.mark.parametrize(
    "place", [environment(account_quota=200), environment(defaults=AS_LOADER)], ids=["raised", "an account of theirs"]
)
def test_more_pipelines_fit_as_the_remedy_says(place: Environment):
    """With the quota that Google has given, or without accounts of their own."""
    assert list(check_account_quota(deployment(150, place))) == []


@pytest.mark.parametrize(("count", "found"), [(20, []), (21, ["error"])])
def test_twenty_pipelines_run_as_one_account(count: int, found: list[str]):
    """Each has a condition of its own in the policy of the bucket."""
    assert severities(list(check_conditions(deployment(count, environment(defaults=AS_LOADER))))) == found


@pytest.mark.parametrize(
    ("access", "said"),
    [
        (BucketAccess(read=tuple(f"acme-raw/{n}" for n in range(21))), "'acme-raw', to read"),
        (BucketAccess(read=tuple(f"acme-raw/{n}" for n in range(20)), write=("acme-raw/a", "acme-raw")), None),
        (BucketAccess(write=tuple(f"acme-runs/{n}" for n in range(20))), "'acme-runs', to write"),
        (BucketAccess(read=tuple(f"acme-{n}/x" for n in range(30))), None),
    ],
)  # fmt: skip
def test_twenty_prefixes_of_a_bucket_are_granted(access: BucketAccess, said: str | None):
    """The bucket of the runs has one already."""
    place = environment(store="gs://acme-runs/pplns", defaults=PipelineConfig(buckets=access))

    found = [one.message for one in check_conditions(deployment(1, place))]

    assert [f"21 conditional bindings for the bucket {said}" in one for one in found] == ([True] if said else [])


def test_twenty_cloud_sql_instances_are_granted():
    """Of one project."""
    instances = tuple(f"acme-data:europe-west1:shop-{number}" for number in range(21))

    [found] = check_conditions(deployment(1, environment(defaults=PipelineConfig(cloudsql=instances))))

    assert "Cloud SQL in 'acme-data'" in found.message


def test_pipelines_labels_and_channels_are_counted():
    """At the number nothing is said."""
    labels = {f"label-{number}": "x" for number in range(64)}
    channels = tuple(f"projects/acme-data/notificationChannels/{number}" for number in range(17))
    most = environment(labels=dict(list(labels.items())[:63]), notification_channels=channels[:16])

    found = check_counts(deployment(301, environment(labels=labels, notification_channels=channels)))

    assert [one.message.partition(" has ")[2].partition(":")[0] for one in found] == [
        "301 pipelines", "64 labels", "17 notification channels",
    ]  # fmt: skip
    assert list(check_counts(deployment(300, most))) == []
