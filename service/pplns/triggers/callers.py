"""Who calls: the OIDC token in the Authorization header, checked as Google asks.

Cloud Run checks callers itself, unless it lets everybody through; PPLNS_AUDIENCE makes the service check as well.
Where Cloud Run checks, it removes the token's signature: then PPLNS_CLOUD_RUN_CHECKS has to say so, since a forger
could write such a token himself, and only audience, times and account are compared here.
Source: Pub/Sub, "Authentication for push subscriptions"; Cloud Run, "Service-to-service authentication"."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

from pplns.errors import PplnsError
from pplns.model.names import shorten
from pplns.settings import GOOGLE_CERTIFICATES
from pplns.triggers.certificates import certificates_at
from pplns.triggers.requests import Request

ISSUERS = ("https://accounts.google.com", "accounts.google.com")
CLOCK_SKEW_SECONDS = 10
MAX_TOKEN = 16_384
MAX_REASON = 200
_REMOVED = "SIGNATURE_REMOVED_BY_GOOGLE"


class NotAuthenticated(PplnsError):
    """The request has no token that says who calls; nothing was read of it, nothing is recorded."""

    code = "not_authenticated"


class NotAllowed(PplnsError):
    """The caller is known, and may not call; nothing is recorded."""

    code = "not_allowed"


def check_caller(
    request: Request,
    *,
    audience: str,
    allowed: Sequence[str] = (),
    certificates_url: str = GOOGLE_CERTIFICATES,
    cloud_run_checks: bool = False,
) -> str:
    """Return the e-mail address of the account that calls, by its token for this audience.

    `allowed` are the accounts that may call; none: every account with a token for the audience. `cloud_run_checks`:
    a token whose signature Cloud Run has removed, after checking it, counts as signed.

    Raises: NotAuthenticated, NotAllowed, CannotVerify."""
    token = _token_of(request)
    if not token.endswith(f".{_REMOVED}"):
        claims = _verified(token, audience, certificates_url)
    elif cloud_run_checks:
        claims = _checked_by_cloud_run(token, audience)
    else:
        raise NotAuthenticated(
            "The token came without its signature.",
            "Cloud Run removes it where it checks callers, and PPLNS_CLOUD_RUN_CHECKS=1 says that it does.",
            "Set that where only accounts with roles/run.invoker may call; never where everybody may.",
        )
    email = _email_in(claims)
    if allowed and email.casefold() not in {one.casefold() for one in allowed}:
        raise NotAllowed(
            f"The account {email!r} may not call this service.",
            "The accounts that may are listed in PPLNS_ALLOWED_CALLERS.",
            "Add it there, or call with another account.",
        )
    return email


def _token_of(request: Request) -> str:
    scheme, _, token = (request.header("authorization") or "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise _refuse("The request has no token.")
    if len(token) > MAX_TOKEN:
        raise _refuse(f"The token has {len(token)} characters.")
    if not token.isascii():
        raise _refuse("The token has characters that are no ASCII.")
    return token


def _verified(token: str, audience: str, certificates_url: str) -> Mapping[str, Any]:
    """Return the claims of a token whose signature, times and audience are right."""
    from google.auth import jwt
    from google.auth.exceptions import GoogleAuthError

    library: Any = jwt
    try:
        key_id = _key_in(library.decode_header(token))
        certificates = certificates_at(certificates_url).holding(key_id)
        claims: Any = library.decode(
            token, certs=dict(certificates), audience=audience, clock_skew_in_seconds=CLOCK_SKEW_SECONDS
        )
    except (GoogleAuthError, ValueError, TypeError, RecursionError) as error:
        raise _refuse(f"The token is not valid: {_reason(error, token)}") from None
    return cast("Mapping[str, Any]", claims)


def _checked_by_cloud_run(token: str, audience: str) -> Mapping[str, Any]:
    """Return the claims of a token whose signature Cloud Run checked; audience and times are checked once more."""
    from google.auth import jwt
    from google.auth.exceptions import GoogleAuthError

    library: Any = jwt
    try:
        claims: Any = library.decode(f"{token.removesuffix(_REMOVED)}AAAA", verify=False)
        known = cast("dict[str, Any]", claims) if isinstance(claims, dict) else {}
        now, begins, ends = time.time(), float(known["iat"]), float(known["exp"])
    except (GoogleAuthError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise _refuse(f"The token is not valid: {_reason(error, token)}") from None
    if known.get("aud") != audience:
        raise _refuse("The token is for another audience.")
    if not begins - CLOCK_SKEW_SECONDS <= now <= ends + CLOCK_SKEW_SECONDS:
        raise _refuse("The token is not valid now.")
    return known


def _key_in(header: Any) -> str:
    """Return the key that a token says it is signed with: one of Google's, and never another algorithm's."""
    found = cast("dict[str, Any]", header) if isinstance(header, dict) else {}
    key_id = found.get("kid")
    if found.get("alg") != "RS256" or not isinstance(key_id, str):
        raise ValueError("it isn't signed with RS256 and a key of Google")
    return key_id


def _email_in(claims: Mapping[str, Any]) -> str:
    issuer, email = claims.get("iss"), claims.get("email")
    if issuer not in ISSUERS:
        raise _refuse(f"The token was issued by {shorten(issuer)}.")
    if not isinstance(email, str) or not email or claims.get("email_verified") is not True:
        raise _refuse(f"The token says no verified e-mail address, but {shorten(email)}.")
    return email


def _reason(error: Exception, token: str) -> str:
    """Return the first sentence of an error, from which no part of the token can be read."""
    text = " ".join(str(error).split()).partition(". ")[0].rstrip(".")
    shows_token = any(part in text for part in token.split(".") if part)
    return f"{type(error).__name__}." if shows_token or not text else f"{text[:MAX_REASON]}."


def _refuse(met: str) -> NotAuthenticated:
    return NotAuthenticated(
        met,
        "A request brings `Authorization: Bearer TOKEN`, an OIDC token of a Google account made for this service"
        " (PPLNS_AUDIENCE).",
        "Scheduler and Pub/Sub send it where their OIDC audience is that; a person:"
        " gcloud auth print-identity-token --audiences=AUDIENCE --impersonate-service-account=ACCOUNT",
    )
