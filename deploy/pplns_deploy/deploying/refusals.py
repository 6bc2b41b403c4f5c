"""What Terraform and Google refuse, as errors that say what to do.

Terraform's diagnostics are text made of Google's answers, so the remedy is found by the words that Google uses."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pplns.errors import ConfigError, PplnsError

MAX_SHOWN = 5
LAST_LINES = 12

# A permission's beginning → the least role of Google's that has what a deployment needs of it.
ROLES: Mapping[str, str] = {
    "run.services.get": "roles/run.viewer",
    "run.services.setIamPolicy": "roles/run.admin",
    "run.": "roles/run.admin",
    "iam.serviceAccounts.actAs": "roles/iam.serviceAccountUser",
    "iam.serviceAccounts.setIamPolicy": "roles/iam.serviceAccountAdmin",
    "iam.serviceAccounts.getOpenIdToken": "roles/iam.serviceAccountOpenIdTokenCreator",
    "iam.serviceAccounts.": "roles/iam.serviceAccountAdmin",
    "cloudscheduler.": "roles/cloudscheduler.admin",
    "pubsub.": "roles/pubsub.admin",
    "storage.objects.": "roles/storage.objectUser",
    "storage.": "roles/storage.admin",
    "artifactregistry.": "roles/artifactregistry.admin",
    "secretmanager.": "roles/secretmanager.admin",
    "logging.": "roles/logging.configWriter",
    "monitoring.": "roles/monitoring.editor",
    "serviceusage.": "roles/serviceusage.serviceUsageAdmin",
    "resourcemanager.projects.": "roles/resourcemanager.projectIamAdmin",
}
_PERMISSION = re.compile(r"\b([a-z]+\.[A-Za-z]+\.[A-Za-z]+)\b(?=['\"]? (?:denied|permission)|['\"] )")
_QUOTED = re.compile(r"[Pp]ermission ['\"]?([a-z]+\.[A-Za-z]+\.[A-Za-z]+)")
_DENIED = re.compile(r"\b403\b|PERMISSION_DENIED|[Pp]ermission .{0,80}denied|does not have .{0,80} access")
_NO_BUCKET = re.compile(r"bucket does(?:n't| not) exist")
_DISABLED = re.compile(r"SERVICE_DISABLED|has not been used in project|it is disabled")

REMEDIES = (
    (_DISABLED, "An API isn't enabled, or only just: run `pplns bootstrap`, wait a minute, and do it again."),
    (
        re.compile(r"could not find default credentials|invalid_grant|[Rr]eauth"),
        "Sign in: gcloud auth application-default login, or name a key in GOOGLE_APPLICATION_CREDENTIALS.",
    ),
    (
        _NO_BUCKET,
        "The bucket of the state isn't there: run `pplns bootstrap` once.",
    ),
    (
        re.compile(r"already ?[eE]xists|ALREADY_EXISTS|you already own it"),
        "That name is taken by something that no deployment of this environment made. See what it is, and rename or"
        " remove it.",
    ),
    (
        re.compile(r"\b(?:409|429|5\d\d)\b|UNAVAILABLE|ABORTED"),
        "Google refused for the moment. Do it again: what was done is kept, the rest follows.",
    ),
    (re.compile(""), "Correct that and do it again: what was done is kept, the rest follows."),
)


class TerraformFailed(PplnsError):
    """Terraform couldn't do what was asked; what it had done is in its state. `addresses` are what it failed at."""

    code = "terraform_failed"
    addresses: tuple[str, ...] = ()


class StalePlan(TerraformFailed):
    """Somebody else changed the state between a plan and its apply."""

    code = "stale_plan"


class StateLocked(TerraformFailed):
    """Somebody else has held the lock of the state for too long."""

    code = "state_locked"


def error_of(lines: Iterable[Mapping[str, Any]], rest: str, *, command: str, environment: str = "") -> PplnsError:
    """Return the error that a command of Terraform ended with, from its diagnostics."""
    found = [line["diagnostic"] for line in lines if line.get("type") == "diagnostic"]
    errors = [one for one in found if one.get("severity") == "error"]
    texts = [_text_of(one) for one in errors] or ["\n".join(rest.splitlines()[-LAST_LINES:]) or "it said nothing."]
    whole = "\n".join(texts)
    if "Saved plan is stale" in whole:
        return StalePlan(
            "The environment was changed after this was planned.",
            "What is applied is exactly what was shown.",
            "Do it again: the new plan begins with what is there now.",
        )
    if "Error acquiring the state lock" in whole:
        return _locked(whole, environment)
    shown = "\n".join(f"- {text}" for text in texts[:MAX_SHOWN]) if len(texts) > 1 else texts[0]
    met, remedy = f"`terraform {command}` failed: {shown}", remedy_of(whole)
    if command == "init" and _NO_BUCKET.search(whole):
        return _not_prepared(environment)
    if command == "init":
        return ConfigError(met, "", remedy)
    failed = TerraformFailed(met, "", remedy)
    failed.addresses = tuple(str(one.get("address") or "") for one in errors)
    return failed


def remedy_of(text: str) -> str:
    """Return what to do about a refusal, from the words of it."""
    if _DENIED.search(text) and not _DISABLED.search(text):
        return _remedy_of_denial(text)
    return next(remedy for words, remedy in REMEDIES if words.search(text))


def permissions_in(text: str) -> list[str]:
    """Return the permissions that a text says are missing."""
    return list(dict.fromkeys(_QUOTED.findall(text) + _PERMISSION.findall(text)))


def role_for(permission: str) -> str | None:
    """Return the role that a deployment needs for a permission; the longest beginning that is known says it."""
    known = [beginning for beginning in ROLES if permission.startswith(beginning)]
    return ROLES[max(known, key=len)] if known else None


def _remedy_of_denial(text: str) -> str:
    permissions = permissions_in(text)
    roles = sorted({role for one in permissions if (role := role_for(one))})
    if not roles:
        return "The account that deploys lacks a role: see docs/deploying.md for those that it needs."
    return (
        f"Give the account that deploys {', '.join(roles)} (for {', '.join(permissions)}), and do it again."
        " A new role takes a minute or two."
    )


def _text_of(diagnostic: Mapping[str, Any]) -> str:
    address = diagnostic.get("address")
    detail = " ".join(str(diagnostic.get("detail") or "").split())
    summary = " ".join(str(diagnostic.get("summary") or "").split())
    said = f"{summary}. {detail}" if detail and not summary.endswith((".", ":")) else f"{summary} {detail}"
    return f"{address}: {said.strip()}" if address else said.strip()


def _not_prepared(environment: str) -> ConfigError:
    command = "pplns bootstrap" + (f" --env {environment}" if environment else "")
    return ConfigError(
        f"The environment {environment!r} isn't prepared: the bucket of Terraform's state isn't there.",
        "It is made before the first deployment.",
        f"Prepare it once: {command}",
    )


def _locked(text: str, environment: str) -> StateLocked:
    facts = dict(
        re.findall(
            r"\b(ID|Path|Who|Created|Operation):\s+(.+?)(?=\s+(?:ID|Path|Operation|Who|Version|Created|Info):|$)",
            text,
            re.M,
        )
    )
    who = facts.get("Who", "somebody")
    since = f" since {facts['Created']}" if "Created" in facts else ""
    command = f"pplns unlock {facts.get('ID', '')}" + (f" --env {environment}" if environment else "")
    return StateLocked(
        f"{who} is changing this environment{since} ({facts.get('Operation', 'unknown operation')}).",
        "One change is made at a time.",
        f"Wait for it and do it again. If that process is dead, remove its lock: {command}",
    )
