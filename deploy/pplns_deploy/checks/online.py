"""Checks that ask Google Cloud and the registry of the base, by `--online` only: whether what the environment names is
there, and whether a subscription would be replaced.

Google is asked as whoever checks; with PUBSUB_EMULATOR_HOST the emulator is asked about topics. What can't be asked is
a warning, so that the other checks stand."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from pplns.errors import ConfigError, RegistryError
from pplns_deploy.checks.deployment import Deployment
from pplns_deploy.checks.findings import Finding, name_of_check
from pplns_deploy.environments import SecretVersion, names
from pplns_deploy.manifest import PipelineEntry, TriggerEntry

if TYPE_CHECKING:
    from pplns_deploy.cloud import GoogleApis

OnlineCheck = Callable[[Deployment, "GoogleApis"], Iterator[Finding]]
UNASKED = "online"  # the name of the finding that says what couldn't be asked

# APIs of libraries: Terraform enables those of what it makes, and no others.
API_OF_LIBRARY = {
    "google.cloud.bigquery": "bigquery", "pandas_gbq": "bigquery", "google.cloud.sql": "sqladmin",
    "google.cloud.firestore": "firestore", "google.cloud.spanner": "spanner",
}  # fmt: skip


def check_online(
    deployment: Deployment, google: "GoogleApis", checks: Iterable[OnlineCheck] | None = None
) -> Iterator[Finding]:
    """Run the checks that ask, all of them by default; that there are no credentials is said once."""
    from pplns_deploy.cloud import GoogleRefused, NoCredentials

    for check in ONLINE_CHECKS if checks is None else checks:
        name = name_of_check(check)
        try:
            yield from (replace(found, check=name) for found in check(deployment, google))
        except NoCredentials as error:
            yield replace(deployment.warning(f"Google Cloud wasn't asked: {error.met}", error.hint), check=UNASKED)
        except GoogleRefused as refused:
            message = f"{name} couldn't be checked: {refused.met}"
            yield replace(deployment.warning(message, refused.hint), check=UNASKED)


def check_enabled_apis(deployment: Deployment, google: "GoogleApis") -> Iterator[Finding]:
    """Check that the APIs are enabled that deploying begins with, and those of the libraries that the code uses."""
    from pplns_deploy.cloud.calls import FIRST_APIS

    place = deployment.environment
    used = {_api_of(use.module): entry for entry in deployment.manifest.pipelines for use in entry.libraries}
    users = {api: entry for api, entry in used.items() if api is not None}
    wanted = [f"projects/{place.project}/services/{name}.googleapis.com" for name in (*FIRST_APIS, *sorted(users))]
    answer = google.call("GET", "services", f"projects/{place.project}/services:batchGet", query={"names": wanted})
    for service in answer.get("services", []):
        api = str(service["name"]).rpartition("/")[2]
        if service.get("state") == "ENABLED":
            continue
        message = f"The API {api} isn't enabled in the project {place.project!r}."
        if api.partition(".")[0] in FIRST_APIS:
            yield deployment.error(message, f"Run `pplns bootstrap --env {place.name}` once.")
        else:
            remedy = f"Enable it: gcloud services enable {api} --project {place.project}"
            yield deployment.error(message, remedy, users[api.partition(".")[0]])


def check_existing_accounts(deployment: Deployment, google: "GoogleApis") -> Iterator[Finding]:
    """Check that the service accounts that pplns uses and doesn't manage are there."""
    for entry in deployment.manifest.pipelines:
        account = deployment.config_of(entry).service_account
        if account is None:
            continue
        found = google.find("iam", f"projects/-/serviceAccounts/{account}")
        if found is None or found.get("disabled"):
            yield deployment.error(
                f"The service account {account!r} of {entry.name!r} {'is disabled' if found else 'is not there'}.",
                "Correct service_account, or leave it out: then pplns makes an account.",
                entry,
            )


def check_secret_versions(deployment: Deployment, google: "GoogleApis") -> Iterator[Finding]:
    """Check that Secret Manager has the secrets, and their versions enabled."""
    asked: dict[str, str | None] = {}
    for entry in deployment.manifest.pipelines:
        for variable, secret in deployment.config_of(entry).secrets.items():
            path = f"projects/{secret.project or deployment.environment.project}/secrets/{secret.name}"
            whole = f"{path}/versions/{secret.version}"
            if whole not in asked:
                asked[whole] = _problem_of_secret(google, path, secret)
            if problem := asked[whole]:
                yield deployment.error(
                    f"{variable} of {entry.name!r} comes from the secret {str(secret)!r}: {problem}.",
                    _remedy_of_secret(path, secret),
                    entry,
                )


def check_base_image(deployment: Deployment, google: "GoogleApis") -> Iterator[Finding]:
    """Check that the base of the image is there, for its platform."""
    from pplns_deploy.cloud import NoCredentials
    from pplns_deploy.image.cache import Cache, cache_folder
    from pplns_deploy.image.images import ignore
    from pplns_deploy.image.packaging import Packaging
    from pplns_deploy.image.references import parse_reference
    from pplns_deploy.image.settings import read_image_settings
    from pplns_deploy.locking import lock_file_of, read_inputs, read_lock
    from pplns_deploy.locking.freshness import python_of

    try:
        wanted = read_image_settings(deployment.root, {})
        python = python_of(read_inputs(deployment.root), read_lock(lock_file_of(deployment.root)))
        asked = parse_reference(wanted.base.replace("{python}", python))
        packaging = Packaging(Cache(cache_folder(google.environ)), google.environ, ignore)
        packaging.find_base(asked, platform=wanted.platform)
    except NoCredentials:
        raise
    except ConfigError as error:
        yield Finding("error", error.message, error.hint, file=deployment.environment.file)
    except RegistryError as error:
        yield Finding("warning", error.message, error.hint, file=deployment.environment.file)


def check_existing_topics(deployment: Deployment, google: "GoogleApis") -> Iterator[Finding]:
    """Check that the topics that pplns doesn't manage are there."""
    topics = {
        str(trigger.topic): entry
        for entry, trigger, _ in _subscribed(deployment)
        if str(trigger.topic).startswith("projects/")
    }
    for topic, entry in topics.items():
        if google.find("pubsub", topic) is None:
            yield deployment.at_code(
                "error",
                f"The topic {topic!r} isn't there, and pplns doesn't make it.",
                'Make it, correct the name, or write PubSub("orders") for one that pplns makes.',
                entry,
            )


def check_backlogs(deployment: Deployment, google: "GoogleApis") -> Iterator[Finding]:
    """Check that no subscription would be replaced, with the messages that wait in it.

    Pub/Sub never changes the topic or the filter of a subscription: a new one takes its place, and is empty."""
    place = deployment.environment
    for entry, trigger, name in _subscribed(deployment):
        path = f"projects/{place.project}/subscriptions/{names.subscription_name(entry.name, place.name, name)}"
        found = google.find("pubsub", path) or {}
        for what, wanted in _immutable(deployment, trigger).items() if found else ():
            deployed = str(found.get(what, ""))
            if deployed != wanted:
                yield deployment.at_code(
                    "warning",
                    f"The {what} of {path!r} is {deployed!r} and would be {wanted!r}: it is replaced, and what"
                    " waits in it is lost.",
                    "Let it run empty first, or give the trigger another name=… so that the old one can be emptied.",
                    entry,
                )


ONLINE_CHECKS: tuple[OnlineCheck, ...] = (
    check_enabled_apis,
    check_existing_accounts,
    check_secret_versions,
    check_base_image,
    check_existing_topics,
    check_backlogs,
)


def _api_of(module: str) -> str | None:
    return next((api for library, api in API_OF_LIBRARY.items() if f"{module}.".startswith(f"{library}.")), None)


def _problem_of_secret(google: "GoogleApis", path: str, secret: SecretVersion) -> str | None:
    found = google.find("secrets", f"{path}/versions/{secret.version}")
    if found is None:
        return "it has no such version" if google.find("secrets", path) else "there is no such secret"
    return None if found.get("state") == "ENABLED" else f"that version is {str(found.get('state')).lower()}"


def _remedy_of_secret(path: str, secret: SecretVersion) -> str:
    project = path.split("/")[1]
    return (
        f"Correct its name or version, or make it: gcloud secrets create {secret.name} --project {project}, and"
        f" gcloud secrets versions add {secret.name} --project {project} --data-file=FILE"
    )


def _immutable(deployment: Deployment, trigger: TriggerEntry) -> dict[str, str]:
    """Return what can't be changed of a trigger's subscription, as it would be."""
    name = names.topic_name(str(trigger.topic), deployment.environment.name)
    topic = name if name.startswith("projects/") else f"projects/{deployment.environment.project}/topics/{name}"
    return {"topic": topic, "filter": trigger.filter or ""}


def _subscribed(deployment: Deployment) -> Iterator[tuple[PipelineEntry, TriggerEntry, str]]:
    """Yield each Pub/Sub trigger with its pipeline and the name that it has or is given."""
    for entry in deployment.manifest.pipelines:
        triggers = [one for one in entry.declared.triggers if one.kind == "pubsub"]
        named = names.trigger_names([one.name for one in triggers], "pubsub")
        for trigger, name in zip(triggers, named, strict=True):
            yield entry, trigger, name
