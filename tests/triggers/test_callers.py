"""OIDC tokens: who is let in, and who is not, signed by a key of the test."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from deliveries import request, scheduler_headers
from pplns.triggers.callers import NotAllowed, NotAuthenticated, check_caller
from token_issuer import AUDIENCE, CALLER, Issuer, SigningKey, issuer

__all__ = ["issuer"]

Check = Callable[..., str]


@pytest.fixture
def check(issuer: Issuer) -> Check:
    """Check a request with a token in its Authorization header."""

    def call(token: str | None, *, allowed: tuple[str, ...] = (CALLER,), scheme: str = "Bearer", **more: Any) -> str:
        headers = scheduler_headers() if token is None else {"authorization": f"{scheme} {token}"}
        return check_caller(
            request(b"", headers), audience=AUDIENCE, allowed=allowed, certificates_url=issuer.url, **more
        )

    return call


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_a_token_says_who_calls(issuer: Issuer, check: Check, scheme: str) -> None:
    """The account's address comes back."""
    assert check(issuer.token(), scheme=scheme) == CALLER


def test_googles_other_spelling_of_itself_counts(issuer: Issuer, check: Check) -> None:
    """Older tokens name the issuer without https."""
    assert check(issuer.token(iss="accounts.google.com")) == CALLER


def test_without_a_list_every_account_may_call(issuer: Issuer, check: Check) -> None:
    """Its token has to be for this audience all the same."""
    assert check(issuer.token(email="anyone@example.org"), allowed=()) == "anyone@example.org"


def test_addresses_are_compared_without_case(issuer: Issuer, check: Check) -> None:
    """As Google does."""
    assert check(issuer.token(email=CALLER.upper())) == CALLER.upper()


def test_a_caller_who_is_not_on_the_list_is_refused(issuer: Issuer, check: Check) -> None:
    """The token is right, the account is another."""
    with pytest.raises(NotAllowed, match=r"'other@example\.org' may not call"):
        check(issuer.token(email="other@example.org"))


def test_forged_headers_without_a_token_are_refused(check: Check) -> None:
    """Anybody can write the headers of Scheduler."""
    with pytest.raises(NotAuthenticated, match="has no token"):
        check(None)


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"aud": "https://other.a.run.app"}, "wrong audience"),
        ({"aud": None}, "wrong audience"),
        ({"aud": [AUDIENCE]}, "wrong audience"),
        ({"at_s": -7200}, "expired"),
        ({"at_s": 600}, "too early"),
        ({"iat": None}, "iat"),
        ({"exp": None}, "exp"),
        ({"exp": "never"}, "not valid"),
        ({"iss": "https://evil.example"}, "issued by 'https://evil.example'"),
        ({"iss": None}, "issued by None"),
        ({"email_verified": False}, "no verified e-mail"),
        ({"email_verified": "true"}, "no verified e-mail"),
        ({"email_verified": None}, "no verified e-mail"),
        ({"email": None}, "no verified e-mail"),
        ({"email": [CALLER]}, "no verified e-mail"),
    ],
    ids=str,
)
def test_a_token_that_says_something_else_is_refused(
    issuer: Issuer, check: Check, claims: dict[str, Any], said: str
) -> None:
    """Signed by the right key, but for another service, another time, by another issuer, for nobody."""
    with pytest.raises(NotAuthenticated, match=said):
        check(issuer.token(**claims))


def test_a_clock_that_is_seconds_behind_refuses_nobody(issuer: Issuer, check: Check) -> None:
    """A token may be issued a few seconds from now."""
    assert check(issuer.token(at_s=5)) == CALLER


def test_a_token_of_another_key_is_refused(issuer: Issuer, check: Check) -> None:
    """Under its own id, which isn't among the certificates, or under the id of one that is."""
    forger = SigningKey("forged-key")
    claims = {"iss": "accounts.google.com", "aud": AUDIENCE, "email": CALLER, "email_verified": True}

    for token in (issuer.token(key=forger), forger.sign(claims, key_id="test-key")):
        with pytest.raises(NotAuthenticated):
            check(token)


@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES256", None, ["RS256"]])
def test_a_token_chooses_no_algorithm(issuer: Issuer, check: Check, algorithm: Any) -> None:
    """Only RS256, with which Google signs: no token without a signature, none signed with a public text."""
    _, claims, signature = issuer.token().split(".")
    header = encoded({"alg": algorithm, "kid": "test-key", "typ": "JWT"})

    with pytest.raises(NotAuthenticated, match="not valid"):
        check(f"{header}.{claims}.{signature}")


def test_a_token_without_a_key_id_is_refused(issuer: Issuer, check: Check) -> None:
    """Google's tokens name their key."""
    _, claims, signature = issuer.token().split(".")

    with pytest.raises(NotAuthenticated, match="not valid"):
        check(f"{encoded({'alg': 'RS256'})}.{claims}.{signature}")


def test_changed_claims_are_refused(issuer: Issuer, check: Check) -> None:
    """The signature is that of other claims."""
    header, _, signature = issuer.token(email="other@example.org").split(".")
    _, claims, _ = issuer.token().split(".")

    with pytest.raises(NotAuthenticated, match="not valid"):
        check(f"{header}.{claims}.{signature}")


@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", "é.é.é", "." * 50, "....", "a" * 20_000, "e30.e30.e30", "bnVsbA.bnVsbA.x", "=.=.="]
)
def test_what_is_no_token_is_refused(check: Check, token: str) -> None:
    """Whatever it is; no error but ours."""
    with pytest.raises(NotAuthenticated):
        check(token)


def test_another_scheme_is_no_token(issuer: Issuer, check: Check) -> None:
    """Basic authentication, say."""
    with pytest.raises(NotAuthenticated, match="has no token"):
        check(issuer.token(), scheme="Basic")


def unsigned(token: str) -> str:
    """Return a token as Cloud Run passes it on where it checks callers."""
    header, claims, _ = token.split(".")
    return f"{header}.{claims}.SIGNATURE_REMOVED_BY_GOOGLE"


def test_a_token_without_its_signature_is_refused(issuer: Issuer, check: Check) -> None:
    """Whoever calls could have written it himself, where Cloud Run lets everybody through."""
    with pytest.raises(NotAuthenticated, match="PPLNS_CLOUD_RUN_CHECKS"):
        check(unsigned(issuer.token()))


def test_a_token_that_cloud_run_has_checked_says_who_calls(issuer: Issuer, check: Check) -> None:
    """The signature is gone, and the rest is compared once more."""
    assert check(unsigned(issuer.token()), cloud_run_checks=True) == CALLER


@pytest.mark.parametrize(
    "claims", [{"aud": "https://other.example"}, {"exp": 1}, {"iat": 9e9}, {"iat": "x"}, {"iss": "https://x.example"}],
    ids=str,
)  # fmt: skip
def test_a_token_that_cloud_run_has_checked_may_be_wrong_for_the_service(
    issuer: Issuer, check: Check, claims: dict[str, Any]
) -> None:
    """Another audience, another time, another issuer."""
    with pytest.raises(NotAuthenticated):
        check(unsigned(issuer.token(**claims)), cloud_run_checks=True)


def test_a_caller_that_cloud_run_let_through_may_still_be_off_the_list(issuer: Issuer, check: Check) -> None:
    """Both lists have to hold the account."""
    with pytest.raises(NotAllowed):
        check(unsigned(issuer.token(email="other@example.org")), cloud_run_checks=True)


def test_no_part_of_a_token_is_in_a_message(check: Check) -> None:
    """Messages are logged."""
    for token in ("secretpart.secretpart.secretpart", "secretpart", f"{encoded(['x'])}.secretpart.secretpart"):
        with pytest.raises(NotAuthenticated) as refused:
            check(token)

        assert "secretpart" not in str(refused.value)
