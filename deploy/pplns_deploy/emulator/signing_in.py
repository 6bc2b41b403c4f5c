"""Where credentials become tokens: the token endpoints of OAuth and of the Security Token Service, and the metadata
server of a machine in Google Cloud.

A person's refresh token, and what another issuer has signed for a workload, are callers that the stand-in was told of
(`callers`). A service account signs with a key that the stand-in made (`projects.serviceAccounts.keys.create`).
Sources: https://developers.google.com/identity/protocols/oauth2/service-account, https://cloud.google.com/iam/docs/reference/sts/rest,
https://cloud.google.com/compute/docs/metadata/predefined-metadata-keys"""

import json
import secrets
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import parse_qs

from pplns_deploy.emulator.apis.account_keys import certificate_of
from pplns_deploy.emulator.apis.accounts import find
from pplns_deploy.emulator.apis.identity_tokens import sign_identity_token
from pplns_deploy.emulator.calls import Raw
from pplns_deploy.emulator.cloud import Cloud, project_number, project_of
from pplns_deploy.emulator.refusals import Refusal

Json = dict[str, Any]
OAUTH, STS, METADATA = "oauth2/token", "sts/v1/token", "computeMetadata/v1/"
LIFETIME_S = 3600
BY_KEY = "urn:ietf:params:oauth:grant-type:jwt-bearer"
BY_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
FLAVOR = {"Metadata-Flavor": "Google"}


def grant(cloud: Cloud, form: str) -> Raw:
    """Answer the token endpoint of OAuth: for a refresh token, or for what a service account has signed."""
    asked = _form(form)
    if asked.get("grant_type") == "refresh_token":
        member = cloud.callers.get(asked.get("refresh_token", ""))
        return _granted(cloud, member) if member else _not_granted("Token has been expired or revoked.")
    if asked.get("grant_type") != BY_KEY:
        return _not_granted("Unsupported grant type.", "unsupported_grant_type")
    claims = _signed(cloud, asked.get("assertion", ""))
    if claims is None:
        return _not_granted("Invalid JWT Signature.")
    if audience := claims.get("target_audience"):
        return _json(200, {"id_token": account_token(cloud, claims["iss"], audience)})
    return _granted(cloud, f"serviceAccount:{claims['iss']}")


def exchange(cloud: Cloud, form: str) -> Raw:
    """Answer the Security Token Service: for a token that another issuer has signed, one of the pool's."""
    asked = _form(form)
    member = cloud.callers.get(asked.get("subject_token", ""), "")
    pool, _, subject = member.removeprefix("principal:").partition("/subject/")
    if asked.get("grant_type") != BY_EXCHANGE or not subject or not asked.get("audience", "").startswith(f"{pool}/"):
        return _not_granted("The subject token isn't one that the pool's provider takes.")
    return _granted(cloud, member, issued_token_type="urn:ietf:params:oauth:token-type:access_token")


def metadata(cloud: Cloud, path: str, query: str, headers: Mapping[str, str]) -> Raw:
    """Answer the metadata server of the machine that `machine` says there is."""
    if headers.get("metadata-flavor") != "Google" or not cloud.machine:
        return Raw(b"Missing Metadata-Flavor:Google header.", "text/plain", 403)
    if not path:
        return _text("computeMetadata/")
    asked = _form(query)
    row = find(cloud, f"projects/-/serviceAccounts/{cloud.machine}")
    project = project_of(row["name"])
    account = "instance/service-accounts/default/"
    known = {
        "project/project-id": lambda: _text(project),
        "project/numeric-project-id": lambda: _text(project_number(project)),
        f"{account}email": lambda: _text(row["email"]),
        f"{account}token": lambda: _granted(cloud, f"serviceAccount:{row['email']}"),
        f"{account}identity": lambda: _text(account_token(cloud, row["email"], asked.get("audience", ""))),
        account: lambda: _json(200, {"email": row["email"], "aliases": ["default"], "scopes": []}),
    }
    return known[path]() if path in known else Raw(b"", "text/html", 404, FLAVOR)


def caller_of_signed(cloud: Cloud, token: str) -> str | None:
    """Return whose token this is that a service account signed by itself, or None: some clients ask for none."""
    claims = _signed(cloud, token) if token.count(".") == 2 else None
    return f"serviceAccount:{claims['iss']}" if claims else None


def account_token(cloud: Cloud, email: str, audience: str) -> str:
    """Return an identity token of a service account."""
    row = find(cloud, f"projects/-/serviceAccounts/{email}")
    number = row["uniqueId"]
    claims: Json = {"aud": audience, "azp": number, "sub": number, "email": row["email"], "email_verified": True}
    return sign_identity_token(claims, cloud.clock())


def _signed(cloud: Cloud, token: str) -> Json | None:
    """Return the claims of what a service account has signed with a key of its own, or None."""
    from google.auth import exceptions, jwt

    google_jwt: Any = jwt
    try:
        header: Json = google_jwt.decode_header(token)
        email = google_jwt.decode(token, verify=False)["iss"]
        certificate = certificate_of(cloud, email, str(header.get("kid")))
        return cast(Json, google_jwt.decode(token, certs=certificate)) if certificate else None
    except (ValueError, KeyError, Refusal, cast(type[Exception], exceptions.GoogleAuthError)):
        return None


def _granted(cloud: Cloud, member: str, **more: Any) -> Raw:
    token = f"ya29.{secrets.token_urlsafe(24)}"
    cloud.callers[token] = member
    return _json(200, {"access_token": token, "expires_in": LIFETIME_S, "token_type": "Bearer", **more})


def _not_granted(message: str, error: str = "invalid_grant") -> Raw:
    return _json(400, {"error": error, "error_description": message})


def _form(text: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(text).items()}


def _text(value: str) -> Raw:
    return Raw(value.encode(), "application/text", headers=FLAVOR)


def _json(status: int, document: Json) -> Raw:
    return Raw(json.dumps(document).encode(), "application/json", status, FLAVOR)
