"""IAM service accounts and the credentials made for them.

https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts,
https://cloud.google.com/iam/docs/reference/credentials/rest"""

import re
import secrets
import zlib
from datetime import timedelta
from typing import Any

from pplns_deploy.emulator.apis import Handler
from pplns_deploy.emulator.apis.identity_tokens import sign_identity_token
from pplns_deploy.emulator.apis.values import duration_s, require_id
from pplns_deploy.emulator.calls import Call
from pplns_deploy.emulator.cloud import Cloud, project_number, project_of
from pplns_deploy.emulator.policies import forget, policy_answer
from pplns_deploy.emulator.refusals import Refusal, invalid
from pplns_deploy.emulator.schemas import without_defaults
from pplns_deploy.emulator.tables import Table, masked, page

Json = dict[str, Any]
ACCOUNTS = "iam.serviceAccounts"
MAX_ACCOUNTS = 100  # of a project, unless its quota was raised
MAX_TOKEN_S = 3600
_ACCOUNT_ID = re.compile(r"[a-z][-a-z0-9]{4,28}[a-z0-9]")


def create(cloud: Cloud, call: Call) -> Json:
    """Create an account."""
    account_id, project = call.body.get("accountId", ""), project_of(call.name)
    require_id("account_id", account_id, _ACCOUNT_ID, "6 to 30 lowercase letters, digits and hyphens, beginning with a "
               "letter")  # fmt: skip
    if len(cloud.table(ACCOUNTS).under(call.name)) >= MAX_ACCOUNTS:
        raise Refusal("RESOURCE_EXHAUSTED", f"Maximum number of service accounts on project reached: {MAX_ACCOUNTS}.")
    email = f"{account_id}@{project}.iam.gserviceaccount.com"
    unique = f"1{zlib.crc32(email.encode()):010d}{cloud.number():010d}"
    given = call.body.get("serviceAccount", {})
    _check_texts(given)
    row = given | {
        "name": f"{call.name}/serviceAccounts/{email}", "projectId": project, "uniqueId": unique, "email": email,
        "etag": cloud.etag(), "oauth2ClientId": unique,
    }  # fmt: skip
    return _shown(cloud.table(ACCOUNTS).create(row["name"], row))


def read(cloud: Cloud, call: Call) -> Json:
    """Return an account, by its email or its number; the project may be `-`."""
    return _shown(find(cloud, call.name))


def change(cloud: Cloud, call: Call) -> Json:
    """Change an account's texts."""
    row = find(cloud, call.name)
    given = call.body.get("serviceAccount", {}) if call.verb == "patch" else call.body
    _check_texts(given)
    wanted = {name: given[name] for name in ("displayName", "description") if name in given}
    row |= masked(call, "ServiceAccount", row, changes=wanted, mask=call.body.get("updateMask"))
    row["etag"] = cloud.etag()
    return _shown(row)


def switch(cloud: Cloud, call: Call) -> Json:
    """Disable or enable an account."""
    find(cloud, call.name)["disabled"] = call.verb == "disable"
    return {}


def delete(cloud: Cloud, call: Call) -> Json:
    """Delete an account; what was granted to it stays in the policies, as a deleted member."""
    row = find(cloud, call.name)
    cloud.table(ACCOUNTS).delete(row["name"])
    forget(cloud, row["name"])
    member = f"serviceAccount:{row['email']}"
    for policy in cloud.policies.values():
        for binding in policy["bindings"]:
            gone = f"deleted:{member}?uid={row['uniqueId']}"
            binding["members"] = sorted(gone if one == member else one for one in binding["members"])
    return {}


def listed(cloud: Cloud, call: Call) -> Json:
    """List the accounts of a project."""
    return page(call, "accounts", [_shown(row) for row in cloud.table(ACCOUNTS).under(call.name)])


def policy(cloud: Cloud, call: Call) -> Json:
    """Read or write who may use an account."""
    return policy_answer(cloud, call, find(cloud, call.name)["name"])


def find(cloud: Cloud, name: str) -> Json:
    """Return the account of a name such as `projects/-/serviceAccounts/EMAIL`."""
    table: Table = cloud.table(ACCOUNTS)
    wanted = name.rpartition("/")[2]
    for row in table.rows.values():
        if wanted in (row["email"], row["uniqueId"]) and project_of(name) in ("-", row["projectId"], _number(row)):
            return row
    raise Refusal("NOT_FOUND", f"Unknown service account: {wanted}.")


def full_name(cloud: Cloud, name: str) -> str:
    """Return a name with its project, where it is `-`, and the email in place of the number, as policies have it."""
    account, key, rest = name.partition("/keys/")
    try:
        return f"{find(cloud, account)['name']}{key}{rest}"
    except Refusal:
        return name


def access_token(cloud: Cloud, call: Call) -> Json:
    """Make an access token, under which the stand-in knows the account."""
    row = _usable(cloud, call.name)
    lifetime = duration_s(call.body.get("lifetime", f"{MAX_TOKEN_S}s"))
    if not call.body.get("scope") or not 0 < lifetime <= 12 * MAX_TOKEN_S:
        raise invalid("A token needs a scope, and a lifetime of at most 12 hours.")
    token = f"ya29.{secrets.token_urlsafe(24)}"
    cloud.callers[token] = f"serviceAccount:{row['email']}"
    ends = cloud.clock() + timedelta(seconds=float(lifetime))
    return {"accessToken": token, "expireTime": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}


def identity_token(cloud: Cloud, call: Call) -> Json:
    """Make an identity token for an audience."""
    row = _usable(cloud, call.name)
    audience = call.body.get("audience")
    if not audience:
        raise invalid("audience: is required.")
    claims: Json = {"aud": audience, "azp": row["uniqueId"], "sub": row["uniqueId"]}
    if call.body.get("includeEmail"):
        claims |= {"email": row["email"], "email_verified": True}
    return {"token": sign_identity_token(claims, cloud.clock())}


def _usable(cloud: Cloud, name: str) -> Json:
    row = find(cloud, name)
    if row.get("disabled"):
        raise Refusal("FAILED_PRECONDITION", f"Service account {row['email']} is disabled.")
    return row


def _check_texts(given: Json) -> None:
    if len(given.get("displayName", "").encode()) > 100 or len(given.get("description", "").encode()) > 256:
        raise invalid("display_name: at most 100 bytes; description: at most 256 bytes.")


def _number(row: Json) -> str:
    return project_number(row["projectId"])


def _shown(row: Json) -> Json:
    answer: Json = without_defaults(row)
    return answer


_BASE = "iam.projects.serviceAccounts"
METHODS: dict[str, Handler] = {
    f"{_BASE}.create": create,
    f"{_BASE}.get": read,
    f"{_BASE}.patch": change,
    f"{_BASE}.update": change,
    f"{_BASE}.delete": delete,
    f"{_BASE}.list": listed,
    f"{_BASE}.disable": switch,
    f"{_BASE}.enable": switch,
    f"{_BASE}.getIamPolicy": policy,
    f"{_BASE}.setIamPolicy": policy,
    f"{_BASE}.testIamPermissions": policy,
    "iamcredentials.projects.serviceAccounts.generateAccessToken": access_token,
    "iamcredentials.projects.serviceAccounts.generateIdToken": identity_token,
}
