"""The checks that ask, against the stand-in of Google's APIs, Google's own emulator of Pub/Sub, and a registry."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks_project import Checkable
from container_registry import LocalRegistry, registry_in
from google_stand_in import ACCOUNTS, PROJECT, RUNTIME, SECRETS, SUBSCRIPTIONS, TOPICS, Google
from packaged_project import make_base, put_base
from pplns_deploy.checks import Finding
from pplns_deploy.checks.online import ONLINE_CHECKS, check_base_image, check_existing_topics, check_online
from pplns_deploy.cloud import GoogleApis
from pplns_deploy.emulator import provider_environment, serving
from pplns_deploy.image.cache import Cache
from pubsub_emulator import Emulator, emulator, emulator_host

__all__ = ["emulator", "emulator_host"]
SUBSCRIPTION = "pplns-sales-prod_pubsub"
SECRET_TABLE = '[@defaults]\nsecrets = {{A = "{}"}}'
ENABLED = ("serviceusage", "cloudresourcemanager", "iam", "iamcredentials", "storage", "artifactregistry")


@pytest.fixture
def checkable(tmp_path: Path) -> Checkable:
    return Checkable(tmp_path)


@pytest.fixture
def google() -> Iterator[Google]:
    """The stand-in, with a project as `pplns bootstrap` leaves it."""
    pytest.importorskip("googleapiclient", reason="the stand-in reads Google's discovery documents")
    with serving() as stand_in:
        made = Google(stand_in)
        enable(made, *ENABLED)
        yield made


def enable(google: Google, *names: str) -> None:
    """Enable APIs in the project."""
    services = [f"{name}.googleapis.com" for name in names]
    google.post(f"serviceusage/v1/projects/{PROJECT}/services:batchEnable", {"serviceIds": services})


def asked(checkable: Checkable, google: Google, *, token: str = "owner") -> list[Finding]:
    """Return what the checks find that ask Google."""
    apis = GoogleApis(provider_environment(google.url, token=token))
    checks = [one for one in ONLINE_CHECKS if one is not check_base_image]
    return list(check_online(checkable.deployment(), apis, checks))


def add_secret(google: Google, name: str, *, versions: int = 0) -> None:
    """Put a secret into Secret Manager."""
    google.post(f"{SECRETS}?secretId={name}", {"replication": {"automatic": {}}})
    for _ in range(versions):
        google.post(f"{SECRETS}/{name}:addVersion", {"payload": {"data": "eA=="}})


def test_what_is_all_there_has_no_findings(checkable: Checkable, google: Google):
    """An account, a secret's version, a topic, and no subscription yet."""
    google.furnish()
    add_secret(google, "token", versions=2)
    checkable.write(
        table=f'[@defaults]\nservice_account = "{RUNTIME}"\nsecrets = {{A = "token@2", B = "token@latest"}}',
        options='triggers=[PubSub("projects/acme-data/topics/orders")]',
    )

    assert asked(checkable, google) == []


@pytest.mark.parametrize(
    ("secret", "said"),
    [("token@3", "it has no such version"), ("tokens@1", "there is no such secret"), ("token@1", "is disabled")],
)
def test_a_secret_that_would_stop_the_start_is_found(checkable: Checkable, google: Google, secret: str, said: str):
    """Cloud Run starts no revision without each of its secrets; the commands that make it are shown."""
    add_secret(google, "token", versions=2)
    google.post(f"{SECRETS}/token/versions/1:disable")
    checkable.write(table=SECRET_TABLE.format(secret))

    [found] = asked(checkable, google)

    assert (found.check, found.severity, found.pipeline) == ("secret_versions", "error", "sales")
    assert found.message.startswith(f"A of 'sales' comes from the secret '{secret}'")
    assert said in found.message
    assert "gcloud secrets versions add" in found.remedy


def test_a_secret_of_another_project_is_asked_for_there(checkable: Checkable, google: Google):
    """As the environment writes it."""
    checkable.write(table=SECRET_TABLE.format("projects/acme-keys/secrets/token@1"))

    [found] = asked(checkable, google)

    assert "--project acme-keys" in found.remedy


@pytest.mark.parametrize(("is_there", "said"), [(False, "is not there"), (True, "is disabled")])
def test_an_account_that_cant_be_run_as_is_found(checkable: Checkable, google: Google, is_there: bool, said: str):
    """One that pplns uses and doesn't make."""
    if is_there:
        google.furnish()
        google.post(f"{ACCOUNTS}/{RUNTIME}:disable")
    checkable.write(table=f'[@defaults]\nservice_account = "{RUNTIME}"')

    [found] = asked(checkable, google)

    assert (found.check, found.severity) == ("existing_accounts", "error")
    assert said in found.message


def test_an_api_that_is_not_enabled_is_found(checkable: Checkable, google: Google):
    """Those that deploying begins with, and those of the code's libraries; Terraform enables the rest."""
    google.post(f"serviceusage/v1/projects/{PROJECT}/services/iam.googleapis.com:disable")
    checkable.write(top="def f():\n    import google.cloud.bigquery\n", table="[@defaults]\nbigquery = {jobs = true}")

    found = asked(checkable, google)

    assert [one.message.split()[2] for one in found] == ["iam.googleapis.com", "bigquery.googleapis.com"]
    assert ["pplns bootstrap --env prod" in one.remedy for one in found] == [True, False]
    assert "gcloud services enable bigquery.googleapis.com --project acme-data" in found[1].remedy


@pytest.mark.parametrize(
    ("trigger", "said"),
    [
        ('PubSub("orders")', ["The filter of", "is 'attributes:kind' and would be ''"]),
        (
            'PubSub("returns", filter="attributes:kind")',
            ["The topic of", "would be 'projects/acme-data/topics/returns-"],
        ),
        ('PubSub("orders", filter="attributes:kind")', None),
    ],
)
def test_a_subscription_that_would_be_replaced_is_found(
    checkable: Checkable, google: Google, trigger: str, said: list[str] | None
):
    """With the messages that wait in it."""
    google.put(f"{TOPICS}/orders-prod")
    google.put(
        f"{SUBSCRIPTIONS}/{SUBSCRIPTION}",
        {"topic": f"projects/{PROJECT}/topics/orders-prod", "filter": "attributes:kind"},
    )
    checkable.write(options=f"triggers=[{trigger}]")

    found = asked(checkable, google)

    assert [one.severity for one in found] == (["warning"] if said else [])
    assert all(part in found[0].message for part in said or ())


def test_a_topic_that_is_named_whole_has_to_be_there(checkable: Checkable, google: Google):
    """One that pplns makes needn't be."""
    checkable.write(options='triggers=[PubSub("orders", name="made"), PubSub("projects/acme-data/topics/gone")]')

    [found] = asked(checkable, google)

    assert (found.check, found.severity) == ("existing_topics", "error")
    assert "'projects/acme-data/topics/gone' isn't there" in found.message


def test_what_may_not_be_asked_is_a_warning(checkable: Checkable, google: Google):
    """In Google's words, which name the permission; the other checks stand."""
    visitor = google.as_caller("user:visitor@example.com")
    checkable.write(table=SECRET_TABLE.format("token@1"))

    found = asked(checkable, google, token=visitor.token)

    assert {(one.check, one.severity) for one in found} == {("online", "warning")}
    assert any("secretmanager.versions.get" in one.message for one in found)


@pytest.mark.needs_pubsub_emulator
def test_googles_emulator_of_pubsub_is_asked_where_it_is_set(checkable: Checkable, emulator: Emulator):
    """Without any credentials."""
    topic = emulator.topic()
    checkable.write(options=f'triggers=[PubSub({topic!r}), PubSub("projects/acme-data/topics/gone", name="gone")]')

    apis = GoogleApis({"PUBSUB_EMULATOR_HOST": emulator.host})
    [found] = check_existing_topics(checkable.deployment(), apis)

    assert "'projects/acme-data/topics/gone' isn't there" in found.message


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[LocalRegistry]:
    """A registry that has the image base:1, for linux/amd64."""
    (tmp_path / "registry").mkdir()
    with registry_in(tmp_path / "registry") as running:
        cache = Cache(tmp_path / "cache-of-the-base")
        put_base(running, make_base(cache), cache)
        yield running


@pytest.mark.needs_registry
@pytest.mark.parametrize(
    ("base", "more", "severity", "said"),
    [
        ("{host}/base:1", "", None, ""),
        ("{host}/base:2", "", "error", "There is no image"),
        ("{host}/base:1", 'platform = "linux/arm64"', "error", "isn't there for linux/arm64"),
        ("127.0.0.1:9/base", "", "warning", "127.0.0.1:9 didn't give the manifest"),
    ],
)
def test_the_base_of_the_image_is_asked_for(
    checkable: Checkable, registry: LocalRegistry, monkeypatch: pytest.MonkeyPatch, base: str, more: str,
    severity: str | None, said: str,
):  # fmt: skip
    """At its registry, for the platform; one that isn't reached is only warned of."""
    monkeypatch.setattr("pplns_deploy.image.registry.calls.FIRST_CONTACT_SECONDS", 0.2)
    checkable.write()
    with (checkable.root / "pyproject.toml").open("a") as stream:
        stream.write(f'[tool.pplns.image]\nbase = "{base.format(host=registry.host)}"\n{more}\n')

    found = list(check_base_image(checkable.deployment(), GoogleApis({"XDG_CACHE_HOME": str(checkable.root / "c")})))

    assert [one.severity for one in found] == ([severity] if severity else [])
    assert all(said in one.message for one in found)


@pytest.mark.needs_registry
def test_who_isnt_signed_in_is_told_once(checkable: Checkable, registry: LocalRegistry, tmp_path: Path):
    """As a warning beside what the other checks found, in the command too."""
    checkable.write(options='triggers=[PubSub("projects/acme-data/topics/orders")]')
    absent = {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "absent.json"), "XDG_CACHE_HOME": str(tmp_path / "c")}
    command = [sys.executable, "-m", "pplns_deploy", "check", "--online", "--json", "--project", str(checkable.root)]
    with (checkable.root / "pyproject.toml").open("a") as stream:
        stream.write(f'[tool.pplns.image]\nbase = "{registry.host}/base:1"\n')
    given = {name: value for name, value in os.environ.items() if not name.startswith("GOOGLE_")} | absent

    answer = subprocess.run(command, capture_output=True, encoding="utf-8", env=given, timeout=120, check=False)

    assert answer.returncode == 0, answer.stderr
    found = [one for one in json.loads(answer.stdout)["findings"] if one["check"] == "online"]
    assert [one["severity"] for one in found] == ["warning"]
    assert "absent.json" in found[0]["message"]
    assert "gcloud auth application-default login" in found[0]["remedy"]
